//go:build unix

package lambdaapi

import (
	"errors"
	"strconv"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
)

// request is a request, decoded and authorized, with what it is about.
type request struct {
	wire.Request
	target target
}

// target is what a request is about.
type target struct {
	arn      lambda.ARN       // with the qualifier that the request names; zero for no resource
	resource lambda.ARN       // what the caller needs the permission for; zero for no resource
	function *lambda.Function // as it was when the request was authorized, nil if there is no such function
	found    resolve.Target   // what the qualifier leads to, if missing is nil
	missing  error            // of package resolve
}

// named is an input that names a function.
type named interface {
	functionName() (name string, qualifier *string)
}

// factual is an input that has condition keys of its own: those that the Service Authorization Reference lists for
// the action.
type factual interface {
	facts(target) []auth.Fact
}

// account is the resource of actions that IAM knows none for: they are authorized for "*".
func account[In any](call *controlplane.Call, in *In) (*request, error) {
	return ask(call, in, target{}), nil
}

// byFunction is the resource of actions whose resource type is the function alone: the unqualified ARN, in whichever
// form the input names the function. A policy for the function thus holds for NAME:$LATEST as well.
func byFunction[In named](call *controlplane.Call, in In) (*request, error) {
	found, err := findFunction(call, in)
	if err != nil {
		return nil, err
	}
	found.resource = found.arn.Unqualified()
	return ask(call, in, found), nil
}

// byQualifier is the resource of actions that can be asked for a version or an alias: the ARN with the qualifier that
// the input names. AWS takes $LATEST for such a qualifier, so a policy for the function says nothing of it (Lambda
// Developer Guide, "Fine-tuning the Resources and Conditions sections of policies"; GetFunctionConfiguration is seen
// to be denied for ARN:$LATEST in alexcasalboni/aws-lambda-power-tuning#260).
func byQualifier[In named](call *controlplane.Call, in In) (*request, error) {
	found, err := findFunction(call, in)
	if err != nil {
		return nil, err
	}
	found.resource = found.arn
	return ask(call, in, found), nil
}

// ask is the request that needs its permission for the target.
func ask(call *controlplane.Call, in any, t target) *request {
	need := controlplane.Permission{Resource: "*"}
	if in, ok := in.(factual); ok {
		need.Facts = in.facts(t)
	}
	if t.resource != (lambda.ARN{}) {
		need.Resource, need.ResourceAccount = t.resource.String(), t.resource.Account
	}
	if t.function != nil {
		need.Policy = t.function.Policy(policyQualifier(t.resource.Qualifier))
		need.PolicyName = "resource-based policy of function " + t.function.ARN.Name
		need.Facts = append(need.Facts, wire.ResourceTags(t.function.Tags)...)
	}
	return &request{wire.Request{Call: call, Need: need}, t}
}

// findFunction finds the function that an input names, with its qualifier.
func findFunction(call *controlplane.Call, in named) (target, error) {
	name, qualifier := in.functionName()
	arn, err := arn.LookupFunction(name, call.Region, call.Caller.Account)
	if err != nil {
		return target{}, badName(name)
	}
	if arn.Region != call.Region {
		return target{}, notFound("Functions from '%s' are not reachable in this region ('%s')", arn.Region, call.Region)
	}
	if qualifier != nil {
		if arn.Qualifier != "" && arn.Qualifier != *qualifier {
			return target{}, invalidParameter("The derived qualifier from the function name does not match the specified qualifier.")
		}
		arn.Qualifier = *qualifier
	}
	found, missing := resolve.Find(call.State.Now(), arn)
	return target{arn: arn, function: found.Function, found: found, missing: missing}, nil
}

// badName says what is wrong with a name that has the form of the API's pattern and is none all the same.
func badName(name string) error {
	return violation(" '"+name+"'", "functionName", "satisfy regular expression pattern: "+wire.Pattern("lambda", "FunctionName"))
}

// byNewFunction is the resource of CreateFunction. What is wrong with the name comes before the permission, as AWS has
// it in recorded answers (LocalStack's snapshot of test_function_arns): the longest name is a parameter of the service
// and not of the model, and for another account there is no text. A qualifier in the name was recorded to be taken; it
// changes nothing.
func byNewFunction(call *controlplane.Call, in *createFunctionInput) (*request, error) {
	found, err := findFunction(call, in)
	if err != nil {
		return nil, err
	}
	if name := found.arn.Name; len(name) > arn.MaxFunctionName {
		invalid := violation(" '"+name+"'", "functionName", "have length less than or equal to "+strconv.Itoa(arn.MaxFunctionName))
		return nil, invalidParameter("%s", invalid.Message)
	}
	if found.arn.Account != call.Caller.Account {
		call.Explain("FunctionName names the account "+found.arn.Account+", and the caller is of "+call.Caller.Account+
			": nobody creates functions in another account", "give FunctionName without an account: "+found.arn.Name)
		return nil, &wire.Error{Code: "AccessDeniedException", Wordless: true}
	}
	found.arn = found.arn.Unqualified()
	found.resource = found.arn
	return ask(call, in, found), nil
}

// existing is the target's function, if the qualifier is one that it has.
func (t target) existing() (*lambda.Function, error) {
	if t.function == nil || t.missing != nil {
		return nil, functionNotFound(t.arn)
	}
	return t.function, nil
}

// whole is existing for the operations that are for functions alone.
func (t target) whole() (*lambda.Function, error) {
	if err := unqualified(t.arn); err != nil {
		return nil, err
	}
	return t.existing()
}

// unqualified refuses the name of a version or an alias. That AWS says so for other operations than those on concurrency is
// assumed.
func unqualified(arn lambda.ARN) error {
	if arn.Qualifier == "" || arn.Qualifier == lambda.Latest {
		return nil
	}
	return functionsOnly()
}

func functionsOnly() *wire.Error {
	return invalidParameter("This operation is permitted on Lambda functions only. Aliases and versions do not " +
		"support this operation. Please specify either a function name or an unqualified function ARN.")
}

// governed is existing for the operations on permissions, which call an alias that is not there one.
func (t target) governed() (*lambda.Function, error) {
	if errors.Is(t.missing, resolve.ErrAlias) {
		return nil, aliasMissing(t.arn)
	}
	return t.existing()
}

// policyQualifier is the qualifier whose policy governs requests for another: $LATEST has none of its own, since
// AddPermission does not take it.
func policyQualifier(qualifier string) string {
	if qualifier == lambda.Latest {
		return ""
	}
	return qualifier
}

// current is the function in a transaction: it may have gone since the request was authorized.
func (r *request) current(world *state.Snapshot) (*lambda.Function, error) {
	function, ok := world.Function(r.target.arn)
	if !ok {
		return nil, functionNotFound(r.target.arn.Unqualified())
	}
	return function, nil
}

// change changes the target's function in a transaction, if it still has the revision that the request names. readWith
// is what reads the latest one.
func (r *request) change(revision *string, readWith string, edit func(*state.Tx, *lambda.Function) error) error {
	return r.State.Update(r.Context(), func(tx *state.Tx) error {
		now, err := r.current(tx.View())
		if err != nil {
			return err
		}
		if revision != nil && *revision != now.RevisionID {
			return staleRevision(readWith)
		}
		changed := now.Clone()
		if err := edit(tx, changed); err != nil {
			return err
		}
		return tx.Put(changed)
	})
}
