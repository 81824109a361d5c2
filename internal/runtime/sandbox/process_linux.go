package sandbox

import (
	"bytes"
	"cmp"
	"encoding/binary"
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

// Cell confines the programs of one environment: the function's runtime and its extensions, with everything that they
// start.
type Cell struct {
	cmd        *exec.Cmd // the helper
	socket     *os.File
	namespaced bool
	group      *group        // nil for none
	starting   sync.Mutex    // one program at a time
	replies    chan message  // to starts; holds one
	done       chan struct{} // closed when everything has ended

	mu        sync.Mutex
	processes []*Process // by the helper's numbers
	ended     bool
	family    family
	memory    memoryMeter
	exceeded  bool // it had more memory than its group may have
}

// Process is one program in a cell.
type Process struct {
	*Cell
	number  int
	session int // its process id, which leads its session; as the helper sees it
	exited  chan struct{}
	state   State // final when exited is closed
}

// startLimit is how long the helper may take. It takes milliseconds, unless a file system hangs.
const startLimit = 10 * time.Second

// start starts a program in the cell.
func (c *Cell) start(program Program) (*Process, error) {
	c.starting.Lock()
	defer c.starting.Unlock()
	c.mu.Lock()
	p := &Process{Cell: c, number: len(c.processes), exited: make(chan struct{})}
	if c.ended {
		c.mu.Unlock()
		return nil, ErrEnded
	}
	c.processes = append(c.processes, p)
	c.family = family{} // the program's own process is about to join it
	c.mu.Unlock()
	if err := c.request(program); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		p.exit(syscall.WaitStatus(syscall.SIGKILL)) // nobody waits for it
		return nil, err
	}
	return p, nil
}

// request has the helper start a program.
func (c *Cell) request(program Program) error {
	text := (&helper.Program{
		Path: program.Path, Args: append([]string{program.Path}, program.Args...), Env: program.Env, Dir: program.Dir,
		Output: map[bool]int{false: helper.StandardOutput, true: helper.SecondOutput}[program.Aside],
	}).Encode()
	if err := c.send(append(binary.BigEndian.AppendUint32([]byte{helper.Start}, uint32(len(text))), text...)); err != nil {
		return err
	}
	return c.await(program.Path)
}

