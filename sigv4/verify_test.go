package sigv4_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	bob   = sigv4.Credentials{AccessKeyID: "ASIABOB000000000EXAM", Secret: sigv4.NewSecret("bob/secret+key"),
		SessionToken: "IQoJb3JpZ2lu/bob+token=="}
	carol = sigv4.Credentials{AccessKeyID: "ASIACAROL0000000EXAM", Secret: sigv4.NewSecret("carol/secret+key"),
		SessionToken: "IQoJb3JpZ2lu/carol+token=="}
	dave = sigv4.Credentials{AccessKeyID: "AKIADAVE00000000EXAM", Secret: sigv4.NewSecret("dave's is not known")}
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
	return &sigv4.Signer{Region: region, Service: service, Now: now, KeepTexts: true}
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
		"/a/..", "/?", "/?a", "/?a=1&b=2", "/?b=2&a=1&a=0", "/?t=12:30", "/?q=a%2Bb%20c", "/?q=a+b", "/?%E1=1&P=2",
		"/?a=1;b=2",
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

// TestVerifierSetup: a Verifier that is not set up refuses everything.
func TestVerifierSetup(t *testing.T) {
	for name, change := range map[string]func(*sigv4.Verifier){
		"no region":     func(v *sigv4.Verifier) { v.Region = "" },
		"no service":    func(v *sigv4.Verifier) { v.Service = "" },
		"no lookup":     func(v *sigv4.Verifier) { v.Lookup = nil },
		"negative skew": func(v *sigv4.Verifier) { v.MaxSkew = -1 },
		"no life":       func(v *sigv4.Verifier) { v.IgnoreExpires = true },
		"negative life": func(v *sigv4.Verifier) { v.PresignLife = -1 },
		"negative body": func(v *sigv4.Verifier) { v.MaxBody = -1 },
	} {
		v := newVerifier()
		change(v)
		r := newRequest(t, "GET", origin, "")
		if _, err := newSigner().Sign(r, alice, sigv4.EmptyPayload()); err != nil {
			t.Fatal(err)
		}
		_, err := v.Verify(r)
		if e := wantKind(t, err, sigv4.Internal); e.Message != "" {
			t.Errorf("%s: the client is told %q", name, e.Message)
		}
	}
}

// TestDates: the Date header counts when there is no X-Amz-Date, in the formats clients write.
func TestDates(t *testing.T) {
	for _, tt := range []struct {
		date string
		kind sigv4.Kind // 0: accepted
	}{
		{"Mon, 23 Nov 2026 15:04:05 GMT", 0},
		{"Mon, 23 Nov 2026 15:04:05 -0000", 0},
		{"Mon, 23 Nov 2026 16:04:05 +0100", 0},
		{"Monday, 23-Nov-26 15:04:05 GMT", 0},
		{"20261123T150405Z", 0},
		{"2026-11-23T15:04:05Z", sigv4.IncompleteSignature},
		{"", sigv4.IncompleteSignature},
		{"Mon, 23 Nov 2026 14:04:05 GMT", sigv4.SignatureExpired},
	} {
		q := raw{lines: []string{"Date: " + tt.date}, sign: []string{"date"}}
		text := q.header()
		// Signed without an X-Amz-Date header, with the same time in the string to sign.
		f := q.fill()
		sig, names := f.signature("/", map[string]string{"host": f.host, "date": tt.date})
		i, j := strings.Index(text, "X-Amz-Date: "), strings.Index(text, "Authorization: ")
		text = text[:i] + "Authorization: AWS4-HMAC-SHA256 Credential=" + alice.AccessKeyID + "/" + f.scope +
			",SignedHeaders=" + names + ",Signature=" + sig + text[j+strings.Index(text[j:], "\r\n"):]
		got, err := newVerifier().Verify(read(t, text))
		if tt.kind != 0 {
			wantKind(t, err, tt.kind)
		} else if err != nil || !got.Time.Equal(clock) {
			t.Errorf("%q: %+v, %v", tt.date, got.Time, err)
		}
	}
	for _, bad := range []string{
		"20261123T150405", "20261123T150405z", "20261123 150405Z", "20261123T150405+", "2026-112T150405Z", "20261301T150405Z",
		"20261100T150405Z",
		"20260631T150405Z", "20261123T240405Z", "20261123T156005Z", "20261123T150460Z", "2026112\u0663T15040Z",
		"+0261123T150405Z", "20261123T150405.Z",
		"20261123T150405Z ", "", "00000000T000000Z",
	} {
		r := newRequest(t, "GET", origin, "")
		if _, err := newSigner().Sign(r, alice, sigv4.EmptyPayload()); err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Date", bad)
		_, err := newVerifier().Verify(r)
		wantKind(t, err, sigv4.IncompleteSignature)
	}
}

