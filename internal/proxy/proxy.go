// Package proxy is a reverse proxy that signs requests: it receives plain HTTP and sends signed requests to function
// URLs, so that any HTTP client, browser or MCP client can use a function URL with IAM authentication.
//
// It passes on the request target byte for byte, and responses as they arrive. It spools each request body first, up to
// 1 MiB in memory and longer ones in a temporary file: Lambda accepts no unsigned payload, so the signature contains the
// hash of the whole body and is sent before it.
//
// Every client of the proxy uses its credentials. The proxy therefore refuses requests with a foreign Host (DNS
// rebinding), requests that web pages of other origins cause, and, if it has a token, requests without the token. It
// refuses WebSockets and other upgrades, which function URLs do not support.
//
// A [Config] comes from flags, from a file ([ReadConfig]), or from both. What a configuration means is a table, which
// Reload replaces as a whole: each request keeps the one that it began with. What a route remembers of its requests
// stays with the route.
package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/mount"
)

// Proxy is a reverse proxy that signs. Do not put this http.Handler behind a ServeMux, which redirects targets with
// "//" and "..".
type Proxy struct {
	log      *slog.Logger
	reverse  httputil.ReverseProxy
	intake   *listener.Intake
	table    atomic.Pointer[table]
	running  atomic.Int64
	replays  atomic.Int32 // bodies that are kept for retries
	outcomes tally        // of requests that have found no route
	reloads  [2]atomic.Uint64
	draining atomic.Bool
	open     atomic.Pointer[listener.Listener] // of Serve
}

// table is what a configuration makes of a Proxy. A request has the same one from its beginning to its end.
type table struct {
	config Config
	routes []*route
	gate   gate
	pair   *listener.Pair // nil without TLS
}

// New checks the configuration.
func New(c Config) (*Proxy, error) {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	t, err := newTable(c)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{log: c.Log, intake: listener.NewIntake(bodyTimeout, 0)}
	p.table.Store(t)
	p.reverse = httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      p,
		FlushInterval:  flushInterval,
		ErrorLog:       slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		BufferPool:     &buffers{},
		ModifyResponse: p.modify,
		ErrorHandler:   p.failed,
	}
	return p, nil
}

// flushInterval is how long a piece of a response of known length may wait for the next. Most such responses come whole,
// and are sent in one write. ReverseProxy passes on a piece of any other response at once.
const flushInterval = 500 * time.Microsecond

// bodyTimeout is how long each MiB of a request's body may take to arrive.
const bodyTimeout = 30 * time.Second

func newTable(c Config) (*table, error) {
	routes, err := compile(c)
	if err != nil {
		return nil, err
	}
	if c.MaxConcurrent <= 0 {
		c.MaxConcurrent = MaxConcurrent
	}
	if c.DrainTimeout <= 0 {
		c.DrainTimeout = 10 * time.Second
	}
	t := &table{config: c, routes: routes, pair: c.certificate()}
	if t.pair != nil {
		if err := t.pair.Load(); err != nil {
			if text, ok := strings.CutPrefix(err.Error(), "client-ca: "); ok {
				return nil, wrong("client-ca", "%s", text)
			}
			return nil, wrong("tls-cert", "%s", strings.TrimPrefix(err.Error(), "tls-cert, tls-key: "))
		}
	}
	t.gate, err = newGate(c, routes)
	return t, err
}

// Reload takes another configuration for the requests that begin from now on. If it cannot be used, all stays as it is.
// What a route remembers of its requests goes on, and so do the listeners.
func (p *Proxy) Reload(c Config) error {
	old := p.table.Load()
	c.Log = p.log
	next, err := newTable(c)
	if err == nil {
		err = errors.Join(
			kept("listen", old.config.Listen, c.Listen), kept("admin", old.config.admin(), c.admin()),
			kept("tls-cert", on(old.pair), on(next.pair)),
		)
	}
	if err != nil {
		p.Refuse()
		return err
	}
	for _, route := range next.routes {
		for _, before := range old.routes {
			if before.Where() == route.Where() {
				route.state = before.state
			}
		}
	}
	p.table.Store(next)
	p.reloads[0].Add(1)
	return nil
}

// Refuse counts a configuration that was read again and cannot be used.
func (p *Proxy) Refuse() { p.reloads[1].Add(1) }

// kept refuses to change what stays as long as the proxy runs.
func kept(key, before, after string) error {
	if before == after {
		return nil
	}
	return wrong(key, "it stays %q while the proxy runs, and cannot become %q: restart the proxy", before, after)
}

func on(pair *listener.Pair) string {
	if pair == nil {
		return "off"
	}
	return "on"
}

// ServeHTTP checks a request and passes it on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := p.table.Load()
	x := &exchange{start: time.Now(), in: r, forward: t.config.ForwardAuthorization}
	defer p.ended(x, r)
	defer p.running.Add(-1)
	if p.running.Add(1) > int64(t.config.MaxConcurrent) {
		x.refuseFor(w, http.StatusServiceUnavailable, time.Second, checkOverload, "too many requests at one time")
		return
	}
	if message := unsupported(r); message != "" {
		x.refuse(w, http.StatusNotImplemented, checkUnsupported, message)
		return
	}
	if !t.gate.admit(w, r, x) {
		return
	}
	route := t.find(r)
	if route == nil {
		x.refuse(w, http.StatusNotFound, checkRoute,
			fmt.Sprintf("no upstream for %.200s: give the proxy a URL or a --route for it", r.Host))
		return
	}
	x.route = route
	var err error
	if x.upstream, err = route.target(r); err != nil {
		x.refuse(w, http.StatusBadRequest, checkTarget, err.Error())
		return
	}
	x.passed(w, r, p)
}

