package check_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/check"
)

var whoFunction = lambda.ARN{Region: "eu-central-1", Account: "111111111111", Name: "web"}

// pair is two statements, one for each action, of the rest of a statement.
func pair(sid, principal, condition string) string {
	one := func(suffix, action, key string) string {
		conditions := []string{key}
		if condition != "" {
			conditions = append(conditions, condition)
		}
		return `{"Sid":"` + sid + suffix + `","Effect":"Allow","Principal":` + principal + `,"Action":"lambda:` + action +
			`","Resource":"` + whoFunction.String() + `","Condition":{` + strings.Join(conditions, ",") + `}}`
	}
	return one("Url", "InvokeFunctionUrl", `"StringLike":{"lambda:FunctionUrlAuthType":"AWS_IAM"}`) + "," +
		one("Invoke", "InvokeFunction", `"Bool":{"lambda:InvokedViaFunctionUrl":"true"}`)
}

func whoPolicy(statements ...string) string {
	return `{"Version":"2012-10-17","Id":"default","Statement":[` + strings.Join(statements, ",") + `]}`
}

func whoEntry(statements ...string) check.Entry {
	entry := check.Entry{Function: whoFunction, AuthType: lambda.AuthIAM, Address: "https://x.lambda-url.eu-central-1.on.aws/"}
	if len(statements) > 0 {
		entry.Policy = whoPolicy(statements...)
	}
	return entry
}

