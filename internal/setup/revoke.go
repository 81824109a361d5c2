package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// Revoke plans the end of a grant: the statements and the inline policy that Grant makes, and statements made by
// others that give the same principal the same and nothing more. With Via it looks at one of the two places only. It
// changes nothing.
//
// What also lets the principal call, but was given for more than that, stays; the plan's notes name it.
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
	left := document{text: now.text}
	for _, s := range now.statements {
		if plan.grants(s) {
			plan.Changes = append(plan.Changes, removal(plan.Function, s, g.Owner))
		} else {
			left.statements = append(left.statements, s)
		}
	}
	plan.tellOfRest(left)
	return plan.revise(now)
}

// grants reports whether the statement is a grant of this kind and no more: to this principal alone, of one of the two
// actions, for calls of the URL.
func (p *Plan) grants(s Statement) bool {
	urlID, invokeID := statementIDs(p.Principal)
	if s.Sid == urlID || s.Sid == invokeID {
		return true
	}
	permission, ok := s.Permission()
	if !ok || s.Sid == "" || permission.Principal != p.Principal.permission() || permission.SourceARN != p.Principal.SourceARN {
		return false
	}
	return permission.Action == lambda.ActionInvokeURL ||
		permission.Action == lambda.ActionInvoke && value(permission.InvokedViaURL)
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
