package wire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/sigv4"
)

// restCodec is the REST-JSON protocol as Lambda speaks it.
type restCodec struct{}

// Writer is a result that is more than a JSON body.
type Writer interface {
	// Write answers with the result, of an operation with this status.
	Write(w http.ResponseWriter, status int)
}

// dated matches the paths of operations that there may be.
var dated = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^/20\d\d-\d\d-\d\d(/|$)`)
})

// find is the operation of the method and path.
func (c restCodec) find(a *API, call *controlplane.Call) (*operation, func() (members, error), error) {
	op, labels, ok := a.routes().find(call.Request)
	if !ok {
		path := call.Request.URL.EscapedPath()
		why := a.unknown()
		if !dated().MatchString(path) {
			why = "the paths of its operations begin with a date. furl url list shows the addresses of function URLs."
		}
		return nil, nil, Errorf("UnknownOperationException", "furl knows no Lambda operation %s %s: %s",
			call.Request.Method, path, why).WithStatus(http.StatusNotFound)
	}
	return op, func() (members, error) { return c.read(call, op, labels) }, nil
}

// lacks is the answer to an operation of AWS that furl does not have. Status 400 is the one that no client tries
// again; the CLI and the SDKs print name and message.
func (restCodec) lacks(_ *API, op *operation) *Error {
	return Errorf("UnsupportedOperationException",
		"furl does not have the Lambda operation %s. docs/compatibility.md lists what it has.", op.name)
}

func (restCodec) answer(w http.ResponseWriter, _ *API, _ *controlplane.Call, op *operation, result any) {
	switch result := result.(type) {
	case nil:
		w.WriteHeader(op.status)
	case Writer:
		result.Write(w, op.status)
	default:
		writeJSON(w, op.status, result)
	}
}

func (restCodec) fail(w http.ResponseWriter, _ *API, _ *controlplane.Call, e *Error, facts errorFacts) {
	body := struct {
		Reason string `json:",omitempty"`
		Type   string `json:",omitempty"`
		Upper  any    `json:"Message,omitempty"`
		Lower  any    `json:"message,omitempty"`
	}{Reason: e.Reason}
	switch {
	case e.Untyped:
	case facts.typed && e.Status >= http.StatusInternalServerError:
		body.Type = "Service"
	case facts.typed:
		body.Type = "User"
	}
	message := wordsOf(e)
	if facts.message == "Message" {
		body.Upper = message
	} else {
		body.Lower = message
	}
	w.Header()["x-amzn-ErrorType"] = []string{e.Code} // spelled as AWS spells it
	writeJSON(w, e.Status, body)
}

// wordsOf is the message of an error, or null.
func wordsOf(e *Error) any {
	if e.Wordless {
		return json.RawMessage("null")
	}
	return e.Message
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text := JSON(value)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text) // an error means that the client is gone
}

// JSON is json.Marshal without the escaping of <, > and &, which AWS does not do either. Answers are made of
// strings, numbers and maps of them: it cannot fail.
func JSON(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimRight(text.Bytes(), "\n")
}

// signature is the refusal as Lambda has it: the message of an authentication error is in "message", without a Type.
func (restCodec) signature(a *API, call *controlplane.Call, refusal *sigv4.Error) *Error {
	text := refusal.Message
	switch refusal.Kind {
	case sigv4.MissingAuthentication:
		text = "Missing Authentication Token"
	case sigv4.MalformedRequest, sigv4.BodyRead:
		text = cmp.Or(text, "The request could not be read.")
	case sigv4.BodyTooLarge:
		op, _, ok := a.routes().find(call.Request)
		if !ok {
			op = &operation{name: "requested"}
		}
		return a.tooLarge(op)
	}
	if refusal.Status() >= http.StatusInternalServerError {
		return a.failure("The signature could not be checked.")
	}
	return Errorf(refusal.ErrorType(), "%s", text).WithStatus(refusal.Status())
}

// tooLarge is the refusal of a body that is larger than the operation takes. AWS calls the operation by its action.
func (a *API) tooLarge(op *operation) *Error {
	name := op.name
	if row, ok := a.table[name]; ok {
		_, name, _ = strings.Cut(a.action(row), ":")
	}
	return Errorf("RequestEntityTooLargeException", "Request must be smaller than %d bytes for the %s operation",
		a.maxBody(op.name), name).WithStatus(http.StatusRequestEntityTooLarge)
}

// read finds the members of an input: they are in the path, the query, the headers and the body.
func (restCodec) read(call *controlplane.Call, op *operation, labels map[string]string) (members, error) {
	body := func(*member) node { return jsonNode(nil) }
	if text := bytes.TrimSpace(call.Body); op.input != nil && op.input.payload == "" && len(text) > 0 {
		var err error
		if body, err = newJSON(text); err != nil {
			return nil, err
		}
	}
	query := call.Request.URL.Query()
	return func(m *member) node {
		switch {
		case m.location == "uri":
			return textNode{values: []string{labels[m.label]}}
		case m.location == "querystring":
			return textNode{values: query[m.label]}
		case m.location == "header":
			return textNode{values: call.Request.Header.Values(m.label)}
		case m.name == op.input.payload:
			return payload{body: call.Body}
		default:
			return body(m)
		}
	}, nil
}
