package snippet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
)

func TestForms(t *testing.T) {
	web := lambda.ARN{Region: "eu-central-1", Account: "111111111111", Name: "web"}
	alias := web
	alias.Qualifier = "prod"
	tests := []struct {
		name  string
		grant snippet.Grant
		want  map[snippet.Form]string
	}{
		{
			"first action", snippet.Permission{Function: web, ID: "allow-caller-url", Action: lambda.ActionInvokeURL, Principal: "arn:aws:iam::111111111111:role/caller", AuthType: lambda.AuthIAM},
			map[snippet.Form]string{
				snippet.CLI:  "aws lambda add-permission --function-name web --statement-id allow-caller-url --action lambda:InvokeFunctionUrl --principal arn:aws:iam::111111111111:role/caller --function-url-auth-type AWS_IAM",
				snippet.JSON: `{"Sid":"allow-caller-url","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/caller"},"Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`,
				snippet.CloudFormation: `AllowCallerUrl:
  Type: AWS::Lambda::Permission
  Properties:
    FunctionName: arn:aws:lambda:eu-central-1:111111111111:function:web
    Action: lambda:InvokeFunctionUrl
    Principal: "arn:aws:iam::111111111111:role/caller"
    FunctionUrlAuthType: AWS_IAM`,
				snippet.Terraform: `resource "aws_lambda_permission" "allow_caller_url" {
  statement_id           = "allow-caller-url"
  function_name          = "web"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "arn:aws:iam::111111111111:role/caller"
  function_url_auth_type = "AWS_IAM"
}`,
			},
		},
		{
			"second action, of an alias, for an account", snippet.Permission{Function: alias, ID: "all", Action: lambda.ActionInvoke, Principal: "222222222222", AuthType: lambda.AuthIAM},
			map[snippet.Form]string{
				snippet.CLI:  "aws lambda add-permission --function-name web --qualifier prod --statement-id all --action lambda:InvokeFunction --principal 222222222222 --invoked-via-function-url",
				snippet.JSON: `{"Sid":"all","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web:prod","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`,
				snippet.CloudFormation: `All:
  Type: AWS::Lambda::Permission
  Properties:
    FunctionName: arn:aws:lambda:eu-central-1:111111111111:function:web:prod
    Action: lambda:InvokeFunction
    Principal: "222222222222"
    InvokedViaFunctionUrl: true`,
				snippet.Terraform: `resource "aws_lambda_permission" "all" {
  statement_id             = "all"
  function_name            = "web"
  qualifier                = "prod"
  action                   = "lambda:InvokeFunction"
  principal                = "222222222222"
  invoked_via_function_url = true
}`,
			},
		},
		{
			"everyone", snippet.Permission{Function: web, ID: "public", Action: lambda.ActionInvokeURL, Principal: "*", AuthType: lambda.AuthNone},
			map[snippet.Form]string{
				snippet.CLI:  "aws lambda add-permission --function-name web --statement-id public --action lambda:InvokeFunctionUrl --principal '*' --function-url-auth-type NONE",
				snippet.JSON: `{"Sid":"public","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`,
			},
		},
		{
			"role", snippet.InlinePolicy{Owner: "far", Name: "call-web", Resource: web.String(), Actions: []string{lambda.ActionInvokeURL}},
			map[snippet.Form]string{
				snippet.CLI:  `aws iam put-role-policy --role-name far --policy-name call-web --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:InvokeFunctionUrl"],"Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web"}]}'`,
				snippet.JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:InvokeFunctionUrl"],"Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web"}]}`,
				snippet.CloudFormation: `CallWeb:
  Type: AWS::IAM::RolePolicy
  Properties:
    RoleName: far
    PolicyName: call-web
    PolicyDocument: {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:InvokeFunctionUrl"],"Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web"}]}`,
			},
		},
		{
			"user", snippet.InlinePolicy{User: true, Owner: "alice", Name: "call-web", Resource: web.String(), Actions: []string{lambda.ActionInvokeURL}},
			map[snippet.Form]string{
				snippet.Terraform: `resource "aws_iam_user_policy" "call_web" {
  name   = "call-web"
  user   = "alice"
  policy = jsonencode({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:InvokeFunctionUrl"],"Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web"}]})
}`,
			},
		},
	}
	for _, test := range tests {
		for form, want := range test.want {
			if diff := cmp.Diff(want, test.grant.As(form)); diff != "" {
				t.Errorf("%s as %s: %s", test.name, form, diff)
			}
		}
	}
}
