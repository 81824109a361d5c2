package listener_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/listener"
)

// secured is a server that speaks both, and what a client needs to speak TLS with it.
func secured(t *testing.T, handler http.Handler, headerTimeout time.Duration) (*server, *tls.Config) {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil)
	defer borrowed.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(borrowed.Certificate())
	config := &tls.Config{Certificates: borrowed.TLS.Certificates, NextProtos: listener.Protocols()}
	s := startOn(t, handler, func(tcp net.Listener) net.Listener { return listener.WithTLS(tcp, config) }, headerTimeout)
	return s, &tls.Config{RootCAs: trusted, ServerName: "example.com"}
}

// speaking is a client that speaks TLS or not.
func (s *server) speaking(t *testing.T, config *tls.Config) *client {
	t.Helper()
	c := s.dial(t)
	if config == nil {
		return c
	}
	over := tls.Client(c.Conn, config)
	return &client{over, bufio.NewReader(over)}
}

// The bounds of a connection hold with TLS and without it, on the same port.
func TestBothAreServedAlike(t *testing.T) {
	t.Parallel()
	seen := make(chan bool, 1000)
	s, config := secured(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.TLS != nil && r.TLS.HandshakeComplete
		w.Header()["Connection"] = []string{"keep-alive"}
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		io.Copy(w, r.Body) //nolint:errcheck // a test reads it, or not
	}), patience)
	for name, config := range map[string]*tls.Config{"with TLS": config, "without TLS": nil} {
		t.Run(name, func(t *testing.T) {
			// Requests that follow each other keep the connection.
			for kind, first := range before {
				c := s.speaking(t, config)
				go io.WriteString(c, first.text+post(length)+"hello") //nolint:errcheck // an answer would be missing
				for _, want := range append(first.bodies, "hello") {
					if _, body, err := c.read(); err != nil || body != want {
						t.Fatalf("%s: read %q, %v; want %q", kind, body, err, want)
					}
					if secure := <-seen; secure != (config != nil) {
						t.Fatalf("%s: the handler saw TLS: %v", kind, secure)
					}
				}
			}
			// One of doubtful length ends it.
			c := s.speaking(t, config)
			if _, err := io.WriteString(c, post(length, coding)+hello+smuggled); err != nil {
				t.Fatal(err)
			}
			if response, body, err := c.read(); err != nil || body != "hello" || !response.Close {
				t.Fatalf("read %q, %v", body, err)
			}
			<-seen
			if _, _, err := c.read(); err == nil {
				t.Error("what was smuggled was answered")
			}
			// One that is refused before its body is read reaches a client that is still sending.
			c = s.speaking(t, config)
			const size = 8 << 20
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(c, "POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n"+strings.Repeat("a", size))
				sent <- err
			}()
			if response, _, err := c.read(); err != nil || response.StatusCode != http.StatusRequestEntityTooLarge {
				t.Fatalf("refused with %v, %v", response, err)
			}
			<-seen
			if err := <-sent; err != nil {
				t.Errorf("the client could not send on: %v", err)
			}
		})
	}
}

// A client that does not finish its handshake, or whose handshake is none, does not hold a connection.
func TestHandshakesAreBounded(t *testing.T) {
	t.Parallel()
	s, _ := secured(t, nil, 100*time.Millisecond)
	for name, text := range map[string]string{
		"nothing":       "",
		"one byte":      "\x16",
		"half a record": "\x16\x03\x01\x02\x00\x01",
		"no handshake":  "\x16 / HTTP/1.1\r\n\r\n",
	} {
		c := s.dial(t)
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(c)
		if failure, ok := err.(net.Error); ok && failure.Timeout() {
			t.Errorf("%s: the connection stays open", name)
		}
		if strings.Contains(string(answer), "200 OK") {
			t.Errorf("%s: answered %q", name, answer)
		}
	}
}
