package iamapi

import (
	"maps"
	"slices"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

type accountSummaryOutput struct{ SummaryMap map[string]int }

// getAccountSummary counts what the account has and may have. The entries are those that AWS was seen to send
// (LocalStack's test snapshots, 2026).
func (s *service) getAccountSummary(r *wire.Request, _ *struct{}) (any, error) {
	world, account := r.State.Now(), r.Caller.Account
	count := map[iam.OwnerKind]int{}
	for e := range entities(world, account) {
		count[e.Kind]++
	}
	own := policiesOf(world, account, true, false)
	versions := 0
	for _, p := range own {
		versions += len(p.Versions)
	}
	return &accountSummaryOutput{map[string]int{
		"Users": count[iam.OfUser], "UsersQuota": maxUsers,
		"Groups": count[iam.OfGroup], "GroupsQuota": maxGroups,
		"Roles": count[iam.OfRole], "RolesQuota": maxRoles,
		"Policies": len(own), "PoliciesQuota": maxPolicies,
		"PolicyVersionsInUse": versions, "PolicyVersionsInUseQuota": 10000,
		"Providers":              len(providersOf(world, account)),
		"AccessKeysPerUserQuota": maxUserKeys, "GroupsPerUserQuota": maxUserGroups, "VersionsPerPolicyQuota": maxVersions,
		"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached,
		"UserPolicySizeQuota": maxUserInline, "RolePolicySizeQuota": maxRoleInline, "GroupPolicySizeQuota": maxGroupInline,
		"PolicySizeQuota": maxPolicySize, "AssumeRolePolicySizeQuota": maxTrust,
		"AccountAccessKeysPresent": 1, "GlobalEndpointTokenVersion": 1,

		// What furl does not have.
		"AccountMFAEnabled": 0, "AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0, "SigningCertificatesPerUserQuota": 2,
		"InstanceProfiles": 0, "InstanceProfilesQuota": 1000, "MFADevices": 0, "MFADevicesInUse": 0,
		"ServerCertificates": 0, "ServerCertificatesQuota": 20,
	}}, nil
}

type authorizationDetailsInput struct {
	Filter []string
	wire.Page
}

type authorizationDetailsOutput struct {
	UserDetailList  []userDetail
	GroupDetailList []groupDetail
	RoleDetailList  []roleDetail
	Policies        []policyDetail
	paged
}

type inlineDetail struct {
	PolicyName     string
	PolicyDocument string
}

type userDetail struct {
	userHead
	UserPolicyList          []inlineDetail `xml:",omitempty"`
	GroupList               []string
	AttachedManagedPolicies []attachedPolicy
	PermissionsBoundary     *permissionBoundary
	Tags                    []wire.Tag
}

type groupDetail struct {
	groupResult
	GroupPolicyList         []inlineDetail
	AttachedManagedPolicies []attachedPolicy
}

type roleDetail struct {
	roleHead
	InstanceProfileList     []string
	RolePolicyList          []inlineDetail
	AttachedManagedPolicies []attachedPolicy
	PermissionsBoundary     *permissionBoundary
	Tags                    []wire.Tag
	RoleLastUsed            struct{}
}

type policyDetail struct {
	policyResult
	PolicyVersionList []versionResult
}

// detail is one item of the listing: it adds itself to the answer.
type detail struct {
	key string
	add func(*authorizationDetailsOutput)
}

// getAccountAuthorizationDetails lists everything that authorization in the account depends on. AWS's own policies
// are among it as far as they are in use.
func (s *service) getAccountAuthorizationDetails(r *wire.Request, in *authorizationDetailsInput) (any, error) {
	list := details(r.State.Now(), r.Caller.Account, func(kind string) bool {
		return len(in.Filter) == 0 || slices.Contains(in.Filter, kind)
	})
	page, more, err := cut(in.Page, list, func(d detail) string { return d.key })
	out := &authorizationDetailsOutput{paged: more}
	for _, d := range page {
		d.add(out)
	}
	return out, err
}

func details(world *state.Snapshot, account string, wanted func(kind string) bool) []detail {
	var list []detail
	for _, user := range world.Users.All() {
		if user.Account == account && wanted("User") {
			list = append(list, detail{"1 " + user.Name, func(out *authorizationDetailsOutput) {
				out.UserDetailList = append(out.UserDetailList, newUserDetail(user))
			}})
		}
	}
	for _, group := range world.Groups.All() {
		if group.Account == account && wanted("Group") {
			list = append(list, detail{"2 " + group.Name, func(out *authorizationDetailsOutput) {
				out.GroupDetailList = append(out.GroupDetailList, newGroupDetail(group))
			}})
		}
	}
	for _, role := range world.Roles.All() {
		if role.Account == account && wanted("Role") {
			list = append(list, detail{"3 " + role.Name, func(out *authorizationDetailsOutput) {
				out.RoleDetailList = append(out.RoleDetailList, newRoleDetail(world, role))
			}})
		}
	}
	used := usages(world, account)
	for _, p := range policiesOf(world, account, wanted("LocalManagedPolicy"), wanted("AWSManagedPolicy")) {
		use := used[p.ARN()]
		if p.Account != iam.AWS || use.attached+use.bounding > 0 {
			list = append(list, detail{"4 " + p.ARN(), func(out *authorizationDetailsOutput) {
				out.Policies = append(out.Policies, newPolicyDetail(p, use))
			}})
		}
	}
	return list
}

func newUserDetail(user *iam.User) userDetail {
	return userDetail{
		userHead: newUserHead(user), UserPolicyList: inlineDetails(&user.Grants), GroupList: user.Groups,
		AttachedManagedPolicies: attachedPolicies(&user.Grants, ""),
		PermissionsBoundary:     boundaryResult(user.Boundary), Tags: wire.TagList(user.Tags),
	}
}

func newGroupDetail(group *iam.Group) groupDetail {
	return groupDetail{newGroupResult(group), inlineDetails(&group.Grants), attachedPolicies(&group.Grants, "")}
}

func newRoleDetail(world *state.Snapshot, role *iam.Role) roleDetail {
	return roleDetail{
		roleHead: newRoleHead(world, role), RolePolicyList: inlineDetails(&role.Grants),
		AttachedManagedPolicies: attachedPolicies(&role.Grants, ""),
		PermissionsBoundary:     boundaryResult(role.Boundary), Tags: wire.TagList(role.Tags),
	}
}

func newPolicyDetail(p *iam.ManagedPolicy, used usage) policyDetail {
	d := policyDetail{policyResult: listedPolicy(p, used)}
	d.Description = p.Description
	for _, version := range slices.Backward(p.Versions) {
		result := listedVersion(p, version)
		result.Document = escape(version.Policy.Text)
		d.PolicyVersionList = append(d.PolicyVersionList, result)
	}
	return d
}

func inlineDetails(grants *iam.Grants) []inlineDetail {
	var list []inlineDetail
	for _, name := range slices.Sorted(maps.Keys(grants.Inline)) {
		list = append(list, inlineDetail{name, escape(grants.Inline[name].Text)})
	}
	return list
}

type accountAliasesOutput struct {
	AccountAliases []string
	paged
}

func (s *service) listAccountAliases(*wire.Request, *wire.Page) (any, error) {
	return &accountAliasesOutput{}, nil
}
