package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// Depends is the status of a function whose policy lets nobody call by itself: it depends on the callers' own policies.
const Depends Status = "depends"

// Entry is a function or alias with its URL and the policy that the URL asks.
type Entry struct {
	Function lambda.ARN // with the alias
	AuthType lambda.AuthType
	Address  string            // of the URL; "" if it is not known whether there is one
	Policy   string            // "" if there is none
	Fault    error             // why the policy is not known
	Tags     map[string]string // of the function; nil if they are not known
	Declared *Declaration      // nil if it is not from a project
	URL      *awsapi.URL       // as the API has it; nil if it was not asked

	from       *Checker      // who looked; nil for what was saved or declared
	named      *policy.Named // Policy, parsed
	statements map[*policy.Document][]setup.Statement
}

// Declaration is where a project declares a function URL and what lets callers in.
type Declaration struct {
	Place // of the URL
	// At is where a statement of a policy is, by the name of the policy that the Entry or the callers have.
	At func(statement policy.Ref) (Place, bool)
	// Misplaced are grants on the function that are not on what the URL belongs to, a sentence each.
	Misplaced []string
}

// Place is a place in a file. Line and Column count from 1.
type Place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// AllowedBy is a statement that allows a principal one of the two actions.
type AllowedBy struct {
	Principal string `json:"principal"`
	Action    string `json:"action"`
	Statement string `json:"statement"`
	Place

	ref policy.Ref
}

func allowedBy(principal string, steps ...Step) (by []AllowedBy) {
	for _, step := range steps {
		for _, ref := range step.by {
			by = append(by, AllowedBy{Principal: principal, Action: step.action, Statement: explain.Statement(ref), ref: ref})
		}
	}
	return by
}

// tell adds the statements that let callers in, for an entry that a project declares.
func (e Entry) tell(judged *AuditFunction, by []AllowedBy) {
	if e.Declared == nil {
		return
	}
	for _, allowed := range by {
		var ok bool
		if allowed.Place, ok = e.Declared.At(allowed.ref); !ok {
			continue
		}
		judged.AllowedBy = append(judged.AllowedBy, allowed)
		judged.Details = append(judged.Details,
			fmt.Sprintf("%s: %s is allowed to %s", allowed.Place, allowed.Action, allowed.Principal))
	}
}

// at is the place of a statement with a colon, "" for none.
func (e Entry) at(ref policy.Ref) string {
	if e.Declared != nil {
		if place, ok := e.Declared.At(ref); ok {
			return place.String() + ": "
		}
	}
	return ""
}

// parse reads the policy.
func (e *Entry) parse() {
	if e.Fault != nil || e.Policy == "" {
		return
	}
	name := "resource-based policy of " + e.Function.String()
	document, statements, err := setup.Parse(name, e.Policy, policy.Resource)
	if err != nil {
		e.Fault = err
		return
	}
	e.named = &policy.Named{Name: name, Document: document}
	e.statements = map[*policy.Document][]setup.Statement{document: statements}
}

// Audit is what the rule of two actions means for many functions. Its JSON form is a contract: fields are only added.
type Audit struct {
	Version int `json:"version"` // of the JSON form
	// Refused if some principal has one of the actions alone or nobody may call, Undecided if that is not known.
	Verdict   Verdict         `json:"verdict"`
	Counts    Counts          `json:"counts"`
	Functions []AuditFunction `json:"functions"`
	Regions   []Looked        `json:"regions,omitempty"` // those that were asked
	Notes     []string        `json:"notes,omitempty"`
	Fix       []string        `json:"fix,omitempty"`

	unread []string // those of Notes that are about files that could not be read
}

// jsonVersion is the version of the JSON forms of this package.
const jsonVersion = 1

// Counts say how many function URLs came out how.
type Counts struct {
	FunctionURLs int `json:"functionUrls"`
	OK           int `json:"ok"`
	Problems     int `json:"problems"`
	Depend       int `json:"depend"`
	CouldNotLook int `json:"couldNotLook"`
	Unseen       int `json:"regionsNotLookedAt"` // whose functions are not among the others
	Unread       int `json:"filesNotRead"`       // that may be about a function
}

