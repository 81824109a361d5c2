package auth

import (
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// Check is a question to the policies: may the caller do the action to the resource?
type Check struct {
	Action          string // lambda:InvokeFunctionUrl
	Resource        string // ARN, or "*" for actions that have no resource
	ResourceAccount string
	Policy          *policy.Document // resource-based policy; nil if the resource has none
	PolicyName      string           // what to call it in a reason
	Context         policy.Context
}

// URLCheck is the question that a call of a function URL puts for one of the two actions, under the conditions of the call.
func URLCheck(action string, url state.URL, target resolve.Target, conditions Conditions) Check {
	function, name := url.Function, target.ARN().String()
	conditions.Region, conditions.Resource, conditions.Tags = function.ARN.Region, function.ARN.Account, function.Tags
	if action == lambda.ActionInvoke {
		conditions.Extra = []Fact{{Key: "lambda:InvokedViaFunctionUrl", Value: "true"}}
	} else {
		conditions.Extra = []Fact{
			{Key: "lambda:FunctionUrlAuthType", Value: string(url.Config.AuthType)}, {Key: "lambda:FunctionArn", Value: name},
		}
	}
	policyName := "the function's resource-based policy"
	if url.Qualifier != "" {
		policyName = "the alias's resource-based policy"
	}
	return Check{
		Action: action, Resource: name, ResourceAccount: function.ARN.Account,
		Policy: target.Policy(), PolicyName: policyName, Context: &conditions,
	}
}

// Asked is a check together with all policies that have a say in it, as it was put to them.
type Asked struct {
	Request policy.Request
	Sets    policy.Sets

	world *state.Snapshot // nil shows principals as they are kept
}

// showPrincipal is a principal as policies print it.
func (a Asked) showPrincipal(principal string) string {
	if a.world == nil {
		return principal
	}
	return a.world.ShowPrincipal(principal)
}

// Authorize asks all policies that AWS would: identity-based policies, the resource-based policy, the permissions
// boundary and session policies. A nil caller is anonymous: only the resource-based policy can let it in. There is
// no error: what cannot be judged is denied.
func Authorize(world *state.Snapshot, caller *Caller, check Check) (policy.Decision, Asked) {
	asked := Asked{world: world, Request: policy.Request{
		Action:          check.Action,
		Resource:        check.Resource,
		ResourceAccount: check.ResourceAccount,
		Context:         check.Context,
	}}
	if caller != nil {
		asked.Request.Principal = &caller.Principal
		asked.Sets = callerSets(world, caller)
	}
	if check.Policy != nil {
		asked.Sets.Resource = &policy.Named{Name: check.PolicyName, Document: check.Policy}
	}
	return policy.Evaluate(asked.Request, &asked.Sets), asked
}

// callerSets are the policies that the caller brings along.
func callerSets(world *state.Snapshot, caller *Caller) policy.Sets {
	sets := policy.Sets{Boundary: boundary(world, caller.boundary())}
	switch {
	case caller.Role != nil:
		sets.Identity = withAttached(world, nil, &caller.Role.Grants)
	case caller.User != nil:
		sets.Identity = withAttached(world, nil, &caller.User.Grants)
		for _, name := range caller.User.Groups {
			if group, ok := world.Group(caller.User.Account, name); ok {
				sets.Identity = withAttached(world, sets.Identity, &group.Grants)
			}
		}
	}
	if caller.Session != nil {
		sets.Session = sessionPolicies(world, caller.Session)
	}
	if account, ok := world.Accounts.Get(caller.Account); ok {
		sets.SCPs = account.SCPs
	}
	return sets
}

// withAttached adds inline and managed policies to a list. The list that is returned for the grants alone may be
// theirs: it must not be written to.
func withAttached(world *state.Snapshot, list []policy.Named, grants *iam.Grants) []policy.Named {
	inline := grants.InlinePolicies()
	if len(list) == 0 && len(grants.Attached) == 0 {
		return inline
	}
	all := make([]policy.Named, 0, len(list)+len(inline)+len(grants.Attached))
	all = append(append(all, list...), inline...)
	for _, arn := range grants.Attached {
		all = append(all, managed(world, arn))
	}
	return all
}

// managed is the version of a managed policy that is in force. One that does not exist has no statements: as a
// permission it allows nothing, and as a limit it lets nothing through.
func managed(world *state.Snapshot, arn string) policy.Named {
	found, ok := world.Policy(arn)
	if !ok {
		return policy.Named{Name: arn, Document: &policy.Document{}}
	}
	return policy.Named{Name: arn, Document: found.InForce().Policy.Document()}
}

// boundary is the permissions boundary with the ARN; nil if there is none.
func boundary(world *state.Snapshot, arn string) *policy.Named {
	if arn == "" {
		return nil
	}
	return new(managed(world, arn))
}

// sessionPolicies are what limits a session; nil if nothing does.
func sessionPolicies(world *state.Snapshot, session *iam.Session) []policy.Named {
	var limits []policy.Named
	for _, inline := range session.Policies {
		limits = append(limits, policy.Named{Name: "session policy", Document: inline.Document()})
	}
	for _, arn := range session.PolicyARNs {
		limits = append(limits, managed(world, arn))
	}
	return limits
}
