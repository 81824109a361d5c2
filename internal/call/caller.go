package call

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/furlproto"
)

// Caller sends a request and prints the response as its fields say. It makes one call only.
type Caller struct {
	Transport *furl.Transport // Verbose sets its OnSign and OnRepeat
	Stdout    io.Writer       // for headers and values; may show control characters as escapes
	Stderr    io.Writer
	RawStdout io.Writer // the same stream for bodies, the text of WriteOut and Progress, which stay as they are
	RawStderr io.Writer // nil means Stdout and Stderr

	Output       string // -o: file to write the body to; "" or "-" for Stdout
	Include      bool   // -i: status line and headers first, those of redirects too
	Fail         bool   // --fail: no body of a response with status 400 or more
	Decompress   bool   // --compressed
	Follow       bool   // -L
	MaxRedirects int
	KeepMethod   bool   // -X: keep the method after every redirect
	WriteOut     string // -w
	Verbose      bool   // -v
	TellServer   bool   // with Verbose: send a server on this machine what was signed; false if --resolve leads elsewhere
	Progress     bool   // draw the progress of long transfers on Stderr

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
	x := &exchange{caller: c, url: p.URL, method: p.HTTP.Method}
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
	url       furl.URL // as typed
	method    string
	timing    timing
	verbose   *verbose
	response  *http.Response // the last one
	redirects int
	head      io.Writer // for status lines and headers
	body      io.Writer // for the body
	sent      atomic.Int64
	received  atomic.Int64
	expected  atomic.Int64 // final value of received; 0 if it is not known
	look      *look        // at the body of the last request
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
		x.look = &look{}
		if r.Body != nil && r.Body != http.NoBody {
			x.sent.Store(0)
			r.Body = &counted{r.Body, &x.sent, x.look}
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
		io.CopyN(io.Discard, resp.Body, 64<<10) // after a short body the next request can use the connection
		resp.Body.Close()
		r = next
	}
}

// receive writes the response.
func (x *exchange) receive(resp *http.Response) (result Result, err error) {
	defer resp.Body.Close()
	result.Status = resp.StatusCode
	var refused bool
	if result.Refusal, refused = furl.RefusalOf(resp); !refused {
		result.Failure = failureOf(resp)
		result.Untyped = x.look.advice(resp)
	}
	c := x.caller
	if c.Include {
		if err := writeHead(x.head, resp); err != nil {
			return result, err
		}
	}
	if c.Fail && resp.StatusCode >= http.StatusBadRequest {
		return result, nil
	}
	body := io.Reader(&counted{resp.Body, &x.received, nil})
	x.expected.Store(max(resp.ContentLength, 0))
	if c.Decompress {
		if body, err = decompressed(body, resp.Header.Get("Content-Encoding")); err != nil {
			return result, err
		}
	}
	if file, ok := x.body.(*lazyFile); ok {
		if err := file.open(); err != nil { // even if the body is empty
			return result, err
		}
	}
	if _, err := io.Copy(x.body, body); err != nil {
		err = unwrapTimeout(resp.Request.Context(), err)
		return result, fmt.Errorf("after %d bytes of the response: %w", x.received.Load(), err)
	}
	return result, nil
}

// writeHead writes the status line and the headers as in HTTP/1.1. net/http does not keep the order of headers.
func writeHead(w io.Writer, resp *http.Response) error {
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s\r\n", resp.Proto, resp.Status)
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
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
	return nil, fmt.Errorf("the response has Content-Encoding %q, which the request did not ask for", encoding)
}

