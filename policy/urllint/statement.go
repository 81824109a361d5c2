package urllint

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/policy"
)

// statement is a statement with its place, and with what it seems to mean where something in it is misspelled: a rule
// is about one fault, and not about what follows from another.
type statement struct {
	policy.Statement
	ref            policy.Ref
	meantActions   []string
	meantResources []string
	keys           []*key // of the conditions, as they are meant; nil for a key that nobody knows
	spoken         []bool // conditions that a finding is about already
	version2012    bool
	twin           string // an earlier statement of the document that says the same
}

func newStatement(s policy.Statement, ref policy.Ref) *statement {
	l := &statement{Statement: s, ref: ref, version2012: ref.Document.Version() == "2012-10-17"}
	for _, action := range s.Actions {
		l.meantActions = append(l.meantActions, meantAction(action))
	}
	for _, r := range s.Resources {
		l.meantResources = append(l.meantResources, meantResource(r))
	}
	for _, c := range s.Conditions {
		l.keys = append(l.keys, meantKey(c.Key))
	}
	l.spoken = make([]bool, len(s.Conditions))
	return l
}

// covers reports whether the statement covers the action as it is meant.
func (s *statement) covers(action string) bool {
	return slices.ContainsFunc(s.meantActions, func(pattern string) bool {
		return policy.MatchAction(pattern, action)
	}) != s.NotAction
}

// names reports whether the statement covers the action by intent: not through an Action of * or lambda:*, which is
// about everything else as well.
func (s *statement) names(action string) bool {
	return !s.NotAction && slices.ContainsFunc(s.meantActions, func(pattern string) bool {
		service, name, _ := strings.Cut(pattern, ":")
		return service != "*" && name != "*" && policy.MatchAction(pattern, action)
	})
}

// forFunctions reports whether the statement is about invoking functions, among other things perhaps.
func (s *statement) forFunctions() bool {
	return s.ref.Document.Kind() != policy.Trust &&
		(s.names(actionInvokeURL) || s.names(actionInvoke) || s.demandsBoth() || s.opensFunctions())
}

// demandsOne reports whether the statement demands the key of one of the two actions.
func (s *statement) demandsOne() bool { return s.demands(keyAuthType) || s.demands(keyViaURL) }

// demandsBoth reports whether the statement demands the keys of both actions of a function URL, whatever its actions.
func (s *statement) demandsBoth() bool { return s.demands(keyAuthType) && s.demands(keyViaURL) }

// opensFunctions reports whether the statement covers an action of function URLs among others, on functions.
func (s *statement) opensFunctions() bool {
	return (s.covers(actionInvokeURL) || s.covers(actionInvoke)) &&
		(s.NotResource || slices.ContainsFunc(s.meantResources, func(r string) bool {
			return r == "*" || strings.Contains(r, ":lambda:")
		}))
}

// demands reports whether a condition fails for a request without the key.
func (s *statement) demands(name string) bool {
	for i, k := range s.keys {
		if k.is(name) && !s.Conditions[i].Holds(nil) {
			return true
		}
	}
	return false
}

// possible reports whether the keys that the statement demands allow a call of a function URL to match for the action.
// AWS Lambda Developer Guide, "Control access to Lambda function URLs": each action comes with one of the keys.
func (s *statement) possible(action string) bool {
	if action == actionInvoke {
		return !s.demands(keyAuthType)
	}
	return !s.demands(keyViaURL)
}

// actions are those of the two actions that the statement covers.
func (s *statement) actions() (list []string) {
	for _, action := range []string{actionInvokeURL, actionInvoke} {
		if s.covers(action) {
			list = append(list, action)
		}
	}
	return list
}

// ownsIdentity reports whether the statement is for the principal that its policy is attached to.
func (s *statement) ownsIdentity() bool { return s.ref.Type == policy.IdentityBased }

func (s *statement) everyone() bool {
	return !s.NotPrincipal && (slices.Contains(s.Principals, "*") || slices.Contains(s.Principals, "AWS:*"))
}

func (s *statement) services() (names []string) {
	for _, principal := range s.Principals {
		if name, ok := strings.CutPrefix(principal, "Service:"); ok {
			names = append(names, name)
		}
	}
	return names
}

// namesCallers reports whether all callers that the statement is about are users and roles that it names or belongs to.
func (s *statement) namesCallers() bool {
	return !s.everyone() && !s.NotPrincipal && len(s.services()) == 0
}

func (s *statement) includes(grantee string) bool {
	return s.ownsIdentity() || s.everyone() || slices.Contains(s.Principals, grantee)
}

