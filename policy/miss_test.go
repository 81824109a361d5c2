package policy_test

import (
	"testing"

	"github.com/furl-dev/furl/policy"
	"github.com/google/go-cmp/cmp"
)

type miss struct {
	Policy, Path string
	Wanted, Got  []string
}

func misses(in policy.Request, sets *policy.Sets) (list []miss) {
	for _, m := range policy.NearestMisses(in, sets) {
		list = append(list, miss{m.Policy, m.Path(), m.Wanted, m.Got})
	}
	return list
}

// TestNearestMisses checks which statements are near, and their order.
func TestNearestMisses(t *testing.T) {
	attached := mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["lambda:InvokeFunction","lambda:GetFunction"],"Resource":"`+function+`"},
		{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"},
		{"Effect":"Allow","Action":"*:Get*","Resource":"*"},
		{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::x"},
		{"Effect":"Allow","Action":"lambda:*","Resource":["`+function+`:*","arn:aws:s3:::x"]},
		{"Effect":"Allow","Action":"lambda:*","Resource":"arn:aws:lambda:us-east-1:111122223333:function:books"},
		{"Effect":"Deny","Action":"lambda:*","Resource":"arn:aws:lambda:us-east-1:111122223333:function:books"},
		{"Effect":"Allow","Action":"lambda:List*","Resource":"arn:aws:lambda:us-east-1:111122223333:function:books"},
		{"Effect":"Allow","NotAction":["lambda:InvokeFunctionUrl"],"Resource":"*"},
		{"Effect":"Allow","Action":"*","NotResource":"`+function+`"},
		{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"},"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}},
		{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:username":"bob","AWS:userid":["AIDA","AROA"]}}}]}`)
	onFunction := mustParse(t, policy.Resource, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"`+robot.RoleARN+`","Service":"s3.amazonaws.com"},"Action":"lambda:*","Resource":"`+function+`"}}`)
	in := policy.Request{
		Principal: &alice, Action: action, Resource: function, ResourceAccount: account,
		Context: policy.Values{"lambda:FunctionUrlAuthType": {"AWS_IAM"}, "aws:username": {"bob"}},
	}
	sets := &policy.Sets{
		Identity: []policy.Named{{Name: "p", Document: attached}, {Name: "empty"}},
		Resource: &policy.Named{Name: "r", Document: onFunction},
	}
	want := []miss{
		{"p", `Statement[11].Condition["ForAnyValue:StringEquals"]["AWS:userid"]`, []string{"AIDA", "AROA"}, nil},
		{"p", `Statement[10].Condition.StringEquals["lambda:FunctionUrlAuthType"]`, []string{"NONE"}, []string{"AWS_IAM"}},
		{"p", `Statement[10].Condition.Bool["lambda:InvokedViaFunctionUrl"]`, []string{"true"}, nil},
		{"r", `Statement.Principal`, []string{"AWS:" + robot.RoleARN, "Service:s3.amazonaws.com"}, []string{"AWS:" + alice.ARN}},
		{"p", `Statement[9].NotResource`, []string{function}, []string{function}},
		{"p", `Statement[4].Resource`, []string{function + ":*", "arn:aws:s3:::x"}, []string{function}},
		{"p", `Statement[5].Resource`, []string{"arn:aws:lambda:us-east-1:111122223333:function:books"}, []string{function}},
		{"p", `Statement[8].NotAction`, []string{"lambda:InvokeFunctionUrl"}, []string{action}},
		{"p", `Statement[0].Action`, []string{"lambda:InvokeFunction", "lambda:GetFunction"}, []string{action}},
		{"p", `Statement[2].Action`, []string{"*:Get*"}, []string{action}},
	}
	if diff := cmp.Diff(want, misses(in, sets)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMissesOfEachType checks that misses come from the policies that fail to allow, and from no others.
func TestMissesOfEachType(t *testing.T) {
	admin, other := identity(t, "Allow"), identity(t, "none")
	almost := []policy.Named{{Name: "almost", Document: mustParse(t, policy.Identity, `{"Statement":{"Effect":"Allow","Action":"lambda:Get*","Resource":"*"}}`)}}
	wanted := miss{"almost", "Statement.Action", []string{"lambda:Get*"}, []string{action}}
	provider := policy.Principal{Type: policy.IdentityProvider, ARN: "accounts.google.com"}
	grant := func(r string) *policy.Named { n := resource(t, r); n.Name = "r"; return n }
	tests := []struct {
		name   string
		caller *policy.Principal
		sets   *policy.Sets
		want   []miss
	}{
		{"no sets", &alice, nil, nil},
		{"allowed", &alice, &policy.Sets{Identity: append(almost, admin...)}, nil},
		{"explicitly denied", &alice, &policy.Sets{Identity: append(almost, identity(t, "Deny")...)}, nil},
		{"identity", &alice, &policy.Sets{Identity: almost}, []miss{wanted}},
		{"boundary", &alice, &policy.Sets{Identity: admin, Boundary: &almost[0]}, []miss{wanted}},
		{"session", &robot, &policy.Sets{Identity: admin, Session: almost}, []miss{wanted}},
		{"SCP of one level", &robot, &policy.Sets{Identity: admin, SCPs: [][]policy.Named{append(almost, admin...), almost, other}}, []miss{wanted}},
		{"cross-account, resource only", &eve, &policy.Sets{Identity: append(almost, admin...), Resource: grant("Allow " + alice.ARN)},
			[]miss{{"r", "Statement[0].Principal", []string{"AWS:" + alice.ARN}, []string{"AWS:" + eve.ARN}}}},
		{"cross-account, no resource policy", &eve, &policy.Sets{Identity: append(almost, admin...)}, nil},
		{"service", &cloudfront, &policy.Sets{Resource: grant("Allow " + account)},
			[]miss{{"r", "Statement[0].Principal", []string{"AWS:" + account}, []string{"Service:cloudfront.amazonaws.com"}}}},
		{"anonymous", &nobody, &policy.Sets{Resource: grant("Allow " + account)},
			[]miss{{"r", "Statement[0].Principal", []string{"AWS:" + account}, []string{"*"}}}},
		{"provider", &provider, &policy.Sets{Resource: grant("Allow " + account)},
			[]miss{{"r", "Statement[0].Principal", []string{"AWS:" + account}, []string{"Federated:accounts.google.com"}}}},
		{"session of a role", &robot, &policy.Sets{Resource: grant("Allow " + alice.ARN)},
			[]miss{{"r", "Statement[0].Principal", []string{"AWS:" + alice.ARN}, []string{"AWS:" + robot.RoleARN}}}},
	}
	for _, tt := range tests {
		in := policy.Request{Principal: tt.caller, Action: action, Resource: function, ResourceAccount: account}
		if diff := cmp.Diff(tt.want, misses(in, tt.sets)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	// a resource without parts is of no service
	in := policy.Request{Principal: &alice, Action: "lambda:ListFunctions", Resource: "*"}
	sets := &policy.Sets{Identity: []policy.Named{{Document: mustParse(t, policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:lambda:*:*:*"}}`)}}}
	if got := misses(in, sets); got != nil {
		t.Errorf("got %v", got)
	}
	in.Resource = ""
	if got := misses(in, sets); got != nil {
		t.Errorf("got %v", got)
	}
}

