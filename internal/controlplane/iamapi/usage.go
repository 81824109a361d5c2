package iamapi

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
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
		if e.boundary != "" {
			use := used[e.boundary]
			use.bounding++
			used[e.boundary] = use
		}
	}
	return used
}

// entity is a user, role or group.
type entity struct {
	kind     string // Group, Role, User
	name, id string
	path     string
	grants   *iam.Grants
	boundary string
}

// entities yields the users, roles and groups of an account, in no order.
func entities(world *state.Snapshot, account string) func(yield func(entity) bool) {
	return func(yield func(entity) bool) {
		for _, g := range world.Groups.All() {
			if g.Account == account && !yield(entity{"Group", g.Name, g.ID, g.Path, &g.Grants, ""}) {
				return
			}
		}
		for _, r := range world.Roles.All() {
			if r.Account == account && !yield(entity{"Role", r.Name, r.ID, r.Path, &r.Grants, r.Boundary}) {
				return
			}
		}
		for _, u := range world.Users.All() {
			if u.Account == account && !yield(entity{"User", u.Name, u.ID, u.Path, &u.Grants, u.Boundary}) {
				return
			}
		}
	}
}

type listEntitiesInput struct {
	policyARN
	EntityFilter      string `query:"enum=User|Role|Group|LocalManagedPolicy|AWSManagedPolicy"`
	PathPrefix        string `query:"min=1,max=512,pattern=path"`
	PolicyUsageFilter string `query:"enum=PermissionsPolicy|PermissionsBoundary"`
	paging
}

type listEntitiesOutput struct {
	PolicyGroups []groupEntity
	PolicyUsers  []userEntity
	PolicyRoles  []roleEntity
	paged
}

type (
	groupEntity struct{ GroupName, GroupId string }
	userEntity  struct{ UserName, UserId string }
	roleEntity  struct{ RoleName, RoleId string }
)

func (s *service) listEntitiesForPolicy(c *controlplane.Call, in *listEntitiesInput) (*listEntitiesOutput, error) {
	world := c.State.Now()
	if _, err := findPolicy(world, c.Caller.Account, in.PolicyArn); err != nil {
		return nil, err
	}
	var list []entity
	for e := range entities(world, c.Caller.Account) {
		attached := in.PolicyUsageFilter != "PermissionsBoundary" && slices.Contains(e.grants.Attached, in.PolicyArn)
		bounding := in.PolicyUsageFilter != "PermissionsPolicy" && e.boundary == in.PolicyArn
		if (attached || bounding) && (in.EntityFilter == "" || in.EntityFilter == e.kind) && strings.HasPrefix(e.path, in.PathPrefix) {
			list = append(list, e)
		}
	}
	page, more, err := cut(in.paging, list, func(e entity) string { return e.kind + " " + e.name })
	out := &listEntitiesOutput{paged: more}
	for _, e := range page {
		switch e.kind {
		case "Group":
			out.PolicyGroups = append(out.PolicyGroups, groupEntity{e.name, e.id})
		case "User":
			out.PolicyUsers = append(out.PolicyUsers, userEntity{e.name, e.id})
		default:
			out.PolicyRoles = append(out.PolicyRoles, roleEntity{e.name, e.id})
		}
	}
	return out, err
}
