package webapp

import (
	"bytes"
	"cmp"
	"encoding/json"
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
	Name      string
	MemoryMB  int
	Version   string
	LogStream string
	LogGroup  string
}

// NewRequest translates an event. One that is not an HTTP request in payload format 2.0 goes to the application as it
// is, in a POST to PassThroughPath.
func (s *Settings) NewRequest(in *runtimeapi.Invocation, fn Function) (*Request, error) {
	received, err := event.Read(in.Payload)
	switch {
	case err != nil:
		return nil, err
	case received == nil || !event.IsToken(received.Method):
		received = &event.Received{
			Method: "POST", Path: s.PassThroughPath, Header: []event.Field{{Name: "content-type", Value: "application/json"}},
			Context: []byte("null"), Body: in.Payload,
		}
		return s.request(received, true, in, fn)
	default:
		received.Path = s.appPath(received.Path)
		return s.request(received, false, in, fn)
	}
}

func (s *Settings) request(
	received *event.Received, passThrough bool, in *runtimeapi.Invocation, fn Function,
) (*Request, error) {
	r := &Request{Method: received.Method, Body: received.Body, passThrough: passThrough}
	size := 1024 + len(received.Path) + 3*len(received.Query) + len(received.Context)
	for _, field := range received.Header {
		size += len(field.Name) + len(field.Value) + 4
	}
	r.Head = append(append(make([]byte, 0, size), r.Method...), ' ')
	r.Head = appendTarget(r.Head, received.Path)
	if received.Query != "" {
		r.Head = appendEncoded(append(r.Head, '?'), received.Query, queryEncoded)
	}
	r.Head = append(r.Head, " HTTP/1.1\r\n"...)
	if err := s.appendHeader(r, received, in); err != nil {
		return nil, err
	}
	r.Head = appendHeaderJSON(append(r.Head, "x-amzn-request-context: "...), received.Context)
	r.Head = appendHeaderJSON(append(r.Head, "\r\nx-amzn-lambda-context: "...), lambdaContext(in, fn))
	r.Head = append(r.Head, "\r\n\r\n"...)
	return r, nil
}

// appendHeader appends the headers of the event, without those that concern a connection or that the adapter sets.
func (s *Settings) appendHeader(r *Request, received *event.Received, in *runtimeapi.Invocation) error {
	cookies := strings.Join(received.Cookies, "; ")
	renamed := slices.ContainsFunc(received.Header, func(f event.Field) bool {
		return s.AuthorizationSource != "" && f.Name == s.AuthorizationSource
	})
	host, sized := received.Domain, len(r.Body) > 0 || slices.Contains([]string{"POST", "PUT", "PATCH"}, r.Method)
	for _, field := range received.Header {
		switch name := field.Name; {
		case !event.IsToken(name) || !event.IsFieldValue(field.Value):
			return fmt.Errorf("the event has a header that HTTP does not allow: %.80q", name)
		case name == "host":
			host = field.Value
		case name == "content-length":
			sized = true
		case slices.Contains(notPassedOn[:], name), name == "cookie" && cookies != "",
			name == "x-amzn-trace-id" && in.TraceID != "", name == "authorization" && renamed:
		default:
			if name == s.AuthorizationSource {
				name = "authorization"
			}
			if name == "accept-encoding" {
				r.acceptsGzip = acceptsGzip(field.Value)
			}
			r.Head = appendField(r.Head, name, field.Value)
		}
	}
	for _, field := range []event.Field{
		{Name: "cookie", Value: cookies}, {Name: "host", Value: cmp.Or(host, "127.0.0.1")},
		{Name: "x-amzn-trace-id", Value: in.TraceID},
	} {
		if field.Value != "" && event.IsFieldValue(field.Value) {
			r.Head = appendField(r.Head, field.Name, field.Value)
		}
	}
	if sized {
		r.Head = appendField(r.Head, "content-length", strconv.Itoa(len(r.Body)))
	}
	return nil
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, name...), ": "...), value...)
	return append(dst, "\r\n"...)
}

// notPassedOn are the headers of an event that the request to the application has of its own, or none: no function here
// has tenants, and a client may not claim to be one.
var notPassedOn = [...]string{
	"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-amz-tenant-id",
	"x-amzn-lambda-context", "x-amzn-request-context",
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
	b = event.AppendMember(b, `,"log_stream":`, fn.LogStream)
	b = event.AppendMember(b, `,"log_group":`, fn.LogGroup)
	return append(b, "}}"...)
}

func validOrNull(text string) string {
	if !json.Valid([]byte(text)) {
		return "null"
	}
	return text
}

// appendHeaderJSON appends JSON in one line. Its control characters can only be white space between values.
func appendHeaderJSON(dst, text []byte) []byte {
	if !event.IsFieldValue(string(text)) || bytes.IndexByte(text, '\t') >= 0 {
		var line bytes.Buffer
		if json.Compact(&line, text) == nil {
			text = bytes.ReplaceAll(line.Bytes(), []byte{0x7f}, nil)
		}
	}
	return append(dst, text...)
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
	queryEncoded = "\"<>#'"
)

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
