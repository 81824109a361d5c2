package lambdaapi

import (
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/lambda"
)

// target is what a request is about.
type target struct {
	arn      lambda.ARN       // with the qualifier that the request names; zero for no resource
	resource lambda.ARN       // what the caller needs the permission for; zero for no resource
	function *lambda.Function // as it was when the request was authorised, nil if there is no such function
}

func (t target) named() bool { return t.resource != lambda.ARN{} }

// resource finds what an operation is authorised for. Every row of the table names one of these.
type resource func(*controlplane.Call, input) (target, error)

// account is the resource of actions that IAM knows none for: they are authorised for "*".
func account(*controlplane.Call, input) (target, error) { return target{}, nil }

// byFunction is the resource of actions whose resource type is the function alone: the unqualified ARN, in whichever
// form the input names the function. A policy for the function thus holds for NAME:$LATEST as well.
func byFunction(call *controlplane.Call, in input) (target, error) {
	found, err := findFunction(call, in)
	found.resource = found.arn.Unqualified()
	return found, err
}

// byQualifier is the resource of actions that can be asked for a version or an alias: the ARN with the qualifier that
// the input names. AWS takes $LATEST for such a qualifier, so a policy for the function says nothing of it (Lambda
// Developer Guide, "Fine-tuning the Resources and Conditions sections of policies"; GetFunctionConfiguration is seen
// to be denied for ARN:$LATEST in alexcasalboni/aws-lambda-power-tuning#260).
func byQualifier(call *controlplane.Call, in input) (target, error) {
	found, err := findFunction(call, in)
	found.resource = found.arn
	return found, err
}

// findFunction finds the function that an input names, with its qualifier.
func findFunction(call *controlplane.Call, in input) (target, error) {
	name, qualifier := in.(interface {
		functionName() (name string, qualifier *string)
	}).functionName()
	arn, err := lambda.ParseName(name, call.Region, call.Caller.Account)
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
	function, _ := call.State.Now().Function(arn)
	return target{arn: arn, function: function}, nil
}

// badName says what is wrong with a name that has the form of the API's pattern and is none all the same.
func badName(name string) error {
	bare := name
	for _, part := range strings.Split(name, ":") {
		if len(part) > lambda.MaxNameLength {
			bare = part
		}
	}
	if len(bare) > lambda.MaxNameLength {
		return validation(violation(" '"+cut(bare)+"'", "functionName", maxLength(lambda.MaxNameLength).must))
	}
	return validation(violation(" '"+cut(name)+"'", "functionName", functionName.must))
}

// existing is the target's function, if the qualifier is one that it has: none, or $LATEST.
func (t target) existing() (*lambda.Function, error) {
	if t.function == nil {
		return nil, functionNotFound(t.arn)
	}
	return t.function, t.qualified()
}

// qualified refuses qualifiers of versions and aliases, which functions do not have here.
func (t target) qualified() error {
	qualifier := t.arn.Qualifier
	switch {
	case qualifier == "" || qualifier == lambda.Latest:
		return nil
	case urlQualifier.holds(qualifier):
		return notFound("Cannot find alias arn: %s", t.arn)
	default:
		return functionNotFound(t.arn)
	}
}

func functionNotFound(arn lambda.ARN) *fault { return notFound("Function not found: %s", arn) }

// policyQualifier is the qualifier whose policy governs requests for another: $LATEST has none of its own, since
// AddPermission does not take it.
func policyQualifier(qualifier string) string {
	if qualifier == lambda.Latest {
		return ""
	}
	return qualifier
}

// current is the function in a transaction: it may have gone since the request was authorised.
func current(find func(lambda.ARN) (*lambda.Function, bool), arn lambda.ARN) (*lambda.Function, error) {
	function, ok := find(arn)
	if !ok {
		return nil, functionNotFound(arn.Unqualified())
	}
	return function, nil
}
