package sigv4_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/furl-dev/furl/sigv4"
)

// http2Server is a real server, and a client of it that has no other protocol than HTTP/2. All hosts lead to it.
func http2Server(t *testing.T) (*http.Client, string) {
	t.Helper()
	verify := verifying(t, newVerifier())
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the server was asked in %s", r.Proto)
		}
		verify.ServeHTTP(w, r)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Client(), srv.URL
}

// do sends the request and reads the answer of verifying.
func do(t *testing.T, client *http.Client, r *http.Request) answer {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestHTTP2 sends what was signed by hand over HTTP/2, where the host travels as :authority, header names are in lower
// case and cookies may be split.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	client, base := http2Server(t)
	with := func(q raw, sign string, lines ...string) raw {
		q.lines, q.sign = lines, []string{sign}
		return q
	}
	authority := func(value string) string {
		q := raw{}.fill()
		sig, names := q.signature("/", map[string]string{":authority": value, "x-amz-date": q.date()})
		return raw{}.header(func(string) string {
			return "AWS4-HMAC-SHA256 Credential=" + q.who.AccessKeyID + "/" + q.scope + ", SignedHeaders=" + names +
				", Signature=" + sig
		})
	}
	onto := func(text, other string) string { return strings.Replace(text, "Host: "+host, "Host: "+other, 1) }
	post := raw{method: "POST", target: "/a%20b/(c)?b=2&a=1&x=%2f", body: "hello"}
	for _, tt := range []struct {
		name string
		text string
		kind string
	}{
		{"header form", raw{}.header(), accepted},
		{"query form", raw{}.presigned(), accepted},
		{"a body", post.header(), accepted},
		{"a body, query form", post.presigned(), accepted},
		{"another body", strings.Replace(post.header(), "hello", "olleh", 1), mismatch},
		{"a session", raw{who: bob}.header(), accepted},
		{"slashes and dots", raw{target: "//a/./b/../c"}.header(), accepted},
		{"slashes and dots as sent", raw{target: "/a//b/../c", path: "/a//b/../c"}.header(), accepted},
		{":authority for host", authority(host), accepted},
		{":authority of another host", authority("other.example"), mismatch},
		{":authority, replayed on another host", onto(authority(host), "other.example"), mismatch},
		{"host and :authority", raw{values: map[string]string{":authority": host}}.header(), accepted},
		{"replayed on another host", onto(raw{}.header(), "other.example"), mismatch},
		{"query form, replayed on another host", onto(raw{}.presigned(), "other.example"), mismatch},
		{"host with a port", raw{host: host + ":8443"}.header(), accepted},
		{"host without its port", raw{host: host + ":8443", values: map[string]string{"host": host}}.header(), mismatch},
		{"no host signed", raw{}.header(func(s string) string { return strings.Replace(s, "host;", "", 1) }), incomplete},
		{"two lines of a header", with(raw{}, "x-a", "X-A: b", "X-A: a").header(), accepted},
		{"a line more", strings.Replace(with(raw{}, "x-a", "X-A: b").header(), "X-A: b", "X-A: b\r\nX-A: a", 1), mismatch},
		{"a signed header that is not sent", raw{sign: []string{"x-a"}}.header(), mismatch},
		{"the length", raw{method: "POST", body: "hello", values: map[string]string{"content-length": "5"}}.header(),
			accepted},
		{"another length", raw{method: "POST", body: "hello", values: map[string]string{"content-length": "6"}}.header(),
			mismatch},
		{"chunks, which there are none of", raw{method: "POST", body: "hello", chunked: true,
			values: map[string]string{"transfer-encoding": "chunked"}}.header(), mismatch},
		{"a token in a trailer", raw{method: "POST", who: bob, noToken: true, body: "hello", chunked: true,
			lines:    []string{"Trailer: X-Amz-Security-Token"},
			trailers: "X-Amz-Security-Token: " + bob.SessionToken + "\r\n"}.header(), "invalid token"},
		{"a signed header in a trailer", raw{method: "POST", body: "hello", chunked: true, lines: []string{"Trailer: X-A"},
			values:   map[string]string{"x-a": "b"},
			trailers: "X-A: b\r\n"}.header(), mismatch},
		// The client splits cookies (RFC 9113, 8.2.3), and the server joins them with "; ".
		{"cookies", with(raw{}, "cookie", "Cookie: a=b; c=d").header(), accepted},
		{"cookies without a space", with(raw{}, "cookie", "Cookie: a=b;c=d").header(), mismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := read(t, tt.text)
			target, err := url.Parse(base + r.RequestURI)
			if err != nil {
				t.Fatal(err)
			}
			r.URL, r.RequestURI = target, ""
			r.Close = false
			// A connection of its own: an answer before the trailers can end the one that they come over.
			own := &http.Client{Transport: client.Transport.(*http.Transport).Clone()}
			defer own.CloseIdleConnections()
			if a := do(t, own, r); a.Kind != tt.kind {
				t.Errorf("got %+v, want %q", a, tt.kind)
			}
		})
	}
}

// TestHTTP2Signer has the Signer's requests verified over HTTP/2.
func TestHTTP2Signer(t *testing.T) {
	t.Parallel()
	client, base := http2Server(t)
	signer := newSigner()
	for _, target := range []string{"/", "/a//b/./c/..?b=2&a=1&&c", "/caf%c3%a9/(x):y?q=a+b&t=12:30&z=%2f&%C3%A9=1"} {
		for _, body := range []string{"", "hello"} {
			r := newRequest(t, http.MethodPost, base+target, body)
			r.Header["X-A"] = []string{"a   b", "c"}
			r.Header.Set("Cookie", "a=b; c=d")
			if _, err := signer.Sign(r, bob, sigv4.PayloadBytes([]byte(body))); err != nil {
				t.Fatal(err)
			}
			if a := do(t, client, r); a.Kind != accepted || a.Body != body {
				t.Errorf("%s: got %+v", target, a)
			}
			p, err := signer.Presign(newRequest(t, http.MethodPost, base+target, body), bob, sigv4.MaxPresign,
				sigv4.PayloadBytes([]byte(body)))
			if err != nil {
				t.Fatal(err)
			}
			if a := do(t, client, newRequest(t, http.MethodPost, p.URL, body)); a.Kind != accepted || a.Body != body {
				t.Errorf("%s: got %+v", p.URL, a)
			}
		}
	}
}
