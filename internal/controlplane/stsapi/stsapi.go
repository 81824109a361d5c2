// Package stsapi is the AWS Security Token Service as an API: who am I, and temporary credentials for roles, users and
// federated users, in the Query protocol of 2011-06-15.
//
//	api := stsapi.New(stsapi.Config{Random: rand.Reader})
//
// Sessions are kept like everything else: they outlive the server, and are dead at once when their role or user is.
// It refuses the root user's AssumeRole, as AWS does, and MFA codes, since furl has no MFA devices.
package stsapi

import (
	"io"
	"net/http"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
	"github.com/furl-dev/furl/internal/oidc"
)

// Config is what the API needs besides the state that comes with each call.
type Config struct {
	Random           io.Reader // makes credentials, for several calls at once: crypto/rand.Reader
	PrivateProviders bool      // identity providers may be at addresses that are not public
}

// New makes the API.
func New(config Config) controlplane.API {
	s := &service{random: config.Random, tokens: &oidc.Verifier{PrivateAddresses: config.PrivateProviders}}
	return query.New(query.Config{
		Name:           "sts",
		Version:        "2011-06-15",
		Namespace:      "https://sts.amazonaws.com/doc/2011-06-15/",
		Table:          s.table(),
		Absent:         absent,
		AbsentUnsigned: []string{"AssumeRoleWithSAML"},
		Admit:          admit,
		Failure:        "InternalFailure",
	})
}

// service is what the operations are methods of.
type service struct {
	random io.Reader
	tokens *oidc.Verifier
}

// table is every operation that furl has of STS.
func (s *service) table() []query.Operation {
	return []query.Operation{
		{Name: "GetCallerIdentity", Handler: query.Answer(s.getCallerIdentity)},
		{Name: "AssumeRole", Action: "sts:AssumeRole", Handler: query.Answer(s.assumeRole), Note: "Asks the role's trust policy and the caller's policies. MFA devices do not exist. PackedPolicySize is an estimate."},
		{Name: "AssumeRoleWithWebIdentity", Action: "sts:AssumeRoleWithWebIdentity", Unsigned: true, Handler: query.Answer(s.assumeRoleWithWebIdentity), Note: "For OpenID Connect providers. Asks the role's trust policy alone."},
		{Name: "GetSessionToken", Handler: query.Answer(s.getSessionToken), Note: "MFA devices do not exist."},
		{Name: "GetFederationToken", Permission: onFederatedUser, Handler: query.Answer(s.getFederationToken)},
		{Name: "GetAccessKeyInfo", Permission: anything, Handler: query.Answer(s.getAccessKeyInfo), Note: "Knows the keys of this server only."},
		{Name: "DecodeAuthorizationMessage", Permission: anything, Handler: query.Answer(s.decodeAuthorizationMessage), Note: "Decodes the header Furl-Encoded-Authorization-Message of refusals by IAM and STS, until the server ends."},
	}
}

// absent names the operations of the API model (botocore 1.43) that furl does not have.
var absent = []string{
	"AssumeRoleWithSAML",
	"AssumeRoot",
	"GetDelegatedAccessToken",
	"GetWebIdentityToken",
}

// anything is the resource of operations that are about nothing in particular.
func anything(*controlplane.Call, *query.Form) (controlplane.Permission, error) {
	return controlplane.Permission{Resource: "*"}, nil
}

// admit refuses sessions what they may not do whatever their policies say (IAM User Guide, "Compare AWS STS
// credentials"): those of GetFederationToken may only ask who they are, those of GetSessionToken may also assume
// roles, and no session may get itself another by GetSessionToken or GetFederationToken.
func admit(c *controlplane.Call, operation *query.Operation) error {
	session := c.Caller.Session
	if session == nil || operation.Name == "GetCallerIdentity" {
		return nil
	}
	allowed := false
	switch {
	case operation.Name == "GetSessionToken", operation.Name == "GetFederationToken", session.Federated != "":
	case session.Role != "", operation.Name == "AssumeRole":
		allowed = true
	default:
		allowed = session.MFA
	}
	if allowed {
		return nil
	}
	c.Explain("a session like the caller's can not use this operation of STS", "use the user's own access key")
	return accessDenied("Cannot call %s with session credentials", operation.Name)
}

func accessDenied(format string, arguments ...any) error {
	return query.Errorf(http.StatusForbidden, "AccessDenied", format, arguments...)
}

func invalidValue(format string, arguments ...any) error {
	return query.Errorf(http.StatusBadRequest, "InvalidParameterValue", format, arguments...)
}
