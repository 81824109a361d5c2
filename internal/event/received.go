package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// Received is an event as a function reads it that wants the HTTP request in it. Texts may share memory with the
// payload.
type Received struct {
	Method  string
	Path    string // rawPath
	Query   string // rawQueryString
	Header  []Field
	Cookies []string
	Domain  string
	Context []byte // requestContext, as it stands in the event
	Body    []byte
}

// Field is one header of an event.
type Field struct{ Name, Value string }

// Make is the event for r, as [Append] makes it. read answers what [Read] finds in it, without reading what has just been
// written. It shares the memory of r, which must not change.
func Make(r *Request) (payload []byte, read func() *Received) {
	payload, from, to := appendEvent(nil, r)
	return payload, func() *Received { return r.received(payload[from:to:to]) }
}

// received is what Read finds in the event for r with the requestContext.
func (r *Request) received(context []byte) *Received {
	if r.Method == "" {
		return nil
	}
	var space [40]field
	fields := sortedFields(space[:0], r)
	path, query := r.pathAndQuery()
	received := &Received{
		Method: asRead(r.Method), Path: asRead(path), Query: asRead(query), Header: make([]Field, len(fields)),
		Domain: asRead(r.DomainName), Context: context,
	}
	if len(r.Body) > 0 {
		received.Body = r.Body
	}
	for cookie := range cookies(r.Header["Cookie"]) {
		received.Cookies = append(received.Cookies, asRead(cookie))
	}
	names := make([]byte, 0, 512)
	for _, field := range fields {
		names = append(names, field.name...)
	}
	lowerASCII(names)
	lower := string(names) // one string for all
	for i, field := range fields {
		value := field.value
		if len(field.more) > 0 {
			value += "," + strings.Join(field.more, ",")
		}
		received.Header[i] = Field{Name: strings.ToLower(asRead(lower[:len(field.name)])), Value: asRead(value)}
		lower = lower[len(field.name):]
	}
	return received
}

// Read reads an event of payload format 2.0, be it made by [Append] or by somebody else. It answers nil for an event of
// another kind. The error is about one whose body is not what it says.
func Read(payload []byte) (*Received, error) {
	if payload = trimSpace(payload); len(payload) == 0 || payload[0] != '{' || !json.Valid(payload) {
		return nil, nil //nolint:nilnil // another kind of event is no failure
	}
	var r Received
	var body []byte
	encoded, fits := false, true
	for name, value := range members(payload) {
		switch string(name) {
		case `"rawPath"`:
			fits = readText(&r.Path, value) && fits
		case `"rawQueryString"`:
			fits = readText(&r.Query, value) && fits
		case `"headers"`:
			fits = r.readHeader(value) && fits
		case `"cookies"`:
			fits = r.readCookies(value) && fits
		case `"requestContext"`:
			fits = r.readContext(value) && fits
		case `"body"`:
			body = value
		case `"isBase64Encoded"`:
			encoded = string(value) == "true"
		}
	}
	if !fits || r.Method == "" || !isNull(body) && body[0] != '"' {
		return nil, nil //nolint:nilnil // another kind of event is no failure
	}
	if isNull(body) {
		return &r, nil
	}
	var err error
	if r.Body, err = unquote(body); err != nil || !encoded {
		return &r, err
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(r.Body)))
	n, err := base64.StdEncoding.Decode(decoded, r.Body)
	if err != nil {
		return nil, fmt.Errorf("the body of the event is not base64: %w", err)
	}
	r.Body = decoded[:n]
	return &r, nil
}

// readText reads a string. It reports false for what is neither a string nor null.
func readText(into *string, value []byte) bool {
	if isNull(value) {
		return true
	}
	if value[0] != '"' {
		return false
	}
	text, err := unquote(value)
	*into = string(text)
	return err == nil
}

func (r *Received) readHeader(value []byte) bool {
	if isNull(value) {
		return true
	}
	if value[0] != '{' {
		return false
	}
	r.Header = make([]Field, 0, bytes.Count(value, []byte(":")))
	for quoted, member := range members(value) {
		name, err := unquote(quoted)
		field := Field{Name: strings.ToLower(string(name))}
		if err != nil || !readText(&field.Value, member) {
			return false
		}
		r.Header = append(r.Header, field)
	}
	return true
}

func (r *Received) readCookies(value []byte) bool {
	if isNull(value) {
		return true
	}
	if value[0] != '[' {
		return false
	}
	r.Cookies = make([]string, 0, 8)
	for _, element := range members(value) {
		var cookie string
		if !readText(&cookie, element) {
			return false
		}
		r.Cookies = append(r.Cookies, cookie)
	}
	return true
}

func (r *Received) readContext(value []byte) bool {
	if value[0] != '{' {
		return false
	}
	r.Context = value
	for name, member := range members(value) {
		switch string(name) {
		case `"domainName"`:
			if !readText(&r.Domain, member) {
				return false
			}
		case `"http"`:
			if member[0] != '{' {
				return false
			}
			for name, member := range members(member) {
				if string(name) == `"method"` && !readText(&r.Method, member) {
					return false
				}
			}
		}
	}
	return true
}
