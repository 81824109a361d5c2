//go:build unix

package lambdaapi_test

import (
	"fmt"
	"testing"
)

// TestConditionKeysOfTheReference: the condition keys that the Service Authorization Reference lists for the operations
// of Lambda that furl has, and for iam:PassRole, with the place that their values come from.
func TestConditionKeysOfTheReference(t *testing.T) {
	s := start(t)
	const (
		functions = "/2015-03-31/functions"
		filmsURL  = "/2021-10-31/functions/films/url"
		tagged    = `,"Tags":{"team":"blue"}`
		layer     = "arn:aws:lambda:eu-west-1:123456789012:layer:l:1"
		layered   = `,"Layers":["` + layer + `"]`
	)
	s.must(request{method: "POST", path: "/2018-10-31/layers/l/versions", body: `{"Content":{"ZipFile":"UEs="}}`})
	s.must(request{method: "POST", path: functions, body: createBody("books", tagged)})
	reset := func() {
		s.do(request{method: "DELETE", path: functions + "/new"})
		s.do(request{method: "DELETE", path: functions + "/films"})
		s.create("films")
		s.do(request{method: "DELETE", path: urlPath})
		s.must(request{method: "POST", path: urlPath, body: `{"AuthType":"AWS_IAM"}`})
		s.do(request{method: "DELETE", path: policyPath + "/new"})
		s.do(request{method: "DELETE", path: policyPath + "/old"})
		s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"old","Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"NONE"}`})
	}
	create := request{method: "POST", path: functions, body: createBody("new", tagged+layered)}
	configure := request{method: "PUT", path: functions + "/books/configuration", body: `{"Role":"` + role + `"` + layered + `}`}
	permit := request{method: "POST", path: policyPath, body: `{"StatementId":"new","Action":"lambda:InvokeFunctionUrl","Principal":"111122223333","FunctionUrlAuthType":"AWS_IAM"}`}
	get := request{method: "GET", path: functions + "/books"}
	at := func(method, path, body string) request { return request{method: method, path: path, body: body} }
	tests := []struct {
		action           string
		request          request
		key, value, from string // no value: there is no such key
	}{
		{"lambda:CreateFunction", create, "aws:RequestTag/team", "blue", "the request"},
		{"lambda:CreateFunction", create, "aws:TagKeys", "team", "the request"},
		{"lambda:CreateFunction", create, "lambda:Layer", layer, "the request"},
		{"lambda:CreateFunction", create, "lambda:VpcIds", "", "members that furl refuses"},
		{"lambda:CreateFunction", create, "lambda:SubnetIds", "", "members that furl refuses"},
		{"lambda:CreateFunction", create, "lambda:SecurityGroupIds", "", "members that furl refuses"},
		{"lambda:CreateFunction", create, "lambda:CodeSigningConfigArn", "", "members that furl refuses"},
		{"iam:PassRole", create, "iam:PassedToService", "lambda.amazonaws.com", "the operation"},
		{"iam:PassRole", create, "iam:AssociatedResourceArn", prefix + "new", "the request"},
		{"iam:PassRole", configure, "iam:PassedToService", "lambda.amazonaws.com", "the operation"},
		{"iam:PassRole", configure, "iam:AssociatedResourceArn", prefix + "books", "the request"},
		{"lambda:UpdateFunctionConfiguration", configure, "aws:ResourceTag/team", "blue", "the function"},
		{"lambda:UpdateFunctionConfiguration", configure, "lambda:Layer", layer, "the request"},
		{"lambda:UpdateFunctionConfiguration", configure, "lambda:VpcIds", "", "members that furl refuses"},
		{"lambda:UpdateFunctionConfiguration", configure, "lambda:SubnetIds", "", "members that furl refuses"},
		{"lambda:UpdateFunctionConfiguration", configure, "lambda:SecurityGroupIds", "", "members that furl refuses"},
		{"lambda:AddPermission", permit, "lambda:Principal", "111122223333", "the request"},
		{"lambda:AddPermission", permit, "lambda:FunctionUrlAuthType", "AWS_IAM", "the request"},
		{"lambda:AddPermission", permit, "aws:ResourceTag/team", "blue", "the function"},
		{"lambda:RemovePermission", at("DELETE", policyPath+"/old", ""), "lambda:Principal", "*", "the permission"},
		{"lambda:RemovePermission", at("DELETE", policyPath+"/old", ""), "lambda:FunctionUrlAuthType", "NONE", "the permission"},
		{"lambda:CreateFunctionUrlConfig", at("POST", filmsURL, `{"AuthType":"NONE"}`), "lambda:FunctionUrlAuthType", "NONE", "the request"},
		{"lambda:CreateFunctionUrlConfig", at("POST", filmsURL, `{"AuthType":"NONE"}`), "lambda:FunctionArn", prefix + "films", "the request"},
		{"lambda:UpdateFunctionUrlConfig", at("PUT", urlPath, `{"AuthType":"NONE"}`), "lambda:FunctionUrlAuthType", "NONE", "the request"},
		{"lambda:UpdateFunctionUrlConfig", at("PUT", urlPath, `{}`), "lambda:FunctionUrlAuthType", "AWS_IAM", "the URL"},
		{"lambda:UpdateFunctionUrlConfig", at("PUT", urlPath, `{}`), "lambda:FunctionArn", prefix + "books", "the request"},
		{"lambda:GetFunctionUrlConfig", at("GET", urlPath, ""), "lambda:FunctionUrlAuthType", "AWS_IAM", "the URL"},
		{"lambda:GetFunctionUrlConfig", at("GET", urlPath, ""), "lambda:FunctionArn", prefix + "books", "the request"},
		{"lambda:GetFunctionUrlConfig", at("GET", urlPath, ""), "aws:ResourceTag/team", "blue", "the function"},
		{"lambda:DeleteFunctionUrlConfig", at("DELETE", urlPath, ""), "lambda:FunctionUrlAuthType", "AWS_IAM", "the URL"},
		{"lambda:DeleteFunctionUrlConfig", at("DELETE", urlPath, ""), "lambda:FunctionArn", prefix + "books", "the request"},
		{"lambda:ListFunctionUrlConfigs", at("GET", "/2021-10-31/functions/books/urls", ""), "lambda:FunctionUrlAuthType", "AWS_IAM", "the URL"},
		{"lambda:TagResource", at("POST", tagPath+"films", `{"Tags":{"team":"red"}}`), "aws:RequestTag/team", "red", "the request"},
		{"lambda:TagResource", at("POST", tagPath+"films", `{"Tags":{"team":"red"}}`), "aws:TagKeys", "team", "the request"},
		{"lambda:UntagResource", at("DELETE", tagPath+"books?tagKeys=cost", ""), "aws:TagKeys", "cost", "the request"},
		{"lambda:UntagResource", at("DELETE", tagPath+"books?tagKeys=cost", ""), "aws:ResourceTag/team", "blue", "the function"},
		{"lambda:InvokeFunction", at("POST", invokePath, `{}`), "aws:ResourceTag/team", "blue", "the function"},
		{"lambda:InvokeFunction", at("POST", invokePath, `{}`), "lambda:InvokedViaFunctionUrl", "false", "the operation"},
		{"lambda:InvokeFunction", at("POST", invokePath, `{}`), "lambda:EventSourceToken", "", "services that send one"},
		{"lambda:InvokeFunction", at("POST", invokePath, `{}`), "lambda:FunctionUrlAuthType", "", "calls of a URL"},
		{"lambda:InvokeFunction", at("POST", invokePath, `{}`), "lambda:SourceFunctionArn", "", "sessions of a function's environment"},
		{"lambda:GetFunction", get, "aws:ResourceTag/team", "blue", "the function"},
		{"lambda:GetFunction", get, "aws:ResourceTag/cost", "", "the function"},
		{"lambda:GetFunction", get, "aws:ResourceAccount", account, "the function"},
		{"lambda:GetFunction", get, "aws:RequestedRegion", region, "the signature"},
		{"lambda:GetFunction", get, "aws:PrincipalArn", "arn:aws:iam::" + account + ":user/dev", "the caller"},
		{"lambda:GetFunction", get, "aws:RequestTag/team", "", "requests with tags"},
		{"lambda:GetFunction", get, "lambda:Principal", "", "permissions"},
	}
	try := func(action string, r request, condition string) int {
		reset()
		r.as = s.addUser(account, "dev", `{"Effect":"Allow","NotAction":"`+action+`","Resource":"*"},
			{"Effect":"Allow","Action":"`+action+`","Resource":"*","Condition":`+condition+`}`)
		return s.do(r).status
	}
	for _, tt := range tests {
		operator := "StringEquals"
		if tt.key == "aws:TagKeys" || tt.key == "lambda:Layer" { // which may have several values
			operator = "ForAnyValue:StringEquals"
		}
		allowed, refused := fmt.Sprintf(`{%q:{%q:%q}}`, operator, tt.key, tt.value), fmt.Sprintf(`{%q:{%q:%q}}`, operator, tt.key, tt.value+"x")
		if tt.value == "" {
			allowed, refused = fmt.Sprintf(`{"Null":{%q:"true"}}`, tt.key), fmt.Sprintf(`{"Null":{%q:"false"}}`, tt.key)
		}
		if got := try(tt.action, tt.request, allowed); got >= 300 {
			t.Errorf("%s %s: %s is not %q, from %s: %d", tt.request.method, tt.action, tt.key, tt.value, tt.from, got)
		}
		if got := try(tt.action, tt.request, refused); got != 403 {
			t.Errorf("%s %s: %s is anything: %d", tt.request.method, tt.action, tt.key, got)
		}
	}
	for _, more := range []string{
		`,"VpcConfig":{"SubnetIds":["subnet-0123456789abcdef0"],"SecurityGroupIds":["sg-0123456789abcdef0"]}`,
		`,"CodeSigningConfigArn":"arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0123456789abcdef0"`,
	} {
		if got := s.do(request{method: "POST", path: functions, body: createBody("layered", more)}); got.status != 400 {
			t.Errorf("a member whose condition key is missing is taken: %s: %d %s", more, got.status, got.body)
		}
	}
}
