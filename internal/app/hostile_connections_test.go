package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/listener"
)

// As many silent connections as may be open keep others waiting until the server closes the first of them, not longer.
func TestHostileNumberOfConnections(t *testing.T) {
	t.Parallel()
	const most, limit = 8, time.Second
	w := newWorldWith(t, limit, func(s *app.Server) {
		s.SetConnections(listener.Config{MaxConnections: most})
		s.SetHeaderTimeout(limit)
	})
	eventually(t, "the connections of before are closed", func() bool { return w.server.OpenConnections() <= 1 }) // 1 for the next
	begun := time.Now()
	for range 3 * most {
		dial(t, w.address)
	}
	eventually(t, "all connections are taken", func() bool { return w.server.OpenConnections() == most })
	w.ran(t, w.send(t, w.call(w.iamURL, "GET", "/", "").signed(w.signing(w.alice, "lambda"))))
	if waited := time.Since(begun); waited < limit/2 {
		t.Errorf("there were %d silent connections, %d may be open, and another was served after %s", 3*most, most, waited)
	}
	if !strings.Contains(w.log.String(), "new connections wait") {
		t.Error("the log does not say that connections wait")
	}
}

// A client that asks for large answers and reads none of them is cut off.
func TestHostileClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, time.Second, func(s *app.Server) {
		s.SetConnections(listener.Config{WriteTimeout: 500 * time.Millisecond})
	})
	echo := w.call(w.openURL, "POST", "/", strings.Repeat("x", 5*megabyte)).with("Content-Type: text/plain").wire()
	eventually(t, "the connections of before are closed", func() bool { return w.server.OpenConnections() <= 1 })
	c := dial(t, w.address)
	go func() {
		for range 10 { // more than the operating system keeps for a reader
			c.write(echo)
		}
	}()
	eventually(t, "the client is served", func() bool { return w.server.OpenConnections() == 2 })
	eventually(t, "the client is cut off", func() bool { return w.server.OpenConnections() <= 1 })
	for id := range w.executed(t) { // the function ran for it
		w.mu.Lock()
		w.meant[id] = true
		w.mu.Unlock()
	}
}
