package furl

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
)

// Layer is the part of a function URL that refused a request.
type Layer string

const (
	// Authentication: the signature, the key, the token or the time is wrong.
	Authentication Layer = "authentication"
	// Authorization: the caller is known and may not call the function URL.
	Authorization Layer = "authorization"
	// Address: there is no such function URL.
	Address Layer = "address"
)

// Refusal is an answer that Lambda gave instead of calling the function. It is an error for those who want to return
// it.
type Refusal struct {
	Layer     Layer
	ErrorType string // x-amzn-ErrorType, "InvalidSignatureException"
	Message   string // what Lambda said, which is never the reason of a denial
	RequestID string // x-amzn-RequestId
	// Explain is the address of a local furl server that explains the refusal; "" from AWS.
	Explain string
}

// Error says which layer refused, and what Lambda said.
func (f Refusal) Error() string {
	text := "furl: refused by " + string(f.Layer)
	if f.Layer == Address {
		text = "furl: refused: there is no such function URL"
	}
	for _, part := range []string{f.ErrorType, f.Message} {
		if part != "" {
			text += ": " + part
		}
	}
	return text
}

// Unwrap makes errors.Is report that a refusal is [ErrRefused].
func (f Refusal) Unwrap() error { return ErrRefused }

// maxRefusal is how many bytes of a refusal are read. AWS sends fewer than 300.
const maxRefusal = 4 << 10

// RefusalOf reports whether Lambda refused the request. The function may answer 403 too, but without x-amzn-ErrorType.
// RefusalOf reads at most the first 4 KiB of a refusal's body; resp.Body reads the same bytes again.
//
// Lambda's answers differ in one letter: authentication says "message", authorization says "Message" (Lambda Developer
// Guide, "Control access to Lambda function URLs").
func RefusalOf(resp *http.Response) (Refusal, bool) {
	errorType, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	if resp.StatusCode != http.StatusForbidden || errorType == "" {
		return Refusal{}, false
	}
	refusal := Refusal{
		ErrorType: errorType,
		RequestID: resp.Header.Get("X-Amzn-Requestid"),
		Explain:   resp.Header.Get(furlproto.Explain),
	}
	var answer map[string]any
	if err := json.Unmarshal(peek(resp), &answer); err == nil {
		refusal.read(answer)
	}
	if refusal.Layer == "" { // an answer that furl does not know
		refusal.Layer = Authentication
		if errorType == "AccessDeniedException" {
			refusal.Layer = Authorization
		}
	}
	return refusal, true
}

func (f *Refusal) read(answer map[string]any) {
	if message, ok := answer["message"].(string); ok {
		f.Layer, f.Message = Authentication, message
		return
	}
	switch message := answer["Message"].(type) {
	case nil:
		if _, null := answer["Message"]; null {
			f.Layer = Address
		}
	case string:
		f.Layer, f.Message = Authorization, message
		if message == "Forbidden" { // the request had no signature
			f.Layer = Authentication
		}
	}
}

// peek reads the beginning of a response's body and puts it back.
func peek(resp *http.Response) []byte {
	if resp.Body == nil {
		return nil
	}
	start, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = failedReader{err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), rest), resp.Body}
	return start
}

type failedReader struct{ err error }

func (f failedReader) Read([]byte) (int, error) { return 0, f.err }

// skewed reports whether the refusal is about the time of the signature, and returns the time of the server.
func (f Refusal) skewed(header http.Header) (now time.Time, ok bool) {
	if f.Layer != Authentication ||
		!strings.HasPrefix(f.Message, "Signature expired: ") && !strings.HasPrefix(f.Message, "Signature not yet current: ") {
		return time.Time{}, false
	}
	// "Signature expired: 20210502T144040Z is now earlier than 20210502T174143Z (20210502T174643Z - 5 min.)"
	const basic = "20060102T150405Z"
	if _, rest, found := strings.Cut(f.Message, "("); found && len(rest) >= len(basic) {
		if now, err := time.Parse(basic, rest[:len(basic)]); err == nil {
			return now, true
		}
	}
	now, err := http.ParseTime(header.Get("Date"))
	return now, err == nil
}

// expired reports whether the credentials have expired.
func (f Refusal) expired() bool {
	return f.Layer == Authentication && (f.ErrorType == "ExpiredTokenException" ||
		strings.Contains(f.Message, "security token included in the request is expired"))
}

// aboutKeys reports whether other credentials may cure the refusal: these have expired, are unknown, or have another
// secret or session token.
func (f Refusal) aboutKeys() bool {
	return f.expired() || f.Layer == Authentication &&
		(f.ErrorType == "UnrecognizedClientException" || f.ErrorType == "InvalidSignatureException")
}
