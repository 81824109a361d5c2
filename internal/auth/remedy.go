package auth

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// remedy is what would allow the call the action: grants that can be written down in several forms, and where none
// would do, sentences.
type remedy struct {
	grants    []grant
	sentences []string
}

// grant is one grant and the account it has to be made in, if that has to be said.
type grant struct {
	snippet.Part
	account string
}

// as is the remedy in the form.
func (r remedy) as(form snippet.Form) []string {
	var lines []string
	for _, grant := range r.grants {
		text := grant.As(form)
		switch {
		case grant.account == "":
		case form == snippet.CLI:
			text += "   # in account " + grant.account
		case form == snippet.Terraform || form == snippet.CloudFormation:
			text = "# in account " + grant.account + "\n" + text
		}
		lines = append(lines, text)
	}
	return append(lines, r.sentences...)
}

// remedyFor finds what would allow the call the action.
func remedyFor(call URLCall, action string, decision policy.Decision) remedy {
	if decision.Effect == policy.ExplicitlyDenied {
		return remedy{sentences: remove(decision)}
	}
	switch decision.Reason {
	case policy.ReasonNoBoundary, policy.ReasonNoSessionPolicy, policy.ReasonNoSCP:
		kind, _ := decision.Reason.PolicyType()
		return remedy{sentences: []string{fmt.Sprintf("add %s on %s to the %s of %s", action, call.resource(), kind, call.Caller.ARN())}}
	}
	crossAccount := call.Caller != nil && call.Caller.Account != call.Function.Account
	if !crossAccount {
		return remedy{grants: []grant{{Part: permission(call, action)}}}
	}
	// Across accounts both sides must allow.
	var both remedy
	if !allowedBy(decision, policy.ResourceBased) {
		both.grants = append(both.grants, grant{permission(call, action), call.Function.Account})
	}
	if !allowedBy(decision, policy.IdentityBased) && !call.Caller.isRoot() {
		if inline, ok := inlinePolicy(call); ok {
			both.grants = append(both.grants, grant{inline, call.Caller.Account})
		} else {
			both.sentences = append(both.sentences, fmt.Sprintf("allow %s on %s in the caller's own policies", action, call.resource()))
		}
	}
	return both
}

// remove tells which statements deny.
func remove(decision policy.Decision) []string {
	var fix []string
	for _, ref := range decision.Matched {
		if ref.Effect == policy.ExplicitlyDenied {
			fix = append(fix, fmt.Sprintf("remove or narrow %s: an explicit deny outweighs every allow", describe(ref)))
		}
	}
	return fix
}

func allowedBy(decision policy.Decision, kind policy.PolicyType) bool {
	for _, ref := range decision.Matched {
		if ref.Type == kind && ref.Effect == policy.Allowed {
			return true
		}
	}
	return false
}

// permission is the statement that the function's resource-based policy lacks.
func permission(call URLCall, action string) snippet.Permission {
	principal, name := grantee(call.Caller)
	permission := lambda.Permission{StatementID: "allow-" + name + "-url", Action: action, Principal: principal}
	if action == lambda.ActionInvoke {
		yes := true
		permission.StatementID, permission.InvokedViaURL = "allow-"+name+"-invoke", &yes
	} else {
		permission.FunctionURLAuthType = call.AuthType
	}
	return snippet.Permission{Function: call.resource(), Permission: permission}
}

// inlinePolicy is the policy that the caller's role or user lacks; false for callers that have neither.
func inlinePolicy(call URLCall) (snippet.InlinePolicy, bool) {
	var owner iam.Owner
	switch {
	case call.Caller.Role != nil:
		owner = iam.Owner{Kind: iam.OfRole, Name: call.Caller.Role.Name}
	case call.Caller.User != nil:
		owner = iam.Owner{Kind: iam.OfUser, Name: call.Caller.User.Name}
	default:
		return snippet.InlinePolicy{}, false
	}
	return snippet.InlinePolicy{Owner: owner, Name: "call-" + call.Function.Name, Document: snippet.CallDocument(call.resource())}, true
}

// resource is the function, or the alias, that the URL belongs to.
func (c URLCall) resource() lambda.ARN {
	arn := c.Function
	arn.Qualifier = c.Qualifier
	return arn
}

// grantee is whom a resource-based policy should name so that it lets the caller in, and a short name for it that can
// stand in a statement id.
func grantee(caller *Caller) (principal lambda.PermissionPrincipal, name string) {
	arn := ""
	switch {
	case caller == nil:
		return lambda.PermissionPrincipal{Anyone: true}, "everyone"
	case caller.Role != nil:
		arn, name = caller.Role.ARN(), statementName(caller.Role.Name)
	case caller.isRoot():
		arn, name = iam.RootARN(caller.Account), caller.Account
	case caller.Principal.Type == policy.User:
		arn, name = caller.User.ARN(), statementName(caller.User.Name)
	default:
		arn, name = caller.ARN(), "session"
	}
	return lambda.PermissionPrincipal{AWS: arn}, name
}

func (c *Caller) isRoot() bool { return c.Principal.Type == policy.Root }

// statementName keeps the characters that a statement id may have.
func statementName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
}
