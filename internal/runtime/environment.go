//go:build unix

package runtime

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/extension"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
	"github.com/furl-dev/furl/internal/runtime/webapp"
)

// environment is one process that runs one function, and those of its extensions, with a Runtime API, a directory and a
// log. It works on one invocation at a time. The starter starts it, and the process talks to its handler.
//
// Its goroutines are: run, which starts the processes and stays until they are gone; one that reads the output of the
// function, and one more for that of extensions; one for each extension; those of the Runtime API, its connections and
// the subscriptions to telemetry; and, for moments, that of the timer.
type environment struct {
	pool      *Pool
	fn        *Function
	id        string
	dir       string // its HOME and TMPDIR
	logStream string // its own, as in Lambda: 2026/11/23/[$LATEST] and 32 hexadecimal digits
	log       *output
	api       *runtimeapi.Server
	members   *members      // its processes; set before the first has started
	deliver   chan *call    // holds one
	app       *webapp.App   // nil unless its process is a web application
	hangUp    func()        // ends the driver of the app; nil for none
	release   func()        // of its credentials; nil for none
	warm      bool          // it was started as provisioned concurrency
	ended     chan struct{} // closed when it has given back all that it held of the machine
	entered   atomic.Bool   // its start holds room of the pool.processes
	present   bool          // it counts in the pool.processes; for the goroutine of run
	halt      chan struct{} // closed when it is to end, for an environment with extensions
	halted    sync.Once     // closes it

	extensions *extension.Set       // nil before the start
	telemetry  *extension.Telemetry // nil before the start

	life life

	// Guarded by the lock of the roster.
	idleSince time.Time
	retired   bool // it stops instead of waiting for another event
	kept      bool // it is provisioned: it does not end for being idle
	prepared  bool // it starts ahead of its first call, which has not come yet

	mu          sync.Mutex       // guards what follows
	cell        *sandbox.Cell    // nil before the first process
	process     *sandbox.Process // the runtime; nil before it has started
	programs    []*program       // of the extensions
	call        *call            // the invocation that it works on, or is started for
	stream      *streamBody      // its response, if that is streamed and not complete
	asked       bool             // the runtime has asked for an event
	initialized bool             // so have all extensions
	timer       *time.Timer
	born        time.Time
	expires     time.Time // of its credentials; zero for never
	initFailure *runtimeapi.Failure
	killed      Reason      // why it was killed, if it was
	starved     atomic.Bool // it was ended for its memory; a REPORT asks that without mu
	fault       extensionFault
}

// newEnvironment makes an environment for its first call, or for none yet.
func newEnvironment(p *Pool, fn *Function, first *call, warm bool) *environment {
	var random [16]byte
	rand.Read(random[:]) //nolint:errcheck // never fails
	e := &environment{
		pool:    p,
		fn:      fn,
		id:      hex.EncodeToString(random[:]),
		deliver: make(chan *call, 1),
		ended:   make(chan struct{}),
		halt:    make(chan struct{}),
		call:    first,
		warm:    warm,
		born:    time.Now(),
	}
	e.dir = filepath.Join(p.environments, e.id)
	e.logStream = fmt.Sprintf("%s[%s]%s", p.config.Now().UTC().Format("2006/01/02/"), fn.Version, e.id)
	if first != nil {
		first.cold = true
	}
	return e
}

// initializationType is AWS_LAMBDA_INITIALIZATION_TYPE.
func (e *environment) initializationType() string {
	if e.warm {
		return "provisioned-concurrency"
	}
	return "on-demand"
}

// run is the whole life of the environment.
func (e *environment) run() {
	defer close(e.ended)
	started, err := starter{e}.run()
	if err != nil {
		e.notStarted(err)
		return
	}
	if started {
		e.extensionAsked() // an extension may have asked for the runtime's first event before that was started
		e.gone(e.supervise())
	}
}

// hasStarted gives back the room that the start took.
func (e *environment) hasStarted() {
	if e.entered.CompareAndSwap(true, false) {
		e.pool.processes.Started()
	}
}

// leave notes that the environment has no processes any more.
func (e *environment) leave() {
	e.hasStarted()
	if e.present {
		e.pool.processes.Leave()
		e.present = false
	}
}

// ready notes that the runtime asks for an event, which ends what went before: initialization or an invocation.
func (e *environment) ready() error {
	e.mu.Lock()
	c := e.call
	switch at := e.life.stage(); {
	case at == starting, at == registering:
		if !e.asked {
			e.asked = true
			e.extensions.CloseRegistration()
			e.telemetry.Send(e.initRuntimeDone(""))
		}
		e.proceed()
		return nil
	case at == settling && c != nil:
		e.runtimeDone("success", "")
		if !e.extensions.AllReady() {
			e.life.advance(settling, lingering)
			e.mu.Unlock()
			return nil
		}
		e.settled()
		return nil
	case at == busy && c.handed, at == responding:
		e.mu.Unlock()
		return stateError("next", at)
	default: // asked again, after a lost connection or on the way out
		e.mu.Unlock()
		return nil
	}
}

