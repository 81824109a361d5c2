package template

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

// condition is one of the template, worked out when it is first asked for.
type condition struct {
	node *tree.Node
	pos  tree.Position
	life int // unasked, asked or answered
	true bool
}

const (
	unasked = iota
	asked
	answered
)

// maxConditions bounds how deep conditions are made of each other.
const maxConditions = 200

func (l *loader) readConditions(section *tree.Node) {
	if section == nil {
		return
	}
	for _, member := range section.Members {
		l.stack.conditions[member.Name] = &condition{node: member.Value, pos: member.Pos}
	}
	for _, member := range section.Members {
		e := l.evaluator()
		e.condition(tree.Text(member.Pos, member.Name))
	}
}

// condition is whether a condition holds, by its name.
func (e *evaluator) condition(name *tree.Node) bool {
	if !name.Is(tree.String, tree.Number, tree.Bool) {
		e.fault(name.Pos, "the name of a condition is %s, expected a string", name.Kind)
		return false
	}
	c := e.stack.conditions[name.Text]
	switch {
	case c == nil:
		e.fault(name.Pos, "the template has no condition %s%s", quote(name.Text),
			expected(name.Text, keys(e.stack.conditions)))
		return false
	case c.life == asked:
		circle := append(slices.Clone(e.path[slices.Index(e.path, name.Text):]), name.Text)
		e.fault(c.pos, "conditions are made of each other in a circle: %s", strings.Join(circle, " of "))
		return false
	case c.life == unasked && len(e.path) > maxConditions:
		e.fault(c.pos, "conditions are made of each other more than %d deep", maxConditions)
		c.life = answered
		return false
	case c.life == unasked:
		c.life = asked
		inner := e.stack.evaluator(e.known, e.faults)
		inner.inCondition = true
		inner.work, inner.path = e.work, append(e.path, name.Text)
		c.true = inner.test(c.node)
		c.life = answered
	}
	return c.true
}

// test works out what stands in a condition.
func (e *evaluator) test(n *tree.Node) bool {
	member, ok := n.Only()
	if !ok {
		if n.Is(tree.Bool) {
			return n.Text == "true"
		}
		e.fault(n.Pos, "a condition is %s, expected one of %s", n.Kind, list(conditionFunctions, "or"))
		return false
	}
	// And and Or take two to ten conditions (AWS CloudFormation User Guide, "Condition functions").
	const most = 10
	switch value := member.Value; member.Name {
	case "Condition":
		return e.condition(value)
	case "Fn::Not":
		if e.arguments(member, 1, 1) {
			return !e.test(value.Items[0])
		}
	case "Fn::And", "Fn::Or":
		if e.arguments(member, 2, most) {
			found := member.Name == "Fn::And"
			for _, item := range value.Items {
				if result := e.test(item); member.Name == "Fn::And" {
					found = found && result
				} else {
					found = found || result
				}
			}
			return found
		}
	case "Fn::Equals":
		if e.arguments(member, 2, 2) {
			return e.equal(e.eval(value.Items[0]), e.eval(value.Items[1]))
		}
	default:
		e.fault(n.Pos, "%s stands in a condition, expected one of %s", member.Name, list(conditionFunctions, "or"))
	}
	return false
}

var conditionFunctions = []string{"Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition"}

// equal compares values. A number and a string of the same text are the same, as are true and "true".
func (e *evaluator) equal(a, b *tree.Node) bool {
	switch {
	case a != nil && !e.spend(a.Pos, 0):
		return false
	case a == nil || b == nil:
		return a == b
	case a.Is(tree.List) && b.Is(tree.List) && len(a.Items) == len(b.Items):
		for i := range a.Items {
			if !e.equal(a.Items[i], b.Items[i]) {
				return false
			}
		}
		return true
	case a.Is(tree.Map) && b.Is(tree.Map) && len(a.Members) == len(b.Members):
		for _, member := range a.Members {
			if !e.spend(a.Pos, len(b.Members)) {
				return false
			}
			if other := b.Get(member.Name); other == nil || !e.equal(member.Value, other) {
				return false
			}
		}
		return true
	}
	return !a.Is(tree.List, tree.Map) && !b.Is(tree.List, tree.Map) && a.Text == b.Text
}
