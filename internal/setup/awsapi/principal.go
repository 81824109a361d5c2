package awsapi

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
)

// Principal is what is asked of a role or user.
type Principal struct {
	ARN, ID  string
	Tags     map[string]string
	Boundary string // ARN of its permissions boundary
}

// Principal looks a role or user up by its name. Its policies are read with Inline and Attached.
func (c *Client) Principal(ctx context.Context, owner iam.Owner) (Principal, error) {
	if owner.Kind == iam.OfUser {
		out, err := c.iam.GetUser(ctx, &awsiam.GetUserInput{UserName: &owner.Name})
		if err != nil {
			return Principal{}, failure(err, owner.String())
		}
		return principalOf(owner, out.User.Arn, out.User.UserId, out.User.Tags, out.User.PermissionsBoundary)
	}
	out, err := c.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: &owner.Name})
	if err != nil {
		return Principal{}, failure(err, owner.String())
	}
	return principalOf(owner, out.Role.Arn, out.Role.RoleId, out.Role.Tags, out.Role.PermissionsBoundary)
}

func principalOf(
	owner iam.Owner, name, id *string, tags []types.Tag, boundary *types.AttachedPermissionsBoundary,
) (Principal, error) {
	found := Principal{ARN: aws.ToString(name), ID: aws.ToString(id)}
	if _, err := arn.ParsePrincipal(found.ARN); err != nil {
		return Principal{}, fmt.Errorf("answer of IAM: %s has the ARN %q", owner, found.ARN)
	}
	for _, tag := range tags {
		if found.Tags == nil {
			found.Tags = map[string]string{}
		}
		found.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if boundary != nil {
		found.Boundary = aws.ToString(boundary.PermissionsBoundaryArn)
	}
	return found, nil
}

// GroupsOf are the names of the groups that the user is in.
func (c *Client) GroupsOf(ctx context.Context, user string) ([]string, error) {
	pages := awsiam.NewListGroupsForUserPaginator(c.iam, &awsiam.ListGroupsForUserInput{UserName: &user})
	return all(ctx, pages, "user "+user, func(p *awsiam.ListGroupsForUserOutput) (groups []string) {
		for _, group := range p.Groups {
			groups = append(groups, aws.ToString(group.GroupName))
		}
		return groups
	})
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

// Simulate asks IAM whether the identity-based policies of a user or role, with its permissions boundary and the
// service control policies of its account, allow the action on the resource, with the condition keys.
func (c *Client) Simulate(
	ctx context.Context, principal, action, resource string, keys map[string][]string,
) (Simulation, error) {
	input := &awsiam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &principal, ActionNames: []string{action}, ResourceArns: []string{resource},
	}
	for key, values := range keys {
		kind := types.ContextKeyTypeEnumString
		if slices.Equal(values, []string{"true"}) {
			kind = types.ContextKeyTypeEnumBoolean
		}
		input.ContextEntries = append(input.ContextEntries, types.ContextEntry{
			ContextKeyName: &key, ContextKeyType: kind, ContextKeyValues: values,
		})
	}
	out, err := c.iam.SimulatePrincipalPolicy(ctx, input)
	if err != nil {
		return Simulation{}, failure(err, principal)
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
