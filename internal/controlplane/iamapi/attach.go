package iamapi

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// policyARN is a managed policy in a request.
type policyARN struct {
	PolicyArn string `query:"required,min=20,max=2048"`
}

func (in policyARN) arn() string { return in.PolicyArn }

// The inputs of attaching and detaching a managed policy, and of listing those that are attached.
type (
	attachRoleInput struct {
		roleInput
		policyARN
	}
	attachUserInput struct {
		userInput
		policyARN
	}
	attachGroupInput struct {
		groupInput
		policyARN
	}

	attachedRoleInput struct {
		roleInput
		policyPathPrefix
		paging
	}
	attachedUserInput struct {
		userInput
		policyPathPrefix
		paging
	}
	attachedGroupInput struct {
		groupInput
		policyPathPrefix
		paging
	}
)

type policyPathPrefix struct {
	PathPrefix string `query:"min=1,max=512,pattern=policyPath"`
}

func (in policyPathPrefix) prefix() string { return in.PathPrefix }

// attach attaches a managed policy. Attaching it again changes nothing.
func attach[In interface {
	owned
	arn() string
}](s *service) query.Handler {
	return query.Perform(func(c *controlplane.Call, in *In) error {
		o, arn := (*in).owner(), (*in).arn()
		return s.changeGrants(c, o, func(world *state.Snapshot, grants *iam.Grants) error {
			if !isPolicyARN(arn) {
				return query.ValidationErrorf("ARN %s is not valid.", arn)
			}
			if _, ok := visiblePolicy(world, c.Caller.Account, arn); !ok {
				return noSuchEntity("Policy %s does not exist or is not attachable.", arn)
			}
			if slices.Contains(grants.Attached, arn) {
				return nil
			}
			if len(grants.Attached) >= maxAttached {
				return overQuota("PoliciesPer"+strings.ToUpper(string(o.Kind[:1]))+string(o.Kind[1:]), maxAttached)
			}
			grants.Attached = append(grants.Attached, arn)
			return nil
		})
	})
}

// detach detaches a managed policy.
func detach[In interface {
	owned
	arn() string
}](s *service) query.Handler {
	return query.Perform(func(c *controlplane.Call, in *In) error {
		arn := (*in).arn()
		return s.changeGrants(c, (*in).owner(), func(_ *state.Snapshot, grants *iam.Grants) error {
			i := slices.Index(grants.Attached, arn)
			if i < 0 {
				return policyNotFound(arn)
			}
			grants.Attached = slices.Delete(grants.Attached, i, i+1)
			return nil
		})
	})
}

type attachedPolicy struct {
	PolicyName string
	PolicyArn  string
}

type attachedPoliciesOutput struct {
	AttachedPolicies []attachedPolicy
	paged
}

// listAttached lists the managed policies of an owner by name.
func listAttached[In interface {
	owned
	prefix() string
	page() paging
}](*service) query.Handler {
	return query.Answer(func(c *controlplane.Call, in *In) (*attachedPoliciesOutput, error) {
		grants, err := grantsOf(c.State.Now(), c.Caller.Account, (*in).owner())
		if err != nil {
			return nil, err
		}
		list := attachedPolicies(grants, (*in).prefix())
		page, more, err := cut((*in).page(), list, func(p attachedPolicy) string { return p.PolicyName + " " + p.PolicyArn })
		return &attachedPoliciesOutput{page, more}, err
	})
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
	slices.SortFunc(list, func(a, b attachedPolicy) int {
		return strings.Compare(a.PolicyName+" "+a.PolicyArn, b.PolicyName+" "+b.PolicyArn)
	})
	return list
}

func isPolicyARN(arn string) bool {
	parsed, ok := iam.ParseARN(arn)
	return ok && parsed.Service == "iam" && parsed.Type == "policy"
}

// visiblePolicy finds a managed policy that the account may use: its own or AWS's.
func visiblePolicy(world *state.Snapshot, account, arn string) (*iam.ManagedPolicy, bool) {
	found, ok := world.Policy(arn)
	return found, ok && (found.Account == account || found.Account == iam.AWS)
}

func policyNotFound(arn string) error { return noSuchEntity("Policy %s was not found.", arn) }
