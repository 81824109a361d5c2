package listener

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connection is a connection that bounds the time of its writes and follows its requests from one to the next. It hides
// the io.ReaderFrom of a TCP connection, which would bypass Write.
type connection struct {
	net.Conn
	timeout   time.Duration
	release   func()
	lingering *lingering
	lot       *lot // nil for none

	framing framing
	ahead   []byte // bytes from the network after the piece that framing is in

	// These are for Close, which another goroutine may call during a read or write.
	answered atomic.Bool  // since the client began its latest request, if that has not come to nothing
	input    atomic.Int32 // what the client may still be sending
	last     atomic.Bool  // the server closes the connection, which the client may not expect
	finished atomic.Bool  // nothing more comes from the client, or nothing more reaches it
	lingers  atomic.Bool

	idle     atomic.Bool // between two requests
	parked   atomic.Bool // another connection has taken over the network connection
	deadline atomic.Pointer[time.Time]
}

// Read reads no further than to the end of a request's head, and then of its body, so that begin can come in between
// with the length of the body.
func (c *connection) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.lingers.Load() || c.parked.Load() {
		return 0, net.ErrClosed
	}
	if len(c.ahead) > 0 {
		n := c.framing.take(c.ahead[:min(len(p), len(c.ahead))])
		copy(p, c.ahead[:n])
		c.ahead = c.ahead[n:]
		c.took()
		return n, nil
	}
	read := c.Conn.Read
	if c.canPark() {
		read = c.readIdle
	}
	n, err := read(p[:c.framing.most(len(p))])
	if err != nil {
		c.readFailed(err)
	}
	if n == 0 {
		return n, err
	}
	taken := c.framing.take(p[:n])
	c.ahead = append(c.ahead[:0], p[taken:n]...)
	c.took()
	if taken < n {
		err = nil // comes again after the rest
	}
	return taken, err
}

// took notes what the client may still be sending.
func (c *connection) took() { c.input.Store(int32(c.framing.input(len(c.ahead)))) }

// begin is called with each request before its body is read. It reports whether the server must close the connection
// after the answer.
func (c *connection) begin(r *http.Request) (last bool) {
	last = c.framing.begin(r)
	if r.ContentLength == 0 {
		c.input.CompareAndSwap(int32(inputBody), int32(inputDone))
	} else if r.ProtoMajor == 1 {
		c.took()
	}
	if last {
		c.last.Store(true)
	}
	return last
}

// readFailed notes what the failure of a read means for the end of the connection.
func (c *connection) readFailed(err error) {
	if failure, ok := errors.AsType[net.Error](err); !ok || !failure.Timeout() {
		c.finished.Store(true)
	} else if c.framing.part == partHead {
		c.answered.Store(false) // nobody answers half a head
	}
}

// Write writes p in pieces, each with the whole timeout. net/http removes the deadline after each answer.
func (c *connection) Write(p []byte) (n int, err error) {
	c.answered.Store(true)
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
			return n, err
		}
		written, err := c.Conn.Write(p[n:min(n+writePiece, len(p))])
		n += written
		if err != nil {
			c.finished.Store(true)
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
	}
}

// CloseWrite ends an answer so that a client that is still sending can read it. net/http calls it before Close if it
// knows of an unread body.
func (c *connection) CloseWrite() error {
	if c.parked.Load() {
		return nil
	}
	if c.lingering.begin(c) {
		return nil
	}
	if half, ok := c.Conn.(halfCloser); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection, which makes room for another. It does so at once unless the client may be sending and
// could miss its answer.
func (c *connection) Close() error {
	if c.parked.Load() {
		return nil
	}
	sending := c.last.Load() || c.input.Load() != int32(inputDone)
	if c.lingers.Load() || sending && c.answered.Load() && !c.finished.Load() && c.lingering.begin(c) {
		return nil
	}
	return c.end()
}

// end closes the connection at once.
func (c *connection) end() error {
	defer c.release()
	return c.Conn.Close()
}

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
