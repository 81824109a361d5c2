package auth

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/policy"
)

// remedy is what to type so that the call is allowed the action. Where no command would do, it is a sentence.
func remedy(call URLCall, action string, decision policy.Decision) []string {
	if decision.Effect == policy.ExplicitlyDenied {
		return remove(call, decision)
	}
	switch decision.Reason {
	case policy.ReasonNoBoundary, policy.ReasonNoSessionPolicy, policy.ReasonNoSCP:
		kind, _ := decision.Reason.PolicyType()
		return []string{fmt.Sprintf("add %s on %s to the %s of %s", action, resource(call), kind, call.Caller.ARN())}
	}
	crossAccount := call.Caller != nil && call.Caller.Account != call.Function.Account
	if !crossAccount {
		return []string{addPermission(call, action)}
	}
	// Across accounts both sides must allow.
	var fix []string
	if !allowedBy(decision, policy.ResourceBased) {
		fix = append(fix, addPermission(call, action)+"   # in account "+call.Function.Account)
	}
	if !allowedBy(decision, policy.IdentityBased) && !call.Caller.isRoot() {
		fix = append(fix, putPolicy(call, action)+"   # in account "+call.Caller.Account)
	}
	return fix
}

// remove tells which statements deny.
func remove(call URLCall, decision policy.Decision) []string {
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

// addPermission is the command that adds the missing statement to the function's resource-based policy.
func addPermission(call URLCall, action string) string {
	var command strings.Builder
	fmt.Fprintf(&command, "aws lambda add-permission --function-name %s", call.Function.Name)
	if call.Qualifier != "" {
		fmt.Fprintf(&command, " --qualifier %s", call.Qualifier)
	}
	principal, name := grantee(call.Caller)
	suffix, condition := "url", "--function-url-auth-type "+string(call.AuthType)
	if action == lambda.ActionInvoke {
		suffix, condition = "invoke", "--invoked-via-function-url"
	}
	fmt.Fprintf(&command, " --statement-id allow-%s-%s --action %s --principal %s %s",
		name, suffix, action, shellQuote(principal), condition)
	return command.String()
}

// putPolicy is the command that adds an inline policy to the caller's role or user.
func putPolicy(call URLCall, action string) string {
	document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%q,%q],"Resource":%q}]}`,
		lambda.ActionInvokeURL, lambda.ActionInvoke, resource(call))
	name := "call-" + call.Function.Name
	if call.Caller.Role != nil {
		return fmt.Sprintf("aws iam put-role-policy --role-name %s --policy-name %s --policy-document '%s'", call.Caller.Role.Name, name, document)
	}
	if call.Caller.User != nil {
		return fmt.Sprintf("aws iam put-user-policy --user-name %s --policy-name %s --policy-document '%s'", call.Caller.User.Name, name, document)
	}
	return fmt.Sprintf("allow %s on %s in the caller's own policies", action, resource(call))
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

func shellQuote(word string) string {
	if strings.ContainsAny(word, "*?$ ") {
		return "'" + word + "'"
	}
	return word
}
