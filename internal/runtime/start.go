//go:build unix

package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
	"github.com/furl-dev/furl/internal/trash"
)

// starter starts the processes of an environment.
type starter struct{ *environment }

// These are for starting an environment although the machine has no room at the moment.
const (
	startPauses   = 3
	startPause    = 100 * time.Millisecond // for others to have started, which takes more room, or to be idle
	evictionSlack = time.Second            // that an idle environment may take to be gone, beyond its grace
)

// warmInitTimeout is how long the initialization of a provisioned environment may take (Lambda Developer Guide,
// "Understanding the Lambda execution environment lifecycle").
const warmInitTimeout = 15 * time.Minute

// run starts the processes. If the machine has no room for it, an environment of the function that has become idle takes
// the call; else idle environments of others end, one after the other, until there is room, or run waits a little while
// others are ending, starting or settling. If it has not started and there is no error, another environment has taken the
// call.
func (s starter) run() (started bool, err error) {
	for pauses := startPauses; ; {
		err := s.try()
		lack := s.pool.lackOf(err)
		if lack == nil || s.isAhead() {
			return err == nil, err
		}
		if s.handOver() {
			return false, nil
		}
		gone, patience := s.pool.roster.evictOldest(), s.pool.config.StopGrace+evictionSlack
		if gone == nil {
			gone = s.pool.roster.ending(s.environment)
			if gone == nil {
				patience = startPause
			}
			if pauses == 0 || gone == nil &&
				!s.pool.roster.inStage(s.environment, starting, registering, settling, lingering) {
				return false, &Exhausted{Lack: lack}
			}
			pauses--
		}
		s.pool.pause(gone, patience)
		s.close()
	}
}

// isAhead reports whether no call waits for the environment, nor anything else that is worth making room for.
func (s starter) isAhead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.call == nil && !s.warm
}

// handOver gives the call that the environment is started for to an idle one of the same function, and ends the
// environment. It reports false if there is none.
func (s starter) handOver() bool {
	for !s.warm {
		other := s.pool.roster.takeIdle(s.environment)
		if other == nil {
			return false
		}
		s.mu.Lock()
		c := s.call
		s.mu.Unlock()
		c.cold = false
		if other.begin(c) {
			break
		}
	}
	s.mu.Lock()
	s.life.end(dead)
	s.call = nil
	s.mu.Unlock()
	s.pool.roster.remove(s.environment)
	s.close()
	return true
}

func (s starter) try() error {
	if s.fn.Upstream != "" {
		return s.attach()
	}
	s.pool.spare.Do(machine.SpareThreads)
	if lack := s.pool.processes.Enter(); lack != nil {
		return lack
	}
	s.present = true
	s.entered.Store(true)
	err := s.start()
	if err != nil {
		s.leave()
	}
	return err
}

