//go:build unix

package webapp

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// Envelope is a whole answer of the application in payload format 2.0. Of headers with several values only the first
// counts, as in the adapter (crate aws_lambda_events, serialize_headers); cookies are apart from them.
func Envelope(head *http.Response, body []byte) []byte {
	b := make([]byte, 0, 512+len(body)+len(body)/3)
	b = strconv.AppendInt(append(b, `{"statusCode":`...), int64(head.StatusCode), 10)
	b = append(b, `,"headers":{`...)
	for i, name := range headerNames(head.Header) {
		if i > 0 {
			b = append(b, ',')
		}
		b = event.AppendMember(event.AppendString(b, strings.ToLower(name)), ":", head.Header[name][0])
	}
	b = append(b, `},"multiValueHeaders":{},`...)
	isText := isText(head.Header) || len(body) == 0
	switch {
	case len(body) == 0:
	case isText:
		b = append(event.AppendMember(b, `"body":`, bytes.TrimPrefix(body, []byte("\ufeff"))), ',')
	default:
		b = base64.StdEncoding.AppendEncode(append(b, `"body":"`...), body)
		b = append(b, `",`...)
	}
	b = append(b, `"isBase64Encoded":`...)
	b = append(strconv.AppendBool(b, !isText), `,"cookies":`...)
	return append(appendStrings(b, head.Header["Set-Cookie"]), '}')
}

// Response is what a function URL makes of the Envelope of an answer. It is nil if the URL may refuse the envelope, or
// has something to replace in it: then the envelope itself has to say so.
func Response(head *http.Response, body []byte) *event.Response {
	made := &event.Response{Head: event.Head{Status: head.StatusCode, Header: make(http.Header, len(head.Header)+1)}}
	size := 0
	for _, name := range headerNames(head.Header) {
		value := head.Header[name][0]
		if !event.IsToken(name) || name != http.CanonicalHeaderKey(name) || !isPlain(value) {
			return nil
		}
		made.Header[name] = head.Header[name][:1:1]
		size += len(name) + len(value) + 1
	}
	for _, cookie := range head.Header["Set-Cookie"] {
		if !isPlain(cookie) {
			return nil
		}
		made.Cookies = append(made.Cookies, cookie)
		size += len(cookie) + 1
	}
	if _, typed := made.Header["Content-Type"]; !typed {
		made.Header["Content-Type"] = []string{"application/json"}
	}
	made.Body = body
	const longestEscape, others = len(`\u0000`), 4096
	if isText(head.Header) {
		made.Body = bytes.TrimPrefix(body, []byte("\ufeff"))
		size = longestEscape * (size + len(body))
	} else {
		size = longestEscape*size + base64.StdEncoding.EncodedLen(len(body))
	}
	switch {
	case made.Status < 200, made.Status > 599, size+others > event.MaxResponse, isText(head.Header) && !utf8.Valid(body):
		return nil
	default:
		return made
	}
}

// isPlain reports whether JSON and HTTP carry the value of a header as it is.
func isPlain(value string) bool { return event.IsFieldValue(value) && utf8.ValidString(value) }

// Prelude is what a streamed answer of the application begins with. A header with several values is an array, which
// function URLs do not take for several headers (awslabs/aws-lambda-rust-runtime#692), and so is one without a value in
// ASCII (crate http-serde).
func Prelude(head *http.Response) []byte {
	b := append(make([]byte, 0, 512), `{"headers":{`...)
	for i, name := range headerNames(head.Header) {
		if i > 0 {
			b = append(b, ',')
		}
		b = event.AppendString(b, strings.ToLower(name))
		if values := head.Header[name]; len(values) == 1 && isASCII(values[0]) {
			b = event.AppendMember(b, ":", values[0])
		} else {
			b = appendStrings(append(b, ':'), slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !isASCII(v) }))
		}
	}
	b = strconv.AppendInt(append(b, `},"statusCode":`...), int64(head.StatusCode), 10)
	b = appendStrings(append(b, `,"cookies":`...), head.Header["Set-Cookie"])
	return append(append(b, '}'), make([]byte, event.DelimiterLength)...)
}

func isASCII(value string) bool {
	return strings.IndexFunc(value, func(c rune) bool { return c >= utf8.RuneSelf }) < 0
}

