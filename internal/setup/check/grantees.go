package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/policy"
)

// grant is a principal of the function's policy, with the conditions of one of the statements that list it.
type grant struct {
	principal  string
	conditions []string
}

// grants are those of the function's policy, in its order. A principal is there once for each set of conditions.
func (e Entry) grants(known func(principal string) bool) (list []grant) {
	for _, s := range e.own() {
		if s.Denies() || !e.concerns(s) {
			continue
		}
		for _, principal := range s.Principals { // AWS takes NotPrincipal in statements that deny only
			g := grant{strings.TrimPrefix(principal, "AWS:"), whoConditions(s)}
			if known(g.principal) || slices.ContainsFunc(list, func(other grant) bool {
				return other.principal == g.principal && slices.Equal(other.conditions, g.conditions)
			}) {
				continue
			}
			list = append(list, g)
		}
	}
	return list
}

// whoConditions are the conditions of a statement but for those about the call.
func whoConditions(s setup.Statement) []string {
	var list []string
	for _, c := range s.Conditions {
		if !ofCall(c) {
			list = append(list, conditionText(c))
		}
	}
	slices.Sort(list)
	return list
}

// includes reports whether a statement is one for the principal whose conditions are met where the grant's are.
func (g grant) includes(s setup.Statement) bool {
	if s.Denies() {
		return true
	}
	for _, condition := range whoConditions(s) {
		if !slices.Contains(g.conditions, condition) {
			return false
		}
	}
	return true
}

// within is the entry with the statements of the policy that the grant includes.
func (e Entry) within(g grant) (Entry, error) {
	kept, err := setup.Without(e.named.Document, e.own(), func(s setup.Statement) bool { return !g.includes(s) })
	if err != nil {
		return e, err
	}
	statements := slices.DeleteFunc(slices.Clone(e.own()), func(s setup.Statement) bool { return !g.includes(s) })
	all := maps.Clone(e.statements)
	all[kept] = statements
	e.statements = all
	e.named = &policy.Named{Name: e.named.Name, Document: kept}
	return e, nil
}

// grantees are the callers that the function's policy names, of a URL that asks who calls, and whose own policies are not
// known.
func (e Entry) grantees(ctx context.Context, callers *Callers) (list []Caller) {
	for _, g := range e.grants(callers.has) {
		if arn.Root(e.Function.Account).In(e.Function.Partition()).String() == g.principal || g.principal == e.Function.Account {
			if !callers.known(e.Function.Account) {
				list = append(list, e.ownAccount(g))
			}
			continue
		}
		list = appendCaller(list, e.grantedTo(ctx, g))
	}
	return list
}

// ownAccount is the entry for a statement that leaves it to the policies of the function's account.
func (e Entry) ownAccount(g grant) Caller {
	return Caller{
		Principal: g.principal, Kind: kindAccount, Standing: MayDepends, Conditions: g.conditions, Actions: []CallerMay{},
		Reasons: []string{"a statement for the function's own account lets in users and roles only as far as policies of " +
			"their own allow both actions"},
	}
}

// appendCaller leaves out what may not call by some of the statements that another entry of the same principal has.
func appendCaller(list []Caller, c Caller) []Caller {
	for i, other := range list {
		if other.Principal != c.Principal || other.Kind != c.Kind {
			continue
		}
		switch {
		case c.Standing == MayNot && other.Standing != MayNot:
			return list
		case c.Standing != MayNot && other.Standing == MayNot:
			list[i] = c
			return list
		}
	}
	return append(list, c)
}

// grantedTo is the caller that a grant is for.
func (e Entry) grantedTo(ctx context.Context, g grant) Caller {
	unjudged := func(kind string, standing Standing, format string, arguments ...any) Caller {
		return Caller{
			Principal: g.principal, Kind: kind, Standing: standing, Conditions: g.conditions, Actions: []CallerMay{},
			Reasons: []string{fmt.Sprintf(format, arguments...)},
		}
	}
	kind, name, _ := strings.Cut(g.principal, ":")
	named, _ := arn.ParsePrincipal(g.principal)
	switch {
	case g.principal == "*":
		kind = kindEveryone
		if organization(g.conditions) != "" {
			kind = kindOrg
		}
	case setup.IsUniqueID(g.principal):
		return unjudged(kindDeleted, MayNot, "it is the unique id of a role or user that was deleted: nobody has it any more")
	case kind == "Service" && strings.TrimSuffix(name, ".cn") != cloudFront:
		return unjudged(kindService, MayNot, "of all services only CloudFront is known to send signed requests to function URLs")
	case kind == "Service":
		kind = kindService
	case arn.IsAccount(g.principal) || named.Type == "root":
		kind = kindAccount
	case named.Type == "role":
		kind = kindRole
	case named.Type == "user":
		kind = kindUser
	case named.Type == "assumed-role":
		kind = kindSession
	case named.Type == "federated-user":
		kind = kindFederated
	default:
		return unjudged(kindOther, MayUnknown, "it is not a principal that furl knows")
	}
	to, ok := e.grantee(g.principal, nil)
	if !ok {
		return unjudged(kind, MayUnknown, "it is not a principal that furl knows")
	}
	within, err := e.within(g)
	if err != nil {
		return unjudged(kind, MayUnknown, "%v", err)
	}
	r := within.run(lambda.AuthIAM)
	r.subject = to
	if to.account != "" && to.account != e.Function.Account {
		r.sets.identity = setup.Everything()
		r.sets.statements[r.sets.identity[0].Document] = nil
	}
	r.findSource()
	c := r.standing(ctx, e, g.principal, kind, g.includes)
	if g.principal == "*" {
		c.Reasons = append(c.Reasons, "callers of other accounts than "+e.Function.Account+" need both actions in policies of "+
			"their own, too")
	}
	if kind == kindRole || kind == kindUser || kind == kindSession {
		c.Reasons = append(c.Reasons, "policies of its own were not read, and may deny it")
	}
	if c.CrossAccount && c.Standing == MayCall {
		c.Standing = MayDepends
		c.Reasons = append(c.Reasons, "policies of account "+to.account+" have to allow both actions, too")
	}
	if len(c.Conditions) == 0 {
		c.Conditions = g.conditions
	}
	return c
}

// unsigned are the callers of a URL that does not ask who calls.
func (e Entry) unsigned(ctx context.Context) (list []Caller) {
	for _, g := range e.grants(func(string) bool { return false }) {
		if g.principal != "*" {
			if e.AuthType == lambda.AuthNone {
				list = append(list, Caller{
					Principal: g.principal, Kind: kindOther, Standing: MayNot, Conditions: g.conditions, Actions: []CallerMay{},
					Reasons: []string{"the URL has auth type NONE and does not look at who calls"},
				})
			}
			continue
		}
		within, err := e.whoEntry().within(g)
		if err != nil {
			continue
		}
		c := within.run(lambda.AuthNone).standing(ctx, e, g.principal, kindEveryone, g.includes)
		if e.AuthType == "" {
			if c.Standing == MayNot {
				continue
			}
			c.Standing, c.Reasons = MayDepends, append(c.Reasons, "if the URL has auth type NONE")
		}
		list = appendCaller(list, c)
	}
	return list
}
