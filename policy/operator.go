package policy

import "strings"

// relation is the order an operator asks for between the request's value and the policy's: any of its bits.
type relation uint8

const (
	less relation = 1 << iota
	equal
	greater
)

// accepts reports whether a comparison with that result, -1, 0 or 1, satisfies the relation.
func (r relation) accepts(order int) bool { return r&(1<<(order+1)) != 0 }

// operator is a condition operator without its prefix and suffix.
type operator struct {
	// matcher compiles the values of a condition with the operator; nil for Null.
	matcher  func(r relation, values []string, variables bool) (matcher, error)
	relation relation
	negated  bool
}

// operators are all of IAM's (IAM User Guide, "IAM JSON policy elements: Condition operators"). Their names are
// case-sensitive.
var operators = map[string]operator{
	"StringEquals":              {equalText.matcher, equal, false},
	"StringNotEquals":           {equalText.matcher, equal, true},
	"StringEqualsIgnoreCase":    {foldText.matcher, equal, false},
	"StringNotEqualsIgnoreCase": {foldText.matcher, equal, true},
	"StringLike":                {likeText.matcher, equal, false},
	"StringNotLike":             {likeText.matcher, equal, true},
	"NumericEquals":             {numbers.matcher, equal, false},
	"NumericNotEquals":          {numbers.matcher, equal, true},
	"NumericLessThan":           {numbers.matcher, less, false},
	"NumericLessThanEquals":     {numbers.matcher, less | equal, false},
	"NumericGreaterThan":        {numbers.matcher, greater, false},
	"NumericGreaterThanEquals":  {numbers.matcher, greater | equal, false},
	"DateEquals":                {dates.matcher, equal, false},
	"DateNotEquals":             {dates.matcher, equal, true},
	"DateLessThan":              {dates.matcher, less, false},
	"DateLessThanEquals":        {dates.matcher, less | equal, false},
	"DateGreaterThan":           {dates.matcher, greater, false},
	"DateGreaterThanEquals":     {dates.matcher, greater | equal, false},
	"Bool":                      {booleans.matcher, equal, false},
	"BinaryEquals":              {binaries.matcher, equal, false},
	"IpAddress":                 {addresses.matcher, equal, false},
	"NotIpAddress":              {addresses.matcher, equal, true},
	"ArnEquals":                 {arnText.matcher, equal, false},
	"ArnNotEquals":              {arnText.matcher, equal, true},
	"ArnLike":                   {arnText.matcher, equal, false},
	"ArnNotLike":                {arnText.matcher, equal, true},
	"Null":                      {},
}

// quantifier is the prefix of an operator for multivalued keys.
type quantifier uint8

const (
	single quantifier = iota
	forAll
	forAny
)

// parseOperator takes an operator's name apart: ForAllValues:StringLikeIfExists.
func parseOperator(name string) (op operator, q quantifier, ifExists, ok bool) {
	if rest, found := strings.CutPrefix(name, "ForAllValues:"); found {
		name, q = rest, forAll
	} else if rest, found := strings.CutPrefix(name, "ForAnyValue:"); found {
		name, q = rest, forAny
	}
	name, ifExists = strings.CutSuffix(name, "IfExists")
	op, ok = operators[name]
	return op, q, ifExists, ok && (op.matcher != nil || !ifExists && q == single)
}
