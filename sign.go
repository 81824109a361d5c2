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

// ErrCredentials says that there are no credentials to sign a request with. Errors wrap it.
var ErrCredentials = errors.New("furl: no credentials to sign with")

// ErrRequest says that no verifier would accept a request, such as one whose path climbs above the root, or that it
// cannot be sent unchanged. Errors wrap it.
var ErrRequest = errors.New("furl: bad request")

// credentials asks for the credentials to sign with.
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

// sign adds the signature to r's headers.
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

// Sign adds the signature to r's headers and does not send r. It replaces r.Body by one that starts at the beginning of
// the body; the caller closes it.
func (t *Transport) Sign(r *http.Request) (sigv4.Signed, error) {
	out, err := t.prepare(r)
	if err != nil {
		return sigv4.Signed{}, err
	}
	signed, err := out.signer.Sign(out.request, out.credentials, out.payload)
	if err != nil {
		return sigv4.Signed{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	r.Header = out.request.Header
	return signed, nil
}

// Presign returns the URL of r with the signature in its query, valid for ttl, see [sigv4.Signer.Presign]. Lambda
// accepts it only with the method, the headers and the body of r. It expires with the credentials if they are temporary
// and expire sooner. Presign replaces r.Body by one that starts at the beginning of the body; the caller closes it.
func (t *Transport) Presign(r *http.Request, ttl time.Duration) (sigv4.Signed, error) {
	out, err := t.prepare(r)
	if err != nil {
		return sigv4.Signed{}, err
	}
	signed, err := out.signer.Presign(out.request, out.credentials, ttl, out.payload)
	if err != nil {
		return sigv4.Signed{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if out.line != "" {
		_, parameters, _ := strings.Cut(signed.URL, out.request.URL.RequestURI())
		signed.URL = r.URL.Scheme + "://" + r.URL.Host + out.line + parameters
	}
	return signed, nil
}

// unsigned is a request with all that its signature needs.
type unsigned struct {
	request     *http.Request // a copy, with the URL to sign
	line        string        // see target
	signer      *sigv4.Signer
	credentials sigv4.Credentials
	payload     sigv4.Payload
}

// prepare prepares a request that the caller sends. r gets a body that starts at its beginning.
func (t *Transport) prepare(r *http.Request) (out unsigned, err error) {
	e, err := t.endpoint(r)
	if err != nil {
		closeBody(r)
		return out, err
	}
	b, err := t.bodyOf(r)
	if err != nil {
		return out, err
	}
	defer b.close()
	if r.Body, err = b.open(); err != nil {
		return out, err
	}
	r.ContentLength = b.size
	exact := exactTarget(r.URL)
	out = unsigned{request: r.WithContext(r.Context()), line: exact.line, signer: &e.signer,
		payload: sigv4.PayloadHash(b.sum)}
	out.request.URL = exact.url
	out.credentials, err = t.credentials(r.Context())
	return out, err
}

// Presign returns a link that calls a function URL with GET, without headers or credentials, for ttl from now: at most
// seven days, and no longer than the session of cfg's credentials if they are temporary. Anyone who has the link may
// call the function.
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
