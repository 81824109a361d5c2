//go:build unix

// Package runtime runs Lambda functions as processes on this machine: it starts execution environments, hands them
// invocations, streams their answers back, and ends the environments that hang, crash or are no longer needed.
//
// An execution environment is one operating system process in a process group of its own, with its own directory, its
// own Runtime API on loopback and an environment of exactly the variables that Lambda sets. The Runtime API admits
// only that process and its descendants. The environment works on one invocation at a time. A Pool holds the
// environments of all functions: it prefers the one that was used last, starts another while the function's
// concurrency allows it, and otherwise answers ErrBusy at once.
//
// A function that is a web application needs no Runtime API: package webapp talks HTTP to its process.
//
// The programs in the directory extensions of a function's layers are its extensions. They start before the function, in
// its sandbox, and end after it; package extension is what they talk to.
//
// Each process runs in a sandbox, as package sandbox describes. CPU and the network are not limited.
package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
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
	// Dir holds the environments' own directories, the embedded runtimes and Python's compiled modules. New makes
	// it if it is missing, and removes the directories that the environments of an earlier pool left: two pools
	// cannot share it.
	Dir string

	Log    LogSink      // takes the functions' output; nil drops it
	Logger *slog.Logger // the pool's own log; nil drops it
	// Now stamps log lines and judges the expiry of credentials. Deadlines and durations are in real time, as the
	// functions measure them.
	Now func() time.Time

	// ExtraEnv is set in every environment, such as AWS_ENDPOINT_URL for the SDK in a function. The user's own
	// variables and Lambda's reserved ones override it.
	ExtraEnv map[string]string

	// PythonPackages and NodeModules are directories of packages that functions import besides their own; empty are
	// those of the interpreter.
	PythonPackages, NodeModules string

	// Sandbox says how functions are confined. Its Dir and Logger are the pool's.
	Sandbox sandbox.Config

	// StreamBandwidth is how many bytes of a streamed response go on in a second once it has used up its first 6 MiB;
	// 0 is no bound. AWS's is 2 MiB.
	StreamBandwidth int64

	// LimitMemory ends functions that have more memory than their memory size, where the system tells how much they have.
	LimitMemory bool

	MaxEnvironments int           // of all functions together; default 100
	IdleTimeout     time.Duration // after which an environment is stopped; default 10 minutes
	InitTimeout     time.Duration // until a process must have asked for its first event; default 10 s as in Lambda
	StopGrace       time.Duration // between SIGTERM and SIGKILL for idle environments; default 500 ms
}

// environmentsName is the directory of the environments' own directories, below Config.Dir.
const environmentsName = "environment"

// removalGrace is how long a closed pool goes on removing directories. The next pool removes the rest.
const removalGrace = 5 * time.Second

// Pool runs functions. It is safe for concurrent use.
type Pool struct {
	config       Config
	runtimeDir   string
	environments string       // directory
	bin          trash.Bin    // takes what environments leave
	stuck        atomic.Int64 // what the bin could not remove
	launcher     *launcher
	sandbox      *sandbox.Sandbox
	inspector    peer.Inspector  // of connections to the Runtime APIs
	ports        ports           // of web applications
	refusals     *refusalLog     // by the Runtime APIs
	ctx          context.Context // ends when Close kills everything
	cancel       context.CancelFunc
	alive        sync.WaitGroup // environments
	background   sync.WaitGroup // the reaper, and what New leaves for later
	closing      sync.Once
	roster       roster
	outcomes     metric.Tally[outcome]
	hosts        func() string // the file that extensions have as /etc/hosts

	processes machine.Processes
	spare     sync.Once // for machine.SpareThreads
	shortages machine.Warner
	fallbacks sync.Map // runtimes that are known to run on another version
}

// New makes a pool. The first invocation starts the first process.
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
	config.Sandbox.Dir = filepath.Join(dir, "root")
	config.Sandbox.Logger = config.Logger
	confinement := sandbox.New(config.Sandbox)
	p := &Pool{
		config:       config,
		sandbox:      confinement,
		runtimeDir:   filepath.Join(dir, "runtime"),
		environments: filepath.Join(dir, environmentsName),
		bin:          trash.Bin{Dir: dir},
		launcher: &launcher{
			runtimeDir: filepath.Join(dir, "runtime"), cacheDir: filepath.Join(dir, "cache"),
			pythonPackages: config.PythonPackages, nodeModules: config.NodeModules,
			limitMemory: config.LimitMemory && confinement.KnowsMemory(), sandbox: confinement,
		},
		refusals:  &refusalLog{logger: config.Logger},
		shortages: machine.Warner{Log: config.Logger, Now: config.Now},
	}
	p.processes.Shared = confinement.SharesProcesses
	p.hosts = sync.OnceValue(func() string { return hostsFile(dir) })
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
	if !peer.Supported {
		config.Logger.Warn("this system does not tell which process opens a connection: " +
			"every local process can take the events of functions and answer for them")
	}
	p.roster = roster{
		most: config.MaxEnvironments, full: ErrFull,
		now: config.Now, grace: config.StopGrace, launch: p.launch,
		groups: map[identity]*group{}, living: map[*environment]struct{}{},
	}
	if most, lack := machine.Environments(); most < config.MaxEnvironments {
		p.roster.most, p.roster.full = most, &Exhausted{Lack: lack}
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.background.Go(p.reap)
	if p.limitsMemory() {
		p.background.Go(p.watchMemory)
	}
	p.background.Go(func() { p.removeLeftovers(left) })
	return p, nil
}

