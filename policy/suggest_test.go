package policy_test

import (
	"testing"

	"github.com/furl-dev/furl/policy"
	"github.com/google/go-cmp/cmp"
)

// apply adds the suggested statements to the sets, each as a document of its own.
func apply(t *testing.T, sets policy.Sets, list []policy.Suggestion) *policy.Sets {
	t.Helper()
	sets.SCPs = append([][]policy.Named(nil), sets.SCPs...)
	for _, s := range list {
		kind := policy.Identity
		if s.Type == policy.ResourceBased {
			kind = policy.Resource
			if sets.Resource != nil {
				kind = sets.Resource.Document.Kind()
			}
		}
		text := string(s.JSON())
		if s.Type == policy.ResourceBased && sets.Resource != nil {
			old := sets.Resource.Document.String()
			text = old[:len(old)-2] + "," + text + "]}"
		} else {
			text = `{"Version":"2012-10-17","Statement":[` + text + `]}`
		}
		named := policy.Named{Name: "suggested", Document: mustParse(t, kind, text)}
		switch s.Type {
		case policy.IdentityBased:
			sets.Identity = append([]policy.Named{named}, sets.Identity...)
		case policy.ResourceBased:
			sets.Resource = &named
		case policy.PermissionsBoundary:
			sets.Boundary = &named
		case policy.SessionPolicy:
			sets.Session = append([]policy.Named{named}, sets.Session...)
		case policy.ServiceControlPolicy:
			sets.SCPs[s.Level] = append([]policy.Named{named}, sets.SCPs[s.Level]...)
		}
	}
	return &sets
}

