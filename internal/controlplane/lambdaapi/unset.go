package lambdaapi

import (
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
)

// The reads here are of settings that furl does not have. Tools make them on every function; the answers are those of
// AWS for a function on which nothing was set.

// unsetInput is the input of these reads: a function, and a page of what it has.
type unsetInput struct {
	functionInput
	wire.Page
	FunctionVersion string
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
	noAliases     struct{ Aliases [0]struct{} }
	noCodeSigning struct{}
	noRecursion   struct{ RecursiveLoop string }
)

// listVersions lists the one version that a function has here.
func (s *service) listVersions(r *request, in *unsetInput) (any, error) {
	function, err := r.target.existing()
	if err != nil {
		return nil, err
	}
	versions := []configuration{s.changing.show(r, function, lambda.Latest).listed()}
	versions, next, err := cut(in.Page, "versions", versions, func(c configuration) string { return c.Version })
	if err != nil {
		return nil, err
	}
	return struct {
		NextMarker string `json:",omitempty"`
		Versions   []configuration
	}{next, versions}, nil
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
