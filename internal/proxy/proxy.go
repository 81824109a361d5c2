// Package proxy is a reverse proxy that signs: what it receives as plain HTTP it sends to a function URL with a
// signature, so that any HTTP client, browser or MCP client can use a function URL with IAM authentication.
//
// The request target goes on byte for byte. Responses are passed on as they come. Request bodies are spooled first, up
// to 1 MiB in memory and else in a temporary file, since a signature covers the hash of the whole body and goes out
// before it.
//
// Whoever reaches the proxy calls with its credentials. It therefore refuses requests with a foreign Host (DNS
// rebinding), requests that web pages of other origins cause, and, if it has a token, requests without it. It refuses
// WebSockets and other upgrades, which function URLs do not have.
package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// MaxConcurrent is how many requests are served at one time, if not told otherwise.
const MaxConcurrent = 1024

// Config is what a Proxy does.
type Config struct {
	// Upstream is the URL for requests that no route takes; "" if such requests are refused.
	Upstream string
	Routes   []Route
	// Transport signs and sends, a *furl.Transport.
	Transport http.RoundTripper
	// AllowHosts are names that may be in the Host header, besides IP addresses, localhost and names below it, and the
	// hosts of Routes.
	AllowHosts []string
	// AllowOrigins are origins ("https://app.example") whose pages may use the proxy; "*" for all.
	AllowOrigins []string
	// Token has to be in each request if it is not empty: as bearer token, as password, or as X-Furl-Token.
	Token sigv4.Secret
	// ForwardAuthorization passes the client's Authorization header on as X-Forwarded-Authorization. A header of that
	// name that the client sent itself is never passed on.
	ForwardAuthorization bool
	// MaxConcurrent is how many requests are served at one time; 0 means MaxConcurrent.
	MaxConcurrent int
	// DrainTimeout is how long requests may take to finish when the proxy is stopped; 0 means 10 seconds.
	DrainTimeout time.Duration
	// Log has a line for each request; nil for none.
	Log *slog.Logger
}

// Proxy is a signing reverse proxy. It is an http.Handler that must not stand behind a ServeMux, which redirects
// targets with "//" and "..".
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
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{config: c, routes: routes}
	if p.gate, err = newGate(c, routes); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p.reverse = httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      c.Transport,
		FlushInterval:  -1, // pass on what there is
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
	defer p.log(r, x)
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
	x.route = route.name
	p.reverse.ServeHTTP(w, r.WithContext(withExchange(r.Context(), x)))
	x.done = true
}

// unsupported says what function URLs can not do of what a request wants.
func unsupported(r *http.Request) string {
	switch {
	case isWebSocket(r):
		return "function URLs have no WebSockets: use server-sent events, or an API Gateway WebSocket API"
	case r.Method == http.MethodConnect:
		return "this is a reverse proxy: use its address in place of the function URL, not as HTTP proxy"
	case len(r.RequestURI) == 0 || r.RequestURI[0] != '/':
		return fmt.Sprintf("the request target %.80q is no path: use the proxy's address in place of the function URL, not as HTTP proxy", r.RequestURI)
	}
	return ""
}
