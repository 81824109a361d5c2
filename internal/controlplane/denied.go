package controlplane

import (
	"fmt"

	"github.com/furl-dev/furl/policy"
)

// Denied is the refusal of a caller whose policies do not allow an operation.
type Denied struct {
	Caller     string // ARN
	CallerID   string // aws:userid
	Permission Permission
	Decision   policy.Decision
}

// Error is the text that AWS gives the caller (IAM User Guide, "Troubleshoot access denied error messages").
func (d *Denied) Error() string {
	resource := d.Permission.Shown
	if resource == "" {
		resource = d.Permission.Resource
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s",
		d.Caller, d.Permission.Action, resource, d.Decision.Because(d.Permission.Action))
}
