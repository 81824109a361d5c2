package iamapi

import "github.com/furl-dev/furl/internal/controlplane/wire"

// table is every operation that furl has of IAM.
func (s *service) table() []wire.Operation {
	return []wire.Operation{
		{Name: "CreateRole", Handler: wire.Run(onNew, s.createRole), Also: alsoTag(tagRole),
			Note: "The text for a path below /aws-reserved/ is assumed."},
		{Name: "GetRole", Handler: wire.Run(onOwner, s.getRole), Note: "RoleLastUsed is always empty."},
		{Name: "ListRoles", Handler: wire.Run(all("role"), s.listRoles)},
		{Name: "DeleteRole", Handler: wire.Run(onOwner, s.deleteRole)},
		{Name: "UpdateRole", Handler: wire.Run(onOwner, s.updateRole),
			Note: "Members that are left out stay as they are, as AWS was recorded to have it; its documentation says that MaxSessionDuration becomes one hour."},
		{Name: "UpdateRoleDescription", Handler: wire.Run(onOwner, s.updateRoleDescription)},
		{Name: "UpdateAssumeRolePolicy", Handler: wire.Run(onOwner, s.updateAssumeRolePolicy)},
		{Name: "TagRole", Handler: wire.Run(onOwner, s.tagOwner)},
		{Name: "UntagRole", Handler: wire.Run(onOwner, s.tagOwner)},
		{Name: "ListRoleTags", Handler: wire.Run(onOwner, s.listOwnerTags)},
		{Name: "PutRolePolicy", Handler: wire.Run(onOwner, s.putInline)},
		{Name: "GetRolePolicy", Handler: wire.Run(onOwner, s.getInline)},
		{Name: "ListRolePolicies", Handler: wire.Run(onOwner, s.listInline)},
		{Name: "DeleteRolePolicy", Handler: wire.Run(onOwner, s.deleteInline)},
		{Name: "AttachRolePolicy", Handler: wire.Run(onOwner, s.attach)},
		{Name: "DetachRolePolicy", Handler: wire.Run(onOwner, s.detach)},
		{Name: "ListAttachedRolePolicies", Handler: wire.Run(onOwner, s.listAttached)},
		{Name: "PutRolePermissionsBoundary", Handler: wire.Run(onOwner, s.putBoundary)},
		{Name: "DeleteRolePermissionsBoundary", Handler: wire.Run(onOwner, s.deleteBoundary)},

		{Name: "CreateUser", Handler: wire.Run(onNew, s.createUser), Also: alsoTag(tagUser)},
		{Name: "GetUser", Handler: wire.Run(onOwner, s.getUser)},
		{Name: "ListUsers", Handler: wire.Run(all("user"), s.listUsers)},
		{Name: "UpdateUser", Handler: wire.Run(onOwner, s.updateUser)},
		{Name: "DeleteUser", Handler: wire.Run(onOwner, s.deleteUser)},
		{Name: "TagUser", Handler: wire.Run(onOwner, s.tagOwner)},
		{Name: "UntagUser", Handler: wire.Run(onOwner, s.tagOwner)},
		{Name: "ListUserTags", Handler: wire.Run(onOwner, s.listOwnerTags)},
		{Name: "PutUserPolicy", Handler: wire.Run(onOwner, s.putInline)},
		{Name: "GetUserPolicy", Handler: wire.Run(onOwner, s.getInline)},
		{Name: "ListUserPolicies", Handler: wire.Run(onOwner, s.listInline)},
		{Name: "DeleteUserPolicy", Handler: wire.Run(onOwner, s.deleteInline)},
		{Name: "AttachUserPolicy", Handler: wire.Run(onOwner, s.attach)},
		{Name: "DetachUserPolicy", Handler: wire.Run(onOwner, s.detach)},
		{Name: "ListAttachedUserPolicies", Handler: wire.Run(onOwner, s.listAttached)},
		{Name: "PutUserPermissionsBoundary", Handler: wire.Run(onOwner, s.putBoundary)},
		{Name: "DeleteUserPermissionsBoundary", Handler: wire.Run(onOwner, s.deleteBoundary)},
		{Name: "ListGroupsForUser", Handler: wire.Run(onOwner, s.listGroupsForUser)},

		{Name: "CreateAccessKey", Handler: wire.Run(onOwner, s.createAccessKey)},
		{Name: "ListAccessKeys", Handler: wire.Run(onOwner, s.listAccessKeys)},
		{Name: "UpdateAccessKey", Handler: wire.Run(onOwner, s.updateAccessKey)},
		{Name: "DeleteAccessKey", Handler: wire.Run(onOwner, s.deleteAccessKey)},
		{Name: "GetAccessKeyLastUsed", Handler: wire.Run(onKeyOwner, s.getAccessKeyLastUsed),
			Note: "No use is ever recorded."},

		{Name: "CreateGroup", Handler: wire.Run(onNew, s.createGroup)},
		{Name: "GetGroup", Handler: wire.Run(onOwner, s.getGroup)},
		{Name: "ListGroups", Handler: wire.Run(all("group"), s.listGroups)},
		{Name: "UpdateGroup", Handler: wire.Run(onOwner, s.updateGroup)},
		{Name: "DeleteGroup", Handler: wire.Run(onOwner, s.deleteGroup)},
		{Name: "AddUserToGroup", Handler: wire.Run(onOwner, s.addUserToGroup)},
		{Name: "RemoveUserFromGroup", Handler: wire.Run(onOwner, s.removeUserFromGroup)},
		{Name: "PutGroupPolicy", Handler: wire.Run(onOwner, s.putInline)},
		{Name: "GetGroupPolicy", Handler: wire.Run(onOwner, s.getInline)},
		{Name: "ListGroupPolicies", Handler: wire.Run(onOwner, s.listInline)},
		{Name: "DeleteGroupPolicy", Handler: wire.Run(onOwner, s.deleteInline)},
		{Name: "AttachGroupPolicy", Handler: wire.Run(onOwner, s.attach)},
		{Name: "DetachGroupPolicy", Handler: wire.Run(onOwner, s.detach)},
		{Name: "ListAttachedGroupPolicies", Handler: wire.Run(onOwner, s.listAttached)},

		{Name: "CreatePolicy", Handler: wire.Run(newPolicy, s.createPolicy), Also: alsoTag(tagPolicy),
			Note: "Accepts and refuses documents as AWS was recorded to. Assumed: an ARN of IAM or STS whose account is no number fails legacy parsing."},
		{Name: "GetPolicy", Handler: wire.Run(onPolicy, s.getManagedPolicy)},
		{Name: "ListPolicies", Handler: wire.Run(allPolicies, s.listPolicies),
			Note: "Of AWS's own policies furl has those that people attach to the roles of functions, in shorter texts."},
		{Name: "DeletePolicy", Handler: wire.Run(onPolicy, s.deleteManagedPolicy)},
		{Name: "CreatePolicyVersion", Handler: wire.Run(onPolicy, s.createPolicyVersion)},
		{Name: "GetPolicyVersion", Handler: wire.Run(onPolicy, s.getPolicyVersion)},
		{Name: "ListPolicyVersions", Handler: wire.Run(onPolicy, s.listPolicyVersions)},
		{Name: "DeletePolicyVersion", Handler: wire.Run(onPolicy, s.deletePolicyVersion)},
		{Name: "SetDefaultPolicyVersion", Handler: wire.Run(onPolicy, s.setDefaultPolicyVersion)},
		{Name: "TagPolicy", Handler: wire.Run(onPolicy, s.tagPolicy)},
		{Name: "UntagPolicy", Handler: wire.Run(onPolicy, s.tagPolicy)},
		{Name: "ListPolicyTags", Handler: wire.Run(onPolicy, s.listPolicyTags)},
		{Name: "ListEntitiesForPolicy", Handler: wire.Run(onPolicy, s.listEntitiesForPolicy)},

		{Name: "CreateOpenIDConnectProvider", Handler: wire.Run(newProvider, s.createProvider), Also: alsoTag(tagProvider),
			Note: "Takes http from loopback addresses too. Thumbprints are kept and not used."},
		{Name: "GetOpenIDConnectProvider", Handler: wire.Run(onProvider, s.getProvider)},
		{Name: "ListOpenIDConnectProviders", Handler: wire.Run(wire.Anything, s.listProviders)},
		{Name: "DeleteOpenIDConnectProvider", Handler: wire.Run(onProvider, s.deleteProvider)},
		{Name: "AddClientIDToOpenIDConnectProvider", Handler: wire.Run(onProvider, s.addClientID)},
		{Name: "RemoveClientIDFromOpenIDConnectProvider", Handler: wire.Run(onProvider, s.removeClientID)},
		{Name: "UpdateOpenIDConnectProviderThumbprint", Handler: wire.Run(onProvider, s.updateThumbprint)},
		{Name: "TagOpenIDConnectProvider", Handler: wire.Run(onProvider, s.tagProvider)},
		{Name: "UntagOpenIDConnectProvider", Handler: wire.Run(onProvider, s.tagProvider)},
		{Name: "ListOpenIDConnectProviderTags", Handler: wire.Run(onProvider, s.listProviderTags)},

		{Name: "SimulateCustomPolicy", Handler: wire.Run(onSource, s.simulate),
			Note: "Knows lambda:InvokedViaFunctionUrl, which AWS's simulator does not. ResourceHandlingOption is refused."},
		{Name: "SimulatePrincipalPolicy", Handler: wire.Run(onSource, s.simulate),
			Note: "Roles are simulated as a session of theirs. An account with service control policies is one of an organization."},
		{Name: "GetContextKeysForCustomPolicy", Handler: wire.Run(onSource, s.getContextKeys)},
		{Name: "GetContextKeysForPrincipalPolicy", Handler: wire.Run(onSource, s.getContextKeys)},

		{Name: "GetAccountSummary", Handler: wire.Run(wire.Anything, s.getAccountSummary)},
		{Name: "GetAccountAuthorizationDetails", Handler: wire.Run(wire.Anything, s.getAccountAuthorizationDetails)},
		{Name: "ListAccountAliases", Handler: wire.Run(wire.Anything, s.listAccountAliases), Note: "There are none."},
		{Name: "ListInstanceProfilesForRole", Handler: wire.Run(onOwner, s.listInstanceProfilesForRole),
			Note: "There are none."},
		{Name: "ListMFADevices", Handler: wire.Run(onOwner, s.listMFADevices), Note: "There are none."},
		{Name: "GetLoginProfile", Handler: wire.Run(onOwner, s.getLoginProfile), Note: "There are none."},
	}
}

// The actions that operations need besides their own to make something with tags (openshift/installer#1073; Service
// Authorization Reference).
const (
	tagRole     = "iam:TagRole"
	tagUser     = "iam:TagUser"
	tagPolicy   = "iam:TagPolicy"
	tagProvider = "iam:TagOpenIDConnectProvider"
)

func alsoTag(action string) []wire.Also { return []wire.Also{{Member: "Tags", Action: action}} }
