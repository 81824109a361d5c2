package stsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/oidc"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

type webIdentityInput struct {
	RoleArn          string
	RoleSessionName  string
	WebIdentityToken string
	ProviderId       string
	limitInput
	DurationSeconds *int
}

// webIdentityOutput has its fields in the order of the example in the API reference.
type webIdentityOutput struct {
	SubjectFromWebIdentityToken string
	Audience                    string
	AssumedRoleUser             assumedRoleUser
	Credentials                 credentials
	PackedPolicySize            *int
	SourceIdentity              string `xml:",omitempty"`
	Provider                    string
}

// assumeRoleWithWebIdentity gives credentials of a role to the users that an identity provider of the role's account
// vouches for, if the role's trust policy lets the provider in. The caller has no credentials: the token is the proof.
func (s *service) assumeRoleWithWebIdentity(r *wire.Request, in *webIdentityInput) (any, error) {
	c := r.Call
	if _, err := arn.Parse(in.RoleArn); err != nil {
		return nil, validationError("%s is invalid", in.RoleArn)
	}
	if in.ProviderId != "" {
		return nil, validationError("furl knows OpenID Connect providers only: leave ProviderId out.")
	}
	world := c.State.Now()
	token, provider, err := s.verifyToken(c, world, in)
	if err != nil {
		return nil, err
	}
	tags, source, err := tokenSession(token)
	if err != nil {
		return nil, err
	}
	claims := claimKeys(provider, token)
	role, err := authorizeToken(c, world, in, provider, claims, tags, source)
	if err != nil {
		return nil, err
	}
	duration := seconds(in.DurationSeconds, 3600)
	if duration > role.MaxSession {
		return nil, validationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	session := iam.Session{
		Account: role.Account, Role: role.Name, RoleID: role.ID, SessionName: in.RoleSessionName,
		SourceIdentity: source, Tags: tags.values, TransitiveTags: tags.transitive, Provider: provider.ARN(), Claims: claims,
	}
	packed, err := in.limit(world, role.Account, &session)
	if err != nil {
		return nil, err
	}
	made, err := s.start(c, session, duration, sameRole(role))
	if err != nil {
		return nil, err
	}
	return &webIdentityOutput{
		SubjectFromWebIdentityToken: token.Claims.Subject, Audience: token.Claims.Principal(),
		AssumedRoleUser: newAssumedRoleUser(role, in.RoleSessionName), Credentials: made,
		PackedPolicySize: packed, SourceIdentity: source, Provider: provider.ARN(),
	}, nil
}

// verifyToken reads the token and verifies it against the provider that the role's account has for its issuer.
func (s *service) verifyToken(c *controlplane.Call, world *state.Snapshot, in *webIdentityInput) (*oidc.Token, *iam.Provider, error) {
	parsed, _ := iam.ParseARN(in.RoleArn)
	c.Concern(parsed.Account)
	token, err := oidc.Parse(in.WebIdentityToken)
	if err != nil {
		c.Explain(err.Error())
		return nil, nil, tokenError(err, c.Now, nil)
	}
	var provider *iam.Provider
	for _, candidate := range world.Providers.All() {
		if candidate.Account == parsed.Account && candidate.Issuer == token.Claims.Issuer {
			provider = candidate
		}
	}
	if provider == nil {
		c.Explain(fmt.Sprintf("account %s has no identity provider for the issuer %q, in the very spelling", parsed.Account, token.Claims.Issuer),
			"aws iam create-open-id-connect-provider   # for the issuer and audience of the token")
		return nil, nil, invalidToken("No OpenIDConnect provider found in your account for %s", token.Claims.Issuer)
	}
	if err := s.tokens.Verify(c.Context(), token, provider.Issuer, provider.ClientIDs, c.Now); err != nil {
		c.Explain(err.Error(), tokenFix(err)...)
		return nil, nil, tokenError(err, c.Now, token)
	}
	return token, provider, nil
}

func invalidToken(format string, arguments ...any) error {
	return wire.Errorf("InvalidIdentityToken", format, arguments...)
}

// tokenFix is what helps a token that was refused, if that is something about the server.
func tokenFix(err error) []string {
	var refusal *oidc.Error
	if errors.As(err, &refusal) && refusal.Kind == oidc.NotPublic {
		return []string{"furl serve --oidc-private-addresses   # if everybody who may create providers may reach that address"}
	}
	return nil
}

// tokenError is the refusal of a token in the words that AWS has for it.
func tokenError(err error, now time.Time, token *oidc.Token) error {
	var refusal *oidc.Error
	if !errors.As(err, &refusal) {
		return err
	}
	switch refusal.Kind {
	case oidc.Malformed:
		return invalidToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	case oidc.WrongAudience:
		return invalidToken("Incorrect token audience")
	case oidc.Expired:
		return wire.Errorf("ExpiredTokenException", "Token expired: current date/time %d must be before the expiration date/time %d",
			now.Unix(), token.Claims.Expires.Unix())
	case oidc.NoKeys, oidc.NotPublic:
		return invalidToken("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	default:
		return invalidToken("The web identity token cannot be verified: %s", refusal)
	}
}

// authorizeToken finds the role if its trust policy lets the provider in with such a token. AWS gives no reason.
func authorizeToken(c *controlplane.Call, world *state.Snapshot, in *webIdentityInput, provider *iam.Provider, claims map[string][]string, tags sessionTags, source string) (*iam.Role, error) {
	role, ok := roleByARN(world, in.RoleArn)
	if !ok {
		c.Explain(explainMissing(world, in.RoleArn))
		return nil, accessDenied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	facts := append(tags.facts(), auth.Fact{Key: "sts:RoleSessionName", Value: in.RoleSessionName}, auth.Fact{Key: "aws:FederatedProvider", Value: provider.ARN()})
	facts = appendFact(facts, "sts:SourceIdentity", source)
	for key, values := range claims {
		for _, value := range values {
			facts = append(facts, auth.Fact{Key: key, Value: value})
		}
	}
	for _, action := range sessionActions("sts:AssumeRoleWithWebIdentity", tags, source) {
		asked := auth.Asked{
			Request: policy.Request{
				Principal: &policy.Principal{Type: policy.IdentityProvider, ARN: provider.ARN()},
				Action:    action, Resource: role.ARN(), ResourceAccount: role.Account, Context: c.Conditions(role.Account, facts),
			},
			Sets: policy.Sets{Resource: &policy.Named{Name: "trust policy of role " + role.Name, Document: role.Trust.Document()}},
		}
		if decision := policy.Evaluate(asked.Request, &asked.Sets); decision.Effect != policy.Allowed {
			c.ExplainDecision(asked, decision)
			return nil, accessDenied("Not authorized to perform %s", action)
		}
	}
	return role, nil
}

// claimKeys are the condition keys of a token, of which AWS has these (IAM User Guide, "Available keys for AWS OIDC
// federation"): the audience is the authorized party's where there is one, and the real one then has its own key.
func claimKeys(provider *iam.Provider, token *oidc.Token) map[string][]string {
	url, claims := provider.URL(), &token.Claims
	keys := map[string][]string{url + ":sub": {claims.Subject}, url + ":aud": claims.Audience}
	if claims.AuthorizedParty != "" {
		keys[url+":aud"], keys[url+":azp"], keys[url+":oaud"] = []string{claims.AuthorizedParty}, []string{claims.AuthorizedParty}, claims.Audience
	}
	var email string
	if json.Unmarshal(claims.All["email"], &email) == nil && email != "" {
		keys[url+":email"] = []string{email}
	}
	var methods []string
	if json.Unmarshal(claims.All["amr"], &methods) == nil && len(methods) > 0 {
		keys[url+":amr"] = methods
	}
	return keys
}

// tokenSession is what the token says about the session to be made: its tags and source identity (IAM User Guide,
// "Pass session tags in AWS STS", "Monitor and control actions taken with assumed roles").
func tokenSession(token *oidc.Token) (sessionTags, string, error) {
	var claim struct {
		Tags       map[string][]string `json:"principal_tags"`
		Transitive []string            `json:"transitive_tag_keys"`
	}
	if raw, ok := token.Claims.All["https://aws.amazon.com/tags"]; ok && json.Unmarshal(raw, &claim) != nil {
		return sessionTags{}, "", invalidToken("The claim https://aws.amazon.com/tags is malformed.")
	}
	request := assumeRoleInput{TransitiveTagKeys: claim.Transitive}
	for key, values := range claim.Tags {
		if len(values) != 1 || len(key) == 0 || len(key) > 128 || len(values[0]) > 256 || len(claim.Tags) > 50 {
			return sessionTags{}, "", invalidToken("The claim https://aws.amazon.com/tags has a tag that a session cannot have: %q.", key)
		}
		request.Tags = append(request.Tags, wire.Tag{Key: key, Value: values[0]})
	}
	tags, err := request.sessionTags(nil)
	if err != nil {
		return sessionTags{}, "", err
	}
	var source string
	if raw, ok := token.Claims.All["https://aws.amazon.com/source_identity"]; ok {
		if json.Unmarshal(raw, &source) != nil || len(source) < 2 || len(source) > 256 {
			return sessionTags{}, "", invalidToken("The claim https://aws.amazon.com/source_identity is malformed.")
		}
	}
	return tags, source, nil
}
