package policyio

import (
	"regexp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// owner takes the kind and the name out of the ARN of a user or of a role's session.
var owner = regexp.MustCompile(`^arn:[a-z-]+:(?:iam::\d{12}:(user)/(?:.*/)?|sts::\d{12}:assumed-role/)([\w+=,.@-]+)(?:/[\w+=,.@-]+)?$`)

// forms writes down what a suggestion grants in the other forms in which people keep it. It is nil for suggestions
// that are not about calling a function URL, and for callers that such a form can not name.
func forms(q *question, s policy.Suggestion) map[snippet.Form]string {
	function, err := lambda.ParseARN(q.Resource)
	suffix, key := "-url", "lambda:FunctionUrlAuthType"
	if s.Action == lambda.ActionInvoke {
		suffix, key = "-invoke", "lambda:InvokedViaFunctionUrl"
	}
	if err != nil || s.Action != lambda.ActionInvoke && s.Action != lambda.ActionInvokeURL {
		return nil
	}
	var grant snippet.Grant
	caller := owner.FindStringSubmatch(q.Principal)
	switch {
	case s.Type == policy.IdentityBased && caller != nil:
		grant = snippet.InlinePolicy{
			User: caller[1] != "", Owner: caller[2], Name: "call-" + function.Name + suffix, Resource: function.String(), Actions: []string{s.Action},
		}
	case s.Type == policy.ResourceBased && !s.Service && !s.Provider:
		permission := snippet.Permission{Function: function, ID: s.Sid, Action: s.Action, Principal: s.Principal}
		for _, condition := range s.Conditions {
			if condition.Key == key {
				permission.AuthType = lambda.AuthType(condition.Value)
				grant = permission
			}
		}
	}
	if grant == nil {
		return nil
	}
	as := map[snippet.Form]string{}
	for _, form := range []snippet.Form{snippet.CLI, snippet.CloudFormation, snippet.Terraform} {
		as[form] = grant.As(form)
	}
	return as
}
