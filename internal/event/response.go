package event

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Head is what an answer says before its body.
type Head struct {
	Status  int         // 200 to 599
	Header  http.Header // always with a Content-Type
	Cookies []string    // each a Set-Cookie of its own, besides any in Header
}

// Response is the HTTP answer a function's result stands for.
type Response struct {
	Head
	Body []byte // may share memory with the payload it was parsed from
}

// ParseResponse turns the payload with which a function answered into an HTTP response.
//
// An object with a "statusCode" is an envelope: statusCode, headers, cookies, body, isBase64Encoded. Anything else
// is itself the body of a 200 with Content-Type application/json: a string without its quotes, every other value as
// compact JSON. (AWS documents quotes around the string; function URLs send none.)
//
// In an envelope, numbers and booleans stand where strings are expected and the other way round, as in
// "statusCode": "418"; a body that is an object or an array is sent as JSON text; null counts as absent. That real function URLs are this lenient is known for statusCode and
// assumed for the rest, as is the answer to a bare null, which is the body null.
//
// An error says what is wrong with the payload. The client of a function URL sees only 502.
func ParseResponse(payload []byte) (*Response, error) {
	if len(payload) > MaxResponse {
		return nil, fmt.Errorf("answer is %d bytes, the limit is %d: return less, or stream it with invoke mode "+
			"RESPONSE_STREAM", len(payload), MaxResponse)
	}
	if !json.Valid(payload) {
		return nil, errors.New("answer is not JSON: " + syntaxError(payload))
	}
	payload = trimSpace(payload)
	switch payload[0] {
	case '{':
		var e envelope
		e.read(payload)
		if !isNull(e.statusCode) {
			return e.response()
		}
	case '"':
		body, err := unquote(bytes.TrimRight(payload, jsonSpace))
		if err != nil {
			return nil, err
		}
		return &Response{jsonHead(), body}, nil
	}
	var body bytes.Buffer
	body.Grow(len(payload))
	if err := json.Compact(&body, payload); err != nil {
		return nil, fmt.Errorf("answer is not JSON: %w", err)
	}
	return &Response{jsonHead(), body.Bytes()}, nil
}

func jsonHead() Head {
	return Head{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}}
}

// envelope is the members of a response envelope as they stand in the payload, nil where there is none.
type envelope struct {
	statusCode, headers, cookies, body, isBase64Encoded []byte
}

// read finds the members in a valid JSON object. Names are case-sensitive, and the last of equal names counts.
func (e *envelope) read(object []byte) {
	for name, value := range members(object) {
		switch string(name) {
		case `"statusCode"`:
			e.statusCode = value
		case `"headers"`:
			e.headers = value
		case `"cookies"`:
			e.cookies = value
		case `"body"`:
			e.body = value
		case `"isBase64Encoded"`:
			e.isBase64Encoded = value
		}
	}
}

// response is what a buffered envelope says.
func (e *envelope) response() (*Response, error) {
	head, err := e.head("application/json")
	if err != nil {
		return nil, err
	}
	body, err := bodyText(e.body)
	if err != nil {
		return nil, err
	}
	encoded, err := boolean(e.isBase64Encoded)
	if err != nil {
		return nil, fmt.Errorf("isBase64Encoded %w, want true or false", err)
	}
	if encoded {
		body = decodeBase64(body)
	}
	return &Response{*head, body}, nil
}

// EnvelopeHead is what the envelope in a whole answer says before its body. It is nil if the answer is no envelope, or
// one that cannot be sent.
func EnvelopeHead(payload []byte) *Head {
	if !json.Valid(payload) {
		return nil
	}
	var e envelope
	if payload = trimSpace(payload); payload[0] == '{' {
		e.read(payload)
	}
	if isNull(e.statusCode) {
		return nil
	}
	head, err := e.head("application/json")
	if err != nil {
		return nil
	}
	return head
}

// bodyText is the body of an envelope. One that is an object was seen to be sent as JSON text, under the envelope's
// status and headers (LocalStack's snapshots of function URLs); for an array that is assumed.
func bodyText(value []byte) ([]byte, error) {
	if isNull(value) || value[0] != '{' && value[0] != '[' {
		return scalar(value)
	}
	var text bytes.Buffer
	err := json.Compact(&text, value)
	return text.Bytes(), err
}

// head is what an envelope or a prelude says before the body; contentType stands in where it names none.
func (e *envelope) head(contentType string) (*Head, error) {
	head := &Head{Status: http.StatusOK}
	var err error
	if !isNull(e.statusCode) {
		if head.Status, err = parseStatus(e.statusCode); err != nil {
			return nil, err
		}
	}
	if head.Header, err = parseHeaders(e.headers); err != nil {
		return nil, err
	}
	if head.Cookies, err = parseCookies(e.cookies); err != nil {
		return nil, err
	}
	if _, ok := head.Header["Content-Type"]; !ok {
		head.Header["Content-Type"] = []string{contentType}
	}
	return head, nil
}

