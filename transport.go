package furl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/sigv4"
)

var _ http.RoundTripper = (*Transport)(nil)

// Transport is an [http.RoundTripper] that signs requests to function URLs. Its fields must not change after first use.
// It must not be copied. Several goroutines may use it at once.
//
// In addition to signing, it
//   - sends each target as it was typed, see [ParseURL];
//   - repeats requests answered with 429, 502, 503 or 504, if the method is idempotent;
//   - corrects its clock when a refusal shows that it is wrong, and repeats that request once;
//   - fetches credentials again that were refused, and repeats that request once if they are others now; see
//     [NewTransport];
//   - signs a redirected request only if it stays on the host of the first request and is not presigned, and sends
//     others unsigned.
//
// It reads a body twice if the request has GetBody or the body is an [io.ReadSeeker] such as a file. It keeps any other
// body in memory until it is sent, or in a temporary file if the body is longer than 1 MiB. It passes responses on as
// they arrive.
//
// It replaces the headers Authorization, X-Amz-Date and X-Amz-Security-Token of the request. It sends but does not sign
// headers that proxies on the way may change: Accept-Encoding, Cache-Control, Forwarded, Via, X-Forwarded-… and others.
type Transport struct {
	// Credentials provides the credentials for each request. An [aws.CredentialsCache] renews them before they expire.
	// With [aws.AnonymousCredentials] the requests go out unsigned, with the headers that they have and to any host: for
	// function URLs of auth type NONE.
	Credentials aws.CredentialsProvider
	// Region is the region of function URLs that do not name one: path style, and Domains without a region.
	Region string
	// Service is the service to sign for; "" means lambda.
	Service string
	// Domains lists more hosts that are function URLs, in lower case with the port as in the URL, each with its region
	// or "" for Region. It may list a function URL's own host to give it another region.
	Domains map[string]string
	// SignHosts maps hosts that stand in front of a function URL, such as a custom domain of CloudFront, to the function
	// URL's own host. It is for those that replace the Host header by the function URL's: requests go to the key, as in
	// the URL and in lower case, and the signature is for the value.
	SignHosts map[string]string
	// Base sends the signed requests; nil means [NewBase]. Only an [*http.Transport] can send targets that begin with
	// two slashes and have characters that net/http would escape.
	Base http.RoundTripper
	// MaxRetries is how often to repeat a request that was answered with 429, 502, 503 or 504. 0 means
	// DefaultMaxRetries, a negative number none.
	MaxRetries int
	// MaxSpool is the maximum length, in bytes, of a body that can be read only once. 0 means DefaultMaxSpool.
	MaxSpool int64
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// OnSign, if not nil, is called after each signing with the request as it will be sent. Headers that it adds are
	// sent unsigned. The texts in Signed (see sigv4.Signer.KeepTexts) contain the session token in clear:
	// diagnose.Lines prints them without it.
	OnSign func(*http.Request, sigv4.Signed)
	// OnRepeat, if not nil, is called before a request is repeated, with the reason for people to read.
	OnRepeat func(reason string)
	// Logger, if not nil, gets a record of level debug for each signature ("signed", with method, host, path, region,
	// service, access_key_id, signed_at, signed_headers and payload_sha256) and one of level info for each repetition
	// ("repeated", with method, host, path and reason). Nothing in them is secret: the query and the values of headers,
	// which may be, are left out.
	Logger *slog.Logger

	mu        sync.RWMutex
	endpoints map[string]*endpoint // by host as in the URL

	baseOnce    sync.Once
	defaultBase *http.Transport
	exactOnce   sync.Once
	exact       *http.Transport
	hashers     sync.Pool
	spools      atomic.Int32 // bodies spooled at the moment
}

// NewTransport returns a Transport with the credentials and the region of cfg. It adds a cache to the credentials.
//
// If cfg comes from config.LoadDefaultConfig, the Transport loads the environment and the shared files again when the
// credentials are refused, so that a program that runs for long gets the keys that a person has changed there.
func NewTransport(cfg aws.Config) *Transport {
	t := &Transport{Region: cfg.Region}
	switch {
	case anonymous(cfg.Credentials):
		t.Credentials = cfg.Credentials
	case cfg.Credentials != nil:
		t.Credentials = aws.NewCredentialsCache(reloading(cfg))
	}
	return t
}

// anonymous reports whether requests go out unsigned.
func anonymous(p aws.CredentialsProvider) bool {
	return aws.IsCredentialsProvider(p, aws.AnonymousCredentials{})
}

// endpoint is one host that is signed for.
type endpoint struct {
	host   string // to sign for, if it is not the one to send to
	signer sigv4.Signer
	// offset is how far the host's clock is ahead of ours, in nanoseconds.
	offset atomic.Int64
}

// maxEndpoints bounds how many hosts' signing keys and clocks are kept.
const maxEndpoints = 1024

