//go:build unix && !linux

package sandbox

import (
	"errors"
	"fmt"
	"io"
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

// KnowsMemory reports whether Process.MemoryKiB knows anything.
func (s *Sandbox) KnowsMemory() bool { return false }

func (s *Sandbox) confines() bool    { return false }
func (s *Sandbox) shows(string) bool { return true }

// Opt is the path at which functions see the layers in dir: dir itself, since there are no mount namespaces, or /opt,
// where functions without layers may look for some.
func (s *Sandbox) Opt(dir string) string {
	if dir == "" {
		return "/opt"
	}
	return dir
}

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

// MemoryKiB is 0, for unknown.
func (p *Process) MemoryKiB(int) int { return 0 }

// guardScript reads a list of process groups from its standard input, and kills those that are left when the input
// ends: when the server has closed it or has ended in any way.
const guardScript = `trap '' HUP INT TERM
groups=' '
while read -r op group; do
	case $op in
	+) groups="$groups$group " ;;
	-) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
	esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
`

// guard is a shell that outlives the server by moments, to kill what functions have left behind even after a SIGKILL of
// the server. It starts with the first function.
type guard struct {
	logger *slog.Logger

	mu      sync.Mutex
	started bool
	input   io.WriteCloser
	cmd     *exec.Cmd
}

// add puts a process group under guard.
func (g *guard) add(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.started {
		g.started = true
		if err := g.start(); err != nil {
			g.logger.Warn("no guard process: what functions start stays if the server is killed", "error", err)
		}
	}
	g.tell('+', group)
}

// remove takes out a process group that has ended.
func (g *guard) remove(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tell('-', group)
}

func (g *guard) start() error {
	cmd := exec.Command("/bin/sh", "-c", guardScript)
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // out of reach of a Ctrl-C on the terminal
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, input.Close())
	}
	g.cmd, g.input = cmd, input
	return nil
}

func (g *guard) tell(op rune, group int) {
	if g.input == nil {
		return
	}
	if _, err := fmt.Fprintf(g.input, "%c %d\n", op, group); err != nil {
		g.logger.Warn("the guard process is gone", "error", err)
		g.input.Close()
		g.input = nil
	}
}

// close ends the guard, which kills the groups that it still has.
func (g *guard) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cmd == nil {
		return
	}
	if g.input != nil {
		g.input.Close()
		g.input = nil
	}
	g.cmd.Wait() //nolint:errcheck // its status says nothing
	g.cmd = nil
}