func (c *Cell) send(text []byte) error {
	if _, err := c.socket.Write(text); err != nil {
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return nil
}

// await waits until the helper says that the program runs.
func (c *Cell) await(program string) error {
	var reply message
	select {
	case reply = <-c.replies:
	case <-c.done:
		select {
		case reply = <-c.replies: // it was its last word
		default:
			return ErrEnded
		}
	case <-time.After(startLimit):
		return fmt.Errorf("%w: it says nothing", ErrEnded)
	}
	switch {
	case reply.kind == helper.Started:
		return nil
	case reply.kind != helper.Failed:
		return fmt.Errorf("the process that confines a function says %q", reply.kind)
	}
	errno := syscall.Errno(reply.numbers[0])
	if reply.text == "" {
		return &StartError{&os.PathError{Op: "fork/exec", Path: program, Err: errno}}
	}
	return fmt.Errorf("confine a function: %s: %w", reply.text, errno)
}

// message is one of the helper's.
type message struct {
	kind    byte
	numbers [3]int
	text    string
}

// receive reads one message of the helper.
func (c *Cell) receive() (message, error) {
	var b [13]byte
	if _, err := io.ReadFull(c.socket, b[:1]); err != nil {
		return message{}, err
	}
	m := message{kind: b[0]}
	count := map[byte]int{helper.Started: 1, helper.Failed: 2, helper.Exited: 3}[m.kind]
	_, err := io.ReadFull(c.socket, b[1:1+4*count])
	for i := range count {
		m.numbers[i] = helper.Number(b[1+4*i:])
	}
	if err == nil && m.kind == helper.Failed {
		text := make([]byte, min(m.numbers[1], 4096))
		_, err = io.ReadFull(c.socket, text)
		m.text = string(text)
	}
	return m, err
}

// listen takes what the helper says until that has ended.
func (c *Cell) listen() {
	for {
		m, err := c.receive()
		if err != nil {
			break
		}
		if m.kind != helper.Exited {
			c.mu.Lock()
			if last := len(c.processes) - 1; m.kind == helper.Started && last >= 0 {
				c.processes[last].session = m.numbers[0] // before anybody may find the helper gone
			}
			c.mu.Unlock()
			select {
			case c.replies <- m:
			default: // nobody has asked
			}
			continue
		}
		c.mu.Lock()
		if n := m.numbers[0]; n < len(c.processes) {
			c.memory.kib = max(c.memory.kib, m.numbers[2]) // what the kernel says about the process
			c.processes[n].exit(syscall.WaitStatus(m.numbers[1]))
		}
		c.mu.Unlock()
	}
	orderly := c.cmd.Wait() == nil
	c.mu.Lock()
	c.ended = true
	processes := c.processes
	c.socket.Close() //nolint:errcheck // nothing is lost
	c.mu.Unlock()
	c.leaveGroup()
	if !orderly && !c.namespaced {
		for _, p := range processes {
			p.endOrphans()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range processes {
		p.exit(syscall.WaitStatus(syscall.SIGKILL)) // it has ended with the helper
	}
	close(c.done)
}

// exit notes how a process ended, if it is not known. Called with mu held.
func (p *Process) exit(status syscall.WaitStatus) {
	select {
	case <-p.exited:
	default:
		p.state = State{status}
		close(p.exited)
	}
}

// endOrphans does what the helper did not live to do: a function of the same user can kill it, and so does the system
// when memory is short. The programs have ended with it (PR_SET_PDEATHSIG, prctl(2)), but what they have started
// runs on. Its session says which processes these are: as long as it has any, the kernel gives its number to no other.
// A process that has left the session, and has lost its parent, is not found.
func (p *Process) endOrphans() {
	if p.session == 0 {
		return // it has not started
	}
	for deadline := time.Now().Add(killGrace); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		running, ended := peer.Session(p.session)
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
		syscall.Kill(-p.session, syscall.SIGKILL) //nolint:errcheck // its group at once, so that none escapes by forking
		for _, pid := range all {
			syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
		}
	}
}

// Terminate asks the program's process group to end.
func (p *Process) Terminate() { p.tell(helper.Terminate, p.number) }

// End ends the program's process group.
func (p *Process) End() { p.tell(helper.End, p.number) }

// killGrace is how long the helper may take to kill all. A function may be able to stop the helper, so after that the
// helper itself is killed.
const killGrace = 5 * time.Second

// Kill ends everything in the cell.
func (c *Cell) Kill() {
	c.measure() // while there is something to measure
	c.tell(helper.Kill)
	if c.namespaced {
		c.killHelper() // the kernel ends all of its namespace
	} else {
		time.AfterFunc(killGrace, c.killHelper)
	}
}

func (c *Cell) killHelper() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.cmd.Process.Kill() //nolint:errcheck // it may have ended
	}
}

// tell sends a request, if there is still somebody to read it.
func (c *Cell) tell(word byte, numbers ...int) {
	text := []byte{word}
	for _, n := range numbers {
		text = binary.BigEndian.AppendUint32(text, uint32(n))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.send(text) //nolint:errcheck // if it is gone, so is the function
	}
}

// PID is the id of the process above all of the cell.
func (c *Cell) PID() int { return c.cmd.Process.Pid }

// measure reads the peak of the function's processes, even if the last time was a moment ago.
func (c *Cell) measure() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.memory.last = time.Time{}
		c.readPeak(time.Now())
	}
}

