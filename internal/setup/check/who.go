package check

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// Who says who may call function URLs, and by which statements. Its JSON form is a contract: fields are only added
// (docs/who.md).
type Who struct {
	Functions []FunctionCallers `json:"functions"`
	Notes     []string          `json:"notes,omitempty"` // what is not considered
}

// FunctionCallers are those of one function URL.
type FunctionCallers struct {
	Function string          `json:"function"`
	URL      string          `json:"url,omitempty"`
	AuthType lambda.AuthType `json:"authType,omitempty"` // "" if it is not known
	Place                    // of the URL in the file that declares it

	// Complete says that everything that decides could be looked at: without it, there may be callers that are not listed.
	Complete     bool     `json:"complete"`
	CouldNotLook []string `json:"couldNotLook,omitempty"`
	Callers      []Caller `json:"callers"`
	Denies       []By     `json:"denies,omitempty"` // statements of the function's policy that deny one of the two actions
}

// Standing is whether a caller may call.
type Standing string

// The standings, from the one that lets in most.
const (
	MayCall    Standing = "may call"
	MayDepends Standing = "depends" // on what a request brings along, or on the caller's own account
	MayUnknown Standing = "could not look"
	MayNot     Standing = "may not call" // although a statement gives it something
)

// Caller is a principal, or all that a statement stands for.
type Caller struct {
	Principal string   `json:"principal"` // an ARN, a service, an account id or unique id as the policy has it; * is everyone
	Kind      string   `json:"kind"`
	Standing  Standing `json:"standing"`
	// CrossAccount says that the principal is of another account, whose policies have to allow both actions, too.
	CrossAccount bool        `json:"crossAccount"`
	Actions      []CallerMay `json:"actions"`              // for lambda:InvokeFunctionUrl and lambda:InvokeFunction
	Conditions   []string    `json:"conditions,omitempty"` // that a call has to meet
	Reasons      []string    `json:"reasons,omitempty"`    // of a standing other than MayCall
	AssumedBy    []string    `json:"assumedBy,omitempty"`  // who a role's trust policy lets in, which is not followed
}

// The kinds of callers.
const (
	kindEveryone  = "everyone"
	kindOrg       = "organization"
	kindAccount   = "account"
	kindRoot      = "root user"
	kindRole      = "role"
	kindUser      = "user"
	kindSession   = "session"
	kindFederated = "federated user"
	kindService   = "service"
	kindDeleted   = "deleted"
	kindOther     = "other"
)

// CallerMay is whether a caller has one of the two actions, and by which statements.
type CallerMay struct {
	Action   string   `json:"action"`
	Standing Standing `json:"standing"`
	By       []By     `json:"by,omitempty"`
}

// By is a statement.
type By struct {
	Policy     string   `json:"policy"` // such as "inline policy call of role caller", or the ARN of a managed policy
	Sid        string   `json:"sid,omitempty"`
	Statement  string   `json:"statement"` // its place in the policy, such as Statement[0]
	Principals []string `json:"principals,omitempty"`
	Conditions []string `json:"conditions,omitempty"`
	Place
}

func (b By) String() string {
	text := b.Statement + " of " + b.Policy
	if b.Sid != "" {
		text = fmt.Sprintf("statement %q (%s) of %s", b.Sid, b.Statement, b.Policy)
	}
	if b.Place != (Place{}) {
		text = b.Place.String() + ": " + text
	}
	if len(b.Conditions) > 0 {
		text += ", only with " + strings.Join(b.Conditions, " and ")
	}
	return text
}

// notConsidered is what no policy that is read says.
var notConsidered = []string{
	"session policies and resource control policies, which can only take something from what is listed",
	"who may assume a role, or get credentials of a user: a caller is listed under the role or user",
}

// WhoOf answers for the entries. callers are those whose own policies are known; blind is why there may be others, nil if
// there are none.
func WhoOf(ctx context.Context, entries []Entry, callers *Callers, blind error) Who {
	who := Who{Functions: []FunctionCallers{}, Notes: notConsidered}
	if callers == nil {
		callers = &Callers{}
	}
	for i := range entries {
		entries[i].parse()
	}
	for _, entry := range entries {
		who.Functions = append(who.Functions, entry.callers(ctx, callers, blind))
	}
	if !callers.None() {
		who.Notes = union(slices.Clone(who.Notes), callers.notes())
	}
	return who
}

