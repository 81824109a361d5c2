// Package oidc verifies ID tokens of OpenID Connect providers: it reads a token, fetches the keys of its issuer and
// checks the signature, the audience and the times (OpenID Connect Core 1.0, 3.1.3.7; RFC 7519; RFC 7517).
//
// It asks only the host of an issuer that its caller trusts, by default only at public addresses, follows no redirect,
// and refuses tokens that are unsigned, signed with a shared secret, or larger than AWS takes them. It does not know
// what a token is good for.
package oidc

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Verifier verifies tokens. It keeps the keys of issuers for a while. The zero Verifier is ready for use; it is safe
// for concurrent use and must not be copied.
type Verifier struct {
	// PrivateAddresses lets issuers be at addresses that are not public, which this machine may reach although the
	// people who choose the issuer may not. It also lets issuers on this machine have no https, and uses the proxy of
	// the environment.
	PrivateAddresses bool

	mu     sync.Mutex
	issuer map[string]*keySet

	resolver *net.Resolver // nil is the system's
	tls      *tls.Config   // nil is the default
}

// keepKeys is how long keys are kept. After askAgain the verifier asks an issuer again for a key that it did not have,
// or after it failed: a token with a random key id must not make the server ask each time.
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
		return refuse(WrongAudience, "the token is for %q, and the provider is set up for %q",
			claims.Audience, audiences)
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

// keys are the issuer's keys, among them the one with the id if the issuer has it. The verifier asks the issuer once at
// a time, however many callers there are, and only every ten seconds for a key that it did not have.
func (v *Verifier) keys(ctx context.Context, issuer, id string, now time.Time) ([]publicKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	set := v.set(issuer)
	if !set.has(id, now) && !within(now, set.asked, askAgain) && set.fetching == nil {
		set.asked, set.fetching = now, make(chan struct{})
		// The fetch goes on without the caller: others may wait for it, and callers that leave at once must not keep
		// the verifier from ever asking. It ends after fetchTime at the latest.
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

// set is what is known of the issuer. To make room for it, the verifier forgets the issuer that it asked longest ago.
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

// refresh fetches the keys of an issuer. If that fails, the old ones stay.
func (v *Verifier) refresh(ctx context.Context, set *keySet, issuer string) {
	keys, err := v.fetch(ctx, issuer)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		set.keys, set.fetched, set.err = keys, set.asked, nil
	} else {
		kind := NoKeys
		if errors.As(err, new(*addressError)) {
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
	document := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	if err := v.get(ctx, client, document, &discovery); err != nil {
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

// client is the HTTP client for one fetch from an issuer. It does not follow redirects: with one, an issuer could make
// the server ask hosts that only the server can reach.
func (v *Verifier) client(issuer *url.URL) *http.Client {
	dialer := &net.Dialer{
		Timeout: fetchTime, Resolver: v.resolver,
		// Each dialed address is checked: a name that was looked up before may have another address now.
		Control: func(_, address string, _ syscall.RawConn) error {
			dialed, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return v.admit(dialed.Addr(), issuer.Scheme)
		},
	}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: fetchTime, ResponseHeaderTimeout: fetchTime,
		MaxResponseHeaderBytes: maxHeader, IdleConnTimeout: time.Second, ForceAttemptHTTP2: true,
		TLSClientConfig: v.tls.Clone(),
	}
	if v.PrivateAddresses {
		transport.Proxy = http.ProxyFromEnvironment
	}
	return &http.Client{
		Transport: transport, Timeout: fetchTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// admit refuses an address that the client must not dial.
func (v *Verifier) admit(address netip.Addr, scheme string) error {
	switch {
	case !v.PrivateAddresses && !isPublic(address):
		return &addressError{address.String(), "a public address"}
	case scheme == "http" && !address.Unmap().IsLoopback():
		return &addressError{address.String(), "on this machine, and the issuer has no https"}
	}
	return nil
}

// hiddenByProxy reports whether the request would go through a proxy if private addresses were allowed. Otherwise the
// client uses no proxy, which would hide the address that it dials.
func (v *Verifier) hiddenByProxy(request *http.Request) bool {
	proxy, err := http.ProxyFromEnvironment(request)
	return !v.PrivateAddresses && err == nil && proxy != nil
}

// Kind is why a token was refused. The set is closed.
type Kind int

// The kinds of refusals.
const (
	Malformed     Kind = iota + 1 // not a JSON Web Token with the claims that an ID token has
	WrongIssuer                   // from another issuer
	WrongAudience                 // for another audience
	Expired                       // no longer valid
	NotYet                        // not yet valid
	NoKeys                        // the issuer's keys are not available
	BadSignature                  // not signed by the issuer
	NotPublic                     // the issuer is at an address that the verifier must not ask
)

// Error is a refusal. The sender of the token may see its text.
type Error struct {
	Kind    Kind
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(kind Kind, format string, arguments ...any) *Error {
	return &Error{kind, fmt.Sprintf(format, arguments...)}
}
