// Package invoke is the use case of running a function once: it finds the code and the configuration of the version,
// gives it a session of its execution role, has the pool run it and records how that went. Both planes call it. It
// knows neither, and checks no permission: its callers have done so.
package invoke

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
)

// Runner runs invocations in execution environments. It returns runtime.ErrBusy at once if no environment may be
// started and runtime.ErrClosed while it is shutting down; a function that fails is a Result, not an error.
type Runner interface {
	Invoke(context.Context, *runtime.Function, runtime.Invocation) (*runtime.Result, error)
	// Retire ends the environments of the runtime.Function with the key.
	Retire(key string)
}

// Code finds the unpacked package with the hash.
type Code interface {
	Dir(hex string) (string, error)
}

// Service runs functions.
type Service struct {
	Runner Runner
	Code   Code
	State  *state.State
	Log    *slog.Logger
	Now    func() time.Time // nil is time.Now

	functions functions
	sessions  sessions
	queue     queue
}

// Request is one invocation of a function.
type Request struct {
	Target        resolve.Target // as invoked
	Payload       []byte
	RequestID     string
	TraceID       string // X-Amzn-Trace-Id
	ClientContext string // JSON, "" for none
	Stream        bool   // the response is taken while the function writes it
}

// These are why a function cannot run at all.
var (
	ErrUnavailable = errors.New("the function cannot be run") // its code is gone
	ErrRole        = errors.New("the function's role cannot be assumed")
)

