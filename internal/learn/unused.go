package learn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/policy"
)

// Present is a statement that is there and that no call used.
type Present struct {
	Owner  string `json:"owner"` // ARN of a user, group, role or function
	Policy string `json:"policy"`
	Path   string `json:"statement"` // its place in the policy
	Sid    string `json:"sid,omitempty"`
	Reason string `json:"reason,omitempty"` // why that says nothing
}

// filter is the functions to learn about; none is everything.
type filter struct {
	wanted []arn.Function
	there  []string // ARNs of those that there are and that are wanted
}

// parseFilter reads the functions to learn about. A name that neither a function nor a call has is an error.
func parseFilter(names []string, seen Seen) (filter, error) {
	var f filter
	for _, name := range names {
		function, err := arn.ParseFunction(name, "", "")
		if err != nil {
			return f, err
		}
		one := filter{wanted: []arn.Function{function}}
		isCall := func(call Call) bool { return one.wants(call.Resource) }
		if !slices.ContainsFunc(seen.Functions, one.wants) && !slices.ContainsFunc(seen.Calls, isCall) {
			return f, fmt.Errorf("the server has no function %s, and knows of no call of one", name)
		}
		f.wanted = append(f.wanted, function)
	}
	for _, function := range seen.Functions {
		if len(f.wanted) > 0 && f.wants(function) {
			f.there = append(f.there, function)
		}
	}
	return f, nil
}

// wants reports whether a resource is one of the functions. A name without a qualifier stands for all of them.
func (f filter) wants(resource string) bool {
	if len(f.wanted) == 0 {
		return true
	}
	function, err := arn.ParseFunctionARN(resource)
	return err == nil && slices.ContainsFunc(f.wanted, func(w arn.Function) bool {
		return w.Name == function.Name && isSame(w.Account, function.Account) && isSame(w.Region, function.Region) &&
			isSame(w.Qualifier, function.Qualifier)
	})
}

func isSame(wanted, there string) bool { return wanted == "" || wanted == there }

// concerns reports whether a statement is about one of the functions.
func (f filter) concerns(s policy.Statement) bool {
	if len(f.wanted) == 0 {
		return true
	}
	isLambda := func(action string) bool { return serviceOf(action) == "lambda" || action == "*" }
	return (s.NotAction || slices.ContainsFunc(s.Actions, isLambda)) && slices.ContainsFunc(f.there, s.CoversResource)
}

// judge finds the statements that none of the calls used. One that allowed a call counts as used although another one
// allows it, too.
func (l *Learned) judge(seen Seen, calls []Call, since time.Time, wanted filter) {
	users := map[string][]string{} // ARNs of callers by the id of the statement
	for _, call := range calls {
		for _, id := range call.By {
			users[id] = append(users[id], call.Caller.ARN)
		}
	}
	for _, s := range seen.Statements {
		parsed, ok := read(s.JSON)
		if !ok || !wanted.concerns(parsed) || isUsed(s, users[s.ID]) || !s.Hidden.IsZero() && !s.Hidden.Before(since) {
			continue
		}
		found := Present{Owner: s.Owner, Policy: s.Policy, Path: s.Path, Sid: s.Sid, Reason: blind(parsed)}
		if seen.Full {
			found.Reason = fmt.Sprintf("the server keeps %d different calls, and there were more", seen.Limit)
		}
		if found.Reason == "" {
			l.Unused = append(l.Unused, found)
		} else {
			l.Unjudged = append(l.Unjudged, found)
		}
	}
	for _, list := range [][]Present{l.Unused, l.Unjudged} {
		slices.SortFunc(list, func(a, b Present) int {
			return slices.Compare([]string{a.Owner, a.Policy, a.Path}, []string{b.Owner, b.Policy, b.Path})
		})
	}
}

// read reads a statement of any kind of policy.
func read(text json.RawMessage) (policy.Statement, bool) {
	document := fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":[%s]}`, text)
	parsed, err := policy.ParseTaken(document, policy.GuessKind(document))
	if err != nil || parsed.Len() != 1 {
		return policy.Statement{}, false
	}
	return parsed.Statements()[0], true
}

// isUsed reports whether one of the callers has the statement: anybody has that of a function.
func isUsed(s Statement, callers []string) bool {
	owner, err := arn.ParsePrincipal(s.Owner)
	if err != nil {
		return len(callers) > 0
	}
	if owner.Type == "group" {
		return slices.ContainsFunc(callers, func(caller string) bool { return slices.Contains(s.Members, caller) })
	}
	return slices.Contains(callers, s.Owner)
}

// served are the services whose calls a server sees.
var served = []string{"lambda", "iam", "sts"}

func serviceOf(action string) string {
	service, _, _ := strings.Cut(action, ":")
	return strings.ToLower(service)
}

// blind says why a server cannot see what uses the statement; "" if it can.
func blind(s policy.Statement) string {
	services := len(s.Principals) > 0 && !s.NotPrincipal
	for _, principal := range s.Principals {
		services = services && strings.HasPrefix(principal, "Service:")
	}
	if services {
		return "no service of AWS calls a local server"
	}
	for _, action := range s.Actions {
		if service := serviceOf(action); !s.NotAction && service != "*" && !slices.Contains(served, service) {
			return "the local server sees no calls of " + service
		}
	}
	return ""
}

// WriteTo writes the policies and what is not used, for people.
func (l *Learned) WriteTo(w io.Writer) (int64, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "known since %s\n", l.KnownSince.UTC().Format(time.RFC3339))
	for _, made := range slices.Concat(l.Identities, l.Resources) {
		fmt.Fprintf(&text, "\n%s\n", made.For)
		var indented strings.Builder
		encoder := json.NewEncoder(&indented)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("  ", "  ")
		if err := encoder.Encode(made.Document); err != nil {
			return 0, errors.New("a learned policy is not JSON")
		}
		text.WriteString("  " + indented.String())
	}
	if len(l.Identities)+len(l.Resources) == 0 {
		text.WriteString("\nno policy is needed: only root users called\n")
	}
	list := func(title string, found []Present) {
		if len(found) > 0 {
			fmt.Fprintf(&text, "\n%s\n", title)
		}
		for _, p := range found {
			name := p.Path
			if p.Sid != "" {
				name = fmt.Sprintf("%q (%s)", p.Sid, p.Path)
			}
			fmt.Fprintf(&text, "  %s: statement %s of %s\n", p.Owner, name, p.Policy)
			if p.Reason != "" {
				fmt.Fprintf(&text, "    %s\n", p.Reason)
			}
		}
	}
	list("present and not used:", l.Unused)
	list("present, not used here, and not judged:", l.Unjudged)
	for i, note := range l.Notes {
		if i == 0 {
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "note: %s\n", note)
	}
	n, err := io.WriteString(w, text.String())
	return int64(n), err
}
