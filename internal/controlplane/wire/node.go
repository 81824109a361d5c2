package wire

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// node is one value of a request, as its protocol writes it. The methods give the value in the form that the model
// says it has, and an error in the words of the protocol if it has another.
type node interface {
	absent() bool // not there, or null
	empty() bool  // without a value, or made of nothing but such
	text() (string, error)
	number() (int, error)
	fraction() (float64, error)
	truth() (bool, error)
	bytes() ([]byte, error)
	list() ([]item, error)
	entries() ([]item, error) // of a map
	structure() (members, error)
}

// item is an element of a list, with the name that violations know it by, or of a map, with its key.
type item struct {
	label string
	value node
}

// nothing is a node without a value, and what other nodes are besides what they are.
type nothing struct{}

func (nothing) absent() bool               { return true }
func (nothing) empty() bool                { return true }
func (nothing) text() (string, error)      { return "", nil }
func (nothing) number() (int, error)       { return 0, nil }
func (nothing) fraction() (float64, error) { return 0, nil }
func (nothing) truth() (bool, error)       { return false, nil }
func (nothing) bytes() ([]byte, error)     { return nil, nil }
func (nothing) list() ([]item, error)      { return nil, nil }
func (nothing) entries() ([]item, error)   { return nil, nil }
func (nothing) structure() (members, error) {
	return func(*member) node { return nothing{} }, nil
}

// payload is a body that is not furl's to read.
type payload struct {
	nothing
	body []byte
}

func (p payload) absent() bool           { return false }
func (p payload) empty() bool            { return len(p.body) == 0 }
func (p payload) bytes() ([]byte, error) { return p.body, nil }

// textNode is the values of a member in the path, the query or the headers.
type textNode struct {
	nothing
	values []string
}

func (t textNode) absent() bool          { return len(t.values) == 0 }
func (t textNode) empty() bool           { return strings.Join(t.values, "") == "" }
func (t textNode) text() (string, error) { return t.values[0], nil }
func (t textNode) truth() (bool, error)  { return t.values[0] == "true", nil }

func (t textNode) number() (int, error) {
	number, err := strconv.Atoi(t.values[0])
	if err != nil {
		return 0, &notNumber{t.values[0]}
	}
	return number, nil
}

func (t textNode) list() ([]item, error) {
	items := make([]item, len(t.values))
	for i := range t.values {
		items[i] = item{strconv.Itoa(i + 1), textNode{values: t.values[i : i+1]}}
	}
	return items, nil
}

// jsonNode is a value in a JSON text that is known to be sound; nil is none.
type jsonNode []byte

// UnmarshalJSON keeps the part of the text that has the value: json.Unmarshal is given a text that outlives the node,
// and code of 50 MB is not copied at each level that it is nested in.
func (j *jsonNode) UnmarshalJSON(text []byte) error {
	*j = text
	return nil
}

// newJSON finds the members of a body.
func newJSON(text []byte) (members, error) {
	if !json.Valid(text) {
		return nil, serialization("The request body is not valid JSON: " + json.Unmarshal(text, new(jsonNode)).Error())
	}
	return jsonNode(text).structure()
}

// serialization is the refusal of a body that is not JSON or has a member of the wrong type. The texts are those that
// users of AWS's services quote (aarondfrancis/sidecar#148 for Lambda); they name neither the member nor the value.
func serialization(text string) *Error { return &Error{Code: "SerializationException", Message: text} }

func (j jsonNode) absent() bool { return len(j) == 0 || string(j) == "null" }

func (j jsonNode) empty() bool {
	if values, err := j.object(); err == nil {
		for _, value := range values {
			if !value.empty() {
				return false
			}
		}
		return true
	}
	items, err := j.list()
	return j.absent() || string(j) == "false" || string(j) == `""` ||
		err == nil && !slices.ContainsFunc(items, func(i item) bool { return !i.value.empty() })
}

// wrong is the refusal of a value that is not what is expected.
func (j jsonNode) wrong(scalar string) error {
	switch j[0] {
	case '{':
		return serialization("Start of structure or map found where not expected.")
	case '[':
		return serialization("Start of list found where not expected")
	}
	token := map[byte]string{'"': "STRING_VALUE", 't': "TRUE_VALUE", 'f': "FALSE_VALUE"}[j[0]]
	return serialization(cmp.Or(token, "NUMBER_VALUE") + " can not be converted to " + scalar)
}

func (j jsonNode) text() (string, error)      { return readScalar[string](j, "a String") }
func (j jsonNode) number() (int, error)       { return readScalar[int](j, "an Integer") }
func (j jsonNode) fraction() (float64, error) { return readScalar[float64](j, "a Double") }
func (j jsonNode) truth() (bool, error)       { return readScalar[bool](j, "a Boolean") }

func readScalar[V any](j jsonNode, scalar string) (value V, err error) {
	if json.Unmarshal(j, &value) != nil {
		err = j.wrong(scalar)
	}
	return value, err
}

// bytes is base64 text. It is decoded as it stands, where it has no escapes: code is large.
func (j jsonNode) bytes() ([]byte, error) {
	if j[0] != '"' {
		return nil, j.wrong("a ByteBuffer")
	}
	encoded := j[1 : len(j)-1]
	if bytes.IndexByte(encoded, '\\') >= 0 {
		text, err := j.text()
		if err != nil {
			return nil, err
		}
		encoded = []byte(text)
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(decoded, encoded)
	if err != nil {
		return nil, serialization("A blob is not valid base64: " + err.Error())
	}
	return decoded[:n], nil
}

func (j jsonNode) list() ([]item, error) {
	var values []jsonNode
	if json.Unmarshal(j, &values) != nil {
		if j[0] == '{' {
			return nil, j.wrong("")
		}
		return nil, serialization("Expected list or null")
	}
	items := make([]item, len(values))
	for i, value := range values {
		items[i] = item{strconv.Itoa(i + 1), value}
	}
	return items, nil
}

func (j jsonNode) object() (map[string]jsonNode, error) {
	var values map[string]jsonNode
	if json.Unmarshal(j, &values) != nil {
		if j[0] == '[' {
			return nil, j.wrong("")
		}
		return nil, serialization("Expected structure or null")
	}
	return values, nil
}

func (j jsonNode) entries() ([]item, error) {
	values, err := j.object()
	if err != nil {
		return nil, err
	}
	items := make([]item, 0, len(values))
	for key, value := range values {
		items = append(items, item{key, value})
	}
	return items, nil
}

func (j jsonNode) structure() (members, error) {
	values, err := j.object()
	if err != nil {
		return nil, err
	}
	return func(m *member) node { return values[m.name] }, nil
}
