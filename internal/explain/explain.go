// Package explain puts a decision of the policies into words: what decided, which statements nearly allowed the
// action, and what would allow it. The server's traces and `furl check` say the same in the same words.
//
// It does no I/O and decides nothing. Texts are as long as the names in them: a caller that keeps them has to bound
// them.
package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
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

// Grounds say why each of the statements that Denying names matches the request, "" for one that matches every request
// for the action and the resource. show is that of Misses.
func Grounds(in policy.Request, d policy.Decision, show func(principal string) string) []string {
	var list []string
	for _, ref := range d.Matched {
		if ref.Effect != policy.ExplicitlyDenied {
			continue
		}
		var grounds []string
		for _, match := range ref.Matches(in) {
			listed, _ := principals(match.Element, match.Listed, show)
			grounds = append(grounds, fmt.Sprintf("its %s lists %s, and %s%s", element(match.Element, match.Operator, match.Key),
				strings.Join(listed, " or "), has(match.Got), absent(match)))
		}
		list = append(list, strings.Join(grounds, "; "))
	}
	return list
}

// absent says why a condition holds for a key that the request does not have.
func absent(match policy.Match) string {
	quantifier, operator, quantified := strings.Cut(match.Operator, ":")
	if !quantified {
		quantifier, operator = "", quantifier
	}
	operator = strings.ToLower(operator)
	switch {
	case len(match.Got) > 0 || operator == "null":
		return ""
	case strings.HasSuffix(operator, "ifexists"):
		return ", which IfExists takes for a match"
	case strings.EqualFold(quantifier, "ForAllValues"):
		return ", which ForAllValues takes for a match"
	default:
		return ", which an operator with Not takes for a match"
	}
}

// DeniedBy describes the statements that deny, by their names and their Grounds.
func DeniedBy(names []string, grounds ...string) []string {
	list := prefixed("denied by ", names, "")
	for i, ground := range grounds {
		if ground != "" {
			list[i] += ": " + ground
		}
	}
	return list
}

// PlainHTTP is what helps a request that a policy refuses because it did not come over TLS; nothing for any other. AWS
// serves function URLs and its APIs over https only, so there the key aws:SecureTransport is true (AWS Lambda Developer
// Guide, "Creating and managing Lambda function URLs").
func PlainHTTP(in policy.Request, d policy.Decision, misses []policy.Miss) []string {
	isPlain := func(key string, got []string) bool {
		return strings.EqualFold(key, "aws:SecureTransport") && slices.Equal(got, []string{"false"})
	}
	matters := slices.ContainsFunc(misses, func(miss policy.Miss) bool { return isPlain(miss.Key, miss.Got) })
	for _, ref := range d.Matched {
		matters = matters || ref.Effect == policy.ExplicitlyDenied &&
			slices.ContainsFunc(ref.Matches(in), func(match policy.Match) bool { return isPlain(match.Key, match.Got) })
	}
	if !matters {
		return nil
	}
	return []string{plainHTTP}
}

const plainHTTP = "furl serve --tls   # and send the request over https: in plain HTTP aws:SecureTransport is false, and at " +
	"AWS, which answers over https only, it is true"

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

// Near is a statement that would have allowed the action but for one of its elements.
type Near struct {
	Statement   string
	What        string // a condition key, or an element such as Principal
	Wanted, Got string
	Text        string // all of it in one sentence
}

// Misses are the first few of the statements that would have allowed the action but for one of their elements.
// show turns a principal as policies keep it into the one to print; nil prints it as it is.
func Misses(misses []policy.Miss, show func(principal string) string) []Near {
	var list []Near
	for _, miss := range misses[:min(maxMisses, len(misses))] {
		list = append(list, near(miss, show))
	}
	return list
}