// start brings the processes up: first the extensions, if there are any, and when they have registered the runtime. If one
// of them fails, or the environment is to end meanwhile, that is no error, and supervise sees to it. After an error,
// environment.close closes what it opened.
func (s starter) start() error {
	p, fn := s.pool, s.fn
	s.mu.Lock() // a call may adopt the environment at any time
	s.log = newOutput(s.environment)
	s.mu.Unlock()
	if err := fn.checkPlace(); err != nil {
		return err
	}
	patience := p.config.InitTimeout
	if fn.Debug != nil {
		patience = max(patience, probeTimeout)
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	var credentials Credentials
	if fn.Credentials != nil {
		var err error
		if credentials, err = fn.Credentials(ctx); err != nil {
			return fmt.Errorf("credentials of the execution role for %s: %w", fn.ARN, err)
		}
		s.release = credentials.Release
	}
	if err := s.awaitPort(); err != nil {
		return err
	}
	command, err := p.launcher.command(ctx, fn)
	if err != nil {
		return err
	}
	if err := s.makeDirs(command.write); err != nil {
		return err
	}
	if fn.Root != "" && command.compiled != "" {
		dropRacy(ctx, command.compiled, fn.Root)
	}
	h := &handler{environment: s.environment}
	if fn.WebApp {
		h.asking = askingForApp()
	}
	if s.api, err = runtimeapi.Listen(h, p.config.Logger); err != nil {
		return fmt.Errorf("listen for the Runtime API of %s: %w", fn.ARN, err)
	}
	names, err := s.prepareExtensions()
	if err != nil {
		return err
	}
	stdout, err := s.log.open(false, command.framed)
	if err != nil {
		return err
	}
	defer stdout.Close()
	var aside *os.File
	if len(names) > 0 {
		if aside, err = s.log.open(true, false); err != nil {
			return err
		}
		defer aside.Close()
	}
	if command.fallback != "" {
		s.log.platform("furl: " + command.fallback)
		if _, known := p.fallbacks.LoadOrStore(fn.Runtime, true); !known {
			p.config.Logger.Warn("a runtime falls back to another version", "function", fn.ARN, "error", command.fallback)
		}
	}
	if opt := p.sandbox.Opt(fn.Opt); opt == fn.Opt {
		s.log.platform("furl: the layers are in " + opt + ", not in /opt, which takes mount namespaces (sandbox: " +
			p.sandbox.String() + "). The search paths of commands, libraries and modules lead there; " +
			"a path that begins with /opt/ in code or in a variable does not")
	}
	if fn.WebApp {
		if s.app, err = s.newApp(); err != nil {
			return err
		}
	}
	program := sandbox.Command{
		Path: command.path, Args: command.args,
		Env: variables(s.environment, command, credentials, p.config.ExtraEnv),
		Dir: fn.CodeDir, Root: fn.Root, Opt: fn.Opt, Home: s.dir, Read: command.read, Write: command.write,
		Output: stdout, Aside: aside,
	}
	if p.config.LimitMemory && fn.Debug == nil {
		program.MemoryMB = fn.MemoryMB
	}
	if len(names) > 0 {
		program.Hosts = p.hosts()
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.stage() != starting {
		return ErrClosed
	}
	limit := p.config.InitTimeout
	if fn.Debug != nil {
		limit = fn.Timeout
	} else if s.warm {
		limit = max(limit, warmInitTimeout)
	} else if s.call != nil && s.call.lateInit {
		s.call.begin(time.Now())
		limit = fn.Timeout
	}
	s.born = time.Now() // what came before, such as looking for an interpreter, is not the function's
	s.expires = credentials.Expires
	s.timer = time.AfterFunc(limit, s.expire)
	s.telemetry.Send(s.initStart())
	if err = s.launch(program, command, names); err != nil {
		s.timer.Stop()
		if s.cell != nil {
			s.cell.Kill()
			s.cell.Wait()
		}
		s.cell, s.process, s.programs, s.asked = nil, nil, nil, false
		s.life.advance(registering, starting)
		return err
	}
	if len(names) == 0 {
		s.timer.Reset(limit) // the time that the start takes is not the function's either
	}
	if s.app != nil && s.process != nil {
		ctx, hangUp := context.WithCancel(p.ctx)
		s.hangUp = hangUp
		go s.app.Run(ctx, &webServer{handler: h, gate: &gate{s.environment}})
	}
	return nil
}

// launch starts the programs of the environment. Called with mu held.
func (s starter) launch(command sandbox.Command, runtime *command, extensions []string) (err error) {
	if s.cell, err = s.pool.sandbox.Open(command); err != nil {
		return &startError{err, runtime.fromPackage}
	}
	if len(extensions) > 0 {
		goOn, err := s.launchExtensions(command, runtime, extensions)
		if !goOn || err != nil {
			return err
		}
	}
	s.process, err = s.cell.Start(sandbox.Program{Path: command.Path, Args: command.Args, Env: command.Env, Dir: command.Dir})
	if errors.Is(err, sandbox.ErrEnded) && len(s.programs) > 0 {
		return nil // the extensions have ended, and with them the cell
	}
	if err != nil {
		return &startError{err, runtime.fromPackage}
	}
	return s.admit(s.process)
}

// admit lets a program into the APIs, of which the first one opens them.
func (s starter) admit(process *sandbox.Process) error {
	first := len(s.members.families()) == 0
	if err := s.members.join(process.PID()); machine.Lacking(err) != nil {
		return fmt.Errorf("look at the process of %s: %w", s.fn.ARN, err)
	}
	if first {
		s.api.Serve(&gate{s.environment})
	}
	return nil
}

// makeDirs makes the environment's own directory and those that its function shares with others. It refuses to if so
// much of earlier environments could not be removed that more might fill the disk.
func (s starter) makeDirs(shared []string) error {
	p := s.pool
	if p.stuck.Load() >= trash.MaxAside {
		if err := p.bin.Full(); err != nil {
			p.config.Logger.Warn("environment not started", "function", s.fn.ARN, "error", err)
			return noRoomError{err}
		}
	}
	err := os.Mkdir(s.dir, 0o700)
	if err != nil && makeOwn(p.environments) == nil { // another function has closed or removed it
		err = os.Mkdir(s.dir, 0o700)
	}
	for _, dir := range shared {
		err = cmp.Or(err, makeOwn(dir))
	}
	return err
}

// noRoomError is an ErrFull that says what to do.
type noRoomError struct{ error }

func (noRoomError) Is(target error) bool { return target == ErrFull || target == ErrBusy }

// startError is the error about a process that could not be started at all.
type startError struct {
	error
	fromPackage bool
}

// Unwrap is for errors.Is.
func (e *startError) Unwrap() error { return e.error }