// AuditFunction is what it means for one function or alias.
type AuditFunction struct {
	Function string          `json:"function"`
	Profile  string          `json:"profile,omitempty"` // that looked, if one was named
	Region   string          `json:"region,omitempty"`
	Account  string          `json:"account,omitempty"`
	URL      string          `json:"url,omitempty"`
	AuthType lambda.AuthType `json:"authType,omitempty"`
	Status   Status          `json:"status"`
	Rule     Rule            `json:"rule,omitempty"` // that a status other than OK comes from
	Summary  string          `json:"summary"`
	Details  []string        `json:"details,omitempty"`
	Missing  string          `json:"missingPermission,omitempty"`
	MayCall  []string        `json:"mayCall,omitempty"` // principals that have both actions, as far as is known; * is everyone
	Fix      []string        `json:"fix,omitempty"`

	Place                 // of the URL in the file that declares it
	AllowedBy []AllowedBy `json:"allowedBy,omitempty"` // in such files

	// Of a question about one caller.
	Principal string `json:"principal,omitempty"`
	Steps     []Step `json:"steps,omitempty"`

	entry    Entry
	requests []setup.Request // the grants among the fixes
}

// AuditOf judges the entries.
func AuditOf(ctx context.Context, entries []Entry, callers *Callers) Audit {
	return (&Checker{}).Audit(ctx, entries, callers)
}

// Audit judges the entries, with the checker's flags in the commands that it names.
func (c *Checker) Audit(ctx context.Context, entries []Entry, callers *Callers) Audit {
	audit := Audit{Functions: []AuditFunction{}}
	for i := range entries {
		entries[i].parse()
	}
	accesses := callers.accesses(ctx, entries)
	for i, entry := range entries {
		judged := entry.judge(ctx, accesses[i], callers)
		judged.mend(entry, cmp.Or(entry.from, c))
		audit.Fix = union(audit.Fix, judged.Fix)
		audit.Functions = append(audit.Functions, judged)
		if judged.Rule == ruleMissing {
			audit.Notes = union(audit.Notes, []string{bothNeeded})
		}
	}
	audit.conclude()
	switch {
	case callers != nil && (callers.Declared || !callers.None()):
		audit.Notes = append(audit.Notes, callers.notes()...)
	case audit.Counts.Depend > 0:
		audit.Notes = append(audit.Notes, "who may call by policies of their own is told by --callers, or by a copy of "+
			"what aws iam get-account-authorization-details prints, with --callers=FILE or in the directory of --offline")
	}
	return audit
}

// judge says what the policy and the callers' own ones come to.
func (e Entry) judge(ctx context.Context, by access, callers *Callers) AuditFunction {
	judged := AuditFunction{
		Function: e.Function.String(), Region: e.Function.Region, Account: e.Function.Account,
		URL: e.Address, AuthType: e.AuthType, Status: OK,
	}
	if e.from != nil {
		judged.Profile = e.from.Owner.Profile
	}
	if e.Declared != nil {
		judged.Place = e.Declared.Place
	}
	switch {
	case e.Fault != nil:
		judged.Status, judged.Summary = Unknown, e.Fault.Error()
		judged.Missing, _ = awsapi.DeniedAction(e.Fault)
	case e.AuthType == lambda.AuthNone:
		e.judgePublic(ctx, &judged)
	default:
		e.judgeSigned(ctx, &judged, by, callers)
	}
	if judged.Rule == "" {
		judged.Rule = judged.Status.rule()
	}
	return judged
}