// whoDetails is an account with users and roles, by what their policies say.
func whoDetails(t *testing.T, roles map[string]string) *check.Callers {
	t.Helper()
	type inline struct {
		PolicyName     string
		PolicyDocument json.RawMessage
	}
	type role struct {
		Arn, RoleName, RoleId    string
		AssumeRolePolicyDocument json.RawMessage
		RolePolicyList           []inline
	}
	var answer struct{ RoleDetailList []role }
	for name, text := range roles {
		made := role{
			Arn: "arn:aws:iam::111111111111:role/" + name, RoleName: name, RoleId: "AROA" + strings.ToUpper(name),
			AssumeRolePolicyDocument: json.RawMessage(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":` +
				`{"Federated":"token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity"}}`),
		}
		if text != "" {
			made.RolePolicyList = []inline{{"call", json.RawMessage(text)}}
		}
		answer.RoleDetailList = append(answer.RoleDetailList, made)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	callers := &check.Callers{}
	if err := callers.Read(text); err != nil {
		t.Fatal(err)
	}
	return callers
}

// may is a caller in short: its standing, its name and its conditions.
func may(c check.Caller) string {
	text := string(c.Standing) + ": " + c.Kind + " " + c.Principal
	if len(c.Conditions) > 0 {
		text += " | " + strings.Join(c.Conditions, " | ")
	}
	return text
}

func mays(f check.FunctionCallers) (list []string) {
	for _, c := range f.Callers {
		if c.Kind != "root user" {
			list = append(list, may(c))
		}
	}
	return list
}

func allowBoth(condition string) string {
	if condition != "" {
		condition = `,"Condition":{` + condition + `}`
	}
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],` +
		`"Resource":"*"` + condition + `}}`
}

func TestWho(t *testing.T) {
	const (
		caller  = "arn:aws:iam::111111111111:role/caller"
		far     = "arn:aws:iam::222222222222:role/far"
		org     = `"StringEquals":{"aws:PrincipalOrgID":"o-1"}`
		office  = `"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`
		denyAll = `{"Sid":"No","Effect":"Deny","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"*"}`
	)
	aws := func(name string) string { return `{"AWS":"` + name + `"}` }
	tests := []struct {
		name       string
		statements []string
		roles      map[string]string
		want       []string
	}{
		{"nobody", nil, map[string]string{"idle": ""}, nil},
		{"a role by its own policy", nil, map[string]string{"caller": allowBoth(""), "idle": ""}, []string{"may call: role " + caller}},
		{"a role by the function's policy", []string{pair("a", aws(caller), "")}, map[string]string{"caller": ""},
			[]string{"may call: role " + caller}},
		{"a role that is not known", []string{pair("a", aws("arn:aws:iam::111111111111:role/gone"), "")}, map[string]string{"caller": ""},
			[]string{"may call: role arn:aws:iam::111111111111:role/gone"}},
		{"under a condition of the request", []string{pair("a", aws(caller), office)}, map[string]string{"caller": ""},
			[]string{"depends: role " + caller + " | aws:SourceIp in 192.0.2.0/24"}},
		{"by its own policy, under a condition of the request", nil, map[string]string{"caller": allowBoth(office)},
			[]string{"depends: role " + caller + " | aws:SourceIp in 192.0.2.0/24"}},
		{"a condition that it never meets", nil, map[string]string{"caller": allowBoth(`"StringEquals":{"aws:PrincipalAccount":"2"}`)}, nil},
		{"one action alone", []string{strings.Split(pair("a", aws(caller), ""), ",{")[0]}, map[string]string{"caller": ""},
			[]string{"may not call: role " + caller}},
		{"another account", []string{pair("a", aws(far), "")}, map[string]string{"caller": ""}, []string{"depends: role " + far}},
		{"all of another account", []string{pair("a", aws("arn:aws:iam::222222222222:root"), "")}, map[string]string{"caller": ""},
			[]string{"depends: account arn:aws:iam::222222222222:root"}},
		{"the function's own account gives nothing", []string{pair("a", aws("arn:aws:iam::111111111111:root"), "")},
			map[string]string{"caller": ""}, nil},
		{"an organization", []string{pair("a", `"*"`, org)}, map[string]string{"idle": ""},
			[]string{"depends: organization * | aws:PrincipalOrgID = o-1"}},
		{"everyone with a signature", []string{pair("a", `"*"`, "")}, map[string]string{"idle": ""},
			[]string{"may call: everyone *"}},
		{"each action under another condition", []string{
			strings.Split(pair("a", aws(far), org), ",{")[0], "{" + strings.Split(pair("b", aws(far), office), ",{")[1],
		}, map[string]string{"caller": ""}, []string{"may not call: role " + far + " | aws:PrincipalOrgID = o-1",
			"may not call: role " + far + " | aws:SourceIp in 192.0.2.0/24"}},
		{"a Deny takes it back", []string{pair("a", aws(caller), ""), denyAll}, map[string]string{"caller": ""},
			[]string{"may not call: role " + caller}},
		{"a deleted role", []string{pair("a", aws("AROAEXAMPLEEXAMPLE123"), "")}, map[string]string{"caller": ""},
			[]string{"may not call: deleted AROAEXAMPLEEXAMPLE123"}},
		{"a service that does not call", []string{pair("a", `{"Service":"s3.amazonaws.com"}`, "")}, map[string]string{"caller": ""},
			[]string{"may not call: service Service:s3.amazonaws.com"}},
		{"CloudFront for one distribution", []string{
			pair("a", `{"Service":"cloudfront.amazonaws.com"}`, `"ArnLike":{"AWS:SourceArn":"arn:aws:cloudfront::111111111111:distribution/E1"}`),
		}, map[string]string{"caller": ""}, []string{
			"may call: service Service:cloudfront.amazonaws.com | AWS:SourceArn is like arn:aws:cloudfront::111111111111:distribution/E1",
		}},
		{"a Deny for all but one", []string{pair("a", aws(caller), ""), pair("b", aws(far), ""),
			`{"Effect":"Deny","NotPrincipal":{"AWS":["` + caller + `","arn:aws:iam::111111111111:root"]},"Action":"lambda:*","Resource":"*"}`,
		}, map[string]string{"caller": ""}, []string{"may not call: role " + caller, "may not call: role " + far}}, // it does not list the role's sessions
		{"a Deny for other networks", []string{pair("a", aws(caller), ""),
			`{"Effect":"Deny","Principal":"*","Action":"lambda:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`,
		}, map[string]string{"caller": ""}, []string{"depends: role " + caller + " | unless aws:SourceIp not in 192.0.2.0/24"}},
		{"one session", []string{pair("a", aws("arn:aws:sts::111111111111:assumed-role/gone/me"), "")}, map[string]string{"caller": ""},
			[]string{"may call: session arn:aws:sts::111111111111:assumed-role/gone/me"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			entry := whoEntry(test.statements...)
			who := check.WhoOf(t.Context(), []check.Entry{entry}, whoDetails(t, test.roles), nil)
			if diff := cmp.Diff(test.want, mays(who.Functions[0])); diff != "" {
				t.Error(diff)
			}
			if !who.IsComplete() {
				t.Errorf("could not look at %q", who.Functions[0].CouldNotLook)
			}
		})
	}
}

