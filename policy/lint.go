package policy

import (
	"slices"
	"strings"
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
	// SeverityError: the document, or part of it, can not do what it is written for.
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
	Ref
	Rule     Rule
	Severity Severity
	Message  string // what is wrong, and why AWS behaves so
	Fix      string // what to write instead
}

// Lint checks documents for what goes wrong with function URLs. Documents given together are taken to apply together:
// the second action may be granted by another one of them. Findings are in the order of the documents and statements.
func Lint(docs ...Named) []Finding {
	l := linter{}
	l.statements(docs, func(s *statement, _ Ref) { l.all = append(l.all, s) })
	l.statements(docs, func(s *statement, ref Ref) { l.check(s, ref) })
	return l.findings
}

type linter struct {
	all      []*statement
	findings []Finding
}

func (l *linter) statements(docs []Named, visit func(*statement, Ref)) {
	for _, named := range docs {
		if named.Document == nil {
			continue
		}
		t := IdentityBased
		if named.Document.kind != Identity {
			t = ResourceBased
		}
		for i := range named.Document.statements {
			s := &named.Document.statements[i]
			visit(s, Ref{Type: t, Policy: named.Name, Document: named.Document, Statement: i, Effect: s.effect})
		}
	}
}

func (l *linter) add(ref Ref, rule Rule, severity Severity, message, fix string) {
	l.findings = append(l.findings, Finding{Ref: ref, Rule: rule, Severity: severity, Message: message, Fix: fix})
}

func (l *linter) check(s *statement, ref Ref) {
	url, invoke := s.names(actionInvokeURL), s.names(actionInvoke)
	if !url && !invoke && !s.demandsBoth() {
		if s.effect == Allowed && s.opensFunctions() {
			l.checkQualified(s, ref)
			l.checkPublic(s, ref)
		}
		return
	}
	l.checkAuthType(s, ref)
	forURLs := url || s.demands(keyAuthType) != nil || s.demands(keyViaURL) != nil // else it may be for Invoke alone
	if why := s.impossible(url, invoke); forURLs && why != "" {
		l.add(ref, RuleNeverMatches, SeverityError,
			"the statement never matches a call of a function URL: "+why,
			"use two statements: "+actionInvokeURL+" with "+keyAuthType+", and "+actionInvoke+" with "+keyViaURL)
		return
	}
	if s.effect != Allowed {
		return
	}
	l.checkPair(s, ref, url, invoke)
	l.checkQualified(s, ref)
	l.checkDirect(s, ref, invoke)
	l.checkPrincipals(s, ref, url)
}

// names reports whether the statement covers the action by intent: not through an Action of * or lambda:*, which is
// about everything else as well.
func (s *statement) names(action string) bool {
	if s.actions.not {
		return false
	}
	service, name, _ := strings.Cut(action, ":")
	c := call{service: service, name: name}
	for i := range s.actions.groups {
		g := &s.actions.groups[i]
		one := actions{groups: []actionGroup{*g}}
		one.groups[0].globs = slices.DeleteFunc(slices.Clone(g.globs), func(glob pattern) bool { return glob.text == "\xff" })
		if g.service != "*" && one.list(&c) {
			return true
		}
	}
	return false
}

// covers reports whether the statement covers the action in any way.
func (s *statement) covers(action string) bool {
	service, name, _ := strings.Cut(action, ":")
	return s.actions.cover(&call{service: service, name: name})
}

// opensFunctions reports whether the statement covers an action of function URLs among others, on functions.
func (s *statement) opensFunctions() bool {
	return (s.covers(actionInvokeURL) || s.covers(actionInvoke)) &&
		(s.resources.any || s.resources.not || slices.ContainsFunc(s.resources.written, func(r string) bool {
			return strings.Contains(r, ":lambda:")
		}))
}

// demands returns the condition that fails for a request without the key, or nil.
func (s *statement) demands(key string) *condition {
	for i := range s.conditions {
		if c := &s.conditions[i]; equalFold(c.lookup, key) && !c.holds(nil) {
			return c
		}
	}
	return nil
}

// demandsBoth reports whether the statement demands the keys of both actions of a function URL, whatever its actions.
func (s *statement) demandsBoth() bool {
	return s.demands(keyAuthType) != nil && s.demands(keyViaURL) != nil
}

// possible reports whether a call of a function URL can have all keys that the statement demands for the action.
// AWS Lambda Developer Guide, "Control access to Lambda function URLs": each action comes with one of the keys.
func (s *statement) possible(action string) bool {
	other := keyViaURL
	if action == actionInvoke {
		other = keyAuthType
	}
	return s.demands(other) == nil && s.absentKey() == ""
}

// absentKey returns a key that the statement demands and that no call of a function URL by its principals has.
func (s *statement) absentKey() string {
	for _, key := range []string{"aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn", "aws:VpcSourceIp"} {
		if s.demands(key) != nil {
			return key
		}
	}
	if s.principals == nil || len(s.principals.services) == 0 && !s.principals.everyone && !s.principals.not {
		for _, key := range []string{"aws:SourceArn", "aws:SourceAccount"} {
			if s.demands(key) != nil {
				return key
			}
		}
	}
	return ""
}