// passed passes a request on that has found its route, within the limits of the route.
func (x *exchange) passed(w http.ResponseWriter, r *http.Request, p *Proxy) {
	route, state := x.route, x.route.state
	defer state.running.Add(-1)
	if most := int64(route.MaxConcurrent); state.running.Add(1) > most && most > 0 {
		x.allowOrigin(w.Header())
		x.refuseFor(w, http.StatusServiceUnavailable, time.Second, checkOverload,
			"too many requests of this route at one time")
		return
	}
	if wait, ok := state.bucket.take(x.start, route.Limits); !ok {
		x.allowOrigin(w.Header())
		x.refuseFor(w, http.StatusTooManyRequests, wait, checkRate, "too many requests of this route in a short time")
		return
	}
	through, wait := state.breaker.pass(x.start, route.Limits)
	if through == 0 {
		x.allowOrigin(w.Header())
		x.refuseFor(w, http.StatusServiceUnavailable, wait, checkBreaker,
			"the function failed again and again, and is left alone for a while")
		return
	}
	defer func() { // also if ReverseProxy panics, which ends a response that has begun
		if state.breaker.done(time.Now(), route.Limits, through, x.result) {
			p.log.Warn("circuit breaker opened", "route", route.Where(), "upstream", route.name,
				"retry_after", route.BreakerTimeout.String())
		}
	}()
	r, done := p.intake.Receive(w, r)
	defer done()
	p.reverse.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	x.done = true
}

// find returns the route of a request, nil if there is none.
func (t *table) find(r *http.Request) *route {
	host := ""
	for _, route := range t.routes {
		if route.Host != "" {
			if host == "" {
				host = listener.HostName(r.Host)
			}
			if !strings.EqualFold(route.Host, host) {
				continue
			}
		}
		if rest, ok := strings.CutPrefix(r.RequestURI, route.Path); ok && (rest == "" || rest[0] == '/' || rest[0] == '?') {
			return route
		}
	}
	return nil
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
	if values := h["Authorization"]; x.forward && len(values) > 0 {
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
	if r.In.TLS != nil { // the proxy alone knows who the client is
		maps.DeleteFunc(h, func(name string, _ []string) bool { return isCertificate(name) })
	}
	x.route.translate(r.In, h)
}

// isCertificate reports whether a header says what certificate a client has, as front ends have it: Client-Cert (RFC
// 9440), X-Forwarded-Client-Cert (Envoy), X-SSL-Client-… (nginx), X-Client-Cert-…, X-Amzn-Mtls-… (AWS) and others.
func isCertificate(name string) bool {
	plain := strings.TrimPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "x-")
	for _, prefix := range []string{
		"client-cert", "forwarded-client-cert", "forwarded-tls-client-cert", "ssl-client", "tls-client", "client-verify",
		"client-dn", "amzn-mtls", "arr-clientcert", "ssl-cert", "client-san", "client-subject",
	} {
		if strings.HasPrefix(plain, prefix) {
			return true
		}
	}
	return false
}

// modify records the response, makes the function's own addresses in it the proxy's, and lets an allowed page see it.
func (p *Proxy) modify(resp *http.Response) error {
	x := exchangeOf(resp.Request.Context())
	x.route.state.waited.Add(int64(time.Since(x.start)))
	x.status, x.result = resp.StatusCode, resultOf(resp, nil)
	x.requestID = resp.Header.Get("X-Amzn-Requestid")
	x.refusal, _ = furl.RefusalOf(resp)
	if mount.Concerns(resp.Header) {
		x.route.mount(x.in).Response(resp.Header)
	}
	x.body = resp.Body
	resp.Body = x
	x.allowOrigin(resp.Header)
	return nil
}

// failed answers a request that got no response, and says what failed.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	x.allowOrigin(w.Header())
	x.result = resultOf(nil, err)
	status, kind := http.StatusBadGateway, checkUpstream
	switch {
	case errors.Is(err, furl.ErrBodyTooLarge):
		status, kind = http.StatusRequestEntityTooLarge, checkBody
	case errors.Is(err, furl.ErrRequest):
		status, kind = http.StatusBadRequest, checkTarget
	case errors.Is(err, furl.ErrBody) && errors.Is(err, os.ErrDeadlineExceeded): // which ends the context, too
		status, kind = http.StatusRequestTimeout, checkBody
	case r.Context().Err() != nil:
		const clientGone = 499 // only for the log
		status, kind = clientGone, checkClient
		x.result = resultUnknown
	case machine.Lacking(err) != nil:
		status, kind = http.StatusServiceUnavailable, checkMachine // it may pass
		x.result = resultUnknown
	case errors.Is(err, furl.ErrCredentials):
		kind = checkCredentials
	case errors.Is(err, context.DeadlineExceeded):
		status, kind = http.StatusGatewayTimeout, checkTimeout
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
