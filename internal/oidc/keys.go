package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// How long keys are kept, and how soon an issuer is asked again for a key that it did not have. A token with a made-up
// key id must not make the server ask each time.
const (
	keepKeys   = 5 * time.Minute
	askAgain   = 10 * time.Second
	maxIssuers = 100
)

// Bounds of what an issuer may answer.
const (
	maxDocument = 256 << 10 // bytes
	maxKeys     = 100
	fetchTime   = 5 * time.Second
)

// publicKey is a key of an issuer.
type publicKey struct {
	id  string
	key crypto.PublicKey
}

// keySet is the keys of an issuer as they were fetched.
type keySet struct {
	keys    []publicKey
	err     error // why there are none
	fetched time.Time
}

func (s *keySet) has(id string) bool {
	for _, key := range s.keys {
		if key.id == id || id == "" {
			return true
		}
	}
	return false
}

// keys are the issuer's keys, among them the one with the id if the issuer has it.
func (v *Verifier) keys(ctx context.Context, issuer, id string, now time.Time) ([]publicKey, error) {
	v.mu.Lock()
	kept := v.issuer[issuer]
	v.mu.Unlock()
	if kept != nil {
		age := now.Sub(kept.fetched)
		if age < askAgain || age < keepKeys && kept.has(id) {
			return kept.keys, kept.err
		}
	}
	keys, err := v.fetch(ctx, issuer)
	if err != nil {
		err = refuse(NoKeys, "the keys of %s can not be fetched: %s", issuer, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.issuer == nil || len(v.issuer) >= maxIssuers {
		v.issuer = map[string]*keySet{} // fetching again costs two requests each
	}
	v.issuer[issuer] = &keySet{keys, err, now}
	return keys, err
}

// fetch reads the issuer's discovery document and the keys that it names (OpenID Connect Discovery 1.0, 4).
func (v *Verifier) fetch(ctx context.Context, issuer string) ([]publicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	var discovery struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := v.get(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", issuer, &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != issuer {
		return nil, fmt.Errorf("its discovery document is that of %q", discovery.Issuer)
	}
	var set struct {
		Keys []jsonKey `json:"keys"`
	}
	if err := v.get(ctx, discovery.JWKS, issuer, &set); err != nil {
		return nil, err
	}
	var keys []publicKey
	for _, key := range set.Keys[:min(len(set.Keys), maxKeys)] {
		if public, ok := key.public(); ok {
			keys = append(keys, publicKey{key.ID, public})
		}
	}
	return keys, nil
}

// get reads a JSON document of the issuer.
func (v *Verifier) get(ctx context.Context, address, issuer string, into any) error {
	if !allowed(address, issuer) {
		return fmt.Errorf("%q is neither https nor, like the issuer, on this machine", address)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := v.client().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return err
	}
	if len(body) > maxDocument {
		return fmt.Errorf("%s is larger than %d bytes", address, maxDocument)
	}
	return json.Unmarshal(body, into)
}

// client is the HTTP client, made not to follow redirects: an issuer that could send the server anywhere could make
// it ask what only the server can reach.
func (v *Verifier) client() *http.Client {
	client := http.Client{Timeout: fetchTime}
	if v.Client != nil {
		client = *v.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// allowed reports whether an address may be asked: with https, or without where both it and the issuer are on this
// machine, as in tests.
func allowed(address, issuer string) bool {
	a, err := url.Parse(address)
	if err != nil || a.Host == "" || a.User != nil {
		return false
	}
	i, err := url.Parse(issuer)
	return err == nil && (a.Scheme == "https" || a.Scheme == "http" && i.Scheme == "http" && isLoopback(a) && isLoopback(i))
}

func isLoopback(u *url.URL) bool {
	address, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && address.IsLoopback()
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

// Sizes of RSA keys, in bits. A longer one would only take longer.
const (
	minRSA = 2048
	maxRSA = 8192
)

// public is the key; ok is false for one that is not for signatures, or of a sort that is not known.
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
		curve, known := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Curve]
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
