// Package mcp is furl mcp: a bridge between an MCP client that starts a command and an MCP server behind a function URL
// with IAM authentication. The client writes JSON-RPC messages to the bridge, one on each line, and reads the server's
// from it; the bridge sends each as a signed request of the streamable HTTP transport, and passes on what the answers
// and the server's streams carry. Messages pass through: the bridge looks only at what the transports themselves need.
//
// It speaks the protocol versions 2025-03-26, 2025-06-18, 2025-11-25 and 2026-07-28, whichever of them the client and
// the server agree on. It does not speak the transport HTTP+SSE of 2024-11-05, does no OAuth, and follows no redirect
// to another host. Its output has nothing but messages.
package mcp

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a bridge needs. Open is required.
type Config struct {
	// Open says where the server is. The bridge calls it again after it failed: a person may have logged in since.
	Open func(ctx context.Context) (Server, error)
	// Explain puts an error into words for the client's user, with what to type next, "" for nothing. Nil is for the
	// words of the error.
	Explain func(ctx context.Context, err error) (message, hint string)
	// Header are more headers of each request. Those that Owns reports do not count.
	Header http.Header
	// MaxMessage is the longest message in both directions, in bytes. 0 means DefaultMaxMessage.
	MaxMessage int
	// Timeout is how long the server may send nothing while a request waits for its answer. 0 means no limit.
	Timeout time.Duration
	// Drain is how long requests may take to finish after the client has closed the input. 0 means no time.
	Drain time.Duration
	// Stream says when to open the stream on which a server sends messages of its own accord. "" means StreamAuto.
	Stream Stream
	// Log takes what the client's user does not see. Nil is for none.
	Log *slog.Logger
}

// Stream says when to open the stream on which a server sends messages of its own accord. It keeps a function running.
type Stream string

const (
	// StreamAuto is for servers that keep a session: others cannot know which client a message is for. The Python SDK does the
	// same (python-sdk, mcp/client/streamable_http.py).
	StreamAuto   Stream = "auto"
	StreamAlways Stream = "always"
	StreamNever  Stream = "never"
)

// Server is where an MCP server is, and what sends requests to it.
type Server struct {
	URL       string
	Transport http.RoundTripper
	// Host is the host by which a front end calls the server, if it is not that of URL; "" otherwise.
	Host string
}

const (
	// DefaultMaxMessage is the default of Config.MaxMessage.
	DefaultMaxMessage = 64 << 20

	maxConcurrent = 128  // requests that are sent at one time; the others wait
	maxPending    = 4096 // requests that have no answer; more are refused
	maxAsked      = 4096 // requests of the server that the client has not answered
	// farewell is how long the end of the session may take. Clients wait two seconds for their servers to end.
	farewell = 800 * time.Millisecond
	// late is how long the server may take to end a request that was cancelled.
	late = 5 * time.Second
	// trail is how long the server may take to end a stream after the answer that it was for.
	trail = 250 * time.Millisecond
)

// Bridge is one run of furl mcp.
type Bridge struct {
	config Config
	slots  chan struct{}
	work   context.Context // ends when everything has to

	outMu sync.Mutex
	out   io.Writer
	gone  func(error) // the client reads no more
	left  atomic.Bool // the client has closed the input, and the time for the last answers is over

	opening sync.Mutex
	server  *Server // nil until Open has succeeded

	mu      sync.Mutex
	closing bool                // nothing more begins
	tasks   sync.WaitGroup      // everything that sends and receives
	pending map[string]*call    // requests of the client without an answer, by id
	asked   map[string]*session // requests of the server without an answer, by id, with the session they are of
	gate    <-chan struct{}     // closed when the messages that come now may be sent
	notes   <-chan struct{}     // closed when the latest notification was sent
	session *session            // nil before initialization
	first   []byte              // the client's initialize; nil before it
	second  []byte              // the client's notifications/initialized; nil before it
	tools   tools
	latest  string // the version that a request has said for itself last
	moved   bool   // the log has that the server redirects

	renewing sync.Mutex // one at a time
}

// call is a request of the client.
type call struct {
	id, method string
	version    string                  // that it says for itself; "" for that of the session
	sent       chan struct{}           // closed when it was sent, or cannot be
	cancel     context.CancelCauseFunc // nil for a request of a batch

	// under the lock of the bridge
	answered, cancelled bool
}

// modern reports whether a request is of a version without sessions.
func (c *call) modern() bool { return c.version >= stateless }

var (
	errClosed    = errors.New("the client has closed the input")
	errStopped   = errors.New("furl mcp was stopped")
	errCancelled = errors.New("the client has cancelled the request")
	errSilent    = errors.New("the server sends nothing")
	errAnswered  = errors.New("the request has its answer")
)

