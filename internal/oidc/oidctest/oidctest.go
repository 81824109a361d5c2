// Package oidctest is an OpenID Connect provider for tests: it has keys of every algorithm, publishes them on a
// loopback address, and signs all claims. It checks nothing, so that the tokens of tests can be wrong in every way.
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// Claims are the claims of a token.
type Claims map[string]any

// With is the claims with changes; nil removes one.
func (c Claims) With(changes Claims) Claims {
	changed := maps.Clone(c)
	maps.Copy(changed, changes)
	maps.DeleteFunc(changed, func(_ string, value any) bool { return value == nil })
	return changed
}

// JSON is the claims as they stand in a token.
func (c Claims) JSON() []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // a mistake in the test
	}
	return text
}

// Issuer is a running provider.
type Issuer struct {
	URL     string
	Fetched atomic.Int32 // how often its keys were asked for

	rsa *rsa.PrivateKey
	ec  map[string]*ecdsa.PrivateKey // by algorithm
}

// Start starts a provider, which ends with the test.
func Start(t testing.TB) *Issuer {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	issuer := &Issuer{rsa: private, ec: map[string]*ecdsa.PrivateKey{}}
	for algorithm, curve := range curves {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		issuer.ec[algorithm] = key
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuer.URL, "jwks_uri": issuer.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		issuer.Fetched.Add(1)
		var keys []map[string]string
		for _, algorithm := range []string{"RS256", "ES256", "ES384", "ES512"} {
			keys = append(keys, issuer.Key(algorithm, nil))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	issuer.URL = server.URL
	return issuer
}

var curves = map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}

var hashes = map[string]crypto.Hash{
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512,
	"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
}

// KeyID is the id of the key that signs with the algorithm.
func (i *Issuer) KeyID(algorithm string) string {
	if _, ok := i.ec[algorithm]; ok {
		return "ec-" + algorithm
	}
	return "rsa"
}

// Key is the public key of the algorithm as a JSON Web Key; members replace its own.
func (i *Issuer) Key(algorithm string, members map[string]string) map[string]string {
	key := map[string]string{"kid": i.KeyID(algorithm), "use": "sig"}
	if private, ok := i.ec[algorithm]; ok {
		point, err := private.PublicKey.Bytes()
		if err != nil {
			panic(err)
		}
		size := (len(point) - 1) / 2
		key["kty"], key["crv"] = "EC", private.Curve.Params().Name
		key["x"], key["y"] = encode(point[1:1+size]), encode(point[1+size:])
	} else {
		key["kty"], key["n"], key["e"] = "RSA", encode(i.rsa.N.Bytes()), "AQAB"
	}
	maps.Copy(key, members)
	return key
}

// Sign signs the claims with the algorithm.
func (i *Issuer) Sign(algorithm string, claims Claims) string {
	return i.SignAs(algorithm, i.KeyID(algorithm), claims)
}

// SignAs signs the claims with the algorithm and says that it was the key with the id.
func (i *Issuer) SignAs(algorithm, keyID string, claims Claims) string {
	header := map[string]string{"alg": algorithm, "typ": "JWT"}
	if keyID != "" {
		header["kid"] = keyID
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	signed := encode(text) + "." + encode(claims.JSON())
	hash := hashes[algorithm].New()
	hash.Write([]byte(signed))
	return signed + "." + encode(i.signature(algorithm, hash.Sum(nil)))
}

func (i *Issuer) signature(algorithm string, sum []byte) []byte {
	private, ok := i.ec[algorithm]
	if !ok {
		signature, err := rsa.SignPKCS1v15(rand.Reader, i.rsa, hashes[algorithm], sum)
		if err != nil {
			panic(err)
		}
		return signature
	}
	r, s, err := ecdsa.Sign(rand.Reader, private, sum)
	if err != nil {
		panic(err)
	}
	size := (private.Curve.Params().BitSize + 7) / 8
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

// Unsigned is a token that claims an algorithm and has no signature.
func (i *Issuer) Unsigned(algorithm string, claims Claims) string {
	return encode([]byte(`{"alg":"`+algorithm+`","kid":"rsa"}`)) + "." + encode(claims.JSON()) + "."
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
