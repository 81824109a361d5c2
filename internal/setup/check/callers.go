package check

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// Callers are the users and roles of accounts, with all that their own policies say. The zero value has none.
type Callers struct {
	// Declared says that they are those of a project: its account may have others.
	Declared bool

	accounts map[string]*details // by account id
	faults   []error             // why there may be more
}

// Fault notes why there may be more callers, or other policies of theirs.
func (c *Callers) Fault(err error) { c.faults = append(c.faults, err) }

// Add adds the answer of GetAccountAuthorizationDetails, or a part of it.
func (c *Callers) Add(answer awsapi.Details) error {
	entities := slices.Concat(answer.Users, answer.Groups, answer.Roles)
	if len(entities) == 0 {
		return errors.New("it has no user, group or role")
	}
	for _, entity := range entities {
		if arn.AccountOf(entity.ARN) != arn.AccountOf(entities[0].ARN) || arn.AccountOf(entity.ARN) == "" {
			return fmt.Errorf("%q is not the ARN of a user, group or role of one account", entity.ARN)
		}
	}
	account := arn.AccountOf(entities[0].ARN)
	if c.accounts == nil {
		c.accounts = map[string]*details{}
	}
	if c.accounts[account] == nil {
		c.accounts[account] = &details{declared: c.Declared}
	}
	known := c.accounts[account]
	fresh := func(list, more []awsapi.Entity) []awsapi.Entity {
		return slices.DeleteFunc(more, func(entity awsapi.Entity) bool {
			i := slices.IndexFunc(list, func(other awsapi.Entity) bool { return other.ARN == entity.ARN })
			if i >= 0 && !reflect.DeepEqual(list[i], entity) {
				c.faults = append(c.faults, fmt.Errorf("two answers of GetAccountAuthorizationDetails differ about %s", entity.ARN))
			}
			return i >= 0
		})
	}
	answer.Users, answer.Groups = fresh(known.Users, answer.Users), fresh(known.Groups, answer.Groups)
	answer.Roles = fresh(known.Roles, answer.Roles)
	known.Add(answer)
	return nil
}

var errOnePage = errors.New("the saved answer of GetAccountAuthorizationDetails is one page of several")

// savedDetails is what the AWS CLI prints for get-account-authorization-details. What it prints for one page of several
// says so.
type savedDetails struct {
	awsapi.Details
	IsTruncated bool
	Marker      string
	NextToken   string
}

// Read adds an answer of GetAccountAuthorizationDetails as the AWS CLI printed it.
func (c *Callers) Read(text []byte) error {
	var answer savedDetails
	if err := json.Unmarshal(setup.Unicode(text), &answer); err != nil {
		return err
	}
	if err := c.Add(answer.Details); err != nil {
		return err
	}
	if answer.IsTruncated || answer.Marker != "" || answer.NextToken != "" {
		c.faults = append(c.faults, errOnePage)
	}
	return nil
}

// Callers asks IAM for the callers of the owner's account.
func (c *Checker) Callers(ctx context.Context) (*Callers, error) {
	callers := &Callers{}
	if err := callers.Ask(ctx, c.Owner); err != nil {
		return nil, err
	}
	return callers, nil
}

// Ask asks IAM for the callers of the side's account.
func (c *Callers) Ask(ctx context.Context, side *Side) error {
	reader, ok := side.Principals.(interface {
		Details(ctx context.Context) (awsapi.Details, error)
	})
	if !ok {
		return errors.New("the callers of the account cannot be asked for")
	}
	answer, err := reader.Details(ctx)
	if err != nil {
		return err
	}
	if err := c.Add(answer); err != nil {
		return fmt.Errorf("iam:GetAccountAuthorizationDetails: %w", err)
	}
	for _, entity := range slices.Concat(answer.Users, answer.Groups, answer.Roles) {
		c.accounts[arn.AccountOf(entity.ARN)].simulator = side.Principals
	}
	return nil
}

// has reports whether the principal is one of the callers, whose own policies are known.
func (c *Callers) has(principal string) bool {
	if c == nil || c.accounts[arn.AccountOf(principal)] == nil {
		return false
	}
	known := c.accounts[arn.AccountOf(principal)]
	return slices.ContainsFunc(slices.Concat(known.Users, known.Roles), func(e awsapi.Entity) bool {
		return e.ARN == principal
	})
}

// notes say what the callers' policies leave open.
func (c *Callers) notes() []string {
	if c.Declared {
		return []string{"of the callers, only those that are declared are counted: other users and roles of the account " +
			"may have both actions by policies of their own, and service control policies are not known"}
	}
	for _, known := range c.accounts {
		if known.simulator == nil {
			return []string{"a saved answer of GetAccountAuthorizationDetails says nothing of service control " +
				"policies: furl check with a function asks for them"}
		}
	}
	return nil
}

// None reports whether there are none.
func (c *Callers) None() bool { return len(c.accounts) == 0 }

