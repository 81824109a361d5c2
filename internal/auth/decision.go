package auth

import (
	"encoding/json"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// DecisionFinding is what the policies said to one action. It keeps none of the policies and none of their owners:
// they are of a world that may have changed when somebody reads it.
type DecisionFinding struct {
	allowed  bool
	summary  trace.Text
	lookedAt trace.Text  // the policies, by name
	allowing trace.Texts // statements that matched and allow, but for the one that the summary names
	denying  trace.Texts // statements that matched and deny, by name
	misses   trace.Texts // statements that nearly allowed
	lack     trace.Text  // the grants that are missing: an explain.Lack as JSON, written in the form that a reader wants
	fix      trace.Texts // what else would help, in sentences
}

// How much a trace keeps of a summary, of a statement's name, of what is said of one that nearly allowed, of the names
// of all policies that were looked at, and of a sentence that says what would help, in bytes.
const (
	maxSummary   = 512
	maxStatement = 256
	maxMiss      = 384
	maxLookedAt  = 768
	maxSentence  = 1 << 10
)

func newDecisionFinding(asked Asked, decision policy.Decision, summary string) *DecisionFinding {
	var room [8]string
	finding := &DecisionFinding{
		allowed: decision.Effect == policy.Allowed, summary: trace.Keep(summary, maxSummary),
		lookedAt: trace.Join(appendNames(room[:0], asked.Sets), ", ", maxLookedAt),
		allowing: trace.KeepAll(maxStatement, explain.Allowing(decision)...),
		denying:  trace.KeepAll(maxStatement, explain.Denying(decision)...),
	}
	if decision.Effect == policy.ImplicitlyDenied {
		misses := policy.NearestMisses(asked.Request, &asked.Sets)
		finding.misses = trace.KeepAll(maxMiss, explain.Misses(misses, asked.showPrincipal)...)
	}
	return finding
}

// URLCall is a call of a function URL as the policies see it.
type URLCall struct {
	Caller    *Caller // nil is anonymous
	Function  lambda.ARN
	Qualifier string // of the URL: "" or the alias
	AuthType  lambda.AuthType
}

func (c URLCall) explained() explain.Call {
	call := explain.Call{Function: c.Function, AuthType: c.AuthType}
	call.Function.Qualifier = c.Qualifier
	if c.Caller != nil {
		call.Principal, call.Boundary = &c.Caller.Principal, c.Caller.boundary()
	}
	return call
}

// NewURLFinding describes a decision on a call of a function URL. For a denial it looks, while everything is at hand,
// for the statements that nearly allowed the action and for what would allow it.
func NewURLFinding(call URLCall, asked Asked, decision policy.Decision) *DecisionFinding {
	explained, action := call.explained(), asked.Request.Action
	finding := newDecisionFinding(asked, decision, explained.Summary(action, decision))
	if finding.allowed {
		return finding
	}
	lack := explained.Lacks(action, decision)
	finding.fix, lack.Sentences = trace.KeepAll(maxSentence, lack.Sentences...), nil
	if text, err := json.Marshal(lack); err == nil && lack.Grantable() { // it consists of names, which always marshal
		finding.lack = trace.Keep(text, trace.MaxText)
	}
	return finding
}

// NewAPIFinding describes the denial of an API call, with the smallest statements that would allow it.
func NewAPIFinding(asked Asked, decision policy.Decision) *DecisionFinding {
	finding := newDecisionFinding(asked, decision, explain.Summary(asked.Request.Action, decision))
	finding.fix = trace.KeepAll(maxSentence, explain.Additions(asked.Request, &asked.Sets)...)
	return finding
}

// Verdict says whether the action is allowed.
func (f *DecisionFinding) Verdict() trace.Verdict {
	if f.allowed {
		return trace.OK
	}
	return trace.Refused
}

// Summary names the action, the decision and what decided it.
func (f *DecisionFinding) Summary() string { return f.summary.String() }

// Details are the policies that were looked at, all statements that matched, and for a denial those that nearly did.
func (f *DecisionFinding) Details() []string {
	lookedAt := f.lookedAt.String()
	if lookedAt == "" {
		lookedAt = "nothing, for there are no policies on either side"
	}
	details := append([]string{"looked at: " + lookedAt}, explain.DeniedBy(f.denying.Strings())...)
	return append(append(details, f.allowing.Strings()...), f.misses.Strings()...)
}

// Fix is the commands that would allow the action.
func (f *DecisionFinding) Fix() []string { return f.FixAs(string(snippet.CLI)) }

// FixAs is the fix in another form: json, cloudformation or terraform.
func (f *DecisionFinding) FixAs(form string) []string {
	var lack explain.Lack
	if json.Unmarshal([]byte(f.lack.String()), &lack) != nil {
		lack = explain.Lack{} // no grant is missing
	}
	fix := append(lack.As(snippet.Form(form)), f.fix.Strings()...)
	return append(fix, explain.Removals(f.denying.Strings())...)
}

// appendNames appends the names of all policies of the sets.
func appendNames(names []string, sets policy.Sets) []string {
	add := func(policies ...policy.Named) {
		for _, named := range policies {
			names = append(names, named.Name)
		}
	}
	for _, level := range sets.SCPs {
		add(level...)
	}
	if sets.Resource != nil {
		add(*sets.Resource)
	}
	add(sets.Identity...)
	if sets.Boundary != nil {
		add(*sets.Boundary)
	}
	add(sets.Session...)
	return names
}
