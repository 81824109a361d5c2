package iamapi

import (
	"cmp"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

const defaultMaxSession = 3600 // seconds

type roleInput struct {
	RoleName string `query:"required,min=1,max=64,pattern=name"`
}

type createRoleInput struct {
	roleInput
	Path                     string `query:"min=1,max=512,pattern=path"`
	AssumeRolePolicyDocument string `query:"required,min=1,max=131072,pattern=document"`
	Description              string `query:"max=1000,pattern=description"`
	MaxSessionDuration       *int   `query:"min=3600,max=43200"`
	PermissionsBoundary      string `query:"min=20,max=2048"`
	Tags                     []tag  `query:"max=50"`
}

type roleOutput struct{ Role roleResult }

func (s *service) createRole(c *controlplane.Call, in *createRoleInput) (*roleOutput, error) {
	tags, err := principalTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	id, err := iam.NewID(s.random, iam.PrefixRole)
	if err != nil {
		return nil, err
	}
	role := &iam.Role{
		Account: c.Caller.Account, Name: in.RoleName, Path: cmp.Or(in.Path, "/"), ID: id, Created: c.Now,
		Description: in.Description, MaxSession: seconds(in.MaxSessionDuration, defaultMaxSession), Tags: tags,
		Boundary: in.PermissionsBoundary,
	}
	err = c.State.Update(c.Context(), func(tx *state.Tx) error {
		world := tx.View()
		if err := nameFree(world.Roles.All(), role.Account, role.Name, maxRoles, "Role", "RolesPerAccount"); err != nil {
			return err
		}
		if err := checkBoundary(world, role.Account, role.Boundary); err != nil {
			return err
		}
		var err error
		if role.Trust, err = parseTrust(in.AssumeRolePolicyDocument, world); err != nil {
			return err
		}
		return tx.PutRole(role)
	})
	if err != nil {
		return nil, err
	}
	return &roleOutput{newRoleResult(c.State.Now(), role)}, nil
}

func (s *service) getRole(c *controlplane.Call, in *roleInput) (*roleOutput, error) {
	world := c.State.Now()
	role, err := findRole(world, c.Caller.Account, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &roleOutput{wholeRole(world, role)}, nil
}

type listRolesInput struct {
	PathPrefix string `query:"min=1,max=512,pattern=pathPrefix"`
	paging
}

type listRolesOutput struct {
	Roles []roleResult
	paged
}

func (s *service) listRoles(c *controlplane.Call, in *listRolesInput) (*listRolesOutput, error) {
	world := c.State.Now()
	var roles []*iam.Role
	for _, role := range world.Roles.All() {
		if role.Account == c.Caller.Account && strings.HasPrefix(role.Path, in.PathPrefix) {
			roles = append(roles, role)
		}
	}
	page, more, err := cut(in.paging, roles, func(r *iam.Role) string { return r.Name })
	if err != nil {
		return nil, err
	}
	out := &listRolesOutput{Roles: make([]roleResult, len(page)), paged: more}
	for i, role := range page {
		out.Roles[i] = listedRole(world, role)
	}
	return out, nil
}

func (s *service) deleteRole(c *controlplane.Call, in *roleInput) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		role, err := findRole(tx.View(), c.Caller.Account, in.RoleName)
		switch {
		case err != nil:
			return err
		case len(role.Attached) > 0:
			return deleteConflict("Cannot delete entity, must detach all policies first.")
		case len(role.Inline) > 0:
			return deleteConflict("Cannot delete entity, must delete policies first.")
		}
		tx.DeleteRole(role)
		return nil
	})
}

type updateRoleInput struct {
	roleInput
	Description        *string `query:"max=1000,pattern=description"`
	MaxSessionDuration *int    `query:"min=3600,max=43200"`
}

// updateRoleOutput is an empty result: AWS sends the element.
type updateRoleOutput struct{}

func (s *service) updateRole(c *controlplane.Call, in *updateRoleInput) (*updateRoleOutput, error) {
	return &updateRoleOutput{}, s.changeRole(c, in.RoleName, func(_ *state.Snapshot, role *iam.Role) error {
		if in.Description != nil {
			role.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			role.MaxSession = seconds(in.MaxSessionDuration, 0)
		}
		return nil
	})
}

type updateRoleDescriptionInput struct {
	roleInput
	Description *string `query:"required,max=1000,pattern=description"`
}

func (s *service) updateRoleDescription(c *controlplane.Call, in *updateRoleDescriptionInput) (*roleOutput, error) {
	var changed *iam.Role
	err := s.changeRole(c, in.RoleName, func(_ *state.Snapshot, role *iam.Role) error {
		role.Description, changed = *in.Description, role
		return nil
	})
	if err != nil {
		return nil, err
	}
	result := newRoleResult(c.State.Now(), changed)
	result.Description = changed.Description
	return &roleOutput{result}, nil
}

type updateTrustInput struct {
	roleInput
	PolicyDocument string `query:"required,min=1,max=131072,pattern=document"`
}

func (s *service) updateAssumeRolePolicy(c *controlplane.Call, in *updateTrustInput) error {
	return s.changeRole(c, in.RoleName, func(world *state.Snapshot, role *iam.Role) (err error) {
		role.Trust, err = parseTrust(in.PolicyDocument, world)
		return err
	})
}

type tagRoleInput struct {
	roleInput
	Tags []tag `query:"required,max=50"`
}

func (s *service) tagRole(c *controlplane.Call, in *tagRoleInput) error {
	return s.changeRole(c, in.RoleName, func(_ *state.Snapshot, role *iam.Role) (err error) {
		role.Tags, err = principalTags(role.Tags, in.Tags)
		return err
	})
}

type untagRoleInput struct {
	roleInput
	TagKeys []string `query:"required,max=50" member:"min=1,max=128,pattern=tagKey"`
}

func (s *service) untagRole(c *controlplane.Call, in *untagRoleInput) error {
	return s.changeRole(c, in.RoleName, func(_ *state.Snapshot, role *iam.Role) error {
		role.Tags = withoutTags(role.Tags, in.TagKeys)
		return nil
	})
}

type tagsOutput struct {
	Tags []tag
	paged
}

func (s *service) listRoleTags(c *controlplane.Call, in *listOfRoleInput) (*tagsOutput, error) {
	role, err := findRole(c.State.Now(), c.Caller.Account, in.RoleName)
	if err != nil {
		return nil, err
	}
	return pageOfTags(in.paging, role.Tags)
}

func pageOfTags(p paging, tags map[string]string) (*tagsOutput, error) {
	page, more, err := cut(p, tagList(tags), func(t tag) string { return t.Key })
	return &tagsOutput{page, more}, err
}

func findRole(world *state.Snapshot, account, name string) (*iam.Role, error) {
	role, ok := world.Role(account, name)
	if !ok {
		return nil, noSuchEntity("The role with name %s cannot be found.", name)
	}
	return role, nil
}

func seconds(given *int, otherwise int) time.Duration {
	if given != nil {
		otherwise = *given
	}
	return time.Duration(otherwise) * time.Second
}
