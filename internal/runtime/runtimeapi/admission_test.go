//go:build unix

package runtimeapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// gate knows nobody, and admits by the given function.
type gate struct {
	known func(net.Conn) bool
	admit func(context.Context, net.Conn) error

	mu      sync.Mutex
	asked   int
	refused []error
}

func (g *gate) Knows(conn net.Conn) bool { return g.known != nil && g.known(conn) }

func (g *gate) Admit(ctx context.Context, conn net.Conn) error {
	g.mu.Lock()
	g.asked++
	g.mu.Unlock()
	return g.admit(ctx, conn)
}

func (g *gate) Refused(_ net.Conn, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused = append(g.refused, err)
}

func (g *gate) state() (asked int, refused []error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked, append([]error(nil), g.refused...)
}

var errStranger = errors.New("a stranger")

func refuseAll(context.Context, net.Conn) error { return errStranger }

const forbidden = `{"errorMessage":"the Runtime API is for the function's own processes","errorType":"Forbidden"}`

func TestStrangersAreRefused(t *testing.T) {
	g := &gate{admit: refuseAll}
	url := serve(t, &fake{}, g)
	want := answer{403, "application/json", forbidden}
	for _, call := range []struct{ method, path, body string }{
		{"GET", "invocation/next", ""},
		{"POST", "invocation/id/response", "answer"},
		{"POST", "invocation/id/response", strings.Repeat("large ", 2000)},
		{"POST", "invocation/id/error", "{}"},
		{"POST", "init/error", "{}"},
		{"GET", "/ping", ""},
	} {
		if diff := cmp.Diff(want, do(t, call.method, url+api+call.path, call.body)); diff != "" {
			t.Errorf("%s %s: %s", call.method, call.path, diff)
		}
	}
	if asked, refused := g.state(); asked != 6 || len(refused) != 6 || !errors.Is(refused[0], errStranger) {
		t.Errorf("asked %d times, refused %v", asked, refused)
	}
}

// The answer comes also where the head of the request comes in pieces, and where none comes.
func TestRefusalIsReadInPieces(t *testing.T) {
	url := serve(t, &fake{}, &gate{admit: refuseAll})
	for _, pieces := range [][]string{
		{"GET / HTTP/1.1\r", "\nHost: x\r\n", "\r", "\n"},
		{"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 4096-21) + "\r\n\r", "\n"},
		{"x"},
		{},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range pieces {
			io.WriteString(conn, piece) //nolint:errcheck // the answer tells
			time.Sleep(5 * time.Millisecond)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // a test
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%.20q: %v", pieces, err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		if response.StatusCode != 403 || string(body) != forbidden || err != nil || !response.Close {
			t.Errorf("%.20q: %d %s, %v", pieces, response.StatusCode, body, err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%.20q: the connection stays open: %v", pieces, err)
		}
		conn.Close()
	}
}

// A connection is judged once, and what it was judged to be stays with it.
func TestOneJudgementForEachConnection(t *testing.T) {
	g := &gate{admit: func(context.Context, net.Conn) error { return nil }}
	url := serve(t, &fake{}, g)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 5 {
		response, err := client.Get(url + "/ping")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, response.Body) //nolint:errcheck // for the connection's sake
		response.Body.Close()
	}
	if asked, _ := g.state(); asked != 1 {
		t.Errorf("five requests on one connection asked %d times", asked)
	}
}

// However many connections strangers hold open, the function has all of its own.
func TestStrangersTakeNoneOfTheConnections(t *testing.T) {
	strangers := map[string]bool{}
	var mu sync.Mutex
	g := &gate{
		known: func(conn net.Conn) bool {
			mu.Lock()
			defer mu.Unlock()
			return !strangers[conn.RemoteAddr().String()]
		},
		admit: func(ctx context.Context, _ net.Conn) error {
			<-ctx.Done() // a search that takes its time
			return errStranger
		},
	}
	url := serve(t, &fake{}, g)
	for range 200 {
		mu.Lock() // until the stranger is known as one
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		strangers[conn.LocalAddr().String()] = true
		mu.Unlock()
	}
	var all sync.WaitGroup
	start := make(chan struct{})
	for range machine.RuntimeConnections() {
		all.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			<-start                                            // all are open at once
			conn.SetDeadline(time.Now().Add(20 * time.Second)) //nolint:errcheck // a test
			fmt.Fprintf(conn, "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
			if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != 200 {
				t.Errorf("the function was answered %v, %v", response, err)
			}
		})
	}
	close(start)
	all.Wait()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		asked, refused := g.state()
		if asked == 16 && len(refused) == 200-16 && errors.Is(refused[0], runtimeapi.ErrCrowd) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d strangers were looked at and %d refused at once, want 16 and 184", asked, len(refused))
		}
	}
}

// Beyond what is looked at, strangers get the same answer.
func TestCrowdIsAnswered(t *testing.T) {
	g := &gate{admit: func(ctx context.Context, _ net.Conn) error {
		<-ctx.Done()
		return errStranger
	}}
	url := serve(t, &fake{}, g)
	for range 16 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // a test
	text, err := io.ReadAll(conn)
	if !strings.HasPrefix(string(text), "HTTP/1.1 403 ") || !strings.HasSuffix(string(text), forbidden) || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

func TestCloseEndsWhatIsUndecided(t *testing.T) {
	for _, row := range []struct {
		sort  string
		admit func(context.Context, net.Conn) error
	}{
		{"being looked at", func(ctx context.Context, _ net.Conn) error { <-ctx.Done(); return nil }},
		{"turned away", refuseAll},
	} {
		server, err := runtimeapi.Listen(&fake{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		g := &gate{admit: row.admit}
		server.Serve(g)
		conn, err := net.Dial("tcp", server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		for asked := 0; asked == 0; time.Sleep(time.Millisecond) {
			asked, _ = g.state()
		}
		for range 2 {
			if err := server.Close(); err != nil {
				t.Errorf("%s: %v", row.sort, err)
			}
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // a test
		if _, err := io.ReadAll(conn); errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the connection is still open", row.sort)
		}
		conn.Close()
	}
}

func TestCloseWithoutServe(t *testing.T) {
	server, err := runtimeapi.Listen(&fake{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", server.Addr()); err == nil {
		t.Error("it still listens")
	}
}

// The process may connect before the server knows which process that is.
func TestConnectionsWaitForServe(t *testing.T) {
	server, err := runtimeapi.Listen(&fake{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
	server.Serve(open{})
	conn.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // a test
	if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != 200 {
		t.Errorf("%v, %v", response, err)
	}
}

func TestGone(t *testing.T) {
	clients := make(chan *runtimeapi.Client)
	url := listen(t, &fake{next: func(ctx context.Context, c *runtimeapi.Client) (*runtimeapi.Invocation, error) {
		clients <- c
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %sinvocation/next HTTP/1.1\r\nHost: x\r\n\r\n", api)
	client := <-clients
	if client.Addr().String() != conn.LocalAddr().String() {
		t.Errorf("the client is %v, want %v", client.Addr(), conn.LocalAddr())
	}
	if client.Gone() {
		t.Error("a waiting client is gone")
	}
	eager, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer eager.Close()
	fmt.Fprintf(eager, "GET %[1]sinvocation/next HTTP/1.1\r\nHost: x\r\n\r\nGET %[1]sinvocation/next", api)
	if (<-clients).Gone() {
		t.Error("a client that sends its next request early is gone")
	}
	conn.Close()
	for deadline := time.Now().Add(10 * time.Second); !client.Gone(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a client that has closed its connection is not gone")
		}
	}
}
