package runtime

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/webapp"
)

// webServer is an environment whose process is a web application, as its driver sees it. The driver takes the
// invocations by the same methods as a process that uses the Runtime API.
type webServer struct {
	*handler
	gate *gate
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
		Function: webapp.Function{
			Name: e.fn.Name, MemoryMB: e.fn.MemoryMB, Version: e.fn.Version, LogStream: e.logStream, LogGroup: e.fn.logGroup(),
		},
		Own: port, InitTimeout: e.pool.config.InitTimeout,
	}, nil
}

// Next implements webapp.Environment.
func (w *webServer) Next(ctx context.Context) (*runtimeapi.Invocation, error) {
	return w.handler.Next(ctx, runtimeapi.NewClient("web application"))
}

// Streams implements webapp.Environment.
func (w *webServer) Streams() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.call != nil && w.call.in.Stream
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

// lostPort reports whether the application of an environment that has ended cannot have had the port that it listens
// on, because that of another environment of the function has it.
func (e *environment) lostPort() bool {
	if e.app == nil {
		return false
	}
	for range bindPauses {
		rivals := e.pool.roster.rivals(e)
		for _, other := range rivals {
			other.mu.Lock()
			members := other.members
			other.mu.Unlock()
			if members != nil && len(members.listening(e.app.Port)) > 0 {
				return true
			}
		}
		if len(rivals) == 0 {
			break
		}
		time.Sleep(bindPause)
	}
	return false
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
