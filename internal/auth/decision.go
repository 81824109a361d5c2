package auth

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// DecisionFinding is what the policies said to one action. It keeps none of the policies and none of their owners:
// they are of a world that may have changed when somebody reads it.
type DecisionFinding struct {
	action    trace.Text
	allowed   bool
	summary   trace.Text
	lookedAt  trace.Text  // the policies, by name
	allowing  trace.Texts // statements that matched and allow, but for the one that the summary names
	denying   trace.Texts // statements that matched and deny, by name
	grounds   trace.Texts // why each of them did
	half      trace.Texts // statements that allow the other action of a function URL alone
	misplaced trace.Texts // policies of the function's other qualifiers that allow the action there
	misses    trace.Texts // statements that nearly allowed
	nearly    *nearly     // the same in parts; nil if there are none
	fix       missing     // what would allow it
	hints     trace.Texts // what would help besides
}

// nearly are the parts of statements that nearly allowed.
type nearly [trace.MaxTexts]struct{ statement, what, wanted, got trace.Text }

// missing is what would allow an action, as JSON of package explain, written in the form that a reader wants.
type missing struct {
	lack      trace.Text  // an explain.Lack, of a call of a function URL
	additions trace.Text  // a list of explain.Addition, of an API call
	sentences trace.Texts // what no form can say
}

// How much a trace keeps of a summary, of a statement's name, of what is said of one that nearly allowed, of the names
// of all policies that were looked at, and of a sentence that says what would help, in bytes.
const (
	maxSummary   = 512
	maxStatement = 256
	maxMiss      = 384
	maxMisplaced = 640 // two ARNs
	maxLookedAt  = 768
	maxSentence  = 1 << 10
)

func newDecisionFinding(asked Asked, decision policy.Decision, summary string) *DecisionFinding {
	var room [8]string
	finding := &DecisionFinding{
		action: trace.Keep(asked.Request.Action, maxStatement), allowed: decision.Effect == policy.Allowed, summary: trace.Keep(summary, maxSummary),
		lookedAt: trace.Join(appendNames(room[:0], asked.Sets), ", ", maxLookedAt),
		allowing: trace.KeepAll(maxStatement, explain.Allowing(decision)...),
		denying:  trace.KeepAll(maxStatement, explain.Denying(decision)...),
	}
	var misses []policy.Miss
	switch decision.Effect {
	case policy.ExplicitlyDenied:
		grounds := explain.Grounds(asked.Request, decision, asked.showPrincipal)
		finding.grounds = trace.KeepAll(maxMiss, grounds[:min(trace.MaxTexts, len(grounds))]...)
	case policy.ImplicitlyDenied:
		misses = policy.NearestMisses(asked.Request, &asked.Sets)
		finding.missed(explain.Misses(misses, asked.showPrincipal))
	}
	if !finding.allowed {
		finding.hints = trace.KeepAll(maxSentence, explain.PlainHTTP(asked.Request, decision, misses)...)
	}
	return finding
}

// missed keeps the statements that nearly allowed the action.
func (f *DecisionFinding) missed(list []explain.Near) {
	if len(list) == 0 {
		return
	}
	f.nearly = &nearly{}
	var texts []string
	for i, near := range list {
		if texts = append(texts, near.Text); i < len(f.nearly) {
			kept := &f.nearly[i]
			kept.statement, kept.what = trace.Keep(near.Statement, maxStatement), trace.Keep(near.What, maxStatement)
			kept.wanted, kept.got = trace.Keep(near.Wanted, maxMiss), trace.Keep(near.Got, maxMiss)
		}
	}
	f.misses = trace.KeepAll(maxMiss, texts...)
}

// Decision is the finding in parts.
func (f *DecisionFinding) Decision() *trace.Decision {
	some := func(lists ...[]string) []string { return append([]string{}, slices.Concat(lists...)...) } // never null in JSON
	decision := &trace.Decision{
		Action: f.action.String(), Allowed: f.allowed, Summary: f.Summary(), Asked: some(),
		Allowing: some(f.allowing.Strings()), Denying: some(f.denying.Strings()), Grounds: some(f.grounds.Strings()),
		Notes: some(f.half.Strings(), f.misplaced.Strings()), Misses: []trace.Miss{},
	}
	if !f.lookedAt.Empty() {
		decision.Asked = strings.Split(f.lookedAt.String(), ", ")
	}
	if f.nearly == nil {
		return decision
	}
	for i, text := range f.misses.Strings() {
		near := &f.nearly[min(i, len(f.nearly)-1)]
		failure := trace.Failure{What: near.what.String(), Wanted: near.wanted.String(), Got: near.got.String()}
		if last := len(decision.Misses) - 1; last >= 0 && decision.Misses[last].Statement == near.statement.String() {
			decision.Misses[last].Failures = append(decision.Misses[last].Failures, failure)
			decision.Misses[last].Text += "\n" + text
			continue
		}
		decision.Misses = append(decision.Misses, trace.Miss{Statement: near.statement.String(), Text: text, Failures: []trace.Failure{failure}})
	}
	return decision
}

