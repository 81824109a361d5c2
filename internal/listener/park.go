package listener

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// parkAfter is how long a connection is idle before it is parked. A client that sends one request after the other does
// not wait for so long.
const parkAfter = 300 * time.Millisecond

// emptyLines is how many characters of line ends before a request are ignored, as net/http does.
const emptyLines = 4

// lot is where connections are that wait for their next request. net/http keeps a stack of 8 KB and two buffers of 4 KB
// for each connection; a parked one takes a third of that. When the client sends something, net/http gets the
// connection again, as one that was accepted.
type lot struct {
	mu     sync.Mutex
	parked map[*connection]struct{}
	closed bool
	woken  chan *connection
	ending <-chan struct{} // closed with the Listener
}

// park takes over the network connection of a connection that waits for a request, and reports whether it has. until is
// when the connection has been idle for too long; the zero time is never.
func (l *lot) park(c *connection, until time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || c.Conn.SetReadDeadline(until) != nil {
		return false
	}
	next := &connection{Conn: c.Conn, timeout: c.timeout, release: c.release, lingering: c.lingering, lot: l}
	c.parked.Store(true)
	l.parked[next] = struct{}{}
	go l.wait(next)
	return true
}

// wait waits until the client sends something, closes, or has been idle for too long.
func (l *lot) wait(c *connection) {
	first := make([]byte, 1)
	n, err := c.Conn.Read(first)
	// net/http ignores empty lines behind the body of a POST, and does not know of that any more.
	for range emptyLines {
		if n == 1 && err == nil && (first[0] == '\r' || first[0] == '\n') {
			n, err = c.Conn.Read(first)
		}
	}
	l.mu.Lock()
	delete(l.parked, c)
	l.mu.Unlock()
	if n == 0 || err != nil || c.Conn.SetReadDeadline(time.Time{}) != nil {
		c.end() //nolint:errcheck // it is the end in any case
		return
	}
	c.ahead = first
	select {
	case l.woken <- c:
	case <-l.ending:
		c.end() //nolint:errcheck // the same
	}
}

// close closes the connections that are parked. From then on none is parked.
func (l *lot) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for c := range l.parked {
		c.Conn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // wait ends it
	}
}

// canPark reports whether the connection waits for a request of HTTP/1, of which nothing has come.
func (c *connection) canPark() bool {
	return c.idle.Load() && c.lot != nil && len(c.ahead) == 0 && c.input.Load() == int32(inputDone) &&
		(c.framing.part == partStart || c.framing.part == partBody)
}

// readIdle is Read for a connection that waits for a request.
func (c *connection) readIdle(p []byte) (int, error) {
	until := time.Time{}
	if set := c.deadline.Load(); set != nil {
		until = *set
	}
	soon := time.Now().Add(parkAfter)
	if !until.IsZero() && until.Before(soon) {
		return c.Conn.Read(p)
	}
	if err := c.Conn.SetReadDeadline(soon); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	failure, isNet := err.(net.Error) //nolint:errorlint // that of a connection is not wrapped
	switch {
	case n > 0 || !isNet || !failure.Timeout():
		c.idle.Store(false)
		c.Conn.SetReadDeadline(until) //nolint:errcheck // the next read says so
		return n, err
	case c.lot.park(c, until):
		return 0, io.EOF
	}
	if err := c.Conn.SetReadDeadline(until); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// SetReadDeadline implements [net.Conn].
func (c *connection) SetReadDeadline(t time.Time) error {
	c.deadline.Store(&t)
	if c.parked.Load() {
		return net.ErrClosed
	}
	return c.Conn.SetReadDeadline(t)
}

// observe is what net/http says of a connection.
func observe(conn net.Conn, state http.ConnState) {
	if c, ok := conn.(*connection); ok {
		c.idle.Store(state == http.StateIdle)
	}
}
