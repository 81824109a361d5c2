package awsapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

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
