package auth

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// DecisionFinding is what the policies said to one action. It keeps none of the policies, nor whoever they belong to:
// they are of a world that may long have changed when somebody reads it.
type DecisionFinding struct {
	action   trace.Text
	allowed  bool
	because  trace.Text  // the reason of a denial; the statement that allowed, empty for a root user
	lookedAt trace.Text  // the policies, by name
	allowing trace.Texts // statements that matched and allow, but for the one that because names
	denying  trace.Texts // statements that matched and deny
	misses   trace.Texts // statements that nearly allowed
	remedy   remedy      // of a denial
}

// How much a trace keeps of a statement's name, of what is said of one that nearly allowed, of the names of all
// policies that were looked at, and of a sentence that says what would help, in bytes.
const (
	maxStatement = 256
	maxMiss      = 384
	maxLookedAt  = 768
	maxSentence  = 1 << 10
)

func newDecisionFinding(asked Asked, decision policy.Decision) *DecisionFinding {
	var room [8]string
	finding := &DecisionFinding{
		action: trace.Keep(asked.Request.Action, maxName), allowed: decision.Effect == policy.Allowed,
		lookedAt: trace.Join(appendNames(room[:0], asked.Sets), ", ", maxLookedAt),
	}
	matched := decision.Matched
	if finding.allowed && len(matched) > 0 {
		finding.because, matched = named(matched[0]), matched[1:]
	}
	if len(matched) == 0 {
		return finding
	}
	var allowing, denying []string
	for _, ref := range matched {
		if ref.Effect == policy.ExplicitlyDenied {
			denying = append(denying, describe(ref))
		} else {
			allowing = append(allowing, describe(ref))
		}
	}
	finding.allowing, finding.denying = trace.KeepAll(maxStatement, allowing...), trace.KeepAll(maxStatement, denying...)
	return finding
}

// URLCall is a call of a function URL as the policies see it.
type URLCall struct {
	Caller    *Caller // nil is anonymous
	Function  lambda.ARN
	Qualifier string // of the URL: "" or the alias
	AuthType  lambda.AuthType
}

// NewURLFinding tells of a decision on a call of a function URL. For a denial it looks, while everything is at hand,
// for the statements that nearly allowed the action and for the commands that would allow it.
func NewURLFinding(call URLCall, asked Asked, decision policy.Decision) *DecisionFinding {
	if decision.Effect == policy.Allowed {
		return newDecisionFinding(asked, decision)
	}
	finding := newDenial(asked, decision)
	if decision.Reason == policy.ReasonNoIdentityPolicy && call.Caller != nil && call.Caller.Account == call.Function.Account {
		finding.because = trace.Keep("neither an identity-based policy of the caller nor the resource-based policy of the "+
			"function allows it", maxStatement)
	}
	finding.remedy = remedyFor(call, asked.Request.Action, decision)
	return finding
}

// NewAPIFinding tells of the denial of an API call, with the smallest statements that would allow it.
func NewAPIFinding(asked Asked, decision policy.Decision) *DecisionFinding {
	finding := newDenial(asked, decision)
	var sentences []string
	for _, suggestion := range policy.Suggest(asked.Request, &asked.Sets, policy.IdentityBased) {
		sentences = append(sentences, fmt.Sprintf("add to the %s: %s", suggestion.Type, suggestion.JSON()))
	}
	finding.remedy.sentences = trace.KeepAll(maxSentence, sentences...)
	return finding
}

func newDenial(asked Asked, decision policy.Decision) *DecisionFinding {
	finding := newDecisionFinding(asked, decision)
	finding.because = trace.Keep(decision.Reason.String(), maxStatement)
	var misses []string
	for _, miss := range nearest(policy.NearestMisses(asked.Request, &asked.Sets)) {
		misses = append(misses, missed(miss, asked.showPrincipal))
	}
	finding.misses = trace.KeepAll(maxMiss, misses...)
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
func (f *DecisionFinding) Summary() string {
	switch {
	case !f.allowed:
		return fmt.Sprintf("%s denied: %s", f.action, f.because)
	case f.because.Empty():
		return fmt.Sprintf("%s allowed: the root user of the function's account may do everything", f.action)
	default:
		return fmt.Sprintf("%s allowed by %s", f.action, f.because)
	}
}

// Details are the policies that were looked at, all statements that matched, and for a denial those that nearly did.
func (f *DecisionFinding) Details() []string {
	lookedAt := f.lookedAt.String()
	if lookedAt == "" {
		lookedAt = "nothing, for there are no policies on either side"
	}
	details := []string{"looked at: " + lookedAt}
	for _, statement := range f.denying.Strings() {
		details = append(details, "denied by "+statement)
	}
	verb := "allowed, but not enough, by "
	if f.allowed {
		verb = "also allowed by "
	}
	for _, statement := range f.allowing.Strings() {
		details = append(details, verb+statement)
	}
	return append(details, f.misses.Strings()...)
}

// Fix is the commands that would allow the action.
func (f *DecisionFinding) Fix() []string { return f.FixAs(string(snippet.CLI)) }

// FixAs is the fix in another form: json, cloudformation or terraform.
func (f *DecisionFinding) FixAs(form string) []string {
	fix := f.remedy.as(snippet.Form(form))
	for _, statement := range f.denying.Strings() {
		fix = append(fix, fmt.Sprintf("remove or narrow %s: an explicit deny outweighs every allow", statement))
	}
	return fix
}

// maxMisses is how many statements that nearly allowed an action are worth telling of.
const maxMisses = trace.MaxTexts

func nearest(misses []policy.Miss) []policy.Miss { return misses[:min(maxMisses, len(misses))] }

// missed tells of a statement that would have allowed the action but for one of its elements.
func missed(miss policy.Miss, show func(string) string) string {
	element := miss.Element
	if miss.Key != "" {
		element += " " + miss.Operator + " " + miss.Key
	}
	got := "the request has none"
	if len(miss.Got) > 0 {
		got = "the request has " + strings.Join(miss.Got, ", ")
	}
	wanted, stale := miss.Wanted, ""
	if miss.Element == "Principal" {
		wanted = make([]string, len(miss.Wanted))
		for i, principal := range miss.Wanted {
			kind, name, _ := strings.Cut(principal, ":")
			wanted[i] = kind + ":" + show(name)
			if kind == "AWS" && isUniqueID(show(name)) {
				stale = "; that is the id of a user or role that was deleted, and does not stand for one made again under its name"
			}
		}
	}
	return fmt.Sprintf("nearly allowed by %s, but for its %s: it wants %s, %s%s", describe(miss.Ref), element, strings.Join(wanted, " or "), got, stale)
}

// isUniqueID reports whether a principal is the id of a user or role. Statements keep users and roles by id; the id of
// one that exists is shown as its ARN (IAM User Guide, "AWS JSON policy elements: Principal").
func isUniqueID(principal string) bool {
	return strings.HasPrefix(principal, iam.PrefixRole) || strings.HasPrefix(principal, iam.PrefixUser)
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

// describe names a statement: its Sid, its place in the document, and its policy.
func describe(ref policy.Ref) string { return named(ref).String() }

// named is describe for a trace.
func named(ref policy.Ref) trace.Text {
	if sid := ref.Sid(); sid != "" {
		return trace.Join([]string{"statement ", strconv.Quote(sid), " (", ref.Path(), ") of ", ref.Policy}, "", maxStatement)
	}
	return trace.Join([]string{ref.Path(), " of ", ref.Policy}, "", maxStatement)
}
