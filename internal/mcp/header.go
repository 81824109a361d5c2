package mcp

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// Headers of the streamable HTTP transport.
const (
	headerVersion = "Mcp-Protocol-Version"
	headerSession = "Mcp-Session-Id"
	headerMethod  = "Mcp-Method"
	headerName    = "Mcp-Name"
	headerParam   = "Mcp-Param-" // and what the tool names
	headerLastID  = "Last-Event-Id"
)

// Owns reports whether the bridge sets a header itself, so that nobody else may.
func Owns(name string) bool {
	switch name = http.CanonicalHeaderKey(name); name {
	case "Accept", "Accept-Encoding", "Content-Type", headerVersion, headerSession, headerMethod, headerName,
		headerLastID:
		return true
	}
	return strings.HasPrefix(name, headerParam)
}

// headerMismatch is the code with which a server refuses a request whose headers are not those of its body.
const headerMismatch = -32020

// mirror sets the headers that repeat members of a request since 2026-07-28.
func (m message) mirror(header http.Header, tools tools) {
	header.Set(headerMethod, m.method)
	switch m.method {
	case methodCallTool, "prompts/get":
		header.Set(headerName, encodeHeader(m.text("name")))
	case "resources/read":
		header.Set(headerName, encodeHeader(m.text("uri")))
	}
	if m.method == methodCallTool {
		tools.mirror(header, m)
	}
}

// encodeHeader is a text as the value of a header: as it is, or in Base64 where a header cannot hold it.
func encodeHeader(value string) string {
	const before, after = "=?base64?", "?="
	plain := value != "" && strings.TrimSpace(value) == value &&
		!strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) &&
		(!strings.HasPrefix(value, before) || !strings.HasSuffix(value, after))
	if plain {
		return value
	}
	return before + base64.StdEncoding.EncodeToString([]byte(value)) + after
}

// param is an argument of a tool that is a header too.
type param struct {
	path   []string
	header string
}

// tools knows the arguments of the server's tools that are headers too. Methods that change it are called under the
// lock of the bridge.
type tools map[string][]param

// maxTools bounds what is kept of the lists of tools of a server.
const maxTools = 10_000

// schema is what matters of the schema of arguments.
type schema struct {
	Type       any               `json:"type"`
	Header     json.RawMessage   `json:"x-mcp-header"`
	Properties map[string]schema `json:"properties"`
}

// learn reads an answer to tools/list. It leaves out the tools whose headers are not as the protocol has them, and
// returns why: clients have to reject them (2026-07-28, "Custom Headers from Tool Parameters").
func (t tools) learn(answer message) (message, []error) {
	var result map[string]json.RawMessage
	var list []json.RawMessage
	if json.Unmarshal(answer.params, &result) != nil || json.Unmarshal(result["tools"], &list) != nil {
		return answer, nil
	}
	var faults []error
	kept := make([]json.RawMessage, 0, len(list))
	for _, raw := range list {
		var tool struct {
			Name   string `json:"name"`
			Schema schema `json:"inputSchema"`
		}
		if json.Unmarshal(raw, &tool) != nil {
			kept = append(kept, raw) // the client may know better
			continue
		}
		var params []param
		if err := tool.Schema.params(nil, map[string]bool{}, &params); err != nil {
			faults = append(faults, fmt.Errorf("the tool %q: %w", tool.Name, err))
			continue
		}
		kept = append(kept, raw)
		if _, known := t[tool.Name]; known || len(t) < maxTools {
			t[tool.Name] = params
		}
	}
	if faults == nil {
		return answer, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(answer.raw, &members); err != nil {
		return answer, faults // parse has read it
	}
	result["tools"] = encode(kept)
	members["result"] = encode(result)
	answer.raw, answer.params = encode(members), members["result"]
	return answer, faults
}

// params finds the arguments that are headers too, in the properties of a schema and theirs.
func (s schema) params(path []string, seen map[string]bool, found *[]param) error {
	for name, property := range s.Properties {
		at := append(path[:len(path):len(path)], name)
		if property.Header != nil {
			var header string
			if json.Unmarshal(property.Header, &header) != nil || !isToken(header) {
				return fmt.Errorf("%s is not the name of a header", property.Header)
			}
			if property.Type != "string" && property.Type != "integer" && property.Type != "boolean" {
				return fmt.Errorf("the argument %s of the header %s is not a string, an integer or a boolean",
					strings.Join(at, "."), header)
			}
			if seen[strings.ToLower(header)] {
				return fmt.Errorf("two arguments have the header %s", header)
			}
			seen[strings.ToLower(header)] = true
			*found = append(*found, param{at, header})
		}
		if err := property.params(at, seen, found); err != nil {
			return err
		}
	}
	return nil
}

// isToken reports whether a text may be the name of a header (RFC 9110, section 5.6.2).
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool {
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

// mirror sets the headers of the arguments of a call.
func (t tools) mirror(header http.Header, call message) {
	var params struct {
		Arguments json.RawMessage `json:"arguments"`
	}
	bindings := t[call.text("name")]
	if len(bindings) == 0 || json.Unmarshal(call.params, &params) != nil {
		return
	}
	for _, p := range bindings {
		value := params.Arguments
		for _, name := range p.path {
			var members map[string]json.RawMessage
			if json.Unmarshal(value, &members) != nil {
				value = nil
				break
			}
			value = members[name]
		}
		if text, ok := headerValue(value); ok {
			header.Set(headerParam+p.header, encodeHeader(text))
		}
	}
}

// headerValue is the text of an argument: of a string, a boolean, or an integer that JavaScript has exactly.
func headerValue(value json.RawMessage) (text string, ok bool) {
	var decoded any
	if value == nil || json.Unmarshal(value, &decoded) != nil {
		return "", false
	}
	switch v := decoded.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		const safe = 1<<53 - 1
		return strconv.FormatInt(int64(v), 10), v == math.Trunc(v) && math.Abs(v) <= safe
	}
	return "", false
}