// endpoint returns the endpoint of a request's host.
func (t *Transport) endpoint(r *http.Request) (*endpoint, error) {
	host := cmp.Or(r.Host, r.URL.Host)
	t.mu.RLock()
	e := t.endpoints[host]
	t.mu.RUnlock()
	if e != nil {
		return e, nil
	}
	e = &endpoint{host: t.SignHosts[strings.ToLower(host)]}
	region, err := t.regionOf(cmp.Or(e.host, host), r.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.endpoints[host]; e != nil {
		return e, nil
	}
	e.signer.Region, e.signer.Service, e.signer.Unsigned = region, cmp.Or(t.Service, "lambda"), changeable
	e.signer.KeepTexts = t.OnSign != nil
	e.signer.Now = func() time.Time { return t.now().Add(time.Duration(e.offset.Load())) }
	if t.endpoints == nil || len(t.endpoints) >= maxEndpoints {
		t.endpoints = map[string]*endpoint{}
	}
	t.endpoints[host] = e
	return e, nil
}

// regionOf returns the region to sign for, or an error if the host is not a function URL.
func (t *Transport) regionOf(host, path string) (string, error) {
	region, listed := t.Domains[strings.ToLower(host)]
	if !listed {
		var id string
		if id, region, _ = identify(host, path); id == "" {
			return "", fmt.Errorf("%w: %s: nothing is signed for it; list it in Transport.Domains if it is one, or in "+
				"Transport.SignHosts if it stands in front of one", ErrNotFunctionURL, host)
		}
	}
	if region = cmp.Or(region, t.Region); region == "" {
		return "", fmt.Errorf("%w: the URL at %s does not name one: set AWS_REGION", ErrRegion, host)
	}
	return region, nil
}

// changeable reports headers that proxies on the way may add, change or remove. The AWS SDK for JavaScript never signs
// most of them; content delivery networks add or rewrite the others.
func changeable(name string) bool {
	switch name {
	case "accept-encoding", "cache-control", "cdn-loop", "forwarded", "from", "max-forwards", "pragma", "referer", "via",
		"x-real-ip":
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

// CloseIdleConnections closes the connections that no request uses. [http.Client.CloseIdleConnections] calls it.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// RoundTrip signs and sends a request. See [Transport].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if leftHost(r) || r.Response != nil && presigned(r.URL) {
		return t.base().RoundTrip(r)
	}
	e, b, err := t.ready(r)
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
		wait, reason := attempts.another(resp)
		if reason == "" {
			return resp, nil
		}
		t.tellRepeat(r, reason)
		drain(resp)
		if err := sleep(r.Context(), wait); err != nil {
			return nil, err
		}
	}
}

// tellRepeat tells those who want to know that a request is about to be repeated.
func (t *Transport) tellRepeat(r *http.Request, reason string) {
	if t.OnRepeat != nil {
		t.OnRepeat(reason)
	}
	if t.Logger != nil {
		t.Logger.LogAttrs(r.Context(), slog.LevelInfo, "repeated", append(requestAttrs(r), slog.String("reason", reason))...)
	}
}

// requestAttrs names a request in a log, without what may be secret.
func requestAttrs(r *http.Request) []slog.Attr {
	return []slog.Attr{
		slog.String("method", cmp.Or(r.Method, http.MethodGet)), slog.String("host", cmp.Or(r.Host, r.URL.Host)),
		slog.String("path", r.URL.EscapedPath()),
	}
}

// ready returns the endpoint, an empty one for an unsigned request, and the body of a request that is to be sent. It
// closes r.Body on error.
func (t *Transport) ready(r *http.Request) (*endpoint, *body, error) {
	e, err := &endpoint{}, error(nil)
	if !anonymous(t.Credentials) {
		e, err = t.endpoint(r)
	}
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, nil, err
	}
	b, err := t.bodyOf(r)
	return e, b, err
}

// send signs the request, unless it goes out unsigned, and sends it once.
func (t *Transport) send(r *http.Request, e *endpoint, b *body) (*http.Response, error) {
	out := outgoing(r, b)
	exact := exactTarget(out.URL)
	out.URL = exact.url
	var err error
	if !anonymous(t.Credentials) {
		var signed sigv4.Signed
		signed, err = t.sign(out, e, b, (*sigv4.Signer).Sign)
		if err == nil && t.OnSign != nil {
			t.OnSign(out, signed)
		}
	}
	if err != nil || b.size == 0 {
		b.discard()
		out.Body = http.NoBody // net/http does not see that any other body is empty
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

// outgoing copies the request, so that its headers can be set.
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

// leftHost reports whether a redirect has sent the request away from the first request's host.
func leftHost(r *http.Request) bool {
	for resp := r.Response; resp != nil && resp.Request != nil; resp = resp.Request.Response {
		from := resp.Request.URL
		if from.Scheme != r.URL.Scheme || !strings.EqualFold(from.Host, r.URL.Host) {
			return true
		}
	}
	return false
}

// presigned reports whether a URL has a signature of its own.
func presigned(u *url.URL) bool {
	query := u.Query()
	return query.Has("X-Amz-Algorithm") && query.Has("X-Amz-Signature")
}

// NewBase returns the transport that a [Transport] sends with by default. The caller may change it before first use.
// It has the settings of [http.DefaultTransport], except that it
//   - uses HTTP/1.1 only, as function URLs do;
//   - connects to *.localhost on this machine, no matter what the resolver says (RFC 6761, section 6.3);
//   - uses a proxy (HTTPS_PROXY) only for https to other machines, since a proxy would see the session token of a request
//     over http;
//   - keeps more idle connections to one host.
func NewBase() *http.Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme != "https" || isLocalhost(r.URL.Hostname()) {
				return nil, nil
			}
			return http.ProxyFromEnvironment(r)
		},
		DialContext: Localhost(dialer.DialContext),
		Protocols:   protocols,

		OnProxyConnectResponse: furlproto.CheckProxy,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
	}
}

// DialFunc is the type of [http.Transport.DialContext].
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// Localhost returns a DialFunc that dials 127.0.0.1 and then ::1 for localhost and the names below it. It calls dial
// for all other addresses.
func Localhost(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || !isLocalhost(host) {
			return dial(ctx, network, address)
		}
		conn, err4 := dial(ctx, network, net.JoinHostPort("127.0.0.1", port))
		if err4 == nil {
			return conn, nil
		}
		conn, err6 := dial(ctx, network, net.JoinHostPort("::1", port))
		if err6 == nil {
			return conn, nil
		}
		return nil, errors.Join(err4, err6)
	}
}

func isLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