func near(miss policy.Miss, show func(string) string) Near {
	values, stale := principals(miss.Element, miss.Wanted, show)
	wanted, got := strings.Join(values, " or "), "(none)"
	if len(miss.Got) > 0 {
		got = strings.Join(miss.Got, ", ")
	}
	return Near{
		Statement: Statement(miss.Ref), What: cmp.Or(miss.Key, miss.Element), Wanted: wanted, Got: got,
		Text: "nearly allowed by " + Statement(miss.Ref) + ", but for its " + element(miss.Element, miss.Operator, miss.Key) +
			": it wants " + wanted + ", " + has(miss.Got) + stale,
	}
}

// element names an element of a statement, with operator and key of a condition.
func element(name, operator, key string) string {
	if key == "" {
		return name
	}
	return name + " " + operator + " " + key
}

// has says what the request has.
func has(got []string) string {
	if len(got) == 0 {
		return "the request has none"
	}
	return "the request has " + cmp.Or(strings.Join(got, ", "), `""`)
}

// principals are the values of an element as show prints them, if they are principals, and what is to be said of ids.
func principals(element string, values []string, show func(string) string) (shown []string, stale string) {
	if !strings.HasSuffix(element, "Principal") {
		return values, ""
	}
	shown = make([]string, len(values))
	for i, principal := range values {
		kind, name, _ := strings.Cut(principal, ":")
		if show != nil {
			name = show(name)
		}
		shown[i] = strings.TrimSuffix(kind+":"+name, ":")
		if kind == "AWS" && isUniqueID(name) {
			stale = "; that is the id of a user or role that was deleted, and does not stand for one made again " +
				"under its name"
		}
	}
	return shown, stale
}

// isUniqueID reports whether a principal is the id of a user or role. Statements keep users and roles by id; the id of
// one that exists is shown as its ARN (IAM User Guide, "AWS JSON policy elements: Principal").
func isUniqueID(principal string) bool {
	return strings.HasPrefix(principal, iam.PrefixRole) || strings.HasPrefix(principal, iam.PrefixUser)
}

// Addition is a statement that a policy lacks to allow an API call. As a Lack it is data: its JSON is the whole of it.
type Addition struct {
	Statement json.RawMessage
	Kind      string // of the policy
	Action    string
	Account   string    // of the policy's owner
	Owner     iam.Owner // of an identity-based policy; zero if nobody is known

	Function   lambda.ARN         // of the function's resource-based policy
	Permission *lambda.Permission // nil for any other policy
}

// Additions are the smallest statements that would allow a request that is not about a function URL.
func Additions(in policy.Request, sets *policy.Sets) []Addition {
	var list []Addition
	for _, suggestion := range policy.Suggest(in, sets, policy.IdentityBased) {
		a := Addition{Statement: suggestion.JSON(), Kind: suggestion.Type.String(), Action: in.Action}
		if in.Principal != nil {
			a.Account = in.Principal.Account
		}
		switch suggestion.Type {
		case policy.IdentityBased:
			a.Owner = ownerOf(in.Principal)
		case policy.ResourceBased:
			a.Account = in.ResourceAccount
			if sets.Resource != nil && sets.Resource.Document.Kind() == policy.Trust {
				a.Kind = "trust policy of " + in.Resource
			} else if function, err := arn.ParseFunctionARN(in.Resource); err == nil {
				to := lambda.PermissionPrincipal{AWS: suggestion.Principal}
				a.Function, a.Permission = function, &lambda.Permission{
					StatementID: suggestion.Sid, Action: in.Action, Principal: to,
				}
			}
		}
		list = append(list, a)
	}
	return list
}

