package oidc_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/oidc"
	"github.com/furl-dev/furl/internal/oidc/oidctest"
)

var now = time.Date(2026, 11, 23, 15, 26, 50, 0, time.UTC)

func kind(err error) oidc.Kind {
	var refusal *oidc.Error
	if errors.As(err, &refusal) {
		return refusal.Kind
	}
	return 0
}

// verify reads and verifies a token of the issuer for the audience my-app.
func verify(t *testing.T, v *oidc.Verifier, issuer, text string) error {
	t.Helper()
	return verifyAt(t, v, issuer, text, now)
}

func verifyAt(t *testing.T, v *oidc.Verifier, issuer, text string, now time.Time) error {
	t.Helper()
	token, err := oidc.Parse(text)
	if err != nil {
		return err
	}
	return v.Verify(t.Context(), token, issuer, []string{"other", "my-app"}, now)
}

func TestVerify(t *testing.T) {
	issuer := oidctest.Start(t)
	other := oidctest.Start(t)
	valid := oidctest.Claims{"iss": issuer.URL, "sub": "user-7", "aud": "my-app", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix()}
	with := func(changes oidctest.Claims) oidctest.Claims { return valid.With(changes) }
	for _, test := range []struct {
		name  string
		token string
		want  oidc.Kind // 0 is accepted
	}{
		{name: "RS256", token: issuer.Sign("RS256", valid)},
		{name: "RS384", token: issuer.Sign("RS384", valid)},
		{name: "RS512", token: issuer.Sign("RS512", valid)},
		{name: "ES256", token: issuer.Sign("ES256", valid)},
		{name: "ES384", token: issuer.Sign("ES384", valid)},
		{name: "ES512", token: issuer.Sign("ES512", valid)},
		{name: "audience in a list", token: issuer.Sign("RS256", with(oidctest.Claims{"aud": []string{"x", "my-app"}}))},
		{name: "authorized party", token: issuer.Sign("RS256", with(oidctest.Claims{"aud": "somebody", "azp": "my-app"}))},
		{name: "expired within the leeway", token: issuer.Sign("RS256", with(oidctest.Claims{"exp": now.Add(-59 * time.Second).Unix()}))},
		{name: "without iat", token: issuer.Sign("RS256", with(oidctest.Claims{"iat": nil}))},

		{name: "expired", token: issuer.Sign("RS256", with(oidctest.Claims{"exp": now.Add(-time.Minute).Unix()})), want: oidc.Expired},
		{name: "without exp", token: issuer.Sign("RS256", with(oidctest.Claims{"exp": nil})), want: oidc.Malformed},
		{name: "not yet", token: issuer.Sign("RS256", with(oidctest.Claims{"nbf": now.Add(2 * time.Minute).Unix()})), want: oidc.NotYet},
		{name: "from the future", token: issuer.Sign("RS256", with(oidctest.Claims{"iat": now.Add(2 * time.Minute).Unix()})), want: oidc.NotYet},
		{name: "other audience", token: issuer.Sign("RS256", with(oidctest.Claims{"aud": "another"})), want: oidc.WrongAudience},
		{name: "no audience", token: issuer.Sign("RS256", with(oidctest.Claims{"aud": nil})), want: oidc.WrongAudience},
		{name: "other issuer", token: other.Sign("RS256", with(oidctest.Claims{"iss": other.URL})), want: oidc.WrongIssuer},
		{name: "signed by another", token: other.Sign("RS256", valid), want: oidc.BadSignature},
		{name: "signed by another with the key id", token: other.SignAs("RS256", issuer.KeyID("RS256"), valid), want: oidc.BadSignature},
		{name: "key of another algorithm", token: issuer.SignAs("RS256", issuer.KeyID("ES256"), valid), want: oidc.BadSignature},
		{name: "unknown key id", token: issuer.SignAs("RS256", "unknown", valid), want: oidc.BadSignature},
		{name: "without key id", token: issuer.SignAs("RS256", "", valid)},

		{name: "no algorithm", token: issuer.Unsigned("none", valid), want: oidc.Malformed},
		{name: "shared secret", token: issuer.Unsigned("HS256", valid), want: oidc.Malformed},
		{name: "algorithm in other case", token: issuer.Unsigned("rs256", valid), want: oidc.Malformed},
		{name: "without subject", token: issuer.Sign("RS256", with(oidctest.Claims{"sub": nil})), want: oidc.Malformed},
		{name: "without issuer", token: issuer.Sign("RS256", with(oidctest.Claims{"iss": nil})), want: oidc.Malformed},
		{name: "issuer is a number", token: issuer.Sign("RS256", with(oidctest.Claims{"iss": 7})), want: oidc.Malformed},
		{name: "exp is text", token: issuer.Sign("RS256", with(oidctest.Claims{"exp": "tomorrow"})), want: oidc.Malformed},
		{name: "exp beyond time", token: issuer.Sign("RS256", with(oidctest.Claims{"exp": 1e300})), want: oidc.Malformed},
		{name: "audience is a number", token: issuer.Sign("RS256", with(oidctest.Claims{"aud": 7})), want: oidc.Malformed},
		{name: "two parts", token: "a.b", want: oidc.Malformed},
		{name: "not base64", token: "!.!.!", want: oidc.Malformed},
		{name: "claims are null", token: replacePart(issuer.Sign("RS256", valid), 1, "null"), want: oidc.Malformed},
		{name: "critical header", token: replacePart(issuer.Sign("RS256", valid), 0, `{"alg":"RS256","crit":["x"]}`), want: oidc.Malformed},
		{name: "too long", token: strings.Repeat("a", oidc.MaxToken+1), want: oidc.Malformed},
		{name: "signature not base64", token: issuer.Sign("RS256", valid) + "!", want: oidc.Malformed},
		{name: "claims changed", token: replacePart(issuer.Sign("RS256", valid), 1, string(with(oidctest.Claims{"sub": "root"}).JSON())), want: oidc.BadSignature},
		{name: "signature cut", token: cutSignature(issuer.Sign("ES256", valid)), want: oidc.BadSignature},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := &oidc.Verifier{PrivateAddresses: true}
			if err := verify(t, v, issuer.URL, test.token); kind(err) != test.want || (err == nil) != (test.want == 0) {
				t.Errorf("got %v (kind %d), want kind %d", err, kind(err), test.want)
			}
		})
	}
}