// IsComplete reports whether everything could be looked at.
func (w Who) IsComplete() bool {
	return !slices.ContainsFunc(w.Functions, func(f FunctionCallers) bool { return !f.Complete })
}

func (e Entry) callers(ctx context.Context, callers *Callers, blind error) FunctionCallers {
	f := FunctionCallers{Function: e.Function.String(), URL: e.Address, AuthType: e.AuthType, Callers: []Caller{}}
	if e.Declared != nil {
		f.Place = e.Declared.Place
	}
	blindTo := func(format string, arguments ...any) {
		f.CouldNotLook = append(f.CouldNotLook, fmt.Sprintf(format, arguments...))
	}
	if e.Fault != nil {
		blindTo("the function's policy: %v", e.Fault)
	}
	if e.AuthType != lambda.AuthNone {
		switch {
		case blind != nil:
			blindTo("users and roles of account %s: %v", e.Function.Account, blind)
		case !callers.Declared && !callers.known(e.Function.Account):
			blindTo("users and roles of account %s: no answer of iam:GetAccountAuthorizationDetails was read", e.Function.Account)
		}
		for _, fault := range callers.faults {
			blindTo("%v", fault)
		}
		f.add(e.signed(ctx, callers)...)
	}
	if e.AuthType == "" {
		blindTo("the auth type of the URL, taken to be %s: save what aws lambda get-function-url-config prints", lambda.AuthIAM)
	}
	if e.AuthType != lambda.AuthIAM {
		f.add(e.unsigned(ctx)...)
	}
	f.Denies = e.denies()
	f.Complete = len(f.CouldNotLook) == 0 && !slices.ContainsFunc(f.Callers, func(c Caller) bool { return c.Standing == MayUnknown })
	slices.SortStableFunc(f.Callers, func(a, b Caller) int {
		return cmp.Compare(slices.Index(standings, a.Standing), slices.Index(standings, b.Standing))
	})
	return f
}

func (f *FunctionCallers) add(callers ...Caller) { f.Callers = append(f.Callers, callers...) }

// ByPolicy are those that the function's policy lets call, in a few words each, and whether the policy could be looked
// at. Users and roles may call a URL of auth type AWS_IAM by policies of their own, too.
func (e Entry) ByPolicy(ctx context.Context) (names []string, known bool) {
	e.parse()
	if e.Fault != nil {
		return nil, false
	}
	names = []string{}
	for _, c := range e.callers(ctx, &Callers{}, nil).Callers {
		if c.Kind != kindRoot && c.Standing != MayNot {
			names = union(names, []string{c.Short()})
		}
	}
	return names, true
}

// signed are the callers of a URL that asks who calls: those whose own policies are known, then the root user, then those
// that the function's policy names.
func (e Entry) signed(ctx context.Context, callers *Callers) (list []Caller) {
	for _, account := range slices.Sorted(maps.Keys(callers.accounts)) {
		known, asked := callers.accounts[account], 0
		for _, entity := range slices.Concat(known.Users, known.Roles) {
			if caller, ok := e.entity(ctx, callers, account, entity, &asked); ok {
				list = append(list, caller)
			}
		}
	}
	own := e.whoEntry()
	root := arn.Root(e.Function.Account).In(e.Function.Partition()).String()
	rootUser := subject{
		principal: &policy.Principal{Type: policy.Root, Account: e.Function.Account, ARN: root}, kind: policy.Root,
		account: e.Function.Account, label: root,
	}
	if e.Declared == nil { // which a project does not declare
		r := own.run(lambda.AuthIAM)
		r.subject = rootUser
		c := r.standing(ctx, own, root, kindRoot, nil)
		for i := range c.Actions { // it needs no statement
			c.Actions[i].By = nil
		}
		c.Conditions = slices.DeleteFunc(c.Conditions, func(text string) bool { return !strings.HasPrefix(text, unless) })
		if known := callers.accounts[e.Function.Account]; known != nil && known.simulator != nil && c.Standing == MayCall {
			r.caller, r.identity.Account = &Side{Principals: known.simulator}, e.Function.Account
			r.limit(ctx, &c)
		}
		list = append(list, c)
	}
	return append(list, own.grantees(ctx, callers)...)
}

