//go:build unix

// Package lambdaapi is the AWS Lambda API as furl has it: the operations on functions, their URLs, permissions and
// tags, on layers, and Invoke, spoken as REST-JSON the way the AWS CLI and SDKs do. One table has a row per operation, with its
// path, its IAM action and its handler; the row is router, authorization and documentation at once.
//
//	api, err := lambdaapi.New(lambdaapi.Config{Code: store, Invoker: service, …})
//	…
//	plane := &controlplane.Plane{APIs: []controlplane.API{api}, …}
//
// Of every request it checks, in this order: that there is such an operation, the size, the JSON, the constraints of
// the API's model, the name, the permission, and only then whether what it names exists; who may not look learns
// nothing. Operations and members that furl does not have are refused, never ignored; see package wire.
package lambdaapi

import (
	"context"
	"crypto/rand"
	"errors"
	"io"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
)

// Config is what the API works with.
type Config struct {
	Code     Code
	Links    Links
	Runtimes Runtimes
	Invoker  Invoker
	Places   Places

	// Concurrency is how many invocations an account may run at once, as GetAccountSettings tells it; 0 is 1,000, the
	// default of an AWS account.
	Concurrency int
	Random      io.Reader // nil is crypto/rand.Reader

	// FaithfulStates has functions be Pending and updates be InProgress for a while, as at AWS, and refuses until then
	// what AWS refuses.
	FaithfulStates bool

	// BlockPublicAccess refuses statements of resource-based policies that let anybody in.
	BlockPublicAccess bool
}

// Code keeps deployment packages and the content of layers; [code.Store] documents it.
type Code interface {
	Put(ctx context.Context, zip []byte) (code.Package, error)
	Unzipped(hex string) (int64, error)
}

// Places finds what functions run besides kept packages; [code.Places] documents it.
type Places interface {
	CodeDir(path string) (string, error)
	Upstream(url string) (string, error)
}

// Links makes the addresses that answers contain.
type Links interface {
	// FunctionURL is the whole URL of a function URL's id, with a slash at its end.
	FunctionURL(id, region string) string
	// CodeURL is an address of the kept package with the hash, that of a function or of a layer. It is good for a few
	// minutes and gives the .zip file to anybody who has it.
	CodeURL(hex string) string
}

// Runtimes knows what can run on this machine.
type Runtimes interface {
	// Supported returns an error that says what to install if functions of the runtime cannot run here. It is only
	// asked for runtimes that AWS Lambda has.
	Supported(ctx context.Context, runtime string) error
}

// Packages is what [Runtimes] may also know: what a runtime needs of a package.
type Packages interface {
	// Packaged returns an error that says what to add if the kept package of the function, with its layers, lacks what the
	// runtime needs of it here, such as AWS's client for Java.
	Packaged(ctx context.Context, function *lambda.Configuration) error
}

// Invoker runs functions; [invoke.Service] documents it. The API has authorized the caller before.
type Invoker interface {
	Invoke(ctx context.Context, request invoke.Request) (*runtime.Result, error)
	Enqueue(request invoke.Request) error
	// Retire is called for a function whose code or configuration has changed, or that is gone.
	Retire(lambda.ARN)
	// Reload is called for a directory that is used in place, when a function was told to use it, maybe again.
	Reload(dir string)
	// Provision is called for a function whose reserved or provisioned concurrency has changed. Provisioned says how many
	// environments of a version or an alias are ready.
	Provision(lambda.ARN)
	Provisioned(lambda.ARN) (ready int, failed bool)
}

// service is what the operations are methods of.
type service struct {
	config   Config
	changing passages
}

// New makes the API. All interfaces of the configuration but Places are required.
func New(config Config) (controlplane.API, error) {
	for _, required := range []struct {
		name  string
		value any
	}{
		{"Code", config.Code}, {"Links", config.Links}, {"Runtimes", config.Runtimes}, {"Invoker", config.Invoker},
	} {
		if required.value == nil {
			return nil, errors.New("lambdaapi: Config." + required.name + " is not set")
		}
	}
	if config.Concurrency == 0 {
		config.Concurrency = lambda.DefaultConcurrency
	}
	if config.Places == nil {
		config.Places = &code.Places{}
	}
	if config.Random == nil {
		config.Random = rand.Reader
	}
	return newAPI(&service{config: config, changing: passages{faithful: config.FaithfulStates, byKey: map[string]passage{}}}), nil
}

// Operations lists the operations that furl has, in the order of the documentation.
func Operations() []controlplane.Operation { return newAPI(&service{}).Operations() }

func newAPI(s *service) *wire.API {
	return wire.New(wire.Config{
		Service:   "lambda",
		Table:     s.table(),
		Invalid:   "ValidationException",
		Refused:   "InvalidParameterValueException",
		Denied:    "AccessDeniedException",
		Failure:   "ServiceException",
		Absent:    absent,
		Admit:     requireRegion,
		Translate: translate,
		BadMarker: invalidParameter("Invalid marker value from user."),
		MaxBody:   1 << 20,
		// AWS names these limits in its answer to a body that is too large; for other operations the limit is furl's.
		MaxBodyOf: map[string]int{
			"CreateFunction": 70_167_211, "UpdateFunctionCode": 70_167_211, "UpdateFunctionConfiguration": 5_120,
			"PublishLayerVersion": 70_167_211, "Invoke": 6_291_456, "InvokeWithResponseStream": 6_291_456,
		},
	})
}
