//go:build unix

package furltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/webapp"
)

// Caller is who signed a request, as a function on Lambda sees it in requestContext.authorizer.iam.
type Caller struct {
	AccessKey string `json:"accessKey"` // AKIA… or ASIA…
	AccountID string `json:"accountId"`
	CallerID  string `json:"callerId"` // AIDA…, or AROA…:SESSION of a role
	UserARN   string `json:"userArn"`  // of the user, or of the session of a role
	UserID    string `json:"userId"`
}

// CallerOf is who called, for a handler behind a function URL, from the context of its request.
func CallerOf(ctx context.Context) (caller Caller, ok bool) {
	var read struct {
		RequestContext struct{ Authorizer struct{ IAM *Caller } }
	}
	if err := json.Unmarshal(EventOf(ctx), &read); err != nil || read.RequestContext.Authorizer.IAM == nil {
		return Caller{}, false
	}
	return *read.RequestContext.Authorizer.IAM, true
}

// EventOf is the event that a function on Lambda would get in place of the request, JSON in payload format 2.0, from the
// context of the request. It is nil for another context.
func EventOf(ctx context.Context) []byte {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c.payload
	}
	return nil
}

type callKey struct{}

// function is a handler that is a function.
type function struct {
	handler   http.Handler
	throttled atomic.Int64 // how many of the next calls are
	running   atomic.Int64
}

// isThrottled reports whether the next call is, and counts it.
func (f *function) isThrottled() bool {
	for {
		left := f.throttled.Load()
		if left <= 0 || f.throttled.CompareAndSwap(left, left-1) {
			return left > 0
		}
	}
}

// runner runs the functions that are handlers, and leaves the others to the pool.
//
// Each call is one exchange between net/http's server and client, on a connection in memory, so that the handler writes
// to what it writes to anywhere. Only the answer goes over it: the handler is given the request of the event.
type runner struct {
	invoke.Runner
	server  *http.Server
	client  *http.Transport
	dialed  chan net.Conn
	closing context.Context
	close   func()

	mu        sync.Mutex
	functions map[string]*function // by ARN
	panicked  []string
}

func newRunner(pool invoke.Runner) *runner {
	closing, cancel := context.WithCancel(context.Background())
	r := &runner{Runner: pool, functions: map[string]*function{}, dialed: make(chan net.Conn), closing: closing}
	r.server = &http.Server{
		Handler:           http.HandlerFunc(r.serve),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return closing },
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, callKey{}, conn.(*serverConn).call)
		},
	}
	r.client = &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, // one connection belongs to one call
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			client, server := net.Pipe()
			select {
			case r.dialed <- &serverConn{server, ctx.Value(callKey{}).(*call)}:
				return client, nil
			case <-closing.Done():
				return nil, errors.Join(runtime.ErrClosed, client.Close(), server.Close())
			}
		},
	}
	go r.server.Serve(memory{r}) //nolint:errcheck // it ends when it is closed
	r.close = func() {
		cancel()
		r.server.Close()
	}
	return r
}

// serverConn is the server's end of a connection for one call.
type serverConn struct {
	net.Conn
	call *call
}

// memory is the net.Listener of a runner.
type memory struct{ runner *runner }

func (m memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.runner.dialed:
		return conn, nil
	case <-m.runner.closing.Done():
		return nil, net.ErrClosed
	}
}

func (memory) Close() error   { return nil }
func (memory) Addr() net.Addr { return &net.UnixAddr{Name: "furltest", Net: "unix"} }

// call is one invocation of a handler.
type call struct {
	function *function
	payload  []byte
	request  *http.Request
	failed   atomic.Pointer[runtime.FunctionError] // how the handler failed
}

// add makes a handler a function.
func (r *runner) add(arn string, handler http.Handler) *function {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &function{handler: handler}
	r.functions[arn] = f
	return f
}

func (r *runner) find(fn *runtime.Function) *function {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.functions[fn.ARN]
}

func (r *runner) panics() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.panicked
}

// Invoke implements invoke.Runner.
func (r *runner) Invoke(ctx context.Context, fn *runtime.Function, in runtime.Invocation) (*runtime.Result, error) {
	f := r.find(fn)
	if f == nil {
		return r.Runner.Invoke(ctx, fn, in)
	}
	if f.isThrottled() {
		return nil, runtime.ErrReserved
	}
	if running := f.running.Add(1); fn.Concurrency >= 0 && running > int64(fn.Concurrency) {
		f.running.Add(-1)
		return nil, runtime.ErrReserved
	}
	c := &call{function: f, payload: in.Payload}
	// Lambda runs a function to its end, also if the client is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fn.Timeout)
	end := sync.OnceFunc(func() {
		cancel()
		f.running.Add(-1)
	})
	result, err := r.run(context.WithValue(ctx, callKey{}, c), c, in.Stream, end)
	if result == nil || !in.Stream {
		end()
	}
	if result != nil {
		result.Version = fn.Version
	}
	return result, err
}

