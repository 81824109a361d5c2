package auth

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// DecisionFinding is what the policies said to one action.
type DecisionFinding struct {
	action   string
	decision policy.Decision
	sets     policy.Sets // what was looked at
	reason   string      // of a denial
	details  []string    // of a denial
	remedy   remedy      // of a denial
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
		return &DecisionFinding{action: asked.Request.Action, decision: decision, sets: asked.Sets}
	}
	finding := newDenial(asked, decision)
	if decision.Reason == policy.ReasonNoIdentityPolicy && call.Caller != nil && call.Caller.Account == call.Function.Account {
		finding.reason = "neither an identity-based policy of the caller nor the resource-based policy of the function allows it"
	}
	finding.remedy = remedyFor(call, asked.Request.Action, decision)
	return finding
}

// NewAPIFinding tells of the denial of an API call, with the smallest statements that would allow it.
func NewAPIFinding(asked Asked, decision policy.Decision) *DecisionFinding {
	finding := newDenial(asked, decision)
	for _, suggestion := range policy.Suggest(asked.Request, &asked.Sets, policy.IdentityBased) {
		finding.remedy.sentences = append(finding.remedy.sentences, fmt.Sprintf("add to the %s: %s", suggestion.Type, suggestion.JSON()))
	}
	return finding
}

func newDenial(asked Asked, decision policy.Decision) *DecisionFinding {
	finding := &DecisionFinding{action: asked.Request.Action, decision: decision, sets: asked.Sets, reason: decision.Reason.String()}
	for _, miss := range nearest(policy.NearestMisses(asked.Request, &asked.Sets)) {
		finding.details = append(finding.details, trace.Cut(missed(miss, asked.showPrincipal), 1024))
	}
	return finding
}

// Verdict says whether the action is allowed.
func (f *DecisionFinding) Verdict() trace.Verdict {
	if f.decision.Effect == policy.Allowed {
		return trace.OK
	}
	return trace.Refused
}

// Summary names the action, the decision and what decided it.
func (f *DecisionFinding) Summary() string {
	if f.decision.Effect != policy.Allowed {
		return f.action + " denied: " + f.reason
	}
	if len(f.decision.Matched) == 0 {
		return f.action + " allowed: the root user of the function's account may do everything"
	}
	return f.action + " allowed by " + describe(f.decision.Matched[0])
}

// Details are the policies that were looked at, all statements that matched, and for a denial those that nearly did.
func (f *DecisionFinding) Details() []string {
	details := []string{"looked at: " + lookedAt(f.sets)}
	matched := f.decision.Matched
	if f.decision.Effect == policy.Allowed && len(matched) > 0 {
		matched = matched[1:] // the first stands in the summary
	}
	for _, ref := range matched {
		verb := "also allowed by "
		if ref.Effect == policy.ExplicitlyDenied {
			verb = "denied by "
		} else if f.decision.Effect != policy.Allowed {
			verb = "allowed, but not enough, by "
		}
		details = append(details, verb+describe(ref))
	}
	return append(details, f.details...)
}

// Fix is the commands that would allow the action.
func (f *DecisionFinding) Fix() []string { return f.remedy.as(snippet.CLI) }

// FixAs is the fix in another form: json, cloudformation or terraform.
func (f *DecisionFinding) FixAs(form string) []string { return f.remedy.as(snippet.Form(form)) }

// maxMisses is how many statements that nearly allowed an action are worth telling of.
const maxMisses = 5

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

// lookedAt names all policies of the sets.
func lookedAt(sets policy.Sets) string {
	var names []string
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
	if len(names) == 0 {
		return "nothing, for there are no policies on either side"
	}
	return strings.Join(names, ", ")
}

// describe names a statement: its Sid, its place in the document, and its policy.
func describe(ref policy.Ref) string {
	if sid := ref.Sid(); sid != "" {
		return fmt.Sprintf("statement %q (%s) of %s", sid, ref.Path(), ref.Policy)
	}
	return fmt.Sprintf("%s of %s", ref.Path(), ref.Policy)
}