// Each row is a Deny statement that matches, and the elements that it matches by.
func TestMatches(t *testing.T) {
	in := policy.Request{
		Principal: &alice, Action: action, Resource: function, ResourceAccount: account,
		Context: policy.Values{"aws:SecureTransport": {"false"}, "aws:TagKeys": {"a", "b"}},
	}
	for _, test := range []struct {
		kind      policy.Kind
		statement string
		caller    *policy.Principal
		want      []policy.Match
	}{
		{policy.Identity, `"Action":"*","Resource":"*"`, &alice, nil},
		{policy.Identity, `"Action":"*","Resource":"*","Condition":{"Bool":{"AWS:securetransport":"false"}}`, &alice, []policy.Match{
			{Element: "Condition", Operator: "Bool", Key: "AWS:securetransport", Listed: []string{"false"}, Got: []string{"false"}},
		}},
		{policy.Identity, `"Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpc":["v","w"]},"ForAnyValue:StringLike":{"aws:TagKeys":"b*"}}`, &alice, []policy.Match{
			{Element: "Condition", Operator: "StringNotEquals", Key: "aws:SourceVpc", Listed: []string{"v", "w"}},
			{Element: "Condition", Operator: "ForAnyValue:StringLike", Key: "aws:TagKeys", Listed: []string{"b*"}, Got: []string{"a", "b"}},
		}},
		{policy.Identity, `"NotAction":"s3:*","NotResource":"arn:aws:s3:::b"`, &alice, []policy.Match{
			{Element: "NotAction", Listed: []string{"s3:*"}, Got: []string{action}},
			{Element: "NotResource", Listed: []string{"arn:aws:s3:::b"}, Got: []string{function}},
		}},
		{policy.Resource, `"NotPrincipal":{"AWS":"` + robot.RoleARN + `"},"Action":"*","Resource":"*"`, &alice, []policy.Match{
			{Element: "NotPrincipal", Listed: []string{"AWS:" + robot.RoleARN}, Got: []string{"AWS:" + alice.ARN}},
		}},
		{policy.Resource, `"NotPrincipal":{"AWS":"` + robot.RoleARN + `"},"Action":"*","Resource":"*"`, nil, []policy.Match{
			{Element: "NotPrincipal", Listed: []string{"AWS:" + robot.RoleARN}, Got: []string{"*"}},
		}},
	} {
		named := policy.Named{Name: "p", Document: mustParse(t, test.kind, `{"Version":"2012-10-17","Statement":{"Effect":"Deny",`+test.statement+`}}`)}
		sets := &policy.Sets{Identity: []policy.Named{named}}
		if test.kind == policy.Resource {
			sets = &policy.Sets{Resource: &named}
		}
		in.Principal = test.caller
		decision := policy.Evaluate(in, sets)
		if decision.Effect != policy.ExplicitlyDenied {
			t.Errorf("%s: %v", test.statement, decision.Reason)
			continue
		}
		if diff := cmp.Diff(test.want, decision.Matched[0].Matches(in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.statement, diff)
		}
	}
}
