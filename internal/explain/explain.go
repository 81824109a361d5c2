// Package explain puts a decision of the policies into words: what decided, which statements nearly allowed the
// action, and what would allow it. The server's traces and `furl check` say the same in the same words.
//
// It does no I/O and decides nothing. Texts are as long as the names in them: a caller that keeps them has to bound
// them.
package explain

import (
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/policy"
)

// Summary says what was decided about the action, and by what.
func Summary(action string, d policy.Decision) string {
	if d.Effect != policy.Allowed {
		return action + " denied: " + d.Reason.String()
	}
	if i := deciding(d); i >= 0 {
		return action + " allowed by " + Statement(d.Matched[i])
	}
	return action + " allowed: the root user of the function's account may do everything"
}

// deciding is the index of the first statement that made the decision, -1 for none.
func deciding(d policy.Decision) int {
	return slices.IndexFunc(d.Matched, d.Decides)
}

// Allowing describes the statements that matched and allow, but for the one that Summary names.
func Allowing(d policy.Decision) []string {
	verb, named := "allowed, but not enough, by ", -1
	if d.Effect == policy.Allowed {
		verb, named = "also allowed by ", deciding(d)
	}
	var list []string
	for i, ref := range d.Matched {
		if ref.Effect == policy.Allowed && i != named {
			list = append(list, verb+Statement(ref))
		}
	}
	return list
}

// Denying names the statements that matched and deny.
func Denying(d policy.Decision) []string {
	var names []string
	for _, ref := range d.Matched {
		if ref.Effect == policy.ExplicitlyDenied {
			names = append(names, Statement(ref))
		}
	}
	return names
}

// DeniedBy describes the statements that deny, by their names.
func DeniedBy(names []string) []string { return prefixed("denied by ", names, "") }

// DenyWins is why a statement that denies has to go.
const DenyWins = "an explicit deny outweighs every allow"

// Removals are the fix where statements deny, by their names.
func Removals(names []string) []string { return prefixed("remove or narrow ", names, ": "+DenyWins) }

func prefixed(before string, names []string, after string) []string {
	var list []string
	for _, name := range names {
		list = append(list, before+name+after)
	}
	return list
}

// Statement names a statement: its Sid, its place in the document, and its policy.
func Statement(ref policy.Ref) string {
	if sid := ref.Sid(); sid != "" {
		return "statement " + strconv.Quote(sid) + " (" + ref.Path() + ") of " + ref.Policy
	}
	return ref.Path() + " of " + ref.Policy
}

// maxMisses is how many statements that nearly allowed an action are worth showing.
const maxMisses = 5

// Misses describe the first few of the statements that would have allowed the action but for one of their elements.
// show turns a principal as policies keep it into the one to print; nil prints it as it is.
func Misses(misses []policy.Miss, show func(principal string) string) []string {
	var list []string
	for _, miss := range misses[:min(maxMisses, len(misses))] {
		list = append(list, describe(miss, show))
	}
	return list
}

func describe(miss policy.Miss, show func(string) string) string {
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
			if show != nil {
				name = show(name)
			}
			wanted[i] = strings.TrimSuffix(kind+":"+name, ":")
			if kind == "AWS" && isUniqueID(name) {
				stale = "; that is the id of a user or role that was deleted, and does not stand for one made again " +
					"under its name"
			}
		}
	}
	return "nearly allowed by " + Statement(miss.Ref) + ", but for its " + element + ": it wants " +
		strings.Join(wanted, " or ") + ", " + got + stale
}

// isUniqueID reports whether a principal is the id of a user or role. Statements keep users and roles by id; the id of
// one that exists is shown as its ARN (IAM User Guide, "AWS JSON policy elements: Principal").
func isUniqueID(principal string) bool {
	return strings.HasPrefix(principal, iam.PrefixRole) || strings.HasPrefix(principal, iam.PrefixUser)
}

// Additions are the smallest statements that would allow a request that is not about a function URL.
func Additions(in policy.Request, sets *policy.Sets) []string {
	var fix []string
	for _, suggestion := range policy.Suggest(in, sets, policy.IdentityBased) {
		fix = append(fix, "add to the "+suggestion.Type.String()+": "+string(suggestion.JSON()))
	}
	return fix
}
