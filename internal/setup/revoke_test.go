//go:build unix

package setup_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/setuptest"
	"github.com/furl-dev/furl/internal/state"
)

func deleteRole(world *setuptest.World, role *iam.Role) {
	world.Update(func(tx *state.Tx) error {
		tx.Delete(role)
		return nil
	})
}

// What somebody else granted by hand ends too, if it is no more than this grant; what is more stays and is named.
func TestRevokeWhatOthersGranted(t *testing.T) {
	world := setuptest.New(t)
	arn, url := web(t, world)
	role := world.AddRole(here, "/", "caller", "")
	world.AddRole(here, "/", "another", "")
	key := session(t, world, here, "caller")
	yes := true
	api := world.Client(world.Root(here))
	add := func(id, action, principal string, change func(*lambda.Permission)) {
		t.Helper()
		permission := lambda.Permission{StatementID: id, Action: action, Principal: lambda.PermissionPrincipal{AWS: principal}}
		if change != nil {
			change(&permission)
		}
		if err := api.AddPermission(t.Context(), arn, permission); err != nil {
			t.Fatal(err)
		}
	}
	add("by-hand", lambda.ActionInvokeURL, role.ARN(), nil)
	add("via", lambda.ActionInvoke, role.ARN(), func(p *lambda.Permission) { p.InvokedViaURL = &yes })
	add("direct", lambda.ActionInvoke, role.ARN(), nil)
	add("of-another", lambda.ActionInvokeURL, "arn:aws:iam::"+here+":role/another", nil)

	g, request := granter(t, world), setup.Request{Function: "web", Principal: "caller"}
	plan := revoke(t, g, request)
	var removed []string
	for _, change := range plan.Changes {
		removed = append(removed, change.StatementID)
	}
	if diff := cmp.Diff([]string{"by-hand", "via"}, removed); diff != "" {
		t.Error(diff)
	}
	if len(plan.Notes) != 0 {
		t.Errorf("notes %q", plan.Notes)
	}
	expect(t, url, key, 200, "before")
	apply(t, plan)
	expect(t, url, key, 403, "revoked")
	if text := policyText(t, world, arn); !strings.Contains(text, `"direct"`) || !strings.Contains(text, `"of-another"`) {
		t.Errorf("the policy is %s", text)
	}

	add("all", "lambda:*", role.ARN(), nil)
	plan = revoke(t, g, request)
	notes := strings.Join(plan.Notes, "\n")
	if len(plan.Changes) != 0 || !strings.Contains(notes, "can still call: statement all, statement direct") ||
		!strings.Contains(notes, "aws lambda remove-permission --region eu-central-1 --function-name web --statement-id all") {
		t.Errorf("changes %v, notes %s", plan.Changes, notes)
	}
}

func TestRevokeNamesPoliciesThatStay(t *testing.T) {
	world := setuptest.New(t)
	web(t, world)
	world.AddRole(here, "/", "admin", `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	plan := revoke(t, granter(t, world), setup.Request{Function: "web", Principal: "admin"})
	if notes := strings.Join(plan.Notes, "\n"); !strings.Contains(notes, "can still call, by its own policies") || !strings.Contains(notes, "inline policy own of role admin") {
		t.Errorf("notes %s", notes)
	}
}

func TestRevokeFromOnePlaceOnly(t *testing.T) {
	world := setuptest.New(t)
	web(t, world)
	world.AddRole(here, "/", "caller", "")
	g := granter(t, world)
	for _, via := range []setup.Via{setup.ViaResource, setup.ViaIdentity} {
		apply(t, grant(t, g, setup.Request{Function: "web", Principal: "caller", Via: via}))
	}
	byResource := revoke(t, g, setup.Request{Function: "web", Principal: "caller", Via: setup.ViaResource})
	byIdentity := revoke(t, g, setup.Request{Function: "web", Principal: "caller", Via: setup.ViaIdentity})
	both := revoke(t, g, setup.Request{Function: "web", Principal: "caller"})
	if len(byResource.Changes) != 2 || len(byIdentity.Changes) != 1 || len(both.Changes) != 3 {
		t.Errorf("changes %v, %v, %v", byResource.Changes, byIdentity.Changes, both.Changes)
	}
	for name, request := range map[string]setup.Request{
		"an odd place":        {Function: "web", Principal: "caller", Via: "mail"},
		"everyone's policies": {Function: "web", Principal: "*", Via: setup.ViaIdentity},
		"no such function":    {Function: "nobody", Principal: "caller"},
		"no such role":        {Function: "web", Principal: "nobody"},
	} {
		if plan, err := g.Revoke(t.Context(), request); err == nil {
			t.Errorf("%s: %+v", name, plan)
		}
	}
	if plan := revoke(t, g, setup.Request{Function: "web", Principal: "arn:aws:iam::" + there + ":role/far"}); len(plan.Elsewhere) != 1 ||
		!strings.HasPrefix(plan.Elsewhere[0].Command(), "aws iam delete-role-policy --role-name far --policy-name furl-call-web-") {
		t.Errorf("elsewhere %v", plan.Elsewhere)
	}
}
