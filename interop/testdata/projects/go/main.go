// Command bootstrap is a function behind a function URL.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

const text = "first edition"

func main() {
	type request = events.LambdaFunctionURLRequest
	type response = events.LambdaFunctionURLResponse
	lambda.Start(func(_ context.Context, r request) (response, error) {
		return response{StatusCode: 200, Body: text + " for " + r.RequestContext.Authorizer.IAM.UserARN}, nil
	})
}