// judgeSigned judges a URL that asks who calls.
func (e Entry) judgeSigned(ctx context.Context, judged *AuditFunction, by access, callers *Callers) {
	var found linted
	if e.named != nil {
		found = lint(judged.Function, *e.named, e.statements[e.named.Document], callers, e.at)
	}
	judged.Details = found.wrong
	granted, allowed := e.granted(ctx, callers)
	judged.MayCall = union(granted, by.may)
	defer func() { // whatever the verdict
		e.tell(judged, slices.Concat(allowed, by.by))
		if e.Declared != nil {
			for _, name := range granted {
				if judged.Status != Depends && e.areElsewhere([]string{name}) {
					judged.Details = append(judged.Details, name+": policies of its own account have to allow both actions, too")
				}
			}
			judged.Details = append(judged.Details, by.direct...)
			judged.Details = append(judged.Details, e.Declared.Misplaced...)
		}
	}()
	known := callers.known(e.Function.Account)
	switch {
	case len(found.alone)+len(by.half) > 0:
		judged.Status, judged.Rule, judged.Summary = Problem, ruleMissing, "one of the two actions is granted alone"+noUse
		judged.Details = slices.Concat(found.alone, by.reasons, found.wrong)
		judged.Fix = found.fix
		for _, name := range by.half {
			judged.Fix = append(judged.Fix, grantTo(judged.Function, name))
		}
	case len(granted) > 0 && len(by.may) == 0 && e.Declared != nil && e.areElsewhere(granted):
		judged.Status = Depends
		judged.Summary = "both actions are granted to " + some(granted) +
			": policies of that account have to allow them both, too"
	case len(granted) > 0:
		judged.Summary = "each principal that the policy names has both actions, or neither"
	case len(by.may) > 0 && by.scp != nil:
		judged.Status, judged.Summary, judged.Missing = by.scp.Status, by.scp.Summary, by.scp.Missing
		judged.Details, judged.Fix = by.scp.Details, by.scp.Fix
		if judged.Status == Problem {
			judged.Rule = ruleSCP
		}
	case len(by.may) > 0:
		judged.Summary = "both actions are granted to " + some(by.may)
	case e.Declared != nil && len(e.Declared.Misplaced) > 0:
		judged.Status, judged.Rule = Problem, ruleQualifier
		judged.Summary = e.lacks() + ": what is granted is on another qualifier of the function than the URL's"
	case !known || len(by.unsure)+len(callers.faults) > 0:
		judged.Status, judged.Summary = Depends, e.lacks()+": callers need both actions in their own policies"
		if known || len(by.unsure) > 0 {
			judged.Summary += ", and whether one has them could not be found out"
		}
		if known || e.Declared != nil {
			judged.Details = append(judged.Details, by.reasons...)
			for _, fault := range callers.faults {
				judged.Details = append(judged.Details, fault.Error())
			}
		}
	default:
		judged.Status, judged.Rule = Problem, ruleNobody
		judged.Summary = fmt.Sprintf("%s, and no user or role of account %s has both actions: nobody but its root user may call",
			e.lacks(), e.Function.Account)
		judged.Details = slices.Concat(found.wrong, by.reasons)
	}
}

// lacks says why the policy lets nobody call by itself.
func (e Entry) lacks() string {
	if e.named == nil {
		return "no resource-based policy"
	}
	return "the resource-based policy lets nobody call the URL by itself"
}

// areElsewhere reports whether the principals are all of other accounts than the function.
func (e Entry) areElsewhere(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		account := arn.AccountOf(name)
		if arn.IsAccount(name) {
			account = name
		}
		return account == "" || account == e.Function.Account
	})
}

// granted are the principals that the policy lets call by itself, as far as their own policies are not known, and what
// lets them.
func (e Entry) granted(ctx context.Context, callers *Callers) (names []string, by []AllowedBy) {
	if e.named == nil {
		return nil, nil
	}
	for _, s := range e.statements[e.named.Document] {
		if s.Denies() || !s.CoversAction(lambda.ActionInvokeURL) {
			continue
		}
		if s.NotPrincipal {
			names = union(names, []string{"*"})
		}
		for _, principal := range s.Principals {
			principal = strings.TrimPrefix(principal, "AWS:")
			to, ok := e.grantee(principal, callers)
			if !ok || slices.Contains(names, principal) {
				continue
			}
			if steps, ok := e.lets(ctx, to); ok {
				names = union(names, []string{principal})
				by = append(by, allowedBy(principal, steps...)...)
			}
		}
	}
	return names, by
}

