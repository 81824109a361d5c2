package policyio_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/policyio"
	"github.com/furl-dev/furl/internal/snippet"
)

// written is a part of a grant as suggestions have it.
func written(part snippet.Part) map[snippet.Form]string {
	as := map[snippet.Form]string{}
	for _, form := range []snippet.Form{snippet.CLI, snippet.CloudFormation, snippet.Terraform} {
		as[form] = part.As(form)
	}
	return as
}

func TestSuggestionsInOtherForms(t *testing.T) {
	const elsewhere = "arn:aws:lambda:eu-west-1:444455556666:function:books"
	across := func(principal, action, key, value string) string {
		return `{"principal":"` + principal + `","action":"` + action + `","resource":"` + elsewhere + `","context":{"` + key + `":"` + value + `"},"identityPolicies":[` + allow + `]}`
	}
	tests := []struct{ name, line, cli string }{
		{"user", line(alice), "aws iam put-user-policy --user-name alice --policy-name call-books-url "},
		{"user with a path", line("arn:aws:iam::111122223333:user/a/b/bob"), "aws iam put-user-policy --user-name bob "},
		{"role", line(robot), "aws iam put-role-policy --role-name robot --policy-name call-books-url "},
		{"URL across accounts", across(robot, "lambda:InvokeFunctionUrl", "lambda:FunctionUrlAuthType", "AWS_IAM"),
			"aws lambda add-permission --function-name books --statement-id AllowInvokeFunctionUrl --action lambda:InvokeFunctionUrl --principal arn:aws:iam::111122223333:role/robot --function-url-auth-type AWS_IAM"},
		{"invoke across accounts", across(alice, "lambda:InvokeFunction", "lambda:InvokedViaFunctionUrl", "true"),
			"aws lambda add-permission --function-name books --statement-id AllowInvokeFunction --action lambda:InvokeFunction --principal " + alice + " --invoked-via-function-url"},
		{"everybody", across("Anonymous", "lambda:InvokeFunctionUrl", "lambda:FunctionUrlAuthType", "NONE"),
			"aws lambda add-permission --function-name books --statement-id AllowInvokeFunctionUrl --action lambda:InvokeFunctionUrl --principal '*' --function-url-auth-type NONE"},
		{"direct invocation across accounts", across(alice, "lambda:InvokeFunction", "aws:SecureTransport", "true"), ""},
		{"service", across("events.amazonaws.com", "lambda:InvokeFunction", "lambda:InvokedViaFunctionUrl", "true"), ""},
		{"another action", across(alice, "lambda:GetFunction", "aws:SecureTransport", "true"), ""},
	}
	var evaluator policyio.Evaluator
	for _, test := range tests {
		answer := evaluator.Evaluate([]byte(test.line))
		if len(answer.Suggestions) != 1 {
			t.Errorf("%s: %+v", test.name, answer)
			continue
		}
		as := answer.Suggestions[0].As
		if (test.cli == "") != (as == nil) || !strings.HasPrefix(as[snippet.CLI], test.cli) {
			t.Errorf("%s: got %q, want %q", test.name, as[snippet.CLI], test.cli)
		}
	}
	got := evaluator.Evaluate([]byte(across(alice, "lambda:InvokeFunction", "lambda:InvokedViaFunctionUrl", "true"))).Suggestions[0].As
	if !strings.Contains(got[snippet.CloudFormation], "InvokedViaFunctionUrl: true") || !strings.Contains(got[snippet.Terraform], "invoked_via_function_url = true") {
		t.Errorf("the other forms: %q", got)
	}
}

// asJSON is the member that a suggestion has for a grant.
func asJSON(t *testing.T, part snippet.Part) string {
	t.Helper()
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(written(part)); err != nil {
		t.Fatal(err)
	}
	return `,"as":` + strings.TrimSpace(text.String())
}
