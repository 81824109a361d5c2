//go:build unix

package setup_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/setuptest"
	"github.com/furl-dev/furl/sigv4"
)

// kinds are what a plan does, in short.
func kinds(plan *setup.Plan) []setup.ChangeKind {
	var list []setup.ChangeKind
	for _, change := range plan.Changes {
		list = append(list, change.Kind)
	}
	return list
}

// The story of the article: a function that calls another one's URL with the credentials of its role.
func TestGrantToAFunctionsRole(t *testing.T) {
	world := setuptest.New(t)
	arn, url := web(t, world)
	world.AddFunction(here, "reader", world.AddRole(here, "/service-role/", "reader-role", ""))
	key := session(t, world, here, "reader-role")
	g, request := granter(t, world), setup.Request{Function: "web", Principal: "function:reader"}
	expect(t, url, key, 403, "before")

	plan := grant(t, g, request)
	if diff := cmp.Diff([]setup.ChangeKind{setup.AddStatement, setup.AddStatement}, kinds(plan)); diff != "" {
		t.Error(diff)
	}
	if plan.Principal.ARN != "arn:aws:iam::"+here+":role/service-role/reader-role" || plan.Function != arn {
		t.Errorf("the plan is for %s on %s", plan.Principal, plan.Function)
	}
	expect(t, url, key, 403, "planned only")
	apply(t, plan)
	expect(t, url, key, 200, "granted")

	granted := policyText(t, world, arn)
	again := grant(t, g, request)
	if len(again.Changes) != 0 || len(again.Kept) != 2 || again.Diff() != "" {
		t.Errorf("granted again, the plan is %+v", again)
	}
	for _, spelling := range []string{plan.Principal.ARN, "reader-role", "role/service-role/reader-role", "arn:aws:sts::" + here + ":assumed-role/reader-role/x"} {
		if p := grant(t, g, setup.Request{Function: arn.String(), Principal: spelling}); len(p.Changes) != 0 {
			t.Errorf("%s is taken for somebody else: %v", spelling, p.Changes)
		}
	}

	apply(t, revoke(t, g, request))
	expect(t, url, key, 403, "revoked")
	if text := policyText(t, world, arn); text != "" {
		t.Errorf("revoked, the policy is %s", text)
	}
	if again := revoke(t, g, request); len(again.Changes) != 0 {
		t.Errorf("revoked again, the plan is %v", again.Changes)
	}
	// Ids are stable: the same grant makes the same statements.
	apply(t, grant(t, g, request))
	if text := policyText(t, world, arn); text != granted {
		t.Errorf("granted once more, the policy is %s, was %s", text, granted)
	}
}

func TestGrantByTheCallersOwnPolicy(t *testing.T) {
	world := setuptest.New(t)
	arn, url := web(t, world)
	world.AddRole(here, "/", "caller", "")
	alice := world.AddUser(here, "alice", "")
	caller := session(t, world, here, "caller")
	g := granter(t, world)
	for principal, key := range map[string]sigv4.Credentials{"caller": caller, "user/alice": alice} {
		request := setup.Request{Function: "web", Principal: principal, Via: setup.ViaIdentity}
		plan := grant(t, g, request)
		if diff := cmp.Diff([]setup.ChangeKind{setup.PutPolicy}, kinds(plan)); diff != "" {
			t.Error(diff)
		}
		expect(t, url, key, 403, principal+" before")
		apply(t, plan)
		expect(t, url, key, 200, principal+" granted")
		if again := grant(t, g, request); len(again.Changes) != 0 || len(again.Kept) != 2 {
			t.Errorf("%s: granted again, the plan is %+v", principal, again)
		}
		plan = revoke(t, g, setup.Request{Function: "web", Principal: principal})
		if diff := cmp.Diff([]setup.ChangeKind{setup.DeletePolicy}, kinds(plan)); diff != "" {
			t.Error(diff)
		}
		apply(t, plan)
		expect(t, url, key, 403, principal+" revoked")
	}
	if text := policyText(t, world, arn); text != "" {
		t.Errorf("the function has a policy: %s", text)
	}
}