// proceed goes on after initialization or an invocation if the runtime and all extensions have asked for an event. Called
// with mu held, which it gives back.
func (e *environment) proceed() {
	switch at := e.life.stage(); {
	case !e.extensions.AllReady():
		e.mu.Unlock()
	case at == starting && e.asked:
		c := e.call
		e.initialized = true
		e.hasStarted()
		e.timer.Stop()
		took := time.Since(e.born)
		if c == nil {
			e.mu.Unlock()
			e.initDone(took, "")
			e.pool.roster.welcome(e)
			return
		}
		if !c.lateInit {
			c.init = took
		}
		moved := e.life.advance(starting, idle)
		e.mu.Unlock()
		e.initDone(took, "")
		if moved {
			e.begin(c) // the caller has been waiting for exactly this
		}
	case at == lingering:
		e.settled()
	default:
		e.mu.Unlock()
	}
}

// settled ends an invocation and offers the environment to the pool. Called with mu held, which it gives back.
func (e *environment) settled() {
	c := e.call
	e.call, e.stream = nil, nil // from here on no call depends on the process
	e.timer.Stop()
	e.mu.Unlock()
	e.finish(c, "", nil)
	e.pool.roster.release(e)
}

func stateError(request string, at stage) error {
	return fmt.Errorf("%s is %w (%s)", request, runtimeapi.ErrState, at)
}

// adopt makes c the call that an environment is started for, which had none. It reports false if that has started
// already, or has failed to.
func (e *environment) adopt(c *call) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.call != nil || e.initialized || !e.life.in(starting, registering) {
		return false
	}
	c.cold = true
	e.call = c
	if e.log != nil {
		e.log.expect(c)
	}
	return true
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
	if e.telemetry.IsActive() {
		e.telemetry.Send(extension.Start{
			RequestID: c.in.RequestID, Version: e.fn.Version, Tracing: extension.NewTracing(c.in.TraceID),
		})
	}
	e.extensions.Invoke(extension.Invocation{
		RequestID: c.in.RequestID, FunctionARN: c.in.InvokedFunctionARN, TraceID: c.in.TraceID, Deadline: c.deadline,
	})
	e.deliver <- c
	return true
}

// settle notes that the response of c, of so many bytes, is complete: the environment is about to ask for the next event.
func (e *environment) settle(c *call, size int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.call == c && e.life.advance(responding, settling) {
		c.complete = true
		e.stream = nil
		if c.course != nil {
			c.course.completed, c.course.produced = time.Now(), size
		}
	}
}

// breakOff notes that the response of c ended too early. If the process lives, it may ask for the next event.
func (e *environment) breakOff(c *call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.call == c {
		e.life.advance(responding, settling)
	}
}

// expire is the timer: of initialization, of an invocation, or of the exit after a failed initialization.
func (e *environment) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.call
	if c == nil && !e.initialized && e.life.in(starting, registering) {
		e.kill(ReasonInitTimeout)
	}
	if c == nil {
		return // a late timer: the environment has settled
	}
	switch e.life.stage() {
	case starting, registering:
		switch {
		case e.initFailure != nil:
			e.kill(ReasonInit)
		case c.lateInit:
			e.kill(ReasonTimeout)
		default:
			e.kill(ReasonInitTimeout)
		}
	case busy, responding, settling, lingering:
		if left := time.Until(c.deadline); left > 0 {
			e.timer.Reset(left) // a late timer of what went before
			return
		}
		e.kill(ReasonTimeout)
	default: // idle, with its first event on the way; or ended already
	}
}

// killedBy notes why the environment ends. Called with mu held.
func (e *environment) killedBy(why Reason) {
	e.killed = why
	e.starved.Store(why == reasonMemory)
}

// kill ends the processes and everything that they started: at once or, where there are extensions, as supervise does.
// Called with mu held.
func (e *environment) kill(why Reason) {
	if e.killed == "" {
		e.killedBy(why)
	}
	e.life.end(stopping)
	e.halted.Do(func() { close(e.halt) })
	switch {
	case e.cell == nil:
	case !e.extensions.HasExternal():
		e.cell.Kill()
	case why == reasonMemory && e.process != nil:
		e.process.End() // which the extensions are told, like any other end of the runtime
	}
}

