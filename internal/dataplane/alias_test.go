//go:build unix

package dataplane_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

const (
	aliasURL = "bbcdefghijklmnopqrstuvwxy20fghij"
	webARN   = "arn:aws:lambda:" + region + ":" + here + ":function:web"

	// Recorded answers of a function URL.
	notAllowed = `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`
)

// alias gives the function two versions, the alias live with a URL, and permissions by qualifier.
func (w *world) alias(alias lambda.Alias, permissions map[string][]lambda.Permission) {
	w.t.Helper()
	w.changed(func(f *lambda.Function) {
		f.URLs["live"] = &lambda.URLConfig{ID: aliasURL, AuthType: lambda.AuthIAM, InvokeMode: lambda.Buffered}
		allow(f, permissions)
	})
	name := lambda.ARN{Region: region, Account: here, Name: "web"}
	w.update(func(tx *state.Tx) error {
		for _, number := range []string{"1", "2"} {
			name.Qualifier = number
			if err := tx.Put(&lambda.Version{ARN: name}); err != nil {
				return err
			}
		}
		alias.ARN = name
		alias.ARN.Qualifier = "live"
		return tx.Put(&alias)
	})
}

// allow gives the function policies, by qualifier.
func allow(f *lambda.Function, permissions map[string][]lambda.Permission) {
	for qualifier, list := range permissions {
		arn := f.ARN
		arn.Qualifier = qualifier
		f.SetPolicy(qualifier, lambda.PolicyText(list, arn, lambda.Stored), "")
	}
}

// toAlias is a request to the alias's URL.
func (w *world) toAlias() *http.Request {
	r := w.request(http.MethodGet, "/", "")
	r.Host = strings.Replace(r.Host, urlID, aliasURL, 1)
	return r
}

// The URL of an alias asks the alias's policy with the alias's ARN; that of the function says nothing about it. The trace
// says where the grant is.
func TestAliasURLAsksTheAlias(t *testing.T) {
	w := newWorld(t)
	who := w.role(here, "caller", "")
	to := both(lambda.PermissionPrincipal{AWS: w.principalID("arn:aws:iam::" + here + ":role/caller")})
	call := func(r *http.Request) answer { return w.do(w.sign(r, who, "")) }
	elsewhere := func(granted, url string) bool {
		var details []string
		for _, step := range w.report().Steps {
			details = append(details, step.Details...)
		}
		want := "the grant is in another place: the policy of " + granted + " allows lambda:InvokeFunction, and the URL of " + url + " does not ask it"
		return slices.Contains(details, want)
	}

	w.alias(lambda.Alias{Target: "1"}, map[string][]lambda.Permission{"": to})
	if got := call(w.toAlias()); got.status != 403 || got.body != notAllowed || !elsewhere(webARN, webARN+":live") {
		t.Errorf("granted on the function: %d %s\n%+v", got.status, got.body, w.report())
	}
	if got := call(w.request(http.MethodGet, "/", "")); got.status != 200 {
		t.Errorf("the function's own URL: %d %s", got.status, got.body)
	}
	w.alias(lambda.Alias{Target: "1"}, map[string][]lambda.Permission{"1": to})
	if got := call(w.toAlias()); got.status != 403 || !elsewhere(webARN+":1", webARN+":live") {
		t.Errorf("granted on the version: %d %s\n%+v", got.status, got.body, w.report())
	}
	w.alias(lambda.Alias{Target: "1"}, map[string][]lambda.Permission{"live": to})
	if got := call(w.toAlias()); got.status != 200 {
		t.Errorf("granted on the alias: %d %s", got.status, got.body)
	}
	if target := w.runner.requests[len(w.runner.requests)-1].Target; target.ARN().String() != webARN+":live" || target.Pick(0).Number != "1" {
		t.Errorf("invoked %+v", target)
	}
	w.runner.result = func(invoke.Request) (*runtime.Result, error) {
		return &runtime.Result{Body: io.NopCloser(strings.NewReader(`"ok"`)), Version: "1"}, nil
	}
	call(w.toAlias())
	ran := func(step trace.StepReport) bool {
		return step.Summary == "the function answered, warm environment of version 1"
	}
	if steps := w.report().Steps; !slices.ContainsFunc(steps, ran) {
		t.Errorf("no step names the version: %+v", steps)
	}
	if got := call(w.request(http.MethodGet, "/", "")); got.status != 403 || !elsewhere(webARN+":live", webARN) {
		t.Errorf("the function's own URL: %d %s\n%+v", got.status, got.body, w.report())
	}

	// An identity-based policy names the ARN with the alias.
	for resource, status := range map[string]int{webARN: 403, webARN + ":1": 403, webARN + ":live": 200, webARN + ":*": 200, webARN + "*": 200} {
		w.alias(lambda.Alias{Target: "1"}, nil)
		who := w.user(here, "alice", strings.Replace(bothActions, `"*"}`, `"`+resource+`"}`, 1))
		if got := w.do(w.sign(w.toAlias(), who, "")); got.status != status {
			t.Errorf("%s: %d %s", resource, got.status, got.body)
		}
	}
}

// The URL of an alias that was deleted answers as that of one that may not be called, unlike one that never was
// (LocalStack's snapshots of function URLs).
func TestURLOfADeletedAlias(t *testing.T) {
	w := newWorld(t)
	w.alias(lambda.Alias{Target: "1"}, nil)
	w.update(func(tx *state.Tx) error {
		alias := tx.View().AliasesOf(lambda.ARN{Region: region, Account: here, Name: "web"})[0]
		tx.Delete(alias)
		return nil
	})
	if got := w.do(w.toAlias()); got.status != 403 || got.errorType != "AccessDeniedException" || got.body != notAllowed {
		t.Errorf("%d %s %s", got.status, got.errorType, got.body)
	}
	if report := w.report(); report.Steps[0].Verdict != trace.Refused || !strings.Contains(report.Steps[0].Summary, "ended with its alias live of "+webARN) {
		t.Errorf("%+v", report)
	}
	r := w.toAlias()
	r.Host = strings.Replace(r.Host, aliasURL, strings.Replace(aliasURL, "b", "z", 1), 1)
	if got := w.do(r); got.body != `{"Message":null}` {
		t.Errorf("a URL that never was: %d %s", got.status, got.body)
	}
}

// The caller's event does not tell of the alias: it is as that of the function's own URL.
func TestEventOfAnAliasURL(t *testing.T) {
	w := newWorld(t)
	who := w.user(here, "alice", bothActions)
	w.alias(lambda.Alias{Target: "1", Weights: map[string]float64{"2": 1}}, nil)
	events := map[string]map[string]any{}
	for id, r := range map[string]*http.Request{urlID: w.request(http.MethodGet, "/", ""), aliasURL: w.toAlias()} {
		if got := w.do(w.sign(r, who, "")); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		event := w.event()
		context := event["requestContext"].(map[string]any)
		if context["apiId"] != id || context["domainPrefix"] != id || context["stage"] != "$default" {
			t.Errorf("%v", context)
		}
		for _, own := range []string{"apiId", "domainName", "domainPrefix", "requestId", "time", "timeEpoch"} {
			delete(context, own)
		}
		delete(event, "headers")
		events[id] = event
	}
	if diff := cmp.Diff(events[urlID], events[aliasURL]); diff != "" {
		t.Errorf("the events differ: %s", diff)
	}
	if target := w.runner.requests[len(w.runner.requests)-1].Target; target.Qualifier == "live" && target.Pick(0.99).Number != "2" {
		t.Errorf("weights are lost: %+v", target)
	}
}