// TestSuggest checks the statements, and that they do allow the request.
func TestSuggest(t *testing.T) {
	url := policy.Values{"lambda:FunctionUrlAuthType": {"AWS_IAM"}}
	public := policy.Values{"lambda:FunctionUrlAuthType": {"NONE"}}
	via := policy.Values{"lambda:InvokedViaFunctionUrl": {"true"}}
	direct := policy.Values{"lambda:InvokedViaFunctionUrl": {"false"}}
	invoke := "lambda:InvokeFunction"
	distribution := policy.Values{"aws:SourceArn": {"arn:aws:cloudfront::111122223333:distribution/E*"}, "aws:SourceAccount": {account}}
	sourceAccount := policy.Values{"aws:SourceAccount": {account}}
	provider := policy.Principal{Type: policy.IdentityProvider, ARN: "accounts.google.com"}
	none := identity(t, "none")
	trust := &policy.Named{Document: mustParse(t, policy.Trust, `{"Version":"2012-10-17","Statement":[{"Sid":"AllowAssumeRole","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)}
	const (
		fnURL = `"Action":"lambda:InvokeFunctionUrl","Resource":"` + function + `"`
		fn    = `"Action":"lambda:InvokeFunction","Resource":"` + function + `"`
		iam   = `"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}`
	)
	tests := []struct {
		name             string
		caller           *policy.Principal
		action, resource string
		ctx              policy.Context
		sets             policy.Sets
		prefer           policy.PolicyType
		want             []string
	}{
		{"same account, by identity", &alice, action, function, url, policy.Sets{}, policy.IdentityBased, []string{`{"Effect":"Allow",` + fnURL + `,` + iam + `}`}},
		{"same account, by resource", &alice, action, function, url, policy.Sets{}, policy.ResourceBased,
			[]string{`{"Sid":"AllowInvokeFunctionUrl","Effect":"Allow","Principal":{"AWS":"` + alice.ARN + `"},` + fnURL + `,` + iam + `}`}},
		{"second action", &robot, invoke, function, via, policy.Sets{}, policy.ResourceBased,
			[]string{`{"Sid":"AllowInvokeFunction","Effect":"Allow","Principal":{"AWS":"` + robot.RoleARN + `"},` + fn + `,"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`}},
		{"direct invoke", &alice, invoke, function, direct, policy.Sets{}, policy.IdentityBased, []string{`{"Effect":"Allow",` + fn + `}`}},
		{"a role is limited, a user is not", &robot, action, function, nil, policy.Sets{Boundary: &none[0], Session: none}, policy.ResourceBased, []string{
			`{"Sid":"AllowInvokeFunctionUrl","Effect":"Allow","Principal":{"AWS":"` + robot.RoleARN + `"},` + fnURL + `}`,
			`{"Effect":"Allow",` + fnURL + `}`, `{"Effect":"Allow",` + fnURL + `}`}},
		{"a user is not limited", &alice, action, function, nil, policy.Sets{Boundary: &none[0]}, policy.ResourceBased,
			[]string{`{"Sid":"AllowInvokeFunctionUrl","Effect":"Allow","Principal":{"AWS":"` + alice.ARN + `"},` + fnURL + `}`}},
		{"cross-account", &eve, action, function, url, policy.Sets{}, policy.IdentityBased, []string{
			`{"Sid":"AllowInvokeFunctionUrl","Effect":"Allow","Principal":{"AWS":"` + eve.ARN + `"},` + fnURL + `,` + iam + `}`,
			`{"Effect":"Allow",` + fnURL + `,` + iam + `}`}},
		{"root of another account", &foreign, action, function, nil, policy.Sets{}, policy.IdentityBased,
			[]string{`{"Sid":"AllowInvokeFunctionUrl","Effect":"Allow","Principal":{"AWS":"` + foreign.ARN + `"},` + fnURL + `}`}},
		{"public", &nobody, action, function, public, policy.Sets{}, policy.IdentityBased,
			[]string{`{"Sid":"AllowInvokeFunctionUrl","Effect":"Allow","Principal":"*",` + fnURL + `,"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`}},
		{"a distribution", &cloudfront, action, function, distribution, policy.Sets{}, policy.IdentityBased,
			[]string{`{"Sid":"AllowInvokeFunctionUrl","Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},` + fnURL + `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E${*}"}}}`}},
		{"a service for an account", &cloudfront, action, function, sourceAccount, policy.Sets{}, policy.IdentityBased,
			[]string{`{"Sid":"AllowInvokeFunctionUrl","Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},` + fnURL + `,"Condition":{"StringEquals":{"aws:SourceAccount":"` + account + `"}}}`}},
		{"trust a user", &alice, "sts:AssumeRole", robot.RoleARN, nil, policy.Sets{Resource: trust}, policy.IdentityBased,
			[]string{`{"Sid":"AllowAssumeRole2","Effect":"Allow","Principal":{"AWS":"` + alice.ARN + `"},"Action":"sts:AssumeRole"}`}},
		{"trust a provider", &provider, "sts:AssumeRoleWithWebIdentity", robot.RoleARN, nil, policy.Sets{Resource: trust}, policy.IdentityBased,
			[]string{`{"Sid":"AllowAssumeRoleWithWebIdentity","Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity"}`}},
		{"SCPs", &alice, "s3:ListAllMyBuckets", "*", nil, policy.Sets{Identity: none, SCPs: [][]policy.Named{none, {}}}, policy.IdentityBased, []string{
			`{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}`, `{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}`,
			`{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}`}},
		{"wildcards in a name", &alice, "s3:GetObject", "arn:aws:s3:::b/a*?${x}", nil, policy.Sets{}, policy.IdentityBased,
			[]string{`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/a${*}${?}${$}{x}"}`}},
		{"federated user without session policies", &guest, action, function, nil, policy.Sets{Identity: identity(t, "Allow")}, policy.IdentityBased,
			[]string{`{"Effect":"Allow",` + fnURL + `}`}},
	}
	for _, tt := range tests {
		in := policy.Request{Principal: tt.caller, Action: tt.action, Resource: tt.resource, ResourceAccount: account, Context: tt.ctx}
		list := policy.Suggest(in, &tt.sets, tt.prefer)
		var got []string
		for _, s := range list {
			got = append(got, string(s.JSON()))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if d := policy.Evaluate(in, apply(t, tt.sets, list)); d.Effect != policy.Allowed {
			t.Errorf("%s: with the suggested statements: %v", tt.name, d.Reason)
		}
	}
}

// TestSuggestNothing lists requests that no additional statement would allow.
func TestSuggestNothing(t *testing.T) {
	bad := policy.Principal{Type: policy.User, Account: stranger, ARN: "eve"}
	tests := []struct {
		name string
		in   policy.Request
		sets *policy.Sets
	}{
		{"allowed", policy.Request{Principal: &root, Action: action, Resource: function}, nil},
		{"denied", policy.Request{Principal: &alice, Action: action, Resource: function}, &policy.Sets{Identity: identity(t, "Deny")}},
		{"not an action", policy.Request{Principal: &alice, Action: "invoke", Resource: function}, nil},
		{"not a resource", policy.Request{Principal: &alice, Action: action, Resource: "books"}, nil},
		{"not UTF-8", policy.Request{Principal: &alice, Action: action, Resource: function + "\xff"}, nil},
		{"not a principal", policy.Request{Principal: &bad, Action: action, Resource: function, ResourceAccount: account}, nil},
	}
	for _, tt := range tests {
		if got := policy.Suggest(tt.in, tt.sets, policy.IdentityBased); got != nil {
			t.Errorf("%s: %s", tt.name, got[0].JSON())
		}
	}
}
