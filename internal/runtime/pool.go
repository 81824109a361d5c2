// Package runtime runs Lambda functions as processes on this machine: it starts execution environments, hands them
// invocations, streams their answers back and takes down what hangs, crashes or is not needed any more.
//
// An execution environment is one operating system process in a process group of its own, with its own directory, its
// own Runtime API on loopback and an environment of exactly the variables that Lambda sets. The Runtime API admits
// that process and its descendants only. The environment works on one invocation at a time. A Pool holds the
// environments of all functions: it prefers the one that was used last, starts another while the function's
// concurrency allows it, and answers ErrBusy at once when it does not.
//
// Each process runs in a sandbox, as package sandbox describes. CPU, memory and the network are not limited. Lambda
// layers, extensions and the telemetry API are not offered.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/runtime/bootstrap"
	"github.com/furl-dev/furl/internal/runtime/peer"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
	"github.com/furl-dev/furl/internal/trash"
)

// Config says how a Pool works. Only Dir is required.
type Config struct {
	// Dir is for the environments' own directories, the embedded runtimes and Python's compiled modules. It is made
	// if missing. The environments' directories that an earlier pool left are removed, so two pools can not share
	// it.
	Dir string

	Log    LogSink      // takes the functions' output; nil drops it
	Logger *slog.Logger // the pool's own log; nil drops it
	// Now stamps log lines and judges the expiry of credentials. Deadlines and durations are in real time, which
	// is the functions' own.
	Now func() time.Time

	// ExtraEnv is set in every environment, below the user's own variables and Lambda's reserved ones. For
	// example AWS_ENDPOINT_URL, so that an SDK in the function talks to this server.
	ExtraEnv map[string]string

	// Sandbox says how functions are confined. Its Dir and Logger are the pool's.
	Sandbox sandbox.Config

	MaxEnvironments int           // of all functions together; default 100
	IdleTimeout     time.Duration // after which an environment is stopped; default 10 minutes
	InitTimeout     time.Duration // until a process must have asked for its first event; default 10 s as in Lambda
	StopGrace       time.Duration // between SIGTERM and SIGKILL for idle environments; default 500 ms
}

// Pool runs functions. It is safe for concurrent use.
type Pool struct {
	config       Config
	now          func() time.Time
	runtimeDir   string
	environments string       // directory
	bin          trash.Bin    // takes what environments leave
	stuck        atomic.Int64 // what the bin could not remove
	launcher     *launcher
	sandbox      *sandbox.Sandbox
	inspector    peer.Inspector  // of connections to the Runtime APIs
	refusals     *refusalLog     // by the Runtime APIs
	ctx          context.Context // ends when everything is to be killed
	cancel       context.CancelFunc
	alive        sync.WaitGroup // environments
	background   sync.WaitGroup // the reaper, and what New leaves for later

	mu      sync.Mutex
	closed  bool
	closing sync.Once
	groups  map[identity]*group
	size    int                       // environments in all groups
	living  map[*environment]struct{} // also those that were told to end and are in no group any more

	outcomes metric.Tally[outcome]

	processes machine.Processes
	spare     sync.Once // for machine.SpareThreads
	shortages machine.Warner
	full      error // that there are config.MaxEnvironments
}

// New makes a pool. No process is started before the first invocation.
func New(config Config) (*Pool, error) {
	if config.Dir == "" {
		return nil, errors.New("runtime pool: Config.Dir is empty: name a directory for the environments")
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	setDefault(&config.MaxEnvironments, 100)
	setDefault(&config.IdleTimeout, 10*time.Minute)
	setDefault(&config.InitTimeout, 10*time.Second)
	setDefault(&config.StopGrace, 500*time.Millisecond)
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, err
	}
	p := &Pool{
		config:       config,
		now:          config.Now,
		runtimeDir:   filepath.Join(dir, "runtime"),
		environments: filepath.Join(dir, environmentsName),
		bin:          trash.Bin{Dir: dir},
		groups:       map[identity]*group{},
		living:       map[*environment]struct{}{},
	}
	if err := makeOwn(dir); err != nil {
		return nil, err
	}
	left := p.setAside()
	if err := makeOwn(p.environments); err != nil {
		return nil, err
	}
	if err := bootstrap.Install(p.runtimeDir); err != nil {
		return nil, err
	}
	p.launcher = &launcher{runtimeDir: p.runtimeDir, cacheDir: filepath.Join(dir, "cache")}
	config.Sandbox.Dir = filepath.Join(dir, "root")
	config.Sandbox.Logger = config.Logger
	p.sandbox = sandbox.New(config.Sandbox)
	p.refusals = &refusalLog{logger: config.Logger}
	if !peer.Supported {
		config.Logger.Warn("this system does not tell which process opens a connection: " +
			"every local process can take the events of functions and answer for them")
	}
	p.prepareForShortages()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.background.Go(p.reap)
	p.background.Go(func() { p.removeLeftovers(left) })
	return p, nil
}

