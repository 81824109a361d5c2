package awsapi

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/furl-dev/furl/internal/iam"
)

// InlineNames are the names of the owner's inline policies.
func (c *Client) InlineNames(ctx context.Context, owner iam.Owner) ([]string, error) {
	switch owner.Kind {
	case iam.OfRole:
		pages := awsiam.NewListRolePoliciesPaginator(c.iam, &awsiam.ListRolePoliciesInput{RoleName: &owner.Name})
		return all(ctx, pages, owner.String(), func(p *awsiam.ListRolePoliciesOutput) []string { return p.PolicyNames })
	case iam.OfUser:
		pages := awsiam.NewListUserPoliciesPaginator(c.iam, &awsiam.ListUserPoliciesInput{UserName: &owner.Name})
		return all(ctx, pages, owner.String(), func(p *awsiam.ListUserPoliciesOutput) []string { return p.PolicyNames })
	default:
		pages := awsiam.NewListGroupPoliciesPaginator(c.iam, &awsiam.ListGroupPoliciesInput{GroupName: &owner.Name})
		return all(ctx, pages, owner.String(), func(p *awsiam.ListGroupPoliciesOutput) []string { return p.PolicyNames })
	}
}

// Attached are the ARNs of the managed policies that are attached to the owner.
func (c *Client) Attached(ctx context.Context, owner iam.Owner) ([]string, error) {
	on, name := owner.String(), &owner.Name
	switch owner.Kind {
	case iam.OfRole:
		pages := awsiam.NewListAttachedRolePoliciesPaginator(c.iam, &awsiam.ListAttachedRolePoliciesInput{RoleName: name})
		return all(ctx, pages, on, func(p *awsiam.ListAttachedRolePoliciesOutput) []string { return arnsOf(p.AttachedPolicies) })
	case iam.OfUser:
		pages := awsiam.NewListAttachedUserPoliciesPaginator(c.iam, &awsiam.ListAttachedUserPoliciesInput{UserName: name})
		return all(ctx, pages, on, func(p *awsiam.ListAttachedUserPoliciesOutput) []string { return arnsOf(p.AttachedPolicies) })
	default:
		pages := awsiam.NewListAttachedGroupPoliciesPaginator(c.iam, &awsiam.ListAttachedGroupPoliciesInput{GroupName: name})
		return all(ctx, pages, on, func(p *awsiam.ListAttachedGroupPoliciesOutput) []string { return arnsOf(p.AttachedPolicies) })
	}
}

func arnsOf(policies []types.AttachedPolicy) (arns []string) {
	for _, attached := range policies {
		arns = append(arns, aws.ToString(attached.PolicyArn))
	}
	return arns
}

// Inline is the text of an inline policy. An error of kind NotFound says that there is none of that name.
func (c *Client) Inline(ctx context.Context, owner iam.Owner, name string) (string, error) {
	on := name + " of " + owner.String()
	switch owner.Kind {
	case iam.OfRole:
		out, err := c.iam.GetRolePolicy(ctx, &awsiam.GetRolePolicyInput{RoleName: &owner.Name, PolicyName: &name})
		if err != nil {
			return "", failure(err, on)
		}
		return decode(out.PolicyDocument)
	case iam.OfUser:
		out, err := c.iam.GetUserPolicy(ctx, &awsiam.GetUserPolicyInput{UserName: &owner.Name, PolicyName: &name})
		if err != nil {
			return "", failure(err, on)
		}
		return decode(out.PolicyDocument)
	default:
		out, err := c.iam.GetGroupPolicy(ctx, &awsiam.GetGroupPolicyInput{GroupName: &owner.Name, PolicyName: &name})
		if err != nil {
			return "", failure(err, on)
		}
		return decode(out.PolicyDocument)
	}
}

// PutInline sets an inline policy of a role or user, in the place of one of the same name.
func (c *Client) PutInline(ctx context.Context, owner iam.Owner, name, document string) (err error) {
	switch owner.Kind {
	case iam.OfRole:
		_, err = c.iam.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{
			RoleName: &owner.Name, PolicyName: &name, PolicyDocument: &document,
		})
	case iam.OfUser:
		_, err = c.iam.PutUserPolicy(ctx, &awsiam.PutUserPolicyInput{
			UserName: &owner.Name, PolicyName: &name, PolicyDocument: &document,
		})
	default:
		return fmt.Errorf("inline policies of a %s are not set here", owner.Kind)
	}
	return failure(err, name+" of "+owner.String())
}

// DeleteInline removes an inline policy of a role or user. An error of kind NotFound says that there is none.
func (c *Client) DeleteInline(ctx context.Context, owner iam.Owner, name string) (err error) {
	switch owner.Kind {
	case iam.OfRole:
		_, err = c.iam.DeleteRolePolicy(ctx, &awsiam.DeleteRolePolicyInput{RoleName: &owner.Name, PolicyName: &name})
	case iam.OfUser:
		_, err = c.iam.DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: &owner.Name, PolicyName: &name})
	default:
		return fmt.Errorf("inline policies of a %s are not deleted here", owner.Kind)
	}
	return failure(err, name+" of "+owner.String())
}

// Managed is the text of a managed policy's version in force.
func (c *Client) Managed(ctx context.Context, arn string) (string, error) {
	found, err := c.iam.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return "", failure(err, arn)
	}
	version, err := c.iam.GetPolicyVersion(ctx, &awsiam.GetPolicyVersionInput{
		PolicyArn: &arn, VersionId: found.Policy.DefaultVersionId,
	})
	if err != nil {
		return "", failure(err, arn)
	}
	return decode(version.PolicyVersion.Document)
}

// decode undoes the percent-encoding that IAM gives policy documents in its answers (IAM API Reference,
// GetRolePolicy: "URL-encoded compliant with RFC 3986"). A document that is not encoded has a raw brace.
func decode(document *string) (string, error) {
	text := aws.ToString(document)
	if len(text) > 0 && text[0] != '%' {
		return text, nil
	}
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return "", fmt.Errorf("answer of IAM: policy document: %w", err)
	}
	return decoded, nil
}
