package iamapi

import (
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// owner names who has policies: a role, a user or a group. What is done to the policies of each is the same but for
// the names of the parameters, so it is written once for all inputs that name an owner.
type owner struct {
	kind string // role, user, group
	name string
}

func (o owner) String() string { return o.kind + " " + o.name }

// owned is an input that names an owner.
type owned interface{ owner() owner }

func (in roleInput) owner() owner  { return owner{"role", in.RoleName} }
func (in userInput) owner() owner  { return owner{"user", in.UserName} }
func (in groupInput) owner() owner { return owner{"group", in.GroupName} }

// ownerName is the part of an answer that names the owner.
type ownerName struct {
	RoleName  string `query:"omitempty"`
	UserName  string `query:"omitempty"`
	GroupName string `query:"omitempty"`
}

func (o owner) result() ownerName {
	switch o.kind {
	case "role":
		return ownerName{RoleName: o.name}
	case "user":
		return ownerName{UserName: o.name}
	default:
		return ownerName{GroupName: o.name}
	}
}

// grantsOf are the policies of an owner.
func grantsOf(world *state.Snapshot, account string, o owner) (*iam.Grants, error) {
	switch o.kind {
	case "role":
		role, err := findRole(world, account, o.name)
		if err != nil {
			return nil, err
		}
		return &role.Grants, nil
	case "user":
		user, err := findUser(world, account, o.name)
		if err != nil {
			return nil, err
		}
		return &user.Grants, nil
	default:
		group, err := findGroup(world, account, o.name)
		if err != nil {
			return nil, err
		}
		return &group.Grants, nil
	}
}

// changeGrants changes the policies of an owner in a transaction.
func (s *service) changeGrants(c *controlplane.Call, o owner, change func(*state.Snapshot, *iam.Grants) error) error {
	switch o.kind {
	case "role":
		return s.changeRole(c, o.name, func(world *state.Snapshot, role *iam.Role) error { return change(world, &role.Grants) })
	case "user":
		return s.changeUser(c, o.name, func(world *state.Snapshot, user *iam.User) error { return change(world, &user.Grants) })
	default:
		return s.changeGroup(c, o.name, func(world *state.Snapshot, group *iam.Group) error { return change(world, &group.Grants) })
	}
}
