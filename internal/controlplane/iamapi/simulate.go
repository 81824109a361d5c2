package iamapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// maxSimulations bounds the pairs of an action and a resource in one request. Only those of the page are evaluated.
const maxSimulations = 10_000

// simulation is what both simulators are asked: who would do what, under which policies.
type simulation struct {
	ActionNames                        []string       `query:"required" member:"min=3,max=128"`
	ResourceArns                       []string       `member:"min=1,max=2048"`
	PermissionsBoundaryPolicyInputList []string       `member:"min=1,max=131072,pattern=policy"`
	ResourcePolicy                     string         `query:"min=1,max=131072,pattern=policy"`
	ResourceOwner                      string         `query:"min=1,max=2048"`
	CallerArn                          string         `query:"min=1,max=2048"`
	ContextEntries                     []contextEntry // the request's condition keys
	ResourceHandlingOption             string         `query:"min=1,max=64"`
	paging
}

type contextEntry struct {
	ContextKeyName   string `query:"min=5,max=256"`
	ContextKeyValues []string
	ContextKeyType   string `query:"enum=string|stringList|numeric|numericList|boolean|booleanList|ip|ipList|binary|binaryList|date|dateList"`
}

type simulateCustomInput struct {
	PolicyInputList []string `query:"required" member:"min=1,max=131072,pattern=policy"`
	simulation
}

type simulatePrincipalInput struct {
	PolicySourceArn string   `query:"required,min=20,max=2048"`
	PolicyInputList []string `member:"min=1,max=131072,pattern=policy"`
	simulation
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
	PermissionsBoundaryDecisionDetail *boundaryDecision
	EvalDecisionDetails               map[string]string `query:"omitempty"`
}

type matchedStatement struct {
	SourcePolicyId   string
	SourcePolicyType string
	StartPosition    position
	EndPosition      position
}

type position struct{ Line, Column int }

type boundaryDecision struct{ AllowedByPermissionsBoundary bool }

// simulateCustomPolicy evaluates policies that the request brings along.
func (s *service) simulateCustomPolicy(c *controlplane.Call, in *simulateCustomInput) (*simulateOutput, error) {
	list, err := inputPolicies(in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	run, err := newRun(c, &in.simulation, source{policies: list})
	if err != nil {
		return nil, err
	}
	return run.page()
}

// simulatePrincipalPolicy evaluates the policies of a user, group or role.
func (s *service) simulatePrincipalPolicy(c *controlplane.Call, in *simulatePrincipalInput) (*simulateOutput, error) {
	from, err := findSource(c, in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	more, err := inputPolicies(in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	from.policies = append(from.policies, more...)
	run, err := newRun(c, &in.simulation, from)
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
	keys    []string // that the policies refer to
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

// addPolicies reads the resource-based policy and the permissions boundary of the request.
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
	all := slices.Clone(r.sets.Identity)
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
func (r *run) page() (*simulateOutput, error) {
	var pairs []pair
	for _, action := range r.in.ActionNames {
		for _, resource := range r.resources() {
			pairs = append(pairs, pair{fmt.Sprintf("%05d", len(pairs)), action, resource})
		}
	}
	page, more, err := cut(r.in.paging, pairs, func(p pair) string { return p.number })
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
	decision := policy.Evaluate(in, &r.sets)
	result := evaluationResult{
		EvalActionName: p.action, EvalResourceName: p.resource, EvalDecision: decisionName(decision.Effect),
		MatchedStatements: matchedStatements(decision.Deciding()), MissingContextValues: r.missing(),
	}
	if r.sets.Boundary != nil {
		limit := policy.Evaluate(in, &policy.Sets{Identity: []policy.Named{*r.sets.Boundary}})
		result.PermissionsBoundaryDecisionDetail = &boundaryDecision{limit.Effect == policy.Allowed}
	}
	if r.sets.Resource != nil && in.ResourceAccount != r.caller.Account {
		result.EvalDecisionDetails = r.details(in)
	}
	return result
}

// details says how each side of a call across accounts decides for itself: the caller's policies as if the resource
// were in its own account, and the resource's policy alone.
func (r *run) details(in policy.Request) map[string]string {
	identity := in
	identity.ResourceAccount = r.caller.Account
	mine := policy.Evaluate(identity, &policy.Sets{Identity: r.sets.Identity, Boundary: r.sets.Boundary})
	return map[string]string{"IAM Policy": decisionName(mine.Effect), "Resource Policy": decisionName(r.resourceSide(in))}
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
	for _, arn := range []string{r.in.ResourceOwner, resource} {
		if isAccount(arn) {
			return arn
		}
		if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && isAccount(parts[4]) {
			return parts[4]
		}
	}
	return r.caller.Account
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
