package app

import (
	"time"

	"github.com/furl-dev/furl/internal/listener"
)

// PageToken is the server's page token.
func (s *Server) PageToken() string { return s.pageToken.Reveal() }

// SetBodyRoom changes the room for request bodies on their way, in MiB, of a server that does not run yet.
func (s *Server) SetBodyRoom(mib int) { s.intake = listener.NewIntake(s.config.BodyTimeout, mib) }

// SetHeaderTimeout changes how long the headers of a request may take, of a server that does not run yet.
func (s *Server) SetHeaderTimeout(timeout time.Duration) { s.http.ReadHeaderTimeout = timeout }

// SetConnections changes how connections are bounded, of a server that does not run yet.
func (s *Server) SetConnections(config listener.Config) {
	config.Log = s.config.Log
	s.listener = listener.New(s.listener.Listener, config)
}

// OpenConnections is how many connections are open.
func (s *Server) OpenConnections() int { return s.listener.Open() }

// DataDirContents are the names that the server knows in its data directory.
func DataDirContents() (names []string) {
	for _, part := range contents {
		names = append(names, part.name)
	}
	return append(names, pageTokenFileName) // which is made anew where others may have read it
}
