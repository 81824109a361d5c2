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

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/oidc"
)

// Config is what the API needs besides the state that comes with each call.
type Config struct {
	Random           io.Reader // makes credentials, for several calls at once: crypto/rand.Reader
	PrivateProviders bool      // identity providers may be at addresses that are not public
}

// New makes the API.
func New(config Config) *wire.API {
	s := &service{random: config.Random, tokens: &oidc.Verifier{PrivateAddresses: config.PrivateProviders}}
	return wire.New(wire.Config{
		Service: "sts", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/", Table: s.table(),
		Invalid: "ValidationError", Refused: "InvalidParameterValue", Denied: "AccessDenied", Failure: "InternalFailure",
		Absent: absent, Admit: admit, MaxBody: maxBody,
	})
}

// maxBody is the limit that STS was seen to have.
const maxBody = 10_000_000

// absent says why furl does not have a member.
var absent = map[string]string{"MinimumSessionTokenSize": "session tokens have one size; leave it out."}

// service is what the operations are methods of.
type service struct {
	random io.Reader
	tokens *oidc.Verifier
}

// table is every operation that furl has of STS.
func (s *service) table() []wire.Operation {
	return []wire.Operation{
		{Name: "GetCallerIdentity", Action: wire.NoAction, Handler: wire.Run(wire.Nothing, s.getCallerIdentity)},
		{Name: "AssumeRole", Handler: wire.Run(wire.Nothing, s.assumeRole),
			Also: []wire.Also{{Member: "Tags", Action: tagSession}, {Member: "SourceIdentity", Action: setSourceIdentity}},
			Note: "Asks the role's trust policy and the caller's policies. MFA devices do not exist. " +
				"PackedPolicySize is an estimate."},
		{Name: "AssumeRoleWithWebIdentity", Handler: wire.Run(wire.Nothing, s.assumeRoleWithWebIdentity),
			Also: []wire.Also{{Member: "principal_tags in WebIdentityToken", Action: tagSession},
				{Member: "source_identity in WebIdentityToken", Action: setSourceIdentity}},
			Note: "For OpenID Connect providers. Asks the role's trust policy alone."},
		{Name: "GetSessionToken", Action: wire.NoAction, Handler: wire.Run(wire.Nothing, s.getSessionToken),
			Note: "MFA devices do not exist."},
		{Name: "GetFederationToken", Handler: wire.Run(onFederatedUser, s.getFederationToken),
			Also: []wire.Also{{Member: "Tags", Action: tagSession}}},
		{Name: "GetAccessKeyInfo", Handler: wire.Run(wire.Anything, s.getAccessKeyInfo),
			Note: "Knows the keys of this server only."},
		{Name: "DecodeAuthorizationMessage", Handler: wire.Run(wire.Anything, s.decodeAuthorizationMessage),
			Note: "Decodes the header Furl-Encoded-Authorization-Message of refusals by IAM and STS, until the server ends."},
	}
}

// The actions that a session needs besides the one that makes it (IAM User Guide, "Pass session tags in AWS STS",
// "Monitor and control actions taken with assumed roles").
const (
	tagSession        = "sts:TagSession"
	setSourceIdentity = "sts:SetSourceIdentity"
)

// admit refuses sessions what they may not do whatever their policies say (IAM User Guide, "Compare AWS STS
// credentials"): those of GetFederationToken may only ask who they are, those of GetSessionToken may also assume
// roles, and no session may get itself another by GetSessionToken or GetFederationToken.
func admit(c *controlplane.Call, operation *wire.Operation) error {
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
	c.Explain("a session like the caller's cannot use this operation of STS", "use the user's own access key")
	return accessDenied("Cannot call %s with session credentials", operation.Name)
}

func accessDenied(format string, arguments ...any) error {
	return wire.Errorf("AccessDenied", format, arguments...)
}

func invalidValue(format string, arguments ...any) error {
	return wire.Errorf("InvalidParameterValue", format, arguments...)
}

func validationError(format string, arguments ...any) error {
	return wire.Errorf("ValidationError", format, arguments...)
}

// getCallerIdentityOutput has its fields in the order that STS was seen to use, which is not that of the model.
type getCallerIdentityOutput struct {
	Arn     string
	UserId  string
	Account string
}

func (s *service) getCallerIdentity(r *wire.Request, _ *struct{}) (any, error) {
	return &getCallerIdentityOutput{Arn: r.Caller.ARN(), UserId: r.Caller.UserID, Account: r.Caller.Account}, nil
}

type getAccessKeyInfoInput struct{ AccessKeyId string }

type getAccessKeyInfoOutput struct{ Account string }

// getAccessKeyInfo finds the account that a key belongs to. AWS reads it from the id itself.
func (s *service) getAccessKeyInfo(r *wire.Request, in *getAccessKeyInfoInput) (any, error) {
	account, _, ok := r.State.Now().KeyOwner(in.AccessKeyId)
	if !ok {
		return nil, validationError("The access key id %s does not exist on this server.", in.AccessKeyId)
	}
	return &getAccessKeyInfoOutput{account}, nil
}

type decodeMessageInput struct{ EncodedMessage string }

type decodeMessageOutput struct{ DecodedMessage string }

// decodeAuthorizationMessage opens the reason that came with a refusal.
func (s *service) decodeAuthorizationMessage(r *wire.Request, in *decodeMessageInput) (any, error) {
	invalid := wire.Errorf("InvalidAuthorizationMessageException", "Message is not valid")
	if r.Messages == nil {
		return nil, invalid
	}
	text, err := r.Messages.Decode(in.EncodedMessage)
	if err != nil {
		return nil, invalid
	}
	return &decodeMessageOutput{text}, nil
}
