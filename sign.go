package furl

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/sigv4"
)

// signing is a method of [sigv4.Signer].
type signing = func(*sigv4.Signer, *http.Request, sigv4.Credentials, sigv4.Payload) (sigv4.Signed, error)

// sign signs r for its endpoint.
func (t *Transport) sign(r *http.Request, e *endpoint, b *body, how signing) (sigv4.Signed, error) {
	c, err := t.credentials(r.Context())
	if err != nil {
		return sigv4.Signed{}, err
	}
	host := r.Host
	if e.host != "" {
		r.Host = e.host
	}
	signed, err := how(&e.signer, r, c, sigv4.PayloadHash(b.sum))
	if r.Host = host; e.host != "" {
		delete(signed.Header, "Host") // who is in front sends it
	}
	if err != nil {
		return sigv4.Signed{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if t.Logger != nil && t.Logger.Enabled(r.Context(), slog.LevelDebug) {
		t.Logger.LogAttrs(r.Context(), slog.LevelDebug, "signed", append(requestAttrs(r),
			slog.String("region", e.signer.Region), slog.String("service", e.signer.Service),
			slog.String("access_key_id", c.AccessKeyID), slog.Time("signed_at", signed.Time),
			slog.String("signed_headers", signed.SignedHeaders), slog.String("payload_sha256", hex.EncodeToString(b.sum[:])))...)
	}
	return signed, nil
}

// Sign adds the signature to r's headers and does not send r. It replaces r.Body by one that starts at the beginning of
// the body; the caller closes it.
func (t *Transport) Sign(r *http.Request) (sigv4.Signed, error) {
	signed, out, _, err := t.signUnsent(r, (*sigv4.Signer).Sign)
	if err == nil {
		r.Header = out.Header
	}
	return signed, err
}

// Presign returns the URL of r with the signature in its query, valid for ttl, see [sigv4.Signer.Presign]. Lambda
// accepts it only with the method, the headers and the body of r. It expires with the credentials if they are temporary
// and expire sooner. Presign replaces r.Body by one that starts at the beginning of the body; the caller closes it.
func (t *Transport) Presign(r *http.Request, ttl time.Duration) (sigv4.Signed, error) {
	presign := func(s *sigv4.Signer, r *http.Request, c sigv4.Credentials, p sigv4.Payload) (sigv4.Signed, error) {
		return s.Presign(r, c, ttl, p)
	}
	signed, out, line, err := t.signUnsent(r, presign)
	if err == nil && line != "" {
		_, parameters, _ := strings.Cut(signed.URL, out.URL.RequestURI())
		signed.URL = r.URL.Scheme + "://" + r.URL.Host + line + parameters
	}
	return signed, err
}

// signUnsent signs a request that the caller sends. r gets a body that starts at its beginning. out is the copy of r,
// with the URL to sign, that was signed; for line see target.
func (t *Transport) signUnsent(
	r *http.Request, how signing,
) (signed sigv4.Signed, out *http.Request, line string, err error) {
	e, b, err := t.ready(r)
	if err != nil {
		return signed, nil, "", err
	}
	defer b.close()
	if r.Body, err = b.open(); err != nil {
		return signed, nil, "", err
	}
	r.ContentLength = b.size
	exact := exactTarget(r.URL)
	out = r.WithContext(r.Context())
	out.URL = exact.url
	signed, err = t.sign(out, e, b, how)
	return signed, out, exact.line, err
}

// PresignOptions are what a link needs besides the URL and its time.
type PresignOptions struct {
	Method string      // "" means GET
	Header http.Header // signed: the client has to send these with the link; not nil when options see it
	Body   io.Reader   // signed: the client has to send these bytes with the link; nil for none
	// Transport signs. It is what [NewTransport] returns; a link for a custom domain needs SignHosts or Domains, one in
	// path style Region.
	Transport *Transport
}

// Presign returns a link that calls a function URL, with GET and without headers, body or credentials unless options
// say otherwise. It is good for ttl from now: at most seven days, and no longer than the session of cfg's credentials
// if they are temporary. Anyone who has the link may call the function.
//
// Its errors wrap [ErrURL], [ErrNotFunctionURL], [ErrRegion], [ErrCredentials], [ErrBody], [ErrBodyTooLarge] or
// [ErrRequest], the latter for a ttl that no verifier takes.
func Presign(
	ctx context.Context, cfg aws.Config, rawURL string, ttl time.Duration, options ...func(*PresignOptions),
) (string, error) {
	o := PresignOptions{Header: http.Header{}, Transport: NewTransport(cfg)}
	for _, set := range options {
		set(&o)
	}
	if _, err := ParseURL(rawURL); err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, cmp.Or(o.Method, http.MethodGet), rawURL, o.Body)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRequest, err)
	}
	maps.Copy(r.Header, o.Header.Clone())
	signed, err := o.Transport.Presign(r, ttl)
	if r.Body != nil {
		r.Body.Close()
	}
	return signed.URL, err
}
