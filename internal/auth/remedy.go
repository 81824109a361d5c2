package auth

import (
	"fmt"
	"strings"

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
	snippet.Grant
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
		return remedy{sentences: []string{fmt.Sprintf("add %s on %s to the %s of %s", action, resource(call), kind, call.Caller.ARN())}}
	}
	crossAccount := call.Caller != nil && call.Caller.Account != call.Function.Account
	if !crossAccount {
		return remedy{grants: []grant{{Grant: permission(call, action)}}}
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
			both.sentences = append(both.sentences, fmt.Sprintf("allow %s on %s in the caller's own policies", action, resource(call)))
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
	suffix := "url"
	if action == lambda.ActionInvoke {
		suffix = "invoke"
	}
	function := call.Function
	function.Qualifier = call.Qualifier
	return snippet.Permission{
		Function: function, ID: "allow-" + name + "-" + suffix, Action: action, Principal: principal, AuthType: call.AuthType,
	}
}

// inlinePolicy is the policy that the caller's role or user lacks; false for callers that have neither.
func inlinePolicy(call URLCall) (snippet.InlinePolicy, bool) {
	inline := snippet.InlinePolicy{
		Name: "call-" + call.Function.Name, Resource: resource(call), Actions: []string{lambda.ActionInvokeURL, lambda.ActionInvoke},
	}
	switch {
	case call.Caller.Role != nil:
		inline.Owner = call.Caller.Role.Name
	case call.Caller.User != nil:
		inline.User, inline.Owner = true, call.Caller.User.Name
	}
	return inline, inline.Owner != ""
}

func resource(call URLCall) string {
	arn := call.Function
	arn.Qualifier = call.Qualifier
	return arn.String()
}

// grantee is whom a resource-based policy should name so that it lets the caller in, and a short name for it that can
// stand in a statement id.
func grantee(caller *Caller) (principal, name string) {
	switch {
	case caller == nil:
		return "*", "everyone"
	case caller.Role != nil:
		return caller.Role.ARN(), statementName(caller.Role.Name)
	case caller.isRoot():
		return caller.Account, caller.Account
	case caller.Principal.Type == policy.User:
		return caller.User.ARN(), statementName(caller.User.Name)
	default:
		return caller.ARN(), "session"
	}
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
