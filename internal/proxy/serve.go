package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/machine"
)

// headTimeout is how long the head of a request may take to arrive, with the handshake of TLS before it.
const headTimeout = 10 * time.Second

// Serve serves the listener until ctx ends. Then it closes the listener and waits for requests to finish, streams too,
// at most for the drain timeout or until stop ends. It supports HTTP/1.1, HTTP/2 over TLS, and HTTP/2 without TLS for
// clients that start with it.
func (p *Proxy) Serve(ctx, stop context.Context, inner net.Listener) error {
	server := &http.Server{
		Handler:           p,
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    1 << 20, // as Lambda
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
		// ServeHTTP refuses OPTIONS *, which a function URL does not answer.
		DisableGeneralOptionsHandler: true,
	}
	listener.Guard(server)
	shortages := machine.Warner{Log: p.log}
	accepting := net.Listener(machine.NewListener(inner, func(lack *machine.Lack) {
		shortages.Warn("new connections wait: there is no room for them", lack)
	}))
	t := p.table.Load()
	if t.pair != nil {
		accepting = listener.OnlyTLS(accepting, listener.TLSConfig(func() *listener.Pair { return p.table.Load().pair }))
	}
	bounded := listener.New(accepting, listener.Config{MaxConnections: t.config.MaxConnections, Log: p.log})
	p.open.Store(bounded)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(bounded) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	timeout := p.table.Load().config.DrainTimeout
	p.draining.Store(true)
	p.log.Info("draining", "timeout", timeout.String())
	drain, cancel := context.WithTimeout(stop, timeout)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil { // some requests still run, such as streams without end
		p.log.Warn("stopped before all requests had finished")
		err = server.Close()
	}
	bounded.Drain(drain)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
