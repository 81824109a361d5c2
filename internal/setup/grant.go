package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// Via says where a grant within one account is written down.
type Via string

// The places of a grant.
const (
	ViaResource Via = "resource" // the function's resource-based policy
	ViaIdentity Via = "identity" // an inline policy of the calling role or user
)

// Request asks for a grant, or for its end.
type Request struct {
	Function  string // name or ARN
	Qualifier string // alias; "" for the function itself
	Principal string // see Resolver.Resolve
	Via       Via    // "" for ViaResource; across accounts it must be ""
	SourceARN string // for a service: the resource it calls for
	Whole     bool   // write the grant down as the function's whole policy, even if single permissions would do
}

// Granter plans grants on the functions of one account.
type Granter struct {
	Owner  Account
	Caller *Account // the account that the caller is in, if there are credentials for it too
	// Declared says that the account is one as a project declares it, where things are written and not made.
	Declared bool
}

// Grant plans what is missing for the principal to be allowed to call the function's URL. It changes nothing.
func (g *Granter) Grant(ctx context.Context, request Request) (*Plan, error) {
	plan, err := g.begin(ctx, request)
	if err != nil {
		return nil, err
	}
	if err := plan.check(request); err != nil {
		return nil, err
	}
	if err := g.lookAtURL(ctx, plan); err != nil {
		return nil, err
	}
	if request.Via != ViaIdentity {
		plan.wantPermissions()
		if err := g.grantByResource(ctx, plan, request.Whole); err != nil {
			return nil, err
		}
	}
	if request.Via == ViaIdentity || plan.crossAccount() {
		if err := g.grantByIdentity(ctx, plan); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// begin finds out which function and which principal a request is about.
func (g *Granter) begin(ctx context.Context, request Request) (*Plan, error) {
	function, err := ParseTarget(request.Function, request.Qualifier, g.Owner.Region, g.Owner.ID)
	if err != nil {
		return nil, err
	}
	if function.Account != g.Owner.ID {
		return nil, fmt.Errorf("function %s is in account %s, the credentials are for account %s", function.Name, function.Account, g.Owner.ID)
	}
	home, other := g.Owner, g.Caller
	if g.Caller != nil { // names without an account are names in the caller's
		home, other = *g.Caller, &g.Owner
	}
	principal, err := (&Resolver{Home: home, Other: other}).Resolve(ctx, request.Principal)
	if err != nil {
		return nil, err
	}
	if g.Caller != nil && principal.Account != "" && principal.Account != g.Caller.ID && principal.Account != g.Owner.ID {
		return nil, fmt.Errorf("%s is in account %s, the caller's credentials are for account %s", principal, principal.Account, g.Caller.ID)
	}
	principal.SourceARN = request.SourceARN
	plan := &Plan{Function: function, Principal: principal, AuthType: lambda.AuthIAM, Wanted: snippet.Grant{Function: function}}
	if principal.Note != "" {
		plan.note("%s", principal.Note)
	}
	return plan, nil
}

func (p *Plan) crossAccount() bool {
	return p.Principal.Account != "" && p.Principal.Account != p.Function.Account
}

// check refuses what could not work.
func (p *Plan) check(request Request) error {
	principal := p.Principal
	if (principal.Kind == ServicePrincipal) != (request.SourceARN != "") {
		if principal.Kind != ServicePrincipal {
			return refuse("", "--source-arn limits a service; %s is a %s, whose requests have no aws:SourceArn: the grant would never match", principal.ARN, principal.Kind)
		}
		return refuse("--source-arn arn:aws:cloudfront::ACCOUNT:distribution/ID",
			"without --source-arn every CloudFront distribution of every account could call the function")
	}
	if principal.Kind == AccountPrincipal && principal.Account == p.Function.Account {
		return refuse("furl grant FUNCTION --to ROLE, or --to ROLE --via identity",
			"a permission for the function's own account %s lets nobody in: each caller there still needs one of its own", principal.Account)
	}
	switch {
	case request.Via == "" || request.Via == ViaResource && !p.crossAccount():
		return nil
	case p.crossAccount():
		return refuse("leave --via out", "across accounts both sides have to allow the call, so that both are written")
	case request.Via != ViaIdentity:
		return fmt.Errorf("%q is neither %s nor %s", request.Via, ViaResource, ViaIdentity)
	}
	if _, ok := principal.owner(); !ok {
		return refuse("", "a %s has no identity-based policy that could be written: leave --via identity out", principal.Kind)
	}
	return nil
}

// lookAtURL takes the auth type from the function's URL.
func (g *Granter) lookAtURL(ctx context.Context, plan *Plan) error {
	url, err := g.Owner.Functions.URL(ctx, plan.Function)
	everyone := plan.Principal.Kind == Everyone
	if everyone {
		plan.AuthType = lambda.AuthNone
	}
	create := "furl url create " + plan.Function.Short()
	update := func(authType lambda.AuthType, comment string) string {
		if g.Declared {
			return "write AuthType: " + string(authType) + " for the URL" + comment
		}
		return "furl url update " + plan.Function.Short() + " --auth " + string(authType) + comment
	}
	switch awsapi.KindOf(err) {
	case awsapi.NotFound:
		if _, err := g.Owner.Functions.Function(ctx, plan.Function); awsapi.KindOf(err) == awsapi.NotFound {
			return err
		}
		if g.Declared {
			plan.note("no URL of %s is declared", plan.Function.Short())
			return nil
		}
		if everyone {
			create += " --auth NONE"
		}
		plan.note("the function has no URL yet: %s", create)
		return nil
	case awsapi.Denied:
		plan.note("could not look at the URL's auth type, taken to be %s: %v", plan.AuthType, err)
		return nil
	}
	switch {
	case err != nil:
		return err
	case everyone && url.AuthType != lambda.AuthNone:
		return refuseNow(update(lambda.AuthNone, "   # if everyone on the internet is to call it"),
			"with auth type %s a permission for * would let in every user and role of every AWS account", url.AuthType)
	case !everyone && url.AuthType == lambda.AuthNone:
		plan.note("the URL has auth type NONE: it does not look at signatures. The grant takes effect with: %s",
			update(lambda.AuthIAM, ""))
	}
	return nil
}

// wantPermissions writes down the two statements.
func (p *Plan) wantPermissions() {
	urlID, invokeID := statementIDs(p.Principal)
	permission := lambda.Permission{Principal: p.Principal.permission(), SourceARN: p.Principal.SourceARN}
	first, second := permission, permission
	first.StatementID, first.Action, first.FunctionURLAuthType = urlID, lambda.ActionInvokeURL, p.AuthType
	second.StatementID, second.Action, second.InvokedViaURL = invokeID, lambda.ActionInvoke, new(true)
	if p.Principal.Kind == ServicePrincipal {
		// CloudFront's requests are signed, and its documentation asks for no condition but the distribution.
		first.FunctionURLAuthType = ""
	}
	p.Wanted.Permissions = []lambda.Permission{first, second}
}

func (p *Plan) call() call {
	return call{function: p.Function, authType: p.AuthType, principal: p.Principal}
}

// policyOf reads the function's resource-based policy.
func policyOf(ctx context.Context, functions FunctionReader, function lambda.ARN) (document, error) {
	text, err := functions.Policy(ctx, function)
	if awsapi.KindOf(err) == awsapi.NotFound {
		return document{}, nil
	}
	if err != nil {
		return document{}, err
	}
	return parseDocument("resource-based policy of "+function.String(), text, policy.Resource)
}

// grantByResource plans the statements of the resource-based policy that are missing.
func (g *Granter) grantByResource(ctx context.Context, plan *Plan, whole bool) error {
	now, err := policyOf(ctx, g.Owner.Functions, plan.Function)
	if err != nil {
		return err
	}
	call := plan.call()
	used := map[string]bool{}
	for _, s := range now.statements {
		used[s.Sid] = true
	}
	for i := range plan.Wanted.Permissions {
		permission := &plan.Wanted.Permissions[i]
		if denying := call.deciding(now, permission.Action, policy.ExplicitlyDenied); len(denying) > 0 {
			return refuseNow("remove or narrow the statement first", "%s of the resource-based policy denies %s: %s",
				names(denying), permission.Action, explain.DenyWins)
		}
		if granting := call.deciding(now, permission.Action, policy.Allowed); len(granting) > 0 {
			plan.Kept = append(plan.Kept, fmt.Sprintf("%s: %s", permission.Action, names(granting)))
			continue
		}
		if by := g.declaredByIdentity(ctx, plan, permission.Action); by != "" {
			plan.Kept = append(plan.Kept, by)
			continue
		}
		for _, s := range now.statements {
			switch {
			case s.Sid != permission.StatementID:
			case plan.own(s):
				// Somebody has changed it, or the role was deleted and made again since: the statement then names the old one
				// by its unique id.
				plan.Changes = append(plan.Changes, removal(plan.Function, s, g.Owner))
			default: // it says more than a grant: its id is taken
				for n := 2; used[permission.StatementID]; n++ {
					permission.StatementID = fmt.Sprintf("%s-%d", s.Sid, n)
				}
			}
		}
		plan.Changes = append(plan.Changes, Change{
			Kind: AddStatement, Account: g.Owner.ID, Function: plan.Function,
			StatementID: permission.StatementID, Permission: *permission, account: g.Owner,
		})
	}
	plan.tellOfDenies(now)
	plan.revise(now)
	if !g.Declared {
		plan.wantWhole(now, whole)
	}
	return nil
}

// declaredByIdentity says by what the caller's own policies allow the action in a project, where both sides are at hand;
// "" if they do not. Across accounts both sides need it.
func (g *Granter) declaredByIdentity(ctx context.Context, plan *Plan, action string) string {
	owner, ok := plan.Principal.owner()
	if !g.Declared || !ok || plan.crossAccount() {
		return ""
	}
	by, _ := identityGrants(ctx, g.Owner.Policies, owner, plan.call())
	i := slices.IndexFunc(by, func(text string) bool { return strings.HasPrefix(text, action+": ") })
	if i < 0 {
		return ""
	}
	return by[i]
}

// tellOfDenies notes the statements that deny the call under conditions that not every call meets.
func (p *Plan) tellOfDenies(now document) {
	call := p.call()
	for _, s := range now.statements {
		if !s.Denies() || len(s.Conditions) == 0 {
			continue
		}
		bare, err := s.WithoutConditions()
		if err != nil || !slices.ContainsFunc(Actions[:], func(action string) bool {
			return call.matches(Statement{s.Statement, bare}, action)
		}) {
			continue
		}
		facts := call.facts(lambda.ActionInvokeURL)
		open := slices.DeleteFunc(s.Document.ContextKeys(), func(key string) bool {
			_, known := facts.Lookup(key)
			return known || ofOneAction(key)
		})
		if len(open) > 0 {
			p.note("%s of the resource-based policy may still deny a call: that depends on %s", names([]Statement{s}),
				strings.Join(open, ", "))
		}
	}
}

// wantWhole has the grant written down as a whole policy if that is asked for, or if the function's is one: resources for
// single permissions do not go with it.
func (p *Plan) wantWhole(now document, asked bool) {
	if asked || now.whole() {
		p.Wanted.Policy = p.Documents[len(p.Documents)-1].After
	}
	if now.whole() && len(p.Changes) > 0 {
		p.note("the function's policy has statements that only PutResourcePolicy writes. What puts it again, such as " +
			"AWS::Lambda::ResourcePolicy or aws_lambda_resource_policy, overwrites this grant unless it has these statements: " +
			"--print writes the whole policy")
	}
}

func removal(function lambda.ARN, s Statement, owner Account) Change {
	permission, restorable := s.Permission()
	return Change{
		Kind: RemoveStatement, Account: owner.ID, Function: function,
		StatementID: s.Sid, Permission: permission, Restorable: restorable, account: owner,
	}
}

// grantByIdentity plans the policy of the calling role or user, if it is missing.
func (g *Granter) grantByIdentity(ctx context.Context, plan *Plan) error {
	owner, ok := plan.Principal.owner()
	change := Change{
		Kind: PutPolicy, Account: plan.Principal.Account, Owner: owner,
		Policy: inlineName(plan.Function), Document: snippet.CallDocument(plan.Function),
	}
	switch {
	case plan.Principal.Kind == ServicePrincipal || plan.Principal.Kind == Everyone: // neither has policies of its own
		return nil
	case !ok:
		plan.note("callers in account %s also need a policy there: %s", change.Account, change.Document)
	}
	plan.Wanted.Inline = &snippet.InlinePolicy{
		Account: change.Account, Owner: owner, Name: change.Policy, Document: change.Document,
	}
	if !ok {
		return nil
	}
	account, ok := g.account(change.Account)
	if !ok {
		plan.Elsewhere = append(plan.Elsewhere, change)
		return nil
	}
	change.account = account
	return change.planPut(ctx, plan)
}

// account finds the account that there are credentials for.
func (g *Granter) account(id string) (Account, bool) {
	return (&Resolver{Home: g.Owner, Other: g.Caller}).account(id)
}

// planPut adds the change to the plan unless the owner's policies allow the call already.
func (c Change) planPut(ctx context.Context, plan *Plan) error {
	kept, faults := identityGrants(ctx, c.account.Policies, c.Owner, plan.call())
	if len(kept) == len(Actions) {
		plan.Kept = append(plan.Kept, kept...)
		return nil
	}
	if len(faults) > 0 {
		plan.note("could not look at all policies of %s: %v", c.Owner, faults[0])
	}
	before, err := c.account.Policies.Inline(ctx, c.Owner, c.Policy)
	if kind := awsapi.KindOf(err); err != nil && kind != awsapi.NotFound && kind != awsapi.Denied {
		return err
	}
	c.Before = before
	if sameJSON(before, c.Document) {
		plan.Kept = append(plan.Kept, c.String())
		return nil
	}
	plan.Changes = append(plan.Changes, c)
	plan.Documents = append(plan.Documents, Revision{Name: c.Place(), Before: before, After: c.Document})
	return nil
}

// sameJSON reports whether two JSON texts differ in white space only.
func sameJSON(a, b string) bool {
	var left, right bytes.Buffer
	return json.Compact(&left, []byte(a)) == nil && json.Compact(&right, []byte(b)) == nil && bytes.Equal(left.Bytes(), right.Bytes())
}

// identityGrants says by what the owner's policies allow each of the two actions, and what could not be read.
func identityGrants(ctx context.Context, reader PolicyReader, owner iam.Owner, call call) (by []string, faults []error) {
	policies, faults := ReadPolicies(ctx, reader, owner)
	for _, action := range Actions {
		for _, named := range policies {
			parsed, _ := parseDocument(named.Name, named.Text, policy.Identity) // furl check reports what is wrong with it
			if granting := call.deciding(parsed, action, policy.Allowed); len(granting) > 0 {
				by = append(by, fmt.Sprintf("%s: %s of %s", action, names(granting), named.Name))
				break
			}
		}
	}
	return by, faults
}

// statementIDs are the ids of the two statements for a principal. They are the same each time and differ between
// principals, so that a grant that is made again finds itself.
func statementIDs(principal Principal) (invokeURL, invoke string) {
	base := "furl-" + slug(principal.label(), 64) + "-" + short(principal.ARN+principal.SourceARN)
	return base + "-url", base + "-invoke"
}

// inlineName is the name of the inline policy that lets its owner call the function's URL.
func inlineName(function lambda.ARN) string {
	name := function.Name
	if function.Qualifier != "" {
		name += "-" + function.Qualifier
	}
	return "furl-call-" + slug(name, 100) + "-" + short(function.String())
}

// slug is the beginning of a name, in the characters that a statement id may have.
func slug(name string, limit int) string {
	kept := snippet.StatementName(name)
	return kept[:min(limit, len(kept))]
}

// short is enough of a hash to tell a few thousand names apart.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
