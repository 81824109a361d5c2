package call

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// timing is when the steps of a transfer were done, the last one's if there were several. It is written by the
// transport's goroutines.
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
	dialling bool // a connection was asked for and is not there yet
}

func (t *timing) set(at *time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*at = time.Now()
}

// trace has the steps of requests with the context noted down.
func (t *timing) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.dialling = true
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
			t.dialling = false
			t.remote, t.local = info.Conn.RemoteAddr().String(), info.Conn.LocalAddr().String()
			if !info.Reused {
				t.connects++
			}
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.set(&t.wrote) },
		GotFirstResponseByte: func() { t.set(&t.first) },
	})
}

// unconnected reports whether it failed for want of a connection.
func (t *timing) unconnected() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dialling
}

// since is the time from the start to a step, 0 for one that was not taken.
func (t *timing) since(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return at.Sub(t.start)
}

// timings is a timing that does not change any more.
type timings struct {
	name, connect, tls, wrote, first, total time.Duration
	remote, local                           string
	connects                                int
}

func (t *timing) read() timings {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := timings{
		name: t.since(t.name), connect: t.since(t.connect), tls: t.since(t.tls), wrote: t.since(t.wrote),
		first: t.since(t.first), total: t.since(t.end), remote: t.remote, local: t.local, connects: t.connects,
	}
	return s
}
