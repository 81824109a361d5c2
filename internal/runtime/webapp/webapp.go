//go:build unix

// Package webapp runs web applications as functions without a program of theirs in between: it does what the AWS Lambda
// Web Adapter does as an extension, within the server. An application is an HTTP server that knows nothing of Lambda.
// It listens on the port in PORT; [App.Run] waits until it is ready, translates each event into an HTTP request, and
// the application's answer into a response of the function.
//
// [ParseSettings], [Settings.NewRequest], [Envelope] and [Prelude] are the adapter as pure functions, and [App] is the
// one driver. Variables, headers, paths and errors are those of version 1.0.0 of the adapter. It differs in this:
//
//   - Environments share this machine's ports, so each has a port of its own in PORT and AWS_LWA_PORT, whatever port the
//     function's variables name. An application that listens on that one all the same is found there (on Linux), and a
//     remark in the function's log says so. AWS_LWA_READINESS_CHECK_PORT counts if it is another port than that.
//   - The application is talked to on 127.0.0.1, whatever AWS_LWA_HOST says.
//   - Without AWS_LWA_INVOKE_MODE an answer has the form that its caller takes: a stream for a URL of invoke mode
//     RESPONSE_STREAM. The adapter would send the URL an envelope.
//   - AWS_LWA_ENABLE_COMPRESSION compresses with gzip alone; the adapter prefers Brotli, which Go's library does not have.
//   - Text in another character set than UTF-8 stays as the application wrote it. The adapter translates it and leaves the
//     name of the character set, so that clients misread it.
//   - Only payload format 2.0, that of function URLs, is HTTP. Events of REST APIs and load balancers go to
//     AWS_LWA_PASS_THROUGH_PATH as all other events do: nothing here sends any.
//   - x-amzn-request-context is the requestContext as it stands in the event, which is how readers of JSON take that of a
//     function URL. The adapter has its own order, and writes null for what other events leave out.
//   - Headers of an event about the connection are left out, and content-length is that of the body. A URL sends no such
//     headers; with those of other callers the adapter waits until the function times out.
//   - A streamed answer that breaks off ends there. The adapter's library adds the text of its error to the body.
//   - x-amz-tenant-id is left out: no function here has tenants, and a client may not claim to be one.
//   - Where version 1.0.0-rc1, the newest on crates.io, differs from later versions, it is as those: cookies are joined
//     with a semicolon and a space, AWS_LWA_REMOVE_BASE_PATH is taken away once and only where a segment ends, and the
//     error for a status of AWS_LWA_ERROR_STATUS_CODES has the body of the answer.
package webapp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// Environment is an execution environment as the one who answers its invocations sees it: the Runtime API without HTTP.
type Environment interface {
	// Next blocks until there is an invocation, or ctx ends.
	Next(ctx context.Context) (*runtimeapi.Invocation, error)
	// Received is what the event of the current invocation says, nil if nobody has read it. If it is not nil, the caller
	// takes an answer that is not in JSON. It answers once for each invocation.
	Received() *event.Received
	// Answer takes such an answer, if the caller takes no stream.
	Answer(id string, response *event.Response) error
	// Respond takes the response to invocation id, and returns when its body was read.
	Respond(id string, response *runtimeapi.Response) error
	// Fail takes an error instead of a response.
	Fail(id string, failure *runtimeapi.Failure) error
	// Streams reports whether the caller of the current invocation takes a stream.
	Streams() bool
	// Verify waits until a process has accepted the connection, and fails if the process is not one of the environment's.
	Verify(ctx context.Context, conn net.Conn) error
	// Listening answers those of the ports on which the environment's processes listen, or all of these for no port.
	Listening(ports ...int) []int
	// Alone says that the application listens on a port which only one environment of the function can have.
	Alone()
	// Remark writes a line into the function's log.
	Remark(text string)
}

// App is the application of one environment.
type App struct {
	Settings
	Function
	Own         int           // the port in its PORT variable
	InitTimeout time.Duration // of the environment's initialization
	Upstream    string        // HOST:PORT of a server that is not the environment's own; then the two above mean nothing

	env       Environment
	conn      atomic.Pointer[connection] // nil for none
	elsewhere bool                       // it listens on Settings.Port instead
	warned    bool                       // of a stream that AWS would not send
}

// Variables are what the application finds in its environment.
func (a *App) Variables() map[string]string {
	port := strconv.Itoa(a.Own)
	return map[string]string{portVariable: port, lwaPortVariable: port}
}

