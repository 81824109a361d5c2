package app

import "time"

// SetBodyRoom changes the room for request bodies on their way, in MiB, of a server that does not run yet.
func (s *Server) SetBodyRoom(mib int) { s.intake.room = make(chan struct{}, mib) }

// SetHeaderTimeout changes how long the headers of a request may take, of a server that does not run yet.
func (s *Server) SetHeaderTimeout(timeout time.Duration) { s.http.ReadHeaderTimeout = timeout }
