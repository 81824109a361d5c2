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

// Serve serves the listener until ctx ends, then lets requests finish for at most the drain timeout, less if stop
// ends. It speaks HTTP/1.1, and HTTP/2 without TLS to clients that begin with it.
func (p *Proxy) Serve(ctx, stop context.Context, inner net.Listener) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:           p,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    1 << 20, // what Lambda takes
		// OPTIONS * asks the function URL, which has no answer.
		DisableGeneralOptionsHandler: true,

		ErrorLog: slog.NewLogLogger(p.config.Log.Handler(), slog.LevelDebug),
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
	if err != nil { // some requests are still running; streams have no end
		err = server.Close()
	}
	bounded.Drain(drain)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
