package explain_test

import (
	"fmt"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/policy"
)

func Example() {
	call := explain.Call{
		Principal: &policy.Principal{Type: policy.User, Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/alice"},
		Function:  lambda.ARN{Region: "eu-central-1", Account: "123456789012", Name: "books"},
		AuthType:  lambda.AuthIAM,
	}
	decision := policy.Evaluate(policy.Request{
		Principal: call.Principal, Action: lambda.ActionInvokeURL, Resource: call.Function.String(),
		ResourceAccount: call.Function.Account,
	}, nil)
	fmt.Println(call.Summary(lambda.ActionInvokeURL, decision))
	for _, command := range call.Lacks(lambda.ActionInvokeURL, decision).Commands("books") {
		fmt.Println(command)
	}
	// Output:
	// lambda:InvokeFunctionUrl denied: neither an identity-based policy of the caller nor the resource-based policy of the function allows it
	// furl grant books --to arn:aws:iam::123456789012:user/alice
}