// Every bit of a token counts.
func TestFlippedBitsAreRefused(t *testing.T) {
	issuer := oidctest.Start(t)
	v := &oidc.Verifier{PrivateAddresses: true}
	text := issuer.Sign("ES256", oidctest.Claims{"iss": issuer.URL, "sub": "s", "aud": "my-app", "exp": now.Add(time.Hour).Unix()})
	if err := verify(t, v, issuer.URL, text); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(text, ".")
	for i, part := range parts {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		for at := range len(raw) * 8 {
			changed := append([]byte(nil), raw...)
			changed[at/8] ^= 1 << (at % 8)
			flipped := append([]string(nil), parts...)
			flipped[i] = base64.RawURLEncoding.EncodeToString(changed)
			if err := verify(t, v, issuer.URL, strings.Join(flipped, ".")); err == nil {
				t.Fatalf("bit %d of part %d was flipped and nobody noticed", at, i)
			}
		}
	}
}

func TestPrincipalIsTheAuthorizedParty(t *testing.T) {
	if got := (&oidc.Claims{Audience: []string{"a", "b"}}).Principal(); got != "a,b" {
		t.Errorf("got %s", got)
	}
	if got := (&oidc.Claims{Audience: []string{"a"}, AuthorizedParty: "p"}).Principal(); got != "p" {
		t.Errorf("got %s", got)
	}
}

func replacePart(token string, i int, text string) string {
	parts := strings.Split(token, ".")
	parts[i] = base64.RawURLEncoding.EncodeToString([]byte(text))
	return strings.Join(parts, ".")
}

func cutSignature(token string) string { return token[:len(token)-4] }

