package iamapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
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
	Description                   string `query:"omitempty"`
	CreateDate                    time.Time
	UpdateDate                    time.Time
	Tags                          *[]tag // GetPolicy writes an empty list, CreatePolicy none, ListPolicies never any
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
	PolicyName string `query:"required,min=1,max=128,pattern=name"`
	Path       string `query:"min=1,max=512,pattern=policyPath"`
	policyDocument
	Description string `query:"max=1000"`
	Tags        []tag  `query:"max=50"`
}

type policyOutput struct{ Policy policyResult }

func (s *service) createPolicy(c *controlplane.Call, in *createPolicyInput) (*policyOutput, error) {
	tags, err := exactTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	document, err := parseManaged(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	id, err := iam.NewID(s.random, iam.PrefixPolicy)
	if err != nil {
		return nil, err
	}
	made := &iam.ManagedPolicy{
		Account: c.Caller.Account, Name: in.PolicyName, Path: cmp.Or(in.Path, "/"), ID: id,
		Description: in.Description, Created: c.Now, Tags: tags,
	}
	made.AddVersion(document, true, c.Now)
	err = c.State.Update(c.Context(), func(tx *state.Tx) error {
		count := 0
		for _, existing := range tx.View().Policies.All() {
			if existing.Account != made.Account {
				continue
			}
			if strings.EqualFold(existing.Name, made.Name) {
				return alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", made.Name)
			}
			count++
		}
		if count >= maxPolicies {
			return overQuota("PoliciesPerAccount", maxPolicies)
		}
		return tx.PutPolicy(made)
	})
	if err != nil {
		return nil, err
	}
	result := listedPolicy(made, usage{})
	if len(tags) > 0 {
		list := tagList(tags)
		result.Tags = &list
	}
	return &policyOutput{result}, nil
}

// parseManaged compiles a version of a managed policy.
func parseManaged(text string) (iam.Policy, error) {
	document, err := parseIdentity(text)
	if err == nil && length(text) > maxPolicySize {
		err = overQuota("PolicySize", maxPolicySize)
	}
	return document, err
}

func (s *service) getManagedPolicy(c *controlplane.Call, in *policyARN) (*policyOutput, error) {
	world := c.State.Now()
	found, err := findPolicy(world, c.Caller.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	result := listedPolicy(found, usages(world, c.Caller.Account)[in.PolicyArn])
	list := tagList(found.Tags)
	result.Description, result.Tags = found.Description, &list
	return &policyOutput{result}, nil
}

type listPoliciesInput struct {
	Scope             string `query:"enum=All|AWS|Local"`
	OnlyAttached      bool
	PathPrefix        string `query:"min=1,max=512,pattern=policyPath"`
	PolicyUsageFilter string `query:"enum=PermissionsPolicy|PermissionsBoundary"`
	paging
}

type listPoliciesOutput struct {
	Policies []policyResult
	paged
}

func (s *service) listPolicies(c *controlplane.Call, in *listPoliciesInput) (*listPoliciesOutput, error) {
	world := c.State.Now()
	used := usages(world, c.Caller.Account)
	var list []policyResult
	for _, p := range policiesOf(world, c.Caller.Account, in.Scope != "AWS", in.Scope != "Local") {
		use := used[p.ARN()]
		if strings.HasPrefix(p.Path, in.PathPrefix) && use.passes(in.OnlyAttached, in.PolicyUsageFilter) {
			list = append(list, listedPolicy(p, use))
		}
	}
	page, more, err := cut(in.paging, list, func(p policyResult) string { return p.Arn })
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

func (s *service) deleteManagedPolicy(c *controlplane.Call, in *policyARN) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		found, err := ownPolicy(tx.View(), c, "DeletePolicy", in.PolicyArn)
		if err != nil {
			return err
		}
		if used := usages(tx.View(), found.Account)[in.PolicyArn]; used.attached+used.bounding > 0 {
			return deleteConflict("Cannot delete a policy attached to entities.")
		}
		if len(found.Versions) > 1 {
			return deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		tx.DeletePolicy(found)
		return nil
	})
}

type tagPolicyInput struct {
	policyARN
	Tags []tag `query:"required,max=50"`
}

func (s *service) tagPolicy(c *controlplane.Call, in *tagPolicyInput) error {
	return s.changePolicy(c, "TagPolicy", in.PolicyArn, func(p *iam.ManagedPolicy) (err error) {
		p.Tags, err = exactTags(p.Tags, in.Tags)
		return err
	})
}

type untagPolicyInput struct {
	policyARN
	TagKeys []string `query:"required,max=50" member:"min=1,max=128,pattern=tagKey"`
}

func (s *service) untagPolicy(c *controlplane.Call, in *untagPolicyInput) error {
	return s.changePolicy(c, "UntagPolicy", in.PolicyArn, func(p *iam.ManagedPolicy) error {
		for _, key := range in.TagKeys {
			delete(p.Tags, key)
		}
		return nil
	})
}

type listOfPolicyInput struct {
	policyARN
	paging
}

func (s *service) listPolicyTags(c *controlplane.Call, in *listOfPolicyInput) (*tagsOutput, error) {
	found, err := findPolicy(c.State.Now(), c.Caller.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return pageOfTags(in.paging, found.Tags)
}

// findPolicy finds a policy that the account can use.
func findPolicy(world *state.Snapshot, account, arn string) (*iam.ManagedPolicy, error) {
	if !isPolicyARN(arn) {
		return nil, query.ValidationErrorf("ARN %s is not valid.", arn)
	}
	found, ok := visiblePolicy(world, account, arn)
	if !ok {
		return nil, policyNotFound(arn)
	}
	return found, nil
}

// ownPolicy finds a policy of the account itself. AWS's policies are there, but nobody may change them.
func ownPolicy(world *state.Snapshot, c *controlplane.Call, operation, arn string) (*iam.ManagedPolicy, error) {
	found, err := findPolicy(world, c.Caller.Account, arn)
	if err == nil && found.Account == iam.AWS {
		return nil, query.Errorf(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: iam:%s on resource: policy %s", c.Caller.ARN(), operation, arn)
	}
	return found, err
}
