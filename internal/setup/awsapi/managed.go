package awsapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/furl-dev/furl/internal/iam"
)

// Attached are the ARNs of the managed policies that are attached to the owner.
func (c *Client) Attached(ctx context.Context, owner iam.Owner) ([]string, error) {
	var (
		arns   []string
		marker *string
	)
	for {
		page, next, err := c.attachedPage(ctx, owner, marker)
		if err != nil {
			return nil, err
		}
		for _, attached := range page {
			arns = append(arns, aws.ToString(attached.PolicyArn))
		}
		if next == nil {
			return arns, nil
		}
		marker = next
	}
}

func (c *Client) attachedPage(ctx context.Context, owner iam.Owner, marker *string) (page []types.AttachedPolicy, next *string, err error) {
	switch owner.Kind {
	case iam.OfRole:
		out, err := c.iam.ListAttachedRolePolicies(ctx, &awsiam.ListAttachedRolePoliciesInput{RoleName: &owner.Name, Marker: marker})
		if err != nil {
			return nil, nil, failure(err, "iam:ListAttachedRolePolicies", owner.String())
		}
		return out.AttachedPolicies, out.Marker, nil
	case iam.OfUser:
		out, err := c.iam.ListAttachedUserPolicies(ctx, &awsiam.ListAttachedUserPoliciesInput{UserName: &owner.Name, Marker: marker})
		if err != nil {
			return nil, nil, failure(err, "iam:ListAttachedUserPolicies", owner.String())
		}
		return out.AttachedPolicies, out.Marker, nil
	default:
		out, err := c.iam.ListAttachedGroupPolicies(ctx, &awsiam.ListAttachedGroupPoliciesInput{GroupName: &owner.Name, Marker: marker})
		if err != nil {
			return nil, nil, failure(err, "iam:ListAttachedGroupPolicies", owner.String())
		}
		return out.AttachedPolicies, out.Marker, nil
	}
}

// Managed is the text of a managed policy's version in force.
func (c *Client) Managed(ctx context.Context, arn string) (string, error) {
	found, err := c.iam.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return "", failure(err, "iam:GetPolicy", arn)
	}
	version, err := c.iam.GetPolicyVersion(ctx, &awsiam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: found.Policy.DefaultVersionId})
	if err != nil {
		return "", failure(err, "iam:GetPolicyVersion", arn)
	}
	return decode(version.PolicyVersion.Document)
}
