package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/metric"
)

// Addresses of the pages about the proxy itself.
const (
	pageHealth  = "/healthz"
	pageReady   = "/readyz"
	pageMetrics = "/metrics"
)

// credentialsTimeout is how long a page waits for credentials.
const credentialsTimeout = 5 * time.Second

// ServeAdmin serves the pages about the proxy until ctx ends: whether it lives, whether it is ready, and its metrics.
// The caller ends it after Serve, so that a proxy that drains can say so.
func (p *Proxy) ServeAdmin(ctx context.Context, inner net.Listener) error {
	server := &http.Server{
		Handler:           http.HandlerFunc(p.page),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       headTimeout,
		WriteTimeout:      2 * headTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	const enough = 64 // connections
	ended := make(chan error, 1)
	go func() {
		ended <- server.Serve(listener.New(inner, listener.Config{MaxConnections: enough, Log: p.log}))
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	err := server.Close()
	<-ended // it is that the server was closed
	return err
}

// page answers one of the pages. A web site whose name leads to this machine gets none.
func (p *Proxy) page(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	hosts := listener.Hosts{Addresses: true}
	for _, host := range p.table.Load().config.AllowHosts {
		hosts.Names = append(hosts.Names, listener.HostName(host))
	}
	if !hosts.Have(r.Host) {
		http.Error(w, "furl proxy: the Host header is not localhost, an IP address or a name of allow-hosts",
			http.StatusForbidden)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "furl proxy: pages are read with GET", http.StatusMethodNotAllowed)
		return
	}
	switch r.URL.Path {
	case pageHealth:
		io.WriteString(w, "ok\n") //nolint:errcheck // a client that is gone is nobody's loss
	case pageReady:
		p.ready(w, r)
	case pageMetrics:
		var page bytes.Buffer
		if err := metric.Write(&page, append(p.Collectors(), metric.Process()...)); err != nil {
			p.log.Error("metrics not written", "error", err)
			http.Error(w, "furl proxy: the metrics cannot be written; the log says why", http.StatusInternalServerError)
			return
		}
		header.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		page.WriteTo(w) //nolint:errcheck // the same
	default:
		const text = "furl proxy: no such page; there are " + pageHealth + ", " + pageReady + " and " + pageMetrics
		http.Error(w, text, http.StatusNotFound)
	}
}

// ready says whether requests may come: the proxy does not drain, and there are credentials for all routes. Why there
// are none is for the log: the page has readers who need not know of roles and profiles.
func (p *Proxy) ready(w http.ResponseWriter, r *http.Request) {
	if p.draining.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), credentialsTimeout)
	defer cancel()
	if err := p.table.Load().credentials(ctx); err != nil {
		p.log.Warn("not ready", "error", err)
		http.Error(w, "no credentials", http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ready\n") //nolint:errcheck // the same
}

// credentials fails if there are none for a route.
func (t *table) credentials(ctx context.Context) error {
	asked := map[*furl.Transport]bool{}
	for _, route := range t.routes {
		transport, ok := route.Transport.(*furl.Transport)
		if !ok || asked[transport] {
			continue
		}
		asked[transport] = true
		if transport.Credentials == nil {
			return fmt.Errorf("route %s: %w", route.Where(), furl.ErrCredentials)
		}
		if _, err := transport.Credentials.Retrieve(ctx); err != nil {
			return fmt.Errorf("route %s: %w: %w", route.Where(), furl.ErrCredentials, err)
		}
	}
	return nil
}
