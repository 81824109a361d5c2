// Package runtimeapi speaks the AWS Lambda Runtime API, version 2018-06-01, to one function: it turns the
// function's requests into calls of a Handler, and the Handler's answers into the statuses and bodies that AWS's
// runtime clients expect.
//
// It keeps no state of its own. What is allowed when is the Handler's business, which answers ErrRequestID or
// ErrState. Extensions, telemetry and SnapStart are not offered: their paths answer 404 with a JSON error.
//
// The listener is on loopback and, as in Lambda, asks for no credentials, so that every process of this machine can
// open a connection to it. The Gate says which connections are the function's. It is asked once for each connection;
// the others are answered 403 and closed, without an influence on the function.
package runtimeapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/furl-dev/furl/internal/machine"
)

// MaxErrorBody is the most bytes of an error report that are read.
const MaxErrorBody = 6*1024*1024 + 100

const maxHeaderBytes = 2 << 20 // the X-Ray cause travels in a header of up to 1 MiB

// Errors by which a Handler refuses a request.
var (
	ErrRequestID = errors.New("invalid request id")               // 400 InvalidRequestID
	ErrState     = errors.New("not allowed in the current state") // 403 InvalidStateTransition
	ErrTooLarge  = errors.New("response too large")               // 413 RequestEntityTooLarge
	ErrTruncated = errors.New("request body ended early")         // 400 TruncatedHTTPRequest
)

// Handler is one execution environment as its process sees it. Its methods are called by the connections'
// goroutines, concurrently if the process does so. Any error but those above answers 500.
type Handler interface {
	// Next blocks until there is an invocation for client. ctx ends some time after the client has closed its
	// connection, which client tells at once; the invocation must not be lost then.
	Next(ctx context.Context, client *Client) (*Invocation, error)
	// Respond takes the function's response to invocation id. It returns when Body has been read to its end,
	// or is not wanted: the server discards what is left.
	Respond(id string, response *Response) error
	// Fail takes the error that the function reports instead of a response.
	Fail(id string, failure *Failure) error
	// FailInit takes the error that kept the function from starting.
	FailInit(failure *Failure) error
}

// Client is one connection of the function.
type Client struct {
	address net.Addr
	socket  syscall.RawConn
}

type clientKey struct{}

func withClient(ctx context.Context, conn net.Conn) context.Context {
	client := &Client{address: conn.RemoteAddr()}
	if c, ok := conn.(syscall.Conn); ok {
		client.socket, _ = c.SyscallConn() //nolint:errcheck // Gone says so
	}
	return context.WithValue(ctx, clientKey{}, client)
}

// Addr is the address of the client's end.
func (c *Client) Addr() net.Addr { return c.address }

// Gone reports whether the connection is closed. It asks the kernel, which knows before the server has read so far.
func (c *Client) Gone() bool {
	if c.socket == nil {
		return true
	}
	gone := false
	err := c.socket.Control(func(fd uintptr) {
		var next [1]byte
		n, _, err := syscall.Recvfrom(int(fd), next[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == nil:
			gone = n == 0
		default:
			gone = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
		}
	})
	return gone || err != nil
}

// Starved is a Handler that wants to know that the machine has no room for a connection of its process, which waits
// until there is.
type Starved interface {
	Handler
	Starve(*machine.Lack)
}

// Server serves the Runtime API on its own loopback address.
type Server struct {
	handler     Handler
	listener    net.Listener
	admission   *admission // nil before Serve
	http        http.Server
	most        int // connections of one function process; runtime clients use one or two
	connections atomic.Int32
	served      sync.WaitGroup
}

// Listen opens a free port on 127.0.0.1. Connections wait until Serve.
func Listen(handler Handler, logger *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listener = machine.NewListener(listener, func(lack *machine.Lack) {
		if starved, ok := handler.(Starved); ok {
			starved.Starve(lack)
		}
	})
	s := &Server{handler: handler, listener: listener, most: machine.RuntimeConnections()}
	s.http = http.Server{
		Handler:        s,
		MaxHeaderBytes: maxHeaderBytes,
		ConnContext:    withClient,
		ConnState:      s.bound,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Serve admits the connections that gate lets in, and serves them until Close. It does not wait, and is called once at
// most, not after Close.
func (s *Server) Serve(gate Gate) {
	s.admission = newAdmission(s.listener, gate)
	s.served.Go(func() {
		s.http.Serve(s.admission) //nolint:errcheck // always ErrServerClosed or ErrClosed: only Close ends it
	})
}

// Addr is the value for AWS_LAMBDA_RUNTIME_API: host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close stops listening and cuts all connections. A Body that is being read ends with an error.
func (s *Server) Close() error {
	if s.admission == nil {
		return s.listener.Close()
	}
	err := s.admission.Close()
	s.served.Wait() // so that the server knows each connection that was admitted
	return errors.Join(err, s.http.Close())
}

// bound cuts a connection that is one too many, so that a function cannot make the server hold any number of them.
func (s *Server) bound(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if int(s.connections.Add(1)) > s.most {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.connections.Add(-1)
	case http.StateActive, http.StateIdle:
	}
}