func setDefault[T int | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

// makeOwn makes a directory, or opens it to its owner again if a function has closed it.
func makeOwn(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o700 == 0o700 {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// leftovers is what earlier pools left and this one has moved aside.
type leftovers struct {
	names []string
	err   error // the first; none of them stops the pool
}

// setAside makes room for new environments.
func (p *Pool) setAside() leftovers {
	var l leftovers
	l.names, l.err = p.bin.Left()
	aside, err := p.bin.Aside(environmentsName)
	if aside != "" {
		l.names = append(l.names, aside)
	}
	l.err = cmp.Or(l.err, err)
	return l
}

// removeLeftovers removes what belongs to earlier pools and to deleted functions. It can take its time.
func (p *Pool) removeLeftovers(l leftovers) {
	ctx, cancel := p.removing()
	defer cancel()
	for _, name := range l.names {
		if err := p.bin.Empty(ctx, name); err != nil {
			l.err = cmp.Or(l.err, err)
			p.stuck.Add(1)
		}
	}
	if l.err != nil && ctx.Err() == nil {
		p.config.Logger.Warn("what environments have left is not removed", "file", p.bin.Dir, "error", l.err)
	}
	if err := pruneCache(ctx, p.launcher.cacheDir); err != nil && ctx.Err() == nil {
		p.config.Logger.Warn("compiled modules of deleted functions not removed", "error", err)
	}
}

// removing is the context for removing directories.
func (p *Pool) removing() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(p.ctx, func() { time.AfterFunc(removalGrace, cancel) })
	return ctx, func() { stop(); cancel() }
}

// Sandbox says in one line how functions are confined here. It fails if that is less than Config.Sandbox asks for.
func (p *Pool) Sandbox() (string, error) { return p.sandbox.String(), p.sandbox.Ready() }

// Supported reports whether functions of a runtime ("python3.13") can run on this machine. The error, an
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

// Invoke runs one invocation. It answers when the response begins or, without Invocation.Stream, when the response is
// complete. A function that fails is a Result with a FunctionError. The errors are ErrBusy, ErrFull and ErrClosed,
// that of ctx, and those of starting an environment.
//
// fn needs an absolute CodeDir and a Timeout; a RequestID consists of letters, digits, hyphens, underscores and dots.
//
// When ctx ends before the answer, Invoke returns, but the function runs on to its end or its timeout, as in Lambda.
func (p *Pool) Invoke(ctx context.Context, fn *Function, in Invocation) (*Result, error) {
	if err := validate(fn, in); err != nil {
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

// validate refuses what no environment could work with.
func validate(fn *Function, in Invocation) error {
	// A request id becomes a piece of a path and of log lines.
	const idCharacters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_."
	switch {
	case fn.Timeout <= 0:
		return fmt.Errorf("function %s has no timeout", fn.ARN)
	case !filepath.IsAbs(fn.CodeDir) && fn.Upstream == "":
		return fmt.Errorf("function %s: its code directory %q is no absolute path", fn.ARN, fn.CodeDir)
	case in.RequestID == "":
		return errors.New("invocation has no request id")
	case len(in.RequestID) > 128 || strings.Trim(in.RequestID, idCharacters) != "":
		return fmt.Errorf("request id %.140q: want at most 128 letters, digits, hyphens, underscores and dots",
			in.RequestID)
	}
	return nil
}

// assign finds or starts an environment for a call.
func (p *Pool) assign(c *call) error {
	for mayWait, patience := true, settleWaitAtEnd; ; {
		e, w, err := p.roster.pick(c, mayWait)
		switch {
		case err != nil && err == p.roster.full && patience > 0 && p.roster.inStage(nil, settling, lingering):
			time.Sleep(settlePause)
			patience -= settlePause
			continue
		case err != nil:
			p.warnOfShortage(err)
			return err
		case w != nil:
			e = p.roster.await(w)
			mayWait = w.longest > 0
		case e == nil:
			return nil // an environment is starting for it
		}
		if e != nil && e.begin(c) {
			return nil
		}
	}
}

// reassign is assign for a call whose environment could not start, because another one had the port of its application.
// One of another function makes room when it is idle.
func (p *Pool) reassign(c *call, holder *environment) {
	if holder != nil {
		for holder.fn.identity() != c.fn.identity() && holder.life.stage() < stopping && c.patience() > 0 &&
			p.ctx.Err() == nil && !p.roster.evictIdle(holder) {
			p.pause(holder.ended, bindPause)
		}
		if holder.life.stage() >= stopping {
			p.pause(holder.ended, p.config.StopGrace+evictionSlack)
		}
	}
	c.cold = false
	err := error(ErrBusy)
	if c.patience() > 0 {
		err = p.assign(c)
	}
	if err != nil {
		close(c.done)
		c.answer(nil, err)
	}
}

// launch starts an environment for a call, or for none yet. The roster calls it under its lock.
func (p *Pool) launch(fn *Function, c *call, warm bool) *environment {
	e := newEnvironment(p, fn, c, warm)
	p.alive.Go(func() {
		e.run()
		p.roster.bury(e)
	})
	return e
}

// Provision keeps so many environments of the functions ready as the map says, and no longer keeps others of the same
// function. They all are versions of the function with the account, the region and the name.
func (p *Pool) Provision(account, region, name string, wanted map[*Function]int) {
	if lacking := p.roster.provision(identity{account, region, name}, wanted); lacking > 0 {
		p.config.Logger.Warn("environments are provisioned and not started: there may be no more at one time",
			"function", name, "lacking", lacking, "limit", p.roster.most, "fix", "provision fewer, or raise furl serve --max-environments")
	}
}

// Provisioned is how many environments with the key of a Function are provisioned and ready, and whether one failed to
// initialize or had no room, after which no other is started until Provision is called.
func (p *Pool) Provisioned(key string) (ready int, failed bool) { return p.roster.provisioned(key) }

// Occupancy is what the environments of all versions of a function do now.
func (p *Pool) Occupancy(account, region, name string) Occupancy {
	return p.roster.occupancy(identity{account, region, name})
}

// Retire stops the environments of a Function's Key, each as soon as it has nothing to do: after a change of code or
// configuration, or when the function was deleted.
func (p *Pool) Retire(key string) { p.roster.retireKey(key) }

// Prepare starts an environment of a function ahead of its next call, if there is room for one and none is there. If that
// does not initialize, the next call finds out; no other one is started.
func (p *Pool) Prepare(fn *Function) { p.roster.prepare(fn) }

// reap stops environments that were idle for too long.
func (p *Pool) reap() {
	ticker := time.NewTicker(max(p.config.IdleTimeout/4, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-ticker.C:
			p.roster.evictIdleSince(time.Now().Add(-p.config.IdleTimeout))
		}
	}
}

// Drain refuses new invocations, stops idle environments, lets running invocations finish, and closes the pool. When
// ctx ends first, it kills what is left and returns ctx's error.
func (p *Pool) Drain(ctx context.Context) error {
	p.roster.drain()
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
		all := p.roster.close()
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

// Collectors are the metrics of the pool.
func (p *Pool) Collectors() []metric.Collector {
	all := p.outcomes.Collectors("furl_invocations_total", "Invocations of functions, by how they came out.",
		"outcome", outcomes())
	var names []string
	for s := range dead {
		names = append(names, s.String())
	}
	return append(all, metric.Gauges("furl_environments", "Execution environments, by the stage of their life.",
		"stage", names, p.roster.census))
}

// warnOfShortage logs which limit was met, if the error says that one was.
func (p *Pool) warnOfShortage(err error) {
	if exhausted, ok := errors.AsType[*Exhausted](err); ok {
		p.shortages.Warn("no environment can be started: callers are throttled", exhausted.Lack)
	}
}

// lackOf is what the machine was short of when a start failed with the error; nil for any other failure.
func (p *Pool) lackOf(err error) *machine.Lack {
	if met, ok := errors.AsType[*machine.Lack](err); ok {
		return met // before anything was tried
	}
	switch lack := machine.Lacking(err); {
	case lack != nil && lack.Of == machine.OfProcesses:
		return p.processes.Refused(err)
	case lack != nil:
		return lack
	case errors.Is(err, sandbox.ErrEnded) && p.ctx.Err() == nil:
		return p.processes.Refused(err) // the system refused it a thread, which no error reports
	case errors.Is(err, ErrUnsupported):
		return p.processes.Short() // an interpreter that is refused a thread does not say its version
	default:
		return nil
	}
}

// pause waits until an environment is gone, nil for none, but no longer than most.
func (p *Pool) pause(gone <-chan struct{}, most time.Duration) {
	select {
	case <-gone:
	case <-time.After(most):
	case <-p.ctx.Done():
	}
}