func TestGrantRepairsWhatIsThere(t *testing.T) {
	const caller = "arn:aws:iam::" + here + ":role/caller"
	yes, no := true, false
	url := lambda.Permission{StatementID: "old", Action: lambda.ActionInvokeURL, Principal: lambda.PermissionPrincipal{AWS: caller}, FunctionURLAuthType: lambda.AuthIAM}
	invoke := lambda.Permission{StatementID: "new", Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{AWS: caller}, InvokedViaURL: &yes}
	with := func(p lambda.Permission, change func(*lambda.Permission)) lambda.Permission {
		change(&p)
		return p
	}
	tests := []struct {
		name string
		have []lambda.Permission
		want []string // the actions that are granted anew
	}{
		{"nothing", nil, []string{lambda.ActionInvokeURL, lambda.ActionInvoke}},
		{"the action of before October 2025 alone", []lambda.Permission{url}, []string{lambda.ActionInvoke}},
		{"the other action alone", []lambda.Permission{invoke}, []string{lambda.ActionInvokeURL}},
		{"both, by other ids", []lambda.Permission{url, invoke}, nil},
		{"direct invocation too", []lambda.Permission{url, with(invoke, func(p *lambda.Permission) { p.InvokedViaURL = nil })}, nil},
		{"direct invocation only", []lambda.Permission{url, with(invoke, func(p *lambda.Permission) { p.InvokedViaURL = &no })}, []string{lambda.ActionInvoke}},
		{"without the auth type", []lambda.Permission{with(url, func(p *lambda.Permission) { p.FunctionURLAuthType = "" }), invoke}, nil},
		{"another auth type", []lambda.Permission{with(url, func(p *lambda.Permission) { p.FunctionURLAuthType = lambda.AuthNone }), invoke}, []string{lambda.ActionInvokeURL}},
		{"everything at once", []lambda.Permission{with(url, func(p *lambda.Permission) { p.Action, p.FunctionURLAuthType = "lambda:*", "" })}, nil},
		{"somebody else", []lambda.Permission{
			with(url, func(p *lambda.Permission) { p.Principal.AWS = "arn:aws:iam::" + here + ":role/web-role" }),
			with(invoke, func(p *lambda.Permission) { p.Principal.AWS = "arn:aws:iam::" + here + ":root" }),
		}, []string{lambda.ActionInvokeURL, lambda.ActionInvoke}},
		{"under a condition that not every call meets", []lambda.Permission{
			with(url, func(p *lambda.Permission) { p.PrincipalOrgID = "o-1234567890" }), with(invoke, func(p *lambda.Permission) { p.SourceARN = "arn:aws:s3:::b" }),
		}, []string{lambda.ActionInvokeURL, lambda.ActionInvoke}},
		{"everyone", []lambda.Permission{
			with(url, func(p *lambda.Permission) { p.Principal = lambda.PermissionPrincipal{Anyone: true} }), with(invoke, func(p *lambda.Permission) { p.Principal = lambda.PermissionPrincipal{Anyone: true} }),
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			world := setuptest.New(t)
			arn, address := web(t, world)
			world.AddRole(here, "/", "caller", "")
			for _, permission := range test.have {
				if err := world.Client(world.Root(here)).AddPermission(t.Context(), arn, permission); err != nil {
					t.Fatal(err)
				}
			}
			before := policyText(t, world, arn)
			plan := grant(t, granter(t, world), setup.Request{Function: "web", Principal: "caller"})
			var added []string
			for _, change := range plan.Changes {
				added = append(added, change.Permission.Action)
			}
			if diff := cmp.Diff(test.want, added); diff != "" {
				t.Error(diff)
			}
			apply(t, plan)
			expect(t, address, session(t, world, here, "caller"), 200, "granted")
			if after := policyText(t, world, arn); !strings.HasPrefix(after, strings.TrimSuffix(before, "]}")) {
				t.Errorf("what was there has changed: %s, now %s", before, after)
			}
		})
	}
}

