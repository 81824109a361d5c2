// Package listener stands between the network and net/http, in `furl serve` and in `furl proxy`. It bounds what unknown
// clients may hold: connections and the time of writes ([Listener]), the time and memory of arriving bodies ([Intake]).
// It closes a connection whose requests a front end may have read differently ([Guard]), and closes every connection so
// that the client can read its answer. It knows under which names a client may ask for this machine ([Hosts]).
package listener

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/metric"
)

const (
	// maxConnections is how many connections may be open at once, at about 20 KB each. No client that means well needs
	// more.
	maxConnections = 10_000
	// writeTimeout is how long a client may take to read a piece of an answer. How long the whole takes is not bounded:
	// a function may stream for half an hour, and pause in between.
	writeTimeout = 30 * time.Second
	// writePiece is the largest such piece, in bytes.
	writePiece = 64 << 10
)

// Config is how a Listener bounds its clients.
type Config struct {
	// MaxConnections is how many connections may be open at once. 0 is 10,000, or half of the files that the process
	// may have open if that is less: the functions and the state need the other half.
	MaxConnections int
	// WriteTimeout is how long a client may take to read a piece of an answer; 0 is half a minute.
	WriteTimeout time.Duration
	// Log gets a warning when connections wait; nil for no log.
	Log *slog.Logger
}

// Listener is a listener that bounds what its clients may hold: the number of connections that are open at once, and
// the time that a write waits for the client to read. A connection above that number waits in the queue of the
// operating system.
type Listener struct {
	net.Listener
	slots        chan struct{} // has an element for each connection that is open
	writeTimeout time.Duration
	log          *slog.Logger
	warned       time.Time // last
	lingering    lingering
	lot          lot

	accepting sync.Once
	accepted  chan accepted
	closing   sync.Once
	closed    chan struct{}
}

// accepted is what the inner listener has accepted.
type accepted struct {
	conn net.Conn
	err  error
}

// New takes over the listener.
func New(inner net.Listener, config Config) *Listener {
	most := cmp.Or(config.MaxConnections, min(maxConnections, machine.Connections()))
	closed := make(chan struct{})
	return &Listener{
		Listener: inner, slots: make(chan struct{}, most), log: cmp.Or(config.Log, slog.New(slog.DiscardHandler)),
		writeTimeout: cmp.Or(config.WriteTimeout, writeTimeout),
		lingering:    lingering{connections: map[*connection]struct{}{}},
		lot:          lot{parked: map[*connection]struct{}{}, woken: make(chan *connection), ending: closed},
		accepted:     make(chan accepted),
		closed:       closed,
	}
}

// Collectors are the metrics of the connections.
func (c *Listener) Collectors() []metric.Collector {
	open := func() float64 { return float64(len(c.slots)) }
	limit := func() float64 { return float64(cap(c.slots)) }
	return []metric.Collector{
		metric.Gauge("furl_connections", "Connections of clients that are open.", open),
		metric.Gauge("furl_connections_limit", "How many connections may be open.", limit),
	}
}

// Accept waits for a connection that there may be, or for one that was parked.
func (c *Listener) Accept() (net.Conn, error) {
	c.accepting.Do(func() { go c.acceptAll() })
	select {
	case woken := <-c.lot.woken:
		return woken, nil
	case next := <-c.accepted:
		return next.conn, next.err
	case <-c.closed:
		return nil, net.ErrClosed
	}
}

// acceptAll accepts connections until the listener is closed.
func (c *Listener) acceptAll() {
	for {
		conn, err := c.acceptOne()
		select {
		case c.accepted <- accepted{conn, err}:
		case <-c.closed:
			if err == nil {
				conn.Close()
			}
			return
		}
	}
}

// acceptOne waits until there may be one more connection, and then for it.
func (c *Listener) acceptOne() (net.Conn, error) {
	select {
	case c.slots <- struct{}{}:
	default:
		if now := time.Now(); now.Sub(c.warned) > time.Minute {
			c.warned = now
			c.log.Warn("new connections wait: as many as may be are open", "limit", cap(c.slots))
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
	release := sync.OnceFunc(func() { <-c.slots })
	return &connection{
		Conn: accepted, timeout: c.writeTimeout, release: release, lingering: &c.lingering, lot: &c.lot,
	}, nil
}

// Close closes the listener and ends a wait of Accept.
func (c *Listener) Close() error {
	c.closing.Do(func() {
		close(c.closed)
		c.lot.close()
	})
	return c.Listener.Close()
}

// Drain waits for the connections that linger, and closes them when the context ends. From then on no connection
// lingers. Call it when the server has shut down.
func (c *Listener) Drain(ctx context.Context) { c.lingering.end(ctx) }
