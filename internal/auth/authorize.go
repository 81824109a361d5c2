package auth

import (
	"slices"

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

// Authorize asks all policies that AWS would: identity-based policies, the resource-based policy, the permissions
// boundary and session policies. A nil caller is anonymous: only the resource-based policy can let it in. There is
// no error: what can not be judged is denied.
func Authorize(world *state.Snapshot, caller *Caller, check Check) policy.Decision {
	request := policy.Request{
		Principal:       anonymous,
		Action:          check.Action,
		Resource:        check.Resource,
		ResourceAccount: check.ResourceAccount,
		Context:         check.Context,
	}
	var sets policy.Sets
	if caller != nil {
		request.Principal = &caller.Principal
		sets = callerSets(world, caller)
	}
	if check.Policy != nil {
		sets.Resource = &policy.Named{Name: check.PolicyName, Document: check.Policy}
	}
	return policy.Evaluate(request, &sets)
}

var anonymous = &policy.Principal{Type: policy.Anonymous}

// callerSets are the policies that the caller brings along.
func callerSets(world *state.Snapshot, caller *Caller) policy.Sets {
	var sets policy.Sets
	switch {
	case caller.Role != nil:
		sets.Identity = withAttached(world, caller.Role.InlinePolicies(), caller.Role.Attached)
		sets.Boundary = boundary(world, caller.Role.Boundary)
	case caller.User != nil:
		sets.Identity = withAttached(world, caller.User.InlinePolicies(), caller.User.Attached)
		sets.Boundary = boundary(world, caller.User.Boundary)
	}
	if caller.Session != nil {
		for _, session := range caller.Session.Policies {
			sets.Session = append(sets.Session, policy.Named{Name: "session policy", Document: session.Document})
		}
	}
	return sets
}
