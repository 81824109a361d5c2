package auth_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/learn"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/policy"
)

// usageWorld has alice, who is in a group, and a function with a policy.
func usageWorld(t *testing.T) *state.State {
	t.Helper()
	db, err := store.Open(t.Context(), store.Memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	err = world.Update(t.Context(), func(tx *state.Tx) error {
		for _, id := range []string{account, other} {
			tx.SetAccount(&iam.Account{ID: id, RootKey: iam.AccessKey{ID: "AKIAROOT" + id, Secret: "s"}})
		}
		group := &iam.Group{Account: account, Name: "staff", Path: "/", Grants: iam.Grants{Inline: map[string]iam.Policy{"p": allow(t, "lambda:Invoke*")}}}
		if err := tx.Put(group); err != nil {
			return err
		}
		return tx.Put(&iam.User{
			Account: account, Name: "alice", Path: "/", ID: "AIDAALICE", Groups: []string{"staff"},
			Grants: iam.Grants{Inline: map[string]iam.Policy{"q": allow(t, "lambda:Get*")}},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return world
}

func ask(t *testing.T, world *state.State, name, action, resource string, facts ...auth.Fact) auth.Answer {
	t.Helper()
	user, ok := world.Now().User(account, name)
	if !ok {
		t.Fatal(name)
	}
	caller := &auth.Caller{
		Identity:  state.Identity{Account: account, User: user},
		Principal: policy.Principal{Type: policy.User, Account: account, ARN: user.ARN(), UniqueID: user.ID},
	}
	decision, asked := auth.Authorize(world.Now(), caller, auth.Check{
		Action: action, Resource: resource, ResourceAccount: account, Context: &auth.Conditions{Caller: caller, Extra: facts},
	})
	return auth.Answer{Asked: asked, Decision: decision}
}

const usedFunction = "arn:aws:lambda:eu-central-1:" + account + ":function:web"

// used are the policies whose statements a call used.
func used(seen learn.Seen, call learn.Call) (names []string) {
	for _, statement := range seen.Statements {
		if slices.Contains(call.By, statement.ID) {
			names = append(names, statement.Owner+" "+statement.Policy)
		}
	}
	return names
}

func TestUsageKeepsEachCallOnce(t *testing.T) {
	world := usageWorld(t)
	usage := auth.NewUsage(moment)
	via := auth.Fact{Key: "lambda:InvokedViaFunctionUrl", Value: "true"}
	for i := range 3 {
		usage.Record(moment.Add(time.Duration(i)*time.Second), ask(t, world, "alice", lambda.ActionInvoke, usedFunction, via))
	}
	usage.Record(moment, ask(t, world, "alice", lambda.ActionInvoke, usedFunction, via)) // one that took longer
	seen := usage.Seen(world.Now(), "")
	if len(seen.Calls) != 1 || !seen.Since.Equal(moment) || seen.Full {
		t.Fatalf("%+v", seen)
	}
	want := learn.Call{
		Caller: learn.Caller{Kind: learn.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/alice"},
		Action: lambda.ActionInvoke, Resource: usedFunction, ResourceAccount: account, ViaURL: true,
		Last: moment.Add(2 * time.Second), By: seen.Calls[0].By,
	}
	if diff := cmp.Diff(want, seen.Calls[0]); diff != "" {
		t.Error(diff)
	}
	groups := []string{"arn:aws:iam::" + account + ":group/staff inline policy p of group staff"}
	if diff := cmp.Diff(groups, used(seen, seen.Calls[0])); diff != "" {
		t.Error(diff)
	}
	if len(usage.Seen(world.Now(), other).Calls) != 0 || len(usage.Seen(world.Now(), account).Calls) != 1 {
		t.Error("the calls of one account are not that account's alone")
	}

	// A document that is compiled anew says the same.
	err := world.Update(t.Context(), func(tx *state.Tx) error {
		return tx.Put(&iam.Group{Account: account, Name: "staff", Path: "/", Grants: iam.Grants{Inline: map[string]iam.Policy{
			"a": allow(t, "lambda:List*"), "p": allow(t, "lambda:Invoke*"),
		}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	seen = usage.Seen(world.Now(), "")
	if diff := cmp.Diff(groups, used(seen, seen.Calls[0])); diff != "" {
		t.Error(diff)
	}
}

func TestUsageOfRefusedCalls(t *testing.T) {
	world := usageWorld(t)
	usage := auth.NewUsage(moment)
	// One of two actions is enough for a refusal: the call as a whole was refused.
	usage.Record(moment, ask(t, world, "alice", lambda.ActionInvoke, usedFunction), ask(t, world, "alice", "iam:PassRole", "arn:aws:iam::"+account+":role/r"))
	forbidden := ask(t, world, "alice", "lambda:DeleteFunction", usedFunction)
	forbidden.Decision.Effect, forbidden.Decision.Reason = policy.ExplicitlyDenied, policy.ReasonDeniedByIdentity
	usage.Record(moment, forbidden)
	limited := ask(t, world, "alice", "lambda:ListTags", usedFunction)
	limited.Decision.Reason = policy.ReasonNoSCP
	usage.Record(moment, limited)
	calls := usage.Seen(world.Now(), "").Calls
	if len(calls) != 2 || !calls[0].Denied || !calls[1].Denied {
		t.Errorf("%+v", calls)
	}
	var none *auth.Usage
	none.Record(moment, forbidden)
}

// TestUsageOfGrantsPastLimits: a permissions boundary does not limit what a resource-based policy gives to the user (IAM
// User Guide, "Policy evaluation logic").
func TestUsageOfGrantsPastLimits(t *testing.T) {
	world := usageWorld(t)
	named := parseResource(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+account+
		`:user/alice"},"Action":"lambda:*","Resource":"`+usedFunction+`"}}`)
	for name, test := range map[string]struct {
		boundary string
		want     learn.Past
	}{
		"none":       {"", ""},
		"allows it":  {"lambda:List*", ""},
		"is narrow ": {"lambda:Get*", learn.PastUser},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(t, world, "alice", "lambda:ListTags", usedFunction)
			answer.Asked.Sets.Resource = &policy.Named{Name: "resource", Document: named}
			if test.boundary != "" {
				answer.Asked.Sets.Boundary = &policy.Named{Name: "boundary", Document: allow(t, test.boundary).Document()}
			}
			answer.Decision = policy.Evaluate(answer.Asked.Request, &answer.Asked.Sets)
			usage := auth.NewUsage(moment)
			usage.Record(moment, answer)
			if calls := usage.Seen(world.Now(), "").Calls; len(calls) != 1 || calls[0].Denied || calls[0].Past != test.want {
				t.Errorf("%+v", calls)
			}
		})
	}
}

func parseResource(t *testing.T, text string) *policy.Document {
	t.Helper()
	document, err := policy.Parse([]byte(text), policy.Resource)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// TestUsageIsBounded: a client that names new resources with every call.
func TestUsageIsBounded(t *testing.T) {
	world := usageWorld(t)
	usage := auth.NewUsage(moment)
	allowed := ask(t, world, "alice", lambda.ActionInvoke, usedFunction)
	var group sync.WaitGroup
	for part := range 2 {
		group.Go(func() {
			for i := range auth.MaxUsage {
				next := allowed
				next.Asked.Request.Resource = fmt.Sprintf("%s-%d-%d", usedFunction, part, i)
				usage.Record(moment, next)
			}
		})
	}
	group.Wait()
	next := allowed
	next.Asked.Request.Resource = strings.Repeat("x", 1<<20)
	usage.Record(moment, next)
	seen := usage.Seen(world.Now(), "")
	if len(seen.Calls) != auth.MaxUsage || !seen.Full {
		t.Errorf("%d calls, full %v", len(seen.Calls), seen.Full)
	}
	last := seen.Calls[len(seen.Calls)-1]
	if len(last.Resource) > 2048 {
		t.Error("a resource of any length is kept")
	}
	// Somebody who may do nothing takes only a part of it.
	bounded := auth.NewUsage(moment)
	refused := ask(t, world, "alice", "lambda:DeleteFunction", usedFunction)
	for i := range auth.MaxUsage {
		refused.Asked.Request.Resource = fmt.Sprintf("%s-%d", usedFunction, i)
		bounded.Record(moment, refused)
	}
	bounded.Record(moment, allowed)
	if part := bounded.Seen(world.Now(), ""); part.Full || !part.DeniedFull || len(part.Calls) != auth.MaxRefused+1 {
		t.Errorf("%d calls, full %v, of refused ones %v", len(part.Calls), part.Full, part.DeniedFull)
	}
	// What is known is kept up to date.
	next.Asked.Request.Resource = last.Resource
	usage.Record(moment.Add(time.Hour), next)
	if calls := usage.Seen(world.Now(), "").Calls; !calls[len(calls)-1].Last.Equal(moment.Add(time.Hour)) {
		t.Error("a known call is not renewed")
	}
}
