package policy

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Document is a parsed and compiled policy. The zero value is a document without statements.
type Document struct {
	kind       Kind
	source     string // the text as given; the compiled statements share its memory
	version    string // "2012-10-17", "2008-10-17", or "" when the document has none (which means the latter)
	id         string
	list       bool // Statement was written as a list
	statements []statement
	warnings   []Fault
}

// Parse reads a policy document of the given kind and compiles it. It accepts at most [MaxSize] bytes.
// The error, if any, is of type [Faults] and names every fault of the document, up to [MaxFaults], in the
// order of the text.
func Parse(doc []byte, kind Kind) (*Document, error) { return parse(doc, kind, false) }

// ParseTaken is Parse for a document that somebody has taken already: AWS, or an earlier version of this package. What
// AWS is known or thought to refuse, and what yet has a meaning, is then no fault.
func ParseTaken(doc []byte, kind Kind) (*Document, error) { return parse(doc, kind, true) }

func parse(doc []byte, kind Kind, taken bool) (*Document, error) {
	if len(doc) > MaxSize {
		return nil, Faults{{Line: 1, Column: 1, Message: "the document is larger than 131072 bytes", AWS: awsSyntax}}
	}
	source := string(doc)
	root, err := readJSON(source)
	if err != nil {
		line, column := lineColumn(source, err.offset)
		return nil, Faults{{Line: line, Column: column, Message: err.message, AWS: awsSyntax}}
	}
	c := compiler{source: source, root: root, kind: kind, taken: taken}
	d := c.document()
	if len(c.faults) > 0 {
		return nil, Faults(sorted(c.faults))
	}
	d.warnings = sorted(c.warnings)
	return d, nil
}

// Empty returns a document without statements, such as the trust policy of a role that nobody may assume.
func Empty(kind Kind) *Document { return &Document{kind: kind} }

// Kind returns the grammar the document was parsed with.
func (d *Document) Kind() Kind { return d.kind }

// Version returns the document's Version element, or "2008-10-17", AWS's default, when it has none.
func (d *Document) Version() string {
	if d.version == "" {
		return version2008
	}
	return d.version
}

// ID returns the document's Id element, or "".
func (d *Document) ID() string { return d.id }

// Len returns the number of statements.
func (d *Document) Len() int { return len(d.statements) }

// Source returns the text the document was parsed from, byte for byte.
func (d *Document) Source() string { return d.source }

// Warnings returns what AWS takes although it does nothing, or not what it looks like, in the order of the text:
// actions and condition keys that no request has, conditions without values and operators without keys. At most
// [MaxFaults].
func (d *Document) Warnings() []Fault { return slices.Clone(d.warnings) }

// JSON returns the document without insignificant white space, its elements in the order they were written.
func (d *Document) JSON() []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(d.source)); err != nil {
		return []byte("{}") // only the zero Document has a source that is not JSON
	}
	return b.Bytes()
}

// String returns [Document.JSON] as a string.
func (d *Document) String() string { return string(d.JSON()) }

// ContextKeys returns the condition keys the document refers to, in conditions and as policy variables, as AWS spells
// them, sorted and without repetition. A request whose context lacks one of them is judged as if it had no such key.
func (d *Document) ContextKeys() []string {
	var keys []string
	add := func(list []template) {
		for i := range list {
			for _, p := range list[i].parts {
				if p.key != "" {
					keys = append(keys, p.key)
				}
			}
		}
	}
	for i := range d.statements {
		s := &d.statements[i]
		add(s.resources.list)
		for j := range s.conditions {
			c := &s.conditions[j]
			keys = append(keys, c.lookup)
			if m, ok := c.test.(textMatcher); ok {
				add(m.list)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// MapPrincipals returns the document with every value of type AWS in its Principal and NotPrincipal elements replaced
// by what f makes of it. Every other byte of the text stays as it is, and so does a value that f returns unchanged.
//
// AWS stores a user or role that a resource-based or trust policy names by its unique id, so that a later one of the
// same name does not inherit the grant, and shows the ARN again only while the user or role exists (IAM User Guide,
// "AWS JSON policy elements: Principal"). The error is of type [Faults]: f returned something that is no principal.
func (d *Document) MapPrincipals(f func(string) string) (*Document, error) {
	if len(d.statements) == 0 {
		return d, nil
	}
	root, _ := readJSON(d.source) // it has been read before
	var out strings.Builder
	done := 0
	replace := func(n *node) {
		value := f(n.text)
		if value == n.text {
			return
		}
		out.WriteString(d.source[done:n.start] + jsonString(value))
		done = n.end
	}
	root.each(func(statement *node) {
		statement.each(func(principal *node) { principal.each(replace, "AWS") }, "Principal", "NotPrincipal")
	}, "Statement")
	if done == 0 {
		return d, nil
	}
	out.WriteString(d.source[done:])
	return ParseTaken([]byte(out.String()), d.kind)
}
