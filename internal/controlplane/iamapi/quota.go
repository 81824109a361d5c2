package iamapi

// Quotas of an account, at the values that a new account has (IAM User Guide, "IAM and AWS STS quotas"; a recorded
// answer of GetAccountSummary in LocalStack's test snapshots). Sizes are in characters, white space left out.
const (
	maxUsers      = 5000
	maxGroups     = 300
	maxRoles      = 1000
	maxPolicies   = 1500
	maxProviders  = 100
	maxVersions   = 5
	maxAttached   = 10 // managed policies of one user, role or group
	maxUserKeys   = 2
	maxUserGroups = 10
	maxTags       = 50

	maxUserInline  = 2048
	maxGroupInline = 5120
	maxRoleInline  = 10240
	maxPolicySize  = 6144
	maxTrust       = 2048

	maxClientIDs   = 100
	maxThumbprints = 5
)
