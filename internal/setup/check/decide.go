package check

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/policy"
)

// unknownKeys are those of the statement's keys whose values a call may have and nobody here knows.
func unknownKeys(s setup.Statement, known *facts) []string {
	return slices.DeleteFunc(s.Document.ContextKeys(), func(key string) bool { return !known.isUnknown(key) })
}

// give says how to tell the value of a key.
func give(keys []string) string {
	return strings.Join(keys, ", ") + " is not known from here: --context " + keys[0] + "=VALUE tells it"
}

// openDenies names the statements that would deny an allowed action if a key that is not known had the value for it.
func (r *run) openDenies(request policy.Request, sets *policy.Sets, known *facts) []string {
	all := slices.Clone(sets.Identity)
	for _, named := range []*policy.Named{sets.Resource, sets.Boundary} {
		if named != nil {
			all = append(all, *named)
		}
	}
	var open []string
	for _, named := range all {
		for i, s := range r.sets.statements[named.Document] {
			keys := unknownKeys(s, known)
			if !s.Denies() || len(keys) == 0 || !deniesWithoutConditions(request, s) {
				continue
			}
			ref := policy.Ref{Policy: named.Name, Document: named.Document, Statement: i}
			open = append(open, explain.Statement(ref)+" may deny it: "+give(keys))
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
	named := policy.Named{Document: bare}
	sets := &policy.Sets{Identity: []policy.Named{named}}
	if bare.Kind() == policy.Resource {
		sets = &policy.Sets{Resource: &named}
	}
	return policy.Evaluate(request, sets).Effect == policy.ExplicitlyDenied
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
		doubts = append(doubts, explain.Statement(ref)+" may not deny it: "+give(keys))
	}
	return doubts
}

// openAllows are the statements that would allow the action if a key that is not known had the value for it.
func openAllows(misses []policy.Miss, known *facts) []string {
	var open []string
	for _, miss := range misses {
		if miss.Key != "" && miss.Got == nil && known.isUnknown(miss.Key) {
			open = append(open, explain.Statement(miss.Ref)+" may allow it: "+give([]string{miss.Key}))
		}
	}
	return slices.Compact(open)
}
