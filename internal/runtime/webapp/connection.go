//go:build unix

package webapp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"syscall"
	"time"
)

// connection is one to the application. It carries one exchange at a time.
type connection struct {
	net.Conn
	reader  *bufio.Reader
	request http.Request // of the current exchange, as far as the reader of its answer needs it
	used    time.Time    // when its last exchange ended; zero before the first
	left    int          // how many bytes may still be read

	writing chan error // holds how the request was written, when that is over
	busy    bool       // an exchange has begun and its answer is not read to the end
	spent   bool       // it can carry no further exchange
}

// idleLimit is how long a connection may be idle and used again, as in the adapter. Servers close theirs after five
// seconds (Node.js, uvicorn), and a request must not meet that.
const idleLimit = 4 * time.Second

func newConnection(conn net.Conn) *connection {
	c := &connection{Conn: conn, writing: make(chan error, 1)}
	c.reader = bufio.NewReaderSize(c, 32<<10)
	return c
}

// maxHead is the longest head of an answer, with the interim ones before it, in bytes: what the adapter's HTTP client
// keeps of it (crate hyper, DEFAULT_MAX_BUFFER_SIZE). A body is bounded by those who read it.
const maxHead = 8<<10 + 4096*100

// Read implements io.Reader.
func (c *connection) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHead
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// usable reports whether another exchange may begin.
func (c *connection) usable() bool {
	return c != nil && !c.spent && !c.busy && time.Since(c.used) < idleLimit && c.reader.Buffered() == 0 && IsIdle(c.Conn)
}

// IsIdle reports whether a connection is open and nothing has come on it. It asks the kernel.
func IsIdle(conn net.Conn) bool {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	idle := false
	err = raw.Control(func(fd uintptr) {
		var next [1]byte
		_, _, err := syscall.Recvfrom(int(fd), next[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		idle = errors.Is(err, syscall.EAGAIN)
	})
	return err == nil && idle
}

// writeAhead is how many bytes of a request are written before anybody reads the answer: less than a socket takes from
// its writer while the other end reads nothing.
const writeAhead = 16 << 10

// exchange sends a request and reads the head of the answer. The answer's Body is read to its end, or the connection
// closed, before the next exchange.
func (c *connection) exchange(r *Request) (*http.Response, error) {
	c.busy = true
	if len(r.Head)+len(r.Body) <= writeAhead {
		_, err := c.Write(append(r.Head, r.Body...))
		c.writing <- err
	} else {
		go func() {
			_, err := (&net.Buffers{r.Head, r.Body}).WriteTo(c.Conn)
			c.writing <- err
		}()
	}
	c.left, c.request.Method = maxHead, r.Method
	for {
		answer, err := http.ReadResponse(c.reader, &c.request)
		switch {
		case err != nil && c.left <= 0: // whatever the parser makes of a line that is cut off
			return nil, errHead
		case err != nil:
			return nil, err
		case answer.StatusCode == http.StatusSwitchingProtocols:
			return nil, errUpgrade
		case answer.StatusCode < 200:
			continue // an interim answer; the other one follows
		case answer.Close && answer.ProtoAtLeast(1, 1):
			answer.Header.Set("Connection", "close") // net/http has removed it
		}
		c.left = math.MaxInt
		answer.Body = &answerBody{answer.Body, c, answer.Close}
		return answer, nil
	}
}

var (
	errUpgrade = errors.New("the application switches to another protocol, which an invocation cannot carry")
	errHead    = fmt.Errorf("the headers of the application's answer are longer than %d bytes", maxHead)
)

// answerBody is the body of an answer. It makes the connection usable again when it has been read to its end.
type answerBody struct {
	io.ReadCloser
	conn  *connection
	close bool // the application closes the connection after the answer
}

// Read implements io.Reader.
func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.conn.finish(b.close)
	}
	return n, err
}

// finish ends an exchange whose answer is complete.
func (c *connection) finish(closing bool) {
	if !c.busy {
		return
	}
	c.busy, c.used = false, time.Now()
	select {
	case err := <-c.writing:
		c.spent = closing || err != nil
	default:
		c.spent = true // the answer came before all of the request was sent
	}
}

// isStale reports whether an error of a connection that was used before may come from the application's having closed
// it meanwhile, and whether the request may be sent again: as with Go's own client, if it changes nothing.
func (c *connection) isStale(r *Request, err error) bool {
	if c.used.IsZero() || c.reader.Buffered() > 0 {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
			errors.Is(err, syscall.EPIPE)
	default:
		return false
	}
}

// clientError is the message of the adapter's HTTP client (crate hyper-util) for an error of an exchange.
func clientError(err error) string {
	if failed := (*net.OpError)(nil); errors.As(err, &failed) && failed.Op == "dial" {
		return "client error (Connect)"
	}
	return "client error (SendRequest)"
}

// describe says what an error of an exchange means for the one who wrote the application.
func describe(err error) string {
	switch {
	case errors.Is(err, errUpgrade), errors.Is(err, errHead), errors.Is(err, syscall.ECONNREFUSED):
		return err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, net.ErrClosed):
		return "the application closed the connection before its answer was complete"
	default:
		return fmt.Sprintf("the application did not answer in HTTP: %v", err)
	}
}
