package auth

import (
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

// newCaller names the identity in the terms of IAM (IAM User Guide, "AWS global condition context keys",
// aws:userid and aws:PrincipalArn).
func newCaller(identity state.Identity) *Caller {
	caller := &Caller{Identity: identity}
	session := identity.Session
	switch {
	case identity.Role != nil:
		caller.Principal = policy.Principal{
			Type:     policy.RoleSession,
			Account:  identity.Account,
			ARN:      iam.SessionARN(identity.Account, identity.Role.Name, session.SessionName),
			RoleARN:  identity.Role.ARN(),
			UniqueID: identity.Role.ID,
		}
		caller.UserID = identity.Role.ID + ":" + session.SessionName
	case session != nil && session.Federated != "":
		caller.Principal = policy.Principal{
			Type:    policy.FederatedUser,
			Account: identity.Account,
			ARN:     "arn:aws:sts::" + identity.Account + ":federated-user/" + session.Federated,
		}
		caller.Principal.UserARN = iam.RootARN(identity.Account)
		if identity.User != nil {
			caller.Principal.UserARN, caller.Principal.UniqueID = identity.User.ARN(), identity.User.ID
		}
		caller.UserID = identity.Account + ":" + session.Federated
	case identity.User != nil:
		caller.Principal = policy.Principal{
			Type:     policy.User,
			Account:  identity.Account,
			ARN:      identity.User.ARN(),
			UniqueID: identity.User.ID,
		}
		caller.UserID = identity.User.ID
	default:
		caller.Principal = policy.Principal{
			Type:    policy.Root,
			Account: identity.Account,
			ARN:     iam.RootARN(identity.Account),
		}
		caller.UserID = identity.Account
	}
	return caller
}
