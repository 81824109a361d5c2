package iamapi

import (
	"cmp"
	"encoding/json"
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
	EvalDecisionDetails               *map[string]string // empty within an account; none if the resource is "*"
	ResourceSpecificResults           []resourceResult   `xml:",omitempty"`
}

// resourceResult is the part of a result that is about one of several resources.
type resourceResult struct {
	EvalResourceName                  string
	EvalResourceDecision              string
	MatchedStatements                 []matchedStatement `xml:",omitempty"`
	MissingContextValues              []string           `xml:",omitempty"`
	EvalDecisionDetails               map[string]string  `xml:",omitempty"`
	PermissionsBoundaryDecisionDetail *boundaryDecision
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
		if !strings.Contains(action, ":") {
			return nil, invalidInput("The action is invalid since it is missing names")
		}
	}
	for _, resource := range in.ResourceArns {
		if _, err := arn.Parse(resource); err != nil && resource != "*" {
			return nil, invalidInput("ResourceNames are not in a valid ARN format: %s.", resource)
		}
	}
	r := &run{in: in, account: c.Caller.Account, sets: policy.Sets{Identity: from.policies, Boundary: from.boundary}}
	if len(r.resources())*len(in.ActionNames) > maxSimulations {
		return nil, invalidInput("The request asks for more than %d simulations.", maxSimulations)
	}
	if err := r.addPolicies(); err != nil {
		return nil, err
	}
	if from.levels != nil {
		r.levels = from.levels
	}
	r.keys = contextKeys(r.everyPolicy())
	if err := r.setCaller(c.State.Now(), from.principal); err != nil {
		return nil, err
	}
	if err := r.checkContext(); err != nil {
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
		kind := policy.Resource
		// AWS takes a trust policy, for sts:AssumeRole: aws/aws-cli#10314.
		if policy.GuessKind([]byte(r.in.ResourcePolicy)) == policy.Trust {
			kind = policy.Trust
		}
		document, err := iam.ParsePolicy(r.in.ResourcePolicy, kind)
		if err != nil {
			return inputFault("ResourcePolicy", err)
		}
		r.sets.Resource = &policy.Named{Name: "ResourcePolicy", Document: document.Document()}
	}
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

// contextTypes are the types of context entries whose values have a form: an operator that reads them, and the form's
// name.
var contextTypes = map[string][2]string{
	"numeric": {"NumericEquals", "numeric format"}, "date": {"DateEquals", "DateTime format"},
	"ip": {"IpAddress", "IP address"}, "binary": {"BinaryEquals", "base-64 encoded binary format"},
}

