package runtime

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/peer"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
	"github.com/furl-dev/furl/internal/trash"
)

// starter starts the process of an environment.
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

// run starts the process. If the machine has no room for it, an environment of the function that has become idle takes
// the call; else idle environments of others end, one after the other, until there is room, or run waits a little while
// others are starting or settling. Without a process and an error, another environment has taken the call.
func (s starter) run() (*sandbox.Process, error) {
	for pauses := startPauses; ; {
		process, err := s.try()
		lack := s.pool.lackOf(err)
		if lack == nil {
			return process, err
		}
		s.leave()
		if s.handOver() {
			return nil, nil
		}
		gone, patience := s.pool.roster.evictOldest(), s.pool.config.StopGrace+evictionSlack
		if gone == nil {
			if pauses == 0 || !s.pool.roster.inStage(s.environment, starting, settling) {
				return nil, &Exhausted{Lack: lack}
			}
			pauses--
			patience = startPause
		}
		s.pool.pause(gone, patience)
		s.close()
	}
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

func (s starter) try() (*sandbox.Process, error) {
	s.pool.spare.Do(machine.SpareThreads)
	if lack := s.pool.processes.Enter(s.pool.roster.isAlone()); lack != nil {
		return nil, lack
	}
	s.entered.Store(true)
	return s.start()
}

// start brings the process up. After an error, environment.close closes what it opened.
func (s starter) start() (*sandbox.Process, error) {
	p, fn := s.pool, s.fn
	s.log = newOutput(s.environment)
	ctx, cancel := context.WithTimeout(p.ctx, p.config.InitTimeout)
	defer cancel()
	var credentials Credentials
	if fn.Credentials != nil {
		var err error
		if credentials, err = fn.Credentials(ctx); err != nil {
			return nil, fmt.Errorf("credentials of the execution role for %s: %w", fn.ARN, err)
		}
		s.release = credentials.Release
	}
	command, err := p.launcher.command(ctx, fn)
	if err != nil {
		return nil, err
	}
	if err := s.makeDirs(command.write); err != nil {
		return nil, err
	}
	h := &handler{environment: s.environment}
	if s.api, err = runtimeapi.Listen(h, p.config.Logger); err != nil {
		return nil, fmt.Errorf("listen for the Runtime API of %s: %w", fn.ARN, err)
	}
	s.log.frames.expected = command.framed
	stdout, err := s.log.open()
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
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
			return nil, err
		}
	}
	program := sandbox.Command{
		Path: command.path, Args: command.args,
		Env: variables(s.environment, command, credentials, p.config.ExtraEnv),
		Dir: fn.CodeDir, Opt: fn.Opt, Home: s.dir, Read: command.read, Write: command.write, Output: stdout,
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.stage() != starting {
		return nil, ErrClosed
	}
	limit := p.config.InitTimeout
	if s.warm {
		limit = max(limit, warmInitTimeout)
	} else if s.call.lateInit {
		s.call.begin(time.Now())
		limit = fn.Timeout
	}
	s.born = time.Now() // what came before, such as looking for an interpreter, is not the function's
	if s.process, err = p.sandbox.Start(program); err != nil {
		return nil, &startError{err, command.fromPackage}
	}
	s.members = peer.NewEnvironment(s.process.PID())
	if err := s.members.Unknown(); machine.Lacking(err) != nil {
		s.process.Kill()
		s.process.Wait()
		s.process = nil
		return nil, fmt.Errorf("look at the process of %s: %w", fn.ARN, err)
	}
	s.expires = credentials.Expires
	s.timer = time.AfterFunc(limit, s.expire)
	g := &gate{s.environment}
	s.api.Serve(g)
	if s.app != nil {
		ctx, hangUp := context.WithCancel(p.ctx)
		s.hangUp = hangUp
		go s.app.Run(ctx, &webServer{h, g})
	}
	return s.process, nil
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
