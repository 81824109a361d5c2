//go:build unix

package runtimeapi

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Gate separates the connections of the function's processes from those of strangers.
type Gate interface {
	// Knows reports whether a connection is plainly the function's. It must be quick, since connections wait for
	// each other here. Admit may still admit a connection that Knows does not know.
	Knows(conn net.Conn) bool
	// Admit looks closely, and answers why a connection is refused. It may take until ctx's end, and is called for
	// several connections at once.
	Admit(ctx context.Context, conn net.Conn) error
	// Refused is called for each connection that is refused, with Admit's error or ErrCrowd.
	Refused(conn net.Conn, err error)
}

// ErrCrowd refuses a connection that came while the gate looked at the most connections that it may at once.
var ErrCrowd = errors.New("too many connections of unknown processes at once")

const (
	maxUnknown   = 16                     // connections that are examined or turned away at once
	turnAwayTime = 500 * time.Millisecond // for the request, and again for the answer
	turnAwaySize = 64 << 10               // bytes that are read of a request before its refusal, and after it
)

// admission is the listener of the function's own connections: Accept returns no other.
type admission struct {
	listener net.Listener
	gate     Gate
	admitted chan net.Conn
	unknown  chan struct{} // one for each connection that is being looked at or turned away
	ctx      context.Context
	cancel   context.CancelFunc
	working  sync.WaitGroup
}

func newAdmission(listener net.Listener, gate Gate) *admission {
	a := &admission{
		listener: listener, gate: gate,
		admitted: make(chan net.Conn), unknown: make(chan struct{}, maxUnknown),
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.working.Go(a.run)
	return a
}

// Accept implements net.Listener.
func (a *admission) Accept() (net.Conn, error) {
	select {
	case conn := <-a.admitted:
		return conn, nil
	case <-a.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. It cuts the connections that were not admitted yet.
func (a *admission) Close() error {
	a.cancel()
	err := a.listener.Close()
	a.working.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil // closed twice
	}
	return err
}

// Addr implements net.Listener.
func (a *admission) Addr() net.Addr { return a.listener.Addr() }

// run takes all connections. Strangers cannot keep the function from its API: another goroutine looks at a connection
// that is not plainly the function's, if there is room for it, and otherwise run refuses it at once.
func (a *admission) run() {
	pause := time.Duration(0)
	for {
		conn, err := a.listener.Accept()
		switch {
		case a.ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return
		case err != nil: // this process is out of descriptors, or the client has gone
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
			case <-a.ctx.Done():
			}
			continue
		}
		pause = 0
		if a.gate.Knows(conn) {
			a.admit(conn)
			continue
		}
		select {
		case a.unknown <- struct{}{}:
			a.working.Go(func() {
				a.examine(conn)
				<-a.unknown
			})
		default:
			a.gate.Refused(conn, ErrCrowd)
			conn.SetWriteDeadline(time.Now().Add(turnAwayTime)) //nolint:errcheck // then the write fails
			conn.Write(forbidden())                             //nolint:errcheck // nothing depends on it
			conn.Close()
		}
	}
}

func (a *admission) admit(conn net.Conn) {
	select {
	case a.admitted <- conn:
	case <-a.ctx.Done():
		conn.Close()
	}
}

func (a *admission) examine(conn net.Conn) {
	err := a.gate.Admit(a.ctx, conn)
	switch {
	case a.ctx.Err() != nil:
		conn.Close()
	case err == nil:
		a.admit(conn)
	default:
		a.gate.Refused(conn, err)
		a.turnAway(conn)
	}
}

// turnAway answers 403. It reads the request before and the rest of it afterwards, within bounds: closing a connection
// with unread bytes resets it, and the client might never see the answer.
func (a *admission) turnAway(conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(a.ctx, func() { conn.Close() })
	defer stop()
	conn.SetReadDeadline(time.Now().Add(turnAwayTime)) //nolint:errcheck // it fails only on closed connections
	readUntil(conn, []byte("\r\n\r\n"))
	conn.SetDeadline(time.Now().Add(turnAwayTime)) //nolint:errcheck // as above
	if _, err := conn.Write(forbidden()); err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok && tcp.CloseWrite() == nil {
		readUntil(conn, nil)
	}
}

// readUntil reads up to a mark, unless that is empty, to turnAwaySize bytes, or to an error.
func readUntil(conn net.Conn, mark []byte) {
	buffer := make([]byte, 4096)
	kept := 0 // bytes at the end that may be the beginning of the mark
	for total := 0; total < turnAwaySize; {
		n, err := conn.Read(buffer[kept:])
		if err != nil {
			return
		}
		total += n
		seen := buffer[:kept+n]
		if len(mark) == 0 {
			continue
		}
		if bytes.Contains(seen, mark) {
			return
		}
		kept = copy(buffer, seen[max(0, len(seen)-len(mark)+1):])
	}
}

// forbidden is the whole answer to a stranger.
var forbidden = sync.OnceValue(func() []byte {
	body := refusalBody("Forbidden", "the Runtime API is for the function's own processes")
	return append([]byte("HTTP/1.1 403 "+http.StatusText(http.StatusForbidden)+"\r\n"+
		"Content-Type: "+contentTypeJSON+"\r\n"+
		"Content-Length: "+strconv.Itoa(len(body))+"\r\n"+
		"Connection: close\r\n\r\n"), body...)
})
