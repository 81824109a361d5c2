package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/peer"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// environment is one process that runs one function, with its own Runtime API, directory and log. It works on one
// invocation at a time.
//
// Its goroutines are: run, which starts the process and stays until it is gone; one that reads its output; those of
// the Runtime API and its connections; and, for moments, that of the timer.
type environment struct {
	pool      *Pool
	fn        *Function
	id        string
	dir       string // its HOME and TMPDIR
	logStream string
	log       *output
	api       *runtimeapi.Server
	members   *peer.Environment // its processes; set when the first has started
	deliver   chan *call        // holds one
	ended     chan struct{}     // closed when all is given back that it held of the machine
	entered   atomic.Bool       // it takes room of the pool's for its start

	life life

	// Owned by the pool, under its lock.
	idleSince time.Time
	retired   bool // stop instead of waiting for another event

	mu          sync.Mutex // guards what follows
	process     *sandbox.Process
	call        *call       // the invocation that it works on, or is started for
	stream      *streamBody // its response, while that comes in
	asking      *asking     // the request for an event that waits
	initialised bool        // it has asked for an event
	timer       *time.Timer
	born        time.Time
	expires     time.Time // of its credentials; zero for never
	initFailure *runtimeapi.Failure
	killed      Reason // why it was killed, if it was
}

var _ runtimeapi.Handler = (*environment)(nil)

func newEnvironment(p *Pool, fn *Function, first *call) *environment {
	var random [16]byte
	rand.Read(random[:]) //nolint:errcheck // never fails
	e := &environment{
		pool:    p,
		fn:      fn,
		id:      hex.EncodeToString(random[:]),
		deliver: make(chan *call, 1),
		ended:   make(chan struct{}),
		call:    first,
		born:    time.Now(),
	}
	e.dir = filepath.Join(p.environments, e.id)
	if e.logStream = fn.LogStream; e.logStream == "" {
		e.logStream = fmt.Sprintf("%s[%s]%s", p.now().UTC().Format("2006/01/02/"), fn.Version, e.id)
	}
	first.cold = true
	return e
}

// run is the whole life of the environment.
func (e *environment) run() {
	defer close(e.ended)
	defer e.leave()
	process, err := e.startWithRoom()
	if err != nil {
		e.notStarted(err)
		return
	}
	if process != nil {
		e.gone(process.Wait())
	}
}

