package iamapi

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// usage is how often a managed policy is in use within an account.
type usage struct {
	attached int // to users, roles and groups
	bounding int // as a permissions boundary
}

// passes reports whether a listing that asks for a sort of use shows the policy.
func (u usage) passes(onlyAttached bool, filter string) bool {
	switch filter {
	case "PermissionsPolicy":
		return u.attached > 0
	case "PermissionsBoundary":
		return u.bounding > 0
	default:
		return !onlyAttached || u.attached > 0
	}
}

// usages counts the uses of all policies by an account, by ARN.
func usages(world *state.Snapshot, account string) map[string]usage {
	used := map[string]usage{}
	for e := range entities(world, account) {
		for _, arn := range e.grants.Attached {
			use := used[arn]
			use.attached++
			used[arn] = use
		}
		if *e.boundary != "" {
			use := used[*e.boundary]
			use.bounding++
			used[*e.boundary] = use
		}
	}
	return used
}

type listEntitiesInput struct {
	policyInput
	EntityFilter      string
	PathPrefix        string
	PolicyUsageFilter string
	wire.Page
}

type listEntitiesOutput struct {
	PolicyGroups []policyGroup
	PolicyUsers  []policyUser
	PolicyRoles  []policyRole
	paged
}

type (
	policyGroup struct{ GroupName, GroupId string }
	policyUser  struct{ UserName, UserId string }
	policyRole  struct{ RoleName, RoleId string }
)

func (s *service) listEntitiesForPolicy(r *wire.Request, in *listEntitiesInput) (any, error) {
	world := r.State.Now()
	if _, err := findPolicy(world, r.Caller.Account, in.PolicyArn); err != nil {
		return nil, err
	}
	var list []entity
	for e := range entities(world, r.Caller.Account) {
		attached := in.PolicyUsageFilter != "PermissionsBoundary" && slices.Contains(e.grants.Attached, in.PolicyArn)
		bounding := in.PolicyUsageFilter != "PermissionsPolicy" && *e.boundary == in.PolicyArn
		wanted := in.EntityFilter == "" || strings.EqualFold(in.EntityFilter, string(e.Kind))
		if (attached || bounding) && wanted && strings.HasPrefix(e.path, in.PathPrefix) {
			list = append(list, e)
		}
	}
	page, more, err := cut(in.Page, list, func(e entity) string { return e.String() })
	out := &listEntitiesOutput{paged: more}
	for _, e := range page {
		switch e.Kind {
		case iam.OfGroup:
			out.PolicyGroups = append(out.PolicyGroups, policyGroup{e.Name, e.id})
		case iam.OfUser:
			out.PolicyUsers = append(out.PolicyUsers, policyUser{e.Name, e.id})
		default:
			out.PolicyRoles = append(out.PolicyRoles, policyRole{e.Name, e.id})
		}
	}
	return out, err
}
