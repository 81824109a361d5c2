package app

import (
	"log/slog"
	"net"
	"time"
)

// PageToken is the server's page token.
func (s *Server) PageToken() string { return s.pageToken.Reveal() }

// SetBodyRoom changes the room for request bodies on their way, in MiB, of a server that does not run yet.
func (s *Server) SetBodyRoom(mib int) { s.intake.room = make(chan struct{}, mib) }

// SetHeaderTimeout changes how long the headers of a request may take, of a server that does not run yet.
func (s *Server) SetHeaderTimeout(timeout time.Duration) { s.http.ReadHeaderTimeout = timeout }

// SetMaxConnections changes how many connections may be open at once, of a server that does not run yet.
func (s *Server) SetMaxConnections(most int) { s.listener.slots = make(chan struct{}, most) }

// OpenConnections is how many connections are open.
func (s *Server) OpenConnections() int { return len(s.listener.slots) }

// SetWriteTimeout changes how long a client may take to read a piece of an answer, of a server that does not run yet.
func (s *Server) SetWriteTimeout(timeout time.Duration) { s.listener.writeTimeout = timeout }

// Bounded is a listener as that of a server, whose writes wait so long.
func Bounded(listener net.Listener, timeout time.Duration) net.Listener {
	bounded := newConnections(listener, slog.New(slog.DiscardHandler))
	bounded.writeTimeout = timeout
	return bounded
}
