package lambdaapi

import (
	"slices"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
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
		return nil, invalidParameter("We currently do not support adding policies for $LATEST.")
	}
	if err := in.supported(); err != nil {
		return nil, err
	}
	if _, err := r.target.governed(); err != nil {
		return nil, err
	}
	var statement string
	err := r.changePolicy(in.RevisionId, func(world *state.Snapshot, function *lambda.Function) error {
		principal, err := resolvePrincipal(world, in.Principal)
		if err != nil {
			return err
		}
		added, present := in.permission(principal), function.Permissions[""]
		if indexOf(present, added.StatementID) >= 0 {
			return conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", added.StatementID)
		}
		if _, err := lambda.CompilePolicy([]lambda.Permission{added}, function.ARN); err != nil {
			return badPrincipal()
		}
		function.Permissions[""] = append(present, added)
		if size := len(lambda.PolicyText(function.Permissions[""], function.ARN, world.ShowPrincipal)); size > lambda.MaxPolicySize {
			return wire.Errorf("PolicyLengthExceededException", "The final policy size (%d) is bigger than the limit (%d).", size, lambda.MaxPolicySize)
		}
		statement = string(added.Statement(function.ARN, world.ShowPrincipal))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return struct{ Statement string }{statement}, nil
}

// changePolicy changes the permissions of the target's function, which is a new revision of the policy. Since November
// 2025 a policy has one of its own, and the function keeps its own (LocalStack's snapshot of
// test_lambda_permission_fn_versioning).
func (r *request) changePolicy(revision *string, edit func(*state.Snapshot, *lambda.Function) error) error {
	qualifier := r.target.arn.Qualifier
	return r.change(nil, "", func(world *state.Snapshot, function *lambda.Function) error {
		if revision != nil && *revision != function.PolicyRevision(qualifier) {
			return staleRevision("GetPolicy")
		}
		if err := edit(world, function); err != nil {
			return err
		}
		next := ""
		if len(function.Permissions[qualifier]) > 0 {
			next = trace.NewRequestID()
		}
		function.SetPolicyRevision(qualifier, next)
		return nil
	})
}

func indexOf(permissions []lambda.Permission, id string) int {
	return slices.IndexFunc(permissions, func(p lambda.Permission) bool { return p.StatementID == id })
}

func (s *service) getPolicy(r *request, _ *functionInput) (any, error) {
	function := r.target.function
	if function == nil || len(function.Permissions[r.target.arn.Qualifier]) == 0 {
		return nil, resourceMissing()
	}
	text := lambda.PolicyText(function.Permissions[r.target.arn.Qualifier], r.target.arn, r.State.Now().ShowPrincipal)
	return struct{ Policy, RevisionId string }{text, function.PolicyRevision(r.target.arn.Qualifier)}, nil
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
	permissions := t.function.Permissions[policyQualifier(t.resource.Qualifier)]
	i := indexOf(permissions, in.StatementId)
	if i < 0 {
		return nil
	}
	facts := []auth.Fact{{Key: "lambda:Principal", Value: principalFact(permissions[i].Principal)}}
	if authType := permissions[i].FunctionURLAuthType; authType != "" {
		facts = append(facts, auth.Fact{Key: "lambda:FunctionUrlAuthType", Value: string(authType)})
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
	return nil, r.changePolicy(in.RevisionId, func(_ *state.Snapshot, function *lambda.Function) error {
		present := function.Permissions[r.target.arn.Qualifier]
		if len(present) == 0 {
			return notFound("No policy is associated with the given resource.")
		}
		i := indexOf(present, in.StatementId)
		if i < 0 {
			return notFound("Statement %s is not found in resource policy.", in.StatementId)
		}
		if len(present) == 1 {
			delete(function.Permissions, r.target.arn.Qualifier)
			return nil
		}
		function.Permissions[r.target.arn.Qualifier] = slices.Delete(present, i, i+1)
		return nil
	})
}
