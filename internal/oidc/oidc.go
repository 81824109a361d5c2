// Package oidc verifies ID tokens of OpenID Connect providers: it reads a token, fetches the keys of its issuer and
// checks the signature, the audience and the times (OpenID Connect Core 1.0, 3.1.3.7; RFC 7519; RFC 7517).
//
// It asks nobody but the host of the issuer that it is told to trust, at public addresses only unless told otherwise,
// follows no redirect, and refuses tokens that are unsigned, signed with a shared secret, or larger than AWS takes them.
// It does not know what a token is good for.
package oidc

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Verifier verifies tokens. It keeps the keys of issuers for a while. The zero Verifier is ready for use; it is safe
// for concurrent use and must not be copied.
type Verifier struct {
	// PrivateAddresses lets issuers be at addresses that are not public, which this machine may reach and those who
	// choose the issuer may not, lets those on this machine have no https, and uses the proxy of the environment.
	PrivateAddresses bool

	mu     sync.Mutex
	issuer map[string]*keySet

	resolver *net.Resolver // nil is the system's
	tls      *tls.Config   // nil is the default
}

// leeway is how far the clocks of issuer and server may differ.
const leeway = time.Minute

// Verify checks that the token is from the issuer, for one of the audiences, in force at the time, and signed with one
// of the issuer's keys. The error is an *Error.
func (v *Verifier) Verify(ctx context.Context, token *Token, issuer string, audiences []string, now time.Time) error {
	claims := &token.Claims
	switch {
	case claims.Issuer != issuer:
		return refuse(WrongIssuer, "the token is from %q, not from %q", claims.Issuer, issuer)
	case !slices.ContainsFunc(claims.Audience, func(a string) bool { return slices.Contains(audiences, a) }) &&
		!slices.Contains(audiences, claims.AuthorizedParty):
		return refuse(WrongAudience, "the token is for %q, and the provider is set up for %q", claims.Audience, audiences)
	case claims.Expires.IsZero():
		return refuse(Malformed, "the token has no exp claim")
	case !now.Before(claims.Expires.Add(leeway)):
		return refuse(Expired, "the token expired at %s", claims.Expires.UTC().Format(time.RFC3339))
	case now.Before(claims.NotBefore.Add(-leeway)) || now.Before(claims.IssuedAt.Add(-leeway)):
		return refuse(NotYet, "the token is not valid yet")
	}
	keys, err := v.keys(ctx, issuer, token.keyID, now)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if (token.keyID == "" || key.id == "" || key.id == token.keyID) && token.signedWith(key) {
			return nil
		}
	}
	return refuse(BadSignature, "no key of %s fits the signature of the token", issuer)
}

// Principal is the audience by which trust policies know the token: the authorized party where there is one.
func (c *Claims) Principal() string {
	if c.AuthorizedParty != "" {
		return c.AuthorizedParty
	}
	return strings.Join(c.Audience, ",")
}