// entity is a user or role with all of its policies. It is not ok if neither those of its own nor a statement that names
// it give it one of the actions.
func (e Entry) entity(
	ctx context.Context, callers *Callers, account string, entity awsapi.Entity, asked *int,
) (Caller, bool) {
	r, err := callers.runOf(ctx, account, entity)
	if err != nil {
		return Caller{}, false // which is among the faults
	}
	own := e.whoEntry()
	r.at(own)
	kind := kindUser
	if entity.RoleName != "" {
		kind = kindRole
	}
	caller := r.standing(ctx, own, entity.ARN, kind, nil)
	caller.AssumedBy = trusted(entity)
	for i, fault := range r.sets.faults {
		if i == 0 || caller.Standing == MayUnknown {
			caller.Reasons = union(caller.Reasons, []string{fault.Error()})
		}
	}
	// A statement for everyone is an entry of its own, which is not there again for each user and role.
	own.named = nil
	listed := slices.ContainsFunc(e.own(), func(s setup.Statement) bool {
		return slices.Contains(s.Principals, "AWS:"+entity.ARN) && !s.Denies() && e.concerns(s)
	})
	has := listed || caller.Standing == MayUnknown || slices.ContainsFunc(setup.Actions[:], func(action string) bool {
		return len(r.grounds(own, action, nil)) > 0
	})
	if has && caller.Standing == MayCall && r.caller.Principals.(*details).simulator != nil {
		if *asked++; *asked > maxSimulated {
			caller.Reasons = append(caller.Reasons, fmt.Sprintf("service control policies were asked for with the first %d callers "+
				"of the account only", maxSimulated))
		} else {
			r.limit(ctx, &caller)
		}
	}
	return caller, has
}

// maxSimulated is how many callers of an account the simulator is asked about, which takes two calls for each.
const maxSimulated = 20

// limit asks the simulator about service control policies.
func (r *run) limit(ctx context.Context, caller *Caller) {
	r.lookAtSCPs(ctx)
	if len(r.report.Steps) == 0 {
		return
	}
	step := r.report.Steps[len(r.report.Steps)-1]
	switch {
	case step.Status == OK || !step.Decides:
		return
	case step.Status == Problem:
		caller.Standing = MayNot
	default:
		caller.Standing = MayUnknown
	}
	caller.Reasons = append(append(caller.Reasons, step.Summary), step.Details...)
}

// trusted are the principals that a role's trust policy lets assume it.
func trusted(entity awsapi.Entity) (list []string) {
	if entity.AssumeRolePolicyDocument == "" {
		return nil
	}
	document, err := policy.ParseTaken([]byte(entity.AssumeRolePolicyDocument), policy.Trust)
	if err != nil {
		return nil
	}
	for _, s := range document.Statements() {
		if s.Effect == policy.Allowed {
			list = union(list, s.Principals)
		}
	}
	return list
}

// whoEntry is the entry without what makes its server one on this machine: who may call is asked for all calls, not for
// those from here.
func (e Entry) whoEntry() Entry {
	if (&run{address: e.Address}).isLocal() {
		e.Address = ""
	}
	return e
}