// headerNames are the names of the headers in order, without that of the cookies.
func headerNames(header http.Header) []string {
	names := make([]string, 0, len(header))
	for name, values := range header {
		if name != "Set-Cookie" && len(values) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func appendStrings(b []byte, values []string) []byte {
	b = append(b, '[')
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = event.AppendString(b, value)
	}
	return append(b, ']')
}

// refusedHeader is the name of a header at which the adapter ends, or "": its library does not write one that is not
// UTF-8 into an envelope.
func refusedHeader(header http.Header) string {
	for _, name := range headerNames(header) {
		if !utf8.ValidString(header[name][0]) {
			return name
		}
	}
	return ""
}

// isText says whether a body goes into an envelope as it is rather than as base64 (crate lambda_http, response.rs). A
// body in another character set than UTF-8 is text there, too, and is translated; here it stays as it is, in base64.
func isText(header http.Header) bool {
	if _, encoded := header["Content-Encoding"]; encoded {
		return false
	}
	contentType := header.Get("Content-Type")
	if charset := charsetOf(contentType); charset != "" && charset != "utf-8" && charset != "utf8" && charset != "us-ascii" {
		return false
	}
	media, _, _ := strings.Cut(strings.TrimSpace(contentType), ";")
	return contentType == "" || header.Get("X-Lambda-Http-Content-Encoding") == "text" ||
		slices.ContainsFunc(textPrefixes[:], func(p string) bool { return strings.HasPrefix(contentType, p) }) ||
		slices.ContainsFunc(textSuffixes[:], func(s string) bool { return strings.HasSuffix(media, s) })
}

var (
	textPrefixes = [...]string{
		"text", "application/json", "application/javascript", "application/xml", "application/yaml",
	}
	textSuffixes = [...]string{"+xml", "+yaml", "+json"}
)

func charsetOf(contentType string) string {
	_, parameters, _ := strings.Cut(strings.ToLower(contentType), ";")
	for parameter := range strings.SplitSeq(parameters, ";") {
		if charset, found := strings.CutPrefix(strings.TrimSpace(parameter), "charset="); found {
			return strings.Trim(charset, `"`)
		}
	}
	return ""
}

// passedThrough is the answer to an event that is no HTTP request: the body of the application if it is JSON text, else
// null.
func passedThrough(header http.Header, body []byte) []byte {
	if isText(header) && json.Valid(body) {
		return body
	}
	return []byte("null")
}

// The types of the errors that the adapter's runtime reports: those of its HTTP client, and panics.
const (
	errorType = "&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>"
	panicType = "&alloc::boxed::Box<dyn core::any::Any + core::marker::Send>"
)

func failure(errorType, message string) *runtimeapi.Failure {
	body := event.AppendMember(nil, `{"errorType":`, errorType)
	body = append(event.AppendMember(body, `,"errorMessage":`, message), '}')
	return &runtimeapi.Failure{Type: "Runtime.Unknown", RawType: "unhandled", Body: body}
}

// refusedStatus is the error for an answer whose status is one of ErrorStatuses.
func refusedStatus(status int, body []byte) *runtimeapi.Failure {
	message := append(strconv.AppendInt([]byte(`{"statusCode":`), int64(status), 10), `,"body":`...)
	return failure(errorType, string(append(event.AppendString(message, body), '}')))
}

// These bound what is compressed (crate tower-http, DefaultPredicate): not what is short, an image, a stream of events
// or of gRPC, or compressed already.
const leastToCompress = 32

func compressible(answer *http.Response, method string, length int) bool {
	header := answer.Header
	contentType := header.Get("Content-Type")
	_, encoded := header["Content-Encoding"]
	_, part := header["Content-Range"]
	unknown := answer.ContentLength < 0 && method != http.MethodHead // how long it is when its head is there
	return (length >= leastToCompress || unknown) && !encoded && !part &&
		!strings.HasPrefix(contentType, "application/grpc") && !strings.HasPrefix(contentType, "text/event-stream") &&
		(!strings.HasPrefix(contentType, "image/") || contentType == "image/svg+xml")
}

// compressed is the body in gzip, with headers that say so.
func compressed(header http.Header, body []byte) []byte {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	writer.Write(body) //nolint:errcheck // a buffer takes everything
	writer.Close()
	header.Del("Content-Length")
	header.Del("Accept-Ranges")
	header.Set("Content-Encoding", "gzip")
	header.Add("Vary", "accept-encoding")
	return out.Bytes()
}

// acceptsGzip reports whether the client of an event takes gzip, and does not prefer to have nothing compressed (crate
// tower-http, content_encoding.rs).
func acceptsGzip(accepted string) bool {
	var gzip, identity float64
	for option := range strings.SplitSeq(strings.ToLower(accepted), ",") {
		coding, parameter, weighted := strings.Cut(option, ";")
		weight := 1.0
		if weighted {
			q, found := strings.CutPrefix(strings.TrimSpace(parameter), "q=")
			var err error
			if weight, err = strconv.ParseFloat(q, 64); err != nil || !found {
				continue
			}
		}
		switch strings.TrimSpace(coding) {
		case "gzip", "x-gzip":
			gzip = max(gzip, weight)
		case "identity":
			identity = max(identity, weight)
		}
	}
	return gzip > 0 && gzip >= identity
}

// readAll reads the body of an answer, at most one byte more than an answer may have.
func readAll(answer *http.Response) ([]byte, error) {
	var whole bytes.Buffer
	if answer.ContentLength > 0 && answer.ContentLength <= runtimeapi.MaxPayload && answer.Request.Method != http.MethodHead {
		whole.Grow(int(answer.ContentLength) + bytes.MinRead)
	}
	_, err := whole.ReadFrom(io.LimitReader(answer.Body, runtimeapi.MaxPayload+1))
	return whole.Bytes(), err
}
