package awsapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

func TestPoliciesOfOthersAreRepaired(t *testing.T) {
	const begin, end = `{"Version":"2012-10-17","Id":"default","Statement":[`, `]}`
	tests := []struct{ name, text, want string }{
		{
			"AWS's own", `{"Sid":"a","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"r","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`,
			`{"Sid":"a","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"r","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`,
		},
		{
			"moto's first", `{"Action":"lambda:InvokeFunctionUrl","FunctionUrlAuthType":"AWS_IAM","Principal":"arn:aws:iam::1:role/r","Effect":"Allow","Resource":"r","Sid":"a"}`,
			`{"Action":"lambda:InvokeFunctionUrl","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}},"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:role/r"},"Resource":"r","Sid":"a"}`,
		},
		{
			"moto's second", `{"Action":"lambda:InvokeFunction","InvokedViaFunctionUrl":true,"Principal":"cloudfront.amazonaws.com","Effect":"Allow","Resource":"r","Condition":{"ArnLike":{"AWS:SourceArn":"x"}}}`,
			`{"Action":"lambda:InvokeFunction","Condition":{"ArnLike":{"AWS:SourceArn":"x"},"Bool":{"lambda:InvokedViaFunctionUrl":"true"}},"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Resource":"r"}`,
		},
		{"no statement at all", `7`, `7`},
		{"odd conditions", `{"FunctionUrlAuthType":"NONE","Condition":7}`, `{"FunctionUrlAuthType":"NONE","Condition":7}`},
	}
	for _, test := range tests {
		if diff := cmp.Diff(begin+test.want+end, awsapi.Repaired(begin+test.text+end)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// What is a policy already stays as it is, byte for byte.
func FuzzRepaired(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*","Resource":"*"}]}`)
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`)
	f.Add(`{"Statement":[{"Principal":"x"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		got := awsapi.Repaired(text)
		if _, err := policy.Parse([]byte(text), policy.Resource); err == nil && got != text {
			t.Errorf("%s became %s", text, got)
		}
	})
}
