package policy_test

import (
	"errors"
	"fmt"

	"github.com/furl-dev/furl/policy"
)

const books = "arn:aws:lambda:eu-west-1:123456789012:function:books"

func ExampleParse() {
	_, err := policy.Parse([]byte(`{
  "Version": "2012-10-17",
  "Statement": {"Effect": "allow", "Action": "InvokeFunctionUrl", "Resource": "*"}
}`), policy.Identity)
	var faults policy.Faults
	if errors.As(err, &faults) {
		for _, fault := range faults {
			fmt.Println(fault)
		}
	}
	// Output:
	// 3:27: Statement.Effect: Effect must be Allow or Deny, not "allow"
	// 3:46: Statement.Action: want service:Action, got "InvokeFunctionUrl"
}

func ExampleEvaluate() {
	document, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{
		"Sid":"read","Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"`+books+`",
		"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}]}`), policy.Identity)
	if err != nil {
		fmt.Println(err)
		return
	}
	alice, err := policy.ParsePrincipal("arn:aws:iam::123456789012:user/alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	keys := alice.Keys()
	keys["lambda:FunctionUrlAuthType"] = []string{"AWS_IAM"}
	request := policy.Request{
		Principal: &alice, Action: "lambda:InvokeFunctionUrl",
		Resource: books, ResourceAccount: "123456789012", Context: keys,
	}
	sets := &policy.Sets{Identity: []policy.Named{{Name: "read-books", Document: document}}}

	decision := policy.Evaluate(request, sets)
	fmt.Println(decision.Effect, "by", decision.Matched[0].Sid(), "of", decision.Matched[0].Policy)

	request.Action = "lambda:InvokeFunction"
	decision = policy.Evaluate(request, sets)
	fmt.Println(decision.Effect, decision.Because(request.Action))
	// Output:
	// Allowed by read of read-books
	// ImplicitlyDenied because no identity-based policy allows the lambda:InvokeFunction action
}

func ExampleNearestMisses() {
	document, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{
		"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"`+books+`",
		"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}]}`), policy.Identity)
	if err != nil {
		fmt.Println(err)
		return
	}
	request := policy.Request{
		Principal: &policy.Principal{Type: policy.User, Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/alice"},
		Action:    "lambda:InvokeFunctionUrl", Resource: books,
		Context: policy.Values{"lambda:FunctionUrlAuthType": {"AWS_IAM"}},
	}
	for _, miss := range policy.NearestMisses(request, &policy.Sets{Identity: []policy.Named{{Document: document}}}) {
		fmt.Println(miss.Path(), "wants", miss.Wanted, "and got", miss.Got)
	}
	// Output: Statement[0].Condition.StringEquals["lambda:FunctionUrlAuthType"] wants [NONE] and got [AWS_IAM]
}

func ExampleSuggest() {
	request := policy.Request{
		Principal: &policy.Principal{Type: policy.User, Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/alice"},
		Action:    "lambda:GetFunction", Resource: books,
	}
	for _, suggestion := range policy.Suggest(request, nil, policy.IdentityBased) {
		fmt.Printf("add to an %s: %s\n", suggestion.Type, suggestion.JSON())
	}
	// Output: add to an identity-based policy: {"Effect":"Allow","Action":"lambda:GetFunction","Resource":"arn:aws:lambda:eu-west-1:123456789012:function:books"}
}
