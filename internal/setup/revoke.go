package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// Revoke plans the end of a grant: the statements and the inline policy that Grant makes, and what statements made by
// others give the same principal by its name for calls of the URL. With Via it looks at one of the two places only. It
// changes nothing.
//
// What others have by the same statements, and what else the principal has by them, stays. So does what lets the
// principal call without naming it or the actions; the plan's notes name that.
func (g *Granter) Revoke(ctx context.Context, request Request) (*Plan, error) {
	plan, err := g.begin(ctx, request)
	if err != nil {
		return nil, err
	}
	if plan.Principal.Kind == Everyone {
		plan.AuthType = lambda.AuthNone
	}
	if !slices.Contains([]Via{"", ViaResource, ViaIdentity}, request.Via) {
		return nil, fmt.Errorf("%q is neither %s nor %s", request.Via, ViaResource, ViaIdentity)
	}
	if request.Via != ViaIdentity {
		if err := g.revokeByResource(ctx, plan); err != nil {
			return nil, err
		}
	}
	if request.Via != ViaResource {
		if err := g.revokeByIdentity(ctx, plan, request.Via == ViaIdentity); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// revokeByResource plans the removal of statements.
func (g *Granter) revokeByResource(ctx context.Context, plan *Plan) error {
	now, err := policyOf(ctx, g.Owner.Functions, plan.Function)
	if err != nil {
		return err
	}
	if now.text == "" {
		if _, err := g.Owner.Functions.Function(ctx, plan.Function); awsapi.KindOf(err) == awsapi.NotFound {
			return err
		}
	}
	all := plan.takeFrom(now)
	if slices.ContainsFunc(all, func(t taken) bool { return t.changed && !t.removable() }) {
		text, revision, err := g.Owner.Writer.ResourcePolicy(ctx, plan.Function)
		switch awsapi.KindOf(err) {
		case awsapi.Denied, awsapi.Unsupported:
			plan.tellOfPart(all, err)
		default:
			if err != nil {
				return err
			}
			return g.replace(plan, text, revision)
		}
	}
	left := document{text: now.text, parsed: now.parsed}
	for _, t := range all {
		if t.changed && t.removable() {
			plan.Changes = append(plan.Changes, removal(plan.Function, t.Statement, g.Owner))
		} else {
			left.statements = append(left.statements, t.Statement)
		}
	}
	plan.tellOfRest(left)
	plan.revise(now)
	return nil
}

// takeFrom takes from each statement what it gives the principal for calls of the URL.
func (p *Plan) takeFrom(now document) (all []taken) {
	used := map[string]bool{}
	for _, s := range now.statements {
		used[s.Sid] = true
	}
	for _, s := range now.statements {
		all = append(all, p.take(s, used))
	}
	return all
}

// tellOfPart notes what stays since it could only go with the whole policy, which could not be looked at.
func (p *Plan) tellOfPart(all []taken, err error) {
	parts := slices.DeleteFunc(slices.Clone(all), func(t taken) bool { return !t.changed || t.removable() })
	var statements []Statement
	for _, t := range parts {
		statements = append(statements, t.Statement)
	}
	p.note("%s gives more than this grant, and RemovePermission takes statements as a whole: the same command narrows it "+
		"for who may call lambda:GetResourcePolicy and lambda:PutResourcePolicy (%v)", names(statements), err)
}

// replace plans the whole policy without what is to go, for as long as it has the revision.
func (g *Granter) replace(plan *Plan, text, revision string) error {
	name := "resource-based policy of " + plan.Function.String()
	now, err := parseDocument(name, text, policy.Resource)
	if err != nil {
		return err
	}
	change := Change{
		Kind: ReplacePolicy, Account: g.Owner.ID, Function: plan.Function, Revision: revision, Before: text, account: g.Owner,
	}
	var statements []json.RawMessage
	for _, t := range plan.takeFrom(now) {
		switch {
		case !t.changed:
			statements = append(statements, t.JSON)
			continue
		case len(t.rest) == 0:
			change.Narrowed = append(change.Narrowed, names([]Statement{t.Statement})+" removed")
		default:
			change.Narrowed = append(change.Narrowed, names([]Statement{t.Statement})+" narrowed")
		}
		statements = append(statements, t.rest...)
	}
	change.Document = lambda.WithStatements(now.parsed, statements)
	left := document{}
	if change.Document != "" {
		if left, err = parseDocument(name, change.Document, policy.Resource); err != nil {
			return err
		}
	}
	plan.Changes = append(plan.Changes, change)
	plan.tellOfRest(left)
	plan.revise(now)
	return nil
}

// tellOfRest notes by what the principal may still call once the changes are made.
func (p *Plan) tellOfRest(left document) {
	call := p.call()
	var by []Statement
	for _, action := range Actions {
		granting := call.deciding(left, action, policy.Allowed)
		if len(granting) == 0 {
			return
		}
		by = append(by, granting...)
	}
	by = slices.CompactFunc(by, func(a, b Statement) bool { return a.Sid == b.Sid })
	p.note("%s can still call: %s of the resource-based policy also allow it, for more than this grant", p.Principal.ARN, names(by))
	for _, s := range by {
		if s.Sid != "" {
			p.note("to remove it: %s", snippet.RemovePermission(p.Function, s.Sid))
		}
	}
}

// revokeByIdentity plans the removal of the inline policy.
func (g *Granter) revokeByIdentity(ctx context.Context, plan *Plan, asked bool) error {
	owner, ok := plan.Principal.owner()
	if !ok {
		if asked {
			return refuse("", "a %s has no identity-based policy that could be removed", plan.Principal.Kind)
		}
		return nil
	}
	change := Change{Kind: DeletePolicy, Account: plan.Principal.Account, Owner: owner, Policy: inlineName(plan.Function)}
	account, ok := g.account(change.Account)
	if !ok {
		plan.Elsewhere = append(plan.Elsewhere, change)
		return nil
	}
	change.account = account
	by, _ := identityGrants(ctx, except{account.Policies, change.Policy}, owner, plan.call())
	if len(by) == len(Actions) && !plan.crossAccount() {
		plan.note("%s can still call, by its own policies: %s", plan.Principal.ARN, strings.Join(by, "; "))
	}
	before, err := account.Policies.Inline(ctx, owner, change.Policy)
	switch awsapi.KindOf(err) {
	case awsapi.NotFound:
		return nil
	case awsapi.Denied, awsapi.Unsupported:
		if asked {
			return err
		}
		plan.note("could not look whether %s has the inline policy %s: %v", owner, change.Policy, err)
		return nil
	}
	if err != nil {
		return err
	}
	change.Before = before
	plan.Changes = append(plan.Changes, change)
	plan.Documents = append(plan.Documents, Revision{Name: change.Place(), Before: before})
	return nil
}

// except reads all policies but one inline policy.
type except struct {
	PolicyReader
	name string
}

func (e except) InlineNames(ctx context.Context, owner iam.Owner) ([]string, error) {
	names, err := e.PolicyReader.InlineNames(ctx, owner)
	return slices.DeleteFunc(names, func(name string) bool { return name == e.name }), err
}