// New checks a configuration.
func New(config Config) (*Bridge, error) {
	switch {
	case config.Open == nil:
		return nil, errors.New("mcp: Config.Open is missing")
	case config.MaxMessage < 0 || config.Timeout < 0 || config.Drain < 0:
		return nil, errors.New("mcp: MaxMessage, Timeout and Drain must not be negative")
	}
	switch config.Stream = cmp.Or(config.Stream, StreamAuto); config.Stream {
	case StreamAuto, StreamAlways, StreamNever:
	default:
		return nil, fmt.Errorf("mcp: Stream %q is none of auto, always and never", config.Stream)
	}
	config.MaxMessage = cmp.Or(config.MaxMessage, DefaultMaxMessage)
	config.Log = cmp.Or(config.Log, slog.New(slog.DiscardHandler))
	if config.Explain == nil {
		config.Explain = func(_ context.Context, err error) (string, string) { return err.Error(), "" }
	}
	open := make(chan struct{})
	close(open)
	return &Bridge{
		config: config, slots: make(chan struct{}, maxConcurrent), gate: open, notes: open,
		pending: map[string]*call{}, asked: map[string]*session{}, tools: tools{},
	}, nil
}

// Run passes messages on until the input ends, the client reads no more, or ctx ends. Then requests in flight have
// Config.Drain to finish, and the session is ended. When stop ends, Run returns at once. A read of the input may
// outlast Run, since nothing ends it.
func (b *Bridge) Run(ctx, stop context.Context, in io.Reader, out io.Writer) error {
	b.out = out
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	b.work = work
	defer cancel(errClosed)
	defer context.AfterFunc(stop, func() { cancel(context.Cause(stop)) })()
	var unread error
	read, ended := context.WithCancelCause(ctx)
	b.gone = func(err error) { ended(fmt.Errorf("the client reads no more: %w", err)) }
	go func() {
		err := b.receive(work, in)
		if err == nil {
			err = io.EOF
		}
		ended(err)
	}()
	<-read.Done()
	switch cause := context.Cause(read); {
	case ctx.Err() != nil || errors.Is(cause, io.EOF):
	default:
		unread = cause
	}
	b.finish(ctx, cancel)
	return unread
}

// finish ends what is in flight, and the session.
func (b *Bridge) finish(ctx context.Context, cancel context.CancelCauseFunc) {
	b.mu.Lock()
	s := b.session
	b.closing = true
	b.mu.Unlock()
	if s != nil {
		s.close()
	}
	drained := make(chan struct{})
	go func() {
		b.tasks.Wait()
		close(drained)
	}()
	patience := time.NewTimer(b.config.Drain)
	defer patience.Stop()
	select {
	case <-drained:
	case <-patience.C:
	case <-ctx.Done():
	case <-b.work.Done():
	}
	b.left.Store(ctx.Err() == nil)
	end, done := context.WithTimeout(b.work, farewell)
	defer done()
	if s != nil {
		s.end(end, b)
	}
	if ctx.Err() != nil {
		cancel(errStopped)
	}
	cancel(errClosed)
	patience.Reset(farewell)
	select {
	case <-drained:
	case <-patience.C: // the client does not read what is left
	}
}

// receive reads the client's lines and handles them, until the input ends.
func (b *Bridge) receive(ctx context.Context, in io.Reader) error {
	reader := bufio.NewReaderSize(in, 64<<10)
	var line []byte
	for first := true; ; first = false {
		line = line[:0]
		var scan *idScan
		for {
			part, err := reader.ReadSlice('\n')
			switch {
			case scan != nil:
				scan.Write(part) // never fails
			case len(line)+len(part) > b.config.MaxMessage+1:
				scan = &idScan{}
				scan.Write(line)
				scan.Write(part)
			default:
				line = append(line, part...)
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if scan != nil {
				b.refuse(scan.found(), codeInvalid,
					fmt.Sprintf("the message is longer than %d bytes: say --max-message", b.config.MaxMessage))
			} else {
				if first {
					line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
				}
				b.take(ctx, line)
			}
			if err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return fmt.Errorf("read the client's messages: %w", err)
			}
			break
		}
		if cap(line) > 1<<20 {
			line = nil // after a large message
		}
	}
}

// take handles one line of the client.
func (b *Bridge) take(ctx context.Context, line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	parts, batch, err := split(line)
	if err != nil {
		b.config.Log.Warn("the client sent what is not JSON", "error", err)
		b.refuse("", codeParse, "what came on the standard input is not JSON: "+err.Error())
		return
	}
	var messages []message
	for _, part := range parts {
		m, err := parse(part)
		if err != nil {
			b.config.Log.Warn("the client sent what is not a JSON-RPC message", "error", err)
			b.refuse("", codeInvalid, "what came on the standard input is not a JSON-RPC message")
			continue
		}
		messages = append(messages, m)
	}
	if batch {
		b.takeBatch(ctx, messages)
		return
	}
	for _, m := range messages {
		b.dispatch(ctx, []message{m}, m.raw)
	}
}

