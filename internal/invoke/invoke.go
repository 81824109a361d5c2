// Package invoke is the use case of running a function once: it finds the code and the configuration of the version,
// gives it a session of its execution role, has the pool run it and records how that went. Both planes call it; it
// knows neither, and asks nobody for permission: whoever calls it has done so.
package invoke

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/machine"
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
	Random io.Reader        // nil is crypto/rand.Reader

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

// Why a function can not be run at all.
var (
	ErrUnavailable = errors.New("the function can not be run") // its code is gone
	ErrRole        = errors.New("the function's role can not be assumed")
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

// resolve says what an execution environment of the function needs to know.
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
		MemoryMB:    function.MemoryMB,
		Timeout:     function.Timeout,
		Concurrency: -1,
		Credentials: func(context.Context) (runtime.Credentials, error) { return s.credentials(function) },
	}, nil
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Service) random() io.Reader {
	if s.Random == nil {
		return rand.Reader
	}
	return s.Random
}
