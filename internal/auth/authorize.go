package auth

import (
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
// no error: what can not be judged is denied.
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
