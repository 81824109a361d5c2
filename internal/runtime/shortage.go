package runtime

import (
	"errors"
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// Exhausted is the ErrBusy of the machine rather than of a function or the pool: it has no room for another
// environment. errors.Is(err, ErrBusy) is true of it, so a caller is throttled and may come again, unless the function
// was Running: it may have done its work, and ended when the machine refused it something.
type Exhausted struct {
	Lack    *machine.Lack
	Running bool
}

func (e *Exhausted) Error() string {
	if e.Running {
		return "the function ended while the machine had no room for it: " + e.Lack.Error()
	}
	return "no environment can be started: " + e.Lack.Error()
}

// Is makes it an ErrBusy, if the function was not running.
func (e *Exhausted) Is(target error) bool { return target == ErrBusy && !e.Running } //nolint:errorlint // as errors.Is wants it

// Unwrap is for errors.As.
func (e *Exhausted) Unwrap() error { return e.Lack }

// How an environment is started although the machine has no room at the moment.
const (
	startPauses   = 3
	startPause    = 100 * time.Millisecond // for others to have started, which takes more room, or to be idle
	evictionSlack = time.Second            // that an idle environment may take to be gone, beyond its grace
)

// prepareForShortages bounds the environments by the files that there are for them.
func (p *Pool) prepareForShortages() {
	p.shortages.Log, p.shortages.Now = p.config.Logger, p.config.Now
	p.full = ErrFull
	if most, lack := machine.Environments(); most < p.config.MaxEnvironments {
		p.config.MaxEnvironments, p.full = most, &Exhausted{Lack: lack}
	}
}

// warnOfShortage writes into the server's log which limit was met, if one was.
func (p *Pool) warnOfShortage(err error) {
	var exhausted *Exhausted
	if errors.As(err, &exhausted) {
		p.shortages.Warn("no environment can be started: callers are throttled", exhausted.Lack)
	}
}

var _ runtimeapi.Starved = (*environment)(nil)

// Starve implements runtimeapi.Starved.
func (e *environment) Starve(lack *machine.Lack) {
	e.pool.shortages.Warn("a function waits: there is no room for a connection to its Runtime API", lack)
}

// startWithRoom starts the process. If the machine has no room for it, the call goes to an environment of the function
// that has become idle; else idle environments of others end, one after the other, until there is room, or it waits a
// little while others are starting or settling. Without a process and an error, the call has been taken over.
func (e *environment) startWithRoom() (*sandbox.Process, error) {
	for pauses := startPauses; ; {
		process, err := e.tryToStart()
		lack := e.pool.lackOf(err)
		if lack == nil {
			return process, err
		}
		e.leave()
		if e.handOver() {
			return nil, nil
		}
		gone, patience := e.pool.evictOldest(), e.pool.config.StopGrace+evictionSlack
		if gone == nil {
			if pauses == 0 || !e.pool.inStage(e, starting, settling) {
				return nil, &Exhausted{Lack: lack}
			}
			pauses--
			patience = startPause
		}
		e.pool.pause(gone, patience)
		e.close()
	}
}

// handOver gives the call that the environment is started for to an idle one of the same function, and ends the
// environment. It reports false if there is none.
func (e *environment) handOver() bool {
	for {
		other := e.pool.takeIdle(e)
		if other == nil {
			return false
		}
		e.mu.Lock()
		c := e.call
		e.mu.Unlock()
		c.cold = false
		if other.begin(c) {
			break
		}
	}
	e.mu.Lock()
	e.life.end(dead)
	e.call = nil
	e.mu.Unlock()
	e.pool.remove(e)
	e.close()
	return true
}

// takeIdle takes an idle environment of e's function.
func (p *Pool) takeIdle(e *environment) *environment {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[e.fn.identity()]
	if g == nil {
		return nil
	}
	return p.popIdle(g, e.fn.Key)
}

func (e *environment) tryToStart() (*sandbox.Process, error) {
	e.pool.spare.Do(machine.SpareThreads)
	if lack := e.pool.processes.Enter(e.pool.isAlone()); lack != nil {
		return nil, lack
	}
	e.entered.Store(true)
	return e.start()
}

// leave gives the room back that the start took.
func (e *environment) leave() {
	if e.entered.CompareAndSwap(true, false) {
		e.pool.processes.Leave()
	}
}

// lackOf is what the machine was short of when a start failed with the error; nil for any other failure.
func (p *Pool) lackOf(err error) *machine.Lack {
	var met *machine.Lack
	switch lack := machine.Lacking(err); {
	case errors.As(err, &met):
		return met // before anything was tried
	case lack != nil && lack.Of == machine.OfProcesses:
		return p.processes.Refused(err)
	case lack != nil:
		return lack
	case errors.Is(err, sandbox.ErrEnded) && p.ctx.Err() == nil:
		return p.processes.Refused(err) // it was refused a thread, of which nothing says anything
	case errors.Is(err, ErrUnsupported):
		return p.processes.Short() // an interpreter that is refused a thread does not say its version
	default:
		return nil
	}
}

// shortage is an error if the process has ended by itself and the machine has no room for processes: then that is
// likely why. A runtime that is refused a thread ends like one that crashes.
func (e *environment) shortage(killed Reason) error {
	if killed != "" || e.initFailure != nil {
		return nil
	}
	if lack := e.pool.processes.Short(); lack != nil {
		return &Exhausted{lack, e.initialised}
	}
	return nil
}

// isAlone reports whether there is at most one environment.
func (p *Pool) isAlone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size <= 1
}

// pause waits until an environment is gone, nil for none, or for so long.
func (p *Pool) pause(gone <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	case <-p.ctx.Done():
	}
}

// evictOldest ends the idle environment that was not used for longest. The channel is closed when it is gone; it is nil
// if none is idle.
func (p *Pool) evictOldest() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groupWithOldestIdle()
	if g == nil {
		return nil
	}
	oldest := g.idle[0]
	p.evict(g)
	return oldest.ended
}

// inStage reports whether an environment other than e is in one of the stages.
func (p *Pool) inStage(e *environment, stages ...stage) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.groups {
		for other := range g.all {
			if other != e && slices.Contains(stages, other.life.stage()) {
				return true
			}
		}
	}
	return false
}
