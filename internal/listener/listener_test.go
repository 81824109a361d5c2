package listener_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/listener"
)

const (
	megabyte = 1 << 20
	// patience is how long a test waits for what has no reason to take long.
	patience = 20 * time.Second
)

// The time of a write begins anew with each piece that the client reads, and has no meaning between writes.
func TestSlowReadersAndWritersAreServed(t *testing.T) {
	t.Parallel()
	const timeout = 400 * time.Millisecond
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("x"), 24*megabyte)
	failed := make(chan error, 3)
	handler := func(w http.ResponseWriter, r *http.Request) {
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
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(handler)}
	bounded := listener.New(tcp, listener.Config{WriteTimeout: timeout, Log: slog.New(slog.DiscardHandler)})
	go server.Serve(bounded) //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(megabyte) // else the operating system may take all there is
		}
		return c, err
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial}}
	get := func(path string) *http.Response {
		url := "http://" + tcp.Addr().String() + path
		response, err := client.Get(url) //nolint:noctx // the server answers or closes
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
