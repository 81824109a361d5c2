//go:build unix

package setup_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/setuptest"
)

func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestURLPlans(t *testing.T) {
	world := setuptest.New(t)
	arn := world.AddFunction(here, "web", world.AddRole(here, "/", "web-role", ""))
	api := world.Client(world.Root(here))
	ctx := t.Context()
	age, zero, yes, no := 60, 0, true, false
	change := setup.URLChange{CORS: &lambda.CORS{AllowOrigins: []string{"https://a.example", "*"}, MaxAge: &age, AllowCredentials: &yes}}

	if _, err := setup.PlanUpdate(ctx, api, arn, change); err == nil {
		t.Error("a URL that is not there is updated")
	}
	plan := must(setup.PlanDelete(ctx, api, arn))(t)
	if plan.Action != setup.NoAction || plan.After() != nil || must(plan.Diff())(t) != "" {
		t.Errorf("a URL that is not there is deleted: %+v", plan)
	}
	plan = must(setup.PlanCreate(ctx, api, arn, change))(t)
	const created = `--- /dev/null
+++ function URL of arn:aws:lambda:eu-central-1:123456789012:function:web
@@ -0,0 +1,12 @@
+{
+  "AuthType": "AWS_IAM",
+  "InvokeMode": "BUFFERED",
+  "Cors": {
+    "AllowCredentials": true,
+    "AllowOrigins": [
+      "https://a.example",
+      "*"
+    ],
+    "MaxAge": 60
+  }
+}
`
	if diff := cmp.Diff(created, must(plan.Diff())(t)); diff != "" || plan.Action != setup.CreateURL {
		t.Errorf("%s %s", plan.Action, diff)
	}
	url := must(plan.Apply(ctx))(t)

	// Asked for again, in another order or less of it, there is nothing to do; anything else is an error.
	for _, same := range []setup.URLChange{change, {}, {AuthType: lambda.AuthIAM, InvokeMode: lambda.Buffered}, {CORS: &lambda.CORS{AllowOrigins: []string{"*", "https://a.example"}}}} {
		plan := must(setup.PlanCreate(ctx, api, arn, same))(t)
		if again := must(plan.Apply(ctx))(t); plan.Action != setup.NoAction || again.Address != url.Address {
			t.Errorf("%+v: %s", same, plan.Action)
		}
	}
	for want, other := range map[string]setup.URLChange{
		"auth type":          {AuthType: lambda.AuthNone},
		"invoke mode":        {InvokeMode: lambda.ResponseStream},
		"CORS configuration": {CORS: &lambda.CORS{MaxAge: &zero}},
	} {
		if _, err := setup.PlanCreate(ctx, api, arn, other); err == nil || !strings.Contains(err.Error(), "with another "+want) {
			t.Errorf("%s: %v", want, err)
		}
	}

	// An update changes what it names only.
	plan = must(setup.PlanUpdate(ctx, api, arn, setup.URLChange{CORS: &lambda.CORS{AllowMethods: []string{"GET"}, AllowCredentials: &no, AllowOrigins: []string{"*"}}}))(t)
	updated := must(plan.Apply(ctx))(t)
	if cors := updated.CORS; cors == nil || len(cors.AllowOrigins) != 1 || *cors.AllowCredentials || *cors.MaxAge != 60 || !cmp.Equal(cors.AllowMethods, []string{"GET"}) {
		t.Errorf("updated to %+v", updated.CORS)
	}
	// Without an origin, Lambda takes no other member: no plan may promise it.
	bare := world.AddFunction(here, "bare", world.AddRole(here, "/", "bare-role", ""))
	forNone := setup.URLChange{CORS: &lambda.CORS{AllowOrigins: []string{}, AllowMethods: []string{"GET"}}}
	_, toCreate := setup.PlanCreate(ctx, api, bare, forNone)
	_, toUpdate := setup.PlanUpdate(ctx, api, arn, forNone)
	for verb, err := range map[string]error{"create bare": toCreate, "update web": toUpdate} {
		refusal, ok := errors.AsType[*setup.Refusal](err)
		if !ok || !strings.Contains(refusal.Reason, "would allow no origin") ||
			!strings.HasPrefix(refusal.Instead, "furl url "+verb+" --cors-allow-origins") {
			t.Errorf("%s: %v", verb, err)
		}
	}
	plan = must(setup.PlanUpdate(ctx, api, arn, setup.URLChange{NoCORS: true, InvokeMode: lambda.ResponseStream}))(t)
	if after := plan.After(); after.CORS != nil || after.InvokeMode != lambda.ResponseStream || after.AuthType != lambda.AuthIAM {
		t.Errorf("after it, %+v", after)
	}
	updated = must(plan.Apply(ctx))(t)
	if updated.CORS != nil && !cmp.Equal(*updated.CORS, lambda.CORS{}) {
		t.Errorf("CORS is still %+v", updated.CORS)
	}
	if plan := must(setup.PlanUpdate(ctx, api, arn, setup.URLChange{CORS: &lambda.CORS{MaxAge: &zero}}))(t); plan.Action != setup.NoAction {
		t.Errorf("what nothing means is changed: %s", plan.Action)
	}

	plan = must(setup.PlanDelete(ctx, api, arn))(t)
	if plan.Action != setup.DeleteURL {
		t.Errorf("%s", plan.Action)
	}
	must(plan.Apply(ctx))(t)
	must(plan.Apply(ctx))(t) // somebody else was faster
	if _, err := api.URL(ctx, arn); awsapi.KindOf(err) != awsapi.NotFound {
		t.Errorf("deleted: %v", err)
	}

	denied := world.Client(world.AddUser(here, "mallory", ""))
	if _, err := setup.PlanCreate(ctx, denied, arn, change); awsapi.KindOf(err) != awsapi.Denied {
		t.Errorf("created by somebody who may not: %v", err)
	}
	if _, err := setup.PlanDelete(ctx, denied, arn); awsapi.KindOf(err) != awsapi.Denied {
		t.Errorf("deleted by somebody who may not: %v", err)
	}
}

