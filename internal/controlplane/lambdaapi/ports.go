package lambdaapi

import (
	"context"
	"errors"

	"github.com/furl-dev/furl/internal/lambda"
)

// Code keeps deployment packages.
type Code interface {
	// Put checks a .zip file and keeps it durably, under the hash of its content: putting it again is no work. An
	// error is ErrNotZip, ErrZipEmpty, ErrZipTooLarge or ErrUnzippedTooLarge for a package that AWS refuses too, a
	// *lambda.Error of kind Invalid for one that furl refuses, or any other when it could not be kept.
	Put(ctx context.Context, zip []byte) (Package, error)
}

// Package names a deployment package that is kept.
type Package struct {
	SHA256 string // of the .zip file, base64, as the API shows it
	Hex    string // the same in hexadecimal
	Size   int64  // of the .zip file, bytes
}

// What is wrong with a deployment package.
var (
	ErrNotZip           = errors.New("not a .zip file")
	ErrZipEmpty         = errors.New("the .zip file has no files in it")
	ErrZipTooLarge      = errors.New("the .zip file is larger than 52428800 bytes")
	ErrUnzippedTooLarge = errors.New("the unzipped package is larger than 262144000 bytes")
)

// Links makes addresses to download deployment packages from.
type Links interface {
	// CodeURL is an address that is good for a few minutes and gives the .zip file to whoever has it.
	CodeURL(function *lambda.Function) string
}

// Runtimes knows what can run on this machine.
type Runtimes interface {
	// Check returns an error that says what to install if functions of the runtime can not run here. It is only asked
	// for runtimes that AWS Lambda has.
	Check(runtime string) error
}

// URLs decides what function URLs look like here.
type URLs interface {
	// FunctionURL is the whole URL of a function URL's id, with a slash at its end.
	FunctionURL(id, region string) string
}

// Environments are the execution environments of functions.
type Environments interface {
	// Retire has the idle environments of a function end and the busy ones after their invocation: its code or
	// configuration has changed, or it is gone. The key is that of lambda.ARN.Key.
	Retire(functionKey string)
}

// Invoker runs functions. Whoever calls it has been authorised.
type Invoker interface {
	// Invoke runs the function once and waits for its end. A function that fails is a Result. Errors are *Throttled,
	// ErrShuttingDown, ErrTooLarge, ErrRole and that of the context; any other means that the server is at fault.
	Invoke(ctx context.Context, invocation Invocation) (Result, error)
	// InvokeAsync takes the invocation, to run it later. Its errors are those of Invoke.
	InvokeAsync(ctx context.Context, invocation Invocation) error
}

// Invocation is one call of a function.
type Invocation struct {
	Function      *lambda.Function
	Qualifier     string // as invoked, "" for the function itself
	Payload       []byte // JSON
	ClientContext string // JSON, "" for none
	RequestID     string
	TraceID       string // X-Amzn-Trace-Id
	LogTail       bool   // Result.LogTail is wanted
}

// Result is how an invocation went.
type Result struct {
	Payload         []byte // what the function answered, or the JSON that describes its failure
	FunctionError   string // "Unhandled" if the function failed, else ""
	LogTail         []byte // the last 4 KB of its log
	ExecutedVersion string // $LATEST
}

// Why an invocation did not take place.
var (
	ErrShuttingDown = errors.New("the server is shutting down")
	ErrTooLarge     = errors.New("the invocation is too large")
	ErrRole         = errors.New("the function's role can not be assumed")
)

// Throttled means that the function may not run more often, or not more often at once.
type Throttled struct {
	Reason string // one of the API's throttle reasons: ReservedFunctionConcurrentInvocationLimitExceeded, …
}

func (t *Throttled) Error() string { return "throttled: " + t.Reason }
