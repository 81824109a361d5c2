package auth

import (
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// callerSets are the policies that the caller brings along.
func callerSets(_ *state.Snapshot, caller *Caller) policy.Sets {
	var sets policy.Sets
	switch {
	case caller.Role != nil:
		sets.Identity = caller.Role.InlinePolicies()
	case caller.User != nil:
		sets.Identity = caller.User.InlinePolicies()
	}
	if caller.Session != nil {
		for _, session := range caller.Session.Policies {
			sets.Session = append(sets.Session, policy.Named{Name: "session policy", Document: session.Document})
		}
	}
	return sets
}
