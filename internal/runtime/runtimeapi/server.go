//go:build unix

// Package runtimeapi speaks the AWS Lambda Runtime API, version 2018-06-01, to one function: it turns the
// function's requests into calls of a Handler, and the Handler's answers into the statuses and bodies that AWS's
// runtime clients expect.
//
// It keeps no state of its own: the Handler decides what is allowed when, and answers ErrRequestID or ErrState to the
// rest. SnapStart is not offered: its paths answer 404 with a JSON error. The paths of other APIs on the same address,
// for extensions, are for Extensions.
//
// The listener is on loopback and, as in Lambda, asks for no credentials, so every process of this machine can open a
// connection to it. The server asks the Gate once for each connection whether it is the function's. It answers 403 to
// the others and closes them, without an influence on the function.
package runtimeapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/furl-dev/furl/internal/machine"
)

// MaxPayload is the largest response that is not streamed, and the largest error report, in bytes. The odd hundred is
// what the service grants and names in its error.
const MaxPayload = 6<<20 + 100

const maxHeaderBytes = 2 << 20 // the X-Ray cause travels in a header of up to 1 MiB

// Errors by which a Handler refuses a request.
var (
	ErrRequestID = errors.New("invalid request id")               // 400 InvalidRequestID
	ErrState     = errors.New("not allowed in the current state") // 403 InvalidStateTransition
	ErrTooLarge  = errors.New("response too large")               // 413 RequestEntityTooLarge
	ErrTruncated = errors.New("request body ended early")         // 400 TruncatedHTTPRequest
)

// Handler is one execution environment as its process sees it. The connections' goroutines call its methods,
// concurrently if the process does so. Any error but those above answers 500.
type Handler interface {
	// Next blocks until there is an invocation for client. ctx ends some time after the client has closed its
	// connection, which client.Gone reports at once; the invocation must not be lost then.
	Next(ctx context.Context, client *Client) (*Invocation, error)
	// Respond takes the function's response to invocation id. It returns when it has read Body as far as it wants:
	// the server discards the rest.
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
	within  bool // it is no connection
}

// NewClient is the client of a function that has no connection, because the server itself speaks for it.
func NewClient(name string) *Client {
	return &Client{address: &net.UnixAddr{Name: name, Net: "unix"}, within: true}
}

type clientKey struct{}

func withClient(ctx context.Context, conn net.Conn) context.Context {
	client := &Client{address: conn.RemoteAddr()}
	if c, ok := conn.(syscall.Conn); ok {
		client.socket, _ = c.SyscallConn() //nolint:errcheck // Gone says so
	}
	return context.WithValue(ctx, clientKey{}, client)
}

// ClientOf is the connection of a request to a Server.
func ClientOf(r *http.Request) *Client {
	client, ok := r.Context().Value(clientKey{}).(*Client)
	if !ok {
		panic("a request without a connection")
	}
	return client
}

// Addr is the address of the client's end.
func (c *Client) Addr() net.Addr { return c.address }

// Gone reports whether the connection is closed. It asks the kernel, which knows before the server has read so far.
func (c *Client) Gone() bool {
	if c.within {
		return false
	}
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

// hurry acknowledges at once what the client has sent, and has the kernel do so from now on until the server answers.
// Linux delays the acknowledgements of a connection on which both sides talk by turns, as they do here, by up to 40 ms. A
// client that leaves Nagle's algorithm on, such as that of Rust's lambda_runtime (hyper sets no TCP_NODELAY), sends the
// first bytes of a response only once their head is acknowledged.
func (c *Client) hurry() {
	const quickAck = 12 // TCP_QUICKACK of Linux, which package syscall has on Linux only
	if c.socket == nil || runtime.GOOS != "linux" {
		return
	}
	c.socket.Control(func(fd uintptr) { //nolint:errcheck // the connection is closed, or the bytes come later
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, quickAck, 1) //nolint:errcheck // as above
	})
}

// Starved is a Handler that wants to know when the machine has no room for a connection of its process.
type Starved interface {
	Handler
	// Starve is called while the connection waits for room.
	Starve(*machine.Lack)
}

// Extensions serves the APIs for extensions.
type Extensions interface {
	// Serve answers a request. It reports false, and does nothing, if the path is not one of its own.
	Serve(w http.ResponseWriter, r *http.Request) bool
}

// Server serves the Runtime API on its own loopback address.
type Server struct {
	// These are set before Serve. Extensions is nil for none. More is how many connections there may be besides those of
	// a runtime.
	Extensions Extensions
	More       int

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
		ConnState:      s.count,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Serve admits the connections that gate lets in, and serves them until Close. It does not wait. It must be called at
// most once, and before Close.
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
	s.served.Wait() // then the server knows each connection that was admitted
	return errors.Join(err, s.http.Close())
}

