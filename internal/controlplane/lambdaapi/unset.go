//go:build unix

package lambdaapi

import (
	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

// Most operations here read settings that furl does not have. Tools make them on every function; the answers are those
// of AWS for a function, or an account, on which nothing was set.

// unsetInput is the input of these reads: a function, and a page of what it has.
type unsetInput struct {
	functionInput
	wire.Page
}

// answer is the handler that says the same of every function that exists.
func answer(value any) func(*request, *unsetInput) (any, error) {
	return func(r *request, _ *unsetInput) (any, error) {
		if _, err := r.target.existing(); err != nil {
			return nil, err
		}
		return value, nil
	}
}

// The answers of operations whose settings are not set.
type (
	noCodeSigning         struct{}
	noCapacityProviders   struct{ CapacityProviders [0]struct{} }
	noCodeSigningConfigs  struct{ CodeSigningConfigs [0]struct{} }
	noEventSourceMappings struct{ EventSourceMappings [0]struct{} }
)

// getScaling refuses as PutFunctionScalingConfig was seen to on a function of the ordinary kind
// (go-to-k/cdkd#1616). That the read does so too is assumed.
func (s *service) getScaling(r *request, _ *unsetInput) (any, error) {
	if r.target.function == nil {
		return nil, functionNotFound(r.target.arn.Unqualified())
	}
	return nil, accessDenied("The function provided by the arn does not contain a capacity provider configuration")
}

// shownRuntimeManagement tells how the runtime of a function is updated. There is one way: furl runs what the machine has.
type shownRuntimeManagement struct {
	FunctionArn       string
	RuntimeVersionArn *string
	UpdateRuntimeOn   string
}

func (s *service) getRuntimeManagement(r *request, _ *unsetInput) (any, error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	return shownRuntimeManagement{r.target.arn.String(), nil, "Auto"}, nil
}

type runtimeManagementInput struct {
	functionInput
	UpdateRuntimeOn   string
	RuntimeVersionArn string
}

// putRuntimeManagement takes what is so anyway. Terraform writes it when it destroys what set another.
func (s *service) putRuntimeManagement(r *request, in *runtimeManagementInput) (any, error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	if in.UpdateRuntimeOn != "Auto" || in.RuntimeVersionArn != "" {
		return nil, unsupported("another UpdateRuntimeOn than Auto",
			"functions run with the runtimes that this machine has. Use Auto, without RuntimeVersionArn.")
	}
	return shownRuntimeManagement{r.target.arn.String(), nil, in.UpdateRuntimeOn}, nil
}

// recursionInput is what PutFunctionRecursionConfig takes.
type recursionInput struct {
	functionInput
	RecursiveLoop string
}

type shownRecursion struct{ RecursiveLoop string }

func showRecursion(function *lambda.Function) shownRecursion {
	if function.AllowsLoops {
		return shownRecursion{"Allow"}
	}
	return shownRecursion{"Terminate"}
}

func (s *service) getRecursion(r *request, _ *unsetInput) (any, error) {
	function, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	return showRecursion(function), nil
}

func (s *service) putRecursion(r *request, in *recursionInput) (shown any, err error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	err = r.change(nil, "", func(_ *state.Tx, function *lambda.Function) error {
		function.AllowsLoops = in.RecursiveLoop == "Allow"
		shown = showRecursion(function)
		return nil
	})
	return shown, err
}

// listInput is the input of lists of an account.
type listInput struct {
	wire.Page
	EventSourceArn string
	FunctionName   string
	State          string
}

// none is the handler that says the same of every account.
func none(value any) func(*request, *listInput) (any, error) {
	return func(*request, *listInput) (any, error) { return value, nil }
}

// absentInput names a thing of a kind that furl does not have.
type absentInput struct {
	wire.Page
	UUID                 string
	CodeSigningConfigArn string
}

// byAbsent is the resource of reads of such things: its ARN, which the input gives in full or without its head.
func byAbsent(call *controlplane.Call, in *absentInput) (*request, error) {
	r := ask(call, in, target{})
	r.Need.Resource, r.Need.ResourceAccount = in.CodeSigningConfigArn, call.Caller.Account
	if in.UUID != "" {
		r.Need.Resource = "arn:" + arn.PartitionOf(call.Region) + ":lambda:" + call.Region + ":" + call.Caller.Account + ":event-source-mapping:" + in.UUID
	}
	return r, nil
}

// getAbsent is the handler of reads of such things. That the list of functions by a code signing configuration answers
// as the configuration itself is assumed.
func getAbsent(_ *request, in *absentInput) (any, error) {
	if in.UUID != "" {
		return nil, notFound("The resource you requested does not exist.")
	}
	return nil, notFound("The Lambda code signing configuration %s can not be found.", in.CodeSigningConfigArn)
}
