package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// FuzzVerify: no bytes that can be read as a request make Verify, Diagnose or ParseScope panic, and none are accepted
// that were not signed with the secret, which the fuzzer does not have.
func FuzzVerify(f *testing.F) {
	thief := sigv4.Credentials{AccessKeyID: alice.AccessKeyID, Secret: sigv4.NewSecret("not alice's")}
	for _, q := range []raw{
		{}, {target: "/a//b/../c%20d?x=1&y=a+b&z"}, {method: "POST", body: "hello\n"},
		{method: "PUT", body: "hello", chunked: true}, {lines: []string{"X-Amz-Content-Sha256: UNSIGNED-PAYLOAD"}},
		{lines: []string{"Content-Type: text/plain", "My-Header: a  b"}, sign: []string{"content-type", "my-header"}},
		{at: clock.Add(-time.Hour)}, {expires: "1e3"}, {scope: "20261123/us-east-1/s3/aws4_request"}, {noToken: true},
		{lines: []string{"Cookie: a=b; c=d", "X-Amz-Content-Sha256: " + hashOf("x"), "X-Forwarded-Host: [::1]:80"},
			sign: []string{"cookie", "cookie", "X-a"}},
		{method: "POST", body: `{"a": [1], "b": "c d"}`, target: "/%2e/;x/?k&&b=%2525&a=%c3!",
			lines: []string{"Content-Type: a;b"}, sign: []string{"content-type"}},
	} {
		q.who = thief
		f.Add(q.header())
		f.Add(q.presigned())
		q.who.SessionToken = "x"
		f.Add(q.header())
	}
	// Every access key id is alice's, so that the fuzzer need not guess one.
	v := newVerifier()
	v.Lookup = func(context.Context, string) (sigv4.Key, error) { return sigv4.Key{Credentials: alice}, nil }
	f.Fuzz(func(t *testing.T, text string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		sigv4.ParseScope(r)
		got, err := v.Verify(r)
		if err == nil {
			t.Fatalf("accepted: %+v", got)
		}
		e := err.(*sigv4.Error)
		if e.Kind == sigv4.Internal || strings.Contains(e.Error(), alice.Secret.Reveal()) {
			t.Fatalf("%v", e)
		}
		d := diagnose.Diagnose(t.Context(), diagnose.Evidence{Request: r, Refusal: e, Key: sigv4.Key{Credentials: alice},
			Region: region, Service: service, Now: clock})
		if d.Proven && d.Tested == 0 || d.Tested > diagnose.MaxHypotheses {
			t.Fatalf("%+v", d)
		}
	})
}

// meaning is what a signature vouches for, computed without the package.
func meaning(r *http.Request, body []byte, signed []string) string {
	target := r.RequestURI
	if _, rest, ok := strings.Cut(target, "://"); ok && target[0] != '/' {
		_, target, _ = strings.Cut(rest, "/")
		target = "/" + target
	}
	path, query, _ := strings.Cut(target, "?")
	parts := []string{r.Method, rightPath(path), strings.Join(sortedPairs(query), "&"), r.Host, string(body)}
	for _, name := range signed {
		var values []string
		for _, v := range r.Header[http.CanonicalHeaderKey(name)] {
			values = append(values, strings.Join(strings.FieldsFunc(v,
				func(c rune) bool { return strings.ContainsRune(" \t\r\n", c) }), " "))
		}
		parts = append(parts, name+":"+strings.Join(values, ","))
	}
	return strings.Join(parts, "\n")
}

func sortedPairs(query string) []string {
	pairs := rightPairs(query)
	slices.SortFunc(pairs, comparePairs)
	var out []string
	for _, p := range pairs {
		if p[0] != "X-Amz-Signature" {
			out = append(out, p[0]+"="+p[1])
		}
	}
	return out
}