// As writes the addition in the form. It is false where the form cannot say it, and the text is a sentence.
func (a Addition) As(form snippet.Form) (text string, ok bool) {
	switch {
	case form == snippet.JSON:
		return string(a.Statement), true
	case a.Permission != nil:
		return snippet.Permission{Function: a.Function, Permission: *a.Permission}.As(form), true
	case a.Owner.Name != "":
		_, name, _ := strings.Cut(a.Action, ":")
		sum := fnv.New32a() // the owner may have a policy that allows the action on something else
		sum.Write(a.Statement)
		return snippet.InlinePolicy{
			Account: a.Account, Owner: a.Owner, Name: fmt.Sprintf("allow-%s-%08x", snippet.StatementName(name), sum.Sum32()),
			Document: `{"Version":"2012-10-17","Statement":[` + string(a.Statement) + `]}`,
		}.As(form), true
	default:
		return "add to the " + a.Kind + ": " + string(a.Statement), false
	}
}

// Call is a call of a function URL as the policies see it.
type Call struct {
	Principal *policy.Principal // nil is anonymous
	Boundary  string            // ARN of the caller's permissions boundary; "" if it has none or nobody knows it
	Function  lambda.ARN        // with the alias that the URL belongs to
	AuthType  lambda.AuthType
	NoPublic  bool // the server takes no permission that lets anybody in
	Whole     bool // the function's policy is put as a whole, so that resources for single permissions do not go with it
}

// Summary says what was decided about one of the two actions, and by what.
func (c Call) Summary(action string, d policy.Decision) string {
	if d.Reason == policy.ReasonNoIdentityPolicy && c.Principal != nil && c.Principal.Account == c.Function.Account {
		owner := "function"
		if c.Function.Qualifier != "" {
			owner = "alias"
		}
		return action + " denied: neither an identity-based policy of the caller nor the resource-based policy of the " +
			owner + " allows it"
	}
	return Summary(action, d)
}

// Half describes the statements that allow the other one of the two actions that a call of a function URL needs, and not
// the action that was denied. other is the decision about that other one.
func Half(action string, d, other policy.Decision) []string {
	if d.Effect != policy.ImplicitlyDenied {
		return nil
	}
	allows := "lambda:InvokeFunctionUrl, which was enough until October 2025, and not lambda:InvokeFunction with " +
		"lambda:InvokedViaFunctionUrl, which a call of a function URL needs too"
	if action == lambda.ActionInvokeURL {
		allows = "lambda:InvokeFunction, which is enough for the Invoke API, and not lambda:InvokeFunctionUrl, which a " +
			"call of a function URL needs too"
	}
	var list []string
	for _, ref := range other.Matched {
		isSame := func(r policy.Ref) bool { return r.Document == ref.Document && r.Statement == ref.Statement }
		if ref.Effect != policy.Allowed || slices.ContainsFunc(d.Matched, isSame) {
			continue
		}
		text := Statement(ref) + " allows " + allows
		if ofConnector(ref) {
			text += "; an AWS::Serverless::Connector of SAM writes such a statement, and none of its permissions is for " +
				"function URLs"
		}
		list = append(list, text)
	}
	return list
}

// Elsewhere says that the actions are granted where a call of the URL does not look: a function, each of its versions and
// each of its aliases have policies of their own.
func Elsewhere(granted, url lambda.ARN, actions ...string) string {
	return fmt.Sprintf("the grant is in another place: the policy of %s allows %s, and the URL of %s does not ask it",
		granted, strings.Join(actions, " and "), url)
}

// ofConnector reports whether the statement is what a connector of SAM writes for a source that writes to a function:
// lambda:InvokeAsync and lambda:InvokeFunction in a policy of the source's role
// (aws/serverless-application-model, samtranslator/model/connector_profiles/profiles.json).
func ofConnector(ref policy.Ref) bool {
	s := ref.Document.Statements()[ref.Statement]
	actions := slices.Sorted(slices.Values(s.Actions))
	return ref.Type == policy.IdentityBased && !s.NotAction && len(s.Conditions) == 0 &&
		slices.Equal(actions, []string{"lambda:InvokeAsync", lambda.ActionInvoke})
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
	Whole      bool `json:",omitempty"` // the resource-based policy is put as a whole

	To      lambda.PermissionPrincipal // the principal that a permission has to name
	Name    string                     // of it, for the id of the statement
	Account string                     // of the caller
	Owner   iam.Owner                  // of the caller's own policies; zero if it has none

	Sentences []string
}