// Invoke runs the function once. The caller reads the result's body to its end or closes it. Errors are
// runtime.ErrBusy, runtime.ErrClosed, ErrUnavailable, ErrRole and that of the context.
func (s *Service) Invoke(ctx context.Context, request Request) (*runtime.Result, error) {
	function, err := s.functions.get(request.Target, s.describe)
	if lack := machine.Lacking(err); lack != nil {
		return nil, &runtime.Exhausted{Lack: lack}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.Runner.Invoke(ctx, function, runtime.Invocation{
		RequestID:          request.RequestID,
		Payload:            request.Payload,
		TraceID:            request.TraceID,
		ClientContext:      request.ClientContext,
		InvokedFunctionARN: request.Target.ARN().String(),
		Stream:             request.Stream,
	})
}

// describe is a version of a function as an execution environment needs it.
func (s *Service) describe(arn lambda.ARN, version resolve.Version) (*runtime.Function, error) {
	dir, err := s.Code.Dir(version.CodeHex)
	if err != nil {
		return nil, fmt.Errorf("code of %s: %w", arn, err)
	}
	return &runtime.Function{
		Key:         fingerprint(arn, version),
		ARN:         arn.String(),
		AccountID:   arn.Account,
		Region:      arn.Region,
		Name:        arn.Name,
		Version:     version.Number,
		Runtime:     version.Runtime,
		Handler:     version.Handler,
		CodeDir:     dir,
		Environment: version.Environment,
		LogGroup:    version.LogGroup,
		MemoryMB:    version.MemoryMB,
		Timeout:     version.Timeout,
		Concurrency: -1,
		Credentials: func(context.Context) (runtime.Credentials, error) { return s.credentials(arn, version.Configuration) },
	}, nil
}

// Enqueue takes an asynchronous invocation, which Run executes.
func (s *Service) Enqueue(request Request) error { return s.queue.add(request, s.now()) }

// Run works off asynchronous invocations until the context ends, and returns when those that are running have ended.
func (s *Service) Run(ctx context.Context) error {
	s.queue.run(ctx, s.attempt)
	return nil
}

// Collectors are the metrics of the queue.
func (s *Service) Collectors() []metric.Collector { return s.queue.collectors() }

// attempt runs the job once and answers after what time to try again, zero for never. Throttling does not count as an
// attempt.
func (s *Service) attempt(ctx context.Context, job *job) (wait time.Duration) {
	name := job.request.Target.ARN()
	log := s.Log.With("function", name.String(), "request_id", job.request.RequestID)
	if s.now().Sub(job.taken) > maxEventAge {
		log.Warn("asynchronous invocation dropped: it is six hours old")
		return 0
	}
	current, err := resolve.Find(s.State.Now(), name)
	if err != nil {
		log.Warn("asynchronous invocation dropped: what it invokes was deleted", "error", err)
		return 0
	}
	job.request.Target = current
	result, err := s.Invoke(context.WithoutCancel(ctx), job.request)
	if errors.Is(err, runtime.ErrBusy) {
		return job.throttle()
	}
	failed := err
	switch {
	case errors.As(err, new(*runtime.Exhausted)): // it ran, and ended for lack of something
	case err != nil:
		log.Warn("asynchronous invocation dropped", "error", err)
		return 0
	default:
		_, failed = result.ReadAll(0)
		if failure := result.FunctionError; failure != nil {
			failed = failure
		}
		if failed == nil {
			return 0
		}
	}
	job.attempt++
	wait = retryAfter(job.attempt)
	log.Warn("asynchronous invocation failed", "error", failed, "attempt", job.attempt, "retry_after", wait.String())
	return wait
}

// Retire ends the environments of a version that was changed or deleted, or, without a qualifier, of all versions of a
// function: idle ones at once, busy ones after their invocation.
func (s *Service) Retire(name lambda.ARN) {
	for _, key := range s.functions.forget(name) {
		s.Runner.Retire(key)
	}
	s.retireSessions(name.Key())
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// functions remembers each version as its environments see it, so that a warm invocation looks nothing up. The next
// $LATEST of a function replaces its entry.
type functions struct {
	byVersion sync.Map // versionName → described
}

// versionName names a version without making a string for each invocation.
type versionName struct {
	function lambda.ARN // unqualified
	number   string
}

type described struct {
	from *lambda.Configuration
	to   *runtime.Function
}

// get is the version that runs an invocation of the target.
func (f *functions) get(target resolve.Target, describe func(lambda.ARN, resolve.Version) (*runtime.Function, error)) (
	*runtime.Function, error) {
	version := target.Pick(rand.Float64())
	name := versionName{target.Function.ARN, version.Number}
	known, ok := f.byVersion.Load(name)
	if ok && known.(described).from == version.Configuration {
		return known.(described).to, nil
	}
	to, err := describe(target.Function.ARN, version)
	if err != nil {
		return nil, err
	}
	// A change that environments do not see, such as that of a tag or the policy, keeps them.
	if ok && known.(described).to.Key == to.Key {
		to = known.(described).to
	}
	f.byVersion.Store(name, described{from: version.Configuration, to: to})
	return to, nil
}

// forget forgets what is remembered of a version or, without a qualifier, of all versions of a function. It answers
// their keys.
func (f *functions) forget(name lambda.ARN) (keys []string) {
	for key, value := range f.byVersion.Range {
		known := key.(versionName)
		if known.function == name.Unqualified() && (name.Qualifier == "" || name.Qualifier == known.number) {
			f.byVersion.Delete(key)
			keys = append(keys, value.(described).to.Key)
		}
	}
	return keys
}

// fingerprint identifies all properties of a version that its environments depend on.
func fingerprint(arn lambda.ARN, function resolve.Version) string {
	seen := struct {
		ARN                            string
		Runtime, Handler, Role, RoleID string
		Timeout, MemoryMB, EphemeralMB int
		Architecture, LogFormat, Code  string
		LogGroup                       string
		Environment                    map[string]string
	}{
		arn.String(), function.Runtime, function.Handler, function.Role, function.RoleID,
		int(function.Timeout), function.MemoryMB, function.EphemeralMB,
		function.Architecture, function.LogFormat, function.CodeHex, function.LogGroup, function.Environment,
	}
	text, err := json.Marshal(seen)
	if err != nil {
		panic(err) // strings and integers always marshal
	}
	sum := sha256.Sum256(text)
	return arn.Key() + "/" + function.Number + "/" + hex.EncodeToString(sum[:])
}
