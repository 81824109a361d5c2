package controlplane

import "github.com/furl-dev/furl/policy"

// Denied is the refusal of a caller whose policies do not allow an operation. Its text is what AWS tells the caller.
type Denied struct {
	Caller     string // ARN
	Permission Permission
	Decision   policy.Decision
}
