package awsapi

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/furl-dev/furl/internal/iam"
)

// InlineNames are the names of the owner's inline policies.
func (c *Client) InlineNames(ctx context.Context, owner iam.Owner) ([]string, error) {
	var (
		names  []string
		marker *string
	)
	for {
		page, next, err := c.inlinePage(ctx, owner, marker)
		if err != nil {
			return nil, err
		}
		names = append(names, page...)
		if next == nil {
			return names, nil
		}
		marker = next
	}
}

func (c *Client) inlinePage(ctx context.Context, owner iam.Owner, marker *string) (names []string, next *string, err error) {
	switch owner.Kind {
	case iam.OfRole:
		out, err := c.iam.ListRolePolicies(ctx, &awsiam.ListRolePoliciesInput{RoleName: &owner.Name, Marker: marker})
		if err != nil {
			return nil, nil, failure(err, "iam:ListRolePolicies", owner.String())
		}
		return out.PolicyNames, out.Marker, nil
	case iam.OfUser:
		out, err := c.iam.ListUserPolicies(ctx, &awsiam.ListUserPoliciesInput{UserName: &owner.Name, Marker: marker})
		if err != nil {
			return nil, nil, failure(err, "iam:ListUserPolicies", owner.String())
		}
		return out.PolicyNames, out.Marker, nil
	default:
		out, err := c.iam.ListGroupPolicies(ctx, &awsiam.ListGroupPoliciesInput{GroupName: &owner.Name, Marker: marker})
		if err != nil {
			return nil, nil, failure(err, "iam:ListGroupPolicies", owner.String())
		}
		return out.PolicyNames, out.Marker, nil
	}
}

// Inline is the text of an inline policy. An error of kind NotFound says that there is none of that name.
func (c *Client) Inline(ctx context.Context, owner iam.Owner, name string) (string, error) {
	var (
		document *string
		err      error
		action   string
	)
	switch owner.Kind {
	case iam.OfRole:
		action = "iam:GetRolePolicy"
		var out *awsiam.GetRolePolicyOutput
		if out, err = c.iam.GetRolePolicy(ctx, &awsiam.GetRolePolicyInput{RoleName: &owner.Name, PolicyName: &name}); err == nil {
			document = out.PolicyDocument
		}
	case iam.OfUser:
		action = "iam:GetUserPolicy"
		var out *awsiam.GetUserPolicyOutput
		if out, err = c.iam.GetUserPolicy(ctx, &awsiam.GetUserPolicyInput{UserName: &owner.Name, PolicyName: &name}); err == nil {
			document = out.PolicyDocument
		}
	default:
		action = "iam:GetGroupPolicy"
		var out *awsiam.GetGroupPolicyOutput
		if out, err = c.iam.GetGroupPolicy(ctx, &awsiam.GetGroupPolicyInput{GroupName: &owner.Name, PolicyName: &name}); err == nil {
			document = out.PolicyDocument
		}
	}
	if err != nil {
		return "", failure(err, action, name+" of "+owner.String())
	}
	return decode(document)
}

// PutInline sets an inline policy of a role or user, in the place of one of the same name.
func (c *Client) PutInline(ctx context.Context, owner iam.Owner, name, document string) error {
	on := name + " of " + owner.String()
	switch owner.Kind {
	case iam.OfRole:
		_, err := c.iam.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{RoleName: &owner.Name, PolicyName: &name, PolicyDocument: &document})
		return failure(err, "iam:PutRolePolicy", on)
	case iam.OfUser:
		_, err := c.iam.PutUserPolicy(ctx, &awsiam.PutUserPolicyInput{UserName: &owner.Name, PolicyName: &name, PolicyDocument: &document})
		return failure(err, "iam:PutUserPolicy", on)
	default:
		return fmt.Errorf("inline policies of a %s are not set here", owner.Kind)
	}
}

// DeleteInline removes an inline policy of a role or user. An error of kind NotFound says that there is none.
func (c *Client) DeleteInline(ctx context.Context, owner iam.Owner, name string) error {
	on := name + " of " + owner.String()
	switch owner.Kind {
	case iam.OfRole:
		_, err := c.iam.DeleteRolePolicy(ctx, &awsiam.DeleteRolePolicyInput{RoleName: &owner.Name, PolicyName: &name})
		return failure(err, "iam:DeleteRolePolicy", on)
	case iam.OfUser:
		_, err := c.iam.DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: &owner.Name, PolicyName: &name})
		return failure(err, "iam:DeleteUserPolicy", on)
	default:
		return fmt.Errorf("inline policies of a %s are not deleted here", owner.Kind)
	}
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