// stop ends an environment that is not needed: politely, and after the grace with force. It does not wait.
func (e *environment) stop(grace time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.life.end(stopping) {
		return
	}
	if e.process == nil {
		e.kill(ReasonShutdown) // what it has started so far
		return
	}
	e.timer.Stop()
	if e.extensions.HasExternal() {
		e.kill(ReasonShutdown)
		return
	}
	if e.killed == "" {
		e.killedBy(ReasonShutdown)
	}
	if e.process == nil { // a web server that is not the environment's
		e.kill(ReasonShutdown)
		return
	}
	e.process.Terminate()
	e.timer = time.AfterFunc(grace, e.cell.Kill)
}

// abort ends it with force, whatever it does.
func (e *environment) abort() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kill(ReasonShutdown)
	if e.cell != nil {
		e.cell.Kill()
	}
}

// notStarted cleans up after a start that failed, and answers the call that it was for.
func (e *environment) notStarted(err error) {
	e.mu.Lock()
	e.life.end(dead)
	c := e.call
	e.call = nil
	e.mu.Unlock()
	e.pool.roster.remove(e)
	if c == nil {
		if e.warm {
			e.pool.config.Logger.Warn("a provisioned environment cannot be started", "function", e.fn.ARN, "error", err)
		} // else the next call finds out
		e.close()
		return
	}
	if verdict := entrypointVerdict(c.in.RequestID, err, e.fn.CodeDir); verdict != nil {
		// The package's fault, not this machine's.
		e.log.begin(c)
		e.log.platform(err.Error())
		c.begin(time.Now())
		e.finish(c, "error\tError Type: "+verdict.Type, verdict)
		c.fail(verdict)
	} else {
		e.pool.warnOfShortage(err)
		close(c.done)
		c.answer(nil, err)
	}
	e.close()
}

// gone cleans up after the process and answers the call that it left behind.
func (e *environment) gone(state sandbox.State) {
	e.leave()
	e.mu.Lock()
	e.life.end(dead)
	e.timer.Stop()
	e.ranOut()
	c, stream, killed := e.call, e.stream, e.killed
	e.call = nil
	complete := c != nil && c.complete
	e.mu.Unlock()

	e.log.close()
	shortage := e.shortage(killed)
	var holder *environment // of the port of its application
	lost := false           // it has found the port taken
	if c != nil && !e.initialized && killed == "" && shortage == nil {
		holder, lost = e.lostPort(c)
	}
	switch {
	case c == nil:
		e.pool.roster.remove(e)
	case shortage != nil && e.initialized && !complete && stream == nil:
		e.pool.roster.remove(e)
		e.pool.roster.evictOldest() // so that the next call may find more room
		e.pool.warnOfShortage(shortage)
		verdict := e.verdict(c, state, killed)
		e.finish(c, e.logVerdict(c, verdict), verdict)
		c.answer(nil, shortage)
	case shortage != nil && !e.initialized && e.startsOver(c):
	case shortage != nil && !e.initialized:
		e.pool.roster.remove(e)
		e.pool.warnOfShortage(shortage)
		close(c.done)
		c.answer(nil, shortage)
	case lost:
		e.pool.roster.remove(e)
		e.pool.alive.Go(func() { e.pool.reassign(c, holder) })
	case !e.initialized && killed == ReasonInitTimeout:
		e.initDone(time.Since(e.born), "timeout")
		e.log.endInit(time.Since(e.born), "timeout")
		c.lateInit = true
		e.pool.roster.replace(e, c)
	case complete:
		e.pool.roster.remove(e)
		status := ""
		switch {
		case killed == ReasonTimeout:
			e.log.timedOut(c.in.RequestID, e.fn.Timeout)
			status = "timeout"
		case e.fault.kind != "":
			status = "error\tError Type: " + e.fault.kind
		}
		e.finish(c, status, nil)
	default:
		e.pool.roster.remove(e)
		verdict := e.verdict(c, state, killed)
		e.finish(c, e.logVerdict(c, verdict), verdict)
		if stream == nil { // else its beginning is the answer
			c.fail(verdict)
		}
	}
	if stream != nil {
		// What the function wrote before it ended is still in the connection.
		select {
		case <-stream.over:
		case <-e.pool.ctx.Done():
		}
	}
	e.close()
}

// startsOver gives a call another environment in place of this one, which has ended because it was refused a thread: it
// wanted more room than there was when it started. An idle environment of any function makes that room. The call gets
// only one such chance, so that a function that never starts does not end all of them.
func (e *environment) startsOver(c *call) bool {
	if c.secondStart {
		return false
	}
	gone := e.pool.roster.evictOldest()
	if gone == nil {
		return false
	}
	c.secondStart = true
	e.pool.roster.remove(e)
	e.pool.alive.Go(func() {
		e.pool.pause(gone, e.pool.config.StopGrace+evictionSlack)
		e.pool.reassign(c, nil)
	})
	return true
}

