package policy

import "strings"

// family is the type of value an operator compares.
type family uint8

const (
	familyNull family = iota
	familyString
	familyFold
	familyLike
	familyNumber
	familyDate
	familyBool
	familyBinary
	familyAddress
	familyARN
)

// relation is the order an operator asks for between the request's value and the policy's.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// operator is a condition operator without its prefix and suffix.
type operator struct {
	family   family
	relation relation
	negated  bool
}

// operators are all of IAM's (IAM User Guide, "IAM JSON policy elements: Condition operators"). Their names are
// case-sensitive.
var operators = map[string]operator{
	"StringEquals":              {family: familyString},
	"StringNotEquals":           {family: familyString, negated: true},
	"StringEqualsIgnoreCase":    {family: familyFold},
	"StringNotEqualsIgnoreCase": {family: familyFold, negated: true},
	"StringLike":                {family: familyLike},
	"StringNotLike":             {family: familyLike, negated: true},
	"NumericEquals":             {family: familyNumber},
	"NumericNotEquals":          {family: familyNumber, negated: true},
	"NumericLessThan":           {family: familyNumber, relation: less},
	"NumericLessThanEquals":     {family: familyNumber, relation: lessOrEqual},
	"NumericGreaterThan":        {family: familyNumber, relation: greater},
	"NumericGreaterThanEquals":  {family: familyNumber, relation: greaterOrEqual},
	"DateEquals":                {family: familyDate},
	"DateNotEquals":             {family: familyDate, negated: true},
	"DateLessThan":              {family: familyDate, relation: less},
	"DateLessThanEquals":        {family: familyDate, relation: lessOrEqual},
	"DateGreaterThan":           {family: familyDate, relation: greater},
	"DateGreaterThanEquals":     {family: familyDate, relation: greaterOrEqual},
	"Bool":                      {family: familyBool},
	"BinaryEquals":              {family: familyBinary},
	"IpAddress":                 {family: familyAddress},
	"NotIpAddress":              {family: familyAddress, negated: true},
	"ArnEquals":                 {family: familyARN},
	"ArnNotEquals":              {family: familyARN, negated: true},
	"ArnLike":                   {family: familyARN},
	"ArnNotLike":                {family: familyARN, negated: true},
	"Null":                      {family: familyNull},
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
	if op.family == familyNull && (ifExists || q != single) {
		ok = false
	}
	return op, q, ifExists, ok
}
