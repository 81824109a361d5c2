package listener_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/listener"
)

// served is a guarded server whose idle connections are parked soon.
type served struct {
	server  *http.Server
	bounded *listener.Listener
	address string
	open    func() (net.Conn, error)
	served  atomic.Int32 // requests
}

func serveParked(t *testing.T, secure bool, idle time.Duration) *served {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{address: inner.Addr().String()}
	s.open = func() (net.Conn, error) { return net.Dial("tcp", s.address) }
	if secure {
		certified := httptest.NewUnstartedServer(nil)
		certified.StartTLS()
		certificates := certified.TLS.Certificates
		pool := certified.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		certified.Close()
		inner = listener.OnlyTLS(inner, &tls.Config{Certificates: certificates, NextProtos: listener.Protocols()})
		s.open = func() (net.Conn, error) {
			return tls.Dial("tcp", s.address, &tls.Config{RootCAs: pool, ServerName: "example.com"})
		}
	}
	s.bounded = listener.New(inner, listener.Config{})
	s.server = &http.Server{IdleTimeout: idle, ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.served.Add(1)
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %v", r.URL.Path, body, r.TLS != nil)
		})}
	listener.Guard(s.server)
	go s.server.Serve(s.bounded)
	t.Cleanup(func() { s.server.Close() })
	return s
}

// exchange sends a request and returns the body of its answer.
func exchange(t *testing.T, conn net.Conn, in *bufio.Reader, path, body string) string {
	t.Helper()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// parked waits until no goroutine of net/http serves a connection.
func parked(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		stacks := make([]byte, 1<<20)
		if text := string(stacks[:runtime.Stack(stacks, true)]); !strings.Contains(text, "http.(*conn).serve") &&
			strings.Contains(text, "listener.(*lot).wait") {
			return
		}
	}
	t.Fatal("the connection is not parked")
}

// A client that is silent for a while uses its connection as before, also over TLS, and with a request that comes in
// pieces or right behind another.
func TestParkedConnectionServesAgain(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			s := serveParked(t, secure, time.Minute)
			conn, err := s.open()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			for _, path := range []string{"/one", "/two", "/three"} {
				if got, want := exchange(t, conn, in, path, "body"), fmt.Sprintf("%s body %v", path, secure); got != want {
					t.Errorf("%q, want %q", got, want)
				}
				parked(t)
			}
			for _, piece := range []string{"\r\nG", "ET /pieces HTTP/1.1\r\nHo", "st: localhost\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\n\r\n"} {
				io.WriteString(conn, piece)
				time.Sleep(20 * time.Millisecond)
			}
			for _, path := range []string{"/pieces", "/last"} {
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(resp.Body)
				if want := fmt.Sprintf("%s  %v", path, secure); string(text) != want {
					t.Errorf("%q, want %q", text, want)
				}
			}
		})
	}
}

// A connection that is parked ends when it has been idle for too long, and when the server shuts down.
func TestParkedConnectionEnds(t *testing.T) {
	t.Run("idle for too long", func(t *testing.T) {
		s := serveParked(t, false, time.Second)
		conn, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		exchange(t, conn, in, "/", "")
		if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("after the idle time %v, want EOF", err)
		}
	})
	t.Run("shutdown", func(t *testing.T) {
		s := serveParked(t, false, time.Hour)
		conn, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		exchange(t, conn, in, "/", "")
		parked(t)
		if err := s.server.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("after the shutdown %v, want EOF", err)
		}
	})
}

// A parked connection still counts, so that there are no more than may be.
func TestParkedConnectionsCount(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bounded := listener.New(inner, listener.Config{MaxConnections: 1})
	server := &http.Server{Handler: http.NotFoundHandler()}
	listener.Guard(server)
	go server.Serve(bounded)
	defer server.Close()
	first, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, first, bufio.NewReader(first), "/", "")
	parked(t)
	second, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	io.WriteString(second, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	second.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := second.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("a second connection was served beside a parked one")
	}
	first.Close()
	second.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := http.ReadResponse(bufio.NewReader(second), nil); err != nil {
		t.Errorf("after the first one was closed: %v", err)
	}
}

// A client of plain HTTP learns that the server speaks TLS only, and reaches no handler, however it sends its request.
func TestOnlyTLS(t *testing.T) {
	for _, pieces := range [][]string{
		{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"G", "ET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"XGET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"PRI * HTTP/2.0\r\n\r\n", "SM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
	} {
		s := serveParked(t, true, time.Minute)
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		for _, piece := range pieces {
			io.WriteString(conn, piece) // the connection may be closed by then
			time.Sleep(10 * time.Millisecond)
		}
		answer, err := io.ReadAll(conn)
		if failure, ok := errors.AsType[net.Error](err); ok && failure.Timeout() {
			t.Errorf("%q: the connection stays open", pieces)
		}
		// The answer is lost where the client still sends when the connection is closed.
		if text := string(answer); text != "" && !strings.HasPrefix(text, "HTTP/1.0 400 ") || strings.Count(text, "HTTP/") > 1 {
			t.Errorf("%q: %q", pieces, text)
		}
		if served := s.served.Load(); served != 0 {
			t.Errorf("%q: a handler served it", pieces)
		}
	}
}
