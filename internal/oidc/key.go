package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"slices"
	"time"
)

// publicKey is a key of an issuer.
type publicKey struct {
	id  string
	key crypto.PublicKey
}

// keySet is what is known about an issuer's keys.
type keySet struct {
	keys    []publicKey // as they were fetched last
	fetched time.Time   // when that was

	asked    time.Time     // when the verifier last asked, with or without success
	err      error         // why it gave no keys then, nil if it did
	fetching chan struct{} // closed when the fetch under way ends; nil if there is none
}

// within reports whether the two times are close. Each of several concurrent callers has its own time, so now may also
// be the earlier one.
func within(now, then time.Time, period time.Duration) bool { return now.Sub(then).Abs() < period }

// has reports whether the keys are fresh and the one with the id is among them.
func (s *keySet) has(id string, now time.Time) bool {
	return within(now, s.fetched, keepKeys) &&
		slices.ContainsFunc(s.keys, func(key publicKey) bool { return key.id == id || id == "" })
}

// jsonKey is a JSON Web Key (RFC 7517).
type jsonKey struct {
	ID    string `json:"kid"`
	Type  string `json:"kty"`
	Use   string `json:"use"`
	N     string `json:"n"`
	E     string `json:"e"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y"`
}

// minRSA and maxRSA bound RSA keys, in bits. A longer key would only take longer.
const (
	minRSA = 2048
	maxRSA = 8192
)

// public is the key; ok is false for one that is not for signatures, or of an unknown type.
func (k jsonKey) public() (key crypto.PublicKey, ok bool) {
	if k.Use != "" && k.Use != "sig" {
		return nil, false
	}
	switch k.Type {
	case "RSA":
		n, e := number(k.N), number(k.E)
		if n == nil || e == nil || n.BitLen() < minRSA || n.BitLen() > maxRSA || e.BitLen() > 31 || e.Int64() < 3 {
			return nil, false
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, true
	case "EC":
		curve, known := map[string]elliptic.Curve{
			"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521(),
		}[k.Curve]
		x, errX := base64.RawURLEncoding.DecodeString(k.X)
		y, errY := base64.RawURLEncoding.DecodeString(k.Y)
		if !known || errX != nil || errY != nil || len(x) != len(y) {
			return nil, false
		}
		public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
		return public, err == nil
	default:
		return nil, false
	}
}

func number(text string) *big.Int {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil
	}
	return new(big.Int).SetBytes(b)
}