func TestParseScope(t *testing.T) {
	want := sigv4.Scope{AccessKeyID: alice.AccessKeyID, Date: "20261123", Region: region, Service: service}
	get := func(target string, auth ...string) *http.Request {
		r := read(t, "GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if auth != nil {
			r.Header["Authorization"] = auth
		}
		return r
	}
	credential := alice.AccessKeyID + "/" + scopeOf(clock)
	for _, tt := range []struct {
		name string
		r    *http.Request
		ok   bool
	}{
		{"header form", read(t, raw{}.header()), true},
		{"query form", read(t, raw{target: "/?a=b&c"}.presigned()), true},
		{"absolute target", get("http://x/?X-Amz-Credential=" + credential), true},
		{"none", get("/"), false},
		{"bearer", get("/?X-Amz-Credential="+credential, "Bearer x"), false},
		{"no credential", get("/", "AWS4-HMAC-SHA256 Signature=x"), false},
		{"four parts", get("/", "AWS4-HMAC-SHA256 Credential=a/b/c/aws4_request"), false},
		{"six parts", get("/", "AWS4-HMAC-SHA256 Credential=x/"+credential), false},
		{"terminator", get("/", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e"), false},
		{"bad escape", get("/?X-Amz-Credential=a%2"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := sigv4.ParseScope(tt.r)
			if ok != tt.ok || ok && got != want || !ok && got != (sigv4.Scope{}) {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}

func TestVerifiedSigned(t *testing.T) {
	got, err := newVerifier().Verify(read(t, raw{lines: []string{"X-Amz-Cf-Id: x", "My-Header: y"},
		sign: []string{"my-header"}}.header()))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"host": true, "my-header": true, "x-amz-date": true, "x-amz-cf-id": false,
		"My-Header": false, "": false} {
		if got.Signed(name) != want {
			t.Errorf("%q signed: %v", name, !want)
		}
	}
}

// TestBodies: of every length and with every hint of it, once through Verify and once again.
func TestBodies(t *testing.T) {
	for _, size := range []int{0, 1, 100, 4095, 4096, 65535, 65536, 65537, 300_000, 6 << 20} {
		body := strings.Repeat("x", size)
		for _, length := range []int64{int64(size), 0, -1} {
			r := newRequest(t, "POST", origin, body)
			if _, err := newSigner().Sign(r, alice, sigv4.PayloadBytes([]byte(body))); err != nil {
				t.Fatal(err)
			}
			r.ContentLength = length
			got, err := newVerifier().Verify(r)
			if err != nil || string(got.Body) != body {
				t.Fatalf("%d bytes, Content-Length %d: %d bytes, %v", size, length, len(got.Body), err)
			}
			if again, err := newVerifier().Verify(r); err != nil || len(again.Body) != size {
				t.Fatalf("%d bytes, Content-Length %d, again: %v", size, length, err)
			}
			if err := r.Body.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	r := newRequest(t, "POST", origin, "")
	r.Body = nil
	if _, err := newSigner().Sign(r, alice, sigv4.EmptyPayload()); err != nil {
		t.Fatal(err)
	}
	if got, err := newVerifier().Verify(r); err != nil || got.Body == nil {
		t.Errorf("no body: %v, %v", got.Body, err)
	}
	big := newRequest(t, "POST", origin, strings.Repeat("x", 6<<20+1))
	_, err := newVerifier().Verify(signed(t, big, strings.Repeat("x", 6<<20+1)))
	wantKind(t, err, sigv4.BodyTooLarge)
}

func signed(t *testing.T, r *http.Request, body string) *http.Request {
	t.Helper()
	if _, err := newSigner().Sign(r, alice, sigv4.PayloadBytes([]byte(body))); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestErrorText: what stands in a log.
func TestErrorText(t *testing.T) {
	cause := errors.New("cause")
	for _, tt := range []struct {
		e    *sigv4.Error
		want string
	}{
		{&sigv4.Error{Kind: sigv4.InvalidSignature}, "sigv4: invalid signature"},
		{&sigv4.Error{Kind: sigv4.InvalidSignature, Message: "told"}, "sigv4: invalid signature: told"},
		{&sigv4.Error{Kind: sigv4.InvalidSignature, Message: "told", Detail: "seen", CanonicalRequest: "token"},
			"sigv4: invalid signature: seen"},
		{&sigv4.Error{Kind: sigv4.Internal, Detail: "look up", Err: cause}, "sigv4: internal error: look up: cause"},
		{&sigv4.Error{}, "sigv4: Kind(0)"},
		{&sigv4.Error{Kind: 200}, "sigv4: Kind(200)"},
	} {
		if got := tt.e.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	for _, tt := range []struct{ got, want string }{
		{sigv4.UnknownKey.Error(), "unknown key"},
		{sigv4.Header.String(), "header"}, {sigv4.Query.String(), "query"}, {sigv4.Form(0).String(), "Form(0)"},
		{sigv4.WarningKind(0).String(), "WarningKind(0)"}, {sigv4.WarningKind(99).String(), "WarningKind(99)"},
		{sigv4.Warning{Kind: sigv4.WarnUnsignedToken}.String(), "the session token is not signed"},
		{sigv4.Warning{Kind: sigv4.WarnUnsignedHeader, Header: "x-amz-a"}.String(),
			"an x-amz- header is not signed: x-amz-a"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

// TestErrorAnswers: what the Lambda API was seen to answer for each kind (docs/compatibility.md), and that a refusal is
// an error of its kind and of no other.
func TestErrorAnswers(t *testing.T) {
	for kind, want := range map[sigv4.Kind]string{
		sigv4.MissingAuthentication:  "403 MissingAuthenticationTokenException",
		sigv4.MalformedRequest:       "400 BadRequestException",
		sigv4.IncompleteSignature:    "403 IncompleteSignatureException",
		sigv4.InvalidSignature:       "403 InvalidSignatureException",
		sigv4.SignatureExpired:       "403 InvalidSignatureException",
		sigv4.SignatureNotYetCurrent: "403 InvalidSignatureException",
		sigv4.InvalidScope:           "403 InvalidSignatureException",
		sigv4.UnknownKey:             "403 UnrecognizedClientException",
		sigv4.InvalidToken:           "403 UnrecognizedClientException",
		sigv4.ExpiredToken:           "403 ExpiredTokenException",
		sigv4.BodyTooLarge:           "413 RequestEntityTooLargeException",
		sigv4.BodyRead:               "400 BadRequestException",
		sigv4.Internal:               "500 ServiceException",
		sigv4.Kind(200):              "500 ServiceException",
	} {
		refusal := &sigv4.Error{Kind: kind, Err: io.ErrUnexpectedEOF}
		if got := fmt.Sprintf("%d %s", refusal.Status(), refusal.ErrorType()); got != want {
			t.Errorf("%s: answered with %s, want %s", kind, got, want)
		}
		err := fmt.Errorf("authenticate: %w", refusal)
		for other := sigv4.MissingAuthentication; other <= sigv4.Internal; other++ {
			if got := errors.Is(err, other); got != (other == kind) {
				t.Errorf("%s is %s: %v", kind, other, got)
			}
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s hides its cause", kind)
		}
	}
}

// TestWindowOfOtherServices: STS and IAM allow 15 minutes, and say so.
func TestWindowOfOtherServices(t *testing.T) {
	v := newVerifier()
	v.MaxSkew = 15 * time.Minute
	if _, err := v.Verify(read(t, raw{at: clock.Add(-15 * time.Minute)}.header())); err != nil {
		t.Error(err)
	}
	_, err := v.Verify(read(t, raw{at: clock.Add(-15*time.Minute - time.Second)}.header()))
	e := wantKind(t, err, sigv4.SignatureExpired)
	if want := "Signature expired: 20261123T144904Z is now earlier than 20261123T144905Z (20261123T150405Z - 15 min.)"; e.Message != want {
		t.Errorf("message %q, want %q", e.Message, want)
	}
}

// TestPresignLife: a service may bound the life of presigned requests, or have one of its own for all of them.
func TestPresignLife(t *testing.T) {
	for _, test := range []struct {
		says, life time.Duration
		ignore     bool
	}{
		{says: time.Minute, life: time.Minute},
		{says: time.Hour, life: 15 * time.Minute},
		{says: time.Minute, life: 15 * time.Minute, ignore: true},
		{says: time.Hour, life: 15 * time.Minute, ignore: true},
	} {
		v := newVerifier()
		v.PresignLife, v.IgnoreExpires = 15*time.Minute, test.ignore
		signed, err := newSigner().Presign(newRequest(t, "GET", origin+"/", ""), alice, test.says, sigv4.EmptyPayload())
		if err != nil {
			t.Fatal(err)
		}
		v.Now = func() time.Time { return clock.Add(test.life) }
		got, err := v.Verify(newRequest(t, "GET", signed.URL, ""))
		if err != nil || !got.Expires.Equal(clock.Truncate(time.Second).Add(test.life)) {
			t.Errorf("%+v: expires %s, %v", test, got.Expires, err)
		}
		v.Now = func() time.Time { return clock.Add(test.life + time.Second) }
		_, err = v.Verify(newRequest(t, "GET", signed.URL, ""))
		wantKind(t, err, sigv4.SignatureExpired)
	}
}

// TestPresignLifeOfNothing: a request that lives for 0 seconds is not revived.
func TestPresignLifeOfNothing(t *testing.T) {
	v := newVerifier()
	v.PresignLife, v.IgnoreExpires = 15*time.Minute, true
	signed, err := newSigner().Presign(newRequest(t, "GET", origin+"/", ""), alice, time.Minute, sigv4.EmptyPayload())
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(newRequest(t, "GET", strings.Replace(signed.URL, "X-Amz-Expires=60", "X-Amz-Expires=0", 1), ""))
	wantKind(t, err, sigv4.SignatureExpired)
}

// TestHTTP10 has no Host header, and therefore nothing that could be signed for it.
func TestHTTP10(t *testing.T) {
	text := strings.Replace(raw{proto: "HTTP/1.0", values: map[string]string{"host": ""}}.header(), "Host: "+host+"\r\n",
		"", 1)
	_, err := newVerifier().Verify(read(t, text))
	wantKind(t, err, sigv4.InvalidSignature)
}

// TestContentLengthOfClientRequest: a request straight from a client has its length in the field only.
func TestContentLengthOfClientRequest(t *testing.T) {
	text := raw{method: "POST", body: "hello", values: map[string]string{"content-length": "5"}}.header()
	r := read(t, text)
	r.Header.Del("Content-Length")
	if _, err := newVerifier().Verify(r); err != nil {
		t.Error(err)
	}
}
