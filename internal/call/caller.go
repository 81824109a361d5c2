package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl"
)

// Caller sends a request and prints the response as its fields say. It makes one call only.
type Caller struct {
	Transport *furl.Transport // Verbose sets its OnSign and OnRepeat
	Stdout    io.Writer       // for headers and values; may show control characters as escapes
	Stderr    io.Writer
	RawStdout io.Writer // the same stream for bodies, the text of WriteOut and Progress, which stay as they are
	RawStderr io.Writer // nil means Stdout and Stderr

	Output           string  // -o: file to write the body to; "" or "-" for Stdout
	OutputDir        string  // --output-dir: directory of Output
	CreateDirs       bool    // --create-dirs
	RemoteHeaderName bool    // -J: Output gives way to the name that the response gives, as a new file
	DumpHeader       string  // -D: file for status lines and headers, "-" for Stdout
	DumpAppend       bool    // DumpHeader has those of an earlier call, which stay
	Include          bool    // -i: status line and headers first, those of redirects too
	Fail             bool    // --fail: no body of a response with status 400 or more
	Decompress       bool    // --compressed
	Follow           bool    // -L
	MaxRedirects     int     // -1 for no limit
	KeepPost         [3]bool // --post301, --post302, --post303
	KeepMethod       bool    // -X: keep the method after every redirect
	WriteOut         string  // -w
	Number           int     // of the URL among those of the command, from 0
	Verbose          bool    // -v
	TellServer       bool    // with Verbose: send a server on this machine what was signed; false if flags lead elsewhere
	Progress         bool    // draw the progress of long transfers on Stderr

	// Filter wraps Stdout or the file for the body of a response; nil, or a nil result, means that the body is written
	// as it is.
	Filter func(*http.Response, io.Writer) io.WriteCloser
	// Record is called after each request, those of redirects too, when its response is over; nil for none.
	Record       func(Record)
	RecordBodies int // see Record.SentBody

	// Unsigned says why Transport does not sign; "" if it does.
	Unsigned string
	// Identity finds the owner of the key, for Verbose; nil for no such line.
	Identity func(context.Context) (string, error)
}

// Result is the outcome of a call.
type Result struct {
	Status  int
	Refusal furl.Refusal // by Lambda; without Layer if it did not refuse
	Failure *Failure     // of the function, which Lambda answered for; nil if it answered itself
	// Untyped is what may be wrong with a request that the function refused: its body looks like JSON and its Content-Type
	// does not say so. It is "" if nothing is.
	Untyped string
}

// Failure is what an answer says of a function that failed.
type Failure struct {
	RequestID string
	Function  string // its name; "" from AWS, and from a server on another machine
	ErrorType string // "" if the server does not say
	Explained bool   // by a server on this machine
}

// Do sends the request, writes the response and returns when it has written all of it. The error is nil for every
// response, whatever its status.
func (c *Caller) Do(p *Prepared) (Result, error) {
	c.RawStdout, c.RawStderr = cmp.Or(c.RawStdout, c.Stdout), cmp.Or(c.RawStderr, c.Stderr)
	x := &exchange{caller: c, prepared: p, url: p.URL, method: p.HTTP.Method}
	result, err := x.run(p.HTTP)
	x.timing.end(&x.timing.steps.total)
	if c.Verbose {
		x.verbose.finish(x.timing.read(), err)
	}
	if c.WriteOut != "" {
		if writeErr := (writeOut{x, result, err}).write(c.WriteOut); err == nil {
			err = writeErr
		}
	}
	return result, err
}

// ErrConnect says that a call got no connection, because of the name, the network or TLS. Errors wrap it.
var ErrConnect = errors.New("cannot connect")

// ErrTimeout says that a call took longer than it may.
var ErrTimeout = errors.New("the call took longer than --max-time")

// unwrapTimeout returns the cause that ended the context, which net/http does not always return.
func unwrapTimeout(ctx context.Context, err error) error { return cmp.Or(context.Cause(ctx), err) }

// exchange is one call and its responses.
type exchange struct {
	caller    *Caller
	prepared  *Prepared
	url       furl.URL // as typed
	method    string
	timing    timing
	wire      wire
	verbose   *verbose
	response  *http.Response // the last one
	redirects int
	left      bool      // a redirect has led to another host
	head      io.Writer // for status lines and headers
	body      io.Writer // for the body
	dump      io.Writer // for status lines and headers, too; nil for nowhere
	file      *lazyFile // for the body; nil for the standard output
	name      string    // of that file as in Caller.Output
	sent      atomic.Int64
	received  atomic.Int64
	expected  atomic.Int64 // final value of received; 0 if it is not known
	look      *look        // at the body of the last request
}

func (x *exchange) run(r *http.Request) (result Result, err error) {
	x.timing.start = time.Now()
	closeOutputs := x.openOutputs()
	defer func() { err = errors.Join(err, closeOutputs()) }()
	ctx := x.wire.trace(x.timing.trace(r.Context()))
	if x.caller.Verbose {
		x.verbose = newVerbose(ctx, x.caller, x.url)
		ctx = x.verbose.trace(ctx)
	}
	r = r.WithContext(ctx)
	if x.caller.Follow {
		release, err := furl.Rewindable(r, 0)
		if err != nil {
			return Result{}, err
		}
		defer release()
	}
	if x.caller.Progress {
		defer drawProgress(x.caller.RawStderr, func(took time.Duration) string {
			return progressLine(x.sent.Load(), x.received.Load(), x.expected.Load(), took)
		})()
	}
	for {
		next, result, err := x.leg(r)
		if next == nil || err != nil {
			return result, err
		}
		r = next
	}
}

// leg sends one request and receives the response. It returns the next request if the response is a redirect to follow.
func (x *exchange) leg(r *http.Request) (next *http.Request, result Result, err error) {
	x.look = &look{}
	record := x.newRecorder(r)
	defer func() { record.done(x, err) }()
	if r.Body != nil && r.Body != http.NoBody {
		x.sent.Store(0)
		r.Body = &counted{r.Body, &x.sent, io.MultiWriter(x.look, &record.sent)}
	}
	if x.verbose != nil {
		x.verbose.sending(r, x.unsigned())
	}
	resp, err := x.caller.Transport.RoundTrip(r)
	if err != nil && x.timing.unconnected() {
		return nil, Result{}, fmt.Errorf("%w to %s: %w", ErrConnect, r.URL.Host, unwrapTimeout(r.Context(), err))
	}
	if err != nil {
		return nil, Result{}, unwrapTimeout(r.Context(), err)
	}
	x.response = resp
	record.response, record.head = resp, x.wire.head(resp, false)
	resp.Body = &counted{resp.Body, &x.received, &record.received}
	if x.verbose != nil {
		x.verbose.response(x.wire.head(resp, true))
	}
	if x.prepared.jar != nil {
		x.prepared.jar.Receive(resp)
	}
	if next, err = x.redirected(r, resp); err != nil {
		resp.Body.Close()
		return nil, Result{Status: resp.StatusCode}, err
	}
	if next == nil {
		result, err = x.receive(resp)
		return nil, result, err
	}
	defer resp.Body.Close()
	if err := x.writeHead(resp); err != nil {
		return nil, Result{Status: resp.StatusCode}, err
	}
	io.CopyN(io.Discard, resp.Body, 64<<10) // after a short body the next request can use the connection
	x.received.Store(0)
	return next, Result{}, nil
}

// unsigned says why the next request goes out unsigned, "" if it does not.
func (x *exchange) unsigned() string {
	if x.left && x.caller.Unsigned == "" {
		return "the redirect leads to another host"
	}
	return x.caller.Unsigned
}
