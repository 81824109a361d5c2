package iamapi

import (
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// boundaryARN is a permissions boundary in a request.
type boundaryARN struct {
	PermissionsBoundary string `query:"required,min=20,max=2048"`
}

type (
	putRoleBoundaryInput struct {
		roleInput
		boundaryARN
	}
	putUserBoundaryInput struct {
		userInput
		boundaryARN
	}
)

func (s *service) putRoleBoundary(c *controlplane.Call, in *putRoleBoundaryInput) error {
	return s.changeRole(c, in.RoleName, func(world *state.Snapshot, role *iam.Role) error {
		role.Boundary = in.PermissionsBoundary
		return checkBoundary(world, role.Account, role.Boundary)
	})
}

func (s *service) deleteRoleBoundary(c *controlplane.Call, in *roleInput) error {
	return s.changeRole(c, in.RoleName, func(_ *state.Snapshot, role *iam.Role) error {
		role.Boundary = ""
		return nil
	})
}

func (s *service) putUserBoundary(c *controlplane.Call, in *putUserBoundaryInput) error {
	return s.changeUser(c, in.UserName, func(world *state.Snapshot, user *iam.User) error {
		user.Boundary = in.PermissionsBoundary
		return checkBoundary(world, user.Account, user.Boundary)
	})
}

func (s *service) deleteUserBoundary(c *controlplane.Call, in *userInput) error {
	return s.changeUser(c, in.UserName, func(_ *state.Snapshot, user *iam.User) error {
		user.Boundary = ""
		return nil
	})
}

// checkBoundary refuses a permissions boundary that the account can not use; "" is none.
func checkBoundary(world *state.Snapshot, account, arn string) error {
	if arn == "" {
		return nil
	}
	if !isPolicyARN(arn) {
		return invalidInput("ARN %s is not valid.", arn)
	}
	if _, ok := visiblePolicy(world, account, arn); !ok {
		return noSuchEntity("Scope ARN: %s does not exist or is not attachable.", arn)
	}
	return nil
}
