package furl

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/sigv4"
)

var _ http.RoundTripper = (*Transport)(nil)

// Transport is an [http.RoundTripper] that signs requests to function URLs. Its fields must not be changed after
// first use; it must not be copied and may be used by several goroutines at once.
//
// Besides signing it
//   - sends each target as it was typed, see [ParseURL];
//   - repeats requests answered with 429, 502, 503 or 504, if the method is idempotent;
//   - learns how far its clock is off from a refusal that tells, and repeats that request once;
//   - fetches credentials anew that were refused as expired, and repeats that request once;
//   - signs redirected requests only on the host the first request went to; elsewhere they go unsigned.
//
// A body is read twice, or kept up to 1 MiB in memory and beyond that in a temporary file until it is sent. It is read
// again for GetBody, and for an [io.ReadSeeker] such as a file. Responses are passed on as they come.
//
// Headers Authorization, X-Amz-Date and X-Amz-Security-Token of the request are replaced. Headers that proxies on the
// way are entitled to change (Accept-Encoding, Cache-Control, Forwarded, Via, X-Forwarded-… and the like) are sent but
// not signed.
type Transport struct {
	// Credentials are asked before each request. An [aws.CredentialsCache] renews them before they expire.
	Credentials aws.CredentialsProvider
	// Region is that of function URLs which do not name one: path style, and Domains with no region.
	Region string
	// Service is what to sign for; "" means lambda.
	Service string
	// Domains are further hosts that are function URLs, in lower case with the port as in the URL, each with its
	// region or "" for Region. A function URL's own host may be listed to give it another region.
	Domains map[string]string
	// Base sends the signed requests; nil means [NewBase]. A few legal targets (those that begin with two slashes and
	// have characters net/http would escape) can be sent by an [*http.Transport] only.
	Base http.RoundTripper
	// MaxRetries is how often a request is repeated that was answered with 429, 502, 503 or 504. 0 means
	// DefaultMaxRetries, a negative number none.
	MaxRetries int
	// MaxSpool is the longest body, in bytes, that is spooled because it can be read only once. 0 means
	// DefaultMaxSpool.
	MaxSpool int64
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// OnSign is called after each signing with the request as it will be sent; nil means nobody is told. Headers that it
	// adds are sent unsigned. What it is given, sigv4.Signer.KeepTexts, holds the session token in clear: diagnose.Lines
	// prints it without.
	OnSign func(*http.Request, sigv4.Signed)

	mu        sync.RWMutex
	endpoints map[string]*endpoint // by host as in the URL

	baseOnce    sync.Once
	defaultBase *http.Transport
	exactOnce   sync.Once
	exact       *http.Transport
	hashers     sync.Pool
	spools      atomic.Int32 // bodies spooled at the moment
}

// NewTransport returns a Transport with the credentials and the region of cfg. Credentials that are not cached are
// wrapped in a cache.
func NewTransport(cfg aws.Config) *Transport {
	t := &Transport{Region: cfg.Region, Credentials: cfg.Credentials}
	if _, cached := t.Credentials.(*aws.CredentialsCache); t.Credentials != nil && !cached {
		t.Credentials = aws.NewCredentialsCache(t.Credentials)
	}
	return t
}

// endpoint is one host that is signed for.
type endpoint struct {
	signer sigv4.Signer
	// offset is how far the host's clock is ahead of ours, in nanoseconds.
	offset atomic.Int64
}

// maxEndpoints bounds the hosts whose signing keys and clocks are remembered.
const maxEndpoints = 1024

