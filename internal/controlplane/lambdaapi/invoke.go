//go:build unix

package lambdaapi

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/trace"
)

// The ways to invoke a function.
const (
	asyncInvocation = "Event"
	dryRun          = "DryRun"
)

const (
	maxEventPayload  = 1 << 20 // bytes, for an asynchronous invocation
	maxClientContext = 3583    // bytes of base64
)

// invokeInput is the input of Invoke and InvokeWithResponseStream; the payload is the request's body.
type invokeInput struct {
	functionInput
	ClientContext  *string
	InvocationType string
	LogType        string
	Payload        []byte
	TenantId       *string
}

// facts say that the function is called directly. AWS documents lambda:InvokedViaFunctionUrl as true for calls through
// a URL; that it is false, and not absent, for others is assumed.
func (in *invokeInput) facts(target) []auth.Fact {
	return []auth.Fact{{Key: "lambda:InvokedViaFunctionUrl", Value: "false"}}
}

func (s *service) invoke(r *request, in *invokeInput) (any, error) {
	invocation, err := s.invocation(r, in)
	if err != nil {
		return nil, err
	}
	answer := &invoked{traceID: invocation.TraceID}
	switch in.InvocationType {
	case dryRun:
		answer.status = http.StatusNoContent
	case asyncInvocation:
		answer.status = http.StatusAccepted
		err = s.config.Invoker.Enqueue(invocation)
	default:
		err = answer.take(s.config.Invoker.Invoke(r.Context(), invocation))
		if err == nil && in.LogType == "Tail" {
			answer.logTail = answer.result.LogTail()
		}
	}
	if err != nil {
		return nil, invokeFault(err)
	}
	return answer, nil
}

// invocation is what the request asks for, if it can be had.
func (s *service) invocation(r *request, in *invokeInput) (invoke.Request, error) {
	if err := r.target.invocable(); err != nil {
		return invoke.Request{}, err
	}
	if found, ok := s.changing.now(r, r.target.arn); ok && found.creating { // while an update is in progress, invocations are taken
		return invoke.Request{}, s.changing.conflict(r)
	}
	invocation, err := in.invocation(r)
	r.Body, in.Payload, r.Call.Request.Body = nil, nil, http.NoBody // the invocation has it, and the function may run for half an hour
	return invocation, err
}

// invocable refuses what cannot be invoked. Unlike other operations, Invoke names the version in its message.
func (t target) invocable() error {
	if t.function == nil {
		arn := t.arn
		setDefault(&arn.Qualifier, "$LATEST")
		return functionNotFound(arn)
	}
	_, err := t.existing()
	return err
}

func (in *invokeInput) invocation(r *request) (invoke.Request, error) {
	invocation := invoke.Request{
		Target:    r.target.found,
		Payload:   in.Payload,
		RequestID: r.RequestID,
		TraceID:   traceID(r),
	}
	switch {
	case in.TenantId != nil:
		return invoke.Request{}, invalidParameter("The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.")
	case in.InvocationType == asyncInvocation && len(in.Payload) > maxEventPayload:
		return invoke.Request{}, tooLarge(len(in.Payload))
	}
	if len(invocation.Payload) == 0 {
		invocation.Payload = []byte("{}")
	}
	if err := json.Unmarshal(invocation.Payload, new(json.RawMessage)); err != nil {
		return invoke.Request{}, invalidContent("Could not parse request body into json: Could not parse payload into json: %s",
			cmp.Or(payloadFault(invocation.Payload, err), err.Error()))
	}
	if in.ClientContext != nil {
		context, err := base64.StdEncoding.DecodeString(*in.ClientContext)
		if err != nil || !isObject(context) {
			return invoke.Request{}, invalidContent("Client context must be a valid Base64-encoded JSON object.")
		}
		if len(*in.ClientContext) > maxClientContext {
			return invoke.Request{}, invalidContent("Client context must be no more than %d bytes when base64-encoded.", maxClientContext)
		}
		// "For synchronous invocations only" (API reference of Invoke): an asynchronous one drops it.
		if in.InvocationType != asyncInvocation {
			invocation.ClientContext = string(context)
		}
	}
	return invocation, nil
}

func isObject(text []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(text, &object) == nil && object != nil
}

// traceID is the trace that the function sees and the answer names.
func traceID(r *request) string {
	return trace.XRay{
		Own: trace.NewXRayID(r.Now), Received: r.Call.Request.Header.Get("X-Amzn-Trace-Id"),
		Active:    r.target.found.Version.TracingMode == lambda.TracingActive,
		RequestID: r.RequestID, FunctionARN: r.target.function.ARN.String(),
	}.Header()
}

func invokeFault(err error) error {
	switch {
	case errors.Is(err, runtime.ErrBusy), errors.Is(err, invoke.ErrQueueFull):
		return throttled(invoke.ThrottleReason(err))
	case errors.Is(err, runtime.ErrClosed):
		return wire.Errorf("ServiceException", "The server is shutting down.").WithStatus(http.StatusServiceUnavailable)
	case errors.Is(err, invoke.ErrRole):
		return accessDenied("The role defined for the function cannot be assumed by Lambda.")
	default:
		return err
	}
}

// invoked is the answer to Invoke.
type invoked struct {
	status  int // 0 for the operation's own
	traceID string
	result  *runtime.Result
	payload []byte // what the function answered, or the JSON that describes its failure
	logTail []byte
}

// take reads what the function answers.
func (i *invoked) take(result *runtime.Result, err error) error {
	if err == nil {
		i.result = result
		i.payload, err = result.ReadAll(runtime.MaxBufferedResponse)
	}
	return err
}

// Write answers with the status, the headers and the payload of an invocation.
func (i *invoked) Write(w http.ResponseWriter, status int) {
	header := w.Header()
	header.Set("X-Amzn-Trace-Id", i.traceID)
	header.Set("X-Amzn-Remapped-Content-Length", "0")
	if i.status != 0 {
		w.WriteHeader(i.status)
		return
	}
	header.Set("Content-Type", "application/json")
	if i.result.ResponseMode == runtime.ModeStreaming && len(i.payload) > 0 {
		// Whatever type the function gives (radkawar/stackd, streaming.json, ordinary_invoke_streaming_handler).
		header.Set("Content-Type", octetStream)
	}
	header.Set("X-Amz-Executed-Version", i.result.Version)
	if failed := i.result.FunctionError; failed != nil {
		header.Set("X-Amz-Function-Error", failed.Kind)
	}
	if i.logTail != nil {
		header.Set("X-Amz-Log-Result", logResult(i.logTail))
	}
	w.WriteHeader(status)
	w.Write(i.payload) // an error means that the client is gone
}

// logResult is the end of a log as answers have it. It is text, recorded to have a U+FFFD for each byte of a character
// that is cut (radkawar/stackd, invocation_tails.json).
func logResult(tail []byte) string {
	return base64.StdEncoding.EncodeToString([]byte(string([]rune(string(tail)))))
}
