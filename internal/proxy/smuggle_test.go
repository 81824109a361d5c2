package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/urltest"
)

// Requests of which two servers may think differently are refused or end the connection, and the request that is hidden
// behind them reaches no function.
func TestHostileFraming(t *testing.T) {
	server := urltest.Start(t, nil)
	p := start(t, server, proxy.Config{})
	const hidden = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for name, test := range map[string]struct {
		head   string // behind the request line and the Host header
		body   string
		status int // 0 for any
	}{
		"length and coding":           {"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 200},
		"coding and length":           {"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n", 200},
		"two lengths":                 {"Content-Length: 5\r\nContent-Length: 6\r\n", "hello", 400},
		"two lengths in one line":     {"Content-Length: 5, 6\r\n", "hello", 400},
		"a signed length":             {"Content-Length: +5\r\n", "hello", 400},
		"a negative length":           {"Content-Length: -1\r\n", "", 400},
		"a hexadecimal length":        {"Content-Length: 0x5\r\n", "hello", 400},
		"a blank before the colon":    {"Content-Length : 5\r\n", "hello", 400},
		"a coding twice":              {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 501},
		"an unknown coding":           {"Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 501},
		"identity":                    {"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "hello", 501},
		"a coding with a vertical":    {"Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n", 400},
		"a coding with a quote":       {"Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n", 501},
		"a coding in a folded line":   {"X: y\r\n Transfer-Encoding: chunked\r\n", "", 0},
		"a first line that is folded": {" Content-Length: 5\r\n", "hello", 400},
		"a NUL":                       {"X: a\x00b\r\n", "", 400},
		"a carriage return":           {"X: a\rContent-Length: 5\r\n", "", 400},
		"a name with a blank":         {"X Y: z\r\n", "", 400},
		"no name":                     {": z\r\n", "", 400},
		"a chunk of a wrong size":     {"Transfer-Encoding: chunked\r\n", "g\r\n", 0},
		"a chunk too large":           {"Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n", 0},
		"a chunk that ends wrongly":   {"Transfer-Encoding: chunked\r\n", "1\r\naX\r\n0\r\n\r\n", 0},
		"a second host":               {"Host: evil.example\r\n", "", 400},
		"a line of its own":           {"X\r\n", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(server.Lines())
			conn, err := net.Dial("tcp", p.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			own := "/hidden-" + strings.ReplaceAll(name, " ", "-") // what another case has sent may arrive late
			behind := strings.Replace(hidden, "/hidden", own, 1)
			io.WriteString(conn, "POST /open HTTP/1.1\r\nHost: localhost\r\n"+test.head+"\r\n"+test.body+behind)
			in := bufio.NewReader(conn)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			body(t, resp)
			if test.status != 0 && resp.StatusCode != test.status {
				t.Errorf("%s, want %d", resp.Status, test.status)
			}
			for _, line := range server.Lines()[before:] {
				if strings.Contains(line, own) && test.head != "X: y\r\n Transfer-Encoding: chunked\r\n" {
					t.Errorf("the function got %s", line)
				}
			}
		})
	}
}

func TestHostileTargets(t *testing.T) {
	server := urltest.Start(t, nil)
	p := start(t, server, proxy.Config{Routes: []proxy.Route{{Path: "/orders", Upstream: server.URL}}})
	for _, test := range []struct {
		message string
		status  int
	}{
		{"GET http://evil.example/orders HTTP/1.1\r\nHost: localhost\r\n\r\n", 501},
		{"GET http://localhost/orders HTTP/1.1\r\nHost: evil.example\r\n\r\n", 501},
		{"GET //evil.example/orders HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET orders HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		{"GET /orders HTTP/1.1\r\n\r\n", 400},
		{"GET /orders HTTP/1.1\r\nHost: local host\r\n\r\n", 400},
		{"GET /orders HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", 400},
		{"GET /orders HTTP/1.1\r\nHost: evil.example#localhost\r\n\r\n", 400},
		{"GET /orders HTTP/1.1\r\nHost: localhost, evil.example\r\n\r\n", 400},
		{"GET /orders HTTP/1.1\r\nHost: localhost:80@evil.example\r\n\r\n", 400},
		{"GET /orders HTTP/1.0\r\n\r\n", 403},
		{"GET /orders HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
		{"GET /orders HTTP/9.9\r\nHost: localhost\r\n\r\n", 505},
		{"GET /orders\r\n\r\n", 400},
		{"GET /orders/../admin HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		{"GET /orders%2f..%2fadmin HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /orders;/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /ORDERS HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /orders/" + strings.Repeat("x", 2<<20) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
		{"GET /orders HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", 431},
		{"GET /orders HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 2000) + "\r\n", 431},
		{"PRI * HTTP/1.1\r\nHost: localhost\r\n\r\n", 501},
		{"TRACE /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", 200},
	} {
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		go io.WriteString(conn, test.message)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%.80q: %v", test.message, err)
			continue
		}
		if resp.StatusCode != test.status {
			t.Errorf("%.80q: %s, want %d", test.message, resp.Status, test.status)
		}
		resp.Body.Close()
	}
}

// The log has the beginnings of long texts, and no query: that of a presigned URL is as good as credentials.
func TestLogIsBounded(t *testing.T) {
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Requestid", strings.Repeat("r", 5000))
	}))
	p := start(t, server, proxy.Config{AllowHosts: []string{"known.example"}, Routes: []proxy.Route{{Path: "/orders", Upstream: server.URL}}})
	const secret = "deadbeef"
	for _, message := range []string{
		"GET /orders/" + strings.Repeat("p", 100_000) + "?X-Amz-Signature=" + secret + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		strings.Repeat("M", 10_000) + " /orders HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /orders?X-Amz-Signature=" + secret + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /orders?X-Amz-Signature=" + secret + "#x HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /orders?" + secret + "=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /orders/..%2f..?" + secret + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET http://localhost/?" + secret + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET http://user:" + secret + "@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /?" + secret + " HTTP/1.1\r\nHost: known.example\r\n\r\n",
		"GET /orders HTTP/1.1\r\nHost: " + strings.Repeat("h", 100_000) + "\r\n\r\n",
		"GET /orders HTTP/1.1\r\nHost: localhost\r\nOrigin: https://" + strings.Repeat("o", 100_000) + "\r\n\r\n",
		"GET /orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + secret + "\r\nCookie: " + secret + "\r\nX-Furl-Token: " + secret + "\r\n\r\n",
	} {
		body(t, p.raw(t, message))
	}
	p.lines(t, 12)
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(p.log.String()) {
		if len(line) > 4000 {
			t.Errorf("a line of %d bytes: %.200s", len(line), line)
		}
		if strings.Contains(line, secret) || strings.Contains(line, urltest.Secret) || strings.Contains(line, urltest.Token) {
			t.Errorf("a line has a secret: %.300s", line)
		}
	}
}

// pipes is a listener for clients in the same bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// A client that sends a byte now and then does not hold its connection: neither with a head nor with a body.
func TestHostileSlowClients(t *testing.T) {
	for name, test := range map[string]struct {
		message string
		every   time.Duration
		within  time.Duration
		status  string // "" for no answer
	}{
		"nothing":     {"", time.Second, 11 * time.Second, ""},
		"a slow head": {"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", time.Second, 11 * time.Second, ""},
		"a slow body": {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", time.Second, 60 * time.Second, "HTTP/1.1 408"},
		"slow chunks": {"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n", time.Second, 60 * time.Second, "HTTP/1.1 408"},
		"an idle one": {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", time.Hour, 125 * time.Second, "HTTP/1.1 200"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, err := proxy.New(proxy.Config{Upstream: "https://f.example", Transport: always(200), Log: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				inner := newPipes()
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- handler.Serve(ctx, ctx, inner) }()
				conn := inner.dial()
				begin := time.Now()
				go func() {
					io.WriteString(conn, test.message)
					for err := error(nil); err == nil; {
						select {
						case <-time.After(test.every):
							_, err = conn.Write([]byte("x"))
						case <-ctx.Done():
							return
						}
					}
				}()
				answer, _ := io.ReadAll(conn) // until the proxy closes the connection
				if took := time.Since(begin); took > test.within {
					t.Errorf("held for %s", took)
				}
				if !strings.HasPrefix(string(answer), test.status) {
					t.Errorf("answered %q", answer)
				}
				conn.Close()
				cancel()
				if err := <-ended; err != nil && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			})
		})
	}
}
