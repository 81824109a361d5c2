package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// maxMisses is how many statements that nearly allowed an action are worth telling of.
const maxMisses = 5

// summary is what was decided, and by what.
func (r *run) summary(action string, decision policy.Decision) string {
	deciding := decision.Deciding()
	switch {
	case decision.Reason == policy.ReasonNoIdentityPolicy && r.subject.account == r.function.Account:
		return fmt.Sprintf("%s denied: neither a policy of %s nor the resource-based policy of %s allows it", action, r.subject.label, r.function)
	case decision.Effect != policy.Allowed && len(deciding) == 0:
		return action + " denied: " + decision.Reason.String()
	case decision.Effect != policy.Allowed:
		return action + " denied by " + describe(deciding[0])
	case len(deciding) == 0:
		return action + " allowed: the root user of the function's account may do everything"
	default:
		return action + " allowed by " + describe(deciding[0])
	}
}

// details are the other statements that matched.
func details(decision policy.Decision) []string {
	deciding := decision.Deciding()
	var list []string
	for _, ref := range decision.Matched {
		switch {
		case len(deciding) > 0 && ref == deciding[0]: // stands in the summary
		case ref.Effect == policy.ExplicitlyDenied:
			list = append(list, "denied by "+describe(ref))
		case decision.Effect != policy.Allowed:
			list = append(list, "allowed, but not enough, by "+describe(ref))
		default:
			list = append(list, "also allowed by "+describe(ref))
		}
	}
	return list
}

// describe names a statement: its Sid or its place, and its policy.
func describe(ref policy.Ref) string {
	if sid := ref.Sid(); sid != "" {
		return fmt.Sprintf("statement %q of %s", sid, ref.Policy)
	}
	return fmt.Sprintf("%s of %s", ref.Path(), ref.Policy)
}

// missed tells of a statement that would have allowed the action but for one of its elements.
func missed(miss policy.Miss) string {
	element := miss.Element
	if miss.Key != "" {
		element += " " + miss.Operator + " " + miss.Key
	}
	got := "the call has none"
	if len(miss.Got) > 0 {
		got = "the call has " + strings.Join(miss.Got, ", ")
	}
	return fmt.Sprintf("nearly allowed by %s, but for its %s: it wants %s, %s", describe(miss.Ref), element, strings.Join(miss.Wanted, " or "), got)
}

// unknownKeys are those of the statement's keys whose values a call may have and nobody here knows.
func unknownKeys(s setup.Statement, known *facts) []string {
	return slices.DeleteFunc(s.Document.ContextKeys(), func(key string) bool { return !known.isUnknown(key) })
}

// give says how to tell the value of a key.
func give(keys []string) string {
	return strings.Join(keys, ", ") + " is not known from here: --context " + keys[0] + "=VALUE tells it"
}

// statementsOf are the statements of all documents in the sets.
func (r *run) statementsOf(sets *policy.Sets) map[string][]setup.Statement {
	list := map[string][]setup.Statement{}
	for _, named := range sets.Identity {
		list[named.Name] = r.sets.statements[named.Document]
	}
	for _, named := range []*policy.Named{sets.Resource, sets.Boundary} {
		if named != nil {
			list[named.Name] = r.sets.statements[named.Document]
		}
	}
	return list
}

// openDenies names the statements that would deny an allowed action if a key that is not known had the value for it.
func (r *run) openDenies(request policy.Request, sets *policy.Sets, known *facts) []string {
	var open []string
	for name, statements := range r.statementsOf(sets) {
		for i, s := range statements {
			if !s.Deny {
				continue
			}
			keys := unknownKeys(s, known)
			if len(keys) == 0 || !deniesWithoutConditions(request, s) {
				continue
			}
			open = append(open, fmt.Sprintf("%s may deny it: %s", nameOf(s, i, name), give(keys)))
		}
	}
	slices.Sort(open)
	return open
}

// deniesWithoutConditions reports whether the statement is about the request but for its conditions.
func deniesWithoutConditions(request policy.Request, s setup.Statement) bool {
	bare, err := s.WithoutConditions()
	if err != nil {
		return true // what can not be judged is in doubt
	}
	named := policy.Named{Document: bare.Document}
	sets := &policy.Sets{Identity: []policy.Named{named}}
	if bare.Document.Kind() == policy.Resource {
		sets = &policy.Sets{Resource: &named}
	}
	return policy.Evaluate(request, sets).Effect == policy.ExplicitlyDenied
}

func nameOf(s setup.Statement, i int, document string) string {
	if s.Sid != "" {
		return fmt.Sprintf("statement %q of %s", s.Sid, document)
	}
	return fmt.Sprintf("Statement[%d] of %s", i, document)
}

// doubtfulDenies are the statements that deny, if each of them does so only because a key is taken to be absent.
func (r *run) doubtfulDenies(decision policy.Decision, known *facts) []string {
	var doubts []string
	for _, ref := range decision.Deciding() {
		statements := r.sets.statements[ref.Document]
		if ref.Statement >= len(statements) {
			return nil
		}
		keys := unknownKeys(statements[ref.Statement], known)
		if len(keys) == 0 {
			return nil // this one denies for sure
		}
		doubts = append(doubts, fmt.Sprintf("%s may not deny it: %s", describe(ref), give(keys)))
	}
	return doubts
}

// openAllows are the statements that would allow the action if a key that is not known had the value for it.
func openAllows(misses []policy.Miss, known *facts) []string {
	var open []string
	for _, miss := range misses {
		if miss.Key != "" && miss.Got == nil && known.isUnknown(miss.Key) {
			open = append(open, fmt.Sprintf("%s may allow it: %s", describe(miss.Ref), give([]string{miss.Key})))
		}
	}
	return slices.Compact(open)
}

// remove says which statements stand in the way.
func remove(decision policy.Decision) []string {
	var fix []string
	for _, ref := range decision.Deciding() {
		fix = append(fix, fmt.Sprintf("remove or narrow %s: an explicit deny outweighs every allow", describe(ref)))
	}
	return fix
}

// fix is what to type so that the action is allowed. Where no command would do, it is a sentence.
func (r *run) fix(action string, decision policy.Decision) []string {
	kind, _ := decision.Reason.PolicyType()
	switch decision.Reason {
	case policy.ReasonNoBoundary:
		return []string{fmt.Sprintf("add %s and %s on %s to the permissions boundary %s", lambda.ActionInvokeURL, lambda.ActionInvoke, r.function, r.subject.boundary)}
	case policy.ReasonNoSessionPolicy, policy.ReasonNoSCP:
		return []string{fmt.Sprintf("allow %s on %s in the %s", action, r.function, kind)}
	}
	if r.authType == lambda.AuthNone {
		return []string{"furl grant " + r.name() + " --to '*'"}
	}
	to := " --to " + snippet.Quote(r.subject.label)
	switch {
	case r.subject.principal == nil:
		return nil // unsigned: the step on credentials says what to do
	case r.subject.kind == policy.Service:
		return []string{"furl grant " + r.name() + to + " --source-arn ARN"}
	case r.subject.account == r.function.Account:
		return []string{"furl grant " + r.name() + to}
	case r.subject.kind == policy.Root:
		return []string{"furl grant " + r.name() + " --to " + r.subject.account}
	default:
		return []string{fmt.Sprintf("furl grant %s%s --caller-profile PROFILE   # a profile of account %s", r.name(), to, r.subject.account)}
	}
}
