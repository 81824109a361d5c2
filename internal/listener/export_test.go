package listener

import (
	"net"
	"net/http"
)

// The bounds of connections that linger.
const (
	MaxLingering = maxLingering
	LingerTime   = lingerTime
	LingerPause  = lingerPause
	LingerBytes  = lingerBytes
)

// Begin tells a connection of a Listener the request whose head has been read from it, and reports whether it is to be
// closed after the answer.
func Begin(c net.Conn, r *http.Request) bool { return c.(*connection).begin(r) }

// Lost reports whether the connection is not followed any more.
func Lost(c net.Conn) bool { return c.(*connection).framing.lost }

// Lingering is how many connections linger.
func (c *Listener) Lingering() int {
	c.lingering.mu.Lock()
	defer c.lingering.mu.Unlock()
	return len(c.lingering.connections)
}

// Open is how many connections are open, and one more while Accept waits.
func (c *Listener) Open() int { return len(c.slots) }
