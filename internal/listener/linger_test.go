package listener_test

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

	"github.com/furl-dev/furl/internal/listener"
)

// pipes is a listener of connections in memory, for tests that bring their own time.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// halfPipe is the server's end. Its client does not notice CloseWrite.
type halfPipe struct{ net.Conn }

func (halfPipe) CloseWrite() error { return nil }

// refusing is a server that answers 403 to all that it is sent, at once.
type refusing struct {
	pipes   *pipes
	bounded *listener.Listener
	web     *http.Server
}

func refuse() *refusing {
	s := &refusing{pipes: &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}}
	s.bounded = listener.New(s.pipes, listener.Config{Log: slog.New(slog.DiscardHandler)})
	forbid := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }
	s.web = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(forbid)}
	listener.Guard(s.web)
	go s.web.Serve(s.bounded) //nolint:errcheck // ends with the test
	return s
}

// open is how many connections are open.
func (s *refusing) open() int { return s.bounded.Open() - 1 }

// upload begins an upload that is refused, and reads the answer.
func (s *refusing) upload(t *testing.T) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	s.pipes.accepted <- halfPipe{server}
	io.WriteString(client, post("Content-Length: 1000000000")) //nolint:errcheck // the answer counts
	response, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil || response.StatusCode != http.StatusForbidden {
		t.Fatalf("%v, %v", response, err)
	}
	synctest.Wait()
	return client
}

// inItsOwnTime runs a test with a server that refuses, and expects all to end with it.
func inItsOwnTime(t *testing.T, test func(t *testing.T, s *refusing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := refuse()
		defer func() {
			s.web.Close()
			ended, end := context.WithCancel(t.Context())
			end()
			s.bounded.Drain(ended)
			time.Sleep(time.Second) // net/http waits, too, after it has called CloseWrite
			if open := s.bounded.Open(); open != 0 {
				t.Errorf("%d connections are open at the end", open)
			}
		}()
		test(t, s)
	})
}

func TestLingeringEndsWhenTheClientCloses(t *testing.T) {
	inItsOwnTime(t, func(t *testing.T, s *refusing) {
		c := s.upload(t)
		time.Sleep(listener.LingerPause / 2)
		if s.bounded.Lingering() != 1 || s.open() != 1 {
			t.Fatalf("%d connections linger, %d are open", s.bounded.Lingering(), s.open())
		}
		c.Close()
		synctest.Wait()
		if s.bounded.Lingering() != 0 || s.open() != 0 {
			t.Errorf("%d connections linger, %d are open", s.bounded.Lingering(), s.open())
		}
	})
}

func TestLingeringEndsWhenNothingComes(t *testing.T) {
	inItsOwnTime(t, func(t *testing.T, s *refusing) {
		s.upload(t)
		time.Sleep(listener.LingerPause + time.Millisecond)
		synctest.Wait()
		if open := s.open(); open != 0 {
			t.Errorf("%d connections are open", open)
		}
	})
}

func TestLingeringEndsHoweverSlowlyTheClientSends(t *testing.T) {
	inItsOwnTime(t, func(t *testing.T, s *refusing) {
		c, begun := s.upload(t), time.Now()
		for {
			if _, err := io.WriteString(c, "x"); err != nil {
				break
			}
			time.Sleep(listener.LingerPause / 2)
		}
		if took := time.Since(begun); took < listener.LingerTime/2 || took > listener.LingerTime+listener.LingerPause {
			t.Errorf("it took %s", took)
		}
	})
}

func TestLingeringEndsHoweverMuchTheClientSends(t *testing.T) {
	inItsOwnTime(t, func(t *testing.T, s *refusing) {
		c, sent, piece := s.upload(t), 0, make([]byte, megabyte)
		for {
			n, err := c.Write(piece)
			sent += n
			if err != nil {
				break
			}
		}
		if sent < listener.LingerBytes/2 || sent > listener.LingerBytes+megabyte {
			t.Errorf("the server took %d bytes", sent)
		}
	})
}

// As many connections linger as may. The others are closed at once, though not before the answer, and make room.
func TestLingeringConnectionsAreBounded(t *testing.T) {
	inItsOwnTime(t, func(t *testing.T, s *refusing) {
		const more = 20
		clients := make([]net.Conn, listener.MaxLingering+more)
		for i := range clients {
			clients[i] = s.upload(t)
		}
		time.Sleep(listener.LingerPause / 2)
		if lingering, open := s.bounded.Lingering(), s.open(); lingering != listener.MaxLingering || open != lingering {
			t.Errorf("%d connections linger, %d are open", lingering, open)
		}
		time.Sleep(listener.LingerPause)
		synctest.Wait()
		if lingering, open := s.bounded.Lingering(), s.open(); lingering != 0 || open != 0 {
			t.Errorf("in the end %d connections linger, %d are open", lingering, open)
		}
		if s.upload(t); s.bounded.Lingering() != 1 {
			t.Error("none lingers any more")
		}
	})
}

// Nobody lingers for a client that has sent all of its request, or has had no answer.
func TestConnectionsThatNeedNotLinger(t *testing.T) {
	for name, text := range map[string]string{
		"a whole request":    head("GET / HTTP/1.1", "Host: x", "Connection: close"),
		"a whole body":       post("Connection: close", length) + "hello",
		"chunks":             post("Connection: close", coding) + hello,
		"an empty body":      post("Connection: close", "Content-Length: 0"),
		"half a head":        "POST / HTTP/1.1\r\n",
		"half a second head": post(length) + "helloPOST / HTTP/1.1\r\n",
		"nothing":            "",
	} {
		t.Run(name, func(t *testing.T) {
			inItsOwnTime(t, func(t *testing.T, s *refusing) {
				client, server := net.Pipe()
				s.pipes.accepted <- halfPipe{server}
				go io.Copy(io.Discard, client) //nolint:errcheck // ends with the connection
				io.WriteString(client, text)   //nolint:errcheck // as well
				time.Sleep(time.Second)
				if strings.Contains(name, "hal") || name == "nothing" {
					time.Sleep(10 * time.Second) // the server waits for the rest of the head
				}
				if s.bounded.Lingering() != 0 || s.open() != 0 {
					t.Errorf("%d connections linger, %d are open", s.bounded.Lingering(), s.open())
				}
				client.Close()
			})
		})
	}
}

// Drain waits for the connections that linger, as long as it may.
func TestDrain(t *testing.T) {
	inItsOwnTime(t, func(t *testing.T, s *refusing) {
		s.upload(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		s.bounded.Drain(ctx)
		if took := time.Since(begun); took < listener.LingerPause/2 || took > listener.LingerPause+time.Second {
			t.Errorf("waited %s for a connection that lingers", took)
		}
	})
	inItsOwnTime(t, func(t *testing.T, s *refusing) {
		s.upload(t)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		s.bounded.Drain(ctx)
		if took := time.Since(begun); took != time.Second {
			t.Errorf("waited %s for a connection that lingers", took)
		}
		c := s.upload(t) // of a server that is told to stop no connection lingers
		time.Sleep(time.Second)
		if _, err := io.WriteString(c, "x"); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the connection is open: %v", err)
		}
	})
}
