package call

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/furlproto"
)

// receive writes the response.
func (x *exchange) receive(resp *http.Response) (result Result, err error) {
	defer resp.Body.Close()
	result.Status = resp.StatusCode
	var refused bool
	if result.Refusal, refused = furl.RefusalOf(resp); !refused {
		result.Failure = FailureOf(resp)
		result.Untyped = x.look.advice(resp)
	}
	c := x.caller
	if x.file != nil && c.RemoteHeaderName {
		if name := namedByHeader(resp.Header); name != "" {
			x.file.name, x.file.isNew = c.inDir(name), true
		}
	}
	if err := x.writeHead(resp); err != nil {
		return result, err
	}
	if c.Fail && resp.StatusCode >= http.StatusBadRequest {
		return result, nil
	}
	body := io.Reader(resp.Body)
	x.expected.Store(max(resp.ContentLength, 0))
	if c.Decompress {
		if body, err = decompressed(body, resp.Header.Get("Content-Encoding")); err != nil {
			return result, err
		}
	}
	if x.file != nil {
		if err := x.file.open(); err != nil { // even if the body is empty
			return result, err
		}
	}
	to, end := x.filtered(resp)
	_, err = io.Copy(to, body)
	if endErr := end(); err == nil {
		err = endErr
	}
	if err != nil {
		err = unwrapTimeout(resp.Request.Context(), err)
		return result, fmt.Errorf("after %d bytes of the response: %w", x.received.Load(), err)
	}
	return result, nil
}

// filtered is where the body goes, and what ends it.
func (x *exchange) filtered(resp *http.Response) (to io.Writer, end func() error) {
	if x.caller.Filter != nil {
		if filter := x.caller.Filter(resp, x.body); filter != nil {
			return filter, filter.Close
		}
	}
	return x.body, func() error { return nil }
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

// counted counts the bytes that are read, and has a look at them. The transport's goroutines read it.
type counted struct {
	io.ReadCloser
	total *atomic.Int64
	look  io.Writer
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.total.Add(int64(n))
	c.look.Write(p[:n])
	return n, err
}

// look is a look at a body that the transport may still be sending when the response is there.
type look struct {
	mu   sync.Mutex
	json furlproto.JSONLook
}

func (l *look) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.json.Write(p) // never fails
}

// advice says what may be wrong with the request of a response with which the function refused it.
func (l *look) advice(resp *http.Response) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	contentType := resp.Request.Header.Get("Content-Type")
	if resp.StatusCode < 400 || resp.StatusCode >= 500 || resp.Header.Get("X-Amzn-Errortype") != "" ||
		!l.json.Untyped(contentType) {
		return ""
	}
	return furlproto.UntypedJSON(contentType)
}

// FailureOf is what a response says of a function that failed, nil if it is the function's own. Lambda answers 502 with
// this text, without x-amzn-ErrorType, to an error, a crash and a timeout alike. A server on this machine marks it;
// from elsewhere, a function that answers with the same text cannot be told from it.
func FailureOf(resp *http.Response) *Failure {
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
