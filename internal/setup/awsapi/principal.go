package awsapi

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
)

// Role looks a role up by its name. Its policies are read with Inline and Attached.
func (c *Client) Role(ctx context.Context, name string) (*iam.Role, error) {
	out, err := c.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: &name})
	if err != nil {
		return nil, failure(err, "iam:GetRole", "role "+name)
	}
	named, err := arn.ParsePrincipal(aws.ToString(out.Role.Arn))
	if err != nil {
		return nil, fmt.Errorf("answer of IAM: role %s has the ARN %q", name, aws.ToString(out.Role.Arn))
	}
	found := &iam.Role{
		Account: named.Account, Name: named.Name, Path: named.Path, ID: aws.ToString(out.Role.RoleId),
		Tags: tagsOf(out.Role.Tags), Boundary: boundaryOf(out.Role.PermissionsBoundary),
	}
	return found.In(named.Partition), nil
}

// User looks a user up by its name. Its policies are read with Inline and Attached.
func (c *Client) User(ctx context.Context, name string) (*iam.User, error) {
	out, err := c.iam.GetUser(ctx, &awsiam.GetUserInput{UserName: &name})
	if err != nil {
		return nil, failure(err, "iam:GetUser", "user "+name)
	}
	named, err := arn.ParsePrincipal(aws.ToString(out.User.Arn))
	if err != nil {
		return nil, fmt.Errorf("answer of IAM: user %s has the ARN %q", name, aws.ToString(out.User.Arn))
	}
	found := &iam.User{
		Account: named.Account, Name: named.Name, Path: named.Path, ID: aws.ToString(out.User.UserId),
		Tags: tagsOf(out.User.Tags), Boundary: boundaryOf(out.User.PermissionsBoundary),
	}
	return found.In(named.Partition), nil
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

// Simulation is what IAM's policy simulator says of one action.
type Simulation struct {
	Allowed bool
	Denied  bool     // a statement denies it explicitly
	By      []string // ids of the policies whose statements matched
	// LimitedBySCP says that the service control policies of the account's organization do not allow it.
	LimitedBySCP bool
	InOrg        bool // the account is in an organization, so that LimitedBySCP means something
}

// Fact is a condition key of a simulated request.
type Fact struct{ Key, Value string }

// Simulate asks IAM whether the identity-based policies of a user or role, with its permissions boundary and the
// service control policies of its account, allow the action on the resource.
func (c *Client) Simulate(ctx context.Context, principal, action, resource string, facts []Fact) (Simulation, error) {
	input := &awsiam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &principal, ActionNames: []string{action}, ResourceArns: []string{resource},
	}
	for _, fact := range facts {
		kind := types.ContextKeyTypeEnumString
		if fact.Value == "true" || fact.Value == "false" {
			kind = types.ContextKeyTypeEnumBoolean
		}
		input.ContextEntries = append(input.ContextEntries, types.ContextEntry{
			ContextKeyName: aws.String(fact.Key), ContextKeyType: kind, ContextKeyValues: []string{fact.Value},
		})
	}
	out, err := c.iam.SimulatePrincipalPolicy(ctx, input)
	if err != nil {
		return Simulation{}, failure(err, "iam:SimulatePrincipalPolicy", principal)
	}
	if len(out.EvaluationResults) != 1 {
		return Simulation{}, &Error{Action: "iam:SimulatePrincipalPolicy", On: principal, Message: "the answer is not about one action"}
	}
	result := out.EvaluationResults[0]
	simulation := Simulation{
		Allowed: result.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed,
		Denied:  result.EvalDecision == types.PolicyEvaluationDecisionTypeExplicitDeny,
	}
	if detail := result.OrganizationsDecisionDetail; detail != nil {
		simulation.InOrg, simulation.LimitedBySCP = true, !detail.AllowedByOrganizations
	}
	for _, matched := range result.MatchedStatements {
		simulation.By = append(simulation.By, aws.ToString(matched.SourcePolicyId))
	}
	return simulation, nil
}