// known reports whether the callers of the account are known.
func (c *Callers) known(account string) bool {
	return c != nil && !c.Declared && c.accounts[account] != nil
}

// details are what IAM says of an account, read as from IAM itself.
type details struct {
	awsapi.Details
	simulator Principals // nil if nobody can be asked
	declared  bool       // a project declares it
}

var (
	_ Principals         = (*details)(nil)
	_ setup.PolicyReader = (*details)(nil)
)

// find is the user, group or role.
func (d *details) find(owner iam.Owner) (awsapi.Entity, error) {
	list := d.Roles
	switch owner.Kind {
	case iam.OfUser:
		list = d.Users
	case iam.OfGroup:
		list = d.Groups
	}
	i := slices.IndexFunc(list, func(entity awsapi.Entity) bool { return entity.Name() == owner.Name })
	if i < 0 {
		return awsapi.Entity{}, d.notAmong(owner.String())
	}
	return list[i], nil
}

func (d *details) Principal(_ context.Context, owner iam.Owner) (awsapi.Principal, error) {
	entity, err := d.find(owner)
	found := awsapi.Principal{
		ARN: entity.ARN, ID: cmp.Or(entity.UserID, entity.RoleID), Tags: map[string]string{},
		Boundary: entity.PermissionsBoundary.PermissionsBoundaryArn,
	}
	for _, tag := range entity.Tags {
		found.Tags[tag.Key] = tag.Value
	}
	return found, err
}

func (d *details) GroupsOf(_ context.Context, user string) ([]string, error) {
	entity, err := d.find(iam.Owner{Kind: iam.OfUser, Name: user})
	return entity.GroupList, err
}

func (d *details) Simulate(
	ctx context.Context, principal, action, resource string, keys map[string][]string,
) (awsapi.Simulation, error) {
	if d.simulator == nil {
		offline := &awsapi.Error{Kind: awsapi.Unsupported, Message: "IAM's simulator cannot be asked offline"}
		return awsapi.Simulation{}, offline
	}
	return d.simulator.Simulate(ctx, principal, action, resource, keys)
}

func (d *details) InlineNames(_ context.Context, owner iam.Owner) (names []string, err error) {
	entity, err := d.find(owner)
	for _, inline := range entity.Inline() {
		names = append(names, inline.Name)
	}
	return names, err
}

func (d *details) Inline(_ context.Context, owner iam.Owner, name string) (string, error) {
	entity, err := d.find(owner)
	for _, inline := range entity.Inline() {
		if inline.Name == name {
			return string(inline.Document), nil
		}
	}
	return "", err
}

func (d *details) Attached(_ context.Context, owner iam.Owner) (arns []string, err error) {
	entity, err := d.find(owner)
	for _, attached := range entity.AttachedManagedPolicies {
		arns = append(arns, attached.PolicyArn)
	}
	return arns, err
}

func (d *details) Managed(_ context.Context, arn string) (string, error) {
	for _, managed := range d.Policies {
		for _, version := range managed.Versions {
			if managed.ARN == arn && (version.ID == managed.Default || managed.Default == "" && version.IsDefault) {
				return string(version.Document), nil
			}
		}
	}
	return "", d.notAmong("policy " + arn)
}

func (d *details) notAmong(what string) error {
	if d.declared {
		return &awsapi.Error{Message: what + " is not declared"}
	}
	return &awsapi.Error{Message: what + " is not in the answer of GetAccountAuthorizationDetails"}
}

// access is what callers may do at one function URL.
type access struct {
	may, half, unsure []string // who has both actions, one of them and no use for it, or either as far as is known
	reasons           []string // why not, of half, unsure, and those that a policy denies the other action
	direct            []string // who has lambda:InvokeFunction alone, for other use than that of the URL
	scp               *Step    // what stands in the way of those that may
	by                []AllowedBy
	called            []*run // by the first of those that may, for service control policies
}

// accesses asks for all callers what they may do at the function URLs of the entries.
func (c *Callers) accesses(ctx context.Context, entries []Entry) []access {
	list := make([]access, len(entries))
	if c == nil {
		return list
	}
	for _, account := range slices.Sorted(maps.Keys(c.accounts)) {
		known := c.accounts[account]
		for _, entity := range slices.Concat(known.Users, known.Roles) {
			c.ask(ctx, account, entity, entries, list)
		}
	}
	var looks errgroup.Group
	looks.SetLimit(atOnce)
	for i := range list {
		looks.Go(func() error {
			list[i].lookAtSCPs(ctx)
			return nil
		})
	}
	looks.Wait() //nolint:errcheck // they return none
	return list
}

// lookAtSCPs says whether service control policies stand in the way: they do not if they let one of the callers through.
func (a *access) lookAtSCPs(ctx context.Context) {
	for _, caller := range a.called {
		a.scp = nil
		caller.lookAtSCPs(ctx)
		step := caller.report.Steps[len(caller.report.Steps)-1]
		if step.Status == OK || !step.Decides {
			return
		}
		a.scp = &step
	}
}

