// Package runtimeapi speaks the AWS Lambda Runtime API, version 2018-06-01, to one function process: it turns the
// process's requests into calls of a Handler, and the Handler's answers into the statuses and bodies that AWS's
// runtime clients expect.
//
// It keeps no state of its own. What is allowed when is the Handler's business, which answers ErrRequestID or
// ErrState. Extensions, telemetry and SnapStart are not offered: their paths answer 404 with a JSON error.
//
//	api, err := runtimeapi.Listen(handler, logger)
//	...
//	env = append(env, "AWS_LAMBDA_RUNTIME_API="+api.Addr())
//	...
//	api.Close()
//
// The listener is on loopback and, as in Lambda, asks for no credentials: whoever may open a connection to it from
// this machine is taken for the function.
package runtimeapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
)

// MaxErrorBody is the most bytes of an error report that are read.
const MaxErrorBody = 6*1024*1024 + 100

const (
	maxConnections = 64      // of one function process; runtime clients use one or two
	maxHeaderBytes = 2 << 20 // the X-Ray cause travels in a header of up to 1 MiB
)

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
	// Next blocks until there is an invocation. ctx ends when the process closes the connection; the
	// invocation must not be lost then.
	Next(ctx context.Context) (*Invocation, error)
	// Respond takes the function's response to invocation id. It returns when Body has been read to its end,
	// or is not wanted: the server discards what is left.
	Respond(id string, response *Response) error
	// Fail takes the error that the function reports instead of a response.
	Fail(id string, failure *Failure) error
	// FailInit takes the error that kept the function from starting.
	FailInit(failure *Failure) error
}

// Server serves the Runtime API on its own loopback address.
type Server struct {
	handler     Handler
	listener    net.Listener
	http        http.Server
	connections atomic.Int32
	served      chan struct{}
}

// Listen opens a free port on 127.0.0.1 and serves it until Close.
func Listen(handler Handler, logger *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{handler: handler, listener: listener, served: make(chan struct{})}
	s.http = http.Server{
		Handler:        s,
		MaxHeaderBytes: maxHeaderBytes,
		ConnState:      s.bound,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.served)
		s.http.Serve(listener) //nolint:errcheck // always ErrServerClosed or ErrClosed: only Close ends it
	}()
	return s, nil
}

// Addr is the value for AWS_LAMBDA_RUNTIME_API: host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close stops listening and cuts all connections. A Body that is being read ends with an error.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.served
	return err
}

// bound cuts a connection that is one too many, so that a process can not make the server hold any number of them.
func (s *Server) bound(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.connections.Add(1) > maxConnections {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.connections.Add(-1)
	case http.StateActive, http.StateIdle:
	}
}