// close releases what the environment holds of this machine. It may be started again then.
func (e *environment) close() {
	if e.release != nil {
		e.release()
		e.release = nil
	}
	if e.hangUp != nil {
		e.hangUp()
	}
	if e.app != nil {
		if e.fn.Upstream == "" {
			e.pool.ports.give(e.app.Own)
		}
		e.app = nil
	}
	if e.api != nil {
		e.api.Close() //nolint:errcheck // closing a listener twice is no harm
	}
	if e.telemetry != nil {
		e.telemetry.Close()
	}
	if e.log != nil {
		e.log.close()
		e.removeDir()
	}
}

// verdict is why the process did not answer.
func (e *environment) verdict(c *call, state sandbox.State, killed Reason) *FunctionError {
	id := c.in.RequestID
	switch {
	case killed == ReasonTimeout && !e.initialized:
		return timedOut(id, e.fn.Timeout, ReasonInitTimeout)
	case killed == ReasonTimeout:
		return timedOut(id, e.fn.Timeout, ReasonTimeout)
	case killed == ReasonShutdown:
		return shutDown(id)
	case e.fault.kind != "" && e.process != nil && e.fault.text == "":
		_, text := exitText(state)
		return platformError(ReasonExtension, e.fault.kind, id, text)
	case e.fault.kind != "":
		return platformError(ReasonExtension, e.fault.kind, id, e.fault.text)
	case e.initFailure != nil:
		return reported(e.initFailure, ReasonInit)
	default:
		return exited(id, state, !e.initialized)
	}
}

// logVerdict writes what Lambda writes about a failure of the process, and answers the status for REPORT.
func (e *environment) logVerdict(c *call, verdict *FunctionError) string {
	if !e.initialized {
		e.initDone(time.Since(e.born), verdict.Type)
	}
	if !e.initialized && !c.lateInit {
		e.log.endInit(time.Since(e.born), "error\tError Type: "+verdict.Type)
	}
	if !e.initialized || c.deadline.IsZero() { // its event was not delivered
		c.begin(e.born)
		e.log.begin(c)
	}
	switch verdict.Reason {
	case ReasonTimeout, ReasonInitTimeout:
		e.log.timedOut(c.in.RequestID, e.fn.Timeout)
		return "timeout"
	case ReasonExit, ReasonCrash, ReasonInit, ReasonExtension:
		if e.initFailure == nil {
			e.log.platform(verdict.message)
			e.log.platform(verdict.Type)
		}
	default:
	}
	if e.pool.sandbox.MayExplain(verdict.Payload) || e.log.shows(e.pool.sandbox.MayExplain) {
		e.log.platform(sandboxRemark)
	}
	return "error\tError Type: " + verdict.Type
}

// finish ends the log of an invocation and makes its report final. Status is empty or what REPORT says after
// "Status: ".
func (e *environment) finish(c *call, status string, verdict *FunctionError) {
	duration := time.Since(c.started)
	if status == "timeout" {
		duration = e.fn.Timeout
	}
	c.verdict = verdict
	c.report = Report{
		Duration:       duration,
		InitDuration:   c.init,
		BilledDuration: time.Duration(math.Ceil(milliseconds(duration+c.init))) * time.Millisecond,
		MemoryMB:       e.fn.MemoryMB,
		MaxMemoryMB:    e.peakMB(),
	}
	e.log.end(c, status)
	e.reported(c, status)
	close(c.done)
}

// Starve implements runtimeapi.Starved for the handler.
func (e *environment) Starve(lack *machine.Lack) {
	e.pool.shortages.Warn("a function waits: there is no room for a connection to its Runtime API", lack)
}

// shortage is an error if the process has ended by itself and the machine has no room for processes, which is then the
// likely reason: a runtime that is refused a thread ends like one that crashes. Its end can make the room that it
// lacked, so what it printed counts, too.
func (e *environment) shortage(killed Reason) error {
	if killed != "" || e.initFailure != nil {
		return nil
	}
	lack := e.pool.processes.Short()
	if lack == nil && e.log.refused > 0 {
		lack = e.pool.processes.Refuses()
	}
	if lack == nil {
		return nil
	}
	return &Exhausted{lack, e.initialized}
}

// removeDir removes the environment's own directory with what the function has left in it.
func (e *environment) removeDir() {
	ctx, cancel := e.pool.removing()
	defer cancel()
	name := filepath.Join(environmentsName, e.id)
	err := e.pool.bin.Remove(ctx, name)
	for left := startPauses; left > 0 && machine.Lacking(err) != nil; left-- { // of descriptors, for a moment
		e.pool.pause(nil, startPause)
		err = e.pool.bin.Remove(ctx, name)
	}
	if err != nil {
		e.pool.stuck.Add(1)
		e.pool.config.Logger.Warn("environment directory not removed", "file", e.dir, "error", err)
	}
}
