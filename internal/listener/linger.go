package listener

import (
	"context"
	"sync"
	"time"
)

const (
	// maxLingering is how many connections may linger. One more closes at once.
	maxLingering = 512
	// lingerTime is the longest that a connection lingers: as long as one may be idle.
	lingerTime = 2 * time.Minute
	// lingerPause is how long the client may send nothing meanwhile. It has its answer by then.
	lingerPause = 5 * time.Second
	// lingerBytes is how much it may send: the rest of the largest deployment package, and as much again.
	lingerBytes = 128 << 20
)

// halfCloser is a connection that can be closed in one direction.
type halfCloser interface{ CloseWrite() error }

// lingering is the connections that are closed for the server but not yet for the client. A close would reset the
// connection of a client that is still sending, such as a large upload that was refused, and the client would lose the
// answer (RFC 9112, section 9.6). So the answer ends, and the server discards what comes until the client closes, too,
// or exceeds a bound.
type lingering struct {
	mu          sync.Mutex
	connections map[*connection]struct{}
	ended       bool
	running     sync.WaitGroup
	buffers     sync.Pool // used again from one connection to the next
}

// begin has the connection linger, and reports whether it does.
func (l *lingering) begin(c *connection) bool {
	half, ok := c.Conn.(halfCloser)
	if !ok {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.lingers.Load() {
		return true
	}
	if l.ended || len(l.connections) >= maxLingering || half.CloseWrite() != nil {
		return false
	}
	c.lingers.Store(true)
	l.connections[c] = struct{}{}
	l.running.Go(func() {
		l.discard(c)
		c.end() //nolint:errcheck // it is the end in any case
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.connections, c)
	})
	return true
}

// end waits until no connection lingers, and closes them when the context ends.
func (l *lingering) end(ctx context.Context) {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for c := range l.connections {
			c.Conn.Close()
		}
	})
	defer stop()
	l.running.Wait()
}

// discard reads and forgets what comes, within the bounds.
func (l *lingering) discard(c *connection) {
	buffer, ok := l.buffers.Get().(*[16 << 10]byte)
	if !ok {
		buffer = new([16 << 10]byte)
	}
	defer l.buffers.Put(buffer)
	until := time.Now().Add(lingerTime)
	for left := lingerBytes; left > 0; {
		pause := time.Now().Add(lingerPause)
		if until.Before(pause) {
			pause = until
		}
		if c.Conn.SetReadDeadline(pause) != nil {
			return
		}
		n, err := c.Conn.Read(buffer[:])
		if err != nil {
			return
		}
		left -= n
	}
}
