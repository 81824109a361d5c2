//go:build unix

package setup_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/setuptest"
)

// accountOf is the account as somebody with those permissions sees it.
func accountOf(t *testing.T, world *setuptest.World, name, actions string) setup.Account {
	t.Helper()
	client := world.Client(world.AddUser(here, name, `{"Effect":"Allow","Action":[`+actions+`],"Resource":"*"}`))
	return setup.NewAccount(must(client.Identity(t.Context()))(t), client)
}

func TestGrantWithFewPermissions(t *testing.T) {
	world := setuptest.New(t)
	arn, url := web(t, world)
	world.AddRole(here, "/", "caller", "")
	key := session(t, world, here, "caller")

	// Without a look at the URL and at roles, a grant is made on assumptions, which it tells.
	g := &setup.Granter{Owner: accountOf(t, world, "writer", `"lambda:GetPolicy","lambda:AddPermission"`)}
	plan := grant(t, g, setup.Request{Function: "web", Principal: "caller"})
	notes := strings.Join(plan.Notes, "\n")
	if !strings.Contains(notes, "iam:GetRole of role caller") || !strings.Contains(notes, "could not look at the URL's auth type, taken to be AWS_IAM") {
		t.Errorf("notes %s", notes)
	}
	apply(t, plan)
	expect(t, url, key, 200, "granted")

	// Without a look at the policy there is none.
	g = &setup.Granter{Owner: accountOf(t, world, "blind", `"lambda:AddPermission"`)}
	if _, err := g.Grant(t.Context(), setup.Request{Function: "web", Principal: "caller"}); awsapi.KindOf(err) != awsapi.Denied || !strings.Contains(err.Error(), "lambda:GetPolicy of "+arn.String()) {
		t.Errorf("the policy could not be looked at: %v", err)
	}

	// Without a look at the role's policies the one of the grant is written all the same.
	apply(t, revoke(t, granter(t, world), setup.Request{Function: "web", Principal: "caller"}))
	g = &setup.Granter{Owner: accountOf(t, world, "iam-writer", `"iam:PutRolePolicy"`)}
	plan = grant(t, g, setup.Request{Function: "web", Principal: "caller", Via: setup.ViaIdentity})
	if diff := cmp.Diff([]setup.ChangeKind{setup.PutPolicy}, kinds(plan)); diff != "" {
		t.Error(diff)
	}
	if notes := strings.Join(plan.Notes, "\n"); !strings.Contains(notes, "could not look at all policies of role caller") {
		t.Errorf("notes %s", notes)
	}
	apply(t, plan)
	expect(t, url, key, 200, "granted")

	// Revoke looks for the inline policy, and says so when it cannot; asked for it, it fails.
	g = &setup.Granter{Owner: accountOf(t, world, "lambda-only", `"lambda:*"`)}
	plan = revoke(t, g, setup.Request{Function: "web", Principal: "caller"})
	if notes := strings.Join(plan.Notes, "\n"); len(plan.Changes) != 0 || !strings.Contains(notes, "could not look whether role caller has the inline policy furl-call-web-") {
		t.Errorf("changes %v, notes %s", plan.Changes, notes)
	}
	if _, err := g.Revoke(t.Context(), setup.Request{Function: "web", Principal: "caller", Via: setup.ViaIdentity}); awsapi.KindOf(err) != awsapi.Denied {
		t.Errorf("the inline policy could not be looked at: %v", err)
	}
}

// fake is a function whose alias has a URL and policies, which the server here does not have.
type fake struct {
	urls     map[string]awsapi.URL // by qualifier
	policies map[string]string     // by qualifier
	asked    []lambda.ARN
}

func (f *fake) Function(_ context.Context, arn lambda.ARN) (awsapi.Function, error) {
	return awsapi.Function{ARN: arn.Unqualified(), Role: "arn:aws:iam::" + here + ":role/x"}, nil
}

func (f *fake) URL(_ context.Context, arn lambda.ARN) (awsapi.URL, error) {
	if url, ok := f.urls[arn.Qualifier]; ok {
		return url, nil
	}
	return awsapi.URL{}, &awsapi.Error{Kind: awsapi.NotFound, Action: "lambda:GetFunctionUrlConfig"}
}

func (f *fake) Policy(_ context.Context, arn lambda.ARN) (string, error) {
	f.asked = append(f.asked, arn)
	if text, ok := f.policies[arn.Qualifier]; ok {
		return text, nil
	}
	return "", &awsapi.Error{Kind: awsapi.NotFound, Action: "lambda:GetPolicy"}
}