// Run serves the invocations of an environment until ctx ends.
func (a *App) Run(ctx context.Context, env Environment) {
	a.env = env
	defer a.hangUp()
	defer context.AfterFunc(ctx, a.hangUp)()
	ready := a.Upstream != "" || a.initialize(ctx)
	for {
		in, err := env.Next(ctx)
		if err != nil {
			return
		}
		if !ready {
			ready = a.awaitReady(ctx)
		}
		a.serve(ctx, in)
	}
}

// initialize waits until the application is ready, with AsyncInit not for longer than the initialization may take: for
// 9.8 of 10 seconds, as the adapter does.
func (a *App) initialize(ctx context.Context) bool {
	if a.AsyncInit {
		limited, cancel := context.WithTimeout(ctx, a.InitTimeout-a.InitTimeout/50)
		defer cancel()
		ctx = limited
	}
	return a.awaitReady(ctx)
}

const (
	probePause  = 10 * time.Millisecond // as in the adapter
	remarkAfter = 2 * time.Second       // of waiting for the application
)

// awaitReady probes the application until it is ready. It reports false if ctx ends before that.
func (a *App) awaitReady(ctx context.Context) bool {
	remark := time.Now().Add(remarkAfter)
	for {
		err := a.probe(ctx)
		if err == nil {
			return true
		}
		if time.Now().After(remark) && ctx.Err() == nil {
			a.env.Remark("the application is not ready after " + remarkAfter.String() + ": " + err.Error() + a.advice(err))
			remark = remark.Add(time.Hour)
		}
		select {
		case <-time.After(probePause):
		case <-ctx.Done():
			return false
		}
	}
}

// advice is what to do about an application on which nobody answers.
func (a *App) advice(err error) string {
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return ""
	}
	text := "; it has to listen on the port in the variable PORT"
	if ports := a.env.Listening(); len(ports) > 0 {
		text += fmt.Sprintf(", but it listens on %s", strings.Trim(fmt.Sprint(ports), "[]"))
	}
	return text
}