// includesPattern reports whether everything the pattern stands for is covered, as far as that is plain to see.
func (s *statement) includesPattern(pattern string) bool {
	return !s.NotResource && (slices.Contains(s.meantResources, pattern) || s.CoversResource(pattern))
}

// isPublic reports whether the statement is for a URL that is open to everyone on purpose.
func (s *statement) isPublic() bool {
	for i, k := range s.keys {
		if c := s.Conditions[i]; k.is(keyAuthType) && !c.Holds(nil) && c.Holds(policy.Values{keyAuthType: {"NONE"}}) {
			return true
		}
	}
	return false
}

// limitsCallers reports whether a condition tells some callers from others, or will with its own fix made. That a
// request came through a function URL limits nobody, but the grant of the other action that goes with it does or is
// reported itself.
func (s *statement) limitsCallers() bool {
	if s.isPublic() || s.demands(keyViaURL) {
		return true
	}
	for i, k := range s.keys {
		if k != nil && k.ofCaller && (s.spoken[i] || !s.Conditions[i].Holds(nil) && !isWide(s.Conditions[i])) {
			return true
		}
	}
	return false
}

// takesAll reports whether a condition accepts, or refuses if it is negated, every value.
func takesAll(c policy.Condition) bool {
	return slices.ContainsFunc(c.Values, func(v string) bool {
		prefix, err := netip.ParsePrefix(v)
		return err == nil && prefix.Bits() == 0 && prefix.Addr().Is4() || v == "*" && operatorOf(c).wildcards()
	})
}

// isWide reports whether a condition accepts values of every caller there is: *, every address, ARNs of any account, or
// that there is a value.
func isWide(c policy.Condition) bool {
	return operatorOf(c).base == "Null" || slices.ContainsFunc(c.Values, func(v string) bool {
		if prefix, err := netip.ParsePrefix(v); err == nil {
			return prefix.Bits() == 0
		}
		if parts := strings.SplitN(v, ":", 6); len(parts) == 6 {
			v = parts[4]
		}
		return operatorOf(c).wildcards() && strings.Contains(v, "*") && strings.Trim(v, "*?:o-") == ""
	})
}

// outcome is what a condition comes to for the calls of function URLs.
type outcome uint8

const (
	depends outcome = iota // on the call
	never                  // met
	always                 // met
)

// outcomeOf is what condition i comes to for calls that ask for the action. A condition whose key is misspelled, or
// about which a finding has been made, counts as one that depends on the call.
func (l *linter) outcomeOf(s *statement, i int, action string) outcome {
	k, c := s.keys[i], s.Conditions[i]
	if k == nil || s.spoken[i] {
		return depends
	}
	var met, failed bool
	try := func(ctx policy.Values) {
		if c.Holds(ctx) {
			met = true
		} else {
			failed = true
		}
	}
	present := s.presence(k, action)
	if present != always {
		try(nil)
	}
	switch values := l.values(s, k); {
	case present == never:
	case values != nil:
		for _, v := range values {
			try(policy.Values{c.Key: {v}})
		}
	case operatorOf(c).base == "Null" || takesAll(c):
		try(policy.Values{c.Key: {map[valueType]string{address: "192.0.2.1", arn: "arn:aws:iam::1:x"}[k.of]}})
	default:
		return depends
	}
	switch {
	case !failed:
		return always
	case !met:
		return never
	default:
		return depends
	}
}

// presence says when calls that ask for the action have the key.
func (s *statement) presence(k *key, action string) outcome {
	switch k.in {
	case inEvery:
		return always
	case inNone:
		return never
	case inNamed:
		if s.namesCallers() {
			return always
		}
	case inService:
		if s.namesCallers() {
			return never
		}
	case inURL, inInvoke:
		if (k.in == inURL) == (action == actionInvokeURL) {
			return always
		}
		return never
	}
	return depends
}

// values are all values that a call of a function URL can have for the key; nil if there is no telling.
func (l *linter) values(s *statement, k *key) []string {
	const end = 253402300799 // of the year 9999
	switch {
	case k.is(keyAuthType) && s.everyone():
		return []string{"NONE", "AWS_IAM"}
	case k.is(keyAuthType):
		return []string{"AWS_IAM"} // a URL of auth type NONE does not ask who calls
	case k.is("aws:CurrentTime"):
		return []string{l.now.UTC().Format(time.RFC3339), time.Unix(end, 0).UTC().Format(time.RFC3339)}
	case k.is("aws:EpochTime"):
		return []string{strconv.FormatInt(l.now.Unix(), 10), strconv.Itoa(end)}
	case k.is("aws:PrincipalIsAWSService") && !s.namesCallers():
		return []string{"true", "false"}
	}
	return k.values
}
