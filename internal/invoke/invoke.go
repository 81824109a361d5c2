//go:build unix

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
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/event"
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
	// Provision keeps so many environments of a function's versions ready, and Provisioned says how many with the key are.
	Provision(account, region, name string, wanted map[*runtime.Function]int)
	// Prepare starts an environment ahead of the function's next call, if there is room for one.
	Prepare(*runtime.Function)
	Provisioned(key string) (ready int, failed bool)
}

// Code finds the unpacked package with the hash, and merges layers; code.Store documents it.
type Code interface {
	Dir(hex string) (string, error)
	Layers(ctx context.Context, hexes []string) (string, error)
}

// Service runs functions.
type Service struct {
	Runner Runner
	Code   Code
	State  *state.State
	Log    *slog.Logger
	Now    func() time.Time // nil is time.Now

	// Concurrency is how many invocations an account may have at one time in a region; 0 is no limit.
	Concurrency int
	// Output takes what is written into a function's log besides its own output; nil drops it.
	Output runtime.LogSink
	// MaySend reports whether the execution role of a version may invoke a function, as a destination; nil allows it.
	MaySend func(from resolve.Target, to resolve.Target) bool
	// RootOf is the directory of which a function can read everything whose code is in a directory in it, in place; "" for a
	// directory that functions may not use any more. Nil allows none.
	RootOf func(dir string) string
	// MayBe reports whether a function may be the web server at an address; nil allows none.
	MayBe func(upstream string) bool
	// Debug are the functions that run under a debugger, by name, with its port: 0 is the usual one.
	Debug map[string]int
	// Traffic counts the calls that do not come from a function URL; nil counts none.
	Traffic *Traffic

	functions functions
	rates     rates
	sessions  sessions
	queue     queue
}

// Request is one invocation of a function.
type Request struct {
	Target        resolve.Target // as invoked
	Payload       []byte
	Read          func() *event.Received // see runtime.Invocation
	RequestID     string
	TraceID       string // X-Amzn-Trace-Id
	ClientContext string // JSON, "" for none
	Stream        bool   // the response is taken while the function writes it
	ViaURL        bool   // the data plane counts it, with the time that its answer takes

	chain  int  // how many invocations led to this one through destinations
	queued bool // it is asynchronous
}

// These are why a function cannot run at all.
var (
	ErrUnavailable = errors.New("the function cannot be run") // its code is gone
	ErrRole        = errors.New("the function's role cannot be assumed")
)

// Invoke runs the function once. The caller reads the result's body to its end or closes it. Errors are
// runtime.ErrBusy, runtime.ErrClosed, ErrUnavailable, ErrRole and that of the context.
func (s *Service) Invoke(ctx context.Context, request Request) (*runtime.Result, error) {
	if request.ViaURL || s.Traffic == nil {
		return s.invoke(ctx, request)
	}
	return s.counted(ctx, request)
}

