package auth

import (
	"maps"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// Caller is who signed a request: the identity behind the access key, as IAM names it.
type Caller struct {
	state.Identity
	Principal policy.Principal
	UserID    string // aws:userid: AIDA…, AROA…:session, the account id for root, ACCOUNT:name for a federated user
}

// ARN is the caller's ARN as GetCallerIdentity gives it.
func (c *Caller) ARN() string { return c.Principal.ARN }

// boundary is the ARN of the caller's permissions boundary, "" if it has none.
func (c *Caller) boundary() string {
	switch {
	case c.Role != nil:
		return c.Role.Boundary
	case c.User != nil:
		return c.User.Boundary
	default:
		return ""
	}
}

// NewCaller names the identity in the terms of IAM.
func NewCaller(identity state.Identity) *Caller {
	caller := &Caller{Identity: identity}
	caller.Principal = principalOf(identity)
	if id, ok := caller.Principal.Lookup("aws:userid"); ok {
		caller.UserID = id[0]
	}
	return caller
}

// ExecutionRole is a function as a caller: a session of the role with the ARN, if that is still the one with the id.
func ExecutionRole(world *state.Snapshot, role, id, session string) (*Caller, bool) {
	parsed, ok := iam.ParseARN(role)
	if !ok {
		return nil, false
	}
	found, ok := world.Role(parsed.Account, parsed.Name)
	if !ok || found.ID != id {
		return nil, false
	}
	return NewCaller(state.Identity{Account: found.Account, Role: found, Session: &iam.Session{
		Account: found.Account, Role: found.Name, RoleID: found.ID, SessionName: session,
	}}), true
}

func principalOf(identity state.Identity) policy.Principal {
	principal := policy.Principal{Account: identity.Account}
	session, user := identity.Session, identity.User
	var tags map[string]string // of the session
	if session != nil {
		tags = session.Tags
	}
	switch {
	case identity.Role != nil:
		principal.Type, principal.SessionName = policy.RoleSession, session.SessionName
		principal.ARN = arn.Session(identity.Account, identity.Role.Name, session.SessionName).String()
		principal.RoleARN, principal.UniqueID = identity.Role.ARN(), identity.Role.ID
		principal.Tags = mergeTags(tags, identity.Role.Tags)
	case session != nil && session.Federated != "":
		principal.Type, principal.SessionName = policy.FederatedUser, session.Federated
		principal.ARN = arn.FederatedUser(identity.Account, session.Federated).String()
		principal.UserARN, principal.Tags = arn.Root(identity.Account).String(), tags
		if user != nil {
			principal.UserARN, principal.UniqueID = user.ARN(), user.ID
			principal.Tags = mergeTags(tags, user.Tags)
		}
	case user != nil:
		principal.Type, principal.ARN, principal.UniqueID = policy.User, user.ARN(), user.ID
		principal.Tags = mergeTags(tags, user.Tags)
	default:
		principal.Type, principal.ARN, principal.Tags = policy.Root, arn.Root(identity.Account).String(), tags
	}
	return principal
}

// mergeTags are the tags of a session and those of its user or role. The session's take precedence, and keys of tags do
// not differ in case.
func mergeTags(session, owner map[string]string) map[string]string {
	if len(session) == 0 {
		return owner
	}
	if len(owner) == 0 {
		return session
	}
	merged := maps.Clone(owner)
	for key, value := range session {
		maps.DeleteFunc(merged, func(other, _ string) bool { return strings.EqualFold(other, key) })
		merged[key] = value
	}
	return merged
}
