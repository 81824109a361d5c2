package app_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
)

// As many silent connections as may be open keep others waiting until the server closes the first of them, not longer.
func TestHostileNumberOfConnections(t *testing.T) {
	t.Parallel()
	const most, limit = 8, time.Second
	w := newWorldWith(t, limit, func(s *app.Server) { s.SetMaxConnections(most); s.SetHeaderTimeout(limit) })
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
	w := newWorldWith(t, time.Second, func(s *app.Server) { s.SetWriteTimeout(500 * time.Millisecond) })
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

// The time of a write begins anew with each piece that the client reads, and has no meaning between writes.
func TestSlowReadersAndWritersAreServed(t *testing.T) {
	t.Parallel()
	const timeout = 400 * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("x"), 24*megabyte)
	failed := make(chan error, 3)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/pauses" {
			for range 3 {
				io.WriteString(w, "word ")            //nolint:errcheck // the client finds it missing
				http.NewResponseController(w).Flush() //nolint:errcheck // as well
				time.Sleep(timeout + timeout/2)
			}
			return
		}
		_, err := w.Write(large)
		failed <- err
	})}
	go server.Serve(app.Bounded(listener, timeout)) //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(megabyte) // else the operating system may take all there is
		}
		return c, err
	}}}
	get := func(path string) *http.Response {
		response, err := client.Get("http://" + listener.Addr().String() + path) //nolint:noctx // the server answers or closes
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response
	}

	if text, err := io.ReadAll(get("/pauses").Body); err != nil || string(text) != "word word word " {
		t.Errorf("an answer with pauses: %q, %v", text, err)
	}
	begun, read := time.Now(), int64(0)
	for body := get("/slow").Body; ; time.Sleep(50 * time.Millisecond) {
		n, err := io.CopyN(io.Discard, body, megabyte)
		read += n
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("after %d bytes: %v", read, err)
		}
	}
	if took := time.Since(begun); read != int64(len(large)) || took < 2*timeout {
		t.Errorf("read %d of %d bytes in %s", read, len(large), took)
	}
	if err := <-failed; err != nil {
		t.Errorf("to a slow reader: %v", err)
	}
	get("/never")
	select {
	case err := <-failed:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("to a client that does not read: %v", err)
		}
	case <-time.After(patience):
		t.Error("the server waits for a client that does not read")
	}
}
