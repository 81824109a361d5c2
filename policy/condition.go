package policy

import "slices"

// condition is one key of one operator of a Condition element, compiled.
type condition struct {
	name       string // the operator as written
	key        string // the condition key as written
	lookup     string // the same as AWS spells it
	values     []string
	quantifier quantifier
	ifExists   bool
	negated    bool
	// multivalued is whether the key may have several values.
	multivalued bool
	null        []bool  // of a Null operator: whether the key is to be absent
	test        matcher // nil for a Null operator
}

// matcher compares a value of the request with all values of a condition.
type matcher interface {
	// matches reports whether v stands in the operator's relation to any of the condition's values. A value that is
	// not of the operator's type matches nothing.
	matches(v string, ctx Context) bool
	// negates reports whether the negated operator holds for v where the plain one does not. For what is no address or
	// ARN, neither holds.
	negates(v string) bool
}

// holds evaluates the condition. Negation is logical: a negated operator holds where the plain one does not, which
// gives AWS's rules that a negated operator holds for an absent key and against an unset policy variable. A value that
// is an empty string is a value. IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued
// context keys", and recorded (TestConditionsAsRecorded).
func (c *condition) holds(ctx Context) bool {
	values := lookup(ctx, c.lookup)
	if c.test == nil {
		return slices.Contains(c.null, len(values) == 0)
	}
	if c.quantifier == single {
		switch len(values) {
		case 0:
			return c.ifExists || c.negated
		case 1: // a key that may have several values needs a quantifier, even where it has one
			return !c.multivalued && c.accepts(values[0], ctx)
		}
		return false
	}
	all := c.quantifier == forAll
	for _, v := range values {
		if c.accepts(v, ctx) != all {
			return !all
		}
	}
	return all || len(values) == 0 && c.ifExists
}

// accepts reports whether a value stands in the operator's relation to those of the condition.
func (c *condition) accepts(v string, ctx Context) bool {
	if c.negated {
		return c.test.negates(v) && !c.test.matches(v, ctx)
	}
	return c.test.matches(v, ctx)
}