func TestURLChangesAreCheckedBeforeTheyAreSent(t *testing.T) {
	long := strings.Repeat("x", 2000)
	age := 86401
	err := setup.URLChange{
		AuthType: "SOME", InvokeMode: "FAST", NoCORS: true,
		CORS: &lambda.CORS{
			AllowMethods: []string{"OPTIONS", "PROPFIND", "GET", "PUT", "POST", "HEAD", "PATCH"}, MaxAge: &age,
			AllowHeaders: []string{long}, ExposeHeaders: make([]string, 101), AllowOrigins: []string{strings.Repeat("y", 254)},
		},
	}.Validate()
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{
		`auth type "SOME"`, `invoke mode "FAST"`, "both set and removed", "OPTIONS is not a method", `"PROPFIND"`, "7 allowed methods",
		"86401 seconds", "of the allowed headers", "101 exposed headers", "of the allowed origins",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	age = 86400
	fine := setup.URLChange{AuthType: lambda.AuthNone, CORS: &lambda.CORS{AllowMethods: []string{"*", "DELETE"}, MaxAge: &age, AllowHeaders: []string{}}}
	if err := fine.Validate(); err != nil {
		t.Error(err)
	}
}

func TestAllURLs(t *testing.T) {
	world := setuptest.New(t)
	role := world.AddRole(here, "/", "web-role", "")
	api := world.Client(world.Root(here))
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		arn := world.AddFunction(here, name, role)
		if name == "c" {
			continue
		}
		must(api.CreateURL(t.Context(), arn, awsapi.URLSettings{AuthType: lambda.AuthIAM}))(t)
	}
	var names string
	for _, url := range must(setup.AllURLs(t.Context(), api))(t) {
		names += url.Function.Name
	}
	if names != "abdef" {
		t.Errorf("the URLs are of %s", names)
	}
	mallory := world.Client(world.AddUser(here, "mallory", ""))
	if _, err := setup.AllURLs(t.Context(), mallory); awsapi.KindOf(err) != awsapi.Denied {
		t.Errorf("listed by somebody who may not: %v", err)
	}
	lister := world.Client(world.AddUser(here, "lister", `{"Effect":"Allow","Action":"lambda:ListFunctions","Resource":"*"}`))
	if _, err := setup.AllURLs(t.Context(), lister); awsapi.KindOf(err) != awsapi.Denied {
		t.Errorf("URLs listed by somebody who may not: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := setup.AllURLs(ctx, api); err == nil {
		t.Error("listed after it was cancelled")
	}
}

// standIn is an endpoint that has less than AWS: it lists no URLs, and forgets what it is told of the invoke mode.
type standIn struct{ *awsapi.Client }

func (standIn) URLs(context.Context, lambda.ARN) ([]awsapi.URL, error) {
	return nil, &awsapi.Error{Kind: awsapi.Unsupported, Action: "lambda:ListFunctionUrlConfigs"}
}

func (s standIn) UpdateURL(ctx context.Context, arn lambda.ARN, settings awsapi.URLSettings) (awsapi.URL, error) {
	settings.InvokeMode = ""
	return s.Client.UpdateURL(ctx, arn, settings)
}

func TestEndpointsThatStandInForAWS(t *testing.T) {
	world := setuptest.New(t)
	role := world.AddRole(here, "/", "web-role", "")
	web, bare := world.AddFunction(here, "web", role), world.AddFunction(here, "bare", role)
	api := standIn{world.Client(world.Root(here))}
	url := must(api.CreateURL(t.Context(), web, awsapi.URLSettings{AuthType: lambda.AuthIAM}))(t)
	if urls := must(setup.AllURLs(t.Context(), api))(t); len(urls) != 1 || urls[0].Address != url.Address {
		t.Errorf("the URLs are %+v", urls)
	}
	if urls := must(setup.URLsOf(t.Context(), api, bare))(t); len(urls) != 0 {
		t.Errorf("the URLs of a function without are %+v", urls)
	}
	plan := must(setup.PlanUpdate(t.Context(), api, web, setup.URLChange{InvokeMode: lambda.ResponseStream, AuthType: lambda.AuthNone}))(t)
	if _, err := plan.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "did not make it: invoke mode of") {
		t.Errorf("what was not done is taken for done: %v", err)
	}
}