// standing asks all policies about both actions. keep says which statements of the function's policy are asked; nil for
// all.
func (r *run) standing(ctx context.Context, e Entry, name, kind string, keep func(setup.Statement) bool) Caller {
	c := Caller{Principal: name, Kind: kind, Standing: MayCall}
	c.CrossAccount = r.subject.account != "" && r.subject.account != r.function.Account
	if e.Fault != nil {
		r.resource.fault = e.Fault
	}
	var open []string
	for _, action := range setup.Actions {
		step := r.decide(ctx, action)
		may := CallerMay{Action: action, Standing: MayCall, By: r.grounds(e, action, keep)}
		switch {
		case step.Status == Problem:
			may.Standing = MayNot
		case step.Status == Unknown && len(r.unread(action)) > 0:
			may.Standing = MayUnknown
		case step.Status == Unknown:
			may.Standing = MayDepends
		}
		if may.Standing == MayDepends && len(may.By) == 0 && kind != kindRoot {
			may.Standing = MayNot // no statement is left that more than its open conditions keeps from allowing it
		}
		if may.Standing == MayNot {
			c.Reasons = append(c.Reasons, step.Summary)
		}
		for _, detail := range step.Details {
			why, _, isOpen := strings.Cut(detail, ": --context ")
			switch {
			case step.Status == Problem && strings.HasPrefix(detail, "denied by"):
				c.Reasons = union(c.Reasons, []string{why})
			case isOpen && step.Status == Unknown:
				open = union(open, []string{why})
			}
		}
		c.Actions = append(c.Actions, may)
		if slices.Index(standings, may.Standing) > slices.Index(standings, c.Standing) {
			c.Standing = may.Standing
		}
		if conditions := alternatives(may.By); conditions != "" {
			c.Conditions = union(c.Conditions, []string{conditions})
		}
		if may.Standing == MayDepends {
			c.Conditions = union(c.Conditions, r.exceptions(action))
		}
	}
	if c.Standing != MayNot && (len(c.Conditions) == 0 || c.Standing == MayUnknown) {
		c.Reasons = append(c.Reasons, open...)
	}
	return c
}

// exceptions are the conditions under which a statement denies the action, as far as they depend on the request.
func (r *run) exceptions(action string) (list []string) {
	known := r.factsOf(action)
	request, sets := r.request(action, known)
	all := slices.Clone(sets.Identity)
	for _, named := range []*policy.Named{sets.Resource, sets.Boundary} {
		if named != nil {
			all = append(all, *named)
		}
	}
	for _, named := range all {
		for _, s := range r.sets.statements[named.Document] {
			if conditions, ok := told(s, known); ok && s.Denies() && len(unknownKeys(s, known)) > 0 && deniesWithoutConditions(request, s) {
				list = append(list, unless+strings.Join(conditions, " and "))
			}
		}
	}
	return list
}

// unless begins a condition under which a call is denied.
const unless = "unless "

// standings are all, in their order.
var standings = []Standing{MayCall, MayDepends, MayUnknown, MayNot}

// alternatives are the conditions of the statements, of which one has to let a call in; "" if one has none.
func alternatives(by []By) string {
	var list []string
	for _, b := range by {
		if len(b.Conditions) == 0 {
			return ""
		}
		list = union(list, []string{strings.Join(b.Conditions, " and ")})
	}
	return strings.Join(list, ", or ")
}

// grounds are the statements by which the caller has the action, if their conditions hold, for all that is known.
func (r *run) grounds(e Entry, action string, keep func(setup.Statement) bool) (by []By) {
	known := r.factsOf(action)
	request, sets := r.request(action, known)
	all := slices.Clone(sets.Identity)
	if e.named != nil {
		all = append(all, *e.named)
	}
	for _, named := range all {
		isResource := named.Document.Kind() == policy.Resource
		for i, s := range r.sets.statements[named.Document] {
			if s.Denies() || isResource && keep != nil && !keep(s) || !r.reaches(request, s) {
				continue
			}
			conditions, ok := told(s, known)
			if !ok {
				continue
			}
			ref := policy.Ref{Policy: named.Name, Document: named.Document, Statement: i}
			by = append(by, e.by(ref, s, conditions))
		}
	}
	return by
}

