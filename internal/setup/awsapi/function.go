package awsapi

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
)

// Function is what is asked of a function.
type Function struct {
	ARN  lambda.ARN // unqualified
	Role string     // ARN of its execution role
}

// Function looks a function up, or the version or alias that the qualifier of the ARN names: each version has a role of
// its own.
func (c *Client) Function(ctx context.Context, arn lambda.ARN) (Function, error) {
	name := arn.String()
	out, err := c.lambda.GetFunctionConfiguration(ctx, &awslambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		return Function{}, failure(err, name)
	}
	return functionOf(out.FunctionArn, out.Role)
}

// HasFunction reports whether there is a function of that name or ARN. sure is false if the caller may not know, or if
// the answer does not say so: other things of a function are not found in other words.
func (c *Client) HasFunction(ctx context.Context, function string) (has, sure bool) {
	_, err := c.lambda.GetFunctionConfiguration(ctx, &awslambda.GetFunctionConfigurationInput{FunctionName: &function})
	missing, ok := errors.AsType[*types.ResourceNotFoundException](err)
	return err == nil, err == nil || ok && strings.HasPrefix(missing.ErrorMessage(), "Function not found")
}

func functionOf(name, role *string) (Function, error) {
	parsed, err := arn.ParseFunctionARN(aws.ToString(name))
	if err != nil {
		return Function{}, fmt.Errorf("answer of the Lambda API: %w", err)
	}
	return Function{ARN: parsed.Unqualified(), Role: aws.ToString(role)}, nil
}

// Functions are all functions of the account and region. An error ends the sequence.
func (c *Client) Functions(ctx context.Context) iter.Seq2[Function, error] {
	return func(yield func(Function, error) bool) {
		pages := awslambda.NewListFunctionsPaginator(c.lambda, &awslambda.ListFunctionsInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Function{}, failure(err, c.region))
				return
			}
			for _, listed := range page.Functions {
				function, err := functionOf(listed.FunctionArn, listed.Role)
				if !yield(function, err) || err != nil {
					return
				}
			}
		}
	}
}

// Tags are the tags of a function, which its aliases have no own of.
func (c *Client) Tags(ctx context.Context, arn lambda.ARN) (map[string]string, error) {
	name := arn.Unqualified().String()
	out, err := c.lambda.ListTags(ctx, &awslambda.ListTagsInput{Resource: &name})
	if err != nil {
		return nil, failure(err, name)
	}
	return out.Tags, nil
}

// Policy is the text of the resource-based policy of the function or alias. An error of kind NotFound says that there
// is no policy, or no function. Two operations give the same text: who lacks the permission for the one that every
// endpoint has may have that for the other.
func (c *Client) Policy(ctx context.Context, arn lambda.ARN) (string, error) {
	name, qualifier := split(arn)
	out, err := c.lambda.GetPolicy(ctx, &awslambda.GetPolicyInput{FunctionName: name, Qualifier: qualifier})
	switch {
	case err == nil && aws.ToString(out.Policy) == "": // a function without one is not found
		return "", &Error{Action: "lambda:GetPolicy", On: arn.String(), Message: "the answer has no policy"}
	case err == nil:
		return repaired(*out.Policy), nil
	}
	err = failure(err, arn.String())
	if KindOf(err) == Denied {
		if text, _, other := c.ResourcePolicy(ctx, arn); other == nil || KindOf(other) == NotFound {
			return text, other
		}
	}
	return "", err
}

// ResourcePolicy is the resource-based policy with its revision, by which PutResourcePolicy knows that nobody has
// changed it since.
func (c *Client) ResourcePolicy(ctx context.Context, arn lambda.ARN) (text, revision string, err error) {
	name := arn.String()
	out, err := c.lambda.GetResourcePolicy(ctx, &awslambda.GetResourcePolicyInput{ResourceArn: &name})
	if err != nil {
		return "", "", failure(err, name)
	}
	return aws.ToString(out.Policy), aws.ToString(out.RevisionId), nil
}

// PutResourcePolicy replaces the resource-based policy of the function or alias; "" removes it. With a revision, an error
// of kind Conflict says that the policy has another one by now.
func (c *Client) PutResourcePolicy(ctx context.Context, arn lambda.ARN, text, revision string) (err error) {
	name := arn.String()
	if text == "" {
		_, err = c.lambda.DeleteResourcePolicy(ctx, &awslambda.DeleteResourcePolicyInput{
			ResourceArn: &name, RevisionId: orNil(revision),
		})
	} else {
		_, err = c.lambda.PutResourcePolicy(ctx, &awslambda.PutResourcePolicyInput{
			ResourceArn: &name, Policy: &text, RevisionId: orNil(revision),
		})
	}
	return failure(err, name)
}

// AddPermission adds a statement to the resource-based policy of the function or alias. An error of kind Conflict says
// that there is a statement of that id.
func (c *Client) AddPermission(ctx context.Context, arn lambda.ARN, permission lambda.Permission) error {
	name, qualifier := split(arn)
	_, err := c.lambda.AddPermission(ctx, &awslambda.AddPermissionInput{
		FunctionName: name, Qualifier: qualifier,
		StatementId:           &permission.StatementID,
		Action:                &permission.Action,
		Principal:             aws.String(permission.Principal.String()),
		SourceArn:             orNil(permission.SourceARN),
		SourceAccount:         orNil(permission.SourceAccount),
		EventSourceToken:      orNil(permission.EventSourceToken),
		PrincipalOrgID:        orNil(permission.PrincipalOrgID),
		FunctionUrlAuthType:   types.FunctionUrlAuthType(permission.FunctionURLAuthType),
		InvokedViaFunctionUrl: permission.InvokedViaURL,
	})
	return failure(err, arn.String())
}

// RemovePermission removes a statement. An error of kind NotFound says that there is none of that id.
func (c *Client) RemovePermission(ctx context.Context, arn lambda.ARN, statementID string) error {
	name, qualifier := split(arn)
	_, err := c.lambda.RemovePermission(ctx, &awslambda.RemovePermissionInput{
		FunctionName: name, Qualifier: qualifier, StatementId: &statementID,
	})
	return failure(err, arn.String())
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
