package declared

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/policy"
)

// Audit says who may call which function URL as things are declared. flags are for the commands that mend something.
func (w *World) Audit(ctx context.Context, flags string) (check.Audit, error) {
	entries, callers, err := w.entries()
	if err != nil {
		return check.Audit{}, err
	}
	audit := (&check.Checker{Flags: flags}).Audit(ctx, entries, callers)
	audit.Notes = append(slices.Clone(w.notes), audit.Notes...)
	return audit, nil
}

// Who says who may call which function URL, and by which statements.
func (w *World) Who(ctx context.Context) (check.Who, error) {
	entries, callers, err := w.entries()
	if err != nil {
		return check.Who{}, err
	}
	who := check.WhoOf(ctx, entries, callers, nil)
	who.Notes = append(slices.Clone(w.notes), who.Notes...)
	return who, nil
}

// entries are the function URLs, and the users and roles, that are declared.
func (w *World) entries() ([]check.Entry, *check.Callers, error) {
	callers := &check.Callers{Declared: true}
	details, faults := w.details()
	if len(w.owners) > 0 {
		if err := callers.Add(details); err != nil {
			return nil, nil, err
		}
	}
	for _, fault := range faults {
		callers.Fault(fault)
	}
	entries := make([]check.Entry, len(w.urls))
	for i, url := range w.urls {
		entry := check.Entry{Function: url.function, AuthType: url.authType, Declared: &check.Declaration{
			Place: placeOf(url.Source), At: w.placeOf, Misplaced: w.misplacedTexts(url),
		}}
		if f, ok := w.functions[url.function.Unqualified().String()]; ok {
			if entry.Tags = f.tags; f.tags == nil {
				entry.Tags = map[string]string{}
			}
		}
		if p := w.policies[url.function.String()]; p != nil {
			entry.Policy, entry.Fault = p.text(), p.fault
		}
		entries[i] = entry
	}
	return entries, callers, nil
}

func placeOf(s Source) check.Place {
	return check.Place{File: s.Pos.File, Line: s.Pos.Line, Column: s.Pos.Column}
}

func (w *World) placeOf(ref policy.Ref) (check.Place, bool) {
	at, ok := w.at(ref)
	return placeOf(at), ok
}

// at is where a statement of one of the world's policies is.
func (w *World) at(ref policy.Ref) (Source, bool) {
	find := w.places[ref.Policy]
	if find == nil {
		return Source{}, false
	}
	return find(ref)
}

// misplaced are the statements that grant one of the two actions on another qualifier of the URL's function, one that
// has no URL of its own.
func (w *World) misplaced(url functionURL) (list []misplaced) {
	for _, p := range w.policies {
		if p.function == url.function || p.function.Unqualified() != url.function.Unqualified() ||
			slices.ContainsFunc(w.urls, func(other functionURL) bool { return other.function == p.function }) {
			continue
		}
		parsed, err := policy.Parse([]byte(p.text()), policy.Resource)
		if err != nil {
			continue
		}
		for i, s := range parsed.Statements() {
			if s.Effect == policy.Allowed && forURLs(s) {
				list = append(list, misplaced{p.sources[i], p.function, s})
			}
		}
	}
	slices.SortFunc(list, func(a, b misplaced) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
	})
	return list
}

// misplaced is a grant on something that has no URL.
type misplaced struct {
	Source
	on        lambda.ARN
	statement policy.Statement
}

// forURLs reports whether a statement is for calls of function URLs only.
func forURLs(s policy.Statement) bool {
	return !s.NotAction && s.CoversAction(lambda.ActionInvokeURL) && !s.CoversAction(lambda.ActionInvoke) ||
		slices.ContainsFunc(s.Conditions, func(c policy.Condition) bool {
			return equalKey(c, "lambda:InvokedViaFunctionUrl") || equalKey(c, "lambda:FunctionUrlAuthType")
		})
}

func (w *World) misplacedTexts(url functionURL) (texts []string) {
	for _, m := range w.misplaced(url) {
		texts = append(texts, fmt.Sprintf("%s: %s is about %s, and the URL is that of %s", m.Pos, m.Resource.ID,
			what(m.on), what(url.function)))
	}
	return texts
}

// what is what a policy is of.
func what(function lambda.ARN) string {
	if function.Qualifier == "" {
		return "the function " + function.Name
	}
	return "its alias " + function.Qualifier
}

func equalKey(c policy.Condition, key string) bool { return strings.EqualFold(c.Key, key) }
