package lambdaapi

import (
	"fmt"
	"slices"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

type addPermissionInput struct {
	functionInput
	Action                *string
	EventSourceToken      *string
	FunctionURLAuthType   *string `json:"FunctionUrlAuthType"`
	InvokedViaFunctionURL *bool   `json:"InvokedViaFunctionUrl"`
	Principal             *string
	PrincipalOrgID        *string
	RevisionID            *string `json:"RevisionId"`
	SourceAccount         *string
	SourceARN             *string `json:"SourceArn"`
	StatementID           *string `json:"StatementId"`
}

func (in *addPermissionInput) check() violations {
	return slices.Concat(
		in.functionInput.check(),
		required("statementId", in.StatementID),
		check("statementId", in.StatementID, minLength(1), maxLength(100), statementID),
		required("action", in.Action),
		check("action", in.Action, permissionAction),
		required("principal", in.Principal),
		check("principal", in.Principal, principalText),
		check("sourceArn", in.SourceARN, sourceARN),
		check("sourceAccount", in.SourceAccount, maxLength(12), sourceAccount),
		check("eventSourceToken", in.EventSourceToken, maxLength(256), eventSourceToken),
		check("principalOrgID", in.PrincipalOrgID, minLength(12), maxLength(34), organizationID),
		check("functionUrlAuthType", in.FunctionURLAuthType, oneOf(string(lambda.AuthNone), string(lambda.AuthIAM))),
	)
}

func (in *addPermissionInput) facts(target) []auth.Fact {
	facts := []auth.Fact{{Key: "lambda:Principal", Value: *in.Principal}}
	if in.FunctionURLAuthType != nil {
		facts = append(facts, auth.Fact{Key: "lambda:FunctionUrlAuthType", Value: *in.FunctionURLAuthType})
	}
	return facts
}

// supported refuses combinations that Lambda refuses and the model does not know of.
func (in *addPermissionInput) supported() error {
	switch {
	case in.FunctionURLAuthType != nil && *in.Action != lambda.ActionInvokeURL:
		return invalidParameter("FunctionUrlAuthType is only supported for %s action", lambda.ActionInvokeURL)
	case in.InvokedViaFunctionURL != nil && *in.Action != lambda.ActionInvoke:
		return invalidParameter("InvokedViaFunctionUrl is only supported for %s action", lambda.ActionInvoke)
	case in.EventSourceToken != nil && (in.SourceARN != nil || in.SourceAccount != nil):
		return invalidParameter("EventSourceToken can not be used together with SourceArn or SourceAccount")
	}
	return nil
}

func (in *addPermissionInput) permission(principal lambda.PermissionPrincipal) lambda.Permission {
	permission := lambda.Permission{
		StatementID: *in.StatementID, Action: *in.Action, Principal: principal, InvokedViaURL: in.InvokedViaFunctionURL,
	}
	set(&permission.SourceARN, in.SourceARN)
	set(&permission.SourceAccount, in.SourceAccount)
	set(&permission.EventSourceToken, in.EventSourceToken)
	set(&permission.PrincipalOrgID, in.PrincipalOrgID)
	if in.FunctionURLAuthType != nil {
		permission.FunctionURLAuthType = lambda.AuthType(*in.FunctionURLAuthType)
	}
	return permission
}

func (a *API) addPermission(r *request, in *addPermissionInput) (any, error) {
	if r.target.arn.Qualifier == lambda.Latest {
		return nil, invalidParameter("We currently do not support adding policies for $LATEST.")
	}
	if err := in.supported(); err != nil {
		return nil, err
	}
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	var statement string
	err := r.changePolicy(in.RevisionID, func(world *state.Snapshot, function *lambda.Function) error {
		principal, err := resolvePrincipal(world, *in.Principal)
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
			return &fault{400, "PolicyLengthExceededException", fmt.Sprintf("The final policy size (%d) is bigger than the limit (%d).", size, lambda.MaxPolicySize), lowerCase, "User", ""}
		}
		statement = string(added.Statement(function.ARN, world.ShowPrincipal))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return struct{ Statement string }{statement}, nil
}

// changePolicy changes the permissions of the target's function within a transaction, if the function still has the
// revision that the request names. The change is a new revision of the function.
func (r *request) changePolicy(revision *string, edit func(*state.Snapshot, *lambda.Function) error) error {
	return r.State.Update(r.Context(), func(tx *state.Tx) error {
		now, err := current(tx.View().Function, r.target.arn)
		if err != nil {
			return err
		}
		if revision != nil && *revision != now.RevisionID {
			return staleRevision("GetPolicy")
		}
		function := now.Clone()
		if err := edit(tx.View(), function); err != nil {
			return err
		}
		function.RevisionID = trace.NewRequestID()
		return tx.PutFunction(function)
	})
}

func indexOf(permissions []lambda.Permission, id string) int {
	return slices.IndexFunc(permissions, func(p lambda.Permission) bool { return p.StatementID == id })
}

func (a *API) getPolicy(r *request, _ *functionInput) (any, error) {
	function := r.target.function
	switch {
	case function == nil:
		return nil, functionNotFound(r.target.arn)
	case len(function.Permissions[r.target.arn.Qualifier]) == 0:
		return nil, notFound("The resource you requested does not exist.")
	}
	text := lambda.PolicyText(function.Permissions[r.target.arn.Qualifier], r.target.arn, r.State.Now().ShowPrincipal)
	return struct{ Policy, RevisionId string }{text, function.RevisionID}, nil
}

type removePermissionInput struct {
	functionInput
	RevisionID  *string `json:"-"`
	StatementID *string `json:"-"`
}

func (in *removePermissionInput) take(p parameters) {
	in.functionInput.take(p)
	in.RevisionID, in.StatementID = p.fromQuery("RevisionId"), p.fromPath("StatementId")
}

func (in *removePermissionInput) check() violations {
	return slices.Concat(
		in.functionInput.check(),
		check("statementId", in.StatementID, minLength(1), maxLength(100), namespacedSID),
	)
}

// facts are those of the statement that is to go.
func (in *removePermissionInput) facts(t target) []auth.Fact {
	if t.function == nil {
		return nil
	}
	permissions := t.function.Permissions[policyQualifier(t.resource.Qualifier)]
	i := indexOf(permissions, *in.StatementID)
	if i < 0 {
		return nil
	}
	facts := []auth.Fact{{Key: "lambda:Principal", Value: principalFact(permissions[i].Principal)}}
	if authType := permissions[i].FunctionURLAuthType; authType != "" {
		facts = append(facts, auth.Fact{Key: "lambda:FunctionUrlAuthType", Value: string(authType)})
	}
	return facts
}

func (a *API) removePermission(r *request, in *removePermissionInput) (any, error) {
	if r.target.function == nil {
		return nil, notFound("No policy found for: %s", r.target.arn)
	}
	if err := r.target.qualified(); err != nil {
		return nil, err
	}
	return nil, r.changePolicy(in.RevisionID, func(_ *state.Snapshot, function *lambda.Function) error {
		present := function.Permissions[r.target.arn.Qualifier]
		if len(present) == 0 {
			return notFound("No policy is associated with the given resource.")
		}
		i := indexOf(present, *in.StatementID)
		if i < 0 {
			return notFound("Statement %s is not found in resource policy.", *in.StatementID)
		}
		if len(present) == 1 {
			delete(function.Permissions, r.target.arn.Qualifier)
			return nil
		}
		function.Permissions[r.target.arn.Qualifier] = slices.Delete(present, i, i+1)
		return nil
	})
}