// redirected returns the request that a redirect asks for, or nil if the response is no redirect or furl does not
// follow it. It keeps and drops methods and bodies as RFC 9110, section 15.4 says and as curl does.
func (x *exchange) redirected(r *http.Request, resp *http.Response) (*http.Request, error) {
	location := resp.Header.Get("Location")
	if !x.caller.Follow || location == "" {
		return nil, nil
	}
	method, body := r.Method, true
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound:
		if method == http.MethodPost {
			method, body = http.MethodGet, false
		}
	case http.StatusSeeOther:
		if method != http.MethodHead {
			method = http.MethodGet
		}
		body = false
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	if x.caller.KeepMethod {
		method = r.Method
	}
	if x.redirects >= x.caller.MaxRedirects {
		return nil, fmt.Errorf("redirected more than %d times", x.caller.MaxRedirects)
	}
	x.redirects++
	to, err := r.URL.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("redirected to %q: %w", location, err)
	}
	if to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil, fmt.Errorf("redirected to %q, which is not an http or https URL", location)
	}
	next := r.Clone(r.Context())
	next.Method, next.URL, next.Response = method, to, resp
	next.Body, next.ContentLength = nil, 0
	if body && r.GetBody != nil {
		if next.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
		next.ContentLength = r.ContentLength
	} else {
		next.GetBody = nil
		next.Header.Del("Content-Type")
	}
	if to.Scheme != r.URL.Scheme || !strings.EqualFold(to.Host, r.URL.Host) {
		next.Host = ""
		next.Header.Del("Cookie")
	}
	return next, nil
}

// inflate reads Content-Encoding: deflate, which is the zlib format (RFC 9110, section 8.4.1.2). Some servers send
// plain deflate data instead.
func inflate(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	start, err := buffered.Peek(2)
	if err != nil {
		return nil, err
	}
	const deflate, check = 8, 31
	if start[0]&0x0f == deflate && (int(start[0])<<8|int(start[1]))%check == 0 {
		return zlib.NewReader(buffered)
	}
	return flate.NewReader(buffered), nil
}

// lazyFile creates its file when there is something to write, so that a call that fails does not change an existing
// file.
type lazyFile struct {
	name string
	file *os.File
}

func (f *lazyFile) open() (err error) {
	if f.file == nil {
		f.file, err = os.Create(f.name)
	}
	return err
}

func (f *lazyFile) Write(p []byte) (int, error) {
	if err := f.open(); err != nil {
		return 0, err
	}
	return f.file.Write(p)
}

func (f *lazyFile) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// counted counts the bytes that are read, and has a look at them. The transport's goroutines read it.
type counted struct {
	io.ReadCloser
	total *atomic.Int64
	look  *look // nil for none
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.total.Add(int64(n))
	if c.look != nil {
		c.look.at(p[:n])
	}
	return n, err
}

// look is a look at a body that the transport may still be sending when the response is there.
type look struct {
	mu   sync.Mutex
	json furlproto.JSONLook
}

func (l *look) at(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.json.Write(p) // never fails
}

// advice says what may be wrong with the request of a response with which the function refused it.
func (l *look) advice(resp *http.Response) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	contentType := resp.Request.Header.Get("Content-Type")
	if resp.StatusCode < 400 || resp.StatusCode >= 500 || resp.Header.Get("X-Amzn-Errortype") != "" || !l.json.Untyped(contentType) {
		return ""
	}
	return furlproto.UntypedJSON(contentType)
}

// failureOf is what a response says of a function that failed, nil if it is the function's own. Lambda answers 502 with
// this text, without x-amzn-ErrorType, to an error, a crash and a timeout alike. A server on this machine marks it; from
// elsewhere, a function that answers with the same text cannot be told from it.
func failureOf(resp *http.Response) *Failure {
	const text = "Internal Server Error"
	header := resp.Header
	failure := &Failure{
		RequestID: header.Get("X-Amzn-Requestid"), Function: header.Get(furlproto.Function),
		ErrorType: header.Get(furlproto.ErrorType), Explained: header.Get(furlproto.Explain) != "",
	}
	switch {
	case resp.StatusCode != http.StatusBadGateway || failure.RequestID == "" || header.Get("X-Amzn-Errortype") != "":
		return nil
	case failure.Explained:
		return failure
	case IsLocal(resp.Request.URL.Host) || resp.ContentLength != int64(len(text)):
		return nil
	case resp.Request.Method == http.MethodHead:
		return failure
	}
	start, err := io.ReadAll(io.LimitReader(resp.Body, int64(len(text))))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), resp.Body), resp.Body}
	if err != nil || string(start) != text {
		return nil
	}
	return failure
}
