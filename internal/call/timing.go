package call

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// timing holds the times of the steps of a transfer, of the last one if there were redirects. The transport's
// goroutines write it.
type timing struct {
	mu      sync.Mutex
	start   time.Time
	steps   steps
	dialing bool // the transport waits for a connection
}

// steps says how long after the start each step ended; 0 if there was no such step.
type steps struct {
	name          time.Duration // host name looked up
	connect       time.Duration // connected
	tls           time.Duration // TLS handshake done
	wrote         time.Duration // request written
	first         time.Duration // first byte of the response
	total         time.Duration
	remote, local string // addresses
	connects      int
}

// end records that a step has ended.
func (t *timing) end(step *time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*step = time.Since(t.start)
}

// trace returns a context that records the steps of its requests.
func (t *timing) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.dialing = true
		},
		DNSDone: func(httptrace.DNSDoneInfo) { t.end(&t.steps.name) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				t.end(&t.steps.connect)
			}
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				t.end(&t.steps.tls)
			}
		},
		GotConn: func(info httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.dialing = false
			t.steps.remote, t.steps.local = info.Conn.RemoteAddr().String(), info.Conn.LocalAddr().String()
			if !info.Reused {
				t.steps.connects++
			}
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.end(&t.steps.wrote) },
		GotFirstResponseByte: func() { t.end(&t.steps.first) },
	})
}

// unconnected reports whether a failed call had no connection.
func (t *timing) unconnected() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dialing
}

func (t *timing) read() steps {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.steps
}
