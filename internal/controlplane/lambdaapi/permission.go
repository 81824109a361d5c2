//go:build unix

package lambdaapi

import (
	"strings"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

type addPermissionInput struct {
	functionInput
	Action                string
	EventSourceToken      string
	FunctionUrlAuthType   lambda.AuthType
	InvokedViaFunctionUrl *bool
	Principal             string
	PrincipalOrgID        string
	RevisionId            *string
	SourceAccount         string
	SourceArn             string
	StatementId           string
}

func (in *addPermissionInput) facts(target) []auth.Fact {
	facts := []auth.Fact{{Key: "lambda:Principal", Value: in.Principal}}
	if in.FunctionUrlAuthType != "" {
		facts = append(facts, auth.Fact{Key: "lambda:FunctionUrlAuthType", Value: string(in.FunctionUrlAuthType)})
	}
	return facts
}

// supported refuses combinations that Lambda refuses and the model does not know of.
func (in *addPermissionInput) supported() error {
	switch {
	case in.FunctionUrlAuthType != "" && in.Action != lambda.ActionInvokeURL:
		return invalidParameter("FunctionUrlAuthType is only supported for %s action", lambda.ActionInvokeURL)
	case in.InvokedViaFunctionUrl != nil && in.Action != lambda.ActionInvoke:
		return invalidParameter("InvokedViaFunctionUrl is only supported for %s action", lambda.ActionInvoke)
	case in.EventSourceToken != "" && (in.SourceArn != "" || in.SourceAccount != ""):
		return invalidParameter("EventSourceToken cannot be used together with SourceArn or SourceAccount")
	}
	return nil
}

func (in *addPermissionInput) permission(principal lambda.PermissionPrincipal) lambda.Permission {
	return lambda.Permission{
		StatementID: in.StatementId, Action: in.Action, Principal: principal, InvokedViaURL: in.InvokedViaFunctionUrl,
		SourceARN: in.SourceArn, SourceAccount: in.SourceAccount, EventSourceToken: in.EventSourceToken,
		PrincipalOrgID: in.PrincipalOrgID, FunctionURLAuthType: in.FunctionUrlAuthType,
	}
}

func (s *service) addPermission(r *request, in *addPermissionInput) (any, error) {
	if r.target.arn.Qualifier == lambda.Latest {
		return nil, noPolicyOfLatest()
	}
	if err := in.supported(); err != nil {
		return nil, err
	}
	if _, err := r.target.governed(); err != nil {
		return nil, err
	}
	var statement string
	_, err := r.changePolicy(in.RevisionId, "GetPolicy", func(world *state.Snapshot, present lambda.Policy) (string, error) {
		principal, err := resolvePrincipal(world, in.Principal)
		if err != nil {
			return "", err
		}
		document, err := present.Document()
		if err != nil {
			return "", err
		}
		added := in.permission(principal)
		if lambda.IndexOfStatement(document, added.StatementID) >= 0 {
			return "", statementExists(added.StatementID)
		}
		stored := added.Statement(r.target.arn, lambda.Stored)
		if err := s.admit(r, lambda.PolicyText([]lambda.Permission{added}, r.target.arn, lambda.Stored)); err != nil {
			return "", err
		}
		statement = string(added.Statement(r.target.arn, world.ShowPrincipal))
		return present.With(stored)
	})
	if err != nil {
		return nil, err
	}
	return struct{ Statement string }{statement}, nil
}

// admit refuses statements that cannot be compiled, and public ones where public access is blocked.
func (s *service) admit(r *request, text string) error {
	document, err := policy.Parse([]byte(text), policy.Resource)
	if err != nil {
		return badPrincipal()
	}
	return s.blockPublic(r, document)
}

type removePermissionInput struct {
	functionInput
	RevisionId  *string
	StatementId string
}

// facts are those of the statement that is to go.
func (in *removePermissionInput) facts(t target) []auth.Fact {
	if t.function == nil {
		return nil
	}
	document := t.function.Policy(policyQualifier(t.resource.Qualifier))
	i := lambda.IndexOfStatement(document, in.StatementId)
	if i < 0 {
		return nil
	}
	return statementFacts(document.Statements()[i])
}

// statementFacts are the condition keys of a permission that exists. A statement for several principals has no
// lambda:Principal, which has one value (assumed).
func statementFacts(s policy.Statement) (facts []auth.Fact) {
	if len(s.Principals) == 1 && !s.NotPrincipal {
		principal := s.Principals[0]
		if _, name, ok := strings.Cut(principal, ":"); ok {
			principal = name
		}
		facts = append(facts, auth.Fact{Key: "lambda:Principal", Value: principal})
	}
	for _, c := range s.Conditions {
		if c.Operator == "StringEquals" && strings.EqualFold(c.Key, "lambda:FunctionUrlAuthType") && len(c.Values) == 1 {
			facts = append(facts, auth.Fact{Key: "lambda:FunctionUrlAuthType", Value: c.Values[0]})
		}
	}
	return facts
}

func (s *service) removePermission(r *request, in *removePermissionInput) (any, error) {
	if r.target.function == nil {
		return nil, notFound("No policy found for: %s", r.target.arn)
	}
	if _, err := r.target.governed(); err != nil {
		return nil, err
	}
	_, err := r.changePolicy(in.RevisionId, "GetPolicy", func(_ *state.Snapshot, present lambda.Policy) (string, error) {
		document, err := present.Document()
		switch {
		case err != nil:
			return "", err
		case document == nil:
			return "", noPolicy()
		case lambda.IndexOfStatement(document, in.StatementId) < 0:
			return "", statementMissing(in.StatementId)
		}
		return present.Without(in.StatementId)
	})
	return nil, err
}

func statementExists(id string) error {
	return conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", id)
}

func statementMissing(id string) error {
	return notFound("Statement %s is not found in resource policy.", id)
}
