package iamapi

import (
	"maps"
	"slices"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// policyName is the name of an inline policy in a request.
type policyName struct {
	PolicyName string `query:"required,min=1,max=128,pattern=name"`
}

// policyDocument is the text of an inline policy in a request.
type policyDocument struct {
	PolicyDocument string `query:"required,min=1,max=131072,pattern=document"`
}

type policyNamesOutput struct {
	PolicyNames []string
	paged
}

// Inline policies of roles.

type putRolePolicyInput struct {
	roleInput
	policyName
	policyDocument
}

func (s *service) putRolePolicy(c *controlplane.Call, in *putRolePolicyInput) error {
	document, err := parseIdentity(in.PolicyDocument)
	if err != nil {
		return err
	}
	return s.changeRole(c, in.RoleName, func(_ *state.Snapshot, role *iam.Role) (err error) {
		role.Inline, err = putInline(role.Inline, in.PolicyName, document, maxRoleInline, "role "+role.Name)
		return err
	})
}

type rolePolicyInput struct {
	roleInput
	policyName
}

type rolePolicyOutput struct {
	RoleName       string
	PolicyName     string
	PolicyDocument string
}

func (s *service) getRolePolicy(c *controlplane.Call, in *rolePolicyInput) (*rolePolicyOutput, error) {
	role, err := findRole(c.State.Now(), c.Caller.Account, in.RoleName)
	if err != nil {
		return nil, err
	}
	document, err := findInline(role.Inline, in.PolicyName, "role")
	return &rolePolicyOutput{role.Name, in.PolicyName, escape(document.Text)}, err
}

func (s *service) deleteRolePolicy(c *controlplane.Call, in *rolePolicyInput) error {
	return s.changeRole(c, in.RoleName, func(_ *state.Snapshot, role *iam.Role) error {
		_, err := findInline(role.Inline, in.PolicyName, "role")
		delete(role.Inline, in.PolicyName)
		return err
	})
}

type listRolePoliciesInput struct {
	roleInput
	paging
}

func (s *service) listRolePolicies(c *controlplane.Call, in *listRolePoliciesInput) (*policyNamesOutput, error) {
	role, err := findRole(c.State.Now(), c.Caller.Account, in.RoleName)
	if err != nil {
		return nil, err
	}
	return pageOfNames(in.paging, role.Inline)
}

// Inline policies of users.

type putUserPolicyInput struct {
	userInput
	policyName
	policyDocument
}

func (s *service) putUserPolicy(c *controlplane.Call, in *putUserPolicyInput) error {
	document, err := parseIdentity(in.PolicyDocument)
	if err != nil {
		return err
	}
	return s.changeUser(c, in.UserName, func(_ *state.Snapshot, user *iam.User) (err error) {
		user.Inline, err = putInline(user.Inline, in.PolicyName, document, maxUserInline, "user "+user.Name)
		return err
	})
}

type userPolicyInput struct {
	userInput
	policyName
}

type userPolicyOutput struct {
	UserName       string
	PolicyName     string
	PolicyDocument string
}

func (s *service) getUserPolicy(c *controlplane.Call, in *userPolicyInput) (*userPolicyOutput, error) {
	user, err := findUser(c.State.Now(), c.Caller.Account, in.UserName)
	if err != nil {
		return nil, err
	}
	document, err := findInline(user.Inline, in.PolicyName, "user")
	return &userPolicyOutput{user.Name, in.PolicyName, escape(document.Text)}, err
}

func (s *service) deleteUserPolicy(c *controlplane.Call, in *userPolicyInput) error {
	return s.changeUser(c, in.UserName, func(_ *state.Snapshot, user *iam.User) error {
		_, err := findInline(user.Inline, in.PolicyName, "user")
		delete(user.Inline, in.PolicyName)
		return err
	})
}

type listUserPoliciesInput struct {
	userInput
	paging
}

func (s *service) listUserPolicies(c *controlplane.Call, in *listUserPoliciesInput) (*policyNamesOutput, error) {
	user, err := findUser(c.State.Now(), c.Caller.Account, in.UserName)
	if err != nil {
		return nil, err
	}
	return pageOfNames(in.paging, user.Inline)
}

// findInline finds an inline policy of a role, user or group.
func findInline(policies map[string]iam.Policy, name, owner string) (iam.Policy, error) {
	document, ok := policies[name]
	if !ok {
		return iam.Policy{}, noSuchEntity("The %s policy with name %s cannot be found.", owner, name)
	}
	return document, nil
}

func pageOfNames(p paging, policies map[string]iam.Policy) (*policyNamesOutput, error) {
	page, more, err := cut(p, slices.Sorted(maps.Keys(policies)), itself)
	return &policyNamesOutput{page, more}, err
}
