package sigv4_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
)

// knownAnswer is a signature computed by somebody else.
type knownAnswer struct {
	Name      string            `json:"name"`
	Source    string            `json:"source"`
	Region    string            `json:"region"`
	Service   string            `json:"service"`
	Time      time.Time         `json:"time"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Header    map[string]string `json:"header"`
	Body      string            `json:"body"`
	Token     string            `json:"token"`
	Path      string            `json:"path"` // canonical
	Signature string            `json:"signature"`
}

func TestKnownAnswers(t *testing.T) {
	text, err := os.ReadFile("testdata/known-answers.json")
	if err != nil {
		t.Fatal(err)
	}
	var answers []knownAnswer
	if err := json.Unmarshal(text, &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) < 5 {
		t.Fatalf("%d answers", len(answers))
	}
	for _, a := range answers {
		t.Run(a.Name, func(t *testing.T) {
			r := newRequest(t, a.Method, a.URL, a.Body)
			for k, v := range a.Header {
				r.Header.Set(k, v)
			}
			s := &sigv4.Signer{Region: a.Region, Service: a.Service, Now: func() time.Time { return a.Time }, KeepTexts: true}
			c := sigv4.Credentials{AccessKeyID: suiteKey, Secret: sigv4.NewSecret(suiteSecret), SessionToken: a.Token}
			got, err := s.Sign(r, c, sigv4.PayloadBytes([]byte(a.Body)))
			if err != nil {
				t.Fatal(err)
			}
			if path := strings.Split(got.CanonicalRequest, "\n")[1]; path != a.Path {
				t.Errorf("canonical path %q, want %q", path, a.Path)
			}
			if got.Signature != a.Signature {
				t.Errorf("signature %s, want %s\n%s", got.Signature, a.Signature, got.CanonicalRequest)
			}
		})
	}
}

func TestSignHeaders(t *testing.T) {
	r := newRequest(t, "POST", "https://user:pw@example.org/a%2fb?x#part", "body")
	r.Header = http.Header{
		"Content-Type": {"text/plain"}, "User-Agent": {"x"}, "Connection": {"close"}, "Expect": {"100-continue"},
		"Te":              {"trailers"},
		"X-Amzn-Trace-Id": {"x"}, "Proxy-Authorization": {"x"}, "Sec-Fetch-Mode": {"x"}, "Upgrade": {"x"},
		"Keep-Alive":        {"x"},
		"Transfer-Encoding": {"chunked"}, "Trailer": {"x"}, "Host": {"ignored.example"}, "Empty": nil, "Skip-Me": {"x"},
		"x-lower": {"y"}, "Range": {"bytes=0-1"},
	}
	s := newSigner()
	s.ContentSHA256 = true
	s.Unsigned = func(name string) bool { return name == "skip-me" }
	before := r.URL.String()
	got, err := s.Sign(r, bob, sigv4.PayloadBytes([]byte("body")))
	if err != nil {
		t.Fatal(err)
	}
	const want = "content-type;host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-lower"
	if got.SignedHeaders != want {
		t.Errorf("signed %s, want %s", got.SignedHeaders, want)
	}
	if r.URL.String() != before || r.Host != "example.org" {
		t.Errorf("Sign changed the target to %s, host %s", r.URL, r.Host)
	}
	if !got.Time.Equal(clock) || got.URL != "" || got.Header != nil {
		t.Errorf("got %+v", got)
	}
	for name, value := range map[string]string{
		"X-Amz-Date": "20261123T150405Z", "X-Amz-Security-Token": bob.SessionToken, "X-Amz-Content-Sha256": hashOf("body"),
		"Authorization": "AWS4-HMAC-SHA256 Credential=" + bob.AccessKeyID +
			"/20261123/eu-central-1/lambda/aws4_request, SignedHeaders=" + want + ", Signature=" + got.Signature,
	} {
		if diff := cmp.Diff([]string{value}, r.Header[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestSignLengthOfNothing: net/http leaves a Content-Length of 0 out, for some methods, so that it must not be signed.
func TestSignLengthOfNothing(t *testing.T) {
	for _, method := range []string{"GET", "DELETE", "POST"} {
		r := newRequest(t, method, origin, "")
		r.Header.Set("Content-Length", "0")
		if _, err := newSigner().Sign(r, alice, sigv4.EmptyPayload()); err != nil {
			t.Fatal(err)
		}
		if _, err := newVerifier().Verify(overTheWire(t, r, nil)); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// TestSignAgain: a request can be signed again, with other credentials, at another time.
func TestSignAgain(t *testing.T) {
	s := newSigner()
	r := newRequest(t, "GET", origin, "")
	r.Header["x-amz-date"] = []string{"stale"}
	r.Header["AUTHORIZATION"] = []string{"stale"}
	s.ContentSHA256 = true
	r.Header["x-amz-content-sha256"] = []string{"stale"}
	if _, err := s.Sign(r, bob, sigv4.EmptyPayload()); err != nil {
		t.Fatal(err)
	}
	s.Now = func() time.Time { return clock.Add(time.Minute) }
	s.ClockOffset = time.Minute
	if _, err := s.Sign(r, alice, sigv4.EmptyPayload()); err != nil {
		t.Fatal(err)
	}
	want := []string{"Authorization", "X-Amz-Content-Sha256", "X-Amz-Date"}
	if got := slices.Sorted(maps.Keys(r.Header)); !cmp.Equal(want, got) {
		t.Errorf("headers %q, want %q", got, want)
	}
	got, err := newVerifier().Verify(r)
	if err != nil || got.AccessKeyID != alice.AccessKeyID || !got.Time.Equal(clock.Add(2*time.Minute)) {
		t.Errorf("%+v, %v", got, err)
	}
	// The payload's hash is kept when it is right.
	s.ContentSHA256 = false
	if _, err := s.Sign(r, alice, sigv4.EmptyPayload()); err != nil {
		t.Error(err)
	}
}

// TestSignErrors: what no server would accept is refused, with a reason, and the request is left alone.
func TestSignErrors(t *testing.T) {
	noKey := sigv4.Credentials{AccessKeyID: "x"}
	noID := sigv4.Credentials{Secret: sigv4.NewSecret("x")}
	opaque := func(s string) func(*http.Request, *sigv4.Signer) {
		return func(r *http.Request, _ *sigv4.Signer) { r.URL.Opaque = s }
	}
	type edit = func(*http.Request, *sigv4.Signer)
	for _, tt := range []struct {
		name string
		who  sigv4.Credentials
		edit edit
		want string
	}{
		{"no secret", noKey, func(*http.Request, *sigv4.Signer) {}, "need an access key id and a secret"},
		{"no id", noID, func(*http.Request, *sigv4.Signer) {}, "need an access key id and a secret"},
		{"no region", alice, func(_ *http.Request, s *sigv4.Signer) { s.Region = "" }, "needs Region and Service"},
		{"no service", alice, func(_ *http.Request, s *sigv4.Signer) { s.Service = "" }, "needs Region and Service"},
		{"slash in the region", alice, func(_ *http.Request, s *sigv4.Signer) { s.Region = "a/b" },
			`"a/b" cannot stand in a credential scope`},
		{"space in the id", sigv4.Credentials{AccessKeyID: "a b", Secret: alice.Secret},
			func(*http.Request, *sigv4.Signer) {}, `"a b" cannot stand`},
		{"no URL", alice, func(r *http.Request, _ *sigv4.Signer) { r.URL = nil }, "no URL"},
		{"method", alice, func(r *http.Request, _ *sigv4.Signer) { r.Method = "G ET" }, `"G ET" is not an HTTP method`},
		{"CONNECT", alice, func(r *http.Request, _ *sigv4.Signer) { r.Method = "CONNECT" }, "no path to sign"},
		{"asterisk", alice, func(r *http.Request, _ *sigv4.Signer) { r.URL = &url.URL{Path: "*"} }, "no path to sign"},
		{"no host", alice, func(r *http.Request, _ *sigv4.Signer) { r.Host = ""; r.URL.Host = "" }, "no host"},
		{"host not in ASCII", alice, func(r *http.Request, _ *sigv4.Signer) { r.Host = "bücher.example" },
			"write it in ASCII"},
		{"space in the target", alice, opaque("/a b"), "space or control character"},
		{"control character in the query", alice, func(r *http.Request, _ *sigv4.Signer) { r.URL.RawQuery = "a=\x7f" },
			"space or control character"},
		{"bad escape in the path", alice, opaque("/%zz"), "Illegal hex character in escape % pattern: %zz"},
		{"cut escape in the path", alice, opaque("/%a"), "Incomplete trailing escape % sequence"},
		{"bad escape in the query", alice, func(r *http.Request, _ *sigv4.Signer) { r.URL.RawQuery = "a=%x" },
			"Incomplete trailing escape % sequence"},
		{"above the root", alice, func(r *http.Request, _ *sigv4.Signer) { r.URL.Path = "/a/../../b" },
			"climbs above the root"},
		{"presigned already", alice, func(r *http.Request, _ *sigv4.Signer) { r.URL.RawQuery = "X-Amz-Date=1" },
			"presigned already"},
		{"too many parameters", alice, func(r *http.Request, _ *sigv4.Signer) { r.URL.RawQuery = strings.Repeat("a&", 5000) },
			"Too many query parameters"},
		{"hash of another body", alice, func(r *http.Request,
			_ *sigv4.Signer) {
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		}, "is not the SHA-256 of the payload"},
		{"content length", alice, func(r *http.Request, _ *sigv4.Signer) { r.Header.Set("Content-Length", "5") },
			"but the request will send 4"},
		{"length of the payload", alice, func(r *http.Request, _ *sigv4.Signer) { r.ContentLength = 9 },
			"payload has 4 bytes, but the request will send 9"},
		{"header name", alice, func(r *http.Request, _ *sigv4.Signer) { r.Header["a;b"] = []string{"x"} },
			`"a;b" is not a header name`},
		{"two spellings", alice, func(r *http.Request, _ *sigv4.Signer) {
			r.Header["x-a"] = []string{"x"}
			r.Header["X-A"] = []string{"x"}
		}, "header x-a is there in two spellings"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, s := newRequest(t, "POST", origin+"/a", "body"), newSigner()
			tt.edit(r, s)
			before := r.Header.Clone()
			if _, err := s.Sign(r, tt.who, sigv4.PayloadBytes([]byte("body"))); err == nil || !strings.Contains(err.Error(),
				tt.want) {
				t.Errorf("Sign: error %v, want %q", err, tt.want)
			}
			if _, err := s.Presign(r, tt.who, time.Minute,
				sigv4.PayloadBytes([]byte("body"))); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Presign: error %v, want %q", err, tt.want)
			}
			if diff := cmp.Diff(before, r.Header); diff != "" {
				t.Errorf("headers changed in spite of the error (-before +after):\n%s", diff)
			}
		})
	}
}

func TestSignTargets(t *testing.T) {
	for _, tt := range []struct {
		name string
		url  *url.URL
		host string
		want string // method of canonical request, path, query, host
	}{
		{"no path", &url.URL{Host: "h"}, "", "/||h"},
		{"raw path", &url.URL{Host: "h", Path: "/a/b", RawPath: "/a%2Fb"}, "", "/a%252Fb||h"},
		{"opaque path", &url.URL{Scheme: "http", Host: "h", Opaque: "/%C3%A9"}, "", "/%25C3%25A9||h"},
		{"opaque authority", &url.URL{Scheme: "http", Host: "h", Opaque: "//proxy.example/x%20y?a"}, "", "/x%2520y|a=|h"},
		{"opaque authority without path", &url.URL{Scheme: "http", Host: "h", Opaque: "//proxy.example"}, "", "/||h"},
		{"host with port", &url.URL{Host: "h:443"}, "", "/||h:443"},
		{"other host", &url.URL{Host: "h"}, "virtual.example", "/||virtual.example"},
		{"address with zone", &url.URL{Host: "[fe80::1%en0]:80"}, "", "/||[fe80::1]:80"},
		{"address without zone", &url.URL{Host: "[::1]:80"}, "", "/||[::1]:80"},
		{"force query", &url.URL{Host: "h", Path: "/", ForceQuery: true}, "", "/||h"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{URL: tt.url, Host: tt.host} // no method: GET, no header map
			got, err := newSigner().Sign(r, alice, sigv4.EmptyPayload())
			if err != nil {
				t.Fatal(err)
			}
			l := strings.Split(got.CanonicalRequest, "\n")
			if text := l[1] + "|" + l[2] + "|" + strings.TrimPrefix(l[3], "host:"); l[0] != "GET" || text != tt.want {
				t.Errorf("signed %s %s, want %s", l[0], text, tt.want)
			}
			if r.Header.Get("Authorization") == "" {
				t.Error("no Authorization header")
			}
			in := overTheWire(t, r, nil)
			// which changes the Host header, too
			if _, err := newVerifier().Verify(in); err != nil && !strings.Contains(tt.name, "opaque authority") {
				t.Errorf("%v\n%s", err, err.(*sigv4.Error).CanonicalRequest)
			}
		})
	}
}

func TestPresign(t *testing.T) {
	r := newRequest(t, "POST", origin+"/a//b?x=1&y=a+b#part", "body")
	r.Header.Set("Content-Type", "text/plain")
	r.Header.Set("X-Amz-Date", "ignored")
	before := r.Header.Clone()
	got, err := newSigner().Presign(r, bob, 15*time.Minute, sigv4.PayloadBytes([]byte("body")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, r.Header); diff != "" {
		t.Errorf("Presign changed the request (-before +after):\n%s", diff)
	}
	want := origin + "/a//b?x=1&y=a+b&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + bob.AccessKeyID +
		"%2F20261123%2Feu-central-1%2Flambda%2Faws4_request&X-Amz-Date=20261123T150405Z&X-Amz-SignedHeaders=content-type%3Bhost" +
		"&X-Amz-Expires=900&X-Amz-Security-Token=IQoJb3JpZ2lu%2Fbob%2Btoken%3D%3D&X-Amz-Signature=" + got.Signature
	if got.URL != want {
		t.Errorf("URL\n%s, want\n%s", got.URL, want)
	}
	if diff := cmp.Diff(http.Header{"Content-Type": {"text/plain"}},
		got.Header); diff != "" || got.SignedHeaders != "content-type;host" {
		t.Errorf("signed %s (-want +got):\n%s", got.SignedHeaders, diff)
	}
	r.Host = "virtual.example"
	r.Header.Del("Content-Type")
	if got, err = newSigner().Presign(r, bob, time.Second, sigv4.EmptyPayload()); err == nil {
		t.Fatal("payload of the wrong length accepted")
	}
	if got, err = newSigner().Presign(r, bob, time.Second, sigv4.PayloadBytes([]byte("body"))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(http.Header{"Host": {"virtual.example"}}, got.Header); diff != "" {
		t.Errorf("headers to send (-want +got):\n%s", diff)
	}

	for name, ttl := range map[string]time.Duration{
		"zero": 0, "negative": -time.Second, "less than a second": time.Second - 1, "not whole": 1500 * time.Millisecond,
		"more than a week": 7*24*time.Hour + time.Second,
	} {
		if _, err := newSigner().Presign(r, bob, ttl,
			sigv4.PayloadBytes([]byte("body"))); err == nil || !strings.Contains(err.Error(), "a presigned URL lives") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := newSigner().Presign(&http.Request{URL: &url.URL{Path: "/"}, Host: "h"}, bob, time.Minute,
		sigv4.EmptyPayload()); err == nil || !strings.Contains(err.Error(), "only an absolute URL") {
		t.Errorf("relative URL: error %v", err)
	}
	got, err = newSigner().Presign(&http.Request{URL: &url.URL{Scheme: "http", Host: "h", Opaque: "//h/a?b"}}, alice,
		time.Minute, sigv4.EmptyPayload())
	if err != nil || !strings.HasPrefix(got.URL, "http://h/a?b&X-Amz-Algorithm=") {
		t.Errorf("opaque URL: %q, %v", got.URL, err)
	}
}

func TestPayloads(t *testing.T) {
	rs := strings.NewReader("skip:body")
	if _, err := rs.Seek(5, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	hexed, err := sigv4.PayloadHex(strings.ToUpper(hashOf("body")))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]sigv4.Payload{
		"bytes": sigv4.PayloadBytes([]byte("body")), "reader": sigv4.PayloadReader(rs),
		"hash": sigv4.PayloadHash(sha256.Sum256([]byte("body"))), "hex": hexed,
	} {
		r := newRequest(t, "POST", origin, "body")
		if _, err := newSigner().Sign(r, alice, p); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _, err := newVerifier().Verify(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rest, _ := io.ReadAll(rs); string(rest) != "body" {
		t.Errorf("the reader was left at %q", rest)
	}
	r := newRequest(t, "GET", origin, "")
	for name, p := range map[string]sigv4.Payload{"empty": sigv4.EmptyPayload(), "zero": {}} {
		if signed, err := newSigner().Sign(r, alice, p); err != nil || !strings.HasSuffix(signed.CanonicalRequest,
			hashOf("")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "UNSIGNED-PAYLOAD", hashOf("")[:63], hashOf("") + "0", strings.Repeat("x", 64),
		strings.Repeat("0", 128)} {
		if _, err := sigv4.PayloadHex(bad); err == nil {
			t.Errorf("%q taken for a hash", bad)
		}
	}
	errBroken := errors.New("broken")
	for _, at := range []string{"tell", "read", "rewind"} {
		if _, err := newSigner().Sign(r, alice, sigv4.PayloadReader(&brokenReader{at: at, err: errBroken})); !errors.Is(err,
			errBroken) {
			t.Errorf("%s: error %v", at, err)
		}
	}
}

// brokenReader fails at one of the three steps.
type brokenReader struct {
	at  string
	err error
}

func (b *brokenReader) Read(p []byte) (int, error) {
	if b.at == "read" {
		return 0, b.err
	}
	return 0, io.EOF
}

func (b *brokenReader) Seek(_ int64, whence int) (int64, error) {
	if b.at == "tell" && whence == io.SeekCurrent || b.at == "rewind" && whence == io.SeekStart {
		return 0, b.err
	}
	return 0, nil
}

// TestConcurrentUse: one Signer and one Verifier, many goroutines, the real clock.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s, v := newSigner(), newVerifier()
	s.Now, v.Now = nil, nil
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 400 {
				r := newRequest(t, "POST", origin+"/a?b=c", "body")
				if _, err := s.Sign(r, alice, sigv4.PayloadBytes([]byte("body"))); err != nil {
					t.Error(err)
					return
				}
				if _, err := v.Verify(r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// The texts that were signed hold the session token: only who asks for them gets them.
func TestTextsAreKeptOnRequest(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		s := newSigner()
		s.KeepTexts = keep
		signed, err := s.Sign(newRequest(t, "GET", origin+"/", ""), alice, sigv4.EmptyPayload())
		if err != nil {
			t.Fatal(err)
		}
		presigned, err := s.Presign(newRequest(t, "GET", origin+"/", ""), alice, sigv4.MaxPresign, sigv4.EmptyPayload())
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []sigv4.Signed{signed, presigned} {
			if (got.CanonicalRequest != "") != keep || (got.StringToSign != "") != keep {
				t.Errorf("KeepTexts %v: canonical request %q, string to sign %q", keep, got.CanonicalRequest, got.StringToSign)
			}
			if got.PayloadHash != sha256.Sum256(nil) {
				t.Errorf("payload hash is %x", got.PayloadHash)
			}
		}
	}
}

// TestWhiteSpace: no place of a value hides white space.
func TestWhiteSpace(t *testing.T) {
	for n := range 100 {
		text := strings.Repeat("\xff!a~", n/4+1)[:n]
		if got := collapsed(text); got != text {
			t.Errorf("%d bytes without white space are %q", n, got)
		}
		for i := range n {
			for _, c := range []string{" ", "\t", "\r", "\n"} {
				want := text[:i] + " " + text[i+1:]
				if i == 0 || i == n-1 {
					want = strings.Trim(want, " ")
				}
				if got := collapsed(text[:i] + c + text[i+1:]); got != want {
					t.Errorf("%q at byte %d of %d was not seen: %q", c, i, n, got)
				}
			}
		}
	}
}
