package policy

import (
	"encoding/json"
	"strings"
)

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
	eachPrincipal(&root, func(n *node) {
		value := f(n.text)
		if value == n.text {
			return
		}
		quoted, _ := json.Marshal(value) // strings always marshal
		out.WriteString(d.source[done:n.start])
		out.Write(quoted)
		done = n.end
	})
	if done == 0 {
		return d, nil
	}
	out.WriteString(d.source[done:])
	return Parse([]byte(out.String()), d.kind)
}

// eachPrincipal calls visit for every value of type AWS, in the order of the text. The text must have passed Parse.
func eachPrincipal(root *node, visit func(*node)) {
	eachStatement(root, func(statement *node) {
		for i := range statement.members {
			m := &statement.members[i]
			if m.key != "Principal" && m.key != "NotPrincipal" {
				continue
			}
			for j := range m.value.members {
				if m.value.members[j].key == "AWS" {
					each(&m.value.members[j].value, visit)
				}
			}
		}
	})
}

// eachStatement calls visit for every statement of a document.
func eachStatement(root *node, visit func(*node)) {
	for i := range root.members {
		if root.members[i].key == "Statement" {
			each(&root.members[i].value, visit)
		}
	}
}

// each calls visit for the items of a list, or for n itself where it is not one.
func each(n *node, visit func(*node)) {
	if n.kind != nodeArray {
		visit(n)
		return
	}
	for i := range n.items {
		visit(&n.items[i])
	}
}
