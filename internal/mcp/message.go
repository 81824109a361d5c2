package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Error codes of JSON-RPC 2.0. The bridge adds none of its own: everything that it cannot deliver is an internal error,
// and the data says what it was.
const (
	codeParse    = -32700
	codeInvalid  = -32600
	codeInternal = -32603
)

// Methods that mean something to the bridge. It passes all others on as they are.
const (
	methodInitialize  = "initialize"
	methodInitialized = "notifications/initialized"
	methodCancelled   = "notifications/cancelled"
	methodListen      = "subscriptions/listen"
	methodListTools   = "tools/list"
	methodCallTool    = "tools/call"
)

// Protocol versions. They are dates, which compare as texts.
const (
	// batches is the only version in which a message may be a batch.
	batches = "2025-03-26"
	// stateless is the first version without initialization, sessions, and a stream of the server's own: each request
	// says its version, and some of its members are headers too.
	stateless = "2026-07-28"
)

// metaVersion is the member of params._meta in which a request says its version since 2026-07-28.
const metaVersion = "io.modelcontextprotocol/protocolVersion"

// message is one JSON-RPC message. What the bridge does not know stays in raw as it came.
type message struct {
	raw    []byte // compact, without a line end
	id     string // as canonical makes it; "" for none
	method string
	// answer is whether the message answers a request: it has a result, or an error.
	answer bool
	failed bool // it has an error
	// params is the member params, or result.
	params json.RawMessage
}

var errMessage = errors.New("not a JSON-RPC message")

// parse reads one message. The error says what is wrong with it, for the sender to read.
func parse(raw []byte) (message, error) {
	// A map, since encoding/json takes "ID" and "Method" for the members of a struct.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return message{}, err
	}
	m := message{raw: raw}
	if id := members["id"]; id != nil && string(id) != "null" {
		if id[0] != '"' && id[0] != '-' && (id[0] < '0' || id[0] > '9') {
			return message{}, errMessage
		}
		m.id = canonical(id)
	}
	if method, ok := members["method"]; ok {
		if err := json.Unmarshal(method, &m.method); err != nil || m.method == "" {
			return message{}, errMessage
		}
		m.params = members["params"]
		return m, nil
	}
	_, result := members["result"]
	_, m.failed = members["error"]
	if m.failed && members["error"][0] != '{' { // an error of OAuth is a text
		return message{}, errMessage
	}
	m.answer, m.params = true, members["result"]
	if result == m.failed {
		return message{}, errMessage
	}
	return m, nil
}

// canonical is an id in one of the forms in which JSON can write it: a server may escape other characters than the
// client, and write 1 for 1.0.
func canonical(id json.RawMessage) string {
	if bytes.HasPrefix(id, []byte(`"`)) && bytes.ContainsRune(id, '\\') {
		var text string
		if json.Unmarshal(id, &text) == nil {
			return string(encode(text))
		}
	}
	if bytes.ContainsAny(id, ".eE") && !bytes.HasPrefix(id, []byte(`"`)) {
		const exact = 1 << 53
		number, err := strconv.ParseFloat(string(id), 64)
		if err == nil && number == math.Trunc(number) && math.Abs(number) < exact {
			return strconv.FormatInt(int64(number), 10)
		}
	}
	return string(id)
}

func (m message) isRequest() bool { return m.method != "" && m.id != "" }

// version is the protocol version that a request says for itself, "" for none.
func (m message) version() string {
	var params struct {
		Meta map[string]json.RawMessage `json:"_meta"`
	}
	var version string
	if m.params == nil || !bytes.Contains(m.params, []byte(metaVersion)) || json.Unmarshal(m.params, &params) != nil ||
		json.Unmarshal(params.Meta[metaVersion], &version) != nil {
		return ""
	}
	return version
}

// text is a member of params, or of result, that is a text; "" for none.
func (m message) text(name string) string {
	var members map[string]json.RawMessage
	var value string
	if m.params == nil || json.Unmarshal(m.params, &members) != nil || json.Unmarshal(members[name], &value) != nil {
		return ""
	}
	return value
}

// cancels is the id of the request that a notifications/cancelled is about.
func (m message) cancels() string {
	var params map[string]json.RawMessage
	if m.params == nil || json.Unmarshal(m.params, &params) != nil {
		return ""
	}
	return canonical(params["requestId"])
}

// as is an answer with another id.
func (m message) as(id string) message {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(m.raw, &members); err != nil {
		return m // parse has read it
	}
	members["id"] = json.RawMessage(id)
	members["jsonrpc"] = json.RawMessage(`"2.0"`)
	m.raw, m.id = encode(members), id
	return m
}

// split returns the messages of a JSON text: one, or those of a batch. Each is on one line, in valid UTF-8.
func split(text []byte) (all [][]byte, batch bool, err error) {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return nil, false, err
	}
	if line.Len() == 0 || line.Bytes()[0] != '[' {
		return [][]byte{line.Bytes()}, false, nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(line.Bytes(), &parts); err != nil {
		return nil, true, err
	}
	for _, part := range parts {
		all = append(all, part)
	}
	return all, true, nil
}

// failure is an error as the answer to a request.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// answer is the line that answers the request with that id; "" is for one whose id is not known.
func (f failure) answer(id string) []byte {
	if id == "" {
		id = "null"
	}
	return encode(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   failure         `json:"error"`
	}{"2.0", json.RawMessage(id), f})
}

// encode is JSON on one line.
func encode(value any) []byte {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // the values here always have JSON
	}
	return bytes.TrimSuffix(line.Bytes(), []byte("\n"))
}

// idScan finds the id of a message that is too long to keep, while its bytes pass by.
type idScan struct {
	depth   int
	quoted  bool
	escaped bool
	token   []byte // the latest text or number at depth 1, cut off where it is too long for an id
	key     string // the latest key at depth 1
	value   bool   // what comes is the value of key
	id      string
}

// maxID is the longest id that the scan finds, in bytes.
const maxID = 256

func (s *idScan) Write(p []byte) (int, error) {
	for _, c := range p {
		s.next(c)
	}
	return len(p), nil
}

func (s *idScan) next(c byte) {
	switch {
	case s.quoted:
		s.keep(c)
		switch {
		case s.escaped:
			s.escaped = false
		case c == '\\':
			s.escaped = true
		case c == '"':
			s.quoted = false
		}
	case c == '"':
		s.quoted = true
		s.token = s.token[:0]
		s.keep(c)
	case c == '{' || c == '[':
		s.depth++
		s.token = s.token[:0]
	case c == ':' && s.depth == 1:
		s.key, s.value = string(s.token), true
		s.token = s.token[:0]
	case c == ',' || c == '}' || c == ']':
		if s.depth == 1 && s.value {
			if s.key == `"id"` && len(s.token) > 0 && len(s.token) < maxID {
				s.id = string(s.token)
			}
			s.value = false
			s.token = s.token[:0]
		}
		if c != ',' {
			s.depth--
		}
	case c > ' ':
		s.keep(c)
	}
}

func (s *idScan) keep(c byte) {
	if s.depth == 1 && len(s.token) < maxID {
		s.token = append(s.token, c)
	}
}

// found is the id, or "" if there is none that JSON-RPC allows.
func (s *idScan) found() string {
	if !json.Valid([]byte(s.id)) || slices.Contains([]string{"null", "true", "false"}, s.id) {
		return ""
	}
	return canonical(json.RawMessage(s.id))
}