func setDefault[T int | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

// Sandbox says in one line how functions are confined here. It fails if that is less than what is wanted.
func (p *Pool) Sandbox() (string, error) { return p.sandbox.String(), p.sandbox.Ready() }

// Supported reports whether functions of a runtime ("python3.13") can run on this machine; the error, an
// ErrUnsupported, says what to install.
func (p *Pool) Supported(ctx context.Context, runtime string) error {
	return p.Check(ctx, &Function{Runtime: runtime})
}

// Check reports whether a function can run on this machine: it looks for the runtime and, if CodeDir is set, for what
// the runtime needs in the package.
func (p *Pool) Check(ctx context.Context, fn *Function) error {
	_, err := p.launcher.command(ctx, fn)
	return err
}

// Invoke runs one invocation and answers when the response begins, or, without Invocation.Stream, when it is complete.
// A function that fails is a Result with a FunctionError. The errors are ErrBusy, ErrFull and ErrClosed, ctx's, and
// those of starting an environment.
//
// fn needs an absolute CodeDir and a Timeout, in a RequestID of letters, digits, hyphens, underscores and dots.
//
// When ctx ends before the answer, Invoke returns, but the function runs on to its end or its timeout, as in Lambda.
func (p *Pool) Invoke(ctx context.Context, fn *Function, in Invocation) (*Result, error) {
	if err := check(fn, in); err != nil {
		return nil, err
	}
	c := newCall(fn, in, &p.outcomes)
	if err := p.assign(c); err != nil {
		p.outcomes.Add(outcomeOf(err, nil))
		return nil, err
	}
	select {
	case a := <-c.answers:
		return a.result, a.err
	case <-ctx.Done():
		c.abandon()
		return nil, context.Cause(ctx)
	}
}

// check refuses what no environment could work with.
func check(fn *Function, in Invocation) error {
	switch {
	case fn.Timeout <= 0:
		return fmt.Errorf("function %s has no timeout", fn.ARN)
	case !filepath.IsAbs(fn.CodeDir):
		return fmt.Errorf("function %s: its code directory %q is no absolute path", fn.ARN, fn.CodeDir)
	case in.RequestID == "":
		return errors.New("invocation has no request id")
	case len(in.RequestID) > 128 || strings.Trim(in.RequestID, idCharacters) != "":
		return fmt.Errorf("request id %.140q: want at most 128 letters, digits, hyphens, underscores and dots", in.RequestID)
	}
	return nil
}

// idCharacters may stand in a request id, which becomes a piece of a path and of log lines.
const idCharacters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_."

// Drain refuses new invocations, stops idle environments, lets running invocations finish, and closes the pool. When
// ctx ends first, it kills what is left and returns ctx's error.
func (p *Pool) Drain(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	for _, g := range maps.Clone(p.groups) {
		p.retire(g, func(*environment) bool { return true })
	}
	p.mu.Unlock()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		p.alive.Wait()
	}()
	select {
	case <-drained:
		return p.Close()
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), p.Close())
	}
}

// Close kills every environment, whatever it does, and waits until they are gone. It may be called twice.
func (p *Pool) Close() error {
	p.closing.Do(func() {
		p.mu.Lock()
		p.closed = true
		all := []*environment{}
		for _, g := range p.groups {
			for e := range g.all {
				all = append(all, e)
			}
		}
		p.mu.Unlock()
		p.cancel()
		for _, e := range all {
			e.abort()
		}
		p.alive.Wait()
		p.background.Wait()
		p.inspector.Close()
		p.refusals.flush()
		p.sandbox.Close()
	})
	return nil
}