// endpoint finds what is known about the host of a request.
func (t *Transport) endpoint(r *http.Request) (*endpoint, error) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	t.mu.RLock()
	e := t.endpoints[host]
	t.mu.RUnlock()
	if e != nil {
		return e, nil
	}
	region, err := t.regionOf(host, r.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	service := t.Service
	if service == "" {
		service = "lambda"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.endpoints[host]; e != nil {
		return e, nil
	}
	e = &endpoint{}
	e.signer.Region, e.signer.Service, e.signer.Unsigned = region, service, changeable
	e.signer.KeepTexts = t.OnSign != nil
	e.signer.Now = func() time.Time { return t.now().Add(time.Duration(e.offset.Load())) }
	if t.endpoints == nil || len(t.endpoints) >= maxEndpoints {
		t.endpoints = map[string]*endpoint{}
	}
	t.endpoints[host] = e
	return e, nil
}

// regionOf is the region to sign for. It is an error to ask for a host that is no function URL.
func (t *Transport) regionOf(host, path string) (string, error) {
	region, listed := t.Domains[strings.ToLower(host)]
	if !listed {
		var id string
		if id, region, _ = identify(host, path); id == "" {
			return "", fmt.Errorf("furl: %s is not known to be a function URL, so nothing is signed for it: list it in Transport.Domains if it is one", host)
		}
	}
	if region == "" {
		region = t.Region
	}
	if region == "" {
		return "", fmt.Errorf("furl: the URL at %s does not say its region, and none is configured (AWS_REGION)", host)
	}
	return region, nil
}

// changeable reports headers that proxies on the way may add, change or remove. Most are on the list of headers that
// the AWS SDK for JavaScript never signs; the others are added or rewritten by content delivery networks.
func changeable(name string) bool {
	switch name {
	case "accept-encoding", "cache-control", "cdn-loop", "forwarded", "from", "max-forwards", "pragma", "referer", "via", "x-real-ip":
		return true
	}
	return strings.HasPrefix(name, "x-forwarded-")
}

func (t *Transport) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

func (t *Transport) base() http.RoundTripper {
	if t.Base != nil {
		return t.Base
	}
	t.baseOnce.Do(func() { t.defaultBase = NewBase() })
	return t.defaultBase
}

// CloseIdleConnections closes the connections that wait for another request, as [http.Client.CloseIdleConnections]
// asks.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// RoundTrip signs and sends a request. See [Transport].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if leftHost(r) {
		return t.base().RoundTrip(r)
	}
	e, err := t.endpoint(r)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	b, err := t.bodyOf(r)
	if err != nil {
		return nil, err
	}
	defer b.close()
	attempts := attempts{transport: t, endpoint: e, request: r}
	for {
		resp, err := t.send(r, e, b)
		if err != nil {
			return nil, err
		}
		resp.Request = r
		wait, again := attempts.another(resp)
		if !again {
			return resp, nil
		}
		drain(resp)
		if err := sleep(r.Context(), wait); err != nil {
			return nil, err
		}
	}
}

// send signs and sends the request once.
func (t *Transport) send(r *http.Request, e *endpoint, b *body) (*http.Response, error) {
	out := outgoing(r, b)
	exact := exactTarget(out.URL)
	out.URL = exact.url
	err := t.sign(out, e, b)
	if err != nil || b.size == 0 {
		b.discard()
		out.Body = http.NoBody // of any other body net/http would not know that it is empty
	} else {
		out.Body, err = b.open()
	}
	if err != nil {
		return nil, err
	}
	if exact.line != "" {
		return t.roundTripLine(out, exact.line)
	}
	return t.base().RoundTrip(out)
}

// outgoing is a copy of the request whose headers can be set.
func outgoing(r *http.Request, b *body) *http.Request {
	out := r.WithContext(r.Context())
	out.Header = make(http.Header, len(r.Header)+4)
	for name, values := range r.Header {
		out.Header[name] = values
	}
	out.ContentLength = b.size
	out.TransferEncoding = nil // the length is known now
	if b.size > 0 {
		out.GetBody = b.open
	}
	return out
}

// leftHost reports whether the request is one that redirects have led away from where the first one went.
func leftHost(r *http.Request) bool {
	for resp := r.Response; resp != nil && resp.Request != nil; resp = resp.Request.Response {
		from := resp.Request.URL
		if from.Scheme != r.URL.Scheme || !strings.EqualFold(from.Host, r.URL.Host) {
			return true
		}
	}
	return false
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}
