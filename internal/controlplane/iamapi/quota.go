package iamapi

// Quotas of an account, at the values that a new account has (IAM User Guide, "IAM and AWS STS quotas"). Sizes are in
// characters, white space left out.
const (
	maxUsers    = 5000
	maxRoles    = 1000
	maxUserKeys = 2
	maxTags     = 50

	maxUserInline = 2048
	maxRoleInline = 10240
	maxTrust      = 2048
)