// A statement of the grant's own id that does not say what it should: AWS shows a role that was deleted by its id.
func TestGrantReplacesItsOwnStatementForARoleThatWasMadeAgain(t *testing.T) {
	world := setuptest.New(t)
	arn, url := web(t, world)
	role := world.AddRole(here, "/", "caller", "")
	g, request := granter(t, world), setup.Request{Function: "web", Principal: "caller"}
	apply(t, grant(t, g, request))
	deleteRole(world, role)
	world.AddRole(here, "/", "caller", "")
	key := session(t, world, here, "caller")
	expect(t, url, key, 403, "made again")
	if text := policyText(t, world, arn); !strings.Contains(text, role.ID) {
		t.Fatalf("the policy does not show the id of the role that was deleted: %s", text)
	}
	plan := grant(t, g, request)
	want := []setup.ChangeKind{setup.RemoveStatement, setup.AddStatement, setup.RemoveStatement, setup.AddStatement}
	if diff := cmp.Diff(want, kinds(plan)); diff != "" {
		t.Error(diff)
	}
	apply(t, plan)
	expect(t, url, key, 200, "granted again")
}

func TestGrantAcrossAccounts(t *testing.T) {
	world := setuptest.New(t)
	_, url := web(t, world)
	role := world.AddRole(there, "/team/", "far", "")
	key := session(t, world, there, "far")

	// Without credentials of the other account, its side is left to somebody there.
	g, request := granter(t, world), setup.Request{Function: "web", Principal: role.ARN()}
	plan := grant(t, g, request)
	if len(plan.Changes) != 2 || len(plan.Elsewhere) != 1 {
		t.Fatalf("changes %v, elsewhere %v", plan.Changes, plan.Elsewhere)
	}
	command := plan.Elsewhere[0].Command()
	if !strings.HasPrefix(command, "aws iam put-role-policy --role-name far --policy-name furl-call-web-") || plan.Elsewhere[0].Account != there {
		t.Errorf("in account %s: %s", plan.Elsewhere[0].Account, command)
	}
	apply(t, plan)
	expect(t, url, key, 403, "one side only")

	// With them, a name is one of that account.
	other := account(t, world, there)
	g.Caller, request.Principal = &other, "far"
	plan = grant(t, g, request)
	if diff := cmp.Diff([]setup.ChangeKind{setup.PutPolicy}, kinds(plan)); diff != "" {
		t.Error(diff)
	}
	apply(t, plan)
	expect(t, url, key, 200, "both sides")

	if again := grant(t, g, request); len(again.Changes) != 0 || len(again.Kept) != 4 {
		t.Errorf("granted again, the plan is %+v", again)
	}
	plan = revoke(t, g, request)
	if diff := cmp.Diff([]setup.ChangeKind{setup.RemoveStatement, setup.RemoveStatement, setup.DeletePolicy}, kinds(plan)); diff != "" {
		t.Error(diff)
	}
	apply(t, plan)
	expect(t, url, key, 403, "revoked")

	// A whole account: who in it may call is that account's to say.
	plan = grant(t, g, setup.Request{Function: "web", Principal: there})
	if len(plan.Changes) != 2 || len(plan.Elsewhere) != 0 || !strings.Contains(strings.Join(plan.Notes, "\n"), "callers in account "+there) {
		t.Errorf("the plan is %+v", plan)
	}
	apply(t, plan)
	expect(t, url, key, 403, "no policy of its own")
	plan = grant(t, g, request)
	if diff := cmp.Diff([]setup.ChangeKind{setup.PutPolicy}, kinds(plan)); diff != "" {
		t.Errorf("the account's grant is not seen: %s", diff)
	}
	apply(t, plan)
	expect(t, url, key, 200, "account and own policy")
}

