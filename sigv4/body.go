package sigv4

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
)

// body is a body in memory, that was received or that a caller had already.
type body struct {
	bytes.Reader
	all []byte
}

func (*body) Close() error { return nil }

// rest is what has not been read.
func (b *body) rest() []byte { return b.all[len(b.all)-b.Len():] }

// NewBody makes a request body of bytes that are in memory, such as those of an API Gateway event. A Verifier takes
// it as it is, where it would have to copy another reader's bytes. They must not be changed any more.
func NewBody(b []byte) io.ReadCloser { return newBody(b) }

func newBody(b []byte) *body {
	made := &body{all: b}
	made.Reset(b)
	return made
}

// What is allocated for a body before any of it has come, so that a client cannot claim megabytes and send none.
const (
	firstRead   = 64 << 10
	firstUnsure = 4 << 10 // where there is no Content-Length
)

// readBody reads the body, at most to MaxBody+1 bytes, and puts a reader of the same bytes in its place.
func (v *Verifier) readBody(r *http.Request) ([]byte, *Error) {
	limit := cmp.Or(v.MaxBody, DefaultMaxBody)
	if r.ContentLength > limit {
		return nil, &Error{Kind: BodyTooLarge, Detail: "Content-Length is above the limit"}
	}
	if r.Body == nil || r.Body == http.NoBody {
		return []byte{}, nil
	}
	given, ok := r.Body.(*body)
	if !ok {
		buf, err := receive(r, limit)
		if err != nil {
			return nil, err
		}
		given = newBody(buf)
	}
	buf := given.rest()
	if int64(len(buf)) > limit {
		return nil, &Error{Kind: BodyTooLarge, Detail: "body is longer than the limit"}
	}
	// The server closes its own reader when the handler returns.
	r.Body = given
	return buf, nil
}

// receive reads the body into memory, at most one byte more than limit.
func receive(r *http.Request, limit int64) ([]byte, *Error) {
	expect, first := r.ContentLength, int64(firstRead)
	if expect <= 0 { // unknown; a client's request has 0 for it
		expect, first = limit+1, firstUnsure
	}
	buf := make([]byte, 0, min(expect, first))
	for int64(len(buf)) < expect {
		if len(buf) == cap(buf) {
			size := expect
			if r.ContentLength <= 0 {
				size = min(expect, 4*int64(len(buf)))
			}
			buf = append(make([]byte, 0, size), buf...)
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, &Error{Kind: BodyRead, Err: err, Detail: "read body"}
		}
	}
	return buf, nil
}
