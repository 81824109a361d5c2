// Package proxy is a reverse proxy that signs requests: it receives plain HTTP and sends signed requests to a function
// URL, so that any HTTP client, browser or MCP client can use a function URL with IAM authentication.
//
// It passes on the request target byte for byte, and responses as they arrive. It spools each request body first, up to
// 1 MiB in memory and longer ones in a temporary file, since the signature contains the hash of the whole body and is
// sent before it.
//
// Every client of the proxy uses its credentials. The proxy therefore refuses requests with a foreign Host (DNS
// rebinding), requests that web pages of other origins cause, and, if it has a token, requests without the token. It
// refuses WebSockets and other upgrades, which function URLs do not support.
package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/sigv4"
)

// MaxConcurrent is the default of Config.MaxConcurrent.
const MaxConcurrent = 1024

// Config is the configuration of a Proxy.
type Config struct {
	// Upstream is the URL for requests that match no route; "" to refuse such requests.
	Upstream string
	Routes   []Route
	// Transport signs and sends, a *furl.Transport.
	Transport http.RoundTripper
	// AllowHosts are names that the Host header may have, in addition to IP addresses, localhost and names below it, and
	// the hosts of Routes.
	AllowHosts []string
	// AllowOrigins are origins ("https://app.example") whose pages may use the proxy; "*" for all.
	AllowOrigins []string
	// Token, if not empty, must be in each request: as a bearer token, as a password, or in X-Furl-Token.
	Token sigv4.Secret
	// ForwardAuthorization passes the client's Authorization header on as X-Forwarded-Authorization. The proxy never
	// passes on an X-Forwarded-Authorization header from the client.
	ForwardAuthorization bool
	// MaxConcurrent is the maximum number of requests at one time; 0 means the constant MaxConcurrent.
	MaxConcurrent int
	// DrainTimeout is the time that requests have to finish when the proxy stops; 0 means 10 seconds.
	DrainTimeout time.Duration
	// Log gets one line for each request; nil for no log.
	Log *slog.Logger
}

// Proxy is a reverse proxy that signs. Do not put this http.Handler behind a ServeMux, which redirects targets with
// "//" and "..".
type Proxy struct {
	config  Config
	routes  []route
	gate    gate
	reverse httputil.ReverseProxy
	running atomic.Int64
}

// New checks the configuration.
func New(c Config) (*Proxy, error) {
	if c.Transport == nil {
		return nil, errors.New("proxy: no transport")
	}
	routes, err := compile(c)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	if c.MaxConcurrent <= 0 {
		c.MaxConcurrent = MaxConcurrent
	}
	if c.DrainTimeout <= 0 {
		c.DrainTimeout = 10 * time.Second
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	p := &Proxy{config: c, routes: routes}
	if p.gate, err = newGate(c, routes); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p.reverse = httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      c.Transport,
		FlushInterval:  -1, // pass on responses as they arrive
		ErrorLog:       slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		BufferPool:     &buffers{},
		ModifyResponse: p.modify,
		ErrorHandler:   p.failed,
	}
	return p, nil
}

// ServeHTTP checks a request and passes it on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{start: time.Now()}
	defer x.log(r, p.config.Log)
	defer p.running.Add(-1)
	if p.running.Add(1) > int64(p.config.MaxConcurrent) {
		w.Header().Set("Retry-After", "1")
		x.refuse(w, http.StatusServiceUnavailable, "overload", "too many requests at one time")
		return
	}
	if message := unsupported(r); message != "" {
		x.refuse(w, http.StatusNotImplemented, "unsupported", message)
		return
	}
	if !p.gate.admit(w, r, x) {
		return
	}
	route, ok := p.find(r)
	if !ok {
		x.refuse(w, http.StatusNotFound, "route", "no upstream for "+r.Host+": give the proxy a URL or a --route for it")
		return
	}
	var err error
	if x.upstream, err = route.target(r); err != nil {
		x.refuse(w, http.StatusBadRequest, "target", err.Error())
		return
	}
	x.route, x.mount = &route, route.mount(r)
	p.reverse.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	x.done = true
}

// find returns the route of a request.
func (p *Proxy) find(r *http.Request) (route, bool) {
	host := listener.HostName(r.Host)
	for _, route := range p.routes {
		if route.Host != "" && !strings.EqualFold(route.Host, host) {
			continue
		}
		if rest, ok := strings.CutPrefix(r.RequestURI, route.Path); ok && (rest == "" || rest[0] == '/' || rest[0] == '?') {
			return route, true
		}
	}
	return route{}, false
}

// unsupported returns why function URLs do not support a request, or "".
func unsupported(r *http.Request) string {
	switch {
	case isWebSocket(r):
		return "function URLs have no WebSockets: use server-sent events, or an API Gateway WebSocket API"
	case r.Method == http.MethodConnect:
		return "this is a reverse proxy: use its address in place of the function URL, not as an HTTP proxy"
	case !strings.HasPrefix(r.RequestURI, "/"):
		return fmt.Sprintf("the request target %.80q is not a path: "+
			"use the proxy's address in place of the function URL, not as an HTTP proxy", r.RequestURI)
	}
	return ""
}