func TestGrantToEveryone(t *testing.T) {
	world := setuptest.New(t)
	arn, url := web(t, world)
	g, request := granter(t, world), setup.Request{Function: "web", Principal: "*"}
	if _, err := g.Grant(t.Context(), request); err == nil || !strings.Contains(err.Error(), "every AWS account") {
		t.Errorf("everyone on a URL with authentication: %v", err)
	}
	if _, err := world.Client(world.Root(here)).UpdateURL(t.Context(), arn, awsapi.URLSettings{AuthType: lambda.AuthNone}); err != nil {
		t.Fatal(err)
	}
	expect(t, url, sigv4.Credentials{}, 403, "before")
	apply(t, grant(t, g, request))
	expect(t, url, sigv4.Credentials{}, 200, "granted")
	if again := grant(t, g, request); len(again.Changes) != 0 {
		t.Errorf("granted again, the plan is %v", again.Changes)
	}
	apply(t, revoke(t, g, request))
	expect(t, url, sigv4.Credentials{}, 403, "revoked")

	world.AddRole(here, "/", "caller", "")
	plan := grant(t, g, setup.Request{Function: "web", Principal: "caller"})
	if plan.AuthType != lambda.AuthIAM || !strings.Contains(strings.Join(plan.Notes, "\n"), "furl url update web --auth AWS_IAM") {
		t.Errorf("a role, on a URL without authentication: %s, notes %q", plan.AuthType, plan.Notes)
	}
}