// reaches reports whether the statement alone allows the request but for its conditions.
func (r *run) reaches(request policy.Request, s setup.Statement) bool {
	bare, err := s.WithoutConditions()
	if err != nil {
		return false
	}
	alone := policy.Named{Document: bare}
	sets := &policy.Sets{}
	if bare.Kind() == policy.Resource {
		if sets.Resource = &alone; r.subject.account != r.function.Account && r.subject.account != "" {
			sets.Identity = setup.Everything()
		}
	} else {
		sets.Identity = []policy.Named{alone}
		request.ResourceAccount = r.subject.account // the function's side is not asked
	}
	return policy.Evaluate(request, sets).Effect == policy.Allowed
}

// told are the conditions of a statement that not each call of a function URL meets; not ok if one of them cannot be met.
func told(s setup.Statement, known *facts) (conditions []string, ok bool) {
	for _, c := range s.Conditions {
		switch unknown := known.isUnknown(c.Key); {
		case !unknown && !c.Holds(known):
			return nil, false
		case !ofCall(c):
			conditions = append(conditions, conditionText(c))
		}
	}
	return conditions, true
}

// ofCall reports whether a condition is about the call of a function URL, and not about who calls.
func ofCall(c policy.Condition) bool {
	return strings.EqualFold(c.Key, "lambda:FunctionUrlAuthType") || strings.EqualFold(c.Key, "lambda:InvokedViaFunctionUrl")
}

// conditionText is a condition in words.
func conditionText(c policy.Condition) string {
	set, operator, isSet := strings.Cut(c.Operator, ":")
	if !isSet {
		set, operator = "", c.Operator
	}
	operator = strings.ToLower(operator)
	operator, orNone := strings.CutSuffix(operator, "ifexists")
	values := strings.Join(c.Values, " or ")
	is := map[string]string{
		"stringequals": "=", "stringnotequals": "is not", "stringequalsignorecase": "=", "stringnotequalsignorecase": "is not",
		"stringlike": "is like", "stringnotlike": "is not like", "arnequals": "is like", "arnlike": "is like",
		"arnnotequals": "is not like", "arnnotlike": "is not like", "ipaddress": "in", "notipaddress": "not in", "bool": "=",
		"numericequals": "=", "numericnotequals": "is not", "numericlessthan": "<", "numericlessthanequals": "<=",
		"numericgreaterthan": ">", "numericgreaterthanequals": ">=", "dateequals": "=", "datenotequals": "is not",
		"datelessthan": "<", "datelessthanequals": "<=", "dategreaterthan": ">", "dategreaterthanequals": ">=",
	}[operator]
	text := c.Key + " " + cmp.Or(is, c.Operator) + " " + values
	if operator == "null" {
		if text = "with " + c.Key; strings.EqualFold(values, "true") {
			text = "without " + c.Key
		}
	}
	switch {
	case strings.EqualFold(set, "ForAnyValue"):
		text = "any " + text
	case strings.EqualFold(set, "ForAllValues"):
		text = "each " + text
	}
	if orNone {
		text += " (or without it)"
	}
	return text
}

func (e Entry) by(ref policy.Ref, s setup.Statement, conditions []string) By {
	by := By{Policy: ref.Policy, Sid: s.Sid, Statement: ref.Path(), Conditions: conditions}
	if e.Declared != nil {
		by.Place, _ = e.Declared.At(ref)
	}
	return by
}

// own are the statements of the function's policy.
func (e Entry) own() []setup.Statement {
	if e.named == nil {
		return nil
	}
	return e.statements[e.named.Document]
}

// concerns reports whether a statement is about a call of the URL.
func (e Entry) concerns(s setup.Statement) bool {
	return (s.CoversAction(lambda.ActionInvokeURL) || s.CoversAction(lambda.ActionInvoke)) && s.CoversResource(e.Function.String())
}

// denies are the statements of the function's policy that deny one of the two actions.
func (e Entry) denies() (list []By) {
	for i, s := range e.own() {
		if s.Denies() && e.concerns(s) {
			conditions := []string{}
			for _, c := range s.Conditions {
				conditions = append(conditions, conditionText(c))
			}
			by := e.by(policy.Ref{Policy: e.named.Name, Document: e.named.Document, Statement: i}, s, conditions)
			if by.Principals = s.Principals; s.NotPrincipal {
				by.Principals = []string{"everyone except " + strings.Join(s.Principals, ", ")}
			}
			list = append(list, by)
		}
	}
	return list
}