// Serve serves the listener until ctx ends. Then it waits for requests to finish, at most for the drain timeout or
// until stop ends. It supports HTTP/1.1, and HTTP/2 without TLS for clients that start with it.
func (p *Proxy) Serve(ctx, stop context.Context, inner net.Listener) error {
	server := &http.Server{
		Handler:           p,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    1 << 20, // as Lambda
		ErrorLog:          slog.NewLogLogger(p.config.Log.Handler(), slog.LevelDebug),
		// ServeHTTP refuses OPTIONS *, which a function URL does not answer.
		DisableGeneralOptionsHandler: true,
	}
	listener.Guard(server)
	shortages := machine.Warner{Log: p.config.Log}
	patient := machine.NewListener(inner, func(lack *machine.Lack) {
		shortages.Warn("new connections wait: there is no room for them", lack)
	})
	bounded := listener.New(patient, listener.Config{Log: p.config.Log})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(bounded) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(stop, p.config.DrainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil { // some requests still run, such as streams without end
		err = server.Close()
	}
	bounded.Drain(drain)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// headerForwarded passes the client's Authorization header on to the function. The function may trust it, so the proxy
// removes a header of that name from the client's request. Other headers about a client, such as X-Forwarded-User, come
// from a front end before this proxy and are passed on, except Forwarded and X-Forwarded-For, -Host and -Proto, which
// ReverseProxy removes and translate sets, but for the first two.
const headerForwarded = "X-Forwarded-Authorization"

// isForwarded reports whether a function may take the header for headerForwarded. A function behind a CGI or WSGI
// adapter sees no difference between "_" and "-".
func isForwarded(name string) bool {
	return len(name) == len(headerForwarded) && strings.EqualFold(strings.ReplaceAll(name, "_", "-"), headerForwarded)
}

// rewrite makes the request that goes to the function URL. ReverseProxy has removed hop-by-hop headers.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	x := exchangeOf(r.In.Context())
	r.Out.URL = x.upstream
	r.Out.Host = ""
	h := r.Out.Header
	h.Del("Connection") // ReverseProxy keeps these two if they ask for an upgrade
	h.Del("Upgrade")
	maps.DeleteFunc(h, func(name string, _ []string) bool { return isForwarded(name) })
	// The headers that the client lists in Connection are already removed, so the client cannot remove this one.
	if values := h["Authorization"]; p.config.ForwardAuthorization && len(values) > 0 {
		h[headerForwarded] = values
	}
	// A client such as one of AWS's may sign too, but a request has one signature. Furl-Canonical-Request describes the
	// client's. With X-Amz-Source-… an AWS service says on whose behalf it calls; the proxy's signature would confirm
	// that. Expect has no use, since the proxy already has the body.
	for _, name := range []string{
		"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256", "X-Amz-Source-Account",
		"X-Amz-Source-Arn", furlproto.CanonicalRequest, "Expect", headerToken,
	} {
		h.Del(name)
	}
	x.route.translate(r.In, h)
}

// modify records the response, makes the function's own addresses in it the proxy's, and lets an allowed page see it.
func (p *Proxy) modify(resp *http.Response) error {
	x := exchangeOf(resp.Request.Context())
	x.status = resp.StatusCode
	x.refusal, _ = furl.RefusalOf(resp)
	x.mount.Response(resp.Header)
	x.body = resp.Body
	resp.Body = x
	x.allowOrigin(resp.Header)
	return nil
}

// failed answers a request that got no response, and says what failed.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	x.allowOrigin(w.Header())
	status, kind := http.StatusBadGateway, "upstream"
	switch {
	case errors.Is(err, furl.ErrBodyTooLarge):
		status, kind = http.StatusRequestEntityTooLarge, "body"
	case errors.Is(err, furl.ErrRequest):
		status, kind = http.StatusBadRequest, "target"
	case r.Context().Err() != nil:
		const clientGone = 499 // only for the log
		status, kind = clientGone, "client"
	case machine.Lacking(err) != nil:
		status, kind = http.StatusServiceUnavailable, "machine" // it may pass
	case errors.Is(err, furl.ErrCredentials):
		kind = "credentials"
	case errors.Is(err, context.DeadlineExceeded):
		status = http.StatusGatewayTimeout
	}
	x.refuse(w, status, kind, err.Error())
}

// isWebSocket reports whether a request asks for a WebSocket (RFC 6455, section 4.1, and RFC 8441).
func isWebSocket(r *http.Request) bool {
	asked := func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), "websocket") }
	return slices.ContainsFunc(r.Header.Values("Upgrade"), asked) || r.Header.Get(":protocol") != ""
}

// buffers keeps the memory of a response for the next one.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
