package policy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
	"github.com/google/go-cmp/cmp"
)

// TestDecision checks what a decision says beside its effect.
func TestDecision(t *testing.T) {
	admin := mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":{"Sid":"all","Effect":"Allow","Action":"*","Resource":"*"}}`)
	mixed := mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":"s3:*","Resource":"*"},
  {"Sid":"yes","Effect":"Allow","Action":"lambda:*","Resource":["*"]},
  {"Sid":"no",
   "Effect":"Deny","Action":"lambda:Invoke*","Resource":"*"}]}`)
	sets := &policy.Sets{
		Identity: []policy.Named{{Name: "without a document"}, {Name: "inline policy mixed of user alice", Document: mixed}},
		SCPs:     [][]policy.Named{{{Name: "root scp", Document: admin}}, {{Name: "account scp", Document: admin}}},
	}
	d := policy.Evaluate(policy.Request{Principal: &alice, Action: action, Resource: function, ResourceAccount: account}, sets)
	if d.Effect != policy.ExplicitlyDenied || d.Reason != policy.ReasonDeniedByIdentity {
		t.Errorf("got %v, %v", d.Effect, d.Reason)
	}
	type ref struct {
		Type       string
		Level      int
		Name       string
		Sid        string
		Effect     string
		Path       string
		Start, End policy.Position
	}
	var got []ref
	for _, r := range d.Matched {
		start, end := r.Position()
		got = append(got, ref{r.Type.String(), r.Level, r.Policy, r.Sid(), r.Effect.String(), r.Path(), start, end})
	}
	want := []ref{
		{"service control policy", 0, "root scp", "all", "Allowed", "Statement", policy.Position{Line: 1, Column: 37}, policy.Position{Line: 1, Column: 94}},
		{"service control policy", 1, "account scp", "all", "Allowed", "Statement", policy.Position{Line: 1, Column: 37}, policy.Position{Line: 1, Column: 94}},
		{"identity-based policy", 0, "inline policy mixed of user alice", "yes", "Allowed", "Statement[1]", policy.Position{Line: 3, Column: 3}, policy.Position{Line: 3, Column: 69}},
		{"identity-based policy", 0, "inline policy mixed of user alice", "no", "ExplicitlyDenied", "Statement[2]", policy.Position{Line: 4, Column: 3}, policy.Position{Line: 5, Column: 60}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("matched (-want +got):\n%s", diff)
	}
	if list := d.Deciding(); len(list) != 1 || list[0].Sid() != "no" {
		t.Errorf("deciding %+v", list)
	}
	in := policy.Request{Principal: &alice, Action: "lambda:GetFunction", Resource: function, ResourceAccount: account}
	if list := policy.Evaluate(in, sets).Deciding(); len(list) != 1 || list[0].Sid() != "yes" {
		t.Errorf("deciding %+v", list)
	}
	if d := policy.Evaluate(policy.Request{Principal: &alice, Action: action, Resource: function}, nil); d.Deciding() != nil || d.Matched != nil || d.Effect.String() != "ImplicitlyDenied" {
		t.Errorf("without policies: %+v", d)
	}
}

// TestReasons checks the texts of reasons, which follow "Troubleshoot access denied error messages" of the IAM User
// Guide.
func TestReasons(t *testing.T) {
	tests := []struct {
		reason          policy.Reason
		effect          policy.Effect
		short, sentence string
	}{
		{policy.ReasonAllowed, policy.Allowed, "allowed", ""},
		{policy.ReasonNoIdentityPolicy, policy.ImplicitlyDenied, "no identity-based policy allows the action", "because no identity-based policy allows the lambda:InvokeFunction action"},
		{policy.ReasonNoResourcePolicy, policy.ImplicitlyDenied, "no resource-based policy allows the action", "because no resource-based policy allows the lambda:InvokeFunction action"},
		{policy.ReasonNoBoundary, policy.ImplicitlyDenied, "no permissions boundary allows the action", "because no permissions boundary allows the lambda:InvokeFunction action"},
		{policy.ReasonNoSessionPolicy, policy.ImplicitlyDenied, "no session policy allows the action", "because no session policy allows the lambda:InvokeFunction action"},
		{policy.ReasonNoSCP, policy.ImplicitlyDenied, "no service control policy allows the action", "because no service control policy allows the lambda:InvokeFunction action"},
		{policy.ReasonDeniedByIdentity, policy.ExplicitlyDenied, "explicit deny in an identity-based policy", "with an explicit deny in an identity-based policy"},
		{policy.ReasonDeniedByResource, policy.ExplicitlyDenied, "explicit deny in a resource-based policy", "with an explicit deny in a resource-based policy"},
		{policy.ReasonDeniedByBoundary, policy.ExplicitlyDenied, "explicit deny in a permissions boundary", "with an explicit deny in a permissions boundary"},
		{policy.ReasonDeniedBySession, policy.ExplicitlyDenied, "explicit deny in a session policy", "with an explicit deny in a session policy"},
		{policy.ReasonDeniedBySCP, policy.ExplicitlyDenied, "explicit deny in a service control policy", "with an explicit deny in a service control policy"},
	}
	for _, tt := range tests {
		d := policy.Decision{Effect: tt.effect, Reason: tt.reason}
		if got := d.Reason.String(); got != tt.short {
			t.Errorf("got %q, want %q", got, tt.short)
		}
		if got := d.Because("lambda:InvokeFunction"); got != tt.sentence {
			t.Errorf("got %q, want %q", got, tt.sentence)
		}
	}
}

// TestTrust evaluates AssumeRole: the trust policy is the resource-based policy of the role.
// IAM User Guide, "How permissions and policies provide access" and AWS STS API Reference, AssumeRole.
func TestTrust(t *testing.T) {
	role := "arn:aws:iam::" + account + ":role/team/robot"
	provider := policy.Principal{Type: policy.IdentityProvider, ARN: "arn:aws:iam::" + account + ":oidc-provider/token.example.com"}
	lambda := policy.Principal{Type: policy.Service, ARN: "lambda.amazonaws.com"}
	other := policy.Principal{Type: policy.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/bob"}
	tests := []struct {
		name     string
		caller   policy.Principal
		trust    string // the Principal element
		identity bool
		want     policy.Reason
	}{
		{"names the user", alice, `{"AWS":"` + alice.ARN + `"}`, false, policy.ReasonAllowed},
		{"names another user", other, `{"AWS":"` + alice.ARN + `"}`, false, policy.ReasonNoIdentityPolicy},
		{"names another user, with permission", other, `{"AWS":"` + alice.ARN + `"}`, true, policy.ReasonNoResourcePolicy},
		{"names the account", alice, `{"AWS":"` + account + `"}`, false, policy.ReasonNoIdentityPolicy},
		{"names the account, with permission", alice, `{"AWS":"` + account + `"}`, true, policy.ReasonAllowed},
		{"names the service", lambda, `{"Service":"lambda.amazonaws.com"}`, false, policy.ReasonAllowed},
		{"names another service", lambda, `{"Service":["ec2.amazonaws.com"]}`, false, policy.ReasonNoResourcePolicy},
		{"other account, by user", eve, `{"AWS":"` + eve.ARN + `"}`, false, policy.ReasonNoIdentityPolicy},
		{"other account, by user, with permission", eve, `{"AWS":"` + eve.ARN + `"}`, true, policy.ReasonAllowed},
		{"other account, with permission only", eve, `{"AWS":"` + account + `"}`, true, policy.ReasonNoResourcePolicy},
		{"role chaining", robot, `{"AWS":"` + robot.RoleARN + `"}`, false, policy.ReasonAllowed},
		{"provider", provider, `{"Federated":"` + provider.ARN + `"}`, false, policy.ReasonAllowed},
		{"other provider", provider, `{"Federated":"cognito-identity.amazonaws.com"}`, false, policy.ReasonNoResourcePolicy},
		{"a provider is not just anyone", provider, `"*"`, false, policy.ReasonNoResourcePolicy},
	}
	for _, tt := range tests {
		trust := mustParse(t, policy.Trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":`+tt.trust+`,"Action":"sts:AssumeRole"}]}`)
		sets := &policy.Sets{Resource: &policy.Named{Name: "trust policy", Document: trust}}
		if tt.identity {
			sets.Identity = []policy.Named{{Document: mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"`+role+`"}}`)}}
		}
		in := policy.Request{Principal: &tt.caller, Action: "sts:AssumeRole", Resource: role, ResourceAccount: account}
		if got := policy.Evaluate(in, sets).Reason; got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
	if policy.Trust.String() != "trust" || policy.Resource.String() != "resource" {
		t.Error("names of kinds")
	}
}

// TestFederatedRoot: the root user may issue federated sessions too; only their session policies limit them.
func TestFederatedRoot(t *testing.T) {
	caller := guest
	caller.UserARN = root.ARN
	in := policy.Request{Principal: &caller, Action: action, Resource: function, ResourceAccount: account}
	if got := policy.Evaluate(in, &policy.Sets{Session: identity(t, "Allow")}).Reason; got != policy.ReasonAllowed {
		t.Errorf("got %v", got)
	}
	if got := policy.Evaluate(in, &policy.Sets{Session: identity(t, "none")}).Reason; got != policy.ReasonNoSessionPolicy {
		t.Errorf("got %v", got)
	}
}

// TestResourcePolicyOfAnotherKind: a document without principals grants nothing as a resource-based policy.
func TestResourcePolicyOfAnotherKind(t *testing.T) {
	sets := &policy.Sets{Resource: &identity(t, "Allow")[0]}
	in := policy.Request{Principal: &alice, Action: action, Resource: function, ResourceAccount: account}
	if got := policy.Evaluate(in, sets).Reason; got != policy.ReasonNoIdentityPolicy {
		t.Errorf("got %v", got)
	}
	if misses := policy.NearestMisses(in, sets); len(misses) != 0 {
		t.Errorf("misses %v", misses)
	}
}

// TestUnknownPrincipalFields: a caller whose ids are not known matches no principal by their emptiness.
func TestUnknownPrincipalFields(t *testing.T) {
	for _, caller := range []policy.Principal{
		{Type: policy.User}, {Type: policy.RoleSession}, {Type: policy.FederatedUser}, {Type: policy.Root}, {Type: policy.Service}, {Type: policy.IdentityProvider},
	} {
		in := policy.Request{Principal: &caller, Action: action, Resource: function, ResourceAccount: account}
		sets := &policy.Sets{Resource: resource(t, `Allow {"AWS":["`+account+`","`+alice.ARN+`"],"Service":"s3.amazonaws.com","Federated":"graph.facebook.com"}`)}
		if got := policy.Evaluate(in, sets).Effect; got != policy.ImplicitlyDenied {
			t.Errorf("%v: %v", caller.Type, got)
		}
	}
}

// TestPrincipalKeys follows the table of principal key values in "IAM policy elements: Variables and tags".
func TestPrincipalKeys(t *testing.T) {
	provider := policy.Principal{Type: policy.IdentityProvider, ARN: "accounts.example.com"}
	tagged := guest
	tagged.Tags = map[string]string{"Team": "a", "empty": ""}
	tests := []struct {
		name   string
		caller *policy.Principal
		want   policy.Values
	}{
		{"FederatedUser", &tagged, policy.Values{"aws:PrincipalArn": {guest.ARN}, "aws:userid": {account + ":guest"}, "aws:PrincipalAccount": {account}, "aws:PrincipalType": {"FederatedUser"}, "aws:PrincipalIsAWSService": {"false"}, "aws:PrincipalTag/Team": {"a"}, "aws:PrincipalTag/empty": {""}}},
		{"User", &alice, policy.Values{"aws:PrincipalArn": {alice.ARN}, "aws:userid": {alice.UniqueID}, "aws:username": {"alice"}, "aws:PrincipalAccount": {account}, "aws:PrincipalType": {"User"}, "aws:PrincipalIsAWSService": {"false"}}},
		{"AssumedRole", &robot, policy.Values{"aws:PrincipalArn": {robot.RoleARN}, "aws:userid": {robot.UniqueID + ":s1"}, "aws:PrincipalAccount": {account}, "aws:PrincipalType": {"AssumedRole"}, "aws:PrincipalIsAWSService": {"false"}}},
		{"FederatedUser", &guest, policy.Values{"aws:PrincipalArn": {guest.ARN}, "aws:userid": {account + ":guest"}, "aws:PrincipalAccount": {account}, "aws:PrincipalType": {"FederatedUser"}, "aws:PrincipalIsAWSService": {"false"}}},
		{"Account", &root, policy.Values{"aws:PrincipalArn": {root.ARN}, "aws:userid": {account}, "aws:PrincipalAccount": {account}, "aws:PrincipalType": {"Account"}, "aws:PrincipalIsAWSService": {"false"}}},
		{"Anonymous", &nobody, policy.Values{"aws:userid": {"anonymous"}, "aws:PrincipalType": {"Anonymous"}, "aws:PrincipalIsAWSService": {"false"}}},
		{"Service", &cloudfront, policy.Values{"aws:PrincipalServiceName": {"cloudfront.amazonaws.com"}, "aws:PrincipalIsAWSService": {"true"}}},
		{"Federated", &provider, policy.Values{"aws:PrincipalIsAWSService": {"false"}}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.caller.Keys()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		for _, ask := range []func(string) string{strings.ToUpper, strings.ToLower, func(key string) string { return key }} {
			for _, key := range append(slices.Collect(maps.Keys(tagged.Keys())), "aws:username", "aws:PrincipalServiceName", "aws:PrincipalTag/", "aws:SourceIp", "lambda:userid") {
				got, ok := tt.caller.Lookup(ask(key))
				if want, has := tt.want[key]; ok != has || ok && got[0] != want[0] {
					t.Errorf("%s: %s is %q, %t; want %q", tt.name, ask(key), got, ok, want)
				}
			}
		}
		if got := tt.caller.Type.String(); got != tt.name {
			t.Errorf("type %q, want %q", got, tt.name)
		}
	}
}

func TestNobodyIsAnonymous(t *testing.T) {
	var none *policy.Principal
	for key, want := range nobody.Keys() {
		if got, ok := none.Lookup(key); !ok || got[0] != want[0] {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestParsePrincipal(t *testing.T) {
	tests := map[string]policy.Principal{
		alice.ARN: {Type: policy.User, Account: account, ARN: alice.ARN},
		root.ARN:  {Type: policy.Root, Account: account, ARN: root.ARN},
		guest.ARN: {Type: policy.FederatedUser, Account: account, ARN: guest.ARN, SessionName: "guest"},
		robot.ARN: {Type: policy.RoleSession, Account: account, ARN: robot.ARN, RoleARN: "arn:aws:iam::" + account + ":role/robot", SessionName: "s1"},
		"arn:aws-cn:sts::111122223333:assumed-role/r/s": {Type: policy.RoleSession, Account: account, ARN: "arn:aws-cn:sts::111122223333:assumed-role/r/s", RoleARN: "arn:aws-cn:iam::111122223333:role/r", SessionName: "s"},
		"lambda.amazonaws.com":                          {Type: policy.Service, ARN: "lambda.amazonaws.com"},
		"ec2.amazonaws.com.cn":                          {Type: policy.Service, ARN: "ec2.amazonaws.com.cn"},
		"accounts.example.com":                          {Type: policy.IdentityProvider, ARN: "accounts.example.com"},
		"arn:aws:iam::111122223333:saml-provider/x":     {Type: policy.IdentityProvider, ARN: "arn:aws:iam::111122223333:saml-provider/x"},
	}
	for s, want := range tests {
		got, err := policy.ParsePrincipal(s)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s, diff)
		}
	}
	for _, s := range []string{"", "*", account, "alice", robot.RoleARN, function, "arn:aws:iam::1:user/x", "arn:aws:iam::111122223333:user/*"} {
		if got, err := policy.ParsePrincipal(s); err == nil || !cmp.Equal(got, policy.Principal{}) {
			t.Errorf("%q: %+v", s, got)
		}
	}
}

// TestNothingDecidesAnImplicitDeny: statements that match do not make a decision that no policy makes.
func TestNothingDecidesAnImplicitDeny(t *testing.T) {
	in := policy.Request{Principal: &alice, Action: action, Resource: function, ResourceAccount: account}
	sets := &policy.Sets{Identity: identity(t, "Allow"), Boundary: &policy.Named{Document: &policy.Document{}}}
	d := policy.Evaluate(in, sets)
	if d.Effect != policy.ImplicitlyDenied || len(d.Matched) != 1 {
		t.Fatalf("got %+v", d)
	}
	if deciding := d.Deciding(); d.Decides(d.Matched[0]) || deciding != nil {
		t.Errorf("%v decides", deciding)
	}
}

// TestUnknownValues: a value that an enumeration does not have reads as the most harmless one that it has.
func TestUnknownValues(t *testing.T) {
	if got := policy.Kind(9).String(); got != "identity" {
		t.Errorf("kind 9 reads %q", got)
	}
	if got := policy.Effect(-1).String(); got != "ImplicitlyDenied" {
		t.Errorf("effect -1 reads %q", got)
	}
}

// TestExtent: statements begin and end where AWS's simulator was recorded to say (radkawar/stackd,
// testdata/aws/iam/simulation.json and conditions.json, 2026-09-11; LocalStack's test snapshots for one without a list).
func TestExtent(t *testing.T) {
	const statement = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`
	tests := []struct {
		text string
		want []policy.Position
	}{
		{`{"Version":"2012-10-17","Statement":[` + statement + `]}`, []policy.Position{{Line: 1, Column: 38}, {Line: 1, Column: 95}}},
		{`{"Version":"2012-10-17","Statement":[` + statement + `,` + statement + `]}`, []policy.Position{
			{Line: 1, Column: 38}, {Line: 1, Column: 95}, {Line: 1, Column: 95}, {Line: 1, Column: 153},
		}},
		{"{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"s3:GetObject\",\n" +
			"      \"Resource\": \"*\",\n      \"Sid\": \"x\"\n    }\n  ]\n}", []policy.Position{{Line: 3, Column: 17}, {Line: 9, Column: 6}}},
		{`{"Version": "2012-10-17", "Statement": ` + statement + `}`, []policy.Position{{Line: 1, Column: 41}, {Line: 1, Column: 97}}},
	}
	for _, tt := range tests {
		d := policy.Evaluate(policy.Request{Principal: &policy.Principal{Type: policy.User, Account: account}, Action: "s3:GetObject", Resource: "*"},
			&policy.Sets{Identity: []policy.Named{{Document: mustParse(t, policy.Identity, tt.text)}}})
		var got []policy.Position
		for _, r := range d.Matched {
			start, end := r.Extent()
			got = append(got, start, end)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
}
