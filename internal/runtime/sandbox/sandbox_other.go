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
	"slices"
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

// KnowsMemory reports whether Cell.MemoryKiB knows anything.
func (s *Sandbox) KnowsMemory() bool { return false }

// LimitsMemory says why nothing keeps cells within Command.MemoryMB.
func (s *Sandbox) LimitsMemory() error {
	return errors.New("there are no control groups on " + goruntime.GOOS)
}

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

// SharesProcesses reports whether the kernel counts the processes of functions with all others of the server's user.
func (s *Sandbox) SharesProcesses() bool { return true }

// Close ends what is left of functions.
func (s *Sandbox) Close() { s.guard.close() }

// Open makes a cell for a command, without starting its program.
func (s *Sandbox) Open(c Command) (*Cell, error) {
	if err := s.Ready(); err != nil {
		return nil, err
	}
	return &Cell{command: c, guard: s.guard, done: make(chan struct{})}, nil
}

// Cell is the programs of one environment, with everything that they start: a process group for each.
type Cell struct {
	command Command
	guard   *guard
	done    chan struct{} // closed when the last program has ended
	ended   sync.Once     // closes it

	mu        sync.Mutex
	processes []*Process
	peak      int
	killed    bool
}

// Process is one program in a cell.
type Process struct {
	*Cell
	cmd    *exec.Cmd
	exited chan struct{}
	state  State // final when exited is closed
}

// start starts a program in a process group of its own.
func (c *Cell) start(program Program) (*Process, error) {
	output := c.command.Output
	if program.Aside {
		output = c.command.Aside
	}
	p := &Process{Cell: c, exited: make(chan struct{}), cmd: &exec.Cmd{
		Path: program.Path, Args: append([]string{program.Path}, program.Args...), Env: program.Env, Dir: program.Dir,
		Stdout: writer(output), Stderr: writer(output),
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed {
		return nil, ErrEnded
	}
	if err := p.cmd.Start(); err != nil {
		if failed := (*os.PathError)(nil); errors.As(err, &failed) {
			return nil, &StartError{failed}
		}
		return nil, err
	}
	c.guard.add(p.PID())
	c.processes = append(c.processes, p)
	go p.reap()
	return p, nil
}

// reap waits for the program, and ends what is left of its group.
func (p *Process) reap() {
	p.cmd.Wait() //nolint:errcheck // ProcessState says the same
	defer p.guard.remove(p.PID())
	p.mu.Lock()
	// The group's id cannot belong to others while one of its members lives; if none does, the signal finds no
	// process, unless the system has given the id away within these microseconds.
	p.signal(syscall.SIGKILL)
	if usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.peak = max(p.peak, int(usage.Maxrss>>20)) // macOS counts in bytes
	}
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	p.state = State{status}
	close(p.exited)
	p.mu.Unlock()
	p.closeIfEmpty()
}

// closeIfEmpty ends the cell with its last program.
func (c *Cell) closeIfEmpty() {
	if c.isEmpty() {
		c.ended.Do(func() {
			c.mu.Lock()
			c.killed = true
			c.mu.Unlock()
			close(c.done)
		})
	}
}

// Kill ends everything in the cell.
func (c *Cell) Kill() {
	c.mu.Lock()
	c.killed = true
	processes := slices.Clone(c.processes)
	c.mu.Unlock()
	for _, p := range processes {
		p.End()
	}
	c.closeIfEmpty()
}

// End ends the program's process group.
func (p *Process) End() { p.signalGroup(syscall.SIGKILL) }

// Terminate asks the program's process group to end.
func (p *Process) Terminate() { p.signalGroup(syscall.SIGTERM) }

func (p *Process) signalGroup(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.exited:
	default:
		p.signal(sig)
	}
}

func (p *Process) signal(sig syscall.Signal) {
	syscall.Kill(-p.PID(), sig) //nolint:errcheck // the group may be gone already
}

// PID is the id of the program's process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// PeakMB is the largest resident size that a process has had. It is 0, for unknown, while the first one runs.
func (c *Cell) PeakMB(time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peak
}

// MemoryKiB is 0, for unknown.
func (c *Cell) MemoryKiB(int) int { return 0 }

// LimitsMemory is false: see [Sandbox.LimitsMemory].
func (c *Cell) LimitsMemory() bool { return false }

// ExceededMemory is false: see [Sandbox.LimitsMemory].
func (c *Cell) ExceededMemory() bool { return false }

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
