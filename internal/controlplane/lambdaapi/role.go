//go:build unix

package lambdaapi

import (
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// lambdaService is the principal that an execution role must trust.
const lambdaService = "lambda.amazonaws.com"

// passRole asks whether the caller may give the role to the function (IAM User Guide, "Grant a user permissions to
// pass a role to an AWS service").
func (r *request) passRole(role string) error {
	arn, ok := iam.ParseARN(role)
	if !ok || arn.Type != "role" {
		return roleNotAssumable()
	}
	if arn.Account != r.target.arn.Account {
		return accessDenied("Cross-account pass role is not allowed.")
	}
	return r.Authorize(controlplane.Permission{
		Action: passRole, Resource: role, ResourceAccount: arn.Account,
		Facts: []auth.Fact{
			{Key: "iam:PassedToService", Value: lambdaService},
			{Key: "iam:AssociatedResourceArn", Value: r.target.arn.Unqualified().String()},
		},
	})
}

// setRole gives the function its execution role, which must exist and trust Lambda. It is called within the change
// that saves the function, so that the role is the one that exists at that moment.
func setRole(world *state.Snapshot, function *lambda.Function, arn string) error {
	parsed, ok := iam.ParseARN(arn)
	if !ok {
		return roleNotAssumable()
	}
	role, ok := world.Role(parsed.Account, parsed.Name)
	if !ok || role.ARN() != arn || !trustsLambda(role, function.ARN) {
		return roleNotAssumable()
	}
	function.Role, function.RoleID = arn, role.ID
	return nil
}

// trustsLambda asks the role's trust policy. A function's own service call carries the function and its account, so
// that a trust policy can be confined to them (Lambda Developer Guide, "Defining Lambda function permissions with an
// execution role").
func trustsLambda(role *iam.Role, function lambda.ARN) bool {
	decision := policy.Evaluate(policy.Request{
		Principal:       &policy.Principal{Type: policy.Service, ARN: lambdaService},
		Action:          "sts:AssumeRole",
		Resource:        role.ARN(),
		ResourceAccount: role.Account,
		Context: policy.Values{
			"aws:SourceAccount":         {function.Account},
			"aws:SourceArn":             {function.Unqualified().String()},
			"aws:PrincipalIsAWSService": {"true"},
			"aws:PrincipalServiceName":  {lambdaService},
		},
	}, &policy.Sets{Resource: &policy.Named{Name: "trust policy of role " + role.Name, Document: role.Trust.Document()}})
	return decision.Effect == policy.Allowed
}

func roleNotAssumable() *wire.Error {
	return invalidParameter("The role defined for the function cannot be assumed by Lambda.")
}
