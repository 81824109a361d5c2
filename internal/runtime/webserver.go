//go:build unix

package runtime

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/runtime/extension"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/webapp"
)

// webServer is an environment whose process is a web application, as its driver sees it. The driver takes the
// invocations by the same methods as a process that uses the Runtime API.
type webServer struct {
	*handler
	gate *gate
	read func() *event.Received // of the current invocation, nil for none; the driver's own
}

var _ webapp.Environment = (*webServer)(nil)

// newApp is the web application that an environment is going to start, with a port of its own.
func (e *environment) newApp() (*webapp.App, error) {
	settings, remarks := webapp.ParseSettings(e.fn.Environment)
	port, err := e.pool.ports.take()
	if err != nil {
		return nil, fmt.Errorf("find a port for the web application of %s: %w", e.fn.ARN, err)
	}
	for _, remark := range remarks {
		e.log.platform("furl: " + remark)
	}
	return &webapp.App{
		Settings: settings,
		Function: webapp.Function{Name: e.fn.Name, MemoryMB: e.fn.MemoryMB, Version: e.fn.Version},
		Own:      port, InitTimeout: e.pool.config.InitTimeout,
	}, nil
}

// askingForApp is the driver's request for events, which waits for as long as the environment lives: nobody else gets an
// event of a web application.
func askingForApp() *asking {
	return &asking{client: runtimeapi.NewClient("web application"), over: make(chan struct{})}
}

// attach makes the environment a connection to the web server that its function is.
func (s starter) attach() error {
	s.log = newOutput(s.environment)
	settings, remarks := webapp.ParseSettings(s.fn.Environment)
	settings.IsServer = true
	for _, remark := range remarks {
		s.log.platform("furl: " + remark)
	}
	s.telemetry = extension.NewTelemetry(extension.TelemetryConfig{Now: s.pool.config.Now})
	s.extensions = extension.New(extension.Config{Function: s.fn.Name, Version: s.fn.Version, Telemetry: s.telemetry})
	s.app = &webapp.App{
		Settings: settings,
		Function: webapp.Function{Name: s.fn.Name, MemoryMB: s.fn.MemoryMB, Version: s.fn.Version},
		Upstream: strings.TrimPrefix(s.fn.Upstream, "http://"),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.stage() != starting {
		return ErrClosed
	}
	s.members = &members{}
	s.born = time.Now()
	s.timer = time.AfterFunc(s.pool.config.InitTimeout, s.expire)
	ctx, hangUp := context.WithCancel(s.pool.ctx)
	s.hangUp = hangUp
	server := &webServer{handler: &handler{environment: s.environment}, gate: &gate{s.environment}}
	go s.app.Run(ctx, server)
	return nil
}

// Next implements webapp.Environment.
func (w *webServer) Next(ctx context.Context) (*runtimeapi.Invocation, error) {
	if err := w.ready(); err != nil {
		return nil, err
	}
	select {
	case c := <-w.deliver:
		w.read = c.in.Read
		return w.hand(c), ctx.Err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Streams implements webapp.Environment.
func (w *webServer) Streams() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.call != nil && w.call.in.Stream
}

// Received implements webapp.Environment. With telemetry there is an envelope in any case, since the report says how long
// that is.
func (w *webServer) Received() *event.Received {
	read := w.read
	if w.read = nil; read == nil || w.telemetry.IsActive() {
		return nil
	}
	return read()
}

// Answer implements webapp.Environment.
func (w *webServer) Answer(id string, response *event.Response) error {
	c, err := w.take("response", id, responding)
	if err != nil {
		return err
	}
	w.settle(c, 0)
	c.answer(&Result{Head: &response.Head, Body: newWholeBody(response.Body), ResponseMode: ModeBuffered}, nil)
	return nil
}

// Verify implements webapp.Environment.
func (w *webServer) Verify(ctx context.Context, conn net.Conn) error { return w.gate.verify(ctx, conn) }

// Listening implements webapp.Environment.
func (w *webServer) Listening(ports ...int) []int { return w.members.listening(ports...) }

// Alone implements webapp.Environment.
func (w *webServer) Alone() { w.pool.roster.setAlone(w.environment) }

// These are for an application that has bound its port and does not listen yet.
const (
	bindPauses = 10
	bindPause  = 10 * time.Millisecond
)

// lostPort reports whether an application has ended before it was ready because it listens on one port, whatever it is
// told, and another environment has that. The other one is nil if it has ended meanwhile, which only what the
// application printed tells: that counts once for each call, since any other process may have the port.
func (e *environment) lostPort(c *call) (holder *environment, lost bool) {
	if e.app == nil || e.fn.Upstream != "" {
		return nil, false
	}
	for range bindPauses {
		others := e.pool.roster.webApps(e)
		for _, other := range others {
			other.mu.Lock()
			members := other.members
			other.mu.Unlock()
			if members != nil && len(members.listening(e.app.Port)) > 0 {
				if other.fn.identity() == e.fn.identity() {
					e.pool.roster.setAlone(e)
				}
				return other, true
			}
		}
		if len(others) == 0 {
			break
		}
		time.Sleep(bindPause)
	}
	if c.secondPort || !e.log.shows(tellsPortTaken) {
		return nil, false
	}
	c.secondPort = true
	return nil, true
}

// tellsPortTaken recognizes what applications print that cannot bind their port.
func tellsPortTaken(text []byte) bool {
	return bytes.Contains(text, []byte("ddress already in use")) || bytes.Contains(text, []byte("EADDRINUSE"))
}

// Remark implements webapp.Environment.
func (w *webServer) Remark(text string) { w.log.platform("furl: " + text) }

// ports are those that the pool has given to the web applications of its environments.
type ports struct {
	mu    sync.Mutex
	taken map[int]bool
}

// take finds a port that is free, and that no other environment is going to listen on.
func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		if !p.taken[port] {
			if p.taken == nil {
				p.taken = map[int]bool{}
			}
			p.taken[port] = true
			return port, nil
		}
	}
}

func (p *ports) give(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, port)
}

// logGroup is the log group of the function.
func (f *Function) logGroup() string { return cmp.Or(f.LogGroup, "/aws/lambda/"+f.Name) }
