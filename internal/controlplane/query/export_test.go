package query

import "reflect"

// Decode reads a form into an input type.
func Decode[In any](form *Form, quiet bool) (*In, error) {
	value, err := newSchema(reflect.TypeFor[In]()).decode(form, quiet)
	if err != nil {
		return nil, err
	}
	return value.Interface().(*In), nil
}

// Document writes a response with one element below the root.
func Document(root, namespace, name string, value any) string {
	return string(document(root, namespace, child{name, value}))
}

// Bounds of a form.
const (
	MaxParameters = maxParameters
	MaxName       = maxName
)

// CompilePatterns panics if the expression of a pattern is wrong.
func CompilePatterns() {
	for _, p := range patterns {
		p.matches("")
	}
}
