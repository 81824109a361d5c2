package iamapi

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// maxSimulations bounds the pairs of an action and a resource in one request. Only those of the page are evaluated.
const maxSimulations = 10_000

// simulation is what both simulators are asked: who would do what, under which policies.
type simulation struct {
	sourceInput
	PolicyExclusionList                []exclusion
	OrderedOrganizationPolicyInputList []organizationLevel
	PermissionsBoundaryPolicyInputList []string
	ActionNames                        []string
	ResourceArns                       []string
	ResourcePolicy                     string
	ResourceOwner                      string
	CallerArn                          string
	ContextEntries                     []contextEntry // the request's condition keys
	ResourceHandlingOption             string
	wire.Page
}

// organizationLevel is the service control policies of an organization's root, a unit or an account.
type organizationLevel struct{ ServiceControlPolicyInputList []string }

type contextEntry struct {
	ContextKeyName   string
	ContextKeyValues []string
	ContextKeyType   string
}

type simulateOutput struct {
	EvaluationResults []evaluationResult
	paged
}

type evaluationResult struct {
	EvalActionName                    string
	EvalResourceName                  string
	EvalDecision                      string
	MatchedStatements                 []matchedStatement
	MissingContextValues              []string
	OrganizationsDecisionDetail       *organizationsDecision
	PermissionsBoundaryDecisionDetail *boundaryDecision
	EvalDecisionDetails               map[string]string `xml:",omitempty"`
}

type matchedStatement struct {
	SourcePolicyId   string
	SourcePolicyType string
	StartPosition    position
	EndPosition      position
}

type position struct{ Line, Column int }

type organizationsDecision struct{ AllowedByOrganizations bool }

type boundaryDecision struct{ AllowedByPermissionsBoundary bool }

// simulate evaluates the policies of a user, group or role, and those that the request brings along.
func (s *service) simulate(r *wire.Request, in *simulation) (any, error) {
	from, err := in.find(r, in.PolicyExclusionList)
	if err != nil {
		return nil, err
	}
	run, err := newRun(r.Call, in, from)
	if err != nil {
		return nil, err
	}
	return run.page()
}

// run is one simulation, ready to evaluate.
type run struct {
	in      *simulation
	account string // that asks
	caller  policy.Principal
	context policy.Values
	sets    policy.Sets
	levels  [][]policy.Named // service control policies, root first
	keys    []string         // that the policies refer to
}

func newRun(c *controlplane.Call, in *simulation, from source) (*run, error) {
	if in.ResourceHandlingOption != "" {
		return nil, invalidInput("ResourceHandlingOption is for actions of Amazon EC2, which furl does not have.")
	}
	for _, action := range in.ActionNames {
		if service, name, ok := strings.Cut(action, ":"); !ok || service == "" || name == "" || strings.ContainsAny(action, "*?") {
			return nil, invalidInput("%s is not the name of an action, such as lambda:InvokeFunctionUrl; wildcards are not supported.", action)
		}
	}
	r := &run{in: in, account: c.Caller.Account, sets: policy.Sets{Identity: from.policies, Boundary: from.boundary}}
	if len(r.resources())*len(in.ActionNames) > maxSimulations {
		return nil, invalidInput("The request asks for more than %d simulations.", maxSimulations)
	}
	if err := r.addPolicies(); err != nil {
		return nil, err
	}
	if err := r.setCaller(c.State.Now(), from.principal); err != nil {
		return nil, err
	}
	r.setContext(from.tags)
	return r, nil
}

// addPolicies reads the policies of the request that are not identity-based.
func (r *run) addPolicies() error {
	boundaries, err := namedPolicies("PermissionsBoundaryPolicyInputList", r.in.PermissionsBoundaryPolicyInputList)
	if err != nil {
		return err
	}
	switch len(boundaries) {
	case 0:
	case 1:
		r.sets.Boundary = &boundaries[0]
	default:
		return invalidInput("PermissionsBoundaryPolicyInputList can have one policy.")
	}
	for i, level := range r.in.OrderedOrganizationPolicyInputList {
		if len(level.ServiceControlPolicyInputList) == 0 {
			return invalidInput("Organization policy at index %d must contain at least one service control policy", i+1)
		}
		list := fmt.Sprintf("OrderedOrganizationPolicyInputList.%d.ServiceControlPolicyInputList", i+1)
		policies, err := namedPolicies(list, level.ServiceControlPolicyInputList)
		if err != nil {
			return err
		}
		r.levels = append(r.levels, policies)
	}
	if r.in.ResourcePolicy != "" {
		document, err := iam.ParsePolicy(r.in.ResourcePolicy, policy.Resource)
		if err != nil {
			return inputFault("ResourcePolicy", err)
		}
		r.sets.Resource = &policy.Named{Name: "ResourcePolicy", Document: document.Document}
	}
	r.keys = contextKeys(r.everyPolicy())
	return nil
}

func (r *run) everyPolicy() []policy.Named {
	all := append(slices.Clone(r.sets.Identity), slices.Concat(r.levels...)...)
	if r.sets.Boundary != nil {
		all = append(all, *r.sets.Boundary)
	}
	if r.sets.Resource != nil {
		all = append(all, *r.sets.Resource)
	}
	return all
}

// setCaller decides who asks: the caller of the request, else whose policies are simulated.
func (r *run) setCaller(world *state.Snapshot, from *policy.Principal) error {
	switch {
	case r.in.CallerArn != "":
		caller, ok := namedCaller(world, r.in.CallerArn)
		if !ok {
			return invalidInput("CallerArn must be the ARN of a user or of a role's session.")
		}
		r.caller = caller
	case from != nil:
		r.caller = *from
	case r.in.ResourcePolicy != "":
		return invalidInput("CallerArn is required with a ResourcePolicy: it says who calls.")
	default: // somebody of the account, who is never named
		r.caller = policy.Principal{Type: policy.User, Account: r.account}
	}
	return nil
}

