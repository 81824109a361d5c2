//go:build unix

package invoke

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/trace"
)

// outcome is what became of an asynchronous invocation, as the record for a destination says it.
type outcome string

const (
	success          outcome = "Success"
	retriesExhausted outcome = "RetriesExhausted"
	eventAgeExceeded outcome = "EventAgeExceeded"
	zeroReserved     outcome = "ZeroReservedConcurrency"
)

// maxChain is how many invocations may follow from one through destinations. AWS ends a recursive loop after about 16
// (Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops").
const maxChain = 16

// attempt runs the job once and answers after what time to try again, zero for never. Throttling does not count as an
// attempt.
func (s *Service) attempt(ctx context.Context, job *job) (wait time.Duration) {
	name := job.request.Target.ARN()
	log := s.Log.With("function", name.String(), "request_id", job.request.RequestID)
	current, err := resolve.Find(s.State.Now(), name)
	if err != nil {
		log.Warn("asynchronous invocation dropped: what it invokes was deleted", "error", err)
		return 0
	}
	job.request.Target, job.request.queued = current, true
	config := eventInvokeOf(current)
	age := s.now().Sub(job.taken)
	switch {
	case age > config.age:
		log.Warn("asynchronous invocation dropped: it is too old", "age", age.String())
		s.conclude(job, config, eventAgeExceeded, nil)
		return 0
	case current.Function.Reserved != nil && *current.Function.Reserved == 0:
		log.Warn("asynchronous invocation dropped: the reserved concurrency of the function is zero")
		s.conclude(job, config, zeroReserved, nil)
		return 0
	}
	result, err := s.Invoke(context.WithoutCancel(ctx), job.request)
	if errors.Is(err, runtime.ErrBusy) {
		return job.throttle()
	}
	answer, failed := taken(result, err)
	switch {
	case failed == nil:
		s.conclude(job, config, success, answer)
		return 0
	case err != nil && !errors.As(err, new(*runtime.Exhausted)): // it did not run
		log.Warn("asynchronous invocation dropped", "error", err)
		return 0
	}
	job.attempt++
	if job.attempt <= config.retries {
		wait = retryWaits[job.attempt-1]
	}
	log.Warn("asynchronous invocation failed", "error", failed, "attempt", job.attempt, "retry_after", wait.String())
	if wait == 0 {
		s.conclude(job, config, retriesExhausted, answer)
	}
	return wait
}

// answer is how a function has answered an event.
type answer struct {
	version string
	failure string // kind of the function's error, "" if it did not fail
	payload []byte
}

// taken reads the answer. The error says how the attempt failed.
func taken(result *runtime.Result, err error) (*answer, error) {
	if err != nil {
		return nil, err
	}
	payload, err := result.ReadAll(0)
	read := &answer{version: result.Version, payload: payload}
	if failed := result.FunctionError; failed != nil {
		read.failure, err = failed.Kind, failed
	}
	return read, err
}

// eventInvoke is what becomes of the asynchronous invocations of a target.
type eventInvoke struct {
	retries              int
	age                  time.Duration
	onSuccess, onFailure string // "" for none
}

func eventInvokeOf(target resolve.Target) eventInvoke {
	config := eventInvoke{retries: lambda.DefaultRetries, age: lambda.DefaultEventAge}
	qualifier := target.Qualifier
	if qualifier == lambda.Latest {
		qualifier = ""
	}
	set := target.Function.EventInvoke[qualifier]
	if set == nil {
		return config
	}
	if set.MaxRetries != nil {
		config.retries = min(*set.MaxRetries, len(retryWaits))
	}
	if set.MaxAge != nil {
		config.age = *set.MaxAge
	}
	if set.OnSuccess != nil {
		config.onSuccess = *set.OnSuccess
	}
	if set.OnFailure != nil {
		config.onFailure = *set.OnFailure
	}
	return config
}

// record is what a destination gets (recorded in LocalStack's snapshots of TestLambdaDestinationSqs).
type record struct {
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	RequestContext  requestContext   `json:"requestContext"`
	RequestPayload  json.RawMessage  `json:"requestPayload"`
	ResponseContext *responseContext `json:"responseContext,omitempty"`
	ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
}