// parseStatus accepts a number or a string of digits. It refuses informational statuses, which cannot end an exchange,
// and those that HTTP does not define.
func parseStatus(value []byte) (int, error) {
	text, err := scalar(value)
	if err != nil {
		return 0, fmt.Errorf("statusCode %w, want a number", err)
	}
	var status float64
	if value[0] == '"' {
		var digits int
		digits, err = strconv.Atoi(string(text))
		status = float64(digits)
	} else {
		status, err = strconv.ParseFloat(string(text), 64)
	}
	if err != nil {
		return 0, fmt.Errorf("statusCode %s is not a number", clip(value))
	}
	if status < 200 || status > 599 || status != float64(int(status)) {
		return 0, fmt.Errorf("statusCode %s is not an HTTP status from 200 to 599", clip(value))
	}
	return int(status), nil
}

func parseHeaders(value []byte) (http.Header, error) {
	header := http.Header{}
	if isNull(value) {
		return header, nil
	}
	if value[0] != '{' {
		return nil, fmt.Errorf("headers is %s, want an object of strings", kind(value))
	}
	for quoted, member := range members(value) {
		name, err := unquote(quoted)
		if err != nil {
			return nil, err
		}
		if isNull(member) {
			continue
		}
		if !IsToken(string(name)) {
			return nil, fmt.Errorf("headers: %s cannot be the name of a header", clip(quoted))
		}
		text, err := javaText(member)
		if err != nil {
			return nil, err
		}
		if !IsFieldValue(string(text)) {
			return nil, fmt.Errorf("headers: the value of %s has a control character in it", name)
		}
		header.Add(string(name), string(text))
	}
	return header, nil
}

// javaText is a value as Java shows it, which is how AWS sends the value of a header that is no string: the object
// {"bad":true} as {bad=true} (radkawar/stackd, url_http_codecs.json, recorded in September 2026). An array is shown as
// [a, b] (assumed).
func javaText(value []byte) ([]byte, error) {
	if value[0] != '{' && value[0] != '[' {
		return scalar(value)
	}
	text := []byte{value[0]}
	for quoted, member := range members(value) {
		if len(text) > 1 {
			text = append(text, ", "...)
		}
		if quoted != nil {
			name, err := unquote(quoted)
			if err != nil {
				return nil, err
			}
			text = append(append(text, name...), '=')
		}
		shown, err := javaText(member)
		if err != nil {
			return nil, err
		}
		if isNull(member) {
			shown = member
		}
		text = append(text, shown...)
	}
	return append(text, value[0]+2), nil // the closing bracket, in ASCII
}

func parseCookies(value []byte) ([]string, error) {
	if isNull(value) {
		return nil, nil
	}
	if value[0] != '[' {
		return nil, fmt.Errorf("cookies is %s, want an array of strings", kind(value))
	}
	var cookies []string
	for _, element := range members(value) {
		text, err := scalar(element)
		if err != nil {
			return nil, fmt.Errorf("cookies: an element %w, want a string", err)
		}
		if !IsFieldValue(string(text)) {
			return nil, errors.New("cookies: an element has a control character in it")
		}
		cookies = append(cookies, string(text))
	}
	return cookies, nil
}

// decodeBase64 accepts the standard alphabet and that of URLs, padded or not, ignores every other character, and reads up
// to the first padding, as AWS does: "!!!not-base64!!!" is seven bytes (radkawar/stackd, url_http_codecs.json, recorded
// in September 2026; that the padding ends it is assumed).
func decodeBase64(text []byte) []byte {
	text, _, _ = bytes.Cut(text, []byte("="))
	decoded := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(decoded, text)
	if err == nil {
		return decoded[:n]
	}
	digits := bytes.Map(func(c rune) rune {
		switch {
		case c == '-':
			return '+'
		case c == '_':
			return '/'
		case '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '+' || c == '/':
			return c
		}
		return -1
	}, text)
	if len(digits)%4 == 1 {
		digits = digits[:len(digits)-1] // six bits are no byte
	}
	n, _ = base64.RawStdEncoding.Decode(decoded, digits) //nolint:errcheck // nothing but digits is left
	return decoded[:n]
}

// IsToken reports whether s can be a header's name (RFC 9110, 5.6.2).
func IsToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if letter := c | 0x20; ('a' > letter || letter > 'z') && ('0' > c || c > '9') &&
			strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// IsFieldValue reports whether s can be a header's value: without control characters except tab, so that no function's
