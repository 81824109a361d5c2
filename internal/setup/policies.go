package setup

import (
	"context"

	"github.com/furl-dev/furl/internal/iam"
)

// PolicyText is a policy as it was read.
type PolicyText struct {
	Name string // by which reasons refer to it: "inline policy read of role caller", or the ARN of a managed policy
	Text string
}

// ReadPolicies reads all identity-based policies of a role, user or group, and goes on when one can not be read. The
// errors are of package awsapi, one for each thing that could not be looked at.
func ReadPolicies(ctx context.Context, reader PolicyReader, owner iam.Owner) (policies []PolicyText, faults []error) {
	names, err := reader.InlineNames(ctx, owner)
	if err != nil {
		faults = append(faults, err)
	}
	for _, name := range names {
		text, err := reader.Inline(ctx, owner, name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		policies = append(policies, PolicyText{Name: "inline policy " + name + " of " + owner.String(), Text: text})
	}
	attached, err := reader.Attached(ctx, owner)
	if err != nil {
		faults = append(faults, err)
	}
	for _, arn := range attached {
		text, err := reader.Managed(ctx, arn)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		policies = append(policies, PolicyText{Name: arn, Text: text})
	}
	return policies, faults
}
