//go:build unix

package webapp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// Request is what the application gets for an event.
type Request struct {
	Method string
	Head   []byte // request line and headers, up to and including the empty line
	Body   []byte

	acceptsGzip bool
	passThrough bool // the event is no HTTP request
}

// Function is what the application learns of its function with each request.
type Function struct {
	Name     string
	MemoryMB int
	Version  string
}

// NewRequest translates an event. One that is not an HTTP request in payload format 2.0 goes to the application as it
// is, in a POST to PassThroughPath. received is what the event says, nil if nobody has read it yet. The error is one at
// which the adapter's library panics.
func (s *Settings) NewRequest(in *runtimeapi.Invocation, received *event.Received, fn Function) (*Request, error) {
	if received == nil {
		var err error
		if received, err = event.Read(in.Payload); err != nil {
			return nil, fmt.Errorf("failed to decode aws base64 encoded body: %w", err)
		}
	}
	if received == nil || !event.IsToken(received.Method) || slices.ContainsFunc(received.Header, isNoHeader) {
		received = &event.Received{
			Method: "POST", Path: s.PassThroughPath, Header: []event.Field{{Name: "content-type", Value: "application/json"}},
			Context: []byte("null"), Body: in.Payload,
		}
		return s.request(received, true, in, fn)
	}
	return s.request(received, false, in, fn)
}

func isNoHeader(f event.Field) bool { return !event.IsToken(f.Name) || !event.IsFieldValue(f.Value) }

func (s *Settings) request(
	received *event.Received, passThrough bool, in *runtimeapi.Invocation, fn Function,
) (*Request, error) {
	r := &Request{Method: received.Method, Body: received.Body, passThrough: passThrough}
	path := received.Path
	if !passThrough {
		path = s.appPath(path)
	}
	size := 1024 + len(path) + 3*len(received.Query) + len(received.Context)
	for _, field := range received.Header {
		size += len(field.Name) + len(field.Value) + 4
	}
	r.Head = append(append(make([]byte, 0, size), r.Method...), ' ')
	r.Head = appendTarget(r.Head, path)
	if query, _, _ := strings.Cut(received.Query, "#"); received.Query != "" {
		if strings.ContainsFunc(query, isRefused) {
			return nil, errors.New("failed to build request: http::Error(InvalidUri(InvalidUriChar))")
		}
		r.Head = appendEncoded(append(r.Head, '?'), query, queryEncoded)
	}
	r.Head = append(r.Head, " HTTP/1.1\r\n"...)
	s.appendHeader(r, received, in, fn)
	r.Head = append(r.Head, "\r\n"...)
	return r, nil
}

// appendHeader appends the headers of the event in their order, those that the adapter sets in the places of copies, and
// else after them.
func (s *Settings) appendHeader(r *Request, received *event.Received, in *runtimeapi.Invocation, fn Function) {
	fields := make(fieldList, 0, len(received.Header)+6)
	for _, field := range received.Header {
		if field.Name == "accept-encoding" {
			r.acceptsGzip = acceptsGzip(field.Value)
		}
		if !slices.Contains(notPassedOn[:], field.Name) && !(s.IsServer && isForged(field.Name)) {
			fields.set(field.Name, field.Value)
		}
	}
	if cookies := strings.Join(received.Cookies, "; "); received.Cookies != nil && event.IsFieldValue(cookies) {
		fields.set("cookie", cookies)
	}
	if in.TraceID != "" && event.IsFieldValue(in.TraceID) {
		fields.set("x-amzn-trace-id", in.TraceID)
	}
	fields.set(requestContext, headerJSON(received.Context))
	fields.set(functionContext, headerJSON(lambdaContext(in, fn)))
	if value, found := fields.remove(s.AuthorizationSource); found {
		fields.set("authorization", value)
	}
	if fields.index("host") < 0 {
		fields.set("host", "127.0.0.1:"+strconv.Itoa(s.Port))
	}
	fields.set("content-length", strconv.Itoa(len(r.Body)))
	for _, field := range fields {
		r.Head = appendField(r.Head, field.Name, field.Value)
	}
}

// The headers that say who the caller is and what the function is.
const requestContext, functionContext = "x-amzn-request-context", "x-amzn-lambda-context"

// isForged reports whether an application may take a header for one of these: in the variables of CGI and WSGI, a hyphen
// is an underscore too.
func isForged(name string) bool {
	name = strings.ReplaceAll(name, "_", "-")
	return name == requestContext || name == functionContext
}

// fieldList is the headers of a request in the order that the adapter's library gives them (crate http, HeaderMap).
type fieldList []event.Field

