package event

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// IntegrationContentType is the Content-Type of a streamed answer that begins with a prelude.
const IntegrationContentType = "application/vnd.awslambda.http-integration-response"

// streamType is the Content-Type of a stream that names none.
const streamType = "application/octet-stream"

// MaxPrelude is how many bytes of a streamed answer are searched for the end of its prelude. AWS documents no
// number. A stream of 25 kB without a prelude is known to be refused (middyjs/middy#1137); 16 KiB is assumed.
const MaxPrelude = 16 << 10

// delimiterLength is how many zero bytes separate the prelude from the body.
const delimiterLength = 8

// ParsePrelude reads the prelude of a streamed answer whose type is [IntegrationContentType] and leaves r at the
// first byte of the body. The prelude is a JSON object with statusCode, headers and cookies, all optional, and ends
// with eight zero bytes (AWS Lambda Developer Guide, "Building a custom runtime").
//
// A stream without a single byte is a function that wrote nothing, which is a 200 with an empty body. Any other
// stream that is not a prelude within [MaxPrelude] bytes is an error that says why.
func ParsePrelude(r *bufio.Reader) (*Head, error) {
	text, err := readPrelude(r)
	if errors.Is(err, io.EOF) {
		return &Head{Status: http.StatusOK, Header: http.Header{"Content-Type": {streamType}}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("prelude: %w", err)
	}
	if !json.Valid(text) {
		return nil, errors.New("prelude is not JSON: " + syntaxError(text))
	}
	text = trimSpace(text)
	if text[0] != '{' {
		return nil, fmt.Errorf("prelude is %s, want an object", kind(text))
	}
	var e envelope
	e.read(text)
	head, err := e.head(streamType)
	if err != nil {
		return nil, fmt.Errorf("prelude: %w", err)
	}
	return head, nil
}

// readPrelude reads up to and including the delimiter and returns what stands before it. The first zero byte begins
// the delimiter, for JSON has none. The error is io.EOF itself only if there was no byte at all.
func readPrelude(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for zeros := 0; zeros < delimiterLength; {
		c, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && (len(text) > 0 || zeros > 0):
			return nil, fmt.Errorf("the stream ends after %d bytes, before the %d zero bytes that end a prelude",
				len(text)+zeros, delimiterLength)
		case err != nil:
			return nil, err
		case c == 0:
			zeros++
		case zeros > 0:
			return nil, fmt.Errorf("%d zero bytes at byte %d, want %d", zeros, len(text), delimiterLength)
		case len(text) == MaxPrelude-delimiterLength:
			return nil, fmt.Errorf("no %d zero bytes within the first %d bytes", delimiterLength, MaxPrelude)
		default:
			text = append(text, c)
		}
	}
	return text, nil
}