// ask asks for one user or role.
func (c *Callers) ask(ctx context.Context, account string, entity awsapi.Entity, entries []Entry, list []access) {
	r, err := c.runOf(ctx, account, entity)
	if err != nil {
		c.faults = append(c.faults, err)
		return
	}
	// Most roles have nothing to do with function URLs: there is no need to ask for each URL.
	silent := len(r.sets.faults) == 0 && !r.allowsSomething()
	for i, entry := range entries {
		if silent && entry.named == nil {
			continue
		}
		if entry.AuthType != lambda.AuthNone && entry.Fault == nil {
			r.at(entry)
			r.tell(ctx, entity.ARN, &list[i])
		}
	}
}

// runOf is a question of a user or role, with all that its own policies say.
func (c *Callers) runOf(ctx context.Context, account string, entity awsapi.Entity) (*run, error) {
	known := c.accounts[account]
	side := &Side{Principals: known, Policies: known}
	r := &run{
		Checker: &Checker{Owner: side}, caller: side, identity: awsapi.Identity{Account: account}, ownerID: account,
		authType: lambda.AuthIAM,
	}
	r.sets.statements = map[*policy.Document][]setup.Statement{}
	caller, err := callerOf(entity)
	if err != nil {
		return nil, err
	}
	r.subject = subject{principal: &caller}
	r.lookUpSubject(ctx)
	r.readIdentity(ctx)
	return r, nil
}

// at puts the question about the function URL of an entry.
func (r *run) at(entry Entry) {
	r.function, r.address, r.tags, r.tagged = entry.Function, entry.Address, entry.Tags, entry.Tags != nil
	r.resource, r.simulations, r.report = resourceSide{named: entry.named}, nil, Report{}
	maps.Copy(r.sets.statements, entry.statements)
}

// allowsSomething reports whether a policy of the caller's own allows one of the two actions, of whatever function.
func (r *run) allowsSomething() bool {
	return slices.ContainsFunc(r.sets.identity, func(named policy.Named) bool {
		statements, parsed := r.sets.statements[named.Document]
		return !parsed || slices.ContainsFunc(statements, func(s setup.Statement) bool {
			return !s.Denies() && (s.CoversAction(lambda.ActionInvokeURL) || s.CoversAction(lambda.ActionInvoke))
		})
	})
}

// callerOf is the user, or a session of the role.
func callerOf(entity awsapi.Entity) (policy.Principal, error) {
	if entity.RoleName == "" {
		return policy.ParsePrincipal(entity.ARN)
	}
	role, _ := arn.ParsePrincipal(entity.ARN)
	session := arn.Session(role.Account, entity.RoleName, madeUp).In(role.Partition)
	caller, err := policy.ParsePrincipal(session.String())
	caller.RoleARN = entity.ARN
	return caller, err
}

// maxAsked is how many of the callers with both actions are asked about service control policies, which are those of
// their account: one that they let through is enough to know that the URL can be called.
const maxAsked = 3

// tell adds what the run's caller may do.
func (r *run) tell(ctx context.Context, name string, to *access) {
	first, second := r.decide(ctx, lambda.ActionInvokeURL), r.decide(ctx, lambda.ActionInvoke)
	switch {
	case first.Status == OK && second.Status == OK:
		to.by = append(to.by, allowedBy(name, first, second)...)
		to.may = append(to.may, name)
		if r.caller.Principals.(*details).simulator != nil && len(to.called) < maxAsked {
			asked := *r
			asked.report, asked.simulations = Report{}, nil
			to.called = append(to.called, &asked)
		}
	case first.Status == Problem && second.Status == Problem:
	case first.Status == Unknown && second.Status != Problem || second.Status == Unknown && first.Status != Problem:
		to.unsure = append(to.unsure, name)
		to.reasons = append(to.reasons, strings.Join(union(first.Details, second.Details), "; "))
	case first.Status == OK, second.Status == OK && r.forURLs():
		lacking, action := first, lambda.ActionInvokeURL
		if first.Status == OK {
			lacking, action = second, lambda.ActionInvoke
		}
		// Who denies an action means it, and no grant helps.
		if policy.Evaluate(r.request(action, r.factsOf(action))).Effect != policy.ExplicitlyDenied {
			to.half = append(to.half, name)
		}
		to.reasons = append(to.reasons, name+": "+lacking.Summary)
	case second.Status == OK:
		to.direct = append(to.direct, name+": "+first.Summary+"; it may invoke the function directly only")
	}
}

// forURLs reports whether the caller has lambda:InvokeFunction through function URLs only, so that it is of no use
// alone.
func (r *run) forURLs() bool {
	known := r.factsOf(lambda.ActionInvoke)
	delete(known.known, "lambda:InvokedViaFunctionUrl")
	request, sets := r.request(lambda.ActionInvoke, known)
	return policy.Evaluate(request, sets).Effect != policy.Allowed
}