// run is one invocation. The body of a streamed result calls end.
func (r *runner) run(ctx context.Context, c *call, stream bool, end func()) (*runtime.Result, error) {
	var err error
	if c.request, err = requestOf(c.payload); err != nil {
		return failedResult(failure("furltest.NotHTTP", runtime.ReasonError, err.Error())), nil
	}
	c.request = c.request.WithContext(ctx)
	wire, err := http.NewRequestWithContext(ctx, c.request.Method, "http://furltest/", nil)
	if err != nil {
		return nil, err
	}
	answer, err := r.client.RoundTrip(wire)
	switch {
	case errors.Is(err, runtime.ErrClosed):
		return nil, runtime.ErrClosed
	case err != nil:
		return failedResult(c.failure(ctx)), nil
	}
	for name, values := range answer.Header {
		if name != "Set-Cookie" {
			answer.Header[name] = []string{strings.Join(values, ",")} // a function has one value for each
		}
	}
	answer.Header.Del("Content-Length") // the server sets it
	if stream {
		return &runtime.Result{
			Body: &streamed{
				Reader: io.MultiReader(strings.NewReader(string(webapp.Prelude(answer))), answer.Body),
				ctx:    ctx, call: c, answer: answer.Body, end: end,
			},
			ContentType: event.IntegrationContentType, ResponseMode: runtime.ModeStreaming,
		}, nil
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, runtime.MaxBufferedResponse+1))
	if err != nil {
		return failedResult(c.failure(ctx)), nil
	}
	return &runtime.Result{
		Body:        io.NopCloser(strings.NewReader(string(webapp.Envelope(answer, body)))),
		ContentType: "application/json", ResponseMode: runtime.ModeBuffered,
	}, nil
}

// serve runs the handler of a call.
func (r *runner) serve(w http.ResponseWriter, wire *http.Request) {
	c := wire.Context().Value(callKey{}).(*call)
	ctx, cancel := context.WithCancel(c.request.Context())
	defer cancel()
	defer context.AfterFunc(r.closing, cancel)()
	w.Header()["Date"] = nil // the server's own
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			c.failed.CompareAndSwap(nil, failure("furltest.Aborted", runtime.ReasonShutdown,
				"the handler has broken its answer off"))
			panic(http.ErrAbortHandler)
		}
		c.failed.Store(failure("furltest.Panic", runtime.ReasonExit, fmt.Sprint(value)))
		r.mu.Lock()
		defer r.mu.Unlock()
		const enough = 5
		if len(r.panicked) < enough {
			r.panicked = append(r.panicked, fmt.Sprintf("the handler panicked: %v\n%s", value, debug.Stack()))
		}
		panic(http.ErrAbortHandler) // which net/http does not log
	}()
	c.function.handler.ServeHTTP(w, c.request.WithContext(ctx))
	if errors.Is(c.request.Context().Err(), context.DeadlineExceeded) { // it has seen that, and returned too late
		c.failed.Store(timedOut())
		panic(http.ErrAbortHandler)
	}
}

// failure is why the call has no answer, or no complete one.
func (c *call) failure(ctx context.Context) *runtime.FunctionError {
	if failed := c.failed.Load(); failed != nil {
		return failed
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return timedOut()
	}
	return failure("furltest.Aborted", runtime.ReasonShutdown, "the test has ended")
}

func timedOut() *runtime.FunctionError {
	return failure("Sandbox.Timedout", runtime.ReasonTimeout, "the handler has taken longer than the timeout")
}

func failure(errorType string, reason runtime.Reason, message string) *runtime.FunctionError {
	payload, _ := json.Marshal(map[string]string{"errorType": errorType, "errorMessage": message}) // strings always marshal
	return &runtime.FunctionError{Type: errorType, Kind: "Unhandled", Payload: payload, Reason: reason}
}

func failedResult(failed *runtime.FunctionError) *runtime.Result {
	return &runtime.Result{
		Body: io.NopCloser(strings.NewReader(string(failed.Payload))), ContentType: "application/json",
		ResponseMode: runtime.ModeBuffered, FunctionError: failed,
	}
}

// streamed is the body of a streamed answer. It ends with io.EOF also if the handler failed, as runtime.Result wants it.
type streamed struct {
	io.Reader
	ctx    context.Context //nolint:containedctx // of the one call
	call   *call
	answer io.Closer
	end    func()
	failed *runtime.FunctionError
}

func (s *streamed) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed, err = s.call.failure(s.ctx), io.EOF
	}
	return n, err
}

// StreamError is what runtime.Result.StreamError answers.
func (s *streamed) StreamError() *runtime.FunctionError { return s.failed }

func (s *streamed) Close() error {
	err := s.answer.Close()
	s.end()
	return err
}

// requestOf is the request that an event stands for.
func requestOf(payload []byte) (*http.Request, error) {
	received, err := event.Read(payload)
	if err != nil {
		return nil, err
	}
	if received == nil {
		return nil, errors.New("the event is not an HTTP request in payload format 2.0")
	}
	target := received.Path
	if received.Query != "" {
		target += "?" + received.Query
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, fmt.Errorf("the target of the request: %w", err)
	}
	request, err := http.NewRequest(received.Method, "/", strings.NewReader(string(received.Body)))
	if err != nil {
		return nil, err
	}
	request.URL, request.RequestURI, request.Host = parsed, target, received.Domain
	for _, field := range received.Header {
		if field.Name != "host" {
			request.Header.Add(field.Name, field.Value)
		}
	}
	if received.Cookies != nil {
		request.Header.Set("Cookie", strings.Join(received.Cookies, "; "))
	}
	var source struct{ HTTP struct{ SourceIP string } }
	if err := json.Unmarshal(received.Context, &source); err != nil {
		return nil, err
	}
	request.RemoteAddr = net.JoinHostPort(source.HTTP.SourceIP, "0")
	return request, nil
}
