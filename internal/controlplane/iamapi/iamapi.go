// Package iamapi is AWS Identity and Access Management as an API: users, groups, roles, access keys, policies and
// the simulator, in the Query protocol of 2010-05-08.
//
//	api := iamapi.New(iamapi.Config{Random: rand.Reader})
//
// Every operation is one row of the table in table.go. Changes go through one transaction of package state each, in
// which all conditions are checked again, so that two requests cannot together do what neither may.
//
// It refuses what furl has no use for (passwords, MFA devices, SAML, certificates, …) by the operation's name, and
// whatever AWS's own limits and quotas refuse.
package iamapi

import (
	"io"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// Config is what the API needs besides the state that comes with each call.
type Config struct {
	Random           io.Reader // makes ids and secrets, for several calls at once: crypto/rand.Reader
	PrivateProviders bool      // identity providers may be on this machine, and then without https
}

// New makes the API.
func New(config Config) *wire.API {
	s := &service{random: config.Random, privateProviders: config.PrivateProviders}
	return wire.New(wire.Config{
		Service: "iam", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/", Table: s.table(),
		Invalid: "ValidationError", Refused: "InvalidInput", Denied: "AccessDenied", Failure: "ServiceFailure",
		Quiet: true, Admit: admit, BadMarker: validationError("Invalid Marker."), MaxBody: maxBody,
	})
}

// maxBody is the limit that STS was seen to have.
const maxBody = 10_000_000

// service is what the operations are methods of.
type service struct {
	random           io.Reader
	privateProviders bool
}

// admit refuses the sessions of GetSessionToken and GetFederationToken: they cannot call IAM, the former unless they
// were made with an MFA device (IAM User Guide, "Compare AWS STS credentials"). The answer is the one that AWS gives
// to unknown keys.
func admit(c *controlplane.Call, _ *wire.Operation) error {
	session := c.Caller.Session
	if session == nil || session.Role != "" || session.Federated == "" && session.MFA {
		return nil
	}
	c.Explain("sessions of GetFederationToken, and of GetSessionToken without an MFA device, cannot call IAM",
		"call IAM with the user's own access key, or as a role")
	return wire.Errorf("InvalidClientTokenId", "The security token included in the request is invalid")
}

// create keeps something new under an id of its own, if the check finds nothing against it.
func (s *service) create(
	r *wire.Request, made interface{ Key() string }, id *string, prefix string, check func(*state.Snapshot) error,
) (err error) {
	if *id, err = iam.NewID(s.random, prefix); err != nil {
		return err
	}
	return r.Put(made, check)
}

// Errors with AWS's texts as recorded in LocalStack's test snapshots of 2026 where those have them.

func validationError(format string, arguments ...any) *wire.Error {
	return wire.Errorf("ValidationError", format, arguments...)
}

func noSuchEntity(format string, arguments ...any) error {
	return wire.Errorf("NoSuchEntity", format, arguments...)
}

func alreadyExists(format string, arguments ...any) error {
	return wire.Errorf("EntityAlreadyExists", format, arguments...)
}

func deleteConflict(format string, arguments ...any) error {
	return wire.Errorf("DeleteConflict", format, arguments...)
}

func invalidInput(format string, arguments ...any) error {
	return wire.Errorf("InvalidInput", format, arguments...)
}

func limitExceeded(format string, arguments ...any) error {
	return wire.Errorf("LimitExceeded", format, arguments...)
}

func overQuota(name string, quota int) error {
	return limitExceeded("Cannot exceed quota for %s: %d", name, quota)
}

func malformedPolicy(format string, arguments ...any) error {
	return wire.Errorf("MalformedPolicyDocument", format, arguments...)
}

// paged is the part of a list operation's result that says whether there is more.
type paged struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

// cut is the page of the list that is asked for: of 100 items unless the client says otherwise.
func cut[T any](p wire.Page, items []T, key func(T) string) ([]T, paged, error) {
	page, next, err := wire.Cut(p, "", 100, items, key)
	return page, paged{next != "", next}, err
}

// addTags is the tags with more added. The keys of users and roles are compared by strings.EqualFold, others exactly
// (IAM User Guide, "Tags for AWS Identity and Access Management resources").
func addTags(tags map[string]string, more []wire.Tag, same wire.Same) (map[string]string, error) {
	changed, err := wire.AddTags(tags, more, same)
	if err == nil && len(changed) > maxTags {
		err = limitExceeded("The number of tags has reached the maximum limit.")
	}
	return changed, err
}

// newTags is the tags of something new. They need a permission of their own, on the same resource.
func newTags(r *wire.Request, action string, tags []wire.Tag, same wire.Same) (map[string]string, error) {
	if len(tags) > 0 {
		need := r.Need
		need.Action = action
		if err := r.Authorize(need); err != nil {
			return nil, err
		}
	}
	return addTags(nil, tags, same)
}

type tagsOutput struct {
	Tags []wire.Tag
	paged
}

func pageOfTags(p wire.Page, tags map[string]string) (any, error) {
	page, more, err := cut(p, wire.TagList(tags), func(t wire.Tag) string { return t.Key })
	return &tagsOutput{page, more}, err
}

// Quotas of an account, at the values that a new account has (IAM User Guide, "IAM and AWS STS quotas"; a recorded
// answer of GetAccountSummary in LocalStack's test snapshots). Sizes are in characters, white space left out.
const (
	maxUsers      = 5000
	maxGroups     = 300
	maxRoles      = 1000
	maxPolicies   = 1500
	maxProviders  = 100
	maxVersions   = 5
	maxAttached   = 10 // managed policies of one user, role or group
	maxUserKeys   = 2
	maxUserGroups = 10
	maxTags       = 50

	maxUserInline  = 2048
	maxGroupInline = 5120
	maxRoleInline  = 10240
	maxPolicySize  = 6144
	maxTrust       = 2048

	maxClientIDs   = 100
	maxThumbprints = 5
)
