package awsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

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
		if out.User == nil {
			return principalOf(owner, nil, nil, nil, nil)
		}
		return principalOf(owner, out.User.Arn, out.User.UserId, out.User.Tags, out.User.PermissionsBoundary)
	}
	out, err := c.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: &owner.Name})
	if err != nil {
		return Principal{}, failure(err, owner.String())
	}
	if out.Role == nil {
		return principalOf(owner, nil, nil, nil, nil)
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

// AnyPrincipal is the ARN of some role of the account, or of some user; "" if it has neither.
func (c *Client) AnyPrincipal(ctx context.Context) (string, error) {
	roles, err := c.iam.ListRoles(ctx, &awsiam.ListRolesInput{MaxItems: aws.Int32(1)})
	if err != nil {
		return "", failure(err, "")
	}
	if len(roles.Roles) > 0 {
		return aws.ToString(roles.Roles[0].Arn), nil
	}
	users, err := c.iam.ListUsers(ctx, &awsiam.ListUsersInput{MaxItems: aws.Int32(1)})
	if err != nil || len(users.Users) == 0 {
		return "", failure(err, "")
	}
	return aws.ToString(users.Users[0].Arn), nil
}

// Simulation is what IAM's policy simulator says of one action.
type Simulation struct {
	Allowed bool
	Denied  bool     // a statement denies it explicitly
	By      []string // ids of the policies whose statements matched
	// LimitedBySCP says that the service control policies of the account's organization do not allow it.
	LimitedBySCP bool
	InOrg        bool // the account is in an organization, so that LimitedBySCP means something
	// Missing are condition keys that the policies ask for and that the simulation was not given.
	Missing []string
}

// keyTypes are the types of the condition keys that are not strings, by their names in lower case (IAM User Guide, "AWS
// global condition context keys"; Service Authorization Reference, "AWS Lambda").
var keyTypes = map[string]types.ContextKeyTypeEnum{
	"aws:currenttime": types.ContextKeyTypeEnumDate, "aws:tokenissuetime": types.ContextKeyTypeEnumDate,
	"aws:epochtime": types.ContextKeyTypeEnumNumeric, "aws:multifactorauthage": types.ContextKeyTypeEnumNumeric,
	"aws:sourceip": types.ContextKeyTypeEnumIp, "aws:securetransport": types.ContextKeyTypeEnumBoolean,
	"aws:viaawsservice": types.ContextKeyTypeEnumBoolean, "aws:multifactorauthpresent": types.ContextKeyTypeEnumBoolean,
	"aws:principalisawsservice":    types.ContextKeyTypeEnumBoolean,
	"lambda:invokedviafunctionurl": types.ContextKeyTypeEnumBoolean,
}

func contextEntry(key string, values []string) types.ContextEntry {
	kind := cmp.Or(keyTypes[strings.ToLower(key)], types.ContextKeyTypeEnumString)
	if len(values) > 1 {
		kind += "List"
	}
	return types.ContextEntry{ContextKeyName: &key, ContextKeyType: kind, ContextKeyValues: values}
}

// Simulate asks IAM whether the identity-based policies of a user or role, with its permissions boundary and the
// service control policies of its account, allow the action on the resource, with the condition keys.
func (c *Client) Simulate(
	ctx context.Context, principal, action, resource string, keys map[string][]string,
) (Simulation, error) {
	input := &awsiam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &principal, ActionNames: []string{action}, ResourceArns: []string{resource},
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		input.ContextEntries = append(input.ContextEntries, contextEntry(key, keys[key]))
	}
	out, err := c.iam.SimulatePrincipalPolicy(ctx, input)
	if err != nil {
		failed := failure(err, principal)
		var own *Error
		asAWS := errors.As(err, new(smithy.APIError)) || !errors.As(err, new(*smithyhttp.ResponseError))
		if errors.As(failed, &own) && own.Kind == Failed && !asAWS {
			own.Kind = Unsupported // moto has no simulator, and answers with a page and status 500
		}
		return Simulation{}, failed
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
	// Where the simulation names resources, AWS lists the missing keys with each (IAM API Reference, EvaluationResult).
	simulation.Missing = result.MissingContextValues
	for _, specific := range result.ResourceSpecificResults {
		simulation.Missing = append(simulation.Missing, specific.MissingContextValues...)
	}
	for _, matched := range result.MatchedStatements {
		simulation.By = append(simulation.By, aws.ToString(matched.SourcePolicyId))
	}
	return simulation, nil
}
