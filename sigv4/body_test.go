package sigv4_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/furl-dev/furl/sigv4"
)

// A body in memory is verified as it is: what counts is what is left of it.
func TestNewBody(t *testing.T) {
	t.Parallel()
	const text = "a body of some length"
	for _, tt := range []struct {
		name    string
		sent    string
		arrived string
		skip    int64
		want    sigv4.Kind // zero: accepted
	}{
		{"whole", text, text, 0, 0},
		{"empty", "", "", 0, 0},
		{"rest of one that was read in part", text[2:], text, 2, 0},
		{"another", text, text[1:] + "x", 0, sigv4.InvalidSignature},
		{"shorter", text, text[:5], 0, sigv4.InvalidSignature},
		{"longer than its Content-Length", "", text, 0, sigv4.InvalidSignature},
		{"above the limit", text + text, text + text, 0, sigv4.BodyTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newVerifier()
			v.MaxBody = int64(len(text))
			r := newRequest(t, "POST", origin+"/", tt.sent)
			if _, err := newSigner().Sign(r, alice, sigv4.PayloadBytes([]byte(tt.sent))); err != nil {
				t.Fatal(err)
			}
			body := sigv4.NewBody([]byte(tt.arrived))
			if _, err := io.CopyN(io.Discard, body, tt.skip); err != nil {
				t.Fatal(err)
			}
			r.Body, r.ContentLength = body, -1
			got, err := v.Verify(r)
			var refused *sigv4.Error
			if errors.As(err, &refused); tt.want != 0 {
				if refused == nil || refused.Kind != tt.want {
					t.Fatalf("error is %v, want %v", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := io.ReadAll(r.Body)
			if err != nil || string(got.Body) != tt.sent || got.Body == nil || string(again) != tt.sent {
				t.Errorf("body %q, again %q, %v; want %q twice", got.Body, again, err, tt.sent)
			}
		})
	}
}

// Verifying twice, as two layers of a server may, copies nothing.
func TestVerifiedBodyIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	r := newRequest(t, "POST", origin+"/", "body")
	if _, err := newSigner().Sign(r, alice, sigv4.PayloadBytes([]byte("body"))); err != nil {
		t.Fatal(err)
	}
	v := newVerifier()
	first, err := v.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	second, err := v.Verify(r)
	if err != nil || !bytes.Equal(first.Body, second.Body) || &first.Body[0] != &second.Body[0] {
		t.Errorf("got %q, %v; want the bytes of %q themselves", second.Body, err, first.Body)
	}
}