type requestContext struct {
	RequestID              string  `json:"requestId"`
	FunctionARN            string  `json:"functionArn"`
	Condition              outcome `json:"condition"`
	ApproximateInvokeCount int     `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

func (s *Service) recordOf(job *job, how outcome, answer *answer) record {
	invoked := job.request.Target.ARN()
	invoked.Qualifier = cmp.Or(invoked.Qualifier, lambda.Latest)
	attempts := job.attempt
	if how == success {
		attempts++
	}
	made := record{
		Version:        "1.0",
		Timestamp:      s.now().UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext: requestContext{job.request.RequestID, invoked.String(), how, attempts},
		RequestPayload: job.request.Payload,
	}
	if answer != nil {
		made.ResponseContext = &responseContext{200, answer.version, answer.failure}
		if made.ResponsePayload = answer.payload; !json.Valid(answer.payload) {
			made.ResponsePayload, _ = json.Marshal(string(answer.payload)) // a string always encodes
		}
	}
	return made
}

// conclude sends the record of an asynchronous invocation that is over to its destination, if it has one.
func (s *Service) conclude(job *job, config eventInvoke, how outcome, answer *answer) {
	destination := config.onFailure
	if how == success {
		destination = config.onSuccess
	}
	if destination == "" {
		return
	}
	made := s.recordOf(job, how, answer)
	log := s.Log.With("function", made.RequestContext.FunctionARN, "request_id", job.request.RequestID, "destination", destination)
	parsed, err := arn.Parse(destination)
	switch {
	case err != nil: // not reached: the API refuses it
		log.Warn("result of an asynchronous invocation not sent", "error", err)
	case parsed.Service == "lambda":
		s.sendToFunction(job, destination, made, log)
	case parsed.Service == "events":
		s.keep(job, destination, made.forEventBus(destination), log)
	default:
		s.keep(job, destination, made, log)
	}
}

// sendToFunction invokes the destination with the record.
func (s *Service) sendToFunction(job *job, destination string, made record, log *slog.Logger) {
	const notSent = "result of an asynchronous invocation not sent"
	name, err := arn.ParseFunctionARN(destination)
	var target resolve.Target
	if err == nil {
		target, err = resolve.Find(s.State.Now(), name)
	}
	if err != nil {
		log.Warn(notSent, "error", err)
		return
	}
	if job.request.chain >= maxChain {
		log.Warn(notSent + ": it is one of a loop of functions that are destinations of each other")
		return
	}
	if s.MaySend != nil && !s.MaySend(job.request.Target, target) {
		log.Warn(notSent+": the execution role may not invoke the destination",
			"fix", "allow lambda:InvokeFunction on "+destination+" to "+job.request.Target.Version.Role)
		return
	}
	payload, err := json.Marshal(made)
	if err == nil {
		err = s.Enqueue(Request{
			Target: target, Payload: payload, RequestID: trace.NewRequestID(), TraceID: job.request.TraceID, chain: job.request.chain + 1,
		})
	}
	if err != nil {
		log.Warn(notSent, "error", err)
	}
}

// busEntry is the record as EventBridge gets it.
type busEntry struct {
	Source     string   `json:"source"`
	DetailType string   `json:"detail-type"`
	Resources  []string `json:"resources"`
	Detail     record   `json:"detail"`
}

func (r record) forEventBus(bus string) busEntry {
	how := "Failure"
	if r.RequestContext.Condition == success {
		how = "Success"
	}
	return busEntry{"lambda", "Lambda Function Invocation Result - " + how, []string{bus, r.RequestContext.FunctionARN}, r}
}

// keep writes what a destination that is not here would get into the function's log.
func (s *Service) keep(job *job, destination string, message any, log *slog.Logger) {
	text, err := json.Marshal(message)
	if err != nil {
		log.Warn("result of an asynchronous invocation not kept", "error", err)
		return
	}
	function, err := s.functions.get(job.request.Target.Function, job.request.Target.Version, s.describe)
	if err != nil || s.Output == nil {
		return
	}
	line := "furl: not sent, since there is no such service here, to " + destination + ": " + string(text)
	for line != "" {
		part := line[:min(len(line), runtime.MaxLogLine)]
		line = strings.TrimPrefix(line, part)
		s.Output.WriteLog(runtime.LogLine{
			Time: s.now(), Function: function, RequestID: job.request.RequestID, Kind: runtime.LogPlatform,
			Partial: line != "", Text: []byte(part),
		})
	}
}