// PeakMB is the largest resident size that the function's processes have had, as far as it is known. It is 0 at first.
func (c *Cell) PeakMB(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.readPeak(now)
	}
	return (c.memory.kib + 1023) / 1024
}

// readPeak asks the kernel about the group, if it counts that, and else about each process. Called with mu held.
func (c *Cell) readPeak(now time.Time) {
	if peak := c.group.peakKiB(); peak > 0 {
		c.memory.kib = peak
	} else {
		c.memory.read(&c.family, c.cmd.Process.Pid, now)
	}
}

// memoryMeter reads peaks from /proc, at most ten times a second: that costs some ten microseconds a process.
type memoryMeter struct {
	last time.Time
	kib  int
}

func (m *memoryMeter) read(family *family, helper int, now time.Time) {
	if !m.last.IsZero() && now.Sub(m.last) < 100*time.Millisecond {
		return
	}
	m.last = now
	total, processes := 0, family.below(helper, familyAge, now)
	for _, pid := range processes {
		peak := memoryOf(pid, "status", "\nVmHWM:") // since the process executed its program
		own := peak
		if len(processes) > 1 { // they may share some of it
			own = cmp.Or(memoryOf(pid, "smaps_rollup", "\nPss:"), peak)
		}
		total += own
		m.kib = max(m.kib, peak)
	}
	m.kib = max(m.kib, total)
}

// KnowsMemory reports whether Cell.MemoryKiB knows anything.
func (s *Sandbox) KnowsMemory() bool { return true }

// MemoryKiB is how much memory the function's processes have now, without the files that they map, which the system can
// take back. What they share among themselves counts once. Finding that out takes long, so the answer is an estimate, too
// large if anything, while that is no more than the limit. Processes that are too many to count have more than the limit:
// otherwise a crowd of small ones would hide a large one.
func (c *Cell) MemoryKiB(limit int) int {
	processes := c.below(familyAge)
	if estimate := residentKiB(processes); estimate <= limit && len(processes) < maxDescendants {
		return estimate
	}
	processes = c.below(0) // those of a moment ago are no reason to end it
	if len(processes) >= maxDescendants {
		return limit + 1
	}
	if estimate := residentKiB(processes); estimate <= limit {
		return estimate
	}
	exact := 0
	for _, pid := range processes {
		own := memoryOf(pid, "smaps_rollup", "\nPss_Anon:", "\nPss_Shmem:")
		if own == 0 {
			own = residentKiB([]int{pid}) // the server may not look closer
		}
		exact += own
	}
	return exact
}

// residentKiB is how much memory processes have without files. What they share counts for each.
func residentKiB(pids []int) int {
	total := 0
	for _, pid := range pids {
		total += memoryOf(pid, "status", "\nRssAnon:", "\nRssShmem:")
	}
	return total
}

// memoryOf is the sum of fields of a file about a process, in KiB (proc_pid_status(5), proc_pid_smaps(5)). A process that
// has ended has none.
func memoryOf(pid int, file string, fields ...string) int {
	text, err := peer.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
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

// maxDescendants bounds the work of looking for a function's processes. Lambda lets a function have 1,024 processes and
// threads (AWS Lambda Developer Guide, "Lambda quotas").
const maxDescendants = 1024

// family is the processes of a cell, as they were a moment ago: to find them takes a file for each thread of each one,
// and to ask for their memory one file each.
type family struct {
	pids   []int
	looked time.Time
}

// familyAge is how old a family may be. A function that starts a process which takes more memory than there is has it
// for that long.
const familyAge = 200 * time.Millisecond

// below are the processes below the helper, at most as old as age.
func (c *Cell) below(age time.Duration) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	return c.family.below(c.cmd.Process.Pid, age, time.Now())
}

func (f *family) below(helper int, age time.Duration, now time.Time) []int {
	if len(f.pids) == 0 || now.Sub(f.looked) >= age {
		f.pids, f.looked = descendants(helper), now
	}
	return f.pids
}

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
