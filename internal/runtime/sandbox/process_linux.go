package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/runtime/peer"
	"github.com/furl-dev/furl/internal/runtime/sandbox/helper"
)

// Process is a function's process with everything that it starts.
type Process struct {
	cmd        *exec.Cmd // the helper
	socket     *os.File
	namespaced bool
	function   int // its process id, which leads its session; as the helper sees it

	mu     sync.Mutex
	ended  bool
	memory memoryMeter
}

// startLimit is how long the helper may take. It takes milliseconds, unless a file system hangs.
const startLimit = 10 * time.Second

// await waits until the helper says that the program runs.
func (p *Process) await(program string) error {
	if err := p.socket.SetReadDeadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	kind, numbers, err := p.receive()
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrEnded, err)
	case kind == helper.Started:
		p.function = numbers[0]
		return p.socket.SetReadDeadline(time.Time{})
	case kind != helper.Failed:
		return fmt.Errorf("the process that confines a function says %q", kind)
	}
	errno := syscall.Errno(numbers[0])
	step := make([]byte, min(numbers[1], 4096))
	if _, err := io.ReadFull(p.socket, step); err != nil {
		return err
	}
	if len(step) == 0 {
		return &StartError{&os.PathError{Op: "fork/exec", Path: program, Err: errno}}
	}
	return fmt.Errorf("confine a function: %s: %w", step, errno)
}

// receive reads one message of the helper.
func (p *Process) receive() (byte, [2]int, error) {
	var message [9]byte
	_, err := io.ReadFull(p.socket, message[:5])
	if err == nil && message[0] != helper.Started { // which has only one number
		_, err = io.ReadFull(p.socket, message[5:])
	}
	if err != nil {
		return 0, [2]int{}, err
	}
	return message[0], [2]int{helper.Number(message[1:]), helper.Number(message[5:])}, nil
}

// Wait blocks until the process and everything that it has started has ended.
func (p *Process) Wait() State {
	state := State{status: syscall.WaitStatus(syscall.SIGKILL)} // if the helper itself was killed
	kind, numbers, err := p.receive()
	orderly := err == nil && kind == helper.Exited
	if orderly {
		state.status = syscall.WaitStatus(numbers[0])
	}
	p.cmd.Wait() //nolint:errcheck // the helper's own status says nothing
	p.mu.Lock()
	p.ended = true
	p.memory.kib = max(p.memory.kib, numbers[1]) // what the kernel says about the process
	p.socket.Close()                             //nolint:errcheck // nothing is lost
	p.mu.Unlock()
	if !orderly && !p.namespaced {
		p.endOrphans()
	}
	return state
}

// endOrphans does what the helper did not live to do: a function of the same user can kill it, and so does the system
// when memory is short. The function has ended with it (PR_SET_PDEATHSIG, prctl(2)), but what the function has started
// runs on. Its session says which processes these are: as long as it has any, the kernel gives its number to no other.
// A process that has left the session, and has lost its parent, is not found.
func (p *Process) endOrphans() {
	for deadline := time.Now().Add(killGrace); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		running, ended := peer.Session(p.function)
		for _, pid := range ended {
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil) //nolint:errcheck // ours if this is process 1
		}
		if len(running) == 0 {
			return
		}
		all := running
		for _, pid := range running {
			all = append(all, descendants(pid)...)
		}
		syscall.Kill(-p.function, syscall.SIGKILL) //nolint:errcheck // its group at once, so that none escapes by forking
		for _, pid := range all {
			syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
		}
	}
}

// Terminate asks the function's process group to end.
func (p *Process) Terminate() { p.tell(helper.Terminate) }

// killGrace is how long the helper may take to kill all. A function may be able to stop the helper, so after that the
// helper itself is killed.
const killGrace = 5 * time.Second

// Kill ends the process and everything that it has started.
func (p *Process) Kill() {
	p.measure() // while there is something to measure
	p.tell(helper.Kill)
	if p.namespaced {
		p.killHelper() // the kernel ends all of its namespace
	} else {
		time.AfterFunc(killGrace, p.killHelper)
	}
}

func (p *Process) killHelper() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	}
}

func (p *Process) tell(word byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.socket.Write([]byte{word}) //nolint:errcheck // if it is gone, so is the function
	}
}

// PID is the id of the process above the function's. All processes of the function descend from it.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// measure reads the peak of the function's processes, even if the last time was a moment ago.
func (p *Process) measure() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.memory.last = time.Time{}
		p.memory.read(p.cmd.Process.Pid, time.Now())
	}
}

// PeakMB is the largest resident size that the function's processes have had, as far as it is known. It is 0 at first.
func (p *Process) PeakMB(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.memory.read(p.cmd.Process.Pid, now)
	}
	return (p.memory.kib + 1023) / 1024
}

// memoryMeter reads peaks from /proc, at most ten times a second: that costs some ten microseconds a process.
type memoryMeter struct {
	last time.Time
	kib  int
}

func (m *memoryMeter) read(helper int, now time.Time) {
	if !m.last.IsZero() && now.Sub(m.last) < 100*time.Millisecond {
		return
	}
	m.last = now
	total := 0
	for _, pid := range descendants(helper) {
		total += memoryOf(pid, "status", "\nVmHWM:") // the peak since the process executed its program
	}
	m.kib = max(m.kib, total)
}

// KnowsMemory reports whether Process.MemoryKiB knows anything.
func (s *Sandbox) KnowsMemory() bool { return true }

// MemoryKiB is how much memory the function's processes have now, without the files that they map, which the system can
// take back. What they share among themselves counts once. Finding that out takes long, so the answer is an estimate, too
// large if anything, while that is no more than the limit.
func (p *Process) MemoryKiB(limit int) int {
	p.mu.Lock()
	ended, helper := p.ended, p.cmd.Process.Pid
	p.mu.Unlock()
	if ended {
		return 0
	}
	processes := descendants(helper)
	estimate := 0
	for _, pid := range processes {
		estimate += memoryOf(pid, "status", "\nRssAnon:", "\nRssShmem:")
	}
	if estimate <= limit {
		return estimate
	}
	exact := 0
	for _, pid := range processes {
		own := memoryOf(pid, "smaps_rollup", "\nPss_Anon:", "\nPss_Shmem:")
		if own == 0 {
			own = memoryOf(pid, "status", "\nRssAnon:", "\nRssShmem:") // the server may not look closer
		}
		exact += own
	}
	return exact
}

// memoryOf is the sum of fields of a file about a process, in KiB (proc_pid_status(5), proc_pid_smaps(5)). A process that
// has ended has none.
func memoryOf(pid int, file string, fields ...string) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0
	}
	total := 0
	for _, field := range fields {
		kib := 0
		if _, after, ok := bytes.Cut(text, []byte(field)); ok {
			fmt.Sscan(string(after), &kib) //nolint:errcheck // 0 is unknown
		}
		total += kib
	}
	return total
}

// maxDescendants bounds the work of looking for a function's processes.
const maxDescendants = 256

// descendants are the processes below pid.
func descendants(pid int) []int {
	var all []int
	for queue := []int{pid}; len(queue) > 0 && len(all) < maxDescendants; queue = queue[1:] {
		children := peer.Children(queue[0])
		all = append(all, children...)
		queue = append(queue, children...)
	}
	return all
}
