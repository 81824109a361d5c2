// Package runtime runs Lambda functions as processes on this machine: it starts execution environments, hands them
// invocations, streams their answers back and takes down what hangs, crashes or is not needed any more.
//
// An execution environment is one operating system process in a process group of its own, with its own directory, its
// own Runtime API on loopback and an environment of exactly the variables that Lambda sets. It works on one invocation
// at a time. A Pool holds the environments of all functions: it prefers the one that was used last, starts another
// while the function's concurrency allows it, and answers ErrBusy at once when it does not.
//
//	pool, err := runtime.New(runtime.Config{Dir: dir, Log: sink})
//	...
//	result, err := pool.Invoke(ctx, function, runtime.Invocation{RequestID: id, Payload: event})
//	...
//	body, err := result.ReadAll(0)
//
// It is no sandbox. A function runs with the rights of the server's user: it can read that user's files, reach the
// network, and leave processes behind if they leave their process group. CPU and memory are not limited. Lambda
// layers, extensions and the telemetry API are not offered.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/runtime/bootstrap"
)

// Config says how a Pool works. Only Dir is required.
type Config struct {
	// Dir is for the environments' own directories and the embedded runtimes. It is made if missing. What an
	// earlier pool left in it is removed, so two pools can not share it.
	Dir string

	Log    LogSink      // takes the functions' output; nil drops it
	Logger *slog.Logger // the pool's own log; nil drops it
	Now    func() time.Time

	// ExtraEnv is set in every environment, below the user's own variables and Lambda's reserved ones. For
	// example AWS_ENDPOINT_URL, so that an SDK in the function talks to this server.
	ExtraEnv map[string]string

	MaxEnvironments int           // of all functions together; default 100
	IdleTimeout     time.Duration // after which an environment is stopped; default 10 minutes
	InitTimeout     time.Duration // until a process must have asked for its first event; default 10 s as in Lambda
	StopGrace       time.Duration // between SIGTERM and SIGKILL for idle environments; default 500 ms
}

// How long an invocation waits for an environment that has answered and is about to be free. The function's next
// request normally comes within a fraction of a millisecond. A function may also do something between its answer and
// that request; then it is better to start another process, which costs tens of milliseconds, and if none may be
// started, to throttle the caller, but not one who only was quick.
const (
	settleWait      = 25 * time.Millisecond
	settleWaitAtEnd = time.Second // of the concurrency
)

// expiryMargin is how much of its credentials' life an environment needs to be used again.
const expiryMargin = 5 * time.Minute

// Pool runs functions. It is safe for concurrent use.
type Pool struct {
	config       Config
	now          func() time.Time
	runtimeDir   string
	environments string // directory
	launcher     *launcher
	spawner      *spawner
	guard        *guard
	ctx          context.Context // ends when everything is to be killed
	cancel       context.CancelFunc
	alive        sync.WaitGroup // environments
	reaper       sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	closing sync.Once
	groups  map[identity]*group
	size    int // environments in all groups
}

// group is the environments of one function, of all its versions.
type group struct {
	id      identity
	keys    map[string]string // version → key that was invoked last
	all     map[*environment]struct{}
	idle    []*environment // most recently used last
	waiting []*waiter      // invocations that wait for a settling environment, first come first served
}

// waiter is told of an environment, or nil that there is nothing to wait for.
type waiter struct {
	key     string
	atLimit bool              // no other environment may be started: room is as good as one that is free
	free    chan *environment // holds one
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
		environments: filepath.Join(dir, "environment"),
		groups:       map[identity]*group{},
	}
	if err := os.RemoveAll(p.environments); err != nil {
		return nil, fmt.Errorf("remove what an earlier run left: %w", err)
	}
	if err := os.MkdirAll(p.environments, 0o700); err != nil {
		return nil, err
	}
	if err := bootstrap.Install(p.runtimeDir); err != nil {
		return nil, err
	}
	p.launcher = &launcher{runtimeDir: p.runtimeDir, cacheDir: filepath.Join(dir, "cache")}
	p.guard = &guard{logger: config.Logger}
	p.spawner = newSpawner(p.guard)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.reaper.Go(p.reap)
	return p, nil
}

