package stsapi

import (
	"errors"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

type assumeRoleInput struct {
	RoleArn         string
	RoleSessionName string
	limitInput
	DurationSeconds   *int
	Tags              []wire.Tag
	TransitiveTagKeys []string
	ExternalId        string
	SerialNumber      string
	TokenCode         string
	SourceIdentity    string
	ProvidedContexts  []struct{ ProviderArn, ContextAssertion string }
}

// assumeRoleOutput has its fields in the order that STS was seen to use, which is not that of the model.
type assumeRoleOutput struct {
	AssumedRoleUser  assumedRoleUser
	Credentials      credentials
	PackedPolicySize *int
	SourceIdentity   string `xml:",omitempty"`
}

type assumedRoleUser struct {
	AssumedRoleId string
	Arn           string
}

func newAssumedRoleUser(role *iam.Role, session string) assumedRoleUser {
	return assumedRoleUser{role.ID + ":" + session, arn.Session(role.Account, role.Name, session).String()}
}

// chainedLimit is the longest session of a role that was assumed by a session of another role (IAM User Guide, "Roles
// terms and concepts", role chaining).
const chainedLimit = time.Hour

func (s *service) assumeRole(r *wire.Request, in *assumeRoleInput) (any, error) {
	c := r.Call
	if err := in.check(c.Caller); err != nil {
		return nil, err
	}
	source, err := in.sourceIdentity(c.Caller.Session)
	if err != nil {
		return nil, err
	}
	tags, err := in.sessionTags(c.Caller.Session)
	if err != nil {
		return nil, err
	}
	role, err := authorizeAssume(c, in, tags, source)
	if err != nil {
		return nil, err
	}
	duration, err := in.duration(role, c.Caller.Session)
	if err != nil {
		return nil, err
	}
	session := iam.Session{
		Account: role.Account, Role: role.Name, RoleID: role.ID, SessionName: in.RoleSessionName,
		SourceIdentity: source, Tags: tags.values, TransitiveTags: tags.transitive,
	}
	packed, err := in.limit(c.State.Now(), role.Account, &session)
	if err != nil {
		return nil, err
	}
	made, err := s.start(c, session, duration, sameRole(role))
	if err != nil {
		return nil, err
	}
	return &assumeRoleOutput{
		AssumedRoleUser: newAssumedRoleUser(role, in.RoleSessionName), Credentials: made,
		PackedPolicySize: packed, SourceIdentity: source,
	}, nil
}

// check refuses what no policy could allow.
func (in *assumeRoleInput) check(caller *auth.Caller) error {
	_, err := arn.Parse(in.RoleArn)
	switch {
	case err != nil:
		return validationError("%s is invalid", in.RoleArn)
	case caller.Principal.Type == policy.Root:
		return accessDenied("Roles may not be assumed by root accounts.")
	case len(in.ProvidedContexts) > 0:
		return invalidValue("furl has no context providers: leave ProvidedContexts out.")
	default:
		return noMFA(in.SerialNumber, in.TokenCode)
	}
}

// authorizeAssume finds the role if the caller may assume it with the tags and source identity. A role that does not
// exist is refused like one that does.
func authorizeAssume(c *controlplane.Call, in *assumeRoleInput, tags sessionTags, source string) (*iam.Role, error) {
	parsed, _ := iam.ParseARN(in.RoleArn)
	c.Concern(parsed.Account)
	role, ok := roleByARN(c.State.Now(), in.RoleArn)
	if !ok {
		c.Explain(explainMissing(c.State.Now(), in.RoleArn))
		return nil, accessDenied("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.Caller.ARN(), in.RoleArn)
	}
	facts := append(tags.facts(), auth.Fact{Key: "sts:RoleSessionName", Value: in.RoleSessionName})
	facts = appendFact(facts, "sts:ExternalId", in.ExternalId)
	facts = appendFact(facts, "sts:SourceIdentity", source)
	facts = append(facts, wire.ResourceTags(role.Tags, "iam")...)
	for _, action := range sessionActions("sts:AssumeRole", tags, source) {
		err := c.Authorize(controlplane.Permission{
			Action: action, Resource: role.ARN(), ResourceAccount: role.Account,
			Policy: role.Trust.Document(), PolicyName: "trust policy of role " + role.Name, Facts: facts,
		})
		if err != nil {
			return nil, withoutReason(err)
		}
	}
	return role, nil
}

// sessionActions are what somebody must be allowed who gets a session of a role with the tags and source identity.
func sessionActions(assume string, tags sessionTags, source string) []string {
	actions := []string{assume}
	if len(tags.values) > 0 {
		actions = append(actions, tagSession)
	}
	if source != "" {
		actions = append(actions, setSourceIdentity)
	}
	return actions
}

// withoutReason leaves the reason out of a refusal that is not explicit: STS gives none for a role that cannot be
// assumed, so that it does not tell whether the role exists.
func withoutReason(err error) error {
	denied, ok := errors.AsType[*controlplane.Denied](err)
	if !ok || denied.Decision.Effect == policy.ExplicitlyDenied {
		return err
	}
	return accessDenied("User: %s is not authorized to perform: %s on resource: %s", denied.Caller, denied.Permission.Action, denied.Permission.Resource)
}

// duration is how long the session lasts.
func (in *assumeRoleInput) duration(role *iam.Role, caller *iam.Session) (time.Duration, error) {
	wanted := seconds(in.DurationSeconds, 3600)
	switch {
	case caller != nil && caller.Role != "" && wanted > chainedLimit:
		return 0, validationError("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	case wanted > role.MaxSession:
		return 0, validationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return wanted, nil
}

// sourceIdentity is the one that the session gets. A session that has one hands it on; it cannot be changed.
func (in *assumeRoleInput) sourceIdentity(caller *iam.Session) (string, error) {
	if caller == nil || caller.SourceIdentity == "" {
		return in.SourceIdentity, nil
	}
	if in.SourceIdentity != "" && in.SourceIdentity != caller.SourceIdentity {
		return "", accessDenied("The source identity of the calling session, %s, cannot be changed.", caller.SourceIdentity)
	}
	return caller.SourceIdentity, nil
}

// roleByARN finds the role that has the very ARN.
func roleByARN(world *state.Snapshot, arn string) (*iam.Role, bool) {
	parsed, ok := iam.ParseARN(arn)
	if !ok || parsed.Type != "role" {
		return nil, false
	}
	role, ok := world.Role(parsed.Account, parsed.Name)
	return role, ok && role.ARN() == arn
}

// explainMissing says why there is no role with the ARN, and what may have been meant. AWS does not tell it from a role
// that may not be assumed.
func explainMissing(world *state.Snapshot, arn string) (reason, fix string) {
	parsed, ok := iam.ParseARN(arn)
	if !ok || parsed.Type != "role" {
		return arn + " is not the ARN of a role", "give the role as arn:aws:iam::ACCOUNT:role/NAME"
	}
	if role, ok := world.Role(parsed.Account, parsed.Name); ok {
		return "the role " + role.Name + " has another path", "give the role as " + role.ARN()
	}
	return "there is no role " + arn, "aws iam list-roles   # in account " + parsed.Account
}

// sameRole checks that the role was not deleted while it was being assumed.
func sameRole(role *iam.Role) func(*state.Snapshot) error {
	return func(world *state.Snapshot) error {
		if now, ok := world.Role(role.Account, role.Name); !ok || now.ID != role.ID {
			return accessDenied("The role %s was deleted.", role.ARN())
		}
		return nil
	}
}

func appendFact(facts []auth.Fact, key, value string) []auth.Fact {
	if value == "" {
		return facts
	}
	return append(facts, auth.Fact{Key: key, Value: value})
}
