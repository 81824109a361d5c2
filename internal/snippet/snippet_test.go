package snippet_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
)

func TestParts(t *testing.T) {
	yes := true
	web := lambda.ARN{Region: "eu-central-1", Account: "111111111111", Name: "web"}
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl"}]}`
	alias := web
	alias.Qualifier = "prod"
	tests := []struct {
		name string
		part snippet.Part
		want map[snippet.Form]string
	}{
		{
			"first action", snippet.Permission{Function: web, Permission: lambda.Permission{
				StatementID: "allow-caller-url", Action: lambda.ActionInvokeURL,
				Principal: lambda.PermissionPrincipal{AWS: "arn:aws:iam::111111111111:role/caller"}, FunctionURLAuthType: lambda.AuthIAM,
			}},
			map[snippet.Form]string{
				snippet.CLI:  "aws lambda add-permission --function-name web --statement-id allow-caller-url --action lambda:InvokeFunctionUrl --principal arn:aws:iam::111111111111:role/caller --function-url-auth-type AWS_IAM",
				snippet.JSON: `{"Sid":"allow-caller-url","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/caller"},"Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`,
				snippet.CloudFormation: `WebCallerCallUrl30FE8C80:
  Type: AWS::Lambda::Permission
  Properties:
    FunctionName: arn:aws:lambda:eu-central-1:111111111111:function:web
    Action: lambda:InvokeFunctionUrl
    Principal: "arn:aws:iam::111111111111:role/caller"
    FunctionUrlAuthType: AWS_IAM`,
				snippet.CDK: `new lambda.CfnPermission(this, 'WebCallerCallUrl30FE8C80', {
  functionName: "arn:aws:lambda:eu-central-1:111111111111:function:web",
  action: "lambda:InvokeFunctionUrl",
  principal: "arn:aws:iam::111111111111:role/caller",
  functionUrlAuthType: "AWS_IAM",
});`,
				snippet.Terraform: `resource "aws_lambda_permission" "web_caller_call_url_30fe8c80" {
  statement_id           = "allow-caller-url"
  function_name          = "web"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "arn:aws:iam::111111111111:role/caller"
  function_url_auth_type = "AWS_IAM"
}`,
			},
		},
		{
			"second action, of an alias, for an account", snippet.Permission{Function: alias, Permission: lambda.Permission{
				StatementID: "all", Action: lambda.ActionInvoke,
				Principal: lambda.PermissionPrincipal{AWS: arn.Root("222222222222").String()}, InvokedViaURL: &yes,
			}},
			map[snippet.Form]string{
				snippet.CLI:  "aws lambda add-permission --function-name web --qualifier prod --statement-id all --action lambda:InvokeFunction --principal 222222222222 --invoked-via-function-url",
				snippet.JSON: `{"Sid":"all","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web:prod","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`,
				snippet.CloudFormation: `WebProdAccount222222222222InvokeViaUrl17DA14C1:
  Type: AWS::Lambda::Permission
  Properties:
    FunctionName: arn:aws:lambda:eu-central-1:111111111111:function:web:prod
    Action: lambda:InvokeFunction
    Principal: "222222222222"
    InvokedViaFunctionUrl: true`,
				snippet.Terraform: `resource "aws_lambda_permission" "web_prod_account222222222222_invoke_via_url_17da14c1" {
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
			"everyone", snippet.Permission{Function: web, Permission: lambda.Permission{
				StatementID: "public", Action: lambda.ActionInvokeURL,
				Principal: lambda.PermissionPrincipal{Anyone: true}, FunctionURLAuthType: lambda.AuthNone,
			}},
			map[snippet.Form]string{
				snippet.CLI:  "aws lambda add-permission --function-name web --statement-id public --action lambda:InvokeFunctionUrl --principal '*' --function-url-auth-type NONE",
				snippet.JSON: `{"Sid":"public","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`,
			},
		},
		{
			"role", snippet.InlinePolicy{Owner: iam.Owner{Kind: iam.OfRole, Name: "far"}, Name: "call-web", Document: document},
			map[snippet.Form]string{
				snippet.CLI:  `aws iam put-role-policy --role-name far --policy-name call-web --policy-document '` + document + `'`,
				snippet.JSON: document,
				snippet.CloudFormation: `FarCallWebPolicy1E1F7DD7:
  Type: AWS::IAM::RolePolicy
  Properties:
    RoleName: "far"
    PolicyName: "call-web"
    PolicyDocument: {
        "Version": "2012-10-17",
        "Statement": [
          {
            "Effect": "Allow",
            "Action": "lambda:InvokeFunctionUrl"
          }
        ]
      }`,
			},
		},
		{
			"user", snippet.InlinePolicy{Owner: iam.Owner{Kind: iam.OfUser, Name: "alice"}, Name: "call-web", Document: document},
			map[snippet.Form]string{
				snippet.Terraform: `resource "aws_iam_user_policy" "alice_call_web_policy_3448be05" {
  name = "call-web"
  user = "alice"
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Effect" : "Allow",
        "Action" : "lambda:InvokeFunctionUrl"
      }
    ]
  })
}`,
			},
		},
	}
	for _, test := range tests {
		for form, want := range test.want {
			if diff := cmp.Diff(want, test.part.As(form)); diff != "" {
				t.Errorf("%s as %s: %s", test.name, form, diff)
			}
		}
		if diff := cmp.Diff(test.part.As(snippet.CloudFormation), test.part.As(snippet.SAM)); diff != "" {
			t.Errorf("%s for SAM, which takes resources of CloudFormation: %s", test.name, diff)
		}
	}
}

func TestTerraformTakesNoPartOfAStringForAnExpression(t *testing.T) {
	odd := snippet.InlinePolicy{Owner: iam.Owner{Kind: iam.OfRole, Name: "caller"}, Name: "a%{b}\"<", Document: `{"Resource":"${aws:username}"}`}
	if text := odd.As(snippet.Terraform); !strings.Contains(text, `"$${aws:username}"`) || !strings.Contains(text, `"a%%{b}\"<"`) {
		t.Error(text)
	}
}