// checkContext checks that each condition key of the request is given once, with values of its type. Recorded:
// radkawar/stackd, testdata/aws/iam/simulation.json, 2026-09-11.
func (r *run) checkContext() error {
	given := map[string]bool{}
	for _, entry := range r.in.ContextEntries {
		name, values := entry.ContextKeyName, entry.ContextKeyValues
		kind, list := strings.CutSuffix(entry.ContextKeyType, "List")
		switch folded := strings.ToLower(name); {
		case given[folded]:
			return invalidInput("Duplicate context key: %s.", name)
		case kind == "":
			return invalidInput("Context key %s has invalid type null.", name)
		case len(values) == 0:
			return invalidInput("Context values for context key %s cannot be null or empty.", name)
		case !list && len(values) > 1:
			return invalidInput("Context key %s expected a single value, but received %d.", kind, len(values))
		default:
			given[folded] = true
		}
		form, ok := contextTypes[kind]
		if !ok {
			continue
		}
		quoted, _ := json.Marshal(values) // texts always marshal
		document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*",`+
			`"Condition":{%q:{"aws:CurrentTime":%s}}}}`, form[0], quoted)
		if _, err := policy.Parse([]byte(document), policy.Identity); err != nil {
			return invalidInput("Invalid context value for key %s: expected %s.", name, form[1])
		}
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

// page evaluates the actions of the page that is asked for.
func (r *run) page() (any, error) {
	numbers := make([]int, len(r.in.ActionNames))
	for i := range numbers {
		numbers[i] = i
	}
	page, more, err := cut(r.in.Page, numbers, func(i int) string { return fmt.Sprintf("%05d", i) })
	if err != nil {
		return nil, err
	}
	out := &simulateOutput{EvaluationResults: make([]evaluationResult, len(page)), paged: more}
	for i, n := range page {
		out.EvaluationResults[i] = r.evaluate(r.in.ActionNames[n])
	}
	return out, nil
}

// evaluate is the result for an action: of all resources together, and of each if the request names any. Recorded:
// radkawar/stackd, testdata/aws/iam/simulation.json, 2026-09-11.
func (r *run) evaluate(action string) evaluationResult {
	resources := r.resources()
	result := evaluationResult{
		EvalActionName: action, EvalResourceName: resources[0], EvalDecision: decisionName(policy.Allowed),
	}
	if len(resources) > 1 {
		result.EvalResourceName = resourceTemplate(action)
	}
	details := map[string]string{}
	for _, resource := range resources {
		one, organization := r.evaluateOne(action, resource)
		result.OrganizationsDecisionDetail = strictest(result.OrganizationsDecisionDetail, organization,
			func(d *organizationsDecision) bool { return d.AllowedByOrganizations })
		result.PermissionsBoundaryDecisionDetail = strictest(result.PermissionsBoundaryDecisionDetail,
			one.PermissionsBoundaryDecisionDetail, func(d *boundaryDecision) bool { return d.AllowedByPermissionsBoundary })
		result.EvalDecision = sterner(result.EvalDecision, one.EvalResourceDecision)
		for _, statement := range one.MatchedStatements {
			if !slices.Contains(result.MatchedStatements, statement) {
				result.MatchedStatements = append(result.MatchedStatements, statement)
			}
		}
		if len(one.MissingContextValues) > 0 {
			result.MissingContextValues = one.MissingContextValues
		}
		for side, decision := range one.EvalDecisionDetails {
			details[side] = sterner(cmp.Or(details[side], decisionName(policy.Allowed)), decision)
		}
		if len(r.in.ResourceArns) > 0 {
			result.ResourceSpecificResults = append(result.ResourceSpecificResults, one)
			result.EvalDecisionDetails = &details
		}
	}
	return result
}

// strictest is the decision that allows less; nil is none.
func strictest[D any](a, b *D, allows func(*D) bool) *D {
	if a == nil || b != nil && !allows(b) {
		return b
	}
	return a
}

// sterner is the decision that lets less through.
func sterner(a, b string) string {
	order := []string{
		decisionName(policy.Allowed), decisionName(policy.ImplicitlyDenied), decisionName(policy.ExplicitlyDenied),
	}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// resourceTemplate is what a result about several resources has in the place of an ARN. That of Lambda is known from
// users' test fixtures, that of STS is assumed.
func resourceTemplate(action string) string {
	service, _, _ := strings.Cut(strings.ToLower(action), ":")
	switch service {
	case "lambda":
		return "arn:aws:lambda:${Region}:${Account}:${ResourceType}:${ResourceId}"
	case "iam", "sts":
		return "arn:aws:iam::${Account}:${ResourceType}/${ResourceName}"
	case "s3":
		return "arn:aws:s3:::${BucketName}/${KeyName}"
	default:
		return "*"
	}
}

// evaluateOne evaluates one action on one resource.
func (r *run) evaluateOne(action, resource string) (result resourceResult, organization *organizationsDecision) {
	in := policy.Request{
		Principal: &r.caller, Action: action, Resource: resource, ResourceAccount: r.owner(resource), Context: r.context,
	}
	result.EvalResourceName = resource
	effect := policy.Allowed
	if len(r.levels) > 0 {
		effect = r.organization(in)
		organization = &organizationsDecision{effect == policy.Allowed}
	}
	if effect == policy.Allowed { // else AWS says no more
		decision := policy.Evaluate(in, &r.sets)
		effect, result.MatchedStatements = decision.Effect, matchedStatements(decision.Deciding())
		if r.sets.Boundary != nil {
			allowed := r.callerSide(in, &policy.Sets{Identity: []policy.Named{*r.sets.Boundary}})
			result.PermissionsBoundaryDecisionDetail = &boundaryDecision{allowed == policy.Allowed}
		}
		if r.sets.Resource != nil && in.ResourceAccount != r.caller.Account {
			mine := r.callerSide(in, &policy.Sets{Identity: r.sets.Identity, Boundary: r.sets.Boundary})
			result.EvalDecisionDetails = map[string]string{
				"IAM Policy": decisionName(mine), "Resource Policy": decisionName(r.resourceSide(in)),
			}
		}
	}
	result.EvalResourceDecision = decisionName(effect)
	if effect == policy.ImplicitlyDenied {
		result.MissingContextValues = r.missing()
	}
	return result, organization
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
		switch ref.Type {
		case policy.ResourceBased:
			kind = "Resource Policy"
		case policy.PermissionsBoundary:
			kind = "Permissions Boundary Policy"
		}
		start, end := ref.Extent()
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
