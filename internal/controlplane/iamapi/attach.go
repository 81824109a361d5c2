package iamapi

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

type attachInput struct {
	ownerInput
	PolicyArn string
}

func (in attachInput) facts() []auth.Fact { return fact("iam:PolicyARN", in.PolicyArn) }

// attach attaches a managed policy. Attaching it again changes nothing.
func (s *service) attach(r *ownerRequest, in *attachInput) (any, error) {
	return nil, r.change(func(world *state.Snapshot, e entity) error {
		if err := checkPolicyARN(in.PolicyArn); err != nil {
			return err
		}
		if _, ok := visiblePolicy(world, r.Caller.Account, in.PolicyArn); !ok {
			return noSuchEntity("Policy %s does not exist or is not attachable.", in.PolicyArn)
		}
		if slices.Contains(e.grants.Attached, in.PolicyArn) {
			return nil
		}
		if len(e.grants.Attached) >= maxAttached {
			return overQuota("PoliciesPer"+strings.ToUpper(string(e.Kind[:1]))+string(e.Kind[1:]), maxAttached)
		}
		e.grants.Attached = append(e.grants.Attached, in.PolicyArn)
		return nil
	})
}

func (s *service) detach(r *ownerRequest, in *attachInput) (any, error) {
	return nil, r.change(func(_ *state.Snapshot, e entity) error {
		if err := checkPolicyARN(in.PolicyArn); err != nil {
			return err
		}
		i := slices.Index(e.grants.Attached, in.PolicyArn)
		if i < 0 {
			return policyNotFound(in.PolicyArn)
		}
		e.grants.Attached = slices.Delete(e.grants.Attached, i, i+1)
		return nil
	})
}

type attachedPolicy struct {
	PolicyName string
	PolicyArn  string
}

func (p attachedPolicy) key() string { return p.PolicyName + " " + p.PolicyArn }

type listAttachedInput struct {
	listInput
	PathPrefix string
}

type attachedPoliciesOutput struct {
	AttachedPolicies []attachedPolicy
	paged
}

// listAttached lists the managed policies of an owner by name.
func (s *service) listAttached(r *ownerRequest, in *listAttachedInput) (any, error) {
	e, err := r.find()
	if err != nil {
		return nil, err
	}
	page, more, err := cut(in.Page, attachedPolicies(e.grants, in.PathPrefix), attachedPolicy.key)
	return &attachedPoliciesOutput{page, more}, err
}

// attachedPolicies are the managed policies below the path.
func attachedPolicies(grants *iam.Grants, prefix string) []attachedPolicy {
	list := make([]attachedPolicy, 0, len(grants.Attached))
	for _, arn := range grants.Attached {
		parsed, ok := iam.ParseARN(arn)
		if ok && strings.HasPrefix(parsed.Path, prefix) {
			list = append(list, attachedPolicy{parsed.Name, arn})
		}
	}
	slices.SortFunc(list, func(a, b attachedPolicy) int { return strings.Compare(a.key(), b.key()) })
	return list
}

// checkPolicyARN refuses what is no ARN in the words that AWS was recorded to use (LocalStack's test snapshots of
// AttachRolePolicy and AttachUserPolicy, 2025-11), and the ARN of something else.
func checkPolicyARN(text string) error {
	if _, err := arn.Parse(text); err != nil {
		return validationError("Invalid ARN:  Could not be parsed!")
	}
	if !isPolicyARN(text) {
		return validationError("ARN %s is not valid.", text)
	}
	return nil
}

func isPolicyARN(arn string) bool {
	parsed, ok := iam.ParseARN(arn)
	return ok && parsed.Service == "iam" && parsed.Type == "policy"
}

// visiblePolicy finds a managed policy that the account may use: its own or AWS's.
func visiblePolicy(world *state.Snapshot, account, arn string) (*iam.ManagedPolicy, bool) {
	managed, ok := world.Policy(arn)
	return managed, ok && (managed.Account == account || managed.Account == iam.AWS)
}

func policyNotFound(arn string) error { return noSuchEntity("Policy %s was not found.", arn) }