// takeBatch handles a batch, which only one version of the protocol has.
func (b *Bridge) takeBatch(ctx context.Context, messages []message) {
	b.mu.Lock()
	allowed := b.session != nil && b.session.version == batches
	b.mu.Unlock()
	if !allowed || len(messages) == 0 {
		refused := false
		for _, m := range messages {
			if m.isRequest() {
				refused = true
				b.refuse(m.id, codeInvalid,
					"only protocol version "+batches+" has batches: send each message on a line of its own")
			}
		}
		if !refused {
			b.refuse("", codeInvalid, "only protocol version "+batches+" has batches, of at least one message")
		}
		return
	}
	var raw []json.RawMessage
	for _, m := range messages {
		raw = append(raw, m.raw)
	}
	b.dispatch(ctx, messages, encode(raw))
}

// dispatch sends what the client has written, in a goroutine of its own.
func (b *Bridge) dispatch(ctx context.Context, messages []message, body []byte) {
	d := &delivery{bridge: b, body: body, messages: messages}
	m := messages[0]
	if len(messages) == 1 && m.method == methodCancelled {
		b.cancelCall(ctx, d, m.cancels())
		return
	}
	for _, m := range messages {
		if m.isRequest() && !d.begin(m) {
			return
		}
	}
	ctx, d.cancel = context.WithCancelCause(ctx)
	if len(d.calls) == 1 { // a batch ends for all of it or none
		d.calls[0].cancel = d.cancel
	}
	b.mu.Lock()
	d.gate = b.gate
	done := make(chan struct{})
	switch {
	case m.method == methodInitialize && m.isRequest():
		// The session's id and version are those of the answer: what follows waits for it.
		b.first, b.second, b.gate = bytes.Clone(body), nil, done
	case m.method == methodInitialized:
		b.second, b.gate = bytes.Clone(body), done
	case m.answer:
		d.gate = nil // the server may need it before it answers
		if d.session = b.asked[m.id]; d.session != nil {
			delete(b.asked, m.id)
		}
	}
	if len(d.calls) == 0 && !m.answer { // notifications arrive in the order in which they were sent
		d.after, b.notes = b.notes, done
	}
	b.mu.Unlock()
	b.begin(func() {
		defer close(done)
		defer d.cancel(errAnswered)
		d.run(ctx)
	})
}

// begin runs a task in a goroutine of its own, unless the bridge is closing.
func (b *Bridge) begin(task func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closing {
		b.tasks.Go(task)
	}
}

// cancelCall passes a cancellation on: as a notification where the protocol has it, and else by closing the stream of
// the request, which is how a client cancels over HTTP since 2026-07-28.
func (b *Bridge) cancelCall(ctx context.Context, d *delivery, id string) {
	b.mu.Lock()
	c := b.pending[id]
	known := c != nil && c.method != methodInitialize
	if known {
		c.cancelled = true
	}
	b.mu.Unlock()
	if known && c.modern() && c.cancel != nil {
		c.cancel(errCancelled)
		return
	}
	ctx, d.cancel = context.WithCancelCause(ctx)
	b.begin(func() {
		defer d.cancel(errAnswered)
		if known {
			select {
			case <-c.sent: // or the server would not know the request yet
			case <-ctx.Done():
				return
			}
			if c.cancel != nil {
				time.AfterFunc(late, func() { c.cancel(errCancelled) })
			}
		}
		d.run(ctx)
	})
}

// write passes a message on to the client.
func (b *Bridge) write(line []byte) {
	b.outMu.Lock()
	defer b.outMu.Unlock()
	if _, err := b.out.Write(append(line[:len(line):len(line)], '\n')); err != nil {
		b.gone(err)
	}
}

// refuse answers a message of the client that is not passed on.
func (b *Bridge) refuse(id string, code int, text string) {
	b.write(failure{Code: code, Message: "furl: " + text}.answer(id))
}

// open returns where the server is.
func (b *Bridge) open(ctx context.Context) (*Server, error) {
	b.opening.Lock()
	defer b.opening.Unlock()
	if b.server != nil {
		return b.server, nil
	}
	server, err := b.config.Open(ctx)
	if err != nil {
		return nil, err
	}
	b.server = &server
	return b.server, nil
}

// explain is an error as the answer to a request.
func (b *Bridge) explain(ctx context.Context, err error) failure {
	message, hint := b.config.Explain(ctx, err)
	data := map[string]any{}
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		data["status"], data["refusedBy"] = http.StatusForbidden, refused.Layer
		data["errorType"], data["requestId"] = refused.ErrorType, refused.RequestID
	}
	if answered, ok := errors.AsType[*StatusError](err); ok {
		data["status"], data["requestId"] = answered.Status, answered.RequestID
	}
	b.config.Log.Warn("a request failed", "error", message, "fix", hint)
	text := "furl: " + message
	if hint != "" {
		data["hint"] = hint
		text += "\n" + hint
	}
	return failure{codeInternal, text, data}
}
