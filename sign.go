package furl

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/sigv4"
)

// ErrCredentials is wrapped by errors of requests that could not be signed for want of credentials.
var ErrCredentials = errors.New("furl: no credentials to sign with")

// ErrRequest is wrapped by errors of requests that no verifier would accept or that can not be sent as they are, such
// as one whose path climbs above the root.
var ErrRequest = errors.New("furl: bad request")

// credentials asks for what to sign with.
func (t *Transport) credentials(ctx context.Context) (sigv4.Credentials, error) {
	if t.Credentials == nil {
		return sigv4.Credentials{}, fmt.Errorf("%w: none are configured", ErrCredentials)
	}
	c, err := t.Credentials.Retrieve(ctx)
	if err != nil {
		return sigv4.Credentials{}, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	if !c.HasKeys() {
		return sigv4.Credentials{}, fmt.Errorf("%w: access key id or secret is empty", ErrCredentials)
	}
	return sigv4.Credentials{
		AccessKeyID: c.AccessKeyID, Secret: sigv4.NewSecret(c.SecretAccessKey), SessionToken: c.SessionToken,
	}, nil
}

// sign signs a request that can be changed.
func (t *Transport) sign(r *http.Request, e *endpoint, b *body) error {
	c, err := t.credentials(r.Context())
	if err != nil {
		return err
	}
	signed, err := e.signer.Sign(r, c, sigv4.PayloadHash(b.sum))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if t.OnSign != nil {
		t.OnSign(r, signed)
	}
	return nil
}

// Sign adds the signature to r's headers without sending it, for whoever sends it by other means. r.Body becomes one
// that is read from its start; the caller closes it.
func (t *Transport) Sign(r *http.Request) (sigv4.Signed, error) {
	e, p, err := t.prepare(r)
	if err != nil {
		return sigv4.Signed{}, err
	}
	c, err := t.credentials(r.Context())
	if err != nil {
		return sigv4.Signed{}, err
	}
	out := r.WithContext(r.Context())
	out.URL = exactTarget(r.URL).url
	signed, err := e.signer.Sign(out, c, p)
	if err != nil {
		return sigv4.Signed{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	r.Header = out.Header
	return signed, nil
}

// Presign returns the URL of r with the signature in its query, valid for ttl, see [sigv4.Signer.Presign]. Lambda
// binds it to the method, to the headers of r and to the body. It ends sooner if the credentials are temporary and do.
// r.Body becomes one that is read from its start; the caller closes it.
func (t *Transport) Presign(r *http.Request, ttl time.Duration) (sigv4.Signed, error) {
	e, p, err := t.prepare(r)
	if err != nil {
		return sigv4.Signed{}, err
	}
	c, err := t.credentials(r.Context())
	if err != nil {
		return sigv4.Signed{}, err
	}
	out := r.WithContext(r.Context())
	exact := exactTarget(r.URL)
	out.URL = exact.url
	signed, err := e.signer.Presign(out, c, ttl, p)
	if err != nil {
		return sigv4.Signed{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if exact.line != "" {
		_, parameters, _ := strings.Cut(signed.URL, exact.url.RequestURI())
		signed.URL = r.URL.Scheme + "://" + r.URL.Host + exact.line + parameters
	}
	return signed, nil
}

// prepare makes the body of a request that is only signed readable from its start.
func (t *Transport) prepare(r *http.Request) (*endpoint, sigv4.Payload, error) {
	e, err := t.endpoint(r)
	if err != nil {
		closeBody(r)
		return nil, sigv4.Payload{}, err
	}
	b, err := t.bodyOf(r)
	if err != nil {
		return nil, sigv4.Payload{}, err
	}
	defer b.close()
	if r.Body, err = b.open(); err != nil {
		return nil, sigv4.Payload{}, err
	}
	r.ContentLength = b.size
	return e, sigv4.PayloadHash(b.sum), nil
}

// Presign returns a link that calls a function URL with GET, without headers or credentials, until ttl from now: at
// most seven days, and no longer than the session of cfg's credentials if they are temporary. Whoever has the link has
// the right to call.
func Presign(ctx context.Context, cfg aws.Config, rawURL string, ttl time.Duration) (string, error) {
	if _, err := ParseURL(rawURL); err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return "", fmt.Errorf("furl: %w", err)
	}
	signed, err := NewTransport(cfg).Presign(r, ttl)
	return signed.URL, err
}