// answer can begin a new header or a second response.
func IsFieldValue[T text](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// remapped are the headers that a function may not set: they belong to the front end, and the function's values reach
// the client under another name. Real answers show www-authenticate and content-length (cargo-lambda#862); the others
// are assumed after API Gateway, which does the same ("Amazon API Gateway important notes").
var remapped = [...]string{
	"Authorization", "Connection", "Content-Length", "Date", "Server", "Www-Authenticate", "X-Amzn-Requestid",
	"X-Amzn-Trace-Id",
}

// dropped are the headers that describe the transfer between two hosts, in which the function has no part (assumed).
var dropped = [...]string{
	"Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// WriteHeader sends status and headers through w, adding to headers that w already has. The body comes after it.
func (h *Head) WriteHeader(w http.ResponseWriter) {
	h.setHeaders(w.Header())
	w.WriteHeader(h.Status)
}

func (h *Head) setHeaders(header http.Header) {
	for name, values := range h.Header {
		if slices.Contains(dropped[:], name) {
			continue
		}
		if slices.Contains(remapped[:], name) {
			name = "X-Amzn-Remapped-" + name
		}
		if set := header[name]; len(set) > 0 {
			values = append(set[:len(set):len(set)], values...)
		}
		header[name] = values
	}
	if len(h.Cookies) > 0 {
		header["Set-Cookie"] = append(header["Set-Cookie"], h.Cookies...)
	}
}

// Write sends the whole response through w as the answer to a request with this method: without a body for HEAD and
// for a status that has none, with a Content-Length wherever there is a body or would be one.
// The error is that of writing to the client.
func (r *Response) Write(w http.ResponseWriter, method string) error {
	bodiless := r.Status == http.StatusNoContent || r.Status == http.StatusNotModified
	if !bodiless {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.Body)))
	}
	r.WriteHeader(w)
	if bodiless || method == http.MethodHead || len(r.Body) == 0 {
		return nil
	}
	_, err := w.Write(r.Body)
	return err
}

// IntegrationContentType is the Content-Type of a streamed answer that begins with a prelude.
const IntegrationContentType = "application/vnd.awslambda.http-integration-response"

// streamType is the Content-Type of a stream that names none.
const streamType = "application/octet-stream"

// MaxPrelude is how many bytes of a streamed answer are searched for the end of its prelude. AWS documents no
// number. A stream of 25 kB without a prelude is known to be refused (middyjs/middy#1137); 16 KiB is assumed.
const MaxPrelude = 16 << 10

// DelimiterLength is how many zero bytes separate the prelude from the body.
const DelimiterLength = 8

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

// ReadHead reads what a streamed answer with the content type says before its body: its prelude, if it has one.
func ReadHead(r *bufio.Reader, contentType string) (*Head, error) {
	if contentType == IntegrationContentType {
		return ParsePrelude(r)
	}
	return &Head{Status: http.StatusOK, Header: http.Header{"Content-Type": {cmp.Or(contentType, streamType)}}}, nil
}

// ParseStreamed turns the whole answer of a handler that streams into the response of a BUFFERED URL. AWS reads the JSON
// value at its beginning and nothing after it: status, headers and cookies of a prelude take effect, and the body is lost.
// What is no JSON is itself the body (radkawar/stackd, url_http_codecs.json, recorded in September 2026; that a prelude
// without a status is the body is assumed).
func ParseStreamed(payload []byte) (*Response, error) {
	if len(payload) == 0 {
		return &Response{Head: jsonHead()}, nil
	}
	value, _, _ := bytes.Cut(payload, make([]byte, DelimiterLength))
	if !json.Valid(value) {
		return &Response{Head{Status: http.StatusOK, Header: http.Header{"Content-Type": {streamType}}}, payload}, nil
	}
	return ParseResponse(value)
}

// readPrelude reads up to and including the delimiter and returns what stands before it. The first zero byte begins
// the delimiter, for JSON has none. The error is io.EOF itself only if there was no byte at all.
func readPrelude(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for zeros := 0; zeros < DelimiterLength; {
		c, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && (len(text) > 0 || zeros > 0):
			return nil, fmt.Errorf("the stream ends after %d bytes, before the %d zero bytes that end a prelude",
				len(text)+zeros, DelimiterLength)
		case err != nil:
			return nil, err
		case c == 0:
			zeros++
		case zeros > 0:
			return nil, fmt.Errorf("%d zero bytes at byte %d, want %d", zeros, len(text), DelimiterLength)
		case len(text) == MaxPrelude-DelimiterLength:
			return nil, fmt.Errorf("no %d zero bytes within the first %d bytes", DelimiterLength, MaxPrelude)
		default:
			text = append(text, c)
		}
	}
	return text, nil
}
