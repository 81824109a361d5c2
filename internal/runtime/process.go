//go:build unix

package runtime

import (
	"errors"
	"os"
	"os/exec"
	goruntime "runtime"
	"sync"
	"syscall"
	"time"
)

// command is a process to start.
type command struct {
	path        string
	args        []string // without argv[0]
	env         []string
	dir         string
	output      *os.File // standard output and standard error
	fromPackage bool     // path is of the function's package: that it does not start is the function's fault
	extra       []string // variables of this kind of runtime, NAME=value
	binDir      string   // goes in front of PATH, if not empty
	remarks     []string // lines for the function's log
}

// process is a started command with everything that it starts: a process group.
type process struct {
	cmd    *exec.Cmd
	guard  *guard
	memory memoryMeter

	mu    sync.Mutex
	state *os.ProcessState // once it has been reaped
}

// spawner starts processes, all from one operating system thread.
//
// Linux kills a child whose Pdeathsig is set when the *thread* that started it ends, not when the process does. Go ends
// threads as it likes, except one that a goroutine has locked: so one goroutine locks one thread, starts every child
// from it and stays until the pool is closed. When the server is killed with SIGKILL all its threads end, and the
// kernel kills the children. The children's own children are left to the guard.
type spawner struct {
	guard    *guard
	requests chan spawnRequest
	closed   chan struct{}
}

type spawnRequest struct {
	cmd   *exec.Cmd
	reply chan error
}

func newSpawner(g *guard) *spawner {
	s := &spawner{guard: g, requests: make(chan spawnRequest), closed: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	goruntime.LockOSThread() // never unlocked: the thread ends with the goroutine
	for {
		select {
		case r := <-s.requests:
			r.reply <- r.cmd.Start()
		case <-s.closed:
			return
		}
	}
}

// close ends the thread. On Linux that kills what it started and still runs.
func (s *spawner) close() { close(s.closed) }

func (s *spawner) start(c *command) (*process, error) {
	for left := busyRetries; ; left-- {
		cmd := &exec.Cmd{
			Path:        c.path,
			Args:        append([]string{c.path}, c.args...),
			Env:         c.env,
			Dir:         c.dir,
			Stdout:      c.output,
			Stderr:      c.output,
			SysProcAttr: processAttributes(),
		}
		request := spawnRequest{cmd, make(chan error, 1)}
		select {
		case s.requests <- request:
		case <-s.closed:
			return nil, ErrClosed
		}
		err := <-request.reply
		switch {
		case err == nil:
			s.guard.add(cmd.Process.Pid)
			return &process{cmd: cmd, guard: s.guard, memory: memoryMeter{pid: cmd.Process.Pid}}, nil
		case !errors.Is(err, syscall.ETXTBSY) || left == 0:
			return nil, err
		}
		time.Sleep(busyPause)
	}
}

// A program can not be executed while somebody has it open for writing, and for a moment that may be a child of this
// very server: one that was forked while the package was being unpacked has a copy of the descriptor until it executes
// its own program (golang/go#22315).
const (
	busyRetries = 20
	busyPause   = 10 * time.Millisecond
)

// wait blocks until the process has ended, and ends what is left of its group.
func (p *process) wait() *os.ProcessState {
	p.cmd.Wait() //nolint:errcheck // ProcessState tells the same
	defer p.guard.remove(p.cmd.Process.Pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	// The group's id can not belong to others yet while one of its members lives; if none does, the signal finds
	// nobody, but for an id that was given away within these microseconds.
	p.signal(syscall.SIGKILL)
	p.state = p.cmd.ProcessState
	return p.state
}

func (p *process) kill()      { p.signalGroup(syscall.SIGKILL) }
func (p *process) terminate() { p.signalGroup(syscall.SIGTERM) }

func (p *process) signalGroup(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == nil {
		p.signal(sig)
	}
}

func (p *process) signal(sig syscall.Signal) {
	syscall.Kill(-p.cmd.Process.Pid, sig) //nolint:errcheck // the group may be gone already
}

// peakMemoryMB is the largest resident size that the process has had, zero if unknown or if there is no process.
func (p *process) peakMemoryMB(now time.Time) int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != nil {
		return peakOf(p.state)
	}
	return p.memory.peakMB(now)
}