// Lacks finds what the policies lack to allow the action: nothing where statements deny it.
func (c Call) Lacks(action string, d policy.Decision) Lack {
	l := Lack{Action: action, Function: c.Function, AuthType: c.AuthType, Whole: c.Whole}
	switch d.Reason {
	case policy.ReasonNoBoundary, policy.ReasonNoSessionPolicy, policy.ReasonNoSCP:
		l.Sentences = []string{c.widening(action, d.Reason)}
		return l
	}
	if d.Effect != policy.ImplicitlyDenied {
		return l
	}
	l.addCaller(c.Principal)
	if l.To.Anyone && c.NoPublic {
		l.Sentences = []string{BlockedPublic}
		return l
	}
	l.Foreign = l.Account != "" && l.Account != c.Function.Account
	l.Permission = !l.Foreign || !allowedBy(d, policy.ResourceBased) // across accounts both sides must allow
	l.Policy = l.Foreign && c.Principal.Type != policy.Root && !allowedBy(d, policy.IdentityBased)
	if l.Policy && l.Owner.Name == "" {
		l.Sentences = append(l.Sentences, "allow "+action+" on "+c.Function.String()+" in the caller's own policies")
	}
	return l
}

// BlockedPublic is what helps where the server takes no permission that lets anybody in.
const BlockedPublic = "the server runs with --block-public-access and takes no permission for everyone: start it without, " +
	"or require signatures with furl url update FUNCTION --auth AWS_IAM and grant to accounts, roles or users"

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
	l.Owner = ownerOf(p)
	switch p.Type {
	case policy.RoleSession:
		l.To, l.Name = lambda.PermissionPrincipal{AWS: p.RoleARN}, l.Owner.Name
	case policy.User:
		l.Name = l.Owner.Name
	case policy.Root:
		l.Name = p.Account
	case policy.Service:
		l.To, l.Name = lambda.PermissionPrincipal{Service: p.ARN}, p.ARN
	}
}

// ownerOf is the role or user whose identity-based policies the principal has; zero if it has none.
func ownerOf(p *policy.Principal) iam.Owner {
	if p == nil {
		return iam.Owner{}
	}
	of, kind := "", iam.OfUser
	switch p.Type {
	case policy.RoleSession:
		of, kind = p.RoleARN, iam.OfRole
	case policy.User:
		of = p.ARN
	case policy.FederatedUser:
		of = p.UserARN
	default:
		return iam.Owner{}
	}
	named, _ := arn.ParsePrincipal(of)
	if named.Type == "root" {
		return iam.Owner{}
	}
	return iam.Owner{Kind: kind, Name: named.Name}
}

// Grantable reports whether a grant is part of what is lacking.
func (l Lack) Grantable() bool { return l.Permission || l.Policy }

// As writes down what is lacking in the form, one text for each part.
func (l Lack) As(form snippet.Form) []string {
	var texts []string
	if l.Permission {
		text := snippet.Permission{Function: l.Function, Permission: l.permission()}.As(form)
		if l.Whole && form != snippet.CLI && form != snippet.JSON {
			text = l.statement(form)
		}
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

// statement is a comment in the code with the statement that belongs into the function's policy.
func (l Lack) statement(form snippet.Form) string {
	mark := "# "
	if form == snippet.CDK {
		mark = "// "
	}
	statement := snippet.Permission{Function: l.Function, Permission: l.permission()}.As(snippet.JSON)
	return mark + "The policy of " + l.Function.String() + " is put as a whole, which overwrites a permission of its own.\n" +
		mark + "Add to its statements: " + statement
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
	case snippet.Terraform, snippet.CloudFormation, snippet.SAM:
		return "# in account " + account + "\n" + text
	case snippet.CDK:
		return "// in account " + account + "\n" + text
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
