package app

import (
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/metric"
)

const (
	// maxConnections is how many connections may be open at once. Each takes about 20 KB; more than these come from no
	// client that means well.
	maxConnections = 10_000
	// writeTimeout is how long a client may take to read a piece of an answer. How long the whole takes is not bounded:
	// a function may stream for fifteen minutes, and pause in between.
	writeTimeout = 30 * time.Second
	// writePiece is how large such a piece is at the most, in bytes.
	writePiece = 64 << 10
)

// connections is a listener that bounds what its clients may hold: the number of connections that are open at once,
// and the time that a write waits for the client to read. Who is too many waits in the queue of the operating system.
type connections struct {
	net.Listener
	slots        chan struct{} // has an element for each connection that is open
	writeTimeout time.Duration
	log          *slog.Logger
	warned       time.Time // last; Accept is called by one goroutine

	closing sync.Once
	closed  chan struct{}
}

// newConnections takes over the listener. Half of the files that the process may have open are left to the functions
// and the state.
func newConnections(listener net.Listener, log *slog.Logger) *connections {
	most := uint64(maxConnections)
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
		most = max(1, min(most, files.Cur/2))
	}
	return &connections{
		Listener: listener, slots: make(chan struct{}, most), writeTimeout: writeTimeout, log: log, closed: make(chan struct{}),
	}
}

// Accept waits for a connection, and before that until there may be one more.
func (c *connections) Accept() (net.Conn, error) {
	select {
	case c.slots <- struct{}{}:
	default:
		if now := time.Now(); now.Sub(c.warned) > time.Minute {
			c.warned = now
			c.log.Warn("new connections wait: as many as may be are open", "open", cap(c.slots))
		}
		select {
		case c.slots <- struct{}{}:
		case <-c.closed:
			return nil, net.ErrClosed
		}
	}
	accepted, err := c.Listener.Accept()
	if err != nil {
		<-c.slots
		return nil, err
	}
	return &connection{Conn: accepted, timeout: c.writeTimeout, release: sync.OnceFunc(func() { <-c.slots })}, nil
}

// Close closes the listener and ends a wait of Accept.
func (c *connections) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// connection is a connection whose writes do not wait for ever. It hides the io.ReaderFrom of a TCP connection, which
// would get past Write.
type connection struct {
	net.Conn
	timeout time.Duration
	release func()
}

// Write writes p in pieces that each have the time. net/http takes the deadline away again after each answer.
func (c *connection) Write(p []byte) (n int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
			return n, err
		}
		written, err := c.Conn.Write(p[n:min(n+writePiece, len(p))])
		n += written
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// CloseWrite lets net/http end an answer so that a client which is still sending can read it.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection, which makes room for another.
func (c *connection) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// Collectors are the metrics of the connections.
func (c *connections) Collectors() []metric.Collector {
	open := func() float64 { return float64(len(c.slots)) }
	limit := func() float64 { return float64(cap(c.slots)) }
	return []metric.Collector{
		metric.Gauge("furl_connections", "Connections of clients that are open.", open),
		metric.Gauge("furl_connections_limit", "How many connections may be open.", limit),
	}
}
