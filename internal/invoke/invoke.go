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
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/metric"
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
	Function      *lambda.Function
	Qualifier     string // as invoked, "" for the function itself
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
	function, err := s.functions.get(request.Function, s.resolve)
	if lack := machine.Lacking(err); lack != nil {
		return nil, &runtime.Exhausted{Lack: lack}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	invoked := request.Function.ARN
	invoked.Qualifier = request.Qualifier
	return s.Runner.Invoke(ctx, function, runtime.Invocation{
		RequestID:          request.RequestID,
		Payload:            request.Payload,
		TraceID:            request.TraceID,
		ClientContext:      request.ClientContext,
		InvokedFunctionARN: invoked.String(),
		Stream:             request.Stream,
	})
}

// resolve is the function as an execution environment needs it.
func (s *Service) resolve(function *lambda.Function) (*runtime.Function, error) {
	dir, err := s.Code.Dir(function.CodeHex)
	if err != nil {
		return nil, fmt.Errorf("code of %s: %w", function.ARN, err)
	}
	return &runtime.Function{
		Key:         fingerprint(function),
		ARN:         function.ARN.String(),
		AccountID:   function.ARN.Account,
		Region:      function.ARN.Region,
		Name:        function.ARN.Name,
		Version:     lambda.Latest,
		Runtime:     function.Runtime,
		Handler:     function.Handler,
		CodeDir:     dir,
		Environment: function.Environment,
		LogGroup:    function.LogGroup,
		MemoryMB:    function.MemoryMB,
		Timeout:     function.Timeout,
		Concurrency: -1,
		Credentials: func(context.Context) (runtime.Credentials, error) { return s.credentials(function) },
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
	log := s.Log.With("function", job.request.Function.ARN.String(), "request_id", job.request.RequestID)
	if s.now().Sub(job.taken) > maxEventAge {
		log.Warn("asynchronous invocation dropped: it is six hours old")
		return 0
	}
	current, ok := s.State.Now().Function(job.request.Function.ARN)
	if !ok {
		log.Warn("asynchronous invocation dropped: the function was deleted")
		return 0
	}
	job.request.Function = current
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

// Retire ends the environments of a function that was changed or deleted, named by ARN.Key: idle ones at once, busy
// ones after their invocation.
func (s *Service) Retire(functionKey string) {
	if known, ok := s.functions.byKey.LoadAndDelete(functionKey); ok {
		s.Runner.Retire(known.(resolved).to.Key)
	}
	s.retireSessions(functionKey)
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// functions remembers each function as its environments see it, so that a warm invocation resolves nothing. The next
// version of a function replaces its entry.
type functions struct {
	byKey sync.Map // ARN.Key() → resolved
}

type resolved struct {
	from *lambda.Function
	to   *runtime.Function
}

func (f *functions) get(function *lambda.Function, resolve func(*lambda.Function) (*runtime.Function, error)) (
	*runtime.Function, error) {
	key := function.ARN.Key()
	known, ok := f.byKey.Load(key)
	if ok && known.(resolved).from == function {
		return known.(resolved).to, nil
	}
	to, err := resolve(function)
	if err != nil {
		return nil, err
	}
	// A change that environments do not see, such as that of a tag or the policy, keeps them.
	if ok && known.(resolved).to.Key == to.Key {
		to = known.(resolved).to
	}
	f.byKey.Store(key, resolved{from: function, to: to})
	return to, nil
}

// fingerprint identifies all properties of a function that its environments depend on.
func fingerprint(function *lambda.Function) string {
	seen := struct {
		ARN                            string
		Runtime, Handler, Role, RoleID string
		Timeout, MemoryMB, EphemeralMB int
		Architecture, LogFormat, Code  string
		LogGroup                       string
		Environment                    map[string]string
	}{
		function.ARN.String(), function.Runtime, function.Handler, function.Role, function.RoleID,
		int(function.Timeout), function.MemoryMB, function.EphemeralMB,
		function.Architecture, function.LogFormat, function.CodeHex, function.LogGroup, function.Environment,
	}
	text, err := json.Marshal(seen)
	if err != nil {
		panic(err) // strings and integers always marshal
	}
	sum := sha256.Sum256(text)
	return function.ARN.Key() + "/" + lambda.Latest + "/" + hex.EncodeToString(sum[:])
}