// grant is a principal of the function's policy, with the conditions of one of the statements that list it.
type grant struct {
	principal  string
	conditions []string
}

// grants are those of the function's policy, in its order. A principal is there once for each set of conditions.
func (e Entry) grants(known func(principal string) bool) (list []grant) {
	for _, s := range e.own() {
		if s.Denies() || !e.concerns(s) {
			continue
		}
		for _, principal := range s.Principals { // AWS takes NotPrincipal in statements that deny only
			g := grant{strings.TrimPrefix(principal, "AWS:"), whoConditions(s)}
			if known(g.principal) || slices.ContainsFunc(list, func(other grant) bool {
				return other.principal == g.principal && slices.Equal(other.conditions, g.conditions)
			}) {
				continue
			}
			list = append(list, g)
		}
	}
	return list
}

// whoConditions are the conditions of a statement but for those about the call.
func whoConditions(s setup.Statement) []string {
	var list []string
	for _, c := range s.Conditions {
		if !ofCall(c) {
			list = append(list, conditionText(c))
		}
	}
	slices.Sort(list)
	return list
}

// includes reports whether a statement is one for the principal whose conditions are met where the grant's are.
func (g grant) includes(s setup.Statement) bool {
	if s.Denies() {
		return true
	}
	for _, condition := range whoConditions(s) {
		if !slices.Contains(g.conditions, condition) {
			return false
		}
	}
	return true
}

// within is the entry with the statements of the policy that the grant includes.
func (e Entry) within(g grant) (Entry, error) {
	kept, err := setup.Without(e.named.Document, e.own(), func(s setup.Statement) bool { return !g.includes(s) })
	if err != nil {
		return e, err
	}
	statements := slices.DeleteFunc(slices.Clone(e.own()), func(s setup.Statement) bool { return !g.includes(s) })
	all := maps.Clone(e.statements)
	all[kept] = statements
	e.statements = all
	e.named = &policy.Named{Name: e.named.Name, Document: kept}
	return e, nil
}

// grantees are the callers that the function's policy names, of a URL that asks who calls, and whose own policies are not
// known.
func (e Entry) grantees(ctx context.Context, callers *Callers) (list []Caller) {
	for _, g := range e.grants(callers.has) {
		if arn.Root(e.Function.Account).In(e.Function.Partition()).String() == g.principal || g.principal == e.Function.Account {
			if !callers.known(e.Function.Account) {
				list = append(list, e.ownAccount(g))
			}
			continue
		}
		list = appendCaller(list, e.grantedTo(ctx, g))
	}
	return list
}

// ownAccount is the entry for a statement that leaves it to the policies of the function's account.
func (e Entry) ownAccount(g grant) Caller {
	return Caller{
		Principal: g.principal, Kind: kindAccount, Standing: MayDepends, Conditions: g.conditions, Actions: []CallerMay{},
		Reasons: []string{"a statement for the function's own account lets in users and roles only as far as policies of " +
			"their own allow both actions"},
	}
}

// appendCaller leaves out what may not call by some of the statements that another entry of the same principal has.
func appendCaller(list []Caller, c Caller) []Caller {
	for i, other := range list {
		if other.Principal != c.Principal || other.Kind != c.Kind {
			continue
		}
		switch {
		case c.Standing == MayNot && other.Standing != MayNot:
			return list
		case c.Standing != MayNot && other.Standing == MayNot:
			list[i] = c
			return list
		}
	}
	return append(list, c)
}