func setDefault[T int | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

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
// When ctx ends before the answer, Invoke returns, but the function runs on to its end or its timeout, as in Lambda.
func (p *Pool) Invoke(ctx context.Context, fn *Function, in Invocation) (*Result, error) {
	if in.RequestID == "" {
		return nil, errors.New("invocation has no request id")
	}
	c := newCall(fn, in)
	if err := p.assign(c); err != nil {
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

// assign finds or starts an environment for a call.
func (p *Pool) assign(c *call) error {
	for mayWait := true; ; {
		e, w, err := p.pick(c, mayWait)
		switch {
		case err != nil:
			return err
		case w != nil:
			e = p.await(w, c.fn.identity())
			mayWait = false
		case e == nil:
			return nil // an environment is being started for it
		}
		if e != nil && e.begin(c) {
			return nil
		}
	}
}

// pick answers an idle environment, or a place in the queue for one that is about to be free, or, having started one,
// neither.
func (p *Pool) pick(c *call, mayWait bool) (*environment, *waiter, error) {
	fn := c.fn
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	g := p.groups[fn.identity()]
	if g == nil {
		g = &group{id: fn.identity(), keys: map[string]string{}, all: map[*environment]struct{}{}}
	}
	if last := g.keys[fn.Version]; last != fn.Key {
		g.keys[fn.Version] = fn.Key
		p.retire(g, func(e *environment) bool { return e.fn.Version == fn.Version && e.fn.Key != fn.Key })
	}
	atLimit := fn.Concurrency >= 0 && len(g.all) >= fn.Concurrency
	if atLimit && g.active() >= fn.Concurrency {
		return nil, nil, ErrBusy
	}
	if e := p.popIdle(g, fn.Key); e != nil {
		return e, nil, nil
	}
	w := &waiter{fn.Key, atLimit, make(chan *environment, 1)}
	if mayWait && g.settling(w) > len(g.waiting) {
		g.waiting = append(g.waiting, w)
		return nil, w, nil
	}
	if atLimit && !p.evict(g) {
		return nil, nil, ErrBusy
	}
	if p.size >= p.config.MaxEnvironments && !p.evict(p.groupWithOldestIdle()) {
		return nil, nil, ErrFull
	}
	p.launch(g, c)
	return nil, nil, nil
}

// launch starts an environment for a call. Called with mu held.
func (p *Pool) launch(g *group, c *call) {
	p.groups[g.id] = g
	e := newEnvironment(p, c.fn, c)
	g.all[e] = struct{}{}
	p.size++
	p.alive.Go(e.run)
}

// popIdle takes the most recently used environment of a key. Called with mu held.
func (p *Pool) popIdle(g *group, key string) *environment {
	for i := len(g.idle) - 1; i >= 0; i-- {
		e := g.idle[i]
		if e.fn.Key != key {
			continue
		}
		g.idle = append(g.idle[:i], g.idle[i+1:]...)
		if p.expired(e) {
			p.discard(g, e)
			i = min(i, len(g.idle))
			continue
		}
		return e
	}
	return nil
}

func (p *Pool) expired(e *environment) bool {
	return !e.expires.IsZero() && e.expires.Sub(p.now()) < expiryMargin
}

// settling counts the environments that will be free for a waiter in a moment, or gone and so make room.
func (g *group) settling(w *waiter) int {
	n := 0
	for e := range g.all {
		switch e.life.stage() {
		case settling, stopping, dead:
			if w.wants(e) {
				n++
			}
		default:
		}
	}
	return n
}

// wants tells whether the end of what e is doing helps the waiter.
func (w *waiter) wants(e *environment) bool { return w.atLimit || e.fn.Key == w.key }

// active counts the environments that work on an invocation.
func (g *group) active() int {
	n := 0
	for e := range g.all {
		switch e.life.stage() {
		case starting, busy, responding:
			n++
		default:
		}
	}
	return n
}

// await waits a little for an environment to settle.
func (p *Pool) await(w *waiter, id identity) *environment {
	patience := settleWait
	if w.atLimit {
		patience = settleWaitAtEnd
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case e := <-w.free:
		return e
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.groups[id]; g != nil {
		for i, other := range g.waiting {
			if other == w {
				g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
				return nil
			}
		}
	}
	return <-w.free // it was told in this very moment
}

// release takes back an environment that has settled and waits for an event. It becomes idle under the lock: whoever
// looks for an environment sees it either as settling or where idle ones are kept.
func (p *Pool) release(e *environment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !e.life.advance(settling, idle) {
		return // it has ended meanwhile
	}
	g := p.groups[e.fn.identity()]
	if p.closed || e.retired || p.expired(e) {
		p.discard(g, e)
		return
	}
	w := g.nextWaiter(e)
	if w != nil && w.key == e.fn.Key {
		w.free <- e
		return
	}
	e.idleSince = p.now()
	g.idle = append(g.idle, e)
	if w != nil {
		w.free <- nil // it may stop this one and start its own
	}
}

func (g *group) nextWaiter(e *environment) *waiter {
	for i, w := range g.waiting {
		if w.wants(e) {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return w
		}
	}
	return nil
}

// discard stops an environment that is not in the idle list (any more). Its place is free at once, though the process
// may take its grace to end. Called with mu held.
func (p *Pool) discard(g *group, e *environment) {
	p.forget(g, e)
	e.stop(p.config.StopGrace)
}

// forget takes an environment out of the books. Called with mu held.
func (p *Pool) forget(g *group, e *environment) {
	if g == nil {
		return
	}
	if _, in := g.all[e]; !in {
		return
	}
	delete(g.all, e)
	p.size--
	for i, other := range g.idle {
		if other == e {
			g.idle = append(g.idle[:i], g.idle[i+1:]...)
			break
		}
	}
	// Whoever hoped for this one had better start another.
	if w := g.nextWaiter(e); w != nil {
		w.free <- nil
	}
	if len(g.all) == 0 {
		delete(p.groups, g.id)
	}
}

// remove is forget for an environment whose process is gone.
func (p *Pool) remove(e *environment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(p.groups[e.fn.identity()], e)
}

// replace starts another environment in the place of one, for the call that it did not come to.
func (p *Pool) replace(e *environment, c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[e.fn.identity()]
	closed := p.closed
	if !closed {
		p.launch(g, c)
	}
	p.forget(g, e)
	if closed {
		close(c.done)
		c.answer(nil, ErrClosed)
	}
}

// evict stops the idle environment of a group that was not used for longest.
func (p *Pool) evict(g *group) bool {
	if g == nil || len(g.idle) == 0 {
		return false
	}
	e := g.idle[0]
	g.idle = g.idle[1:]
	p.discard(g, e)
	return true
}

func (p *Pool) groupWithOldestIdle() *group {
	var oldest *group
	for _, g := range p.groups {
		if len(g.idle) > 0 && (oldest == nil || g.idle[0].idleSince.Before(oldest.idle[0].idleSince)) {
			oldest = g
		}
	}
	return oldest
}

// retire stops the environments that match: idle ones now, the others when they have settled. Called with mu held.
func (p *Pool) retire(g *group, matches func(*environment) bool) {
	for e := range g.all {
		if matches(e) {
			e.retired = true
		}
	}
	for _, e := range append([]*environment(nil), g.idle...) {
		if e.retired {
			p.discard(g, e)
		}
	}
}

// Retire stops the environments of a Function's Key, each as soon as it has nothing to do: after a change of code or
// configuration, or when the function was deleted.
func (p *Pool) Retire(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range maps.Clone(p.groups) {
		p.retire(g, func(e *environment) bool { return e.fn.Key == key })
	}
}

// reap stops environments that were idle for too long.
func (p *Pool) reap() {
	ticker := time.NewTicker(max(p.config.IdleTimeout/4, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-ticker.C:
			p.reapIdle()
		}
	}
}

func (p *Pool) reapIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	oldest := p.now().Add(-p.config.IdleTimeout)
	for _, g := range maps.Clone(p.groups) {
		for len(g.idle) > 0 && g.idle[0].idleSince.Before(oldest) {
			p.evict(g)
		}
	}
}

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
		p.reaper.Wait()
		p.spawner.close()
		p.guard.close()
	})
	return nil
}
