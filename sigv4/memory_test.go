package sigv4_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
)

// shapes are requests that differ in which headers they have, in turn common, odd, many and long.
func shapes(t *testing.T) []func() *http.Request {
	with := func(change func(http.Header)) func() *http.Request {
		return func() *http.Request {
			r := newRequest(t, "POST", origin+"/a?b=c", "body")
			change(r.Header)
			return r
		}
	}
	return []func() *http.Request{
		with(func(http.Header) {}),
		with(func(h http.Header) { h["Content-Type"] = []string{"text/plain"} }),
		with(func(h http.Header) { h["Accept"] = []string{"text/plain"} }),
		with(func(h http.Header) { h["accept"] = []string{" text/plain "} }),
		with(func(h http.Header) { h["Accept"], h["User-Agent"] = []string{"a", "b"}, []string{"x"} }),
		with(func(h http.Header) { h["Accept"], h["User-Agent"] = nil, []string{"x"} }),
		with(func(h http.Header) { h["Content-Length"] = []string{"4"} }),
		with(func(h http.Header) { h["x-amz-date"], h["X-Amz-Meta"] = []string{"stale"}, []string{"m"} }),
		with(func(h http.Header) {
			for i := range 200 {
				h[fmt.Sprintf("X-Many-%d", i)] = []string{"v"}
			}
		}),
		with(func(h http.Header) { h["X-Long"] = []string{strings.Repeat("l", 100<<10)} }),
	}
}

// TestSignerMemory: what a Signer remembers of a request never shows in the next.
func TestSignerMemory(t *testing.T) {
	shapes := shapes(t)
	s := newSigner()
	for i := range shapes {
		for j := range shapes {
			for k, who := range []sigv4.Credentials{alice, bob,
				{AccessKeyID: bob.AccessKeyID, Secret: bob.Secret, SessionToken: " a  token "}} {
				for _, shape := range []func() *http.Request{shapes[i], shapes[j], shapes[j]} {
					got, err := s.Sign(shape(), who, sigv4.PayloadBytes([]byte("body")))
					if err != nil {
						t.Fatalf("%d, %d, %d: %v", i, j, k, err)
					}
					want, err := newSigner().Sign(shape(), who, sigv4.PayloadBytes([]byte("body")))
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want.CanonicalRequest, got.CanonicalRequest); diff != "" || got.Signature != want.Signature {
						t.Fatalf("%d, %d, %d (-new +used):\n%s", i, j, k, diff)
					}
				}
			}
		}
	}
}

// TestVerifierMemory: a list of signed headers that was verified before is still held against the request, and one
// that has a fault is never remembered.
func TestVerifierMemory(t *testing.T) {
	v := newVerifier()
	for i := range 70 { // more than are remembered
		name := fmt.Sprintf("x-amz-%d", i)
		if i == 69 {
			name += strings.Repeat("-long", 300)
		}
		text := raw{lines: []string{name + ": 1", "Accept: a"}, sign: []string{name, "accept"}, who: bob}
		for range 2 {
			got, err := v.Verify(read(t, text.header()))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if want := []string{"accept", "host", name, "x-amz-date",
				"x-amz-security-token"}; len(got.Warnings) > 0 || !cmp.Equal(want, got.SignedHeaders) {
				t.Errorf("%s: signed %q, warnings %v", name, got.SignedHeaders, got.Warnings)
			}
			got.SignedHeaders[0] = "changed by the caller"
		}
		_, err := v.Verify(read(t, strings.Replace(text.header(), "Accept: a", "Accept: b", 1)))
		wantKind(t, err, sigv4.InvalidSignature)
		_, err = v.Verify(read(t, strings.Replace(text.header(), "Accept: a\r\n", "", 1)))
		wantKind(t, err, sigv4.InvalidSignature)
		got, err := v.Verify(read(t, strings.Replace(text.header(), "Accept: a", "Accept: a\r\nX-Amz-More: 1", 1)))
		if err != nil || len(got.Warnings) != 1 {
			t.Errorf("%s: %v, warnings %v", name, err, got.Warnings)
		}
	}
}