func (l *fieldList) index(name string) int {
	return slices.IndexFunc(*l, func(f event.Field) bool { return f.Name == name })
}

// set replaces the value of a header in its place, or appends the header.
func (l *fieldList) set(name, value string) {
	if i := l.index(name); i >= 0 {
		(*l)[i].Value = value
		return
	}
	*l = append(*l, event.Field{Name: name, Value: value})
}

// remove removes a header. The last one takes its place.
func (l *fieldList) remove(name string) (value string, found bool) {
	i := l.index(name)
	if i < 0 {
		return "", false
	}
	value, last := (*l)[i].Value, len(*l)-1
	(*l)[i] = (*l)[last]
	*l = (*l)[:last]
	return value, true
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, name...), ": "...), value...)
	return append(dst, "\r\n"...)
}

// notPassedOn are the headers of an event that the request to the application does not have.
var notPassedOn = [...]string{
	"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-amz-tenant-id",
}

// lambdaContext is the value of x-amzn-lambda-context, in the order and spelling of the Rust runtime's Context (crate
// lambda_runtime, types.rs).
func lambdaContext(in *runtimeapi.Invocation, fn Function) []byte {
	b := event.AppendMember(make([]byte, 0, 512), `{"request_id":`, in.ID)
	b = strconv.AppendInt(append(b, `,"deadline":`...), in.Deadline.UnixMilli(), 10)
	b = event.AppendMember(b, `,"invoked_function_arn":`, in.FunctionARN)
	b = append(b, `,"xray_trace_id":`...)
	if in.TraceID == "" {
		b = append(b, "null"...)
	} else {
		b = event.AppendString(b, in.TraceID)
	}
	b = append(append(b, `,"client_context":`...), validOrNull(in.ClientContext)...)
	b = append(append(b, `,"identity":`...), validOrNull(in.CognitoIdentity)...)
	b = event.AppendMember(b, `,"tenant_id":null,"env_config":{"function_name":`, fn.Name)
	b = strconv.AppendInt(append(b, `,"memory":`...), int64(fn.MemoryMB), 10)
	b = event.AppendMember(b, `,"version":`, fn.Version)
	return append(b, `,"log_stream":"","log_group":""}}`...) // extensions are not told of the log
}

func validOrNull(text string) string {
	if !json.Valid([]byte(text)) {
		return "null"
	}
	return text
}

// headerJSON is JSON in one line. Its control characters can only be white space between values.
func headerJSON(text []byte) string {
	if event.IsFieldValue(text) && bytes.IndexByte(text, '\t') < 0 {
		return string(text)
	}
	var line bytes.Buffer
	if json.Compact(&line, text) == nil {
		text = bytes.ReplaceAll(line.Bytes(), []byte{0x7f}, nil)
	}
	return string(text)
}

// appPath is the path without BasePath, which is taken away once and only where a segment ends.
func (s *Settings) appPath(path string) string {
	if rest, found := strings.CutPrefix(path, s.BasePath); found && (rest == "" || rest[0] == '/') {
		return cmp.Or(rest, "/")
	}
	return path
}

// appendTarget appends a path as the adapter's URL library has it (the URL Standard of WHATWG): a backslash is a
// slash, segments of dots are resolved, and what cannot stand in a path is percent-encoded.
func appendTarget(dst []byte, path string) []byte {
	path = strings.TrimPrefix(strings.ReplaceAll(path, `\`, "/"), "/")
	if !strings.Contains(path, ".") && !strings.Contains(path, "%2") {
		return appendEncoded(append(dst, '/'), path, pathEncoded)
	}
	var kept []string
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		dots := strings.ReplaceAll(strings.ReplaceAll(segment, "%2e", "."), "%2E", ".")
		switch {
		case dots == ".." && len(kept) > 0:
			kept = kept[:len(kept)-1]
		case dots != "." && dots != "..":
			kept = append(kept, segment)
		}
		if (dots == "." || dots == "..") && i == len(segments)-1 {
			kept = append(kept, "")
		}
	}
	return appendEncoded(append(dst, '/'), strings.Join(kept, "/"), pathEncoded)
}

// What the URL Standard encodes besides what is not printable ASCII.
const (
	pathEncoded  = "\"<>`#?{}"
	queryEncoded = "'"
)

// isRefused reports whether the adapter's library panics at a character of a query (crate http, PathAndQuery).
func isRefused(c rune) bool { return c <= ' ' || c == '"' || c == '<' || c == '>' }

// appendEncoded percent-encodes what is not printable ASCII, and the bytes in others.
func appendEncoded(dst []byte, text, others string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(others, c) >= 0 {
			dst = append(dst, '%', digits[c>>4], digits[c&0xf])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
