package awsapi

import (
	"context"
	"fmt"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/lambda"
)

// Function is what is asked of a function.
type Function struct {
	ARN  lambda.ARN // unqualified
	Role string     // ARN of its execution role
}

// Function looks a function up. The qualifier of the ARN plays no part.
func (c *Client) Function(ctx context.Context, arn lambda.ARN) (Function, error) {
	name := arn.Unqualified().String()
	out, err := c.lambda.GetFunctionConfiguration(ctx, &awslambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		return Function{}, failure(err, "lambda:GetFunctionConfiguration", name)
	}
	return functionOf(out.FunctionArn, out.Role)
}

func functionOf(arn, role *string) (Function, error) {
	parsed, err := lambda.ParseARN(aws.ToString(arn))
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
				yield(Function{}, failure(err, "lambda:ListFunctions", c.region))
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
