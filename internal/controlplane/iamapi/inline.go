package iamapi

import (
	"maps"
	"slices"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// policyName is the name of an inline policy in a request.
type policyName struct {
	PolicyName string `query:"required,min=1,max=128,pattern=name"`
}

func (in policyName) policy() string { return in.PolicyName }

// policyDocument is the text of an inline policy in a request.
type policyDocument struct {
	PolicyDocument string `query:"required,min=1,max=131072,pattern=document"`
}

func (in policyDocument) document() string { return in.PolicyDocument }

// The inputs that name an inline policy, with and without its text, and a list of them.
type (
	rolePolicyInput struct {
		roleInput
		policyName
	}
	userPolicyInput struct {
		userInput
		policyName
	}
	groupPolicyInput struct {
		groupInput
		policyName
	}

	putRolePolicyInput struct {
		roleInput
		policyName
		policyDocument
	}
	putUserPolicyInput struct {
		userInput
		policyName
		policyDocument
	}
	putGroupPolicyInput struct {
		groupInput
		policyName
		policyDocument
	}

	listOfRoleInput struct {
		roleInput
		paging
	}
	listOfUserInput struct {
		userInput
		paging
	}
	listOfGroupInput struct {
		groupInput
		paging
	}
)

// maxInline is how long the inline policies of an owner may be together.
var maxInline = map[iam.OwnerKind]int{iam.OfRole: maxRoleInline, iam.OfUser: maxUserInline, iam.OfGroup: maxGroupInline}

// putPolicy adds or replaces an inline policy.
func putPolicy[In interface {
	owned
	policy() string
	document() string
}](s *service) query.Handler {
	return query.Perform(func(c *controlplane.Call, in *In) error {
		document, err := parseIdentity((*in).document())
		if err != nil {
			return err
		}
		o := (*in).owner()
		return s.changeGrants(c, o, func(_ *state.Snapshot, grants *iam.Grants) error {
			if grants.Inline == nil {
				grants.Inline = map[string]iam.Policy{}
			}
			grants.Inline[(*in).policy()] = document
			total := 0
			for _, p := range grants.Inline {
				total += length(p.Text)
			}
			if most := maxInline[o.Kind]; total > most {
				return limitExceeded("Maximum policy size of %d bytes exceeded for %s", most, o)
			}
			return nil
		})
	})
}

type inlinePolicyOutput struct {
	ownerName
	PolicyName     string
	PolicyDocument string
}

// getPolicy gives an inline policy.
func getPolicy[In interface {
	owned
	policy() string
}](*service) query.Handler {
	return query.Answer(func(c *controlplane.Call, in *In) (*inlinePolicyOutput, error) {
		o, name := (*in).owner(), (*in).policy()
		grants, err := grantsOf(c.State.Now(), c.Caller.Account, o)
		if err != nil {
			return nil, err
		}
		document, err := findInline(grants, o, name)
		return &inlinePolicyOutput{newOwnerName(o), name, escape(document.Text)}, err
	})
}

// deletePolicy removes an inline policy.
func deletePolicy[In interface {
	owned
	policy() string
}](s *service) query.Handler {
	return query.Perform(func(c *controlplane.Call, in *In) error {
		o, name := (*in).owner(), (*in).policy()
		return s.changeGrants(c, o, func(_ *state.Snapshot, grants *iam.Grants) error {
			_, err := findInline(grants, o, name)
			delete(grants.Inline, name)
			return err
		})
	})
}

type policyNamesOutput struct {
	PolicyNames []string
	paged
}

// listPolicyNames lists the names of inline policies.
func listPolicyNames[In interface {
	owned
	page() paging
}](*service) query.Handler {
	return query.Answer(func(c *controlplane.Call, in *In) (*policyNamesOutput, error) {
		grants, err := grantsOf(c.State.Now(), c.Caller.Account, (*in).owner())
		if err != nil {
			return nil, err
		}
		page, more, err := cut((*in).page(), slices.Sorted(maps.Keys(grants.Inline)), itself)
		return &policyNamesOutput{page, more}, err
	})
}

func findInline(grants *iam.Grants, o iam.Owner, name string) (iam.Policy, error) {
	document, ok := grants.Inline[name]
	if !ok {
		return iam.Policy{}, noSuchEntity("The %s policy with name %s cannot be found.", o.Kind, name)
	}
	return document, nil
}