// grantedTo is the caller that a grant is for.
func (e Entry) grantedTo(ctx context.Context, g grant) Caller {
	unjudged := func(kind string, standing Standing, format string, arguments ...any) Caller {
		return Caller{
			Principal: g.principal, Kind: kind, Standing: standing, Conditions: g.conditions, Actions: []CallerMay{},
			Reasons: []string{fmt.Sprintf(format, arguments...)},
		}
	}
	kind, name, _ := strings.Cut(g.principal, ":")
	named, _ := arn.ParsePrincipal(g.principal)
	switch {
	case g.principal == "*":
		kind = kindEveryone
		if organization(g.conditions) != "" {
			kind = kindOrg
		}
	case setup.IsUniqueID(g.principal):
		return unjudged(kindDeleted, MayNot, "it is the unique id of a role or user that was deleted: nobody has it any more")
	case kind == "Service" && strings.TrimSuffix(name, ".cn") != cloudFront:
		return unjudged(kindService, MayNot, "of all services only CloudFront is known to send signed requests to function URLs")
	case kind == "Service":
		kind = kindService
	case arn.IsAccount(g.principal) || named.Type == "root":
		kind = kindAccount
	case named.Type == "role":
		kind = kindRole
	case named.Type == "user":
		kind = kindUser
	case named.Type == "assumed-role":
		kind = kindSession
	case named.Type == "federated-user":
		kind = kindFederated
	default:
		return unjudged(kindOther, MayUnknown, "it is not a principal that furl knows")
	}
	to, ok := e.grantee(g.principal, nil)
	if !ok {
		return unjudged(kind, MayUnknown, "it is not a principal that furl knows")
	}
	within, err := e.within(g)
	if err != nil {
		return unjudged(kind, MayUnknown, "%v", err)
	}
	r := within.run(lambda.AuthIAM)
	r.subject = to
	if to.account != "" && to.account != e.Function.Account {
		r.sets.identity = setup.Everything()
		r.sets.statements[r.sets.identity[0].Document] = nil
	}
	r.findSource()
	c := r.standing(ctx, e, g.principal, kind, g.includes)
	if g.principal == "*" {
		c.Reasons = append(c.Reasons, "callers of other accounts than "+e.Function.Account+" need both actions in policies of "+
			"their own, too")
	}
	if kind == kindRole || kind == kindUser || kind == kindSession {
		c.Reasons = append(c.Reasons, "policies of its own were not read, and may deny it")
	}
	if c.CrossAccount && c.Standing == MayCall {
		c.Standing = MayDepends
		c.Reasons = append(c.Reasons, "policies of account "+to.account+" have to allow both actions, too")
	}
	if len(c.Conditions) == 0 {
		c.Conditions = g.conditions
	}
	return c
}

// unsigned are the callers of a URL that does not ask who calls.
func (e Entry) unsigned(ctx context.Context) (list []Caller) {
	for _, g := range e.grants(func(string) bool { return false }) {
		if g.principal != "*" {
			if e.AuthType == lambda.AuthNone {
				list = append(list, Caller{
					Principal: g.principal, Kind: kindOther, Standing: MayNot, Conditions: g.conditions, Actions: []CallerMay{},
					Reasons: []string{"the URL has auth type NONE and does not look at who calls"},
				})
			}
			continue
		}
		within, err := e.whoEntry().within(g)
		if err != nil {
			continue
		}
		c := within.run(lambda.AuthNone).standing(ctx, e, g.principal, kindEveryone, g.includes)
		if e.AuthType == "" {
			if c.Standing == MayNot {
				continue
			}
			c.Standing, c.Reasons = MayDepends, append(c.Reasons, "if the URL has auth type NONE")
		}
		list = appendCaller(list, c)
	}
	return list
}

// organization is the organization that the conditions ask for; "" if they ask for none.
func organization(conditions []string) string {
	for _, condition := range conditions {
		key, id, ok := strings.Cut(condition, " = ")
		if ok && strings.EqualFold(key, "aws:PrincipalOrgID") {
			return id
		}
	}
	return ""
}

// Short names the caller in a few words: "anyone", "account 123456789012", "org o-0123456789", or a role by its name.
func (c Caller) Short() string {
	named, err := arn.ParsePrincipal(c.Principal)
	text := c.Principal
	switch {
	case c.Kind == kindOrg:
		return "org " + organization(c.Conditions)
	case c.Principal == "*":
		text = "anyone"
	case c.Kind == kindAccount:
		text = "account " + cmp.Or(named.Account, c.Principal)
	case c.Kind == kindRoot:
		text = "root user"
	case err == nil && (c.Kind == kindRole || c.Kind == kindUser):
		if text = c.Kind + "/" + named.Name; c.CrossAccount {
			text = "account " + named.Account + " " + text
		}
	default:
		text = strings.TrimPrefix(text, "Service:")
	}
	if len(c.Conditions) > 0 {
		text += " (" + strings.Join(c.Conditions, "; ") + ")"
	}
	return text
}

