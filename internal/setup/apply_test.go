//go:build unix

package setup_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/setuptest"
)

// failing fails at the change of that number, counted from 1, over all writers that share it.
type failing struct {
	setup.Writer
	left *int
}

var errBroken = errors.New("the network is down")

func (f failing) next() error {
	if *f.left--; *f.left == 0 {
		return errBroken
	}
	return nil
}

func (f failing) AddPermission(ctx context.Context, arn lambda.ARN, permission lambda.Permission) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.Writer.AddPermission(ctx, arn, permission)
}

func (f failing) RemovePermission(ctx context.Context, arn lambda.ARN, id string) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.Writer.RemovePermission(ctx, arn, id)
}

func (f failing) PutInline(ctx context.Context, owner iam.Owner, name, document string) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.Writer.PutInline(ctx, owner, name, document)
}

func (f failing) DeleteInline(ctx context.Context, owner iam.Owner, name string) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.Writer.DeleteInline(ctx, owner, name)
}

func failAt(a setup.Account, left *int) setup.Account {
	a.Writer = failing{a.Writer, left}
	return a
}

// Wherever a grant or its end breaks off, the error says what was done, what undoes it and what finishes it; and
// doing the same again finishes it too.
func TestNothingStaysHalfDoneUntold(t *testing.T) {
	type step = func(*setup.Granter, *testing.T) *setup.Plan
	request := setup.Request{Function: "web", Principal: "far"}
	steps := map[string]step{
		"grant":  func(g *setup.Granter, t *testing.T) *setup.Plan { return grant(t, g, request) },
		"revoke": func(g *setup.Granter, t *testing.T) *setup.Plan { return revoke(t, g, request) },
	}
	for name, plan := range steps {
		for at := 1; at <= 3; at++ {
			world := setuptest.New(t)
			web(t, world)
			world.AddRole(there, "/", "far", "")
			owner, caller := account(t, world, here), account(t, world, there)
			sound := &setup.Granter{Owner: owner, Caller: &caller}
			if name == "revoke" {
				apply(t, grant(t, sound, request))
			}
			left := at
			weakCaller := failAt(caller, &left)
			weak := &setup.Granter{Owner: failAt(owner, &left), Caller: &weakCaller}
			err := plan(weak, t).Apply(t.Context(), func(setup.Change) {})
			var partial *setup.PartialError
			if !errors.As(err, &partial) || !errors.Is(err, errBroken) {
				t.Fatalf("%s, broken at %d: %v", name, at, err)
			}
			if len(partial.Done) != at-1 || len(partial.Left) != 3-at || len(partial.Undo()) != at-1 || len(partial.Finish()) != 4-at {
				t.Errorf("%s, broken at %d: done %v, left %v", name, at, partial.Done, partial.Left)
			}
			if !strings.Contains(err.Error(), partial.Failed.Place()) {
				t.Errorf("%s, broken at %d: %v", name, at, err)
			}
			again := plan(sound, t)
			if len(again.Changes) != 4-at {
				t.Errorf("%s, broken at %d: again, the plan is %v", name, at, again.Changes)
			}
			apply(t, again)
			if finished := plan(sound, t); len(finished.Changes) != 0 {
				t.Errorf("%s, broken at %d: finished, the plan is %v", name, at, finished.Changes)
			}
		}
	}
}

func TestCommands(t *testing.T) {
	yes, no := true, false
	function := lambda.ARN{Region: "eu-central-1", Account: here, Name: "web"}
	alias := function
	alias.Qualifier = "prod"
	role := iam.Owner{Kind: iam.OfRole, Name: "caller"}
	permission := lambda.Permission{
		StatementID: "a", Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + there + ":root"},
		SourceARN: "arn:aws:s3:::b", SourceAccount: here, EventSourceToken: "t", PrincipalOrgID: "o-1234567890", InvokedViaURL: &yes,
	}
	anyone := lambda.Permission{StatementID: "b", Action: lambda.ActionInvokeURL, Principal: lambda.PermissionPrincipal{Anyone: true}, FunctionURLAuthType: lambda.AuthNone, InvokedViaURL: &no}
	tests := []struct {
		change        setup.Change
		command, undo string
	}{
		{
			setup.Change{Kind: setup.AddStatement, Function: function, StatementID: "a", Permission: permission},
			"aws lambda add-permission --region eu-central-1 --function-name web --statement-id a --action lambda:InvokeFunction --principal " + there +
				" --source-arn arn:aws:s3:::b --source-account " + here + " --event-source-token t --principal-org-id o-1234567890 --invoked-via-function-url",
			"aws lambda remove-permission --region eu-central-1 --function-name web --statement-id a",
		},
		{
			setup.Change{Kind: setup.RemoveStatement, Function: alias, StatementID: "b", Permission: anyone, Restorable: true},
			"aws lambda remove-permission --region eu-central-1 --function-name web --qualifier prod --statement-id b",
			"aws lambda add-permission --region eu-central-1 --function-name web --qualifier prod --statement-id b --action lambda:InvokeFunctionUrl --principal '*' --function-url-auth-type NONE --no-invoked-via-function-url",
		},
		{
			setup.Change{Kind: setup.RemoveStatement, Function: function, StatementID: "c"},
			"aws lambda remove-permission --region eu-central-1 --function-name web --statement-id c",
			"# statement c says more than add-permission takes: put-resource-policy can put it back",
		},
		{
			setup.Change{Kind: setup.ReplacePolicy, Function: alias, Document: "{}", Revision: "r", Before: `{"a":1}`},
			"aws lambda put-resource-policy --region eu-central-1 --resource-arn " + alias.String() + " --policy '{}' --revision-id r",
			"aws lambda put-resource-policy --region eu-central-1 --resource-arn " + alias.String() + ` --policy '{"a":1}'`,
		},
		{
			setup.Change{Kind: setup.ReplacePolicy, Function: alias, Revision: "r", Before: `{"a":1}`},
			"aws lambda delete-resource-policy --region eu-central-1 --resource-arn " + alias.String() + " --revision-id r",
			"aws lambda put-resource-policy --region eu-central-1 --resource-arn " + alias.String() + ` --policy '{"a":1}'`,
		},
		{
			setup.Change{Kind: setup.PutPolicy, Owner: role, Policy: "p", Document: `{"a":"it's"}`},
			`aws iam put-role-policy --role-name caller --policy-name p --policy-document '{"a":"it'\''s"}'`,
			"aws iam delete-role-policy --role-name caller --policy-name p",
		},
		{
			setup.Change{Kind: setup.PutPolicy, Owner: role, Policy: "p", Document: "{}", Before: `{"b":1}`},
			"aws iam put-role-policy --role-name caller --policy-name p --policy-document '{}'",
			`aws iam put-role-policy --role-name caller --policy-name p --policy-document '{"b":1}'`,
		},
		{
			setup.Change{Kind: setup.DeletePolicy, Owner: iam.Owner{Kind: iam.OfUser, Name: "alice"}, Policy: "p", Before: "{}"},
			"aws iam delete-user-policy --user-name alice --policy-name p",
			"aws iam put-user-policy --user-name alice --policy-name p --policy-document '{}'",
		},
	}
	for _, test := range tests {
		if diff := cmp.Diff([]string{test.command, test.undo}, []string{test.change.Command(), test.change.Undo()}); diff != "" {
			t.Error(diff)
		}
	}
}
