package policy

// condition is one key of one operator of a Condition element, compiled.
type condition struct {
	name       string // the operator as written
	key        string // the condition key as written
	lookup     string // the same as AWS spells it
	values     []string
	quantifier quantifier
	ifExists   bool
	negated    bool
	null       uint8   // of a Null operator: nullAbsent | nullPresent, 0 for others
	test       matcher // nil for a Null operator
}

const (
	nullAbsent  = 1 // Null asks for "true": the key is absent
	nullPresent = 2 // Null asks for "false"
)

// matcher compares a value of the request with all values of a condition.
type matcher interface {
	// matches reports whether v stands in the operator's relation to any of the condition's values. A value that is
	// not of the operator's type matches nothing.
	matches(v string, ctx Context) bool
}

// holds evaluates the condition. Negation is logical: a negated operator holds exactly where the plain one does not,
// which gives AWS's rules that a negated operator holds for an absent key and against an unset policy variable.
// IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
func (c *condition) holds(ctx Context) bool {
	values := lookup(ctx, c.lookup)
	if c.test == nil {
		if len(values) == 0 {
			return c.null&nullAbsent != 0
		}
		return c.null&nullPresent != 0
	}
	if len(values) == 0 && c.ifExists {
		return true
	}
	// "a null data set, such as an empty string" counts as no values to the set operators
	null := len(values) == 0 || len(values) == 1 && values[0] == ""
	switch c.quantifier {
	case forAll:
		if null {
			return true
		}
		for _, v := range values {
			if c.test.matches(v, ctx) == c.negated {
				return false
			}
		}
		return true
	case forAny:
		if null {
			return false
		}
		for _, v := range values {
			if c.test.matches(v, ctx) != c.negated {
				return true
			}
		}
		return false
	default:
		// AWS leaves several values without a quantifier undefined. Any match counts, and negation stays negation.
		for _, v := range values {
			if c.test.matches(v, ctx) {
				return !c.negated
			}
		}
		return c.negated
	}
}