// What could not be read is never nobody.
func TestWhoCouldNotLook(t *testing.T) {
	write := func(who check.Who) string {
		var text strings.Builder
		if _, err := who.WriteTo(&text); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	denied := errors.New("not authorized to perform iam:GetAccountAuthorizationDetails")
	blind := whoEntry()
	blind.Fault = errors.New("not authorized to perform lambda:GetPolicy")
	open := whoEntry()
	for _, who := range []check.Who{
		check.WhoOf(t.Context(), []check.Entry{open}, nil, denied),
		check.WhoOf(t.Context(), []check.Entry{open}, nil, nil),
		check.WhoOf(t.Context(), []check.Entry{blind}, whoDetails(t, map[string]string{"idle": ""}), nil),
	} {
		text := write(who)
		if who.IsComplete() || strings.Contains(text, "nobody") || !strings.Contains(text, "could not look at ") {
			t.Error(text)
		}
	}
	// A policy that was not read may deny what others allow.
	who := check.WhoOf(t.Context(), []check.Entry{blind}, whoDetails(t, map[string]string{"caller": allowBoth("")}), nil)
	if got := mays(who.Functions[0]); !slices.Equal(got, []string{"could not look: role arn:aws:iam::111111111111:role/caller"}) {
		t.Error(got)
	}
}

func TestWhoOfURLWithoutSignatures(t *testing.T) {
	public := strings.ReplaceAll(pair("a", `"*"`, ""), "AWS_IAM", "NONE")
	office := strings.ReplaceAll(pair("a", `"*"`, `"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`), "AWS_IAM", "NONE")
	role := strings.ReplaceAll(pair("a", `{"AWS":"arn:aws:iam::111111111111:role/x"}`, ""), "AWS_IAM", "NONE")
	for _, test := range []struct {
		name, statements string
		want             []string
	}{
		{"everyone", public, []string{"may call: everyone *"}},
		{"one action alone", strings.Split(public, ",{")[0], []string{"may not call: everyone *"}},
		{"from one network", office, []string{"depends: everyone * | aws:SourceIp in 192.0.2.0/24"}},
		{"a role", role, []string{"may not call: other arn:aws:iam::111111111111:role/x"}},
		{"nobody", "", nil},
		{"an organization, of which nobody is who does not sign", strings.ReplaceAll(pair("a", `"*"`,
			`"StringEquals":{"aws:PrincipalOrgID":"o-1"}`), "AWS_IAM", "NONE"), []string{"may not call: everyone *"}},
		{"another auth type", pair("a", `"*"`, ""), []string{"may not call: everyone *"}},
	} {
		entry := check.Entry{Function: whoFunction, AuthType: lambda.AuthNone}
		if test.statements != "" {
			entry.Policy = whoPolicy(test.statements)
		}
		who := check.WhoOf(t.Context(), []check.Entry{entry}, whoDetails(t, map[string]string{"admin": allowBoth("")}), nil)
		if diff := cmp.Diff(test.want, mays(who.Functions[0])); diff != "" || !who.IsComplete() {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// Each action has its statements, with their places.
func TestWhoNamesStatements(t *testing.T) {
	entry := whoEntry(pair("a", `{"AWS":"arn:aws:iam::111111111111:role/caller"}`, `"StringEquals":{"aws:PrincipalOrgID":"o-1"}`))
	who := check.WhoOf(t.Context(), []check.Entry{entry}, whoDetails(t, map[string]string{"caller": allowBoth("")}), nil)
	resource := "resource-based policy of " + whoFunction.String()
	caller := who.Functions[0].Callers[0]
	want := []check.CallerMay{
		{Action: lambda.ActionInvokeURL, Standing: check.MayCall, By: []check.By{
			{Policy: "inline policy call of role caller", Statement: "Statement"},
			{Policy: resource, Sid: "aUrl", Statement: "Statement[0]", Conditions: []string{"aws:PrincipalOrgID = o-1"}},
		}},
		{Action: lambda.ActionInvoke, Standing: check.MayCall, By: []check.By{
			{Policy: "inline policy call of role caller", Statement: "Statement"},
			{Policy: resource, Sid: "aInvoke", Statement: "Statement[1]", Conditions: []string{"aws:PrincipalOrgID = o-1"}},
		}},
	}
	if diff := cmp.Diff(want, caller.Actions); diff != "" {
		t.Error(diff)
	}
	if caller.Conditions != nil {
		t.Errorf("a condition of one of two statements is no condition: %q", caller.Conditions)
	}
	if want := []string{"Federated:token.actions.githubusercontent.com"}; !slices.Equal(caller.AssumedBy, want) {
		t.Errorf("assumed by %q, want %q", caller.AssumedBy, want)
	}
	// The root user of the account needs no policy.
	root := who.Functions[0].Callers[1]
	if root.Standing != check.MayCall || root.Principal != arn.Root("111111111111").String() {
		t.Errorf("%+v", root)
	}
}

// What the AWS CLI saved, of which the auth type is not known.
func TestWhoOfSavedFiles(t *testing.T) {
	saved, err := json.Marshal(map[string]string{
		"Policy": whoPolicy(pair("a", `{"AWS":"arn:aws:iam::111111111111:role/caller"}`, ""),
			strings.ReplaceAll(pair("b", `"*"`, ""), "AWS_IAM", "NONE")),
		"RevisionId": "1",
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := fstest.MapFS{
		"policy.json": {Data: saved},
		"url.json":    {Data: []byte(`{"FunctionUrl":"https://x/","FunctionArn":"` + whoFunction.String() + `","AuthType":"AWS_IAM"}`)},
		"other.json":  {Data: []byte(`{"hello":1}`)},
	}
	who, err := check.WhoSaved(context.Background(), dir, whoDetails(t, map[string]string{"caller": ""}), "policy.json")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"may call: role arn:aws:iam::111111111111:role/caller", "depends: everyone *", "may not call: everyone *"}
	if diff := cmp.Diff(want, mays(who.Functions[0])); diff != "" || who.IsComplete() {
		t.Error(diff)
	}
	who, err = check.WhoSaved(context.Background(), dir, whoDetails(t, map[string]string{"caller": ""}))
	if err != nil {
		t.Fatal(err)
	}
	want = []string{"may call: role arn:aws:iam::111111111111:role/caller", "may not call: everyone *"}
	if diff := cmp.Diff(want, mays(who.Functions[0])); diff != "" || !who.IsComplete() {
		t.Errorf("%s %q", diff, who.Functions[0].CouldNotLook)
	}
}

// The sessions of a role are in the role's partition.
func TestWhoInAnotherPartition(t *testing.T) {
	function := lambda.ARN{Region: "cn-north-1", Account: "111111111111", Name: "web"}
	role := `{"AWS":"arn:aws-cn:iam::111111111111:role/caller"}`
	policy := strings.ReplaceAll(whoPolicy(pair("a", role, `"ArnLike":{"aws:PrincipalArn":"arn:aws-cn:iam::*:role/caller"}`)),
		whoFunction.String(), function.String())
	callers := &check.Callers{}
	if err := callers.Read([]byte(`{"RoleDetailList":[{"Arn":"arn:aws-cn:iam::111111111111:role/caller","RoleName":"caller"}]}`)); err != nil {
		t.Fatal(err)
	}
	who := check.WhoOf(t.Context(), []check.Entry{{Function: function, AuthType: lambda.AuthIAM, Policy: policy}}, callers, nil)
	if got := who.Functions[0].Callers[0]; got.Standing != check.MayCall || got.Kind != "role" {
		t.Errorf("%+v", got)
	}
}
