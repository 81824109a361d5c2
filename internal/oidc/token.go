package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the algorithms below
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"time"
)

// MaxToken is the longest token that Parse takes: the limit of AssumeRoleWithWebIdentity.
const MaxToken = 20_000

// Token is a token that was read but not verified.
type Token struct {
	Claims Claims

	algorithm algorithm
	keyID     string
	signed    string // header and claims as they were signed
	signature []byte
}

// Claims are what a token says.
type Claims struct {
	Issuer          string
	Subject         string
	Audience        []string
	AuthorizedParty string
	Expires         time.Time
	IssuedAt        time.Time // zero if the token does not say
	NotBefore       time.Time // zero if the token does not say

	All map[string]json.RawMessage // every claim
}

// Principal is the audience that trust policies see: the authorized party where there is one.
func (c *Claims) Principal() string {
	if c.AuthorizedParty != "" {
		return c.AuthorizedParty
	}
	return strings.Join(c.Audience, ",")
}

// algorithm is a signature algorithm (RFC 7518, 3.1): those that AWS accepts.
type algorithm struct {
	hash  crypto.Hash
	curve int // bits of the curve for ECDSA, 0 for RSA
}

var algorithms = map[string]algorithm{
	"RS256": {crypto.SHA256, 0}, "RS384": {crypto.SHA384, 0}, "RS512": {crypto.SHA512, 0},
	"ES256": {crypto.SHA256, 256}, "ES384": {crypto.SHA384, 384}, "ES512": {crypto.SHA512, 521},
}

// Parse reads a token in the compact form. The error is an *Error.
func Parse(text string) (*Token, error) {
	if len(text) > MaxToken {
		return nil, refuse(Malformed, "the token is longer than %d characters", MaxToken)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, refuse(Malformed, "the token does not have the three parts of a JSON Web Token")
	}
	var header struct {
		Algorithm string   `json:"alg"`
		KeyID     string   `json:"kid"`
		Critical  []string `json:"crit"`
	}
	if err := decodePart(parts[0], &header); err != nil {
		return nil, refuse(Malformed, "the token's header is not JSON in base64url")
	}
	known, ok := algorithms[header.Algorithm]
	if !ok || len(header.Critical) > 0 {
		return nil, refuse(Malformed, "the token is signed with %q, which is not one of "+
			"RS256, RS384, RS512, ES256, ES384 and ES512", header.Algorithm)
	}
	token := &Token{algorithm: known, keyID: header.KeyID, signed: parts[0] + "." + parts[1]}
	if err := decodePart(parts[1], &token.Claims.All); err != nil || token.Claims.All == nil {
		return nil, refuse(Malformed, "the token's claims are not a JSON object in base64url")
	}
	if err := token.Claims.read(); err != nil {
		return nil, err
	}
	var err error
	if token.signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return nil, refuse(Malformed, "the token's signature is not base64url")
	}
	return token, nil
}

func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// read reads the registered claims (RFC 7519, 4.1).
func (c *Claims) read() *Error {
	texts := map[string]*string{"iss": &c.Issuer, "sub": &c.Subject, "azp": &c.AuthorizedParty}
	for name, into := range texts {
		if raw, ok := c.All[name]; ok && json.Unmarshal(raw, into) != nil {
			return refuse(Malformed, "the claim %s is not text", name)
		}
	}
	times := map[string]*time.Time{"exp": &c.Expires, "iat": &c.IssuedAt, "nbf": &c.NotBefore}
	for name, into := range times {
		raw, ok := c.All[name]
		if !ok {
			continue
		}
		var seconds float64
		if json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds > 1e11 {
			return refuse(Malformed, "the claim %s is not a time", name)
		}
		*into = time.Unix(int64(seconds), 0)
	}
	if raw, ok := c.All["aud"]; ok && json.Unmarshal(raw, &c.Audience) != nil {
		var one string
		if json.Unmarshal(raw, &one) != nil {
			return refuse(Malformed, "the claim aud is neither text nor a list of texts")
		}
		c.Audience = []string{one}
	}
	if c.Issuer == "" || c.Subject == "" {
		return refuse(Malformed, "the token has no iss or no sub claim")
	}
	return nil
}

// signedWith reports whether the key made the token's signature. A key of another type than the token's algorithm did
// not.
func (t *Token) signedWith(key publicKey) bool {
	hash := t.algorithm.hash.New()
	hash.Write([]byte(t.signed))
	sum := hash.Sum(nil)
	switch public := key.key.(type) {
	case *rsa.PublicKey:
		return t.algorithm.curve == 0 && rsa.VerifyPKCS1v15(public, t.algorithm.hash, sum, t.signature) == nil
	case *ecdsa.PublicKey:
		bits := public.Curve.Params().BitSize
		size := (bits + 7) / 8
		if t.algorithm.curve != bits || len(t.signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(t.signature[:size]), new(big.Int).SetBytes(t.signature[size:])
		return ecdsa.Verify(public, sum, r, s)
	default:
		return false
	}
}
