package lambda_test

import (
	"crypto/rand"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/policy"
)

func TestURLIDsLookLikeThoseOfAWS(t *testing.T) {
	form := regexp.MustCompile(`^[a-z2-7]{25}[aeimquy4]0[a-z]{5}$`)
	seen := map[string]bool{}
	for range 100 {
		id, err := lambda.NewURLID(rand.Reader)
		if err != nil || !form.MatchString(id) || len(id) != lambda.URLIDLength || seen[id] {
			t.Fatalf("id is %q, %v", id, err)
		}
		seen[id] = true
	}
	if _, err := lambda.NewURLID(strings.NewReader("short")); err == nil {
		t.Error("an id is made without enough randomness")
	}
}

// The texts are what AWS was recorded to answer to AddPermission, but for account and name.
func TestPermissionStatement(t *testing.T) {
	arn := lambda.ARN{Region: "eu-central-1", Account: "111111111111", Name: "web"}
	yes := true
	tests := []struct {
		name       string
		permission lambda.Permission
		qualifier  string
		want       string
	}{
		{
			"everyone, all conditions", lambda.Permission{
				StatementID: "urlPermission", Action: "lambda:InvokeFunctionUrl", Principal: lambda.PermissionPrincipal{Anyone: true},
				SourceAccount: "222222222222", SourceARN: "arn:aws:s3:::bucket", FunctionURLAuthType: lambda.AuthNone, PrincipalOrgID: "o-1234567890",
			}, "",
			`{"Sid":"urlPermission","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web","Condition":{"StringEquals":{"AWS:SourceAccount":"222222222222","lambda:FunctionUrlAuthType":"NONE","aws:PrincipalOrgID":"o-1234567890"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}}`,
		},
		{
			"role, through the URL, of an alias", lambda.Permission{
				StatementID: "invoke", Action: "lambda:InvokeFunction", Principal: lambda.PermissionPrincipal{AWS: "AROA"}, InvokedViaURL: &yes,
			}, "prod",
			`{"Sid":"invoke","Effect":"Allow","Principal":{"AWS":"shown AROA"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web:prod","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`,
		},
		{
			"service without conditions", lambda.Permission{StatementID: "s3", Action: "lambda:InvokeFunction", Principal: lambda.PermissionPrincipal{Service: "s3.amazonaws.com"}}, "",
			`{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web"}`,
		},
	}
	for _, test := range tests {
		resource := arn
		resource.Qualifier = test.qualifier
		got := string(test.permission.Statement(resource, func(id string) string { return "shown " + id }))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func TestPrincipalsAsAddPermissionTakesThem(t *testing.T) {
	for want, principal := range map[string]lambda.PermissionPrincipal{
		"*":                                   {Anyone: true},
		"s3.amazonaws.com":                    {Service: "s3.amazonaws.com"},
		"111111111111":                        {AWS: "arn:aws:iam::111111111111:root"},
		"arn:aws:iam::111111111111:role/root": {AWS: "arn:aws:iam::111111111111:role/root"},
		"AROA":                                {AWS: "AROA"},
	} {
		if got := principal.String(); got != want {
			t.Errorf("%#v is %q", principal, got)
		}
	}
}

func TestPolicyText(t *testing.T) {
	arn := lambda.ARN{Region: "eu-central-1", Account: "111111111111", Name: "web"}
	permissions := []lambda.Permission{
		{StatementID: "b", Action: "lambda:InvokeFunction", Principal: lambda.PermissionPrincipal{Anyone: true}},
		{StatementID: "a", Action: "lambda:InvokeFunction", Principal: lambda.PermissionPrincipal{Anyone: true}},
	}
	want := `{"Version":"2012-10-17","Id":"default","Statement":[` +
		`{"Sid":"b","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web"},` +
		`{"Sid":"a","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-central-1:111111111111:function:web"}]}`
	if diff := cmp.Diff(want, lambda.PolicyText(permissions, arn, nil)); diff != "" {
		t.Error(diff)
	}
}

// A function is judged by its policy, or, should somebody have changed the record to what is none, by a refusal.
func TestPolicyDecides(t *testing.T) {
	arn := lambda.ARN{Region: "eu-central-1", Account: "123456789012", Name: "f"}
	allow := lambda.Permission{StatementID: "a", Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{Anyone: true}}
	allows := lambda.PolicyText([]lambda.Permission{allow}, arn, lambda.Stored)
	for _, tt := range []struct {
		name     string
		policies map[string]lambda.Policy
		want     policy.Effect
	}{
		{"none", nil, policy.ImplicitlyDenied},
		{"empty", map[string]lambda.Policy{"": {}}, policy.ImplicitlyDenied},
		{"of an alias", map[string]lambda.Policy{"live": {Text: allows}}, policy.ImplicitlyDenied},
		{"allows", map[string]lambda.Policy{"": {Text: allows}}, policy.Allowed},
		{"damaged", map[string]lambda.Policy{"": {Text: strings.Replace(allows, "lambda:InvokeFunction", "no action", 1)}}, policy.ExplicitlyDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &lambda.Function{ARN: arn, Policies: tt.policies}
			f.Prepare()
			sets := &policy.Sets{}
			if document := f.Policy(""); document != nil {
				sets.Resource = &policy.Named{Document: document}
			}
			got := policy.Evaluate(policy.Request{Action: lambda.ActionInvoke, Resource: arn.String(), ResourceAccount: arn.Account}, sets)
			if got.Effect != tt.want {
				t.Errorf("effect is %v, want %v", got.Effect, tt.want)
			}
		})
	}
}

func TestCloneIsIndependent(t *testing.T) {
	original := &lambda.Function{
		Configuration: lambda.Configuration{Environment: map[string]string{"A": "1"}}, Tags: map[string]string{"t": "1"},
		URLs:     map[string]*lambda.URLConfig{"": {ID: "x"}},
		Policies: map[string]lambda.Policy{"": {Text: "a"}},
	}
	clone := original.Clone()
	clone.Environment["A"], clone.Tags["t"], clone.URLs["prod"] = "2", "2", &lambda.URLConfig{}
	clone.SetPolicy("", "", "")
	clone.SetPolicy("prod", "b", "1")
	if original.Environment["A"] != "1" || original.Tags["t"] != "1" || len(original.URLs) != 1 || len(original.Policies) != 1 || original.Policies[""].Text != "a" {
		t.Errorf("the original changed: %+v", original)
	}
}

func TestReservedVariables(t *testing.T) {
	for name, want := range map[string]bool{
		"AWS_REGION": true, "_HANDLER": true, "LAMBDA_TASK_ROOT": true, "AWS_SESSION_TOKEN": true, "_X_AMZN_TRACE_ID": true,
		"AWS_LAMBDA_MAX_CONCURRENCY": true,
		"TZ":                         false, "PATH": false, "aws_region": false, "": false, "AWS_LAMBDA_EXEC_WRAPPER": false,
	} {
		if got := lambda.ReservedVariable(name); got != want {
			t.Errorf("ReservedVariable(%q) = %t", name, got)
		}
	}
}

// The ARNs are those of the adapter's README; the two conditions are how its layer works.
func TestIsWebApp(t *testing.T) {
	const public = "arn:aws:lambda:eu-west-1:753240598075:layer:LambdaAdapterLayerX86:26"
	for _, row := range []struct {
		name, layer, runtime, wrapper string
		want                          bool
	}{
		{"managed runtime", public, "python3.13", "/opt/bootstrap", true},
		{"managed runtime without the wrapper", public, "python3.13", "", false},
		{"managed runtime with another wrapper", public, "nodejs22.x", "/var/task/wrapper", false},
		{"runtime of the package", public, "provided.al2023", "", true},
		{"older version", "arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerX86:3", "provided.al2", "", true},
		{"Arm", "arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerArm64:26", "provided.al2023", "", true},
		{"Beijing", "arn:aws-cn:lambda:cn-north-1:041581134020:layer:LambdaAdapterLayerX86:26", "provided.al2023", "", true},
		{"Ningxia", "arn:aws-cn:lambda:cn-northwest-1:069767869989:layer:LambdaAdapterLayerX86:26", "provided.al2023", "", true},
		{"account of Beijing elsewhere", "arn:aws:lambda:us-east-1:041581134020:layer:LambdaAdapterLayerX86:26", "provided.al2023", "", false},
		{"another account", "arn:aws:lambda:us-east-1:123456789012:layer:LambdaAdapterLayerX86:26", "provided.al2023", "", false},
		{"another layer of the account", "arn:aws:lambda:us-east-1:753240598075:layer:Other:1", "provided.al2023", "", false},
		{"no number of a version", "arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerX86:x", "provided.al2023", "", false},
		{"version zero", "arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerX86:0", "provided.al2023", "", false},
		{"another architecture", "arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayer:1", "provided.al2023", "", false},
		{"no ARN", "LambdaAdapterLayerX86:1", "provided.al2023", "", false},
		{"without a version", "arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerX86", "provided.al2023", "", false},
	} {
		c := lambda.Configuration{
			Runtime: row.runtime, Environment: map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": row.wrapper},
			Layers: []lambda.LayerRef{{ARN: "arn:aws:lambda:eu-west-1:123456789012:layer:other:1"}, {ARN: row.layer}},
		}
		if c.IsWebApp() != row.want {
			t.Errorf("%s: %t", row.name, !row.want)
		}
	}
}