// setContext gathers the condition keys: those that follow from the caller, and those of the request in their place.
func (r *run) setContext(tags map[string]string) {
	r.context = policy.Values{}
	if r.caller.Tags = tags; r.caller.ARN != "" {
		r.context = r.caller.Keys()
	}
	for _, entry := range r.in.ContextEntries {
		maps.DeleteFunc(r.context, func(key string, _ []string) bool { return strings.EqualFold(key, entry.ContextKeyName) })
		r.context[entry.ContextKeyName] = entry.ContextKeyValues
	}
}

// resources are the ARNs of the request; without any, the simulation is for all resources.
func (r *run) resources() []string {
	if len(r.in.ResourceArns) == 0 {
		return []string{"*"}
	}
	return r.in.ResourceArns
}

// pair is one action on one resource.
type pair struct{ number, action, resource string }

// page evaluates the pairs of the page that is asked for.
func (r *run) page() (any, error) {
	var pairs []pair
	for _, action := range r.in.ActionNames {
		for _, resource := range r.resources() {
			pairs = append(pairs, pair{fmt.Sprintf("%05d", len(pairs)), action, resource})
		}
	}
	page, more, err := cut(r.in.Page, pairs, func(p pair) string { return p.number })
	if err != nil {
		return nil, err
	}
	out := &simulateOutput{EvaluationResults: make([]evaluationResult, len(page)), paged: more}
	for i, p := range page {
		out.EvaluationResults[i] = r.evaluate(p)
	}
	return out, nil
}

func (r *run) evaluate(p pair) evaluationResult {
	in := policy.Request{
		Principal: &r.caller, Action: p.action, Resource: p.resource, ResourceAccount: r.owner(p.resource), Context: r.context,
	}
	result := evaluationResult{EvalActionName: p.action, EvalResourceName: p.resource, MissingContextValues: r.missing()}
	if len(r.levels) > 0 {
		effect := r.organization(in)
		result.OrganizationsDecisionDetail = &organizationsDecision{effect == policy.Allowed}
		if effect != policy.Allowed { // AWS then says no more
			result.EvalDecision = decisionName(effect)
			return result
		}
	}
	decision := policy.Evaluate(in, &r.sets)
	result.EvalDecision, result.MatchedStatements = decisionName(decision.Effect), matchedStatements(decision.Deciding())
	if r.sets.Boundary != nil {
		effect := r.callerSide(in, &policy.Sets{Identity: []policy.Named{*r.sets.Boundary}})
		result.PermissionsBoundaryDecisionDetail = &boundaryDecision{effect == policy.Allowed}
	}
	if r.sets.Resource != nil && in.ResourceAccount != r.caller.Account {
		mine := r.callerSide(in, &policy.Sets{Identity: r.sets.Identity, Boundary: r.sets.Boundary})
		result.EvalDecisionDetails = map[string]string{
			"IAM Policy": decisionName(mine), "Resource Policy": decisionName(r.resourceSide(in)),
		}
	}
	return result
}

// organization is what the service control policies say: a deny on any level, else an allow on each.
func (r *run) organization(in policy.Request) policy.Effect {
	effect := policy.Allowed
	for _, level := range r.levels {
		switch said := r.callerSide(in, &policy.Sets{Identity: level}); said {
		case policy.Allowed:
		case policy.ExplicitlyDenied:
			return said
		default:
			effect = said
		}
	}
	return effect
}

// callerSide is what policies of the caller's own account say, wherever the resource is.
func (r *run) callerSide(in policy.Request, sets *policy.Sets) policy.Effect {
	in.ResourceAccount = r.caller.Account
	return policy.Evaluate(in, sets).Effect
}

// resourceSide is what the resource-based policy alone says.
func (r *run) resourceSide(in policy.Request) policy.Effect {
	effect := policy.ImplicitlyDenied
	for _, ref := range policy.Evaluate(in, &policy.Sets{Resource: r.sets.Resource}).Matched {
		if effect != policy.ExplicitlyDenied {
			effect = ref.Effect
		}
	}
	return effect
}

// owner is the account of a resource: the one that the request says, else the one in the ARN, else the caller's.
func (r *run) owner(resource string) string {
	if arn.IsAccount(r.in.ResourceOwner) {
		return r.in.ResourceOwner
	}
	return cmp.Or(arn.AccountOf(r.in.ResourceOwner), arn.AccountOf(resource), r.caller.Account)
}

// missing are the condition keys that the policies refer to and the simulation does not have.
func (r *run) missing() []string {
	var missing []string
	for _, key := range r.keys {
		if _, ok := r.context.Lookup(key); !ok {
			missing = append(missing, key)
		}
	}
	return missing
}

func matchedStatements(refs []policy.Ref) []matchedStatement {
	var list []matchedStatement
	for _, ref := range refs {
		kind := "IAM Policy"
		if ref.Type == policy.ResourceBased {
			kind = "Resource Policy"
		}
		start, end := ref.Position()
		list = append(list, matchedStatement{ref.Policy, kind, position(start), position(end)})
	}
	return list
}

func decisionName(effect policy.Effect) string {
	switch effect {
	case policy.Allowed:
		return "allowed"
	case policy.ExplicitlyDenied:
		return "explicitDeny"
	default:
		return "implicitDeny"
	}
}
