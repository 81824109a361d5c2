package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/machine"
)

// headerForwarded is the client's Authorization header on its way to the function. The function may trust it, so that a
// client's own never goes on. Other headers about a client, such as X-Forwarded-User, are those of a front end before
// this proxy and go on, but for the ones that ReverseProxy removes: Forwarded and X-Forwarded-For, -Host and -Proto.
const headerForwarded = "X-Forwarded-Authorization"

// isForwarded reports whether a function may take the header for headerForwarded. Those behind a CGI or WSGI adapter do
// not see the difference between "_" and "-".
func isForwarded(name string) bool {
	return len(name) == len(headerForwarded) && strings.EqualFold(strings.ReplaceAll(name, "_", "-"), headerForwarded)
}

// rewrite makes the request that goes to the function URL. Hop-by-hop headers are gone by now.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	x := exchangeOf(r.In.Context())
	r.Out.URL = x.upstream
	r.Out.Host = ""
	h := r.Out.Header
	h.Del("Connection") // ReverseProxy leaves an upgrade in, which a server may ignore
	h.Del("Upgrade")
	maps.DeleteFunc(h, func(name string, _ []string) bool { return isForwarded(name) })
	// The headers that the client lists in Connection are gone by now: it cannot have this one removed.
	if values := h["Authorization"]; p.config.ForwardAuthorization && len(values) > 0 {
		h[headerForwarded] = values
	}
	// A client may sign too, AWS's own for example; only one signature can go on, and what furl call tells a server on
	// this machine of its own stays here. In X-Amz-Source-… AWS's services say for whom they call; with a signature of
	// the proxy it would be the proxy that says so. The body is here already, so that nobody has to be asked whether to
	// send it.
	for _, name := range []string{
		"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256", "X-Amz-Source-Account",
		"X-Amz-Source-Arn", "Furl-Canonical-Request", "Expect", HeaderToken,
	} {
		h.Del(name)
	}
}

// modify notes what came back, and lets an allowed page see it.
func (p *Proxy) modify(resp *http.Response) error {
	x := exchangeOf(resp.Request.Context())
	x.status = resp.StatusCode
	if refusal, ok := furl.RefusalOf(resp); ok {
		x.refusal = refusal
	}
	x.body = resp.Body
	resp.Body = x
	x.allowOrigin(resp.Header)
	return nil
}

// allowOrigin lets the page that asked see the response, in place of what the function has to say about origins: it
// was asked by the proxy, and does not know the page.
func (x *exchange) allowOrigin(h http.Header) {
	if x.origin == "" {
		return
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	exposed := make([]string, 0, len(h))
	for name := range h {
		exposed = append(exposed, name)
	}
	slices.Sort(exposed)
	h.Set("Access-Control-Allow-Origin", x.origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", strings.Join(exposed, ", "))
	h.Add("Vary", "Origin")
}

// failed answers a request that got no response, and says whose fault it is.
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
		const clientGone = 499 // for the log: nobody reads it
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

// isWebSocket reports whether a request wants to become a WebSocket (RFC 6455, section 4.1, and RFC 8441).
func isWebSocket(r *http.Request) bool {
	return slices.ContainsFunc(r.Header.Values("Upgrade"), func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), "websocket") }) ||
		r.Header.Get(":protocol") != ""
}

// buffers are used again from one response to the next.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

var _ io.ReadCloser = (*exchange)(nil)
