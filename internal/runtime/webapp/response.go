package webapp

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

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
	return append(appendCookies(b, head.Header), '}')
}

// Prelude is what a streamed answer of the application begins with.
func Prelude(head *http.Response) []byte {
	b := append(make([]byte, 0, 512), `{"headers":{`...)
	for i, name := range headerNames(head.Header) {
		if i > 0 {
			b = append(b, ',')
		}
		b = event.AppendMember(event.AppendString(b, strings.ToLower(name)), ":", strings.Join(head.Header[name], ", "))
	}
	b = strconv.AppendInt(append(b, `},"statusCode":`...), int64(head.StatusCode), 10)
	b = appendCookies(append(b, `,"cookies":`...), head.Header)
	return append(append(b, '}'), make([]byte, event.DelimiterLength)...)
}

// headerNames are the names of the headers in order, without that of the cookies.
func headerNames(header http.Header) []string {
	names := slices.Sorted(maps.Keys(header))
	return slices.DeleteFunc(names, func(name string) bool { return name == "Set-Cookie" || len(header[name]) == 0 })
}

func appendCookies(b []byte, header http.Header) []byte {
	b = append(b, '[')
	for i, cookie := range header["Set-Cookie"] {
		if i > 0 {
			b = append(b, ',')
		}
		b = event.AppendString(b, cookie)
	}
	return append(b, ']')
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

// failure is the error of an invocation, as the adapter's runtime reports the errors of its HTTP client.
func failure(message string) *runtimeapi.Failure {
	const errorType = "alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>"
	body := event.AppendMember(nil, `{"errorType":`, errorType)
	body = append(event.AppendMember(body, `,"errorMessage":`, message), '}')
	return &runtimeapi.Failure{Type: "Runtime.Unknown", RawType: "unhandled", Body: body}
}

// refusedStatus is the error for an answer whose status is one of ErrorStatuses.
func refusedStatus(status int, body []byte) *runtimeapi.Failure {
	message := append(strconv.AppendInt([]byte(`{"statusCode":`), int64(status), 10), `,"body":`...)
	return failure(string(append(event.AppendString(message, body), '}')))
}

// These bound what is compressed (crate tower-http, DefaultPredicate): not what is short, an image, a stream of events
// or of gRPC, or compressed already.
const leastToCompress = 32

func compressible(header http.Header, length int) bool {
	contentType := header.Get("Content-Type")
	_, encoded := header["Content-Encoding"]
	_, part := header["Content-Range"]
	return length >= leastToCompress && !encoded && !part &&
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

// acceptsGzip reports whether the client of an event takes gzip.
func acceptsGzip(accepted string) bool {
	for option := range strings.SplitSeq(strings.ToLower(accepted), ",") {
		coding, quality, _ := strings.Cut(option, ";")
		switch strings.TrimSpace(coding) {
		case "gzip", "x-gzip", "*":
			_, q, weighted := strings.Cut(quality, "q=")
			weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			return !weighted || err == nil && weight > 0
		}
	}
	return false
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