// start brings the process up. What it opened before an error, notStarted closes.
func (e *environment) start() (*sandbox.Process, error) {
	p := e.pool
	e.log = newOutput(e)
	ctx, cancel := context.WithTimeout(p.ctx, p.config.InitTimeout)
	defer cancel()
	var credentials Credentials
	if e.fn.Credentials != nil {
		var err error
		if credentials, err = e.fn.Credentials(ctx); err != nil {
			return nil, fmt.Errorf("credentials of the execution role for %s: %w", e.fn.ARN, err)
		}
	}
	command, err := p.launcher.command(ctx, e.fn)
	if err != nil {
		return nil, err
	}
	if err := e.makeDirs(command.write); err != nil {
		return nil, err
	}
	if e.api, err = runtimeapi.Listen(e, p.config.Logger); err != nil {
		return nil, fmt.Errorf("listen for the Runtime API of %s: %w", e.fn.ARN, err)
	}
	stdout, err := e.log.open()
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	for _, remark := range command.remarks {
		e.log.platform(remark)
	}
	program := sandbox.Command{
		Path: command.path, Args: command.args, Env: variables(e, command, credentials, p.config.ExtraEnv),
		Dir: e.fn.CodeDir, Home: e.dir, Read: command.read, Write: command.write, Output: stdout,
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life.stage() != starting {
		return nil, ErrClosed
	}
	limit := p.config.InitTimeout
	if e.call.lateInit {
		e.call.begin(time.Now())
		limit = e.fn.Timeout
	}
	e.born = time.Now() // what came before, such as looking for an interpreter, is not the function's
	if e.process, err = p.sandbox.Start(program); err != nil {
		return nil, &startError{err, command.fromPackage}
	}
	e.members = peer.NewEnvironment(e.process.PID())
	if err := e.members.Unknown(); machine.Lacking(err) != nil {
		e.process.Kill()
		e.process.Wait()
		e.process = nil
		return nil, fmt.Errorf("look at the process of %s: %w", e.fn.ARN, err)
	}
	e.expires = credentials.Expires
	e.timer = time.AfterFunc(limit, e.expire)
	e.api.Serve(&gate{p, e})
	return e.process, nil
}

// startError is a process that could not be started at all.
type startError struct {
	error
	fromPackage bool
}

// Unwrap is for errors.Is.
func (e *startError) Unwrap() error { return e.error }

// asking is a request for the next event that waits.
type asking struct {
	client *runtimeapi.Client
	cancel context.CancelFunc
	over   chan struct{} // closed when it waits no longer
}

// lostConnectionGrace is how long a request for an event is held back while another one waits. That is there to see
// that the connection of the other is broken, which the kernel may tell a little late on a busy machine.
const lostConnectionGrace = 250 * time.Millisecond

// Next implements runtimeapi.Handler: the process is ready for an event.
func (e *environment) Next(ctx context.Context, client *runtimeapi.Client) (*runtimeapi.Invocation, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	own := &asking{client, cancel, make(chan struct{})}
	if err := e.ask(ctx, own); err != nil {
		return nil, err
	}
	defer e.waitsNoLonger(own)
	if err := e.ready(); err != nil {
		return nil, err
	}
	select {
	case c := <-e.deliver:
		if ctx.Err() != nil || client.Gone() {
			e.deliver <- c // for the connection that replaces this one; there is room for one
			return nil, context.Canceled
		}
		e.mu.Lock()
		c.handed = true
		e.mu.Unlock()
		delivered := &runtimeapi.Invocation{
			ID:              c.in.RequestID,
			Deadline:        c.deadline,
			FunctionARN:     c.in.InvokedFunctionARN,
			TraceID:         c.in.TraceID,
			ClientContext:   c.in.ClientContext,
			CognitoIdentity: c.in.CognitoIdentity,
			Payload:         c.in.Payload,
		}
		c.in.Payload = nil // the function has it: up to 6 MiB that nobody else needs while it runs
		return delivered, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ask makes own the request that waits. It refuses while another one does, unless the connection of that one is broken.
func (e *environment) ask(ctx context.Context, own *asking) error {
	for {
		e.mu.Lock()
		other := e.asking
		if other == nil {
			e.asking = own
			e.mu.Unlock()
			return nil
		}
		e.mu.Unlock()
		if !other.client.Gone() {
			grace := time.NewTimer(lostConnectionGrace)
			select {
			case <-other.over:
			case <-grace.C:
			case <-ctx.Done():
			}
			grace.Stop()
		}
		select {
		case <-other.over:
			continue
		default:
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !other.client.Gone() {
			e.pool.refusals.warn("a second request for the next event was refused while one waits",
				slog.String("function", e.fn.ARN), slog.String("client", own.client.Addr().String()),
				slog.String("waiting", other.client.Addr().String()))
			return fmt.Errorf("next is %w (another connection is waiting for the next event)", runtimeapi.ErrState)
		}
		other.cancel()
		<-other.over
	}
}

func (e *environment) waitsNoLonger(own *asking) {
	e.mu.Lock()
	e.asking = nil
	e.mu.Unlock()
	close(own.over)
}

// ready ends what went before, initialisation or an invocation, and offers the environment to the pool.
func (e *environment) ready() error {
	e.mu.Lock()
	c := e.call
	switch at := e.life.stage(); {
	case at == starting:
		e.initialised = true
		e.leave()
		e.timer.Stop()
		if !c.lateInit {
			c.init = time.Since(e.born)
		}
		moved := e.life.advance(starting, idle)
		e.mu.Unlock()
		if moved {
			e.begin(c) // the caller has been waiting for exactly this
		}
		return nil
	case at == settling && c != nil:
		e.call = nil // from here on a dying process concerns nobody
		e.timer.Stop()
		e.mu.Unlock()
		e.finish(c, "", nil)
		e.pool.release(e)
		return nil
	case at == busy && c.handed, at == responding:
		e.mu.Unlock()
		return stateError("next", at)
	default: // asked again, after a lost connection or on the way out
		e.mu.Unlock()
		return nil
	}
}

func stateError(request string, at stage) error {
	return fmt.Errorf("%s is %w (%s)", request, runtimeapi.ErrState, at)
}

// begin hands an invocation to the waiting process. It reports false if the environment is not idle any more.
func (e *environment) begin(c *call) bool {
	e.mu.Lock()
	if !e.life.advance(idle, busy) {
		e.mu.Unlock()
		return false
	}
	c.begin(time.Now())
	e.call = c
	e.timer.Reset(time.Until(c.deadline))
	e.mu.Unlock()
	e.log.begin(c)
	e.deliver <- c
	return true
}

// take checks that the function may answer invocation id now, and moves on.
func (e *environment) take(request, id string, to stage) (*call, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.call
	if c == nil || c.in.RequestID != id || e.life.stage() == starting {
		return nil, runtimeapi.ErrRequestID
	}
	if !e.life.advance(busy, to) {
		return nil, stateError(request, e.life.stage())
	}
	c.complete = to == settling
	return c, nil
}

// settle notes that the response of c is complete: the environment is about to ask for the next event.
func (e *environment) settle(c *call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.call == c && e.life.advance(responding, settling) {
		c.complete = true
		e.stream = nil
	}
}

// breakOff notes that the response of c ended too early. If the process lives, it may ask for the next event.
func (e *environment) breakOff(c *call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.call == c {
		e.life.advance(responding, settling)
		e.stream = nil
	}
}

// Respond implements runtimeapi.Handler.
func (e *environment) Respond(id string, response *runtimeapi.Response) error {
	c, err := e.take("response", id, responding)
	if err != nil {
		return err
	}
	limit := int64(MaxBufferedResponse)
	if c.in.Stream && (response.Streaming || response.Length < 0) {
		limit = MaxStreamedResponse
	}
	switch {
	case response.Length > limit:
		e.settle(c)
		c.fail(tooLarge(limit))
		return runtimeapi.ErrTooLarge
	case c.in.Stream:
		return e.respondStream(c, response, limit)
	default:
		return e.respondWhole(c, response, limit)
	}
}

// Fail implements runtimeapi.Handler.
func (e *environment) Fail(id string, f *runtimeapi.Failure) error {
	c, err := e.take("error", id, settling)
	if err != nil {
		return err
	}
	reason := ReasonError
	if f.Type == "Runtime.InvalidResponseModeHeader" {
		reason = ReasonBadResponse
	}
	if e.pool.sandbox.MayExplain(f.Body) {
		e.log.platform(sandboxRemark)
	}
	c.fail(reported(f, reason))
	return nil
}

// sandboxRemark stands in the log of an invocation that failed as the sandbox makes things fail.
const sandboxRemark = "furl: the sandbox may be why this failed: " + sandbox.Opening

// exitGrace is how long a process may take to exit after it has reported that it can not start.
const exitGrace = time.Second

// FailInit implements runtimeapi.Handler. The caller is answered when the process has exited, with its whole log.
func (e *environment) FailInit(f *runtimeapi.Failure) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at := e.life.stage(); at != starting {
		return stateError("init/error", at)
	}
	if e.initFailure == nil {
		e.initFailure = f
		e.timer.Reset(exitGrace)
	}
	return nil
}

// expire is the timer: of initialisation, of an invocation, or of the exit after a failed initialisation.
func (e *environment) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.call
	if c == nil {
		return // a late timer: the environment has settled
	}
	switch e.life.stage() {
	case starting:
		switch {
		case e.initFailure != nil:
			e.kill(ReasonInit)
		case c.lateInit:
			e.kill(ReasonTimeout)
		default:
			e.kill(ReasonInitTimeout)
		}
	case busy, responding, settling:
		if left := time.Until(c.deadline); left > 0 {
			e.timer.Reset(left) // a late timer of what went before
			return
		}
		e.kill(ReasonTimeout)
	default: // idle, with its first event on the way; or ended already
	}
}

// kill ends the process and everything that it started, at once. Called with mu held.
func (e *environment) kill(why Reason) {
	if e.killed == "" {
		e.killed = why
	}
	e.life.end(stopping)
	if e.process != nil {
		e.process.Kill()
	}
}

// stop ends an environment that nobody needs: politely, and after the grace with force. It does not wait.
func (e *environment) stop(grace time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, moved := e.life.end(stopping); !moved || e.process == nil {
		return
	}
	if e.killed == "" {
		e.killed = ReasonShutdown
	}
	e.process.Terminate()
	e.timer.Stop()
	e.timer = time.AfterFunc(grace, e.process.Kill)
}

// abort ends it with force, whatever it does.
func (e *environment) abort() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kill(ReasonShutdown)
}
