package iamapi

import (
	"time"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// The shapes of answers. Field names and their order are those of the API model; which fields an operation fills is
// known from recorded answers of AWS (LocalStack's test snapshots, 2026) and from the notes of the API reference.

type roleHead struct {
	Path                     string
	RoleName                 string
	RoleId                   string
	Arn                      string
	CreateDate               time.Time
	AssumeRolePolicyDocument string
}

func newRoleHead(world *state.Snapshot, r *iam.Role) roleHead {
	return roleHead{r.Path, r.Name, r.ID, r.ARN(), r.Created, showTrust(world, r.Trust)}
}

type roleResult struct {
	roleHead
	Description         string              `xml:",omitempty"`
	MaxSessionDuration  int                 `xml:",omitempty"`
	PermissionsBoundary *permissionBoundary `xml:",omitempty"`
	Tags                []wire.Tag          `xml:",omitempty"`
	RoleLastUsed        *struct{}
}

type userHead struct {
	Path       string `xml:",omitempty"` // the root user has neither path nor name
	UserName   string `xml:",omitempty"`
	UserId     string
	Arn        string
	CreateDate time.Time
}

func newUserHead(u *iam.User) userHead { return userHead{u.Path, u.Name, u.ID, u.ARN(), u.Created} }

type userResult struct {
	userHead
	PermissionsBoundary *permissionBoundary `xml:",omitempty"`
	Tags                []wire.Tag          `xml:",omitempty"`
}

type permissionBoundary struct {
	PermissionsBoundaryType string // AWS sends "Policy", whatever its model says
	PermissionsBoundaryArn  string
}

func boundaryResult(arn string) *permissionBoundary {
	if arn == "" {
		return nil
	}
	return &permissionBoundary{"Policy", arn}
}

// newRoleResult is a role as CreateRole answers.
func newRoleResult(world *state.Snapshot, role *iam.Role) roleResult {
	return roleResult{
		roleHead: newRoleHead(world, role), PermissionsBoundary: boundaryResult(role.Boundary), Tags: wire.TagList(role.Tags),
	}
}

// listedRole is a role as ListRoles answers, without boundary, tags and last use.
func listedRole(world *state.Snapshot, role *iam.Role) roleResult {
	result := newRoleResult(world, role)
	result.PermissionsBoundary, result.Tags = nil, nil
	result.Description = role.Description
	result.MaxSessionDuration = int(role.MaxSession / time.Second)
	return result
}

// wholeRole is a role as GetRole answers. furl does not record when a role was last used.
func wholeRole(world *state.Snapshot, role *iam.Role) roleResult {
	result := listedRole(world, role)
	result.PermissionsBoundary, result.Tags = boundaryResult(role.Boundary), wire.TagList(role.Tags)
	result.RoleLastUsed = &struct{}{}
	return result
}

// wholeUser is a user as CreateUser and GetUser answer.
func wholeUser(user *iam.User) userResult {
	result := listedUser(user)
	result.PermissionsBoundary, result.Tags = boundaryResult(user.Boundary), wire.TagList(user.Tags)
	return result
}

// listedUser is a user as ListUsers answers, without boundary and tags.
func listedUser(user *iam.User) userResult { return userResult{userHead: newUserHead(user)} }

func (u userResult) key() string { return u.UserName }
