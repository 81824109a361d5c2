// Package urllint finds what is likely wrong with IAM policies for Lambda function URLs before it denies anything: one
// of the two actions that a call needs, conditions that no call fulfils, a grant on versions only, a grant to everyone.
//
// Package policy has the language itself; this package has the advice that knows function URLs. A document without
// findings may still deny: whether a request is allowed is for [policy.Evaluate] to say.
package urllint

import (
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// The two actions of a function URL and the condition key that comes with each (AWS Lambda Developer Guide, "Control
// access to Lambda function URLs").
const (
	actionInvokeURL = "lambda:InvokeFunctionUrl"
	actionInvoke    = "lambda:InvokeFunction"
	keyAuthType     = "lambda:FunctionUrlAuthType"
	keyViaURL       = "lambda:InvokedViaFunctionUrl"
)

// Rule is the id of a lint rule. Ids never change their meaning.
type Rule string

// The rules, all about function URLs.
const (
	// RuleMissingAction: one of the two actions of a function URL is granted, the other is not. Since October 2025 a
	// call needs both.
	RuleMissingAction Rule = "missing-action"
	// RuleNeverMatches: a statement's conditions ask for keys that none of its function URL actions has, such as both
	// lambda:FunctionUrlAuthType and lambda:InvokedViaFunctionUrl in one statement.
	RuleNeverMatches Rule = "never-matches"
	// RuleQualifiedOnly: function:name:* and function:name:$LATEST do not cover the function itself.
	RuleQualifiedOnly Rule = "qualified-only"
	// RuleDirectInvoke: lambda:InvokeFunction without lambda:InvokedViaFunctionUrl also allows the Invoke API.
	RuleDirectInvoke Rule = "direct-invoke"
	// RulePublic: anyone may call, without any condition.
	RulePublic Rule = "public"
	// RuleServiceNeverSigns: the grant is to a service that never sends signed requests to function URLs.
	RuleServiceNeverSigns Rule = "service-never-signs"
	// RuleAuthType: lambda:FunctionUrlAuthType is compared with something other than NONE and AWS_IAM.
	RuleAuthType Rule = "auth-type"
)

// Severity says how sure a rule is that something is wrong.
type Severity int

const (
	// SeverityWarning: the document works, perhaps for more callers than meant.
	SeverityWarning Severity = iota
	// SeverityError: the document, or part of it, cannot do what it is written for.
	SeverityError
)

// String returns "warning" or "error".
func (s Severity) String() string {
	if s == SeverityError {
		return "error"
	}
	return "warning"
}

// Finding is something a rule has to say about a statement.
type Finding struct {
	policy.Ref
	Rule     Rule
	Severity Severity
	Message  string // what is wrong, and why AWS behaves so
	Fix      string // what to write instead
}

// Lint checks documents for what goes wrong with function URLs. Documents given together are taken to apply together:
// another one of them may grant the second action. Findings are in the order of the documents and statements.
func Lint(docs ...policy.Named) []Finding {
	var l linter
	for _, named := range docs {
		l.read(named)
	}
	for i := range l.all {
		l.check(&l.all[i])
	}
	return l.findings
}

type linter struct {
	all      []statement
	findings []Finding
}

// statement is a statement with its place.
type statement struct {
	policy.Statement
	ref policy.Ref
}

func (l *linter) read(named policy.Named) {
	if named.Document == nil {
		return
	}
	t := policy.IdentityBased
	if named.Document.Kind() != policy.Identity {
		t = policy.ResourceBased
	}
	for i, s := range named.Document.Statements() {
		ref := policy.Ref{Type: t, Policy: named.Name, Document: named.Document, Statement: i, Effect: s.Effect}
		l.all = append(l.all, statement{s, ref})
	}
}

func (l *linter) add(s *statement, rule Rule, severity Severity, message, fix string) {
	l.findings = append(l.findings, Finding{Ref: s.ref, Rule: rule, Severity: severity, Message: message, Fix: fix})
}

func (l *linter) check(s *statement) {
	url, invoke := s.names(actionInvokeURL), s.names(actionInvoke)
	if !url && !invoke && !s.demandsBoth() {
		if s.Effect == policy.Allowed && s.opensFunctions() {
			l.checkQualified(s)
			l.checkPublic(s)
		}
		return
	}
	l.checkAuthType(s)
	forURLs := url || s.demands(keyAuthType) || s.demands(keyViaURL) // else it may be for Invoke alone
	if why := s.impossible(url, invoke); forURLs && why != "" {
		l.add(s, RuleNeverMatches, SeverityError,
			"the statement never matches a call of a function URL: "+why,
			"use two statements: "+actionInvokeURL+" with "+keyAuthType+", and "+actionInvoke+" with "+keyViaURL)
		return
	}
	if s.Effect != policy.Allowed {
		return
	}
	l.checkPair(s, url, invoke)
	l.checkQualified(s)
	l.checkDirect(s, invoke)
	l.checkPrincipals(s, url)
}

// names reports whether the statement covers the action by intent: not through an Action of * or lambda:*, which is
// about everything else as well.
func (s *statement) names(action string) bool {
	return !s.NotAction && slices.ContainsFunc(s.Actions, func(pattern string) bool {
		service, name, _ := strings.Cut(pattern, ":")
		return service != "*" && name != "*" && policy.MatchAction(pattern, action)
	})
}

// opensFunctions reports whether the statement covers an action of function URLs among others, on functions.
func (s *statement) opensFunctions() bool {
	return (s.CoversAction(actionInvokeURL) || s.CoversAction(actionInvoke)) &&
		(s.NotResource || slices.ContainsFunc(s.Resources, func(r string) bool {
			return r == "*" || strings.Contains(r, ":lambda:")
		}))
}

// demands reports whether a condition fails for a request without the key.
func (s *statement) demands(key string) bool {
	return slices.ContainsFunc(s.Conditions, func(c policy.Condition) bool {
		return strings.EqualFold(c.Key, key) && !c.Holds(nil)
	})
}

// demandsBoth reports whether the statement demands the keys of both actions of a function URL, whatever its actions.
func (s *statement) demandsBoth() bool {
	return s.demands(keyAuthType) && s.demands(keyViaURL)
}

// possible reports whether a call of a function URL can have all keys that the statement demands for the action.
// AWS Lambda Developer Guide, "Control access to Lambda function URLs": each action comes with one of the keys.
func (s *statement) possible(action string) bool {
	other := keyViaURL
	if action == actionInvoke {
		other = keyAuthType
	}
	return !s.demands(other) && s.absentKey() == ""
}

// absentKey returns a key that the statement demands and that no call of a function URL by its principals has.
func (s *statement) absentKey() string {
	keys := []string{"aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn", "aws:VpcSourceIp"}
	if len(s.services()) == 0 && !s.everyone() && !s.NotPrincipal {
		keys = append(keys, "aws:SourceArn", "aws:SourceAccount")
	}
	if i := slices.IndexFunc(keys, s.demands); i >= 0 {
		return keys[i]
	}
	return ""
}

// impossible says why the statement cannot match for any of the actions it names; "" if it can.
func (s *statement) impossible(url, invoke bool) string {
	if url && s.possible(actionInvokeURL) || invoke && s.possible(actionInvoke) {
		return ""
	}
	switch key := s.absentKey(); {
	case key == "aws:SourceArn", key == "aws:SourceAccount":
		return "requests of users and roles have no " + key + "; only those a service makes for a resource have"
	case key != "":
		return "function URLs are reached through the internet only, so no request has " + key
	case s.demandsBoth():
		return keyAuthType + " comes with " + actionInvokeURL + " only and " + keyViaURL + " with " + actionInvoke + " only"
	case url:
		return actionInvokeURL + " does not come with " + keyViaURL
	default:
		return actionInvoke + " does not come with " + keyAuthType
	}
}

func (l *linter) checkAuthType(s *statement) {
	for _, c := range s.Conditions {
		if !isEquality(c.Operator) || !strings.EqualFold(c.Key, keyAuthType) {
			continue
		}
		for _, v := range c.Values {
			if v != "NONE" && v != "AWS_IAM" {
				l.add(s, RuleAuthType, SeverityError,
					keyAuthType+" is NONE or AWS_IAM, never "+strconv.Quote(v), "write NONE or AWS_IAM")
			}
		}
	}
}

// isEquality reports whether an operator compares texts as they are: StringEquals, ForAnyValue:StringNotEqualsIfExists.
func isEquality(operator string) bool {
	operator = strings.TrimSuffix(operator[strings.IndexByte(operator, ':')+1:], "IfExists")
	return operator == "StringEquals" || operator == "StringNotEquals"
}

// checkPair looks for the second action of what the statement grants.
func (l *linter) checkPair(s *statement, url, invoke bool) {
	switch {
	case url && s.possible(actionInvokeURL) && !l.granted(s, actionInvoke):
		l.add(s, RuleMissingAction, SeverityError,
			actionInvokeURL+" is granted without "+actionInvoke+" for the same principals and functions; "+
				"a call of a function URL needs both",
			"add a statement that allows "+actionInvoke+" on the same resource, with the condition "+viaURLCondition)
	case invoke && s.demands(keyViaURL) && !l.granted(s, actionInvokeURL):
		l.add(s, RuleMissingAction, SeverityError,
			actionInvoke+" is granted for function URLs without "+actionInvokeURL+" for the same principals and functions; "+
				"a call needs both",
			"add a statement that allows "+actionInvokeURL+" on the same resource, with the condition "+
				`{"StringEquals":{"`+keyAuthType+`":"AWS_IAM"}}`)
	}
}

const viaURLCondition = `{"Bool":{"` + keyViaURL + `":"true"}}`

// granted reports whether the action is allowed for all principals and resources of s, by any statements.
func (l *linter) granted(s *statement, action string) bool {
	grantees := s.Principals
	if s.ownsIdentity() {
		grantees = []string{""} // the owner of the policy
	}
	for _, p := range grantees {
		for _, r := range s.Resources {
			if !slices.ContainsFunc(l.all, func(t statement) bool {
				return t.Effect == policy.Allowed && t.CoversAction(action) && t.possible(action) &&
					t.includes(p) && t.includesPattern(r)
			}) {
				return false
			}
		}
	}
	return true
}

// ownsIdentity reports whether the statement is for the principal that its policy is attached to.
func (s *statement) ownsIdentity() bool { return s.ref.Type == policy.IdentityBased }

func (s *statement) everyone() bool {
	return slices.Contains(s.Principals, "*") || slices.Contains(s.Principals, "AWS:*")
}

func (s *statement) services() (names []string) {
	for _, principal := range s.Principals {
		if name, ok := strings.CutPrefix(principal, "Service:"); ok {
			names = append(names, name)
		}
	}
	return names
}

func (s *statement) includes(grantee string) bool {
	return s.ownsIdentity() || s.everyone() || slices.Contains(s.Principals, grantee)
}

// includesPattern reports whether everything the pattern stands for is covered, as far as that is plain to see.
func (s *statement) includesPattern(pattern string) bool {
	return !s.NotResource && (slices.Contains(s.Resources, pattern) || s.CoversResource(pattern))
}

func (l *linter) checkQualified(s *statement) {
	for _, r := range s.Resources {
		bare, ok := strings.CutSuffix(r, ":*")
		if !ok {
			bare, ok = strings.CutSuffix(r, ":$LATEST")
		}
		if !ok || s.NotResource || strings.Count(bare, ":") != 6 || !strings.Contains(bare, ":function:") ||
			s.includesPattern(bare) {
			continue
		}
		l.add(s, RuleQualifiedOnly, SeverityWarning,
			strconv.Quote(r)+" covers qualified names of the function only, not the function itself, "+
				"to which a URL without qualifier belongs",
			"list "+strconv.Quote(bare)+" too")
	}
}

func (l *linter) checkDirect(s *statement, invoke bool) {
	grantsURL := func(t statement) bool { return t.Effect == policy.Allowed && t.names(actionInvokeURL) }
	if !invoke || !s.possible(actionInvoke) || s.demands(keyViaURL) || !slices.ContainsFunc(l.all, grantsURL) {
		return
	}
	l.add(s, RuleDirectInvoke, SeverityWarning,
		actionInvoke+" without "+keyViaURL+" also allows the function to be invoked directly, past its URL",
		"add the condition "+viaURLCondition+" unless that is meant")
}

func (l *linter) checkPrincipals(s *statement, url bool) {
	l.checkPublic(s)
	if !url && !s.demands(keyViaURL) {
		return
	}
	for _, service := range s.services() {
		switch service {
		case "cloudfront.amazonaws.com": // signs with an origin access control
		case "lambda.amazonaws.com":
			l.add(s, RuleServiceNeverSigns, SeverityError,
				"lambda.amazonaws.com is the Lambda service, not a function: a function calls with its execution role",
				"name the execution role of the calling function, {\"AWS\":\"arn:aws:iam::ACCOUNT:role/NAME\"}")
		default:
			l.add(s, RuleServiceNeverSigns, SeverityError,
				service+" does not send signed requests to function URLs; of the services only cloudfront.amazonaws.com does, "+
					"with an origin access control",
				"name the user or role that calls")
		}
	}
}

func (l *linter) checkPublic(s *statement) {
	if !s.everyone() || len(s.Conditions) > 0 {
		return
	}
	l.add(s, RulePublic, SeverityWarning,
		"Principal * without a condition lets anyone in, of any account and unsigned",
		`name the principal, or add a condition such as {"StringEquals":{"`+keyAuthType+`":"NONE"}} if the URL is public `+
			"on purpose")
}
