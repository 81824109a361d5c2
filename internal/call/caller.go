package call

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl"
)

// Caller sends a request and prints the response as its fields say. It is used for one call.
type Caller struct {
	Transport *furl.Transport // OnSign is taken by Verbose
	Stdout    io.Writer       // for heads and values, which may show control characters as escapes
	Stderr    io.Writer
	RawStdout io.Writer // the same streams for what goes out byte for byte: bodies, the text of WriteOut, Progress
	RawStderr io.Writer // nil: as Stdout and Stderr

	Output       string // -o: file to write the body to; "" or "-" for Stdout
	Include      bool   // -i: status line and headers first, of redirects too
	Fail         bool   // --fail: no body of a response with status 400 or more
	Decompress   bool   // --compressed
	Follow       bool   // -L
	MaxRedirects int
	KeepMethod   bool   // -X: the method stays after a redirect, whatever its status
	WriteOut     string // -w
	Verbose      bool   // -v
	TellServer   bool   // with Verbose: tell a server on this machine what was signed; off if such names lead elsewhere
	Progress     bool   // draw the progress of long transfers on Stderr

	// Identity finds out whose key it is, for Verbose. nil: not asked.
	Identity func(context.Context) (string, error)
}

// Result is what came of a call.
type Result struct {
	Status  int
	Refusal furl.Refusal // of Lambda, if Refused
	Refused bool
}

// Do sends the request, writes the response and returns when all is written. The error is nil for every response,
// whatever its status.
func (c *Caller) Do(p *Prepared) (Result, error) {
	if c.RawStdout == nil {
		c.RawStdout = c.Stdout
	}
	if c.RawStderr == nil {
		c.RawStderr = c.Stderr
	}
	x := &exchange{caller: c, url: p.URL, method: p.HTTP.Method}
	result, err := x.run(p.HTTP)
	x.timing.set(&x.timing.end)
	if c.Verbose {
		x.verbose.finish(x.timing.read(), err)
	}
	if c.WriteOut != "" {
		if writeErr := x.writeOut(c.WriteOut, result, err); err == nil {
			err = writeErr
		}
	}
	return result, err
}

// ErrConnect is wrapped by errors of calls that did not get as far as a connection: name, network, TLS.
var ErrConnect = errors.New("can not connect")

// exchange is one call under way, with what there is to tell of it afterwards.
type exchange struct {
	caller    *Caller
	url       furl.URL // as typed
	method    string
	timing    timing
	verbose   *verbose
	response  *http.Response // the last one
	redirects int
	head      io.Writer // where heads go
	body      io.Writer // where the body goes
	sent      atomic.Int64
	received  atomic.Int64
	expected  atomic.Int64 // of received; 0 if it is not known
}

func (x *exchange) run(r *http.Request) (result Result, err error) {
	x.timing.start = time.Now()
	x.head, x.body = x.caller.Stdout, x.caller.RawStdout
	if x.caller.Output != "" && x.caller.Output != "-" {
		file := &lazyFile{name: x.caller.Output}
		defer func() { err = errors.Join(err, file.Close()) }()
		x.head, x.body = file, file
	}
	ctx := x.timing.trace(r.Context())
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
		defer drawProgress(x.caller.RawStderr, &x.sent, &x.received, &x.expected)()
	}
	for {
		if r.Body != nil && r.Body != http.NoBody {
			x.sent.Store(0)
			r.Body = &counted{r.Body, &x.sent}
		}
		resp, err := x.caller.Transport.RoundTrip(r)
		if err != nil && x.timing.unconnected() {
			return Result{}, fmt.Errorf("%w to %s: %w", ErrConnect, r.URL.Host, unwrapTimeout(r.Context(), err))
		}
		if err != nil {
			return Result{}, unwrapTimeout(r.Context(), err)
		}
		x.response = resp
		if x.verbose != nil {
			x.verbose.response(resp)
		}
		next, err := x.redirected(r, resp)
		if err != nil {
			resp.Body.Close()
			return Result{Status: resp.StatusCode}, err
		}
		if next == nil {
			return x.receive(resp)
		}
		if x.caller.Include {
			if err := writeHead(x.head, resp); err != nil {
				resp.Body.Close()
				return Result{Status: resp.StatusCode}, err
			}
		}
		io.CopyN(io.Discard, resp.Body, 64<<10) // a short body leaves the connection to the next request
		resp.Body.Close()
		r = next
	}
}

// receive writes the response out.
func (x *exchange) receive(resp *http.Response) (result Result, err error) {
	defer resp.Body.Close()
	result.Status = resp.StatusCode
	result.Refusal, result.Refused = furl.RefusalOf(resp)
	c := x.caller
	if c.Include {
		if err := writeHead(x.head, resp); err != nil {
			return result, err
		}
	}
	if c.Fail && resp.StatusCode >= http.StatusBadRequest {
		return result, nil
	}
	body := io.Reader(&counted{resp.Body, &x.received})
	x.expected.Store(max(resp.ContentLength, 0))
	if c.Decompress {
		if body, err = decompressed(body, resp.Header.Get("Content-Encoding")); err != nil {
			return result, err
		}
	}
	if file, ok := x.body.(*lazyFile); ok {
		if err := file.open(); err != nil { // also for a body without bytes
			return result, err
		}
	}
	if _, err := io.Copy(x.body, body); err != nil {
		return result, fmt.Errorf("after %d bytes of the response: %w", x.received.Load(), unwrapTimeout(resp.Request.Context(), err))
	}
	return result, nil
}

// writeHead writes status line and headers as HTTP/1.1 has them. net/http does not keep their order.
func writeHead(w io.Writer, resp *http.Response) error {
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s\r\n", resp.Proto, resp.Status)
	names := make([]string, 0, len(resp.Header))
	for name := range resp.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range resp.Header[name] {
			fmt.Fprintf(&head, "%s: %s\r\n", name, value)
		}
	}
	head.WriteString("\r\n")
	_, err := io.WriteString(w, head.String())
	return err
}

// decompressed undoes the encodings that --compressed asks for.
func decompressed(r io.Reader, encoding string) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return r, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(r)
	case "deflate":
		return inflate(r)
	}
	return nil, fmt.Errorf("the response has Content-Encoding %q, which was not asked for", encoding)
}