// URLCall is a call of a function URL as the policies see it.
type URLCall struct {
	Caller    *Caller // nil is anonymous
	Function  lambda.ARN
	Qualifier string // of the URL: "" or the alias
	AuthType  lambda.AuthType
	NoPublic  bool // the server takes no permission that lets anybody in

	// Other is the decision about the other action that a call needs; the zero one if nobody was asked.
	Other policy.Decision
}

func (c URLCall) explained() explain.Call {
	call := explain.Call{Function: c.Function, AuthType: c.AuthType, NoPublic: c.NoPublic}
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
	finding.half = trace.KeepAll(maxMiss, explain.Half(action, decision, call.Other)...)
	finding.misplaced = trace.KeepAll(maxMisplaced, misplaced(explained.Function, asked)...)
	explained.Whole = asked.Sets.Resource != nil && lambda.IsWhole(asked.Sets.Resource.Document)
	lack := explained.Lacks(action, decision)
	finding.fix.sentences, lack.Sentences = trace.KeepAll(maxSentence, lack.Sentences...), nil
	if lack.Grantable() {
		finding.fix.lack = kept(lack)
	}
	return finding
}

// misplaced says which policies of the function's other qualifiers allow the action there: of the function itself, and of
// the first few of its aliases and the versions that they point at.
func misplaced(url lambda.ARN, asked Asked) []string {
	if asked.world == nil {
		return nil
	}
	function, ok := asked.world.Function(url)
	if !ok {
		return nil
	}
	const enough = 50
	qualifiers := []string{""}
	aliases := asked.world.AliasesOf(url)
	for _, alias := range aliases[:min(enough, len(aliases))] {
		for _, qualifier := range []string{alias.ARN.Qualifier, alias.Target} {
			if !slices.Contains(qualifiers, qualifier) {
				qualifiers = append(qualifiers, qualifier)
			}
		}
	}
	var found []string
	for _, qualifier := range qualifiers {
		document := function.Policy(qualifier)
		if qualifier == url.Qualifier || document == nil {
			continue
		}
		other, request, sets := function.ARN, asked.Request, asked.Sets
		other.Qualifier = qualifier
		request.Resource, sets.Resource = other.String(), &policy.Named{Document: document}
		allows := func(ref policy.Ref) bool { return ref.Document == document && ref.Effect == policy.Allowed }
		if slices.ContainsFunc(policy.Evaluate(request, &sets).Matched, allows) {
			found = append(found, explain.Elsewhere(other, url, request.Action))
		}
	}
	return found
}

// NewAPIFinding describes the denial of an API call, with the smallest statements that would allow it.
func NewAPIFinding(asked Asked, decision policy.Decision) *DecisionFinding {
	finding := newDecisionFinding(asked, decision, explain.Summary(asked.Request.Action, decision))
	if additions := explain.Additions(asked.Request, &asked.Sets); len(additions) > 0 {
		finding.fix.additions = kept(additions)
	}
	return finding
}

// kept is a value of package explain as JSON. One that is too long is left out: nobody could read a part of it.
func kept(value any) trace.Text {
	text, err := json.Marshal(value)
	if err != nil || len(text) > trace.MaxText { // it consists of names, which always marshal
		return trace.Text{}
	}
	return trace.Keep(text, trace.MaxText)
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
	details := append([]string{"looked at: " + lookedAt}, explain.DeniedBy(f.denying.Strings(), f.grounds.Strings()...)...)
	return slices.Concat(details, f.allowing.Strings(), f.half.Strings(), f.misplaced.Strings(), f.misses.Strings())
}

// Fix is the commands that would allow the action, and what else would help.
func (f *DecisionFinding) Fix() []string {
	commands, sentences := f.FixAs(string(snippet.CLI))
	if len(commands) > 0 {
		sentences = append(sentences, f.hints.Strings()...)
	}
	return append(commands, sentences...)
}

// FixAs is the fix in a form of package snippet, and sentences for what the form cannot say.
func (f *DecisionFinding) FixAs(form string) (texts, sentences []string) {
	var lack explain.Lack
	if !f.fix.lack.Empty() && json.Unmarshal([]byte(f.fix.lack.String()), &lack) == nil {
		texts = lack.As(snippet.Form(form))
	}
	var additions []explain.Addition
	if !f.fix.additions.Empty() && json.Unmarshal([]byte(f.fix.additions.String()), &additions) == nil {
		for _, addition := range additions {
			if text, ok := addition.As(snippet.Form(form)); ok {
				texts = append(texts, text)
			} else {
				sentences = append(sentences, text)
			}
		}
	}
	sentences = append(sentences, f.fix.sentences.Strings()...)
	sentences = append(sentences, explain.Removals(f.denying.Strings())...)
	if len(texts) == 0 {
		sentences = append(sentences, f.hints.Strings()...)
	}
	return texts, sentences
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
