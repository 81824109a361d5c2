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
	mu       sync.Mutex
	start    time.Time
	name     time.Time // host name looked up
	connect  time.Time // connected
	tls      time.Time // TLS handshake done
	wrote    time.Time // request written
	first    time.Time // first byte of the response
	end      time.Time
	remote   string
	local    string
	connects int
	dialing  bool // the transport waits for a connection
}

func (t *timing) set(at *time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*at = time.Now()
}

// trace returns a context that records the steps of its requests.
func (t *timing) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.dialing = true
		},
		DNSDone: func(httptrace.DNSDoneInfo) { t.set(&t.name) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				t.set(&t.connect)
			}
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				t.set(&t.tls)
			}
		},
		GotConn: func(info httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.dialing = false
			t.remote, t.local = info.Conn.RemoteAddr().String(), info.Conn.LocalAddr().String()
			if !info.Reused {
				t.connects++
			}
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.set(&t.wrote) },
		GotFirstResponseByte: func() { t.set(&t.first) },
	})
}

// unconnected reports whether a failed call had no connection.
func (t *timing) unconnected() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dialing
}

// since returns the time from the start to a step, or 0 if there was no such step.
func (t *timing) since(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return at.Sub(t.start)
}

// timings are the durations in a timing at one moment.
type timings struct {
	name, connect, tls, wrote, first, total time.Duration
	remote, local                           string
	connects                                int
}

func (t *timing) read() timings {
	t.mu.Lock()
	defer t.mu.Unlock()
	return timings{
		name: t.since(t.name), connect: t.since(t.connect), tls: t.since(t.tls), wrote: t.since(t.wrote),
		first: t.since(t.first), total: t.since(t.end), remote: t.remote, local: t.local, connects: t.connects,
	}
}
