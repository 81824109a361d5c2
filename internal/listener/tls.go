package listener

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// WithTLS is a listener whose connections speak TLS to the clients that begin with it, and nothing else to the others.
// The server of the requests learns from Guard which of both a request came over.
func WithTLS(inner net.Listener, config *tls.Config) net.Listener {
	return &eitherListener{inner, config, false}
}

// OnlyTLS is WithTLS that tells the other clients so, and closes their connections.
func OnlyTLS(inner net.Listener, config *tls.Config) net.Listener {
	return &eitherListener{inner, config, true}
}

type eitherListener struct {
	net.Listener
	config *tls.Config
	only   bool
}

func (l *eitherListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &either{Conn: accepted, config: l.config, only: l.only}, nil
}

// either is a connection that speaks TLS if its first byte says so. The handshake takes place within the first Read, so
// that the deadline for the head of a request bounds it.
type either struct {
	net.Conn // as it was accepted
	config   *tls.Config
	only     bool    // TLS
	begun    bool    // Read knows what the client speaks
	under    *unread // of secure
	secure   atomic.Pointer[tls.Conn]
}

// handshake is the type of the first record of TLS (RFC 8446, section 5.1). No method of HTTP begins with it.
const handshake = 0x16

// handshakeTimeout is how long the client may take to read the server's part of the handshake.
const handshakeTimeout = 10 * time.Second

func (c *either) Read(p []byte) (int, error) {
	if !c.begun {
		n, err := c.Conn.Read(p[:min(1, len(p))])
		if n == 0 {
			return n, err
		}
		c.begun = true
		if p[0] != handshake && c.only {
			return 0, c.plain()
		}
		if p[0] != handshake {
			return n, err
		}
		if err := c.Conn.SetWriteDeadline(time.Now().Add(handshakeTimeout)); err != nil {
			return 0, err
		}
		c.under = &unread{Conn: c.Conn, first: p[0]}
		c.secure.Store(tls.Server(c.under, c.config))
	}
	if secure := c.secure.Load(); secure != nil {
		return secure.Read(p)
	}
	if c.only { // net/http reads again after an error
		return 0, errPlain
	}
	return c.Conn.Read(p)
}

// plain answers a client that speaks HTTP without TLS, as net/http does.
func (c *either) plain() error {
	const answer = "HTTP/1.0 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n" +
		"This server speaks TLS: use https:// in place of http://.\n"
	err := c.Conn.SetDeadline(time.Now().Add(farewell))
	if err == nil {
		_, err = io.WriteString(c.Conn, answer)
	}
	if err == nil { // bytes that nobody has read would reset the connection, and the client could lose the answer
		c.Conn.Read(make([]byte, rest)) //nolint:errcheck // it is the end in any case
	}
	return errors.Join(errPlain, err)
}

// rest is as much as most requests have.
const rest = 4 << 10

// errPlain is the error about a client that does not speak TLS.
var errPlain = errors.New("the client does not speak TLS")

func (c *either) Write(p []byte) (int, error) {
	if secure := c.secure.Load(); secure != nil {
		return secure.Write(p)
	}
	if c.only {
		return 0, errPlain
	}
	return c.Conn.Write(p)
}

func (c *either) Close() error {
	if secure := c.secure.Load(); secure != nil {
		c.under.closing.Store(true)
		return secure.Close()
	}
	return c.Conn.Close()
}

// CloseWrite ends what the client reads, and leaves the other direction open.
func (c *either) CloseWrite() error {
	if secure := c.secure.Load(); secure != nil {
		if err := secure.CloseWrite(); err != nil {
			return err
		}
	}
	if half, ok := c.Conn.(halfCloser); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}

// state is what the handshake agreed on, nil without TLS.
func (c *either) state() *tls.ConnectionState {
	secure := c.secure.Load()
	if secure == nil {
		return nil
	}
	state := secure.ConnectionState()
	return &state
}

// unread is a connection from which one byte was read that is to be read again.
type unread struct {
	net.Conn
	first   byte
	done    bool
	closing atomic.Bool
}

// farewell is how long the end of a connection may take. crypto/tls takes five seconds to tell a client that does not
// read, and the server closes its connections one after the other.
const farewell = 100 * time.Millisecond

// SetWriteDeadline is brought forward once the connection is to be closed.
func (c *unread) SetWriteDeadline(t time.Time) error {
	if soon := time.Now().Add(farewell); c.closing.Load() && (t.IsZero() || t.After(soon)) {
		t = soon
	}
	return c.Conn.SetWriteDeadline(t)
}

func (c *unread) Read(p []byte) (int, error) {
	if c.done || len(p) == 0 {
		return c.Conn.Read(p)
	}
	c.done = true
	p[0] = c.first
	return 1, nil
}