func TestGrantOnAnAlias(t *testing.T) {
	const role = "arn:aws:iam::" + here + ":role/caller"
	arn := lambda.ARN{Region: "eu-central-1", Account: here, Name: "web", Qualifier: "prod"}
	permissions := []lambda.Permission{{StatementID: "a", Action: "lambda:*", Principal: lambda.PermissionPrincipal{AWS: role}}}
	same := func(text string) string { return text }
	functions := &fake{
		urls:     map[string]awsapi.URL{"prod": {URLSettings: awsapi.URLSettings{AuthType: lambda.AuthIAM}}},
		policies: map[string]string{"": lambda.PolicyText(permissions, arn.Unqualified(), same)},
	}
	g := &setup.Granter{Owner: setup.Account{ID: here, Region: "eu-central-1", Functions: functions}}
	for _, request := range []setup.Request{
		{Function: "web:prod", Principal: role}, {Function: "web", Qualifier: "prod", Principal: role}, {Function: arn.String(), Qualifier: "prod", Principal: role},
	} {
		plan := grant(t, g, request)
		if len(plan.Changes) != 2 || len(plan.Notes) != 0 || plan.Changes[0].Function != arn {
			t.Fatalf("the function's own policy counts for the alias: %v, notes %q", plan.Changes, plan.Notes)
		}
		if command := plan.Changes[0].Command(); !strings.Contains(command, "--function-name web --qualifier prod ") {
			t.Errorf("command %s", command)
		}
	}
	functions.policies["prod"] = lambda.PolicyText(permissions, arn, same)
	if plan := grant(t, g, setup.Request{Function: "web:prod", Principal: role}); len(plan.Changes) != 0 {
		t.Errorf("granted by %s, the plan is %v", functions.policies["prod"], plan.Changes)
	}
	// A statement in the alias's policy that is about the function itself does nothing for the alias.
	functions.policies["prod"] = lambda.PolicyText(permissions, arn.Unqualified(), same)
	if plan := grant(t, g, setup.Request{Function: "web:prod", Principal: role}); len(plan.Changes) != 2 {
		t.Errorf("granted by %s, the plan is %v", functions.policies["prod"], plan.Changes)
	}
}

func TestPoliciesThatAreNotAWSs(t *testing.T) {
	const role = "arn:aws:iam::" + here + ":role/caller"
	functions := &fake{policies: map[string]string{}}
	g := &setup.Granter{Owner: setup.Account{ID: here, Region: "eu-central-1", Functions: functions}}
	request := setup.Request{Function: "web", Principal: role}
	const deny = `{"Version":"2012-10-17","Statement":{"Sid":"no","Effect":"Deny","Principal":"*","Action":"lambda:InvokeFunction","Resource":"*"}}`
	functions.policies[""] = deny
	if _, err := g.Grant(t.Context(), request); err == nil || !strings.Contains(err.Error(), "statement no of the resource-based policy denies lambda:InvokeFunction") {
		t.Errorf("a grant against an explicit deny: %v", err)
	}
	functions.policies[""] = strings.Replace(deny, `"Resource"`, `"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Resource"`, 1)
	if plan := grant(t, g, request); len(plan.Changes) != 2 {
		t.Errorf("a deny under a condition is taken for one without: %v", plan.Changes)
	}
	functions.policies[""] = `{"Statement":[]`
	if _, err := g.Grant(t.Context(), request); err == nil || !strings.Contains(err.Error(), "resource-based policy of arn:aws:lambda") {
		t.Errorf("a policy that cannot be read: %v", err)
	}
}

// Who the credentials stand for says which partition the principals are in, and the region which one functions are in.
func TestGrantInAnotherPartition(t *testing.T) {
	const role = "arn:aws-us-gov:iam::" + there + ":role/team/caller"
	g := &setup.Granter{Owner: setup.Account{
		ID: here, Partition: "aws-us-gov", Region: "us-gov-west-1", Functions: &fake{},
	}}
	for to, want := range map[string]string{
		role:  role,
		there: "arn:aws-us-gov:iam::" + there + ":root",
		"arn:aws-us-gov:sts::" + there + ":assumed-role/caller/s": "arn:aws-us-gov:iam::" + there + ":role/caller",
	} {
		plan := grant(t, g, setup.Request{Function: "web", Principal: to})
		if len(plan.Changes) == 0 || plan.Principal.ARN != want {
			t.Fatalf("%s: a grant to %s, want %s", to, plan.Principal.ARN, want)
		}
		const function = "arn:aws-us-gov:lambda:us-gov-west-1:" + here + ":function:web"
		if got := plan.Changes[0].Function.String(); got != function {
			t.Errorf("%s: a grant on %s, want %s", to, got, function)
		}
	}
	_, err := g.Grant(t.Context(), setup.Request{Function: "web", Principal: "arn:aws:iam::" + there + ":role/caller"})
	if err == nil || !strings.Contains(err.Error(), "in the partition aws-us-gov") {
		t.Errorf("a principal of another partition: %v", err)
	}
	const foreign = "arn:aws:lambda:us-gov-west-1:" + here + ":function:web"
	_, err = g.Grant(t.Context(), setup.Request{Function: foreign, Principal: role})
	if err == nil || !strings.Contains(err.Error(), "us-gov-west-1 is in the partition aws-us-gov, not in aws") {
		t.Errorf("a function of another partition: %v", err)
	}
}
