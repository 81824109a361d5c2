package check

import (
	"cmp"
	"context"
	"fmt"
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
