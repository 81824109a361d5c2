package awsapi

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/furl-dev/furl/internal/iam"
)

// Role looks a role up by its name. Its policies are read with Inline and Attached.
func (c *Client) Role(ctx context.Context, name string) (*iam.Role, error) {
	out, err := c.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: &name})
	if err != nil {
		return nil, failure(err, "iam:GetRole", "role "+name)
	}
	arn, ok := iam.ParseARN(aws.ToString(out.Role.Arn))
	if !ok {
		return nil, fmt.Errorf("answer of IAM: role %s has the ARN %q", name, aws.ToString(out.Role.Arn))
	}
	return &iam.Role{
		Account: arn.Account, Name: arn.Name, Path: arn.Path, ID: aws.ToString(out.Role.RoleId),
		Tags: tagsOf(out.Role.Tags), Boundary: boundaryOf(out.Role.PermissionsBoundary),
	}, nil
}

// User looks a user up by its name. Its policies are read with Inline and Attached.
func (c *Client) User(ctx context.Context, name string) (*iam.User, error) {
	out, err := c.iam.GetUser(ctx, &awsiam.GetUserInput{UserName: &name})
	if err != nil {
		return nil, failure(err, "iam:GetUser", "user "+name)
	}
	arn, ok := iam.ParseARN(aws.ToString(out.User.Arn))
	if !ok {
		return nil, fmt.Errorf("answer of IAM: user %s has the ARN %q", name, aws.ToString(out.User.Arn))
	}
	return &iam.User{
		Account: arn.Account, Name: arn.Name, Path: arn.Path, ID: aws.ToString(out.User.UserId),
		Tags: tagsOf(out.User.Tags), Boundary: boundaryOf(out.User.PermissionsBoundary),
	}, nil
}

// GroupsOf are the names of the groups that the user is in.
func (c *Client) GroupsOf(ctx context.Context, user string) ([]string, error) {
	var groups []string
	pages := awsiam.NewListGroupsForUserPaginator(c.iam, &awsiam.ListGroupsForUserInput{UserName: &user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failure(err, "iam:ListGroupsForUser", "user "+user)
		}
		for _, group := range page.Groups {
			groups = append(groups, aws.ToString(group.GroupName))
		}
	}
	return groups, nil
}

func tagsOf(tags []types.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	set := make(map[string]string, len(tags))
	for _, tag := range tags {
		set[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return set
}

func boundaryOf(boundary *types.AttachedPermissionsBoundary) string {
	if boundary == nil {
		return ""
	}
	return aws.ToString(boundary.PermissionsBoundaryArn)
}
