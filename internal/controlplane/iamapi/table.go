package iamapi

import "github.com/furl-dev/furl/internal/controlplane/query"

// table is every operation that furl has of IAM.
func (s *service) table() []query.Operation {
	return []query.Operation{
		{Name: "CreateRole", Permission: newRole, Handler: query.Answer(s.createRole)},
		{Name: "GetRole", Permission: onRole, Handler: query.Answer(s.getRole), Note: "RoleLastUsed is always empty."},
		{Name: "ListRoles", Permission: all("role"), Handler: query.Answer(s.listRoles)},
		{Name: "DeleteRole", Permission: onRole, Handler: query.Perform(s.deleteRole)},
		{Name: "UpdateRole", Permission: onRole, Handler: query.Answer(s.updateRole)},
		{Name: "UpdateRoleDescription", Permission: onRole, Handler: query.Answer(s.updateRoleDescription)},
		{Name: "UpdateAssumeRolePolicy", Permission: onRole, Handler: query.Perform(s.updateAssumeRolePolicy)},
		{Name: "TagRole", Permission: tagging(onRole), Handler: query.Perform(s.tagRole)},
		{Name: "UntagRole", Permission: tagging(onRole), Handler: query.Perform(s.untagRole)},
		{Name: "ListRoleTags", Permission: onRole, Handler: query.Answer(s.listRoleTags)},
		{Name: "PutRolePolicy", Permission: onRole, Handler: query.Perform(s.putRolePolicy)},
		{Name: "GetRolePolicy", Permission: onRole, Handler: query.Answer(s.getRolePolicy)},
		{Name: "ListRolePolicies", Permission: onRole, Handler: query.Answer(s.listRolePolicies)},
		{Name: "DeleteRolePolicy", Permission: onRole, Handler: query.Perform(s.deleteRolePolicy)},

		{Name: "CreateUser", Permission: newUser, Handler: query.Answer(s.createUser)},
		{Name: "GetUser", Permission: onUser, Handler: query.Answer(s.getUser)},
		{Name: "ListUsers", Permission: all("user"), Handler: query.Answer(s.listUsers)},
		{Name: "DeleteUser", Permission: onUser, Handler: query.Perform(s.deleteUser)},
		{Name: "TagUser", Permission: tagging(onUser), Handler: query.Perform(s.tagUser)},
		{Name: "UntagUser", Permission: tagging(onUser), Handler: query.Perform(s.untagUser)},
		{Name: "ListUserTags", Permission: onUser, Handler: query.Answer(s.listUserTags)},
		{Name: "PutUserPolicy", Permission: onUser, Handler: query.Perform(s.putUserPolicy)},
		{Name: "GetUserPolicy", Permission: onUser, Handler: query.Answer(s.getUserPolicy)},
		{Name: "ListUserPolicies", Permission: onUser, Handler: query.Answer(s.listUserPolicies)},
		{Name: "DeleteUserPolicy", Permission: onUser, Handler: query.Perform(s.deleteUserPolicy)},

		{Name: "CreateAccessKey", Permission: onUser, Handler: query.Answer(s.createAccessKey)},
		{Name: "ListAccessKeys", Permission: onUser, Handler: query.Answer(s.listAccessKeys)},
		{Name: "UpdateAccessKey", Permission: onUser, Handler: query.Perform(s.updateAccessKey)},
		{Name: "DeleteAccessKey", Permission: onUser, Handler: query.Perform(s.deleteAccessKey)},
		{Name: "GetAccessKeyLastUsed", Permission: onKeyOwner, Handler: query.Answer(s.getAccessKeyLastUsed), Note: "No use is ever recorded."},
	}
}
