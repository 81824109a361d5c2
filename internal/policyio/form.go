package policyio

import (
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// forms writes down what a suggestion grants in the other forms in which people keep it. It is nil for suggestions
// that are not about calling a function URL, and for callers that such a form cannot name.
func forms(q *question, s policy.Suggestion) map[snippet.Form]string {
	function, err := arn.ParseFunctionARN(q.Resource)
	if err != nil || s.Action != lambda.ActionInvoke && s.Action != lambda.ActionInvokeURL {
		return nil
	}
	var part snippet.Part
	switch s.Type {
	case policy.IdentityBased:
		part = inlinePolicy(q, s, function)
	case policy.ResourceBased:
		part = permission(s, function)
	}
	if part == nil {
		return nil
	}
	as := map[snippet.Form]string{}
	for _, form := range []snippet.Form{snippet.CLI, snippet.CloudFormation, snippet.Terraform} {
		as[form] = part.As(form)
	}
	return as
}

// inlinePolicy is the suggestion as a policy of the calling role or user; nil for other callers.
func inlinePolicy(q *question, s policy.Suggestion, function lambda.ARN) snippet.Part {
	caller, ok := ownerOf(q.Principal)
	if !ok {
		return nil
	}
	name := "call-" + function.Name + "-url"
	if s.Action == lambda.ActionInvoke {
		name = "call-" + function.Name + "-invoke"
	}
	return snippet.InlinePolicy{
		Owner: caller, Name: name,
		Document: `{"Version":"2012-10-17","Statement":[` + string(s.JSON()) + `]}`,
	}
}

// ownerOf is the user, or the role of a session, whose own policies a caller has.
func ownerOf(principal string) (owner iam.Owner, ok bool) {
	arn, _ := arn.ParsePrincipal(principal)
	switch arn.Type {
	case "user":
		return iam.Owner{Kind: iam.OfUser, Name: arn.Name}, true
	case "assumed-role":
		role, _, _ := strings.Cut(arn.Name, "/")
		return iam.Owner{Kind: iam.OfRole, Name: role}, true
	default:
		return iam.Owner{}, false
	}
}

// permission is the suggestion as a statement of the function's policy; nil if it is not about its URL only.
func permission(s policy.Suggestion, function lambda.ARN) snippet.Part {
	if s.Service || s.Provider {
		return nil
	}
	made := lambda.Permission{StatementID: s.Sid, Action: s.Action, Principal: lambda.PermissionPrincipal{AWS: s.Principal}}
	if s.Principal == "*" {
		made.Principal = lambda.PermissionPrincipal{Anyone: true}
	}
	yes := true
	for _, condition := range s.Conditions {
		switch {
		case s.Action == lambda.ActionInvokeURL && condition.Key == "lambda:FunctionUrlAuthType":
			made.FunctionURLAuthType = lambda.AuthType(condition.Value)
		case s.Action == lambda.ActionInvoke && condition.Key == "lambda:InvokedViaFunctionUrl":
			made.InvokedViaURL = &yes
		default:
			continue
		}
		return snippet.Permission{Function: function, Permission: made}
	}
	return nil
}