// probe asks once whether the application is ready.
func (a *App) probe(ctx context.Context) error {
	var conn net.Conn
	var err error
	if a.ReadinessPort != 0 {
		conn, err = a.connect(ctx, a.ReadinessPort)
	} else {
		conn, err = a.dial(ctx)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if a.ReadinessTCP {
		return nil
	}
	head := append(appendTarget([]byte("GET "), a.ReadinessPath), " HTTP/1.1\r\nhost: "...)
	head = append(append(head, conn.RemoteAddr().String()...), "\r\n\r\n"...)
	answer, err := newConnection(conn).exchange(&Request{Method: http.MethodGet, Head: head})
	if err != nil {
		return fmt.Errorf("GET %s: %w", a.ReadinessPath, err)
	}
	if !includes(a.Healthy, answer.StatusCode) {
		return fmt.Errorf("GET %s answers %s", a.ReadinessPath, answer.Status)
	}
	return nil
}

// dial connects to the application, on its own port or else on the one that its variables name.
func (a *App) dial(ctx context.Context) (net.Conn, error) {
	if a.Upstream != "" {
		return a.dialUpstream(ctx)
	}
	if a.elsewhere {
		return a.connect(ctx, a.Port)
	}
	conn, err := a.connect(ctx, a.Own)
	if !errors.Is(err, syscall.ECONNREFUSED) || len(a.env.Listening(a.Port)) == 0 {
		return conn, err
	}
	if conn, err = a.connect(ctx, a.Port); err == nil {
		a.elsewhere = true
		a.env.Alone()
		a.env.Remark(fmt.Sprintf("the application listens on port %d whatever the variable PORT says (%d): only one "+
			"environment of it can run, and invocations wait for each other", a.Port, a.Own))
	}
	return conn, err
}

// upstreamPatience is how long a call waits for a web server that nobody listens for: it may be starting, or again.
const upstreamPatience = 5 * time.Second

func (a *App) dialUpstream(ctx context.Context) (net.Conn, error) {
	for deadline := time.Now().Add(upstreamPatience); ; {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", a.Upstream)
		switch {
		case !errors.Is(err, syscall.ECONNREFUSED):
			return conn, err
		case time.Now().After(deadline):
			return nil, fmt.Errorf("no web server listens at http://%s: %w", a.Upstream, err)
		}
		select {
		case <-time.After(probePause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (a *App) connect(ctx context.Context, port int) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	// Events carry what their callers confide to the function, and any process of this machine may have taken the port.
	if err := a.env.Verify(ctx, conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("port %d is not the application's: %w", port, err)
	}
	return conn, nil
}

// serve answers one invocation. Whether the environment takes the answer is its own business: it may have ended.
func (a *App) serve(ctx context.Context, in *runtimeapi.Invocation) {
	received := a.env.Received()
	direct := received != nil // which has the whole event, and is not kept
	r, err := a.NewRequest(in, received, a.Function)
	if err != nil {
		a.fail(in, panicType, "Lambda panicked: "+err.Error(), err.Error())
		return
	}
	in.Payload = nil // up to 6 MiB that the application has now
	answer, err := a.exchange(ctx, r)
	if err != nil {
		a.broken(ctx, in, err, errorType, clientError(err))
		return
	}
	defer a.settle()
	failing := includes(a.ErrorStatuses, answer.StatusCode)
	if !failing && a.streams(r) {
		a.env.Respond(in.ID, &runtimeapi.Response{ //nolint:errcheck // see above
			ContentType: event.IntegrationContentType, Streaming: true, Length: -1,
			Body: io.MultiReader(bytes.NewReader(Prelude(answer)), answer.Body),
		})
		return
	}
	body, err := readAll(answer)
	switch {
	case failing:
		a.env.Fail(in.ID, refusedStatus(answer.StatusCode, body)) //nolint:errcheck // see above
		return
	case err != nil:
		a.broken(ctx, in, err, panicType, "Lambda panicked: unable to read bytes from body")
		return
	}
	if a.Compress && r.acceptsGzip && compressible(answer, r.Method, len(body)) {
		body = compressed(answer.Header, body)
	}
	if direct && !r.passThrough && !a.env.Streams() {
		if response := Response(answer, body); response != nil {
			a.env.Answer(in.ID, response) //nolint:errcheck // see above
			return
		}
	}
	var whole []byte
	switch name := refusedHeader(answer.Header); {
	case r.passThrough:
		whole = passedThrough(answer.Header, body)
	case name != "":
		const message = "the adapter ends at an answer with a header that is not UTF-8"
		a.fail(in, "Extension.Crash", message, message+": "+name)
		return
	default:
		whole = Envelope(answer, body)
	}
	a.env.Respond(in.ID, &runtimeapi.Response{ //nolint:errcheck // see above
		ContentType: "application/json", Length: int64(len(whole)), Body: bytes.NewReader(whole),
	})
}

// streams reports whether the answer to a request is a stream.
func (a *App) streams(r *Request) bool {
	if a.Mode != ModeUnset {
		return a.Mode == ModeStream
	}
	if r.passThrough || !a.env.Streams() {
		return false
	}
	if !a.warned && a.Upstream == "" {
		a.warned = true
		a.env.Remark("the application's answers are streamed here as the caller takes them: for the same at AWS set " +
			"the variable AWS_LWA_INVOKE_MODE to response_stream")
	}
	return true
}

// exchange sends a request on the connection that is open, or on a new one.
func (a *App) exchange(ctx context.Context, r *Request) (*http.Response, error) {
	for {
		conn := a.conn.Load()
		again := conn.usable()
		if !again {
			a.hangUp()
			dialed, err := a.dial(ctx)
			if err != nil {
				return nil, err
			}
			conn = newConnection(dialed)
			a.conn.Store(conn)
			if ctx.Err() != nil {
				return nil, ctx.Err() // nobody hangs up for this one
			}
		}
		answer, err := conn.exchange(r)
		if err == nil {
			return answer, nil
		}
		again = again && conn.isStale(r, err)
		a.hangUp()
		if !again {
			return nil, err
		}
	}
}

// settle closes the connection if the answer on it was not read to its end.
func (a *App) settle() {
	if conn := a.conn.Load(); conn != nil && (conn.busy || conn.spent) {
		a.hangUp()
	}
}

func (a *App) hangUp() {
	if conn := a.conn.Swap(nil); conn != nil {
		conn.Close()
	}
}

// brokenGrace is how long an application that closes its connection may take to end. Its end says more.
const brokenGrace = 250 * time.Millisecond

// broken fails an invocation whose exchange with the application failed.
func (a *App) broken(ctx context.Context, in *runtimeapi.Invocation, err error, errorType, message string) {
	select {
	case <-ctx.Done():
	case <-time.After(brokenGrace):
		a.fail(in, errorType, message, describe(err))
	}
}

// fail fails an invocation as the adapter does. The function's log says why.
func (a *App) fail(in *runtimeapi.Invocation, errorType, message, reason string) {
	a.env.Remark("the invocation failed: " + reason)
	a.env.Fail(in.ID, failure(errorType, message)) //nolint:errcheck // the environment may have ended
}