// impossible says why the statement can not match for any of the actions it names; "" if it can.
func (s *statement) impossible(url, invoke bool) string {
	if url && s.possible(actionInvokeURL) || invoke && s.possible(actionInvoke) {
		return ""
	}
	switch key := s.absentKey(); {
	case strings.HasPrefix(key, "aws:Source") && !strings.HasPrefix(key, "aws:SourceVpc"):
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

func (l *linter) checkAuthType(s *statement, ref Ref) {
	for i := range s.conditions {
		c := &s.conditions[i]
		if _, ok := c.test.(equalMatcher); !ok || c.lookup != keyAuthType {
			continue
		}
		for _, v := range c.values {
			if v != "NONE" && v != "AWS_IAM" {
				l.add(ref, RuleAuthType, SeverityError, keyAuthType+" is NONE or AWS_IAM, never "+quote(v), "write NONE or AWS_IAM")
			}
		}
	}
}

// checkPair looks for the second action of what the statement grants.
func (l *linter) checkPair(s *statement, ref Ref, url, invoke bool) {
	switch {
	case url && s.possible(actionInvokeURL) && !l.granted(s, actionInvoke):
		l.add(ref, RuleMissingAction, SeverityError,
			actionInvokeURL+" is granted without "+actionInvoke+" for the same principals and functions; a call of a function URL needs both",
			"add a statement that allows "+actionInvoke+" on the same resource, with the condition "+viaURLCondition)
	case invoke && s.demands(keyViaURL) != nil && !l.granted(s, actionInvokeURL):
		l.add(ref, RuleMissingAction, SeverityError,
			actionInvoke+" is granted for function URLs without "+actionInvokeURL+" for the same principals and functions; a call needs both",
			"add a statement that allows "+actionInvokeURL+` on the same resource, with the condition {"StringEquals":{"`+keyAuthType+`":"AWS_IAM"}}`)
	}
}

const viaURLCondition = `{"Bool":{"` + keyViaURL + `":"true"}}`

// granted reports whether the action is allowed for all principals and resources of s, by any statements.
func (l *linter) granted(s *statement, action string) bool {
	for _, p := range s.grantees() {
		for _, r := range s.resources.written {
			if !slices.ContainsFunc(l.all, func(t *statement) bool {
				return t.effect == Allowed && t.covers(action) && t.possible(action) && t.includes(p) && t.resources.includesPattern(r)
			}) {
				return false
			}
		}
	}
	return true
}

// grantees lists the principals as written, "" for the owner of an identity-based policy.
func (s *statement) grantees() []string {
	if s.principals == nil {
		return []string{""}
	}
	return s.principals.written
}

func (s *statement) includes(grantee string) bool {
	return s.principals == nil || s.principals.everyone || slices.Contains(s.principals.written, grantee)
}

// includesPattern reports whether everything the pattern stands for is covered, as far as that is plain to see.
func (r *resources) includesPattern(pattern string) bool {
	return !r.not && (slices.Contains(r.written, pattern) || r.includes(&call{resource: pattern}))
}

func (l *linter) checkQualified(s *statement, ref Ref) {
	for _, r := range s.resources.written {
		bare, ok := strings.CutSuffix(r, ":*")
		if !ok {
			bare, ok = strings.CutSuffix(r, ":$LATEST")
		}
		if !ok || s.resources.not || strings.Count(bare, ":") != 6 || !strings.Contains(bare, ":function:") || s.resources.includesPattern(bare) {
			continue
		}
		l.add(ref, RuleQualifiedOnly, SeverityWarning,
			quote(r)+" covers qualified names of the function only, not the function itself, to which a URL without qualifier belongs",
			"list "+quote(bare)+" too")
	}
}

func (l *linter) checkDirect(s *statement, ref Ref, invoke bool) {
	if !invoke || !s.possible(actionInvoke) || s.demands(keyViaURL) != nil || !slices.ContainsFunc(l.all, func(t *statement) bool { return t.effect == Allowed && t.names(actionInvokeURL) }) {
		return
	}
	l.add(ref, RuleDirectInvoke, SeverityWarning,
		actionInvoke+" without "+keyViaURL+" also allows the function to be invoked directly, past its URL",
		"add the condition "+viaURLCondition+" unless that is meant")
}

func (l *linter) checkPrincipals(s *statement, ref Ref, url bool) {
	if s.principals == nil {
		return
	}
	l.checkPublic(s, ref)
	if !url && s.demands(keyViaURL) == nil {
		return
	}
	for _, service := range s.principals.services {
		switch service {
		case "cloudfront.amazonaws.com": // signs with an origin access control
		case "lambda.amazonaws.com":
			l.add(ref, RuleServiceNeverSigns, SeverityError,
				"lambda.amazonaws.com is the Lambda service, not a function: a function calls with its execution role",
				"name the execution role of the calling function, {\"AWS\":\"arn:aws:iam::ACCOUNT:role/NAME\"}")
		default:
			l.add(ref, RuleServiceNeverSigns, SeverityError,
				service+" does not send signed requests to function URLs; of the services only cloudfront.amazonaws.com does, with an origin access control",
				"name the user or role that calls")
		}
	}
}

func (l *linter) checkPublic(s *statement, ref Ref) {
	if s.principals == nil || !s.principals.everyone || len(s.conditions) > 0 {
		return
	}
	l.add(ref, RulePublic, SeverityWarning,
		"Principal * without a condition lets anyone in, of any account and unsigned",
		"name the principal, or add a condition such as {\"StringEquals\":{\""+keyAuthType+"\":\"NONE\"}} if the URL is public on purpose")
}
