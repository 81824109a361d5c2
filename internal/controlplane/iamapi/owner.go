package iamapi

import (
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// owned is an input that names who has policies: a role, a user or a group. What is done to the policies of each is the
// same but for the names of the parameters, so it is written once for all inputs that name an owner.
type owned interface{ owner() iam.Owner }

func (in roleInput) owner() iam.Owner  { return iam.Owner{Kind: iam.OfRole, Name: in.RoleName} }
func (in userInput) owner() iam.Owner  { return iam.Owner{Kind: iam.OfUser, Name: in.UserName} }
func (in groupInput) owner() iam.Owner { return iam.Owner{Kind: iam.OfGroup, Name: in.GroupName} }

// ownerName is the part of an answer that names the owner.
type ownerName struct {
	RoleName  string `query:"omitempty"`
	UserName  string `query:"omitempty"`
	GroupName string `query:"omitempty"`
}

func newOwnerName(o iam.Owner) ownerName {
	switch o.Kind {
	case iam.OfRole:
		return ownerName{RoleName: o.Name}
	case iam.OfUser:
		return ownerName{UserName: o.Name}
	default:
		return ownerName{GroupName: o.Name}
	}
}

// grantsOf are the policies of an owner.
func grantsOf(world *state.Snapshot, account string, o iam.Owner) (*iam.Grants, error) {
	switch o.Kind {
	case iam.OfRole:
		role, err := findRole(world, account, o.Name)
		if err != nil {
			return nil, err
		}
		return &role.Grants, nil
	case iam.OfUser:
		user, err := findUser(world, account, o.Name)
		if err != nil {
			return nil, err
		}
		return &user.Grants, nil
	default:
		group, err := findGroup(world, account, o.Name)
		if err != nil {
			return nil, err
		}
		return &group.Grants, nil
	}
}

// changeGrants changes the policies of an owner in a transaction.
func (s *service) changeGrants(c *controlplane.Call, o iam.Owner, change func(*state.Snapshot, *iam.Grants) error) error {
	switch o.Kind {
	case iam.OfRole:
		return s.changeRole(c, o.Name, func(world *state.Snapshot, role *iam.Role) error { return change(world, &role.Grants) })
	case iam.OfUser:
		return s.changeUser(c, o.Name, func(world *state.Snapshot, user *iam.User) error { return change(world, &user.Grants) })
	default:
		return s.changeGroup(c, o.Name, func(world *state.Snapshot, group *iam.Group) error { return change(world, &group.Grants) })
	}
}
