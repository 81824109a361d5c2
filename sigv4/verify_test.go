package sigv4_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
)

const (
	region  = "eu-central-1"
	service = "lambda"
	host    = "abc.lambda-url.eu-central-1.on.aws"
	origin  = "https://" + host
)

// clock is the moment of all tests in this file.
var clock = time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)

func now() time.Time { return clock }

var (
	alice = sigv4.Credentials{AccessKeyID: "AKIAALICE0000000EXAM", Secret: sigv4.NewSecret("alice/secret+key")}
	bob   = sigv4.Credentials{AccessKeyID: "ASIABOB000000000EXAM", Secret: sigv4.NewSecret("bob/secret+key"), SessionToken: "IQoJb3JpZ2lu/bob+token=="}
	carol = sigv4.Credentials{AccessKeyID: "ASIACAROL0000000EXAM", Secret: sigv4.NewSecret("carol/secret+key"), SessionToken: "IQoJb3JpZ2lu/carol+token=="}
	dave  = sigv4.Credentials{AccessKeyID: "AKIADAVE00000000EXAM", Secret: sigv4.NewSecret("dave's is not known")}
)

// lookup knows alice for ever, bob for another hour, and carol until a minute ago.
func lookup(_ context.Context, id string) (sigv4.Key, error) {
	switch id {
	case alice.AccessKeyID:
		return sigv4.Key{Credentials: alice}, nil
	case bob.AccessKeyID:
		return sigv4.Key{Credentials: bob, Expires: clock.Add(time.Hour)}, nil
	case carol.AccessKeyID:
		return sigv4.Key{Credentials: carol, Expires: clock.Add(-time.Minute)}, nil
	}
	return sigv4.Key{}, sigv4.ErrUnknownKey
}

func newVerifier() *sigv4.Verifier {
	return &sigv4.Verifier{Region: region, Service: service, Lookup: lookup, Now: now}
}

func newSigner() *sigv4.Signer {
	return &sigv4.Signer{Region: region, Service: service, Now: now}
}

// newRequest is a request as a client makes it, whose body can be read.
func newRequest(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSignVerify(t *testing.T) {
	for _, target := range []string{
		"/", "", "/a/b", "/a%20b", "/a%2Fb", "/_search/%3Fa=b%20c", "/(x)", "/a:b@c$d", "/%c3%a9", "/a//b", "/a/../b",
		"/a/..", "/?", "/?a", "/?a=1&b=2", "/?b=2&a=1&a=0", "/?t=12:30", "/?q=a%2Bb%20c", "/?q=a+b", "/?%E1=1&P=2", "/?a=1;b=2",
		"/?X-Amz-Expires2=1", "/?=x", "/?a=1&&b=2",
	} {
		for _, body := range []string{"", "hello\n"} {
			for _, who := range []sigv4.Credentials{alice, bob} {
				r := newRequest(t, "POST", origin+target, body)
				r.Header.Set("Content-Type", "text/plain")
				before := r.URL.RequestURI()
				signed, err := newSigner().Sign(r, who, sigv4.PayloadBytes([]byte(body)))
				if err != nil {
					t.Fatalf("%q: %v", target, err)
				}
				if after := r.URL.RequestURI(); after != before {
					t.Errorf("target changed from %q to %q", before, after)
				}
				got, err := newVerifier().Verify(r)
				if err != nil {
					t.Fatalf("%q %q: %v\nsigned %s", target, body, err, signed.CanonicalRequest)
				}
				if got.AccessKeyID != who.AccessKeyID || got.Form != sigv4.Header || string(got.Body) != body ||
					!got.Time.Equal(clock) || !got.Expires.Equal(clock.Add(5*time.Minute)) {
					t.Errorf("%q: verified %+v", target, got)
				}
				if want := strings.Split(signed.SignedHeaders, ";"); !cmp.Equal(want, got.SignedHeaders) {
					t.Errorf("signed headers %q, want %q", got.SignedHeaders, want)
				}
			}
		}
	}
}

func TestPresignVerify(t *testing.T) {
	for _, who := range []sigv4.Credentials{alice, bob} {
		for _, target := range []string{"/", "", "/a b?x=1&y=a%2Bb", "/?", "/?a=1&"} {
			r := newRequest(t, "POST", origin+target, "body")
			signed, err := newSigner().Presign(r, who, 2*time.Hour, sigv4.PayloadBytes([]byte("body")))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(signed.URL, origin+r.URL.RequestURI()) {
				t.Errorf("URL %q does not begin with the one typed", signed.URL)
			}
			got, err := newVerifier().Verify(newRequest(t, "POST", signed.URL, "body"))
			if err != nil {
				t.Fatalf("%v\n%s", err, signed.CanonicalRequest)
			}
			want := clock.Add(2 * time.Hour)
			if who.SessionToken != "" {
				want = clock.Add(time.Hour) // the session ends before the URL does
			}
			if got.Form != sigv4.Query || !got.Expires.Equal(want) {
				t.Errorf("verified %+v", got)
			}
		}
	}
}

// TestRefusals: one change to a good request each, with the kind and the text a client sees.
func TestRefusals(t *testing.T) {
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	tests := []struct {
		name string
		who  sigv4.Credentials
		edit func(r *http.Request)
		kind sigv4.Kind
		msg  string
	}{
		{"unknown key", dave, nil, sigv4.UnknownKey, "The security token included in the request is invalid."},
		{"expired session", carol, nil, sigv4.ExpiredToken, "The security token included in the request is expired"},
		{"no token", bob, func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, sigv4.InvalidToken, "The security token included in the request is invalid."},
		{"unsigned", alice, func(r *http.Request) { r.Header.Del("Authorization") }, sigv4.MissingAuthentication, "Missing Authentication Token"},
		{"method", alice, func(r *http.Request) { r.Method = "PUT" }, sigv4.InvalidSignature, mismatch},
		{"host", alice, func(r *http.Request) { r.Host = "other.example" }, sigv4.InvalidSignature, mismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRequest(t, "POST", origin+"/a?b=c", "body")
			if _, err := newSigner().Sign(r, tt.who, sigv4.PayloadBytes([]byte("body"))); err != nil {
				t.Fatal(err)
			}
			if tt.edit != nil {
				tt.edit(r)
			}
			_, err := newVerifier().Verify(r)
			e := wantKind(t, err, tt.kind)
			if e.Message != tt.msg {
				t.Errorf("message %q, want %q", e.Message, tt.msg)
			}
		})
	}
}

func TestLookupFailure(t *testing.T) {
	cause := errors.New("database is gone")
	v := newVerifier()
	v.Lookup = func(context.Context, string) (sigv4.Key, error) { return sigv4.Key{}, cause }
	r := newRequest(t, "GET", origin, "")
	if _, err := newSigner().Sign(r, alice, sigv4.EmptyPayload()); err != nil {
		t.Fatal(err)
	}
	_, err := v.Verify(r)
	wantKind(t, err, sigv4.Internal)
	if !errors.Is(err, cause) {
		t.Errorf("%v does not wrap its cause", err)
	}
}