// count cuts a connection that is one too many, so that a function cannot make the server hold any number of them.
func (s *Server) count(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if int(s.connections.Add(1)) > s.most+s.More {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.connections.Add(-1)
	case http.StateActive, http.StateIdle:
	}
}

const (
	prefix           = "/2018-06-01/runtime/"
	invocationPrefix = prefix + "invocation/"
	contentTypeJSON  = "application/json"
)

// ServeHTTP routes by hand: the API has five paths, and every invocation comes through here twice.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isFromPage(r) {
		Refuse(w, http.StatusForbidden, "Forbidden", "the Runtime API is not for web pages")
		return
	}
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, invocationPrefix); ok {
		if rest == "next" {
			s.next(w, r)
			return
		}
		if id, verb, ok := strings.Cut(rest, "/"); ok && id != "" {
			switch verb {
			case "response":
				s.response(w, r, id)
				return
			case "error":
				s.failure(w, r, func(f *Failure) error { return s.handler.Fail(id, f) })
				return
			}
		}
	}
	switch path {
	case prefix + "init/error":
		s.failure(w, r, s.handler.FailInit)
	case "/ping", "/2018-06-01/ping":
		w.Write([]byte("pong")) //nolint:errcheck // the connection is broken
	default:
		if s.Extensions != nil && s.Extensions.Serve(w, r) {
			return
		}
		Refuse(w, http.StatusNotFound, "NotFound", "furl's Runtime API has no "+r.Method+" "+path)
	}
}

// isFromPage reports whether a web page had a browser send the request: functions may start browsers of their own.
// Clients that are no browsers send other Sec-Fetch headers, too (Node.js's fetch does), and proxies between a runtime
// and this API change the Host header.
func isFromPage(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
}

func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	if !isMethod(w, r, http.MethodGet) {
		return
	}
	in, err := s.handler.Next(r.Context(), ClientOf(r))
	if err != nil {
		refuseError(w, err)
		return
	}
	// One array holds all header values: net/http wants a slice per name.
	values := [...]string{
		contentTypeJSON, strconv.Itoa(len(in.Payload)), in.ID, strconv.FormatInt(in.Deadline.UnixMilli(), 10),
		in.FunctionARN, in.TraceID, in.ClientContext, in.CognitoIdentity,
	}
	names := [...]string{
		"Content-Type", "Content-Length", headerRequestID, headerDeadline,
		headerARN, headerTraceID, headerClientContext, headerIdentity,
	}
	header := w.Header()
	for i, name := range names {
		if values[i] != "" {
			header[name] = values[i : i+1 : i+1]
		}
	}
	w.Write(in.Payload) //nolint:errcheck // the end of the process answers the invocation
}

func (s *Server) response(w http.ResponseWriter, r *http.Request, id string) {
	if !isMethod(w, r, http.MethodPost) {
		return
	}
	ClientOf(r).hurry()
	response := &Response{
		ContentType: first(r.Header, "Content-Type"),
		Length:      r.ContentLength,
		Body:        r.Body,
		request:     r,
	}
	switch mode := first(r.Header, headerMode); mode {
	case "":
		response.Streaming = streamsSilently(r, response.ContentType)
	case "streaming":
		response.Streaming = true
	default:
		err := s.handler.Fail(id, &Failure{Type: InvalidMode, RawType: InvalidMode})
		discard(r.Body)
		if err != nil {
			refuseError(w, err)
			return
		}
		Refuse(w, http.StatusBadRequest, "InvalidFunctionResponseMode", "Invalid function response mode")
		return
	}
	answer(w, r, s.handler.Respond(id, response))
}

// streamsSilently recognizes the streams of aws-lambda-go, which sends no mode header and sends every response in
// chunks and with trailers: a response that it has encoded itself, as JSON, is not a stream.
func streamsSilently(r *http.Request, contentType string) bool {
	_, trailer := r.Trailer[headerErrorType]
	return r.ContentLength < 0 && trailer && contentType != contentTypeJSON
}

func (s *Server) failure(w http.ResponseWriter, r *http.Request, report func(*Failure) error) {
	if !isMethod(w, r, http.MethodPost) {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	if err != nil {
		refuseError(w, ErrTruncated)
		return
	}
	tooLarge := len(body) > MaxPayload
	if tooLarge {
		body = nil
	}
	errorType := first(r.Header, headerErrorType)
	err = report(&Failure{Type: sanitize(errorType), RawType: errorType, Body: body})
	if err == nil && tooLarge {
		err = ErrTooLarge
	}
	answer(w, r, err)
}
