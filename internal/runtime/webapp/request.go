package webapp

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
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

// payload is the members of an event of payload format 2.0 that make its request.
type payload struct {
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies"`
	Headers         map[string]string `json:"headers"`
	RequestContext  json.RawMessage   `json:"requestContext"`
	Body            *string           `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// NewRequest translates an event. One that is not an HTTP request in payload format 2.0 goes to the application as it
// is, in a POST to PassThroughPath.
func (s *Settings) NewRequest(in *runtimeapi.Invocation, fn Function) (*Request, error) {
	var p payload
	var asked struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
		DomainName string `json:"domainName"`
	}
	if json.Unmarshal(in.Payload, &p) != nil || json.Unmarshal(p.RequestContext, &asked) != nil || !event.IsToken(asked.HTTP.Method) {
		return s.passThrough(in, fn), nil
	}
	r := &Request{Method: asked.HTTP.Method}
	if p.Body != nil {
		r.Body = []byte(*p.Body)
		if p.IsBase64Encoded {
			var err error
			if r.Body, err = base64.StdEncoding.DecodeString(*p.Body); err != nil {
				return nil, fmt.Errorf("the body of the event is not base64: %w", err)
			}
		}
	}
	header := make(map[string]string, len(p.Headers)+4)
	for name, value := range p.Headers {
		name = strings.ToLower(name)
		if !event.IsToken(name) || !event.IsFieldValue(value) {
			return nil, fmt.Errorf("the event has a header that HTTP does not allow: %.80q", name)
		}
		header[name] = value
	}
	if len(p.Cookies) > 0 {
		if cookies := strings.Join(p.Cookies, "; "); event.IsFieldValue(cookies) {
			header["cookie"] = cookies
		}
	}
	if in.TraceID != "" && event.IsFieldValue(in.TraceID) {
		header["x-amzn-trace-id"] = in.TraceID
	}
	if _, named := header["host"]; !named {
		header["host"] = asked.DomainName
	}
	delete(header, "x-amz-tenant-id") // no function here has tenants, and a client may not claim to be one
	if source := s.AuthorizationSource; source != "" {
		if value, found := header[source]; found {
			delete(header, source)
			header["authorization"] = value
		}
	}
	r.acceptsGzip = acceptsGzip(header["accept-encoding"])
	target := appendTarget(nil, s.appPath(p.RawPath))
	if p.RawQueryString != "" {
		target = appendEncoded(append(target, '?'), p.RawQueryString, " \"<>#'")
	}
	r.setHead(string(target), header, p.RequestContext, in, fn)
	return r, nil
}

// passThrough is the request for an event that is no HTTP request.
func (s *Settings) passThrough(in *runtimeapi.Invocation, fn Function) *Request {
	r := &Request{Method: "POST", Body: in.Payload, passThrough: true}
	header := map[string]string{"content-type": "application/json"}
	if in.TraceID != "" && event.IsFieldValue(in.TraceID) {
		header["x-amzn-trace-id"] = in.TraceID
	}
	r.setHead(string(appendTarget(nil, s.PassThroughPath)), header, []byte("null"), in, fn)
	return r
}

// setHead writes the request line and the headers: those of the event without what concerns a connection, and those
// of the adapter.
func (r *Request) setHead(target string, header map[string]string, context []byte, in *runtimeapi.Invocation, fn Function) {
	size := 512 + len(target) + len(context)
	for name, value := range header {
		size += len(name) + len(value) + 4
	}
	head := append(make([]byte, 0, size), r.Method...)
	head = append(append(head, ' '), target...)
	head = append(head, " HTTP/1.1\r\n"...)
	_, hadLength := header["content-length"]
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if !slices.Contains(notPassedOn[:], name) {
			head = append(head, name...)
			head = append(head, ": "...)
			head = append(head, header[name]...)
			head = append(head, "\r\n"...)
		}
	}
	if _, named := header["host"]; !named {
		head = append(head, "host: 127.0.0.1\r\n"...)
	}
	if len(r.Body) > 0 || hadLength || slices.Contains([]string{"POST", "PUT", "PATCH"}, r.Method) {
		head = append(head, "content-length: "...)
		head = strconv.AppendInt(head, int64(len(r.Body)), 10)
		head = append(head, "\r\n"...)
	}
	head = append(head, "x-amzn-request-context: "...)
	head = appendHeaderJSON(head, context)
	head = append(head, "\r\nx-amzn-lambda-context: "...)
	head = appendHeaderJSON(head, lambdaContext(in, fn))
	r.Head = append(head, "\r\n\r\n"...)
}

// notPassedOn are the headers of an event that the request to the application has of its own, or none.
var notPassedOn = [...]string{
	"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
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
	if bytes.IndexFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) >= 0 {
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

const pathEncoded = " \"<>`#?{}^"

// appendEncoded percent-encodes what is not printable ASCII, and the bytes in others.
func appendEncoded(dst []byte, text, others string) []byte {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(others, c) >= 0 {
			dst = fmt.Appendf(dst, "%%%02X", c)
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
