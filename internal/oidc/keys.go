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
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// How long keys are kept, and how soon an issuer is asked again for a key that it did not have, or after it failed. A
// token with a made-up key id must not make the server ask each time.
const (
	keepKeys   = 5 * time.Minute
	askAgain   = 10 * time.Second
	maxIssuers = 300
)

// Bounds of what an issuer may answer.
const (
	maxHeader   = 64 << 10  // bytes
	maxDocument = 256 << 10 // bytes
	maxKeys     = 100
	fetchTime   = 5 * time.Second
)

// publicKey is a key of an issuer.
type publicKey struct {
	id  string
	key crypto.PublicKey
}

// keySet is what is known of an issuer's keys.
type keySet struct {
	keys    []publicKey // as they were fetched last
	fetched time.Time   // when that was

	asked    time.Time     // when the issuer was asked last, with or without success
	err      error         // why it gave no keys then, nil if it did
	fetching chan struct{} // closed when the fetch under way ends; nil if there is none
}

// within reports whether the two times are close. Callers that ask at once each bring a time of their own, so that now
// may also be the earlier one.
func within(now, then time.Time, period time.Duration) bool { return now.Sub(then).Abs() < period }

// has reports whether the keys are fresh and the one with the id is among them.
func (s *keySet) has(id string, now time.Time) bool {
	return within(now, s.fetched, keepKeys) && slices.ContainsFunc(s.keys, func(key publicKey) bool { return key.id == id || id == "" })
}

// keys are the issuer's keys, among them the one with the id if the issuer has it. However many ask, the issuer is
// asked once at a time, and for what it did not have only every ten seconds.
func (v *Verifier) keys(ctx context.Context, issuer, id string, now time.Time) ([]publicKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	set := v.set(issuer)
	if !set.has(id, now) && !within(now, set.asked, askAgain) && set.fetching == nil {
		set.asked, set.fetching = now, make(chan struct{})
		// The fetch goes on without the caller: others may wait for it, and a caller who left at once could keep an
		// issuer from ever being asked. It ends after fetchTime at the latest.
		go v.refresh(context.WithoutCancel(ctx), set, issuer)
	}
	if fetching := set.fetching; fetching != nil && !set.has(id, now) {
		v.mu.Unlock()
		var err error
		select {
		case <-fetching:
		case <-ctx.Done():
			err = refuse(NoKeys, "the keys of %s are not there yet: %s", issuer, context.Cause(ctx))
		}
		v.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
	if set.has(id, now) || set.err == nil {
		return set.keys, nil
	}
	return nil, set.err
}

// set is what is known of the issuer. Of too many issuers it forgets the one that was asked longest ago.
func (v *Verifier) set(issuer string) *keySet {
	if set := v.issuer[issuer]; set != nil {
		return set
	}
	if v.issuer == nil {
		v.issuer = map[string]*keySet{}
	}
	if len(v.issuer) >= maxIssuers {
		delete(v.issuer, slices.MinFunc(slices.Collect(maps.Keys(v.issuer)), func(a, b string) int {
			return v.issuer[a].asked.Compare(v.issuer[b].asked)
		}))
	}
	set := &keySet{}
	v.issuer[issuer] = set
	return set
}

// refresh fetches the keys of an issuer. Those that are there stay if it fails.
func (v *Verifier) refresh(ctx context.Context, set *keySet, issuer string) {
	keys, err := v.fetch(ctx, issuer)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		set.keys, set.fetched, set.err = keys, set.asked, nil
	} else {
		kind := NoKeys
		if isAddress(err) {
			kind = NotPublic
		}
		set.err = refuse(kind, "the keys of %s cannot be fetched: %s", issuer, err)
	}
	close(set.fetching)
	set.fetching = nil
}

// fetch reads the issuer's discovery document and the keys that it names (OpenID Connect Discovery 1.0, 4).
func (v *Verifier) fetch(ctx context.Context, issuer string) ([]publicKey, error) {
	if !ValidIssuer(issuer, v.PrivateAddresses) {
		if ValidIssuer(issuer, true) {
			return nil, &addressError{issuer, "https"}
		}
		return nil, fmt.Errorf("%q is not https", issuer)
	}
	at, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	client := v.client(at)
	defer client.CloseIdleConnections()
	var discovery struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := v.get(ctx, client, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != issuer {
		return nil, fmt.Errorf("its discovery document is that of %q", discovery.Issuer)
	}
	keysAt, err := url.Parse(discovery.JWKS)
	if err != nil || keysAt.User != nil || !sameHost(keysAt, at) {
		return nil, fmt.Errorf("its jwks_uri %q is not on its own host", discovery.JWKS)
	}
	var set struct {
		Keys []jsonKey `json:"keys"`
	}
	if err := v.get(ctx, client, discovery.JWKS, &set); err != nil {
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
func (v *Verifier) get(ctx context.Context, client *http.Client, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	switch {
	case err != nil && v.hiddenByProxy(request):
		return fmt.Errorf("%w (directly: a proxy would hide the address that it dials)", err)
	case err != nil:
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
