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

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
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

// Call is a call of a function URL as the policies see it.
type Call struct {
	Principal *policy.Principal // nil is anonymous
	Boundary  string            // ARN of the caller's permissions boundary; "" if it has none or nobody knows it
	Function  lambda.ARN        // with the alias that the URL belongs to
	AuthType  lambda.AuthType
}

// Summary says what was decided about one of the two actions, and by what.
func (c Call) Summary(action string, d policy.Decision) string {
	if d.Reason == policy.ReasonNoIdentityPolicy && c.Principal != nil && c.Principal.Account == c.Function.Account {
		return action + " denied: neither an identity-based policy of the caller nor the resource-based policy of the " +
			"function allows it"
	}
	return Summary(action, d)
}

// Lack is what the policies lack to allow a call one of its actions. It consists of the facts from which the fix can be
// written in several forms, and where none would do, of sentences. It is data: its JSON is the whole of it.
type Lack struct {
	Action   string
	Function lambda.ARN // with the alias
	AuthType lambda.AuthType

	Permission bool // the resource-based policy of the function lacks a statement
	Policy     bool // the caller's own policies lack one
	Foreign    bool // the caller is of another account than the function

	To      lambda.PermissionPrincipal // the principal that a permission has to name
	Name    string                     // of it, for the id of the statement
	Account string                     // of the caller
	Owner   iam.Owner                  // of the caller's own policies; zero if it has none

	Sentences []string
}

// Lacks finds what the policies lack to allow the action: nothing where statements deny it.
func (c Call) Lacks(action string, d policy.Decision) Lack {
	l := Lack{Action: action, Function: c.Function, AuthType: c.AuthType}
	switch d.Reason {
	case policy.ReasonNoBoundary, policy.ReasonNoSessionPolicy, policy.ReasonNoSCP:
		l.Sentences = []string{c.widening(action, d.Reason)}
		return l
	}
	if d.Effect != policy.ImplicitlyDenied {
		return l
	}
	l.addCaller(c.Principal)
	l.Foreign = l.Account != "" && l.Account != c.Function.Account
	l.Permission = !l.Foreign || !allowedBy(d, policy.ResourceBased) // across accounts both sides must allow
	l.Policy = l.Foreign && c.Principal.Type != policy.Root && !allowedBy(d, policy.IdentityBased)
	if l.Policy && l.Owner.Name == "" {
		l.Sentences = append(l.Sentences, "allow "+action+" on "+c.Function.String()+" in the caller's own policies")
	}
	return l
}

// widening says how a policy that limits the caller has to be changed.
func (c Call) widening(action string, reason policy.Reason) string {
	if reason == policy.ReasonNoSCP {
		return AllowInOrganization(action, c.Principal.Account)
	}
	kind, _ := reason.PolicyType()
	limit := kind.String()
	if reason == policy.ReasonNoBoundary && c.Boundary != "" {
		limit += " " + c.Boundary
	}
	return "add " + action + " on " + c.Function.String() + " to the " + limit + " of " + c.Principal.ARN
}

// AllowInOrganization says who can lift the limit of a service control policy.
func AllowInOrganization(action, account string) string {
	return "let the organization's administrators allow " + action + " in a service control policy of account " + account
}

func allowedBy(d policy.Decision, kind policy.PolicyType) bool {
	return slices.ContainsFunc(d.Matched, func(ref policy.Ref) bool {
		return ref.Type == kind && ref.Effect == policy.Allowed
	})
}

// addCaller notes which principal a resource-based policy has to name so that it lets the caller in, and which role or
// user has the caller's own policies.
func (l *Lack) addCaller(p *policy.Principal) {
	if p == nil || p.Type == policy.Anonymous {
		l.To, l.Name = lambda.PermissionPrincipal{Anyone: true}, "everyone"
		return
	}
	l.Account, l.To, l.Name = p.Account, lambda.PermissionPrincipal{AWS: p.ARN}, "session"
	switch p.Type {
	case policy.RoleSession:
		role, _ := arn.ParsePrincipal(p.RoleARN)
		l.To, l.Name = lambda.PermissionPrincipal{AWS: p.RoleARN}, role.Name
		l.Owner = iam.Owner{Kind: iam.OfRole, Name: role.Name}
	case policy.User:
		user, _ := arn.ParsePrincipal(p.ARN)
		l.Name, l.Owner = user.Name, iam.Owner{Kind: iam.OfUser, Name: user.Name}
	case policy.FederatedUser:
		if user, _ := arn.ParsePrincipal(p.UserARN); user.Type == "user" {
			l.Owner = iam.Owner{Kind: iam.OfUser, Name: user.Name}
		}
	case policy.Root:
		l.Name = p.Account
	case policy.Service:
		l.To, l.Name = lambda.PermissionPrincipal{Service: p.ARN}, p.ARN
	}
}

// Grantable reports whether a grant is part of what is lacking.
func (l Lack) Grantable() bool { return l.Permission || l.Policy }

// As writes down what is lacking in the form, one text for each part.
func (l Lack) As(form snippet.Form) []string {
	var texts []string
	if l.Permission {
		text := snippet.Permission{Function: l.Function, Permission: l.permission()}.As(form)
		if l.Foreign {
			text = inAccount(text, l.Function.Account, form)
		}
		texts = append(texts, text)
	}
	if l.Policy && l.Owner.Name != "" {
		text := snippet.InlinePolicy{
			Owner: l.Owner, Name: "call-" + l.Function.Name, Document: snippet.CallDocument(l.Function),
		}.As(form)
		texts = append(texts, inAccount(text, l.Account, form))
	}
	return append(texts, l.Sentences...)
}

// permission is the statement that the function's policy lacks.
func (l Lack) permission() lambda.Permission {
	made := lambda.Permission{Action: l.Action, Principal: l.To}
	id := "allow-" + snippet.StatementName(l.Name)
	if l.Action == lambda.ActionInvoke {
		made.StatementID, made.InvokedViaURL = id+"-invoke", new(true)
	} else {
		made.StatementID, made.FunctionURLAuthType = id+"-url", l.AuthType
	}
	return made
}

// inAccount adds to a grant the account that it has to be made in.
func inAccount(text, account string, form snippet.Form) string {
	switch form {
	case snippet.CLI:
		return text + "   # in account " + account
	case snippet.Terraform, snippet.CloudFormation:
		return "# in account " + account + "\n" + text
	default:
		return text
	}
}

// Commands are what to type so that furl adds what is lacking to the function of the name. Where no command would do,
// it is sentences.
func (l Lack) Commands(function string) []string {
	if !l.Grantable() {
		return l.Sentences
	}
	switch {
	case l.To.Anyone && l.AuthType != lambda.AuthNone:
		return nil // the call is not signed, which no grant helps against
	case l.To.Service != "":
		return []string{"let " + l.To.Service + " in for one resource: furl grant takes the ARN of it as --source-arn"}
	case l.Foreign && l.Name != l.Account:
		return []string{GrantCommand(function, l.To, "") + "   # and, in account " + l.Account + ", what it prints"}
	default:
		return []string{GrantCommand(function, l.To, "")}
	}
}

// GrantCommand is the command that grants both actions on the function, which has to be written as a shell takes it.
// sourceARN limits a service.
func GrantCommand(function string, to lambda.PermissionPrincipal, sourceARN string) string {
	command := "furl grant " + function + " --to " + snippet.Quote(to.String())
	if sourceARN != "" {
		command += " --source-arn " + snippet.Quote(sourceARN)
	}
	return command
}
