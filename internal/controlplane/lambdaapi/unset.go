package lambdaapi

import (
	"github.com/furl-dev/furl/internal/controlplane/wire"
)

// The reads here are of settings that furl does not have. Tools make them on every function; the answers are those of
// AWS for a function on which nothing was set.

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
	noCodeSigning struct{}
	noRecursion   struct{ RecursiveLoop string }
)

// notManaged refuses what only functions on managed instances have, with AWS's text for PutFunctionScalingConfig
// (go-to-k/cdkd#1616, observed in August 2026).
func (s *service) notManaged(r *request, _ *functionInput) (any, error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	return nil, accessDenied("The function provided by the arn does not contain a capacity provider configuration")
}

func (s *service) getRuntimeManagement(r *request, _ *unsetInput) (any, error) {
	if _, err := r.target.existing(); err != nil {
		return nil, err
	}
	return struct {
		FunctionArn       string
		RuntimeVersionArn *string
		UpdateRuntimeOn   string
	}{r.target.arn.String(), nil, "Auto"}, nil
}

// listInput is the input of lists of an account.
type listInput struct {
	wire.Page
	EventSourceArn string
	FunctionName   string
}

func (s *service) listEventSourceMappings(*request, *listInput) (any, error) {
	return struct{ EventSourceMappings [0]struct{} }{}, nil
}

func (s *service) getEventSourceMapping(*request, *struct{ UUID string }) (any, error) {
	return nil, resourceMissing()
}

func (s *service) listCodeSigningConfigs(*request, *listInput) (any, error) {
	return struct{ CodeSigningConfigs [0]struct{} }{}, nil
}