// issuerThat is an issuer that answers as it likes.
func issuerThat(t *testing.T, answer http.HandlerFunc) string {
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func TestIssuersThatCanNotBeBelieved(t *testing.T) {
	real := oidctest.Start(t)
	var asked atomic.Int32
	elsewhere := issuerThat(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); http.NotFound(w, r) })
	for name, answer := range map[string]http.HandlerFunc{
		"not found": http.NotFound,
		"redirect":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) },
		"not JSON":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				if _, err := w.Write([]byte(strings.Repeat(" ", 1<<10))); err != nil {
					return
				}
			}
		},
		"document of another": func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": real.URL, "jwks_uri": real.URL + "/keys"})
		},
		"keys elsewhere": func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host, "jwks_uri": "http://192.0.2.1/keys"})
		},
		"keys with credentials": func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host, "jwks_uri": "http://u:p@" + r.Host + "/keys"})
		},
		"keys in a file": func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host, "jwks_uri": "file:///etc/passwd"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := issuerThat(t, answer)
			v := &oidc.Verifier{PrivateAddresses: true}
			token := real.Sign("RS256", oidctest.Claims{"iss": url, "sub": "s", "aud": "my-app", "exp": now.Add(time.Hour).Unix()})
			if err := verify(t, v, url, token); kind(err) != oidc.NoKeys {
				t.Errorf("got %v", err)
			}
		})
	}
	if asked.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestWeakAndStrangeKeysAreNotUsed(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // that it is weak is the point
	if err != nil {
		t.Fatal(err)
	}
	n := base64.RawURLEncoding.EncodeToString(weak.N.Bytes())
	strong := oidctest.Start(t)
	for name, key := range map[string]map[string]string{
		"short":         {"kty": "RSA", "kid": "k", "n": n, "e": "AQAB"},
		"for secrecy":   strong.Key("RS256", map[string]string{"kid": "k", "use": "enc"}),
		"exponent 1":    strong.Key("RS256", map[string]string{"kid": "k", "e": "AQ"}),
		"no exponent":   strong.Key("RS256", map[string]string{"kid": "k", "e": ""}),
		"not on curve":  strong.Key("ES256", map[string]string{"kid": "k", "y": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
		"unknown curve": strong.Key("ES256", map[string]string{"kid": "k", "crv": "secp256k1"}),
		"unknown type":  {"kty": "oct", "kid": "k", "k": "c2VjcmV0"},
	} {
		t.Run(name, func(t *testing.T) {
			url := issuerThat(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/keys" {
					_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{key}})
					return
				}
				_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host, "jwks_uri": "http://" + r.Host + "/keys"})
			})
			v := &oidc.Verifier{PrivateAddresses: true}
			algorithm := "RS256"
			if key["kty"] == "EC" {
				algorithm = "ES256"
			}
			token := strong.SignAs(algorithm, "k", oidctest.Claims{"iss": url, "sub": "s", "aud": "my-app", "exp": now.Add(time.Hour).Unix()})
			if err := verify(t, v, url, token); kind(err) != oidc.BadSignature {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Keys are kept, so that not every token costs two requests; a key id that is new is asked for, but not all the time.
func TestKeysAreKept(t *testing.T) {
	issuer := oidctest.Start(t)
	clock := now
	v := &oidc.Verifier{PrivateAddresses: true}
	claims := oidctest.Claims{"iss": issuer.URL, "sub": "s", "aud": "my-app", "exp": now.Add(time.Hour).Unix()}
	good, unknown := issuer.Sign("RS256", claims), issuer.SignAs("RS256", "new", claims)
	for _, step := range []struct {
		after   time.Duration
		token   string
		fetched int32
	}{
		{0, good, 1},
		{0, good, 1},
		{0, unknown, 1},             // just asked
		{11 * time.Second, good, 1}, // known
		{0, unknown, 2},             // may be new
		{time.Second, unknown, 2},   // just asked
		{6 * time.Minute, good, 3},  // old
		{11 * time.Second, unknown, 4},
	} {
		clock = clock.Add(step.after)
		_ = verifyAt(t, v, issuer.URL, step.token, clock)
		if got := issuer.Fetched.Load(); got != step.fetched {
			t.Errorf("after %s: keys were fetched %d times, want %d", clock.Sub(now), got, step.fetched)
		}
	}
}

func TestFailureIsKeptForAMoment(t *testing.T) {
	var asked atomic.Int32
	url := issuerThat(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); http.NotFound(w, r) })
	v := &oidc.Verifier{PrivateAddresses: true}
	token := oidctest.Start(t).Sign("RS256", oidctest.Claims{"iss": url, "sub": "s", "aud": "my-app", "exp": now.Add(time.Hour).Unix()})
	for range 3 {
		if err := verify(t, v, url, token); kind(err) != oidc.NoKeys {
			t.Fatal(err)
		}
	}
	_ = verifyAt(t, v, url, token, now.Add(time.Minute))
	if asked.Load() != 2 {
		t.Errorf("the issuer was asked %d times", asked.Load())
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	block := make(chan struct{})
	defer close(block)
	url := issuerThat(t, func(http.ResponseWriter, *http.Request) { <-block })
	token, err := oidc.Parse(oidctest.Start(t).Sign("RS256", oidctest.Claims{"iss": url, "sub": "s", "aud": "my-app", "exp": time.Now().Add(time.Hour).Unix()}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := (&oidc.Verifier{PrivateAddresses: true}).Verify(ctx, token, url, []string{"my-app"}, time.Now()); kind(err) != oidc.NoKeys {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL3giLCJzdWIiOiJzIn0.AA")
	f.Add("e30.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := oidc.Parse(text)
		if (err == nil) != (token != nil) || err != nil && kind(err) != oidc.Malformed {
			t.Errorf("got %v, %v", token, err)
		}
		if err == nil && (token.Claims.Issuer == "" || token.Claims.Subject == "") {
			t.Errorf("accepted %+v", token.Claims)
		}
	})
}
