package awsapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/iam"
)

// Endpoint is the address of the APIs, "" for AWS.
func (c *Client) Endpoint() string { return aws.ToString(c.config.BaseEndpoint) }

// Aliases are the names of the aliases of a function, which is a name or an ARN.
func (c *Client) Aliases(ctx context.Context, function string) ([]string, error) {
	pages := awslambda.NewListAliasesPaginator(c.lambda, &awslambda.ListAliasesInput{FunctionName: &function})
	return all(ctx, pages, function, func(p *awslambda.ListAliasesOutput) (names []string) {
		for _, alias := range p.Aliases {
			names = append(names, aws.ToString(alias.Name))
		}
		return names
	})
}

// Versions are the versions of a function, which is a name or an ARN: $LATEST first, then the published ones.
func (c *Client) Versions(ctx context.Context, function string) ([]string, error) {
	pages := awslambda.NewListVersionsByFunctionPaginator(c.lambda, &awslambda.ListVersionsByFunctionInput{FunctionName: &function})
	return all(ctx, pages, function, func(p *awslambda.ListVersionsByFunctionOutput) (versions []string) {
		for _, version := range p.Versions {
			versions = append(versions, aws.ToString(version.Version))
		}
		return versions
	})
}

// Principals are the ARNs of all roles or of all users of the account.
func (c *Client) Principals(ctx context.Context, kind iam.OwnerKind) ([]string, error) {
	if kind == iam.OfUser {
		return all(ctx, awsiam.NewListUsersPaginator(c.iam, &awsiam.ListUsersInput{}), "", func(p *awsiam.ListUsersOutput) []string {
			return each(p.Users, func(user types.User) *string { return user.Arn })
		})
	}
	return all(ctx, awsiam.NewListRolesPaginator(c.iam, &awsiam.ListRolesInput{}), "", func(p *awsiam.ListRolesOutput) []string {
		return each(p.Roles, func(role types.Role) *string { return role.Arn })
	})
}

func each[Item any](items []Item, text func(Item) *string) (texts []string) {
	for _, item := range items {
		texts = append(texts, aws.ToString(text(item)))
	}
	return texts
}