func TestGrantToCloudFront(t *testing.T) {
	world := setuptest.New(t)
	arn, _ := web(t, world)
	const distribution = "arn:aws:cloudfront::" + here + ":distribution/E1EXAMPLE"
	g := granter(t, world)
	request := setup.Request{Function: "web", Principal: "cloudfront.amazonaws.com", SourceARN: distribution}
	apply(t, grant(t, g, request))
	text := policyText(t, world, arn)
	for _, want := range []string{
		`"Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"lambda:InvokeFunctionUrl"`,
		`"Condition":{"ArnLike":{"AWS:SourceArn":"` + distribution + `"}}`,
		`"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"},"ArnLike":{"AWS:SourceArn":"` + distribution + `"}}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the policy has no %s: %s", want, text)
		}
	}
	if again := grant(t, g, request); len(again.Changes) != 0 {
		t.Errorf("granted again, the plan is %v", again.Changes)
	}
	request.SourceARN = "arn:aws:cloudfront::" + here + ":distribution/E2EXAMPLE"
	if second := grant(t, g, request); len(second.Changes) != 2 {
		t.Errorf("a second distribution needs %v", second.Changes)
	}
}

func TestGrantBeforeThereIsAURL(t *testing.T) {
	world := setuptest.New(t)
	role := world.AddRole(here, "/", "caller", "")
	world.AddFunction(here, "web", role)
	plan := grant(t, granter(t, world), setup.Request{Function: "web", Principal: "caller"})
	if len(plan.Changes) != 2 || !strings.Contains(strings.Join(plan.Notes, "\n"), "furl url create web") {
		t.Errorf("the plan is %v, notes %q", plan.Changes, plan.Notes)
	}
	plan = grant(t, granter(t, world), setup.Request{Function: "web", Principal: "*"})
	if plan.AuthType != lambda.AuthNone || !strings.Contains(strings.Join(plan.Notes, "\n"), "furl url create web --auth NONE") {
		t.Errorf("for everyone the plan is for %s, notes %q", plan.AuthType, plan.Notes)
	}
}

func TestGrantsThatCouldNeverWorkAreRefused(t *testing.T) {
	world := setuptest.New(t)
	web(t, world)
	world.AddRole(here, "/", "caller", "")
	world.AddUser(here, "alice", "")
	g := granter(t, world)
	tests := []struct {
		name    string
		request setup.Request
		want    string
		instead string
	}{
		{"the Lambda service", setup.Request{Function: "web", Principal: "lambda.amazonaws.com"}, "the Lambda service itself", "--to function:"},
		{"a service that never signs", setup.Request{Function: "web", Principal: "s3.amazonaws.com"}, "never sends signed requests", ""},
		{"a version", setup.Request{Function: "web:3", Principal: "caller"}, "version 3 can have no function URL", "create-alias"},
		{"a version as qualifier", setup.Request{Function: "web", Qualifier: "3", Principal: "caller"}, "version 3", "create-alias"},
		{"$LATEST", setup.Request{Function: "web:$LATEST", Principal: "caller"}, "$LATEST has no policy of its own", "leave the qualifier out"},
		{"the own account", setup.Request{Function: "web", Principal: here}, "lets nobody in", "--via identity"},
		{"the own root user", setup.Request{Function: "web", Principal: "arn:aws:iam::" + here + ":root"}, "lets nobody in", "--via identity"},
		{"CloudFront without a distribution", setup.Request{Function: "web", Principal: "cloudfront.amazonaws.com"}, "every CloudFront distribution", "--source-arn"},
		{"a role with a source", setup.Request{Function: "web", Principal: "caller", SourceARN: "arn:aws:s3:::b"}, "would never match", ""},
		{"an id", setup.Request{Function: "web", Principal: "AROAABCDEFGHIJKLMNOP"}, "unique id", ""},
		{"a wildcard", setup.Request{Function: "web", Principal: "arn:aws:iam::" + here + ":role/*"}, "wildcard", ""},
		{"a policy", setup.Request{Function: "web", Principal: "arn:aws:iam::" + here + ":policy/p"}, "cannot be given a permission", ""},
		{"one side of two accounts", setup.Request{Function: "web", Principal: there, Via: setup.ViaIdentity}, "both sides", "leave --via out"},
		{"everyone's own policy", setup.Request{Function: "web", Principal: "*", Via: setup.ViaIdentity}, "no identity-based policy", ""},
		{"an ARN of something else", setup.Request{Function: "web", Principal: "arn:aws:s3:::b"}, "is not the ARN of a role", ""},
		{"another partition", setup.Request{Function: "web", Principal: "arn:aws-cn:iam::" + here + ":role/caller"}, "in the partition aws", ""},
		{"an odd session", setup.Request{Function: "web", Principal: "arn:aws:sts::" + here + ":assumed-role/a"}, "is not the ARN of a role's session", ""},
		{"an odd name", setup.Request{Function: "web", Principal: "a b"}, "neither an ARN, an account id nor a role's name", ""},
		{"a user's name", setup.Request{Function: "web", Principal: "alice"}, "no role alice, but a user", "--to arn:aws:iam::" + here + ":user/alice"},
		{"a function's name", setup.Request{Function: "web", Principal: "web"}, "no role web, but a function", "--to function:web"},
		{"a function of an unknown account", setup.Request{Function: "web", Principal: "function:" + there + ":function:far"}, "is in account " + there, "--caller-profile"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plan, err := g.Grant(t.Context(), test.request)
			refusal, ok := err.(*setup.Refusal)
			if !ok || !strings.Contains(refusal.Reason, test.want) || !strings.Contains(refusal.Instead, test.instead) {
				t.Errorf("got %+v, %#v", plan, err)
			}
		})
	}
	for name, request := range map[string]setup.Request{
		"no principal":        {Function: "web"},
		"no such role":        {Function: "web", Principal: "nobody"},
		"no such user":        {Function: "web", Principal: "user/nobody"},
		"no such function":    {Function: "nobody", Principal: "caller"},
		"no function to call": {Function: "web", Principal: "function:nobody"},
		"no session's role":   {Function: "web", Principal: "arn:aws:sts::" + here + ":assumed-role/nobody/s"},
		"two aliases":         {Function: "web:a", Qualifier: "b", Principal: "caller"},
		"an odd alias":        {Function: "web", Qualifier: "a b", Principal: "caller"},
		"another account":     {Function: there + ":function:web", Principal: "caller"},
		"an odd place":        {Function: "web", Principal: "caller", Via: "mail"},
	} {
		if plan, err := g.Grant(t.Context(), request); err == nil {
			t.Errorf("%s: %+v", name, plan)
		}
	}
}
