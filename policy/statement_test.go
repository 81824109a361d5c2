package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/furl-dev/furl/policy"
)

// TestStatements checks that a document shows its statements as they were written, and that they cover what they cover
// in an evaluation.
func TestStatements(t *testing.T) {
	first := `{"Sid":"a","Effect":"Allow","Principal":{"AWS":["` + alice.ARN + `"],"Service":"s3.amazonaws.com"},"Action":["lambda:Get*","*"],
		"NotResource":"` + function + `:*","Condition":{"StringLike":{"aws:userid":["A*","${aws:username}"]},"Null":{"aws:SourceArn":true}}}`
	second := `{"Effect":"Deny","NotPrincipal":"*","NotAction":"lambda:Get*","Resource":["` + function + `","arn:aws:s3:::${aws:username}/*"]}`
	document := mustParse(t, policy.Resource, `{"Version":"2012-10-17","Statement":[`+first+`, `+second+"]}")
	want := []policy.Statement{{
		Sid: "a", Effect: policy.Allowed, Principals: []string{"AWS:" + alice.ARN, "Service:s3.amazonaws.com"},
		Actions: []string{"lambda:Get*", "*"}, Resources: []string{function + ":*"}, NotResource: true,
		Conditions: []policy.Condition{
			{Operator: "StringLike", Key: "aws:userid", Values: []string{"A*", "${aws:username}"}},
			{Operator: "Null", Key: "aws:SourceArn", Values: []string{"true"}},
		},
		JSON: []byte(first),
	}, {
		Effect: policy.ExplicitlyDenied, Principals: []string{"*"}, NotPrincipal: true, Actions: []string{"lambda:Get*"}, NotAction: true,
		Resources: []string{function, "arn:aws:s3:::${aws:username}/*"}, JSON: []byte(second),
	}}
	got := document.Statements()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(policy.Statement{}, policy.Condition{})); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	for _, test := range []struct {
		name    string
		covered bool
		want    bool
	}{
		{"action of a list", got[0].CoversAction("lambda:GetFunction"), true},
		{"action of NotAction", got[1].CoversAction("LAMBDA:getfunction"), false},
		{"action beside NotAction", got[1].CoversAction("lambda:ListFunctions"), true},
		{"resource of NotResource", got[0].CoversResource(function + ":prod"), false},
		{"resource beside NotResource", got[0].CoversResource(function), true},
		{"resource with a variable", got[1].CoversResource("arn:aws:s3:::alice/x"), false},
		{"condition", got[0].Conditions[0].Holds(policy.Values{"aws:userid": {"AIDA"}}), true},
		{"condition without its key", got[0].Conditions[0].Holds(nil), false},
		{"absent key", got[0].Conditions[1].Holds(nil), true},
		{"everything", policy.MatchAction("*", "s3:GetObject"), true},
		{"name of any service", policy.MatchAction("*:Get?bject", "s3:getobject"), true},
		{"no action", policy.MatchAction("*:*", "GetObject"), false},
	} {
		if test.covered != test.want {
			t.Errorf("%s: %t, want %t", test.name, test.covered, test.want)
		}
	}
	got[0].Actions[0] = "s3:*"
	if document.Statements()[0].Actions[0] != "lambda:Get*" {
		t.Error("a change to a statement changes its document")
	}
}