// grantee is who a statement is about, if a grant to it is one: a grant to the function's own account gives nothing by
// itself, one to the unique id of a deleted role or user nothing at all, and of the services only CloudFront calls.
func (e Entry) grantee(name string, callers *Callers) (to subject, ok bool) {
	if arn.IsAccount(name) {
		name = arn.Root(name).In(e.Function.Partition()).String()
	}
	service, isService := strings.CutPrefix(name, "Service:")
	named, _ := arn.ParsePrincipal(name)
	caller, err := policy.ParsePrincipal(service)
	switch {
	case name == "*":
		caller = policy.Principal{Type: policy.User, Account: e.Function.Account, ARN: "*"}
	case isService:
		ok = strings.TrimSuffix(service, ".cn") == cloudFront && err == nil
		return subject{principal: &caller, kind: caller.Type, label: service}, ok
	case callers.has(name), named.Type == "root" && named.Account == e.Function.Account:
		return subject{}, false
	case named.Type == "role":
		session := arn.Session(named.Account, named.Name, "furl-check").In(named.Partition)
		caller, err = policy.ParsePrincipal(session.String())
		caller.RoleARN = name
	}
	to = subject{principal: &caller, kind: caller.Type, account: caller.Account, label: name, anybody: name == "*"}
	return to, name == "*" || err == nil
}

// lets reports whether the policy lets the principal do both actions for all that is known of it, if its own account
// does.
func (e Entry) lets(ctx context.Context, to subject) (steps []Step, ok bool) {
	r := e.run(lambda.AuthIAM)
	r.subject = to
	if to.account != "" && to.account != e.Function.Account {
		r.sets.identity = setup.Everything()
	}
	r.findSource()
	for _, action := range setup.Actions {
		step := r.decide(ctx, action)
		if step.Status == Problem {
			return nil, false
		}
		steps = append(steps, step)
	}
	return steps, true
}

// run is a question about the function URL, to which nobody but its own policy has an answer.
func (e Entry) run(authType lambda.AuthType) *run {
	r := &run{
		Checker: &Checker{Owner: &Side{}}, function: e.Function, address: e.Address, authType: authType,
		tags: e.Tags, tagged: e.Tags != nil, resource: resourceSide{named: e.named},
	}
	r.sets.statements = e.statements
	return r
}

// judgePublic judges a URL that asks nobody who they are: both actions have to be granted to everyone.
func (e Entry) judgePublic(ctx context.Context, judged *AuditFunction) {
	r := e.run(lambda.AuthNone)
	var lacking []string
	var by []AllowedBy
	judged.Summary = "everyone may call"
	for _, action := range setup.Actions {
		step := r.decide(ctx, action)
		switch step.Status {
		case OK:
			by = append(by, allowedBy("*", step)...)
			continue
		case Problem:
			lacking = append(lacking, action)
			judged.Fix = union(judged.Fix, step.Fix)
		case Unknown:
			if judged.Status == OK {
				judged.Status = Unknown
			}
			judged.Summary = step.Summary
		}
		judged.Details = append(judged.Details, step.Details...)
	}
	if len(lacking) == 0 {
		judged.MayCall = []string{"*"}
	}
	if len(lacking) > 0 {
		slices.Sort(lacking)
		judged.Status, judged.Rule = Problem, rulePublic
		judged.Summary = "everyone is to call, but is not granted " + strings.Join(lacking, " and ")
	}
	e.tell(judged, by)
	if e.Declared != nil {
		judged.Details = append(judged.Details, e.Declared.Misplaced...)
	}
}

// maxNames is how many names are worth showing.
const maxNames = 5

// some is the first few of a list of names.
func some(names []string) string {
	shown := strings.Join(names[:min(maxNames, len(names))], ", ")
	if more := len(names) - maxNames; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return shown
}
