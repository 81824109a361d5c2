package wire

import (
	"net/http"
	"reflect"
	"slices"
)

// Bounds of a form.
const (
	MaxParameters = maxParameters
	MaxName       = maxName
)

// NewWithModel makes an API with a model that no AWS API has.
func NewWithModel(config Config, text, overlay string) *API {
	a := New(config)
	m := newModel(config.Service, text, overlay)
	a.model = func() *model { return m }
	return a
}

// Form is the parameters of a request.
type Form struct{ f *form }

// ParseForm reads a form.
func ParseForm(r *http.Request, body []byte) (Form, error) {
	f, err := parseForm(r, body)
	return Form{f}, err
}

// Lookup is the value of a parameter.
func (f Form) Lookup(name string) (string, bool) { return f.f.lookup(name) }

// DecodeForm reads a form into the input type of an operation.
func DecodeForm[In any](a *API, operation string, form Form) (in *In, absent, err error) {
	find, err := form.f.structure()
	if err != nil {
		return nil, nil, err
	}
	input, absent, err := a.decode(a.model().operations[operation], find, reflect.TypeFor[In]())
	if err != nil {
		return nil, nil, err
	}
	return input.(*In), absent, nil
}

// DecodeJSON reads a body into the input type of an operation.
func DecodeJSON[In any](a *API, operation string, body string) (in *In, absent, err error) {
	find, err := newJSON([]byte(body))
	if err != nil {
		return nil, nil, err
	}
	input, absent, err := a.decode(a.model().operations[operation], find, reflect.TypeFor[In]())
	if err != nil {
		return nil, nil, err
	}
	return input.(*In), absent, nil
}

// Document writes a response with one element below the root.
func Document(root, namespace, name string, value any) string {
	return string(document(root, namespace, child{name, value}))
}

// LookAround lists the patterns of an API's model of which Go can only test a part, and that no overlay line completes.
func LookAround(api string) []string {
	var incomplete []string
	for name, s := range loaded[api]().shapes {
		if s.pattern == nil {
			continue
		}
		s.pattern.matches("")
		if translate(s.pattern.text) != unicodeEscape().ReplaceAllString(s.pattern.text, `\x{$1}`) && s.not == nil {
			incomplete = append(incomplete, name)
		}
	}
	slices.Sort(incomplete)
	return incomplete
}

// Route is what the router makes of a request: the operation's name and the labels of its path.
func (a *API) Route(r *http.Request) (name string, labels map[string]string, ok bool) {
	op, labels, ok := a.routes().find(r)
	if !ok {
		return "", nil, false
	}
	return op.name, labels, true
}
