package app

import (
	"context"
	"errors"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/pages"
	"github.com/furl-dev/furl/internal/runtime"
)

// The adapters below are all that the packages need to fit together, none of which knows another.

// logSink keeps what functions write, under the function's key.
type logSink struct{ logs *logs.Store }

func (s logSink) WriteLog(line runtime.LogLine) {
	stream := logs.Stdout
	if line.Kind == runtime.LogPlatform {
		stream = logs.Platform
	}
	arn := lambda.ARN{Region: line.Function.Region, Account: line.Function.AccountID, Name: line.Function.Name}
	s.logs.Append(arn.Key(), logs.Line{Time: line.Time, Stream: stream, Text: string(line.Text)})
}

// packages keeps deployment packages for the Lambda API.
type packages struct{ code *code.Store }

func (p packages) Put(ctx context.Context, zip []byte) (lambdaapi.Package, error) {
	kept, err := p.code.Put(ctx, zip)
	switch {
	case errors.Is(err, code.ErrZippedTooLarge):
		return lambdaapi.Package{}, lambdaapi.ErrZipTooLarge
	case errors.Is(err, code.ErrUnzippedTooLarge):
		return lambdaapi.Package{}, lambdaapi.ErrUnzippedTooLarge
	case errors.Is(err, code.ErrNotZip):
		return lambdaapi.Package{}, lambdaapi.ErrNotZip
	case errors.Is(err, code.ErrEmpty):
		return lambdaapi.Package{}, lambdaapi.ErrZipEmpty
	case errors.Is(err, code.ErrUnsafeEntry), errors.Is(err, code.ErrTooManyEntries):
		return lambdaapi.Package{}, lambda.Errorf(lambda.Invalid, "%v", err)
	case err != nil:
		return lambdaapi.Package{}, err
	}
	return lambdaapi.Package{SHA256: kept.SHA256, Hex: kept.Hex, Size: kept.Size}, nil
}

// links are the addresses of deployment packages.
type links struct {
	code     *pages.CodeLinks
	endpoint string
}

func (l links) CodeURL(function *lambda.Function) string {
	return l.endpoint + l.code.Path(function.CodeHex)
}

// runtimes says what can run here.
type runtimes struct{ pool *runtime.Pool }

func (r runtimes) Check(name string) error { return r.pool.Supported(context.Background(), name) }

// invoker runs functions for the Lambda API.
type invoker struct{ service *invoke.Service }

func (i invoker) Invoke(ctx context.Context, in lambdaapi.Invocation) (lambdaapi.Result, error) {
	wantTail := in.LogTail // all that is needed of the invocation, with its payload, while the function runs
	result, err := i.service.Invoke(ctx, request(in))
	if err != nil {
		return lambdaapi.Result{}, invokeError(err)
	}
	payload, err := result.ReadAll(runtime.MaxBufferedResponse)
	if err != nil {
		return lambdaapi.Result{}, err
	}
	out := lambdaapi.Result{Payload: payload, ExecutedVersion: lambda.Latest}
	if result.FunctionError != nil {
		out.FunctionError = result.FunctionError.Kind
	}
	if wantTail {
		out.LogTail = result.LogTail()
	}
	return out, nil
}

func (i invoker) InvokeAsync(_ context.Context, in lambdaapi.Invocation) error {
	return invokeError(i.service.Enqueue(request(in)))
}

func request(in lambdaapi.Invocation) invoke.Request {
	return invoke.Request{
		Function:      in.Function,
		Qualifier:     in.Qualifier,
		Payload:       in.Payload,
		RequestID:     in.RequestID,
		TraceID:       in.TraceID,
		ClientContext: in.ClientContext,
	}
}

func invokeError(err error) error {
	switch {
	case errors.Is(err, runtime.ErrBusy), errors.Is(err, invoke.ErrQueueFull):
		return &lambdaapi.Throttled{Reason: "ConcurrentInvocationLimitExceeded"}
	case errors.Is(err, runtime.ErrClosed):
		return lambdaapi.ErrShuttingDown
	case errors.Is(err, invoke.ErrRole):
		return lambdaapi.ErrRole
	default:
		return err
	}
}
