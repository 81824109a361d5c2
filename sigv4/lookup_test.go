package sigv4_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
)

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

// TestKeyWithoutSecret: a Lookup that returns an empty key lets nobody in, least of all those who sign with nothing.
func TestKeyWithoutSecret(t *testing.T) {
	v := newVerifier()
	v.Lookup = func(context.Context, string) (sigv4.Key, error) { return sigv4.Key{}, nil }
	_, err := v.Verify(read(t, raw{who: sigv4.Credentials{AccessKeyID: "AKIAEMPTY",
		Secret: sigv4.NewSecret("")}}.header()))
	wantKind(t, err, sigv4.UnknownKey)
}

// TestLookupSeesPlausibleIDs: ids that cannot exist do not reach the store.
func TestLookupSeesPlausibleIDs(t *testing.T) {
	var seen []string
	v := newVerifier()
	v.Lookup = func(_ context.Context, id string) (sigv4.Key, error) {
		seen = append(seen, id)
		return sigv4.Key{}, sigv4.ErrUnknownKey
	}
	for _, id := range []string{"AKIAOK", "bad\x7f", "bad\x01", "é", strings.Repeat("A", 128),
		strings.Repeat("A", 129), ""} {
		r := newRequest(t, "GET", origin, "")
		if _, err := newSigner().Sign(r, alice, sigv4.EmptyPayload()); err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), alice.AccessKeyID, id, 1))
		_, err := v.Verify(r)
		wantKind(t, err, sigv4.UnknownKey)
	}
	if diff := cmp.Diff([]string{"AKIAOK", strings.Repeat("A", 128)}, seen); diff != "" {
		t.Errorf("ids looked up (-want +got):\n%s", diff)
	}
}

// TestSecretChange: cached signing keys do not outlive the secret they were derived from.
func TestSecretChange(t *testing.T) {
	secret := alice.Secret
	v := newVerifier()
	v.Lookup = func(context.Context, string) (sigv4.Key, error) {
		return sigv4.Key{Credentials: sigv4.Credentials{AccessKeyID: alice.AccessKeyID, Secret: secret}}, nil
	}
	s := newSigner()
	verify := func(signedWith sigv4.Secret) error {
		r := newRequest(t, "GET", origin, "")
		if _, err := s.Sign(r, sigv4.Credentials{AccessKeyID: alice.AccessKeyID, Secret: signedWith},
			sigv4.EmptyPayload()); err != nil {
			t.Fatal(err)
		}
		_, err := v.Verify(r)
		return err
	}
	old, renewed := alice.Secret, sigv4.NewSecret("renewed")
	for range 3 {
		if err := verify(old); err != nil {
			t.Fatal(err)
		}
	}
	secret = renewed
	wantKind(t, verify(old), sigv4.InvalidSignature)
	if err := verify(renewed); err != nil {
		t.Error(err)
	}
	wantKind(t, verify(old), sigv4.InvalidSignature)
}

// TestManyKeys: more keys than are cached, each still verified by its own secret.
func TestManyKeys(t *testing.T) {
	v, s := newVerifier(), newSigner()
	who := func(i int) sigv4.Credentials {
		return sigv4.Credentials{AccessKeyID: "AKIA" + strings.Repeat("X", i%50) + string(rune('A'+i%26)) +
			string(rune('A'+i/26%26)) + string(rune('A'+i/676)),
			Secret: sigv4.NewSecret(strings.Repeat("s", i+1))}
	}
	known := map[string]sigv4.Credentials{}
	for i := range 1500 {
		known[who(i).AccessKeyID] = who(i)
	}
	v.Lookup = func(_ context.Context, id string) (sigv4.Key, error) { return sigv4.Key{Credentials: known[id]}, nil }
	for _, c := range known {
		r := newRequest(t, "GET", origin, "")
		if _, err := s.Sign(r, c, sigv4.EmptyPayload()); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(r); err != nil {
			t.Fatal(err)
		}
	}
	if n := sigv4.CachedKeys(v); n > 1024 {
		t.Errorf("%d keys cached", n)
	}
}