func (s *Service) invoke(ctx context.Context, request Request) (*runtime.Result, error) {
	if err := s.rates.allow(request.Target.Function, s.now()); err != nil {
		return nil, err
	}
	function, err := s.functions.get(request.Target.Function, request.Target.Pick(rand.Float64()), s.describe)
	if lack := machine.Lacking(err); lack != nil {
		return nil, &runtime.Exhausted{Lack: lack}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.Runner.Invoke(ctx, function, runtime.Invocation{
		RequestID:          request.RequestID,
		Payload:            request.Payload,
		Read:               request.Read,
		TraceID:            request.TraceID,
		ClientContext:      request.ClientContext,
		InvokedFunctionARN: request.Target.ARN().String(),
		Stream:             request.Stream,
		Unreserved:         s.unreserved(request.Target.Function.ARN),
	})
}

// describe is a version of a function as an execution environment needs it.
func (s *Service) describe(function *lambda.Function, version resolve.Version) (*runtime.Function, error) {
	arn, concurrency := function.ARN, -1
	if function.Reserved != nil {
		concurrency = *function.Reserved
	}
	dir, root, err := s.place(version.Configuration)
	if err != nil {
		return nil, fmt.Errorf("code of %s: %w", arn, err)
	}
	opt := ""
	if layers := version.LayerCode(); layers != nil {
		// They are merged already, unless they were swept while nothing referred to them. Others wait for the same.
		if opt, err = s.Code.Layers(context.Background(), layers); err != nil {
			return nil, fmt.Errorf("layers of %s: %w", arn, err)
		}
	}
	timeout, debug := version.Timeout, (*runtime.Debug)(nil)
	if port, ok := s.Debug[arn.Name]; ok {
		timeout, debug = debugTime, &runtime.Debug{Port: port}
	}
	return &runtime.Function{
		Key:         fingerprint(arn, version, s.functions.generation(version.Configuration)),
		ARN:         arn.String(),
		AccountID:   arn.Account,
		Region:      arn.Region,
		Name:        arn.Name,
		Version:     version.Number,
		Runtime:     version.Runtime,
		Handler:     version.Handler,
		CodeDir:     dir,
		Root:        root,
		Opt:         opt,
		Environment: version.Environment,
		LogFormat:   version.LogFormat,
		LogGroup:    version.LogGroup,
		MemoryMB:    version.MemoryMB,
		Timeout:     timeout,
		Debug:       debug,
		Concurrency: concurrency,
		WebApp:      version.IsWebApp(),
		Upstream:    version.Upstream,
		Credentials: func(context.Context) (runtime.Credentials, error) { return s.credentials(arn, version.Configuration) },
	}, nil
}

// debugTime is the timeout of a function that stops where its developer wants: none.
const debugTime = 365 * 24 * time.Hour

// place is where the code of a version is and, if it is used in place, the directory of the server that contains it.
func (s *Service) place(version *lambda.Configuration) (dir, root string, err error) {
	if version.Upstream != "" {
		if s.MayBe == nil || !s.MayBe(version.Upstream) {
			return "", "", fmt.Errorf("the server was not started with its web server: "+
				"start it with furl serve --http-upstream %s", version.Upstream)
		}
		return "", "", nil
	}
	if version.CodeDir == "" {
		dir, err = s.Code.Dir(version.CodeHex)
		return dir, "", err
	}
	if s.RootOf != nil {
		root = s.RootOf(version.CodeDir)
	}
	if root == "" {
		return "", "", fmt.Errorf("the server was not started with its directory: "+
			"start it with furl serve --code-dir %s", version.CodeDir)
	}
	return version.CodeDir, root, nil
}

// Enqueue takes an asynchronous invocation, which Run executes.
func (s *Service) Enqueue(request Request) error { return s.queue.add(request, s.now()) }

// Run makes ready what is provisioned and works off asynchronous invocations until the context ends, and returns when those that are running have ended.
func (s *Service) Run(ctx context.Context) error {
	for _, function := range s.State.Now().Functions.All() {
		if len(function.Provisioned) > 0 {
			s.Provision(function.ARN)
		}
	}
	s.queue.run(ctx, s.attempt)
	return nil
}

// Collectors are the metrics of the queue.
func (s *Service) Collectors() []metric.Collector { return s.queue.collectors() }

// Retire ends the environments of a version that was changed or deleted, or, without a qualifier, of all versions of a
// function: idle ones at once, busy ones after their invocation.
func (s *Service) Retire(name lambda.ARN) {
	for _, key := range s.functions.forget(name) {
		s.Runner.Retire(key)
	}
	if name.Qualifier == "" {
		s.rates.forget(name)
	}
	if _, exists := s.State.Now().Function(name); !exists {
		s.Traffic.forget(name)
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
	byVersion   sync.Map // versionName → *described
	generations sync.Map // directory of code in place → *atomic.Uint64: how often it was reloaded
}

// generation counts the reloads of a version's directory.
func (f *functions) generation(version *lambda.Configuration) uint64 {
	if version.CodeDir == "" {
		return 0
	}
	if count, ok := f.generations.Load(version.CodeDir); ok {
		return count.(*atomic.Uint64).Load()
	}
	return 0
}

// advance begins another generation of a directory.
func (f *functions) advance(dir string) {
	count, _ := f.generations.LoadOrStore(dir, &atomic.Uint64{})
	count.(*atomic.Uint64).Add(1)
}

// versionName names a version without making a string for each invocation.
type versionName struct {
	function lambda.ARN // unqualified
	number   string
}

type described struct {
	function *lambda.Function
	version  *lambda.Configuration
	to       *runtime.Function

	generation uint64
	used       atomic.Int64 // when a call or a reload looked for it last, if its code is in place
}

// get is the version as its environments see it.
func (f *functions) get(
	function *lambda.Function, version resolve.Version, describe func(*lambda.Function, resolve.Version) (*runtime.Function, error),
) (*runtime.Function, error) {
	name, generation := versionName{function.ARN, version.Number}, f.generation(version.Configuration)
	if value, ok := f.byVersion.Load(name); ok {
		known := value.(*described)
		if known.function == function && known.version == version.Configuration && known.generation == generation {
			known.note()
			return known.to, nil
		}
	}
	to, err := describe(function, version)
	if err != nil {
		return nil, err
	}
	found := &described{function: function, version: version.Configuration, to: to, generation: generation}
	found.note()
	f.byVersion.Store(name, found)
	return to, nil
}

// note notes that the version is in use.
func (d *described) note() {
	if d.version.CodeDir != "" {
		d.used.Store(time.Now().UnixNano())
	}
}

// forget forgets what is remembered of a version or, without a qualifier, of all versions of a function. It answers
// their keys.
func (f *functions) forget(name lambda.ARN) (keys []string) {
	for key, value := range f.byVersion.Range {
		known := key.(versionName)
		if known.function == name.Unqualified() && (name.Qualifier == "" || name.Qualifier == known.number) {
			f.byVersion.Delete(key)
			keys = append(keys, value.(*described).to.Key)
		}
	}
	return keys
}

// fingerprint identifies all properties of a version that its environments depend on.
func fingerprint(arn lambda.ARN, function resolve.Version, generation uint64) string {
	seen := struct {
		ARN                            string
		Runtime, Handler, Role, RoleID string
		Timeout, MemoryMB, EphemeralMB int
		Architecture, LogFormat, Code  string
		LogGroup                       string
		CodeDir, Upstream              string
		Generation                     uint64
		Environment                    map[string]string
		Layers                         []lambda.LayerRef
	}{
		arn.String(), function.Runtime, function.Handler, function.Role, function.RoleID,
		int(function.Timeout), function.MemoryMB, function.EphemeralMB,
		function.Architecture, function.LogFormat, function.CodeHex,
		function.LogGroup, function.CodeDir, function.Upstream, generation, function.Environment, function.Layers,
	}
	text, err := json.Marshal(seen)
	if err != nil {
		panic(err) // strings and integers always marshal
	}
	sum := sha256.Sum256(text)
	return arn.Key() + "/" + function.Number + "/" + hex.EncodeToString(sum[:])
}
