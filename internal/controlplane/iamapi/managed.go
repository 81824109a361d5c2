package iamapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

type policyResult struct {
	PolicyName                    string
	PolicyId                      string
	Arn                           string
	Path                          string
	DefaultVersionId              string
	AttachmentCount               int
	PermissionsBoundaryUsageCount int
	IsAttachable                  bool
	Description                   string `xml:",omitempty"`
	CreateDate                    time.Time
	UpdateDate                    time.Time
	Tags                          *[]wire.Tag // GetPolicy writes an empty list, CreatePolicy none, ListPolicies never any
}

// listedPolicy is a policy as ListPolicies answers.
func listedPolicy(p *iam.ManagedPolicy, used usage) policyResult {
	return policyResult{
		PolicyName: p.Name, PolicyId: p.ID, Arn: p.ARN(), Path: p.Path, DefaultVersionId: p.Default,
		AttachmentCount: used.attached, PermissionsBoundaryUsageCount: used.bounding, IsAttachable: true,
		CreateDate: p.Created, UpdateDate: p.Updated,
	}
}

type createPolicyInput struct {
	PolicyName     string
	Path           string
	PolicyDocument string
	Description    string
	Tags           []wire.Tag
}

type policyOutput struct{ Policy policyResult }

func (s *service) createPolicy(r *wire.Request, in *createPolicyInput) (any, error) {
	tags, err := newTags(r, tagPolicy, in.Tags, wire.Exactly)
	if err != nil {
		return nil, err
	}
	document, err := parseManaged(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	made := &iam.ManagedPolicy{
		Account: r.Caller.Account, Name: in.PolicyName, Path: cmp.Or(in.Path, "/"),
		Description: in.Description, Created: r.Now, Tags: tags,
	}
	made.AddVersion(document, true, r.Now)
	err = s.create(r, made, &made.ID, iam.PrefixPolicy, func(world *state.Snapshot) error {
		own := policiesOf(world, made.Account, true, false)
		for _, existing := range own {
			if strings.EqualFold(existing.Name, made.Name) {
				return alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", made.Name)
			}
		}
		if len(own) >= maxPolicies {
			return overQuota("PoliciesPerAccount", maxPolicies)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	result := listedPolicy(made, usage{})
	if len(tags) > 0 {
		list := wire.TagList(tags)
		result.Tags = &list
	}
	return &policyOutput{result}, nil
}

// parseManaged compiles a version of a managed policy, which, other than an inline policy, must be of the newest
// version of the language. AWS finds that out after errors of the grammar and before all others (recorded answers in
// LocalStack's test snapshots of CreatePolicy, 2026-02-18).
func parseManaged(text string) (iam.Policy, error) {
	document, err := iam.ParsePolicy(text, policy.Identity)
	var faults policy.Faults
	var head struct{ Version string }
	switch {
	case errors.As(err, &faults) && faults.Syntax():
		return iam.Policy{}, malformed(err)
	case json.Unmarshal([]byte(text), &head) != nil || head.Version != "2012-10-17":
		return iam.Policy{}, malformedPolicy("Policy document must be version 2012-10-17 or greater.")
	case err != nil:
		return iam.Policy{}, malformed(err)
	case length(text) > maxPolicySize:
		return iam.Policy{}, overQuota("PolicySize", maxPolicySize)
	}
	return document, nil
}

func (s *service) getManagedPolicy(r *wire.Request, in *policyInput) (any, error) {
	world := r.State.Now()
	found, err := findPolicy(world, r.Caller.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	result := listedPolicy(found, usages(world, r.Caller.Account)[in.PolicyArn])
	list := wire.TagList(found.Tags)
	result.Description, result.Tags = found.Description, &list
	return &policyOutput{result}, nil
}

type listPoliciesInput struct {
	Scope             string
	OnlyAttached      bool
	PathPrefix        string
	PolicyUsageFilter string
	wire.Page
}

type listPoliciesOutput struct {
	Policies []policyResult
	paged
}

func (s *service) listPolicies(r *wire.Request, in *listPoliciesInput) (any, error) {
	world := r.State.Now()
	used := usages(world, r.Caller.Account)
	var list []policyResult
	for _, p := range policiesOf(world, r.Caller.Account, in.Scope != "AWS", in.Scope != "Local") {
		use := used[p.ARN()]
		if strings.HasPrefix(p.Path, in.PathPrefix) && use.passes(in.OnlyAttached, in.PolicyUsageFilter) {
			list = append(list, listedPolicy(p, use))
		}
	}
	page, more, err := cut(in.Page, list, func(p policyResult) string { return p.Arn })
	return &listPoliciesOutput{page, more}, err
}

// policiesOf are the managed policies that an account can use.
func policiesOf(world *state.Snapshot, account string, own, aws bool) []*iam.ManagedPolicy {
	var list []*iam.ManagedPolicy
	if own {
		for _, p := range world.Policies.All() {
			if p.Account == account {
				list = append(list, p)
			}
		}
	}
	if aws {
		list = slices.AppendSeq(list, iam.AWSPolicies())
	}
	return list
}

func (s *service) deleteManagedPolicy(r *wire.Request, in *policyInput) (any, error) {
	unused := func(world *state.Snapshot, found *iam.ManagedPolicy) error {
		if used := usages(world, found.Account)[in.PolicyArn]; used.attached+used.bounding > 0 {
			return deleteConflict("Cannot delete a policy attached to entities.")
		}
		if len(found.Versions) > 1 {
			return deleteConflict("This policy has more than one version. Before you delete a policy, " +
				"you must delete the policy's versions. The default version is deleted with the policy.")
		}
		return nil
	}
	return nil, controlplane.Delete(r.Call, ownPolicy(r, in.PolicyArn), unused)
}

// policyInput names a managed policy.
type policyInput struct{ PolicyArn string }

func (in policyInput) policy() string { return in.PolicyArn }

type tagPolicyInput struct {
	policyInput
	tagging
}

// tagPolicy sets tags, or removes them.
func (s *service) tagPolicy(r *wire.Request, in *tagPolicyInput) (any, error) {
	return nil, changePolicy(r, in.PolicyArn, func(_ *state.Snapshot, p *iam.ManagedPolicy) (err error) {
		p.Tags, err = in.apply(p.Tags, wire.Exactly)
		return err
	})
}

// changePolicy changes a managed policy of the account itself.
func changePolicy(r *wire.Request, arn string, edit func(*state.Snapshot, *iam.ManagedPolicy) error) error {
	return controlplane.Change(r.Call, ownPolicy(r, arn), edit)
}

type listOfPolicyInput struct {
	policyInput
	wire.Page
}

func (s *service) listPolicyTags(r *wire.Request, in *listOfPolicyInput) (any, error) {
	found, err := findPolicy(r.State.Now(), r.Caller.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return pageOfTags(in.Page, found.Tags)
}

// findPolicy finds a policy that the account can use.
func findPolicy(world *state.Snapshot, account, arn string) (*iam.ManagedPolicy, error) {
	if err := checkPolicyARN(arn); err != nil {
		return nil, err
	}
	found, ok := visiblePolicy(world, account, arn)
	if !ok {
		return nil, policyNotFound(arn)
	}
	return found, nil
}

// ownPolicy finds a policy of the account itself. AWS's policies are there, but nobody may change them.
func ownPolicy(r *wire.Request, arn string) func(*state.Snapshot) (*iam.ManagedPolicy, error) {
	return func(world *state.Snapshot) (*iam.ManagedPolicy, error) {
		found, err := findPolicy(world, r.Caller.Account, arn)
		if err == nil && found.Account == iam.AWS {
			return nil, wire.Errorf("AccessDenied", "User: %s is not authorized to perform: %s on resource: policy %s",
				r.Caller.ARN(), r.Need.Action, arn)
		}
		return found, err
	}
}