// FuzzSignVerify: what is signed verifies as the server reads it from the wire, and no other byte in place of one of
// them is accepted unless it means the same.
func FuzzSignVerify(f *testing.F) {
	f.Add("GET", "/", "x", []byte(nil), false, uint(5), byte(1))
	f.Add("POST", "/a%20b//c/../d?x=1&y=a+b&z", "a  b", []byte("hello\n"), true, uint(100), byte(2))
	f.Add("PUT", "/%c3%a9?a=%2f&a=1;b", "\"q\"\t", []byte("{}"), false, uint(60), byte(0x20))
	f.Add("POST", "/a/./b?X=%7e~", "", []byte("x"), true, uint(20), byte(0xff))
	v, s := newVerifier(), newSigner()
	f.Fuzz(func(t *testing.T, method, target, value string, body []byte, presign bool, at uint, with byte) {
		if len(body) > 1<<16 || !strings.HasPrefix(target, "/") {
			return
		}
		u, err := url.Parse(origin + target)
		if err != nil {
			return
		}
		who := bob
		r := &http.Request{Method: method, URL: u, Header: http.Header{"My-Header": {value}}}
		var in *http.Request
		var wire bytes.Buffer
		if presign {
			got, err := s.Presign(r, who, time.Minute, sigv4.PayloadBytes(body))
			if err != nil {
				return // not a legal request
			}
			if r.URL, err = url.Parse(got.URL); err != nil {
				t.Fatalf("presigned URL %q: %v", got.URL, err)
			}
		} else if _, err := s.Sign(r, who, sigv4.PayloadBytes(body)); err != nil {
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if len(body) == 0 {
			r.Body = nil
		}
		if err := r.Write(&wire); err != nil {
			return // net/http does not send it
		}
		text := wire.Bytes()
		if in, err = http.ReadRequest(bufio.NewReader(bytes.NewReader(text))); err != nil {
			return // nor would it take it
		}
		got, err := v.Verify(in)
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, text, err.(*sigv4.Error).CanonicalRequest)
		}
		want := meaning(in, got.Body, got.SignedHeaders)

		flipped := bytes.Clone(text)
		i := int(at % uint(len(flipped)))
		if flipped[i] == with {
			with++
		}
		flipped[i] = with
		if other, accepted := understood(v, flipped, got.SignedHeaders); accepted && other != want {
			t.Fatalf("byte %d from %q to %q is accepted\n%s\nmeans\n%s", i, text[i], with, flipped, other)
		}
	})
}

// understood is the meaning of a request as bytes, if it is accepted.
func understood(v *sigv4.Verifier, text []byte, signed []string) (string, bool) {
	in, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		return "", false
	}
	got, err := v.Verify(in)
	if err != nil {
		return "", false
	}
	return meaning(in, got.Body, signed), true
}

// FuzzCanonical: canonicalising twice is canonicalising once.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"", "/", "/a//b/./../c/", "/a/..", "/..", "a=1&b=2", "b=2&a=1&a=0&=&k", "%41=%2f+%e1",
		" a  \t b ", "/%2e%2e/%2F?x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		value := collapsed(s)
		if again := collapsed(value); again != value {
			t.Errorf("header value %q, then %q", value, again)
		}
		if query, complaint := canonicalQuery(s); complaint == "" {
			if again, complaint := canonicalQuery(query); again != query || complaint != "" {
				t.Errorf("query %q, then %q %s", query, again, complaint)
			}
			if want := strings.Join(sortedAll(s), "&"); query != want {
				t.Errorf("query %q, want %q", query, want)
			}
		}
		for _, form := range []canonical.PathForm{canonical.Normal, canonical.AsSent} {
			path := canonicalForm(s, form)
			once, err := url.PathUnescape(path)
			if err != nil {
				t.Fatalf("path %q: %v", path, err)
			}
			if again := canonicalForm(once, form); again != path {
				t.Errorf("path %q, then %q", path, again)
			}
		}
	})
}

func collapsed(value string) string { return string(canonical.AppendValues(nil, []string{value})) }

func canonicalForm(path string, form canonical.PathForm) string {
	return string(canonical.AppendPath(nil, path, form))
}

func canonicalQuery(raw string) (text, complaint string) {
	var q canonical.Query
	complaint = q.Parse(raw)
	return string(q.AppendSorted(nil)), complaint
}

func sortedAll(query string) []string {
	pairs := rightPairs(query)
	slices.SortFunc(pairs, comparePairs)
	var out []string
	for _, p := range pairs {
		out = append(out, p[0]+"="+p[1])
	}
	return out
}
