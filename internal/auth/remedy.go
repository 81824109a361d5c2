package auth

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// remedy is what would allow the call the action: facts from which grants can be written down in several forms, and
// where none would do, sentences.
type remedy struct {
	permission *missingPermission // nil if the function's own policy needs none
	inline     *missingPolicy     // nil if the caller's own policies need none
	sentences  trace.Texts
}

// missingPermission is a statement that the function's resource-based policy lacks.
type missingPermission struct {
	function  function
	action    trace.Text
	anyone    bool
	principal trace.Text // ARN, if it is not for anyone
	name      trace.Text // of the principal, in the statement's id
	authType  lambda.AuthType
	foreign   bool // the caller is of another account, so it has to be said in which
}

// missingPolicy is a policy that the caller's role or user lacks. The caller is of another account than the function.
type missingPolicy struct {
	function  function
	kind      iam.OwnerKind
	ownerName trace.Text
	account   trace.Text
}

// function is the ARN of a function.
type function struct{ region, account, name, qualifier trace.Text }

func newFunction(arn lambda.ARN) function {
	return function{
		trace.Keep(arn.Region, maxName), trace.Keep(arn.Account, maxName),
		trace.Keep(arn.Name, maxName), trace.Keep(arn.Qualifier, maxName),
	}
}

func (f function) arn() lambda.ARN {
	return lambda.ARN{
		Region: f.region.String(), Account: f.account.String(), Name: f.name.String(), Qualifier: f.qualifier.String(),
	}
}

// as is the remedy in the form.
func (r remedy) as(form snippet.Form) []string {
	var lines []string
	if r.permission != nil {
		lines = append(lines, r.permission.as(form))
	}
	if r.inline != nil {
		lines = append(lines, r.inline.as(form))
	}
	return append(lines, r.sentences.Strings()...)
}

func (p *missingPermission) as(form snippet.Form) string {
	statement := lambda.Permission{
		StatementID: "allow-" + p.name.String() + "-url", Action: p.action.String(),
		Principal: lambda.PermissionPrincipal{Anyone: p.anyone, AWS: p.principal.String()},
	}
	if statement.Action == lambda.ActionInvoke {
		yes := true
		statement.StatementID, statement.InvokedViaURL = "allow-"+p.name.String()+"-invoke", &yes
	} else {
		statement.FunctionURLAuthType = p.authType
	}
	text := snippet.Permission{Function: p.function.arn(), Permission: statement}.As(form)
	if !p.foreign {
		return text
	}
	return inAccount(text, p.function.account.String(), form)
}

func (p *missingPolicy) as(form snippet.Form) string {
	text := snippet.InlinePolicy{
		Owner: iam.Owner{Kind: p.kind, Name: p.ownerName.String()}, Name: "call-" + p.function.name.String(),
		Document: snippet.CallDocument(p.function.arn()),
	}.As(form)
	return inAccount(text, p.account.String(), form)
}

// inAccount adds to a grant the account that it has to be made in.
func inAccount(text, account string, form snippet.Form) string {
	switch form {
	case snippet.CLI:
		return text + "   # in account " + account
	case snippet.Terraform, snippet.CloudFormation:
		return "# in account " + account + "\n" + text
	default:
		return text
	}
}

// remedyFor finds what would allow the call the action.
func remedyFor(call URLCall, action string, decision policy.Decision) remedy {
	if decision.Effect == policy.ExplicitlyDenied {
		return remedy{} // nothing that could be added would help
	}
	switch decision.Reason {
	case policy.ReasonNoBoundary, policy.ReasonNoSessionPolicy, policy.ReasonNoSCP:
		kind, _ := decision.Reason.PolicyType()
		return advise("add %s on %s to the %s of %s", action, call.resource(), kind, call.Caller.ARN())
	}
	crossAccount := call.Caller != nil && call.Caller.Account != call.Function.Account
	if !crossAccount {
		return remedy{permission: permission(call, action)}
	}
	// Across accounts both sides must allow.
	var both remedy
	if !allowedBy(decision, policy.IdentityBased) && !call.Caller.isRoot() {
		if both.inline = inlinePolicy(call); both.inline == nil {
			both = advise("allow %s on %s in the caller's own policies", action, call.resource())
		}
	}
	if !allowedBy(decision, policy.ResourceBased) {
		both.permission = permission(call, action)
		both.permission.foreign = true
	}
	return both
}

// advise is a remedy that can be said in words only.
func advise(format string, arguments ...any) remedy {
	return remedy{sentences: trace.KeepAll(maxSentence, fmt.Sprintf(format, arguments...))}
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
func permission(call URLCall, action string) *missingPermission {
	principal, name := grantee(call.Caller)
	return &missingPermission{
		function: newFunction(call.resource()), action: trace.Keep(action, maxName), authType: call.AuthType,
		anyone: principal.Anyone, principal: trace.Keep(principal.AWS, maxARN), name: trace.Keep(name, maxName),
	}
}

// inlinePolicy is the policy that the caller's role or user lacks; nil for callers that have neither.
func inlinePolicy(call URLCall) *missingPolicy {
	missing := &missingPolicy{function: newFunction(call.resource()), account: trace.Keep(call.Caller.Account, maxName)}
	switch {
	case call.Caller.Role != nil:
		missing.kind, missing.ownerName = iam.OfRole, trace.Keep(call.Caller.Role.Name, maxName)
	case call.Caller.User != nil:
		missing.kind, missing.ownerName = iam.OfUser, trace.Keep(call.Caller.User.Name, maxName)
	default:
		return nil
	}
	return missing
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
