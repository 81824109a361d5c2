package sigv4_test

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/furl-dev/furl/sigv4"
)

// TestFlipEveryBit: a signed request with any one bit changed is refused, unless it means the same: a header's name in
// other letters, an unsigned header. Nothing of the signature itself may differ.
func TestFlipEveryBit(t *testing.T) {
	t.Parallel()
	post := raw{
		method: "POST", target: "/a%20b//c/../d?y=a+b&x=1&x=0&z", body: "hello\n", who: bob,
		lines: []string{"Content-Type: text/plain", "My-Header: a  b", "User-Agent: x"}, sign: []string{"content-type",
			"my-header"},
	}
	for name, text := range map[string]string{
		"header form": post.header(), "query form": post.presigned(), "GET": raw{}.header(),
		"presigned GET": raw{}.presigned(),
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier()
			in, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(text))))
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(in)
			if err != nil {
				t.Fatal(err)
			}
			want := meaning(in, got.Body, got.SignedHeaders)
			proof := []byte(in.Header.Get("Authorization"))
			if len(proof) == 0 {
				_, signature, _ := strings.Cut(in.RequestURI, "X-Amz-Signature=")
				proof = []byte(signature)
			}
			for i := range len(text) {
				for bit := range 8 {
					flipped := []byte(text)
					flipped[i] ^= 1 << bit
					if other, accepted := understood(v, flipped, got.SignedHeaders); accepted && (other != want ||
						!bytes.Contains(flipped, proof)) {
						t.Errorf("byte %d from %q to %q is accepted\n%s\nmeans\n%s", i, text[i], flipped[i], flipped, other)
					}
				}
			}
		})
	}
}

// TestUnknownKeyIsComputed: an unknown key takes the way of a wrong signature to its end: the same texts are made, and
// a signing key is derived for it.
func TestUnknownKeyIsComputed(t *testing.T) {
	texts := func(who sigv4.Credentials, kind sigv4.Kind) *sigv4.Error {
		v := newVerifier()
		_, err := v.Verify(read(t, raw{method: "POST", body: "hello", who: who}.header()))
		if n := sigv4.CachedKeys(v); n != 1 {
			t.Errorf("%s: %d keys derived", kind, n)
		}
		return wantKind(t, err, kind)
	}
	unknown := texts(dave, sigv4.UnknownKey)
	wrong := texts(sigv4.Credentials{AccessKeyID: alice.AccessKeyID, Secret: dave.Secret}, sigv4.InvalidSignature)
	if unknown.CanonicalRequest == "" || unknown.CanonicalRequest != wrong.CanonicalRequest ||
		unknown.StringToSign != wrong.StringToSign ||
		!bytes.Equal(unknown.Body, wrong.Body) {
		t.Errorf("of an unknown key %+v\nof a wrong signature %+v", unknown, wrong)
	}
}