// WriteTo writes the answer for a person to read.
func (w Who) WriteTo(out io.Writer) (int64, error) {
	var text strings.Builder
	for _, f := range w.Functions {
		f.write(&text)
	}
	for _, note := range w.Notes {
		fmt.Fprintf(&text, "not considered: %s\n", note)
	}
	n, err := io.WriteString(out, text.String())
	return int64(n), err
}

func (f FunctionCallers) write(text *strings.Builder) {
	where := ""
	if f.Place != (Place{}) {
		where = f.Place.String() + ": "
	}
	fmt.Fprintf(text, "%s%s  %s\n", where, strings.TrimSpace(f.Function+"  "+f.URL), cmp.Or(string(f.AuthType), "auth type not known"))
	may := 0
	for _, standing := range standings {
		begun := false
		for _, c := range f.Callers {
			if c.Standing != standing {
				continue
			}
			if !begun {
				begun = true
				fmt.Fprintf(text, "  %s:\n", standing)
			}
			c.write(text)
			if standing != MayNot {
				may++
			}
		}
	}
	switch {
	case may == 0 && f.Complete:
		fmt.Fprintln(text, "  nobody may call")
	case may == 0:
		fmt.Fprintln(text, "  whether anybody may call could not be found out")
	}
	for _, by := range f.Denies {
		fmt.Fprintf(text, "  denied to %s: %s\n", strings.Join(by.Principals, ", "), by)
	}
	for _, fault := range f.CouldNotLook {
		fmt.Fprintf(text, "  could not look at %s\n", fault)
	}
}

func (c Caller) write(text *strings.Builder) {
	name := c.Principal
	if c.Kind != kindOther {
		name = c.Kind + " " + name
	}
	switch c.Kind {
	case kindEveryone:
		name = "everyone"
	case kindOrg:
		name = "everyone of organization " + organization(c.Conditions)
	}
	if c.CrossAccount {
		name += ", of another account"
	}
	fmt.Fprintf(text, "    %s\n", name)
	for _, condition := range c.Conditions {
		if !strings.HasPrefix(condition, unless) {
			condition = "only with " + condition
		}
		fmt.Fprintf(text, "      %s\n", condition)
	}
	for _, may := range c.Actions {
		if len(may.By) == 0 {
			fmt.Fprintf(text, "      %-24s  %s\n", may.Action, may.Standing)
		}
		for _, by := range may.By {
			if may.Standing == MayCall {
				fmt.Fprintf(text, "      %-24s  %s\n", may.Action, by)
				continue
			}
			fmt.Fprintf(text, "      %-24s  %s: %s\n", may.Action, may.Standing, by)
		}
	}
	for _, reason := range c.Reasons {
		fmt.Fprintf(text, "      %s\n", reason)
	}
	if len(c.AssumedBy) > 0 {
		fmt.Fprintf(text, "      assumed by %s\n", strings.Join(c.AssumedBy, ", "))
	}
}

// WhoSaved answers for what was saved from the APIs, as Offline does. names are the files to read; none are all.
func WhoSaved(ctx context.Context, dir fs.FS, callers *Callers, names ...string) (Who, error) {
	o, err := readSaved(dir, nil, callers, names...)
	if err != nil {
		return Who{}, err
	}
	who := WhoOf(ctx, o.list(), o.callers, nil)
	for _, note := range o.notes {
		for i := range who.Functions {
			if len(o.unread) > 0 {
				who.Functions[i].CouldNotLook, who.Functions[i].Complete = append(who.Functions[i].CouldNotLook, note), false
			}
		}
	}
	return who, nil
}
