// Package lambdaapi is the AWS Lambda API as furl has it: the operations on functions, their URLs, permissions and
// tags, and Invoke, spoken as REST-JSON the way the AWS CLI and SDKs do. One table has a row per operation, with its
// path, its IAM action and its handler; the row is router, authorisation and documentation at once.
//
//	api, err := lambdaapi.New(lambdaapi.Config{Code: store, Invoker: service, …})
//	…
//	plane := &controlplane.Plane{APIs: []controlplane.API{api}, …}
//
// Of every request it checks, in this order: that there is such an operation, the size, the JSON, the constraints of
// the API's model, the name, the permission, and only then whether what it names exists; who may not look learns
// nothing. Operations of AWS Lambda that furl does not have are known by name and answered with an error that says
// so, and members of a request that would change how a function behaves at AWS but can not here are refused, never
// ignored. Versions and aliases are among them: a function has $LATEST and nothing else.
package lambdaapi

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/lambda"
)

// Config is what the API works with.
type Config struct {
	Code     Code
	Links    Links
	Runtimes Runtimes
	Invoker  Invoker

	// Concurrency is how many invocations an account may run at once, as GetAccountSettings tells it; 0 is 1,000, the
	// default of an AWS account.
	Concurrency int
	Random      io.Reader // nil is crypto/rand.Reader
}

// API is the Lambda API. It is safe for concurrent use.
type API struct {
	config Config
	routes router
}

var _ controlplane.API = (*API)(nil)

// New makes the API. All interfaces of the configuration are required.
func New(config Config) (*API, error) {
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
		config.Concurrency = 1000
	}
	if config.Random == nil {
		config.Random = rand.Reader
	}
	return &API{config: config, routes: newRouter(operations())}, nil
}

// Service is lambda, as in a credential scope.
func (*API) Service() string { return "lambda" }

// MaxBody is what the operation takes: the 50 MB of zip in base64 of CreateFunction are read for no other.
func (a *API) MaxBody(r *http.Request) int64 {
	if op, _, ok := a.routes.find(r); ok {
		return int64(op.maxBody())
	}
	return maxRequest
}

// Operations lists the operations that furl has, in the order of the documentation.
func (*API) Operations() []controlplane.Operation { return Operations() }

// Operations lists the operations that furl has, in the order of the documentation.
func Operations() []controlplane.Operation {
	var list []controlplane.Operation
	for _, op := range operations() {
		if op.run != nil {
			list = append(list, controlplane.Operation{
				Name: op.name, Action: op.action, Method: op.method, Path: op.path, Note: op.note,
			})
		}
	}
	return list
}

// Serve answers a request whose signature is good.
func (a *API) Serve(w http.ResponseWriter, call *controlplane.Call) {
	answer, status, err := a.answer(call)
	if err != nil {
		faultOf(call, err).write(w, call)
		return
	}
	writeAnswer(w, status, answer)
}

func (a *API) answer(call *controlplane.Call) (answer any, status int, err error) {
	// The region ends up in ARNs, and so do names made of it: it must look like one.
	if !lambda.ValidRegion(call.Region) {
		return nil, 0, &fault{
			status: http.StatusForbidden, name: "InvalidSignatureException",
			message: "Credential should be scoped to a valid region. ", member: lowerCase,
		}
	}
	op, parameters, ok := a.routes.find(call.Request)
	switch {
	case !ok:
		return nil, 0, unknownOperation(call.Request)
	case op.run == nil:
		return nil, 0, unsupportedOperation(op.name)
	case len(call.Body) > op.maxBody():
		return nil, 0, requestTooLarge(op)
	}
	answer, err = op.run(a, call, op, parameters)
	return answer, op.status, err
}
