//go:build unix && !linux

package sandbox

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	goruntime "runtime"
	"sync"
	"syscall"
	"time"
)

// Sandbox starts functions. It is safe for concurrent use.
type Sandbox struct {
	config Config
	guard  *guard
}

// New makes a sandbox.
func New(config Config) *Sandbox {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Sandbox{config: config, guard: &guard{logger: config.Logger}}
}

// Ready fails if a Strict sandbox is wanted: there is none on this system.
func (s *Sandbox) Ready() error {
	if s.config.Mode == Strict {
		return fmt.Errorf("--sandbox=strict wants Linux, and this is %s; take --sandbox=auto", goruntime.GOOS)
	}
	return nil
}

// String says in one line what is in force.
func (s *Sandbox) String() string {
	return "none on " + goruntime.GOOS + ": functions may do whatever the server's user may"
}

func (s *Sandbox) confines() bool    { return false }
func (s *Sandbox) shows(string) bool { return true }

// Close ends what is left of functions.
func (s *Sandbox) Close() { s.guard.close() }

// start starts a program in a process group of its own.
func (s *Sandbox) start(c Command) (*Process, error) {
	if err := s.Ready(); err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: c.Path, Args: append([]string{c.Path}, c.Args...), Env: c.Env, Dir: c.Dir,
		Stdout: c.output(), Stderr: c.output(),
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		if failed := (*os.PathError)(nil); errors.As(err, &failed) {
			return nil, &StartError{failed}
		}
		return nil, err
	}
	s.guard.add(cmd.Process.Pid)
	return &Process{cmd: cmd, guard: s.guard}, nil
}

// Process is a function's process with everything that it starts: a process group.
type Process struct {
	cmd   *exec.Cmd
	guard *guard

	mu    sync.Mutex
	ended bool
	peak  int
}

// Wait blocks until the process has ended, and ends what is left of its group.
func (p *Process) Wait() State {
	p.cmd.Wait() //nolint:errcheck // ProcessState says the same
	defer p.guard.remove(p.cmd.Process.Pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	// The group's id cannot belong to others while one of its members lives; if none does, the signal finds no
	// process, unless the system has given the id away within these microseconds.
	p.signal(syscall.SIGKILL)
	p.ended = true
	if usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.peak = int(usage.Maxrss >> 20) // macOS counts in bytes
	}
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return State{status}
}

// Kill ends the process and its group.
func (p *Process) Kill() { p.signalGroup(syscall.SIGKILL) }

// Terminate asks the process group to end.
func (p *Process) Terminate() { p.signalGroup(syscall.SIGTERM) }

func (p *Process) signalGroup(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.signal(sig)
	}
}

func (p *Process) signal(sig syscall.Signal) {
	syscall.Kill(-p.cmd.Process.Pid, sig) //nolint:errcheck // the group may be gone already
}

// PID is the id of the function's process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// PeakMB is the largest resident size that the process has had. It is 0, for unknown, while the process runs.
func (p *Process) PeakMB(time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peak
}
