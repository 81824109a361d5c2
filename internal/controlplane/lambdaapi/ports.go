package lambdaapi

import (
	"context"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
)

// Code keeps deployment packages; [code.Store] documents it.
type Code interface {
	Put(ctx context.Context, zip []byte) (code.Package, error)
}

// Links makes the addresses that answers contain.
type Links interface {
	// FunctionURL is the whole URL of a function URL's id, with a slash at its end.
	FunctionURL(id, region string) string
	// CodeURL is an address that is good for a few minutes and gives the .zip file to anybody who has it.
	CodeURL(function *lambda.Function) string
}

// Runtimes knows what can run on this machine.
type Runtimes interface {
	// Supported returns an error that says what to install if functions of the runtime cannot run here. It is only
	// asked for runtimes that AWS Lambda has.
	Supported(ctx context.Context, runtime string) error
}

// Invoker runs functions; [invoke.Service] documents it. The API has authorized the caller before.
type Invoker interface {
	Invoke(ctx context.Context, request invoke.Request) (*runtime.Result, error)
	Enqueue(request invoke.Request) error
	// Retire is called for a function whose code or configuration has changed, or that is gone.
	Retire(functionKey string)
}
