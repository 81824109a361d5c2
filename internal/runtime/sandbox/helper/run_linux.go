package helper

import (
	"sync"
	"syscall"

	"github.com/furl-dev/furl/internal/machine/spare"
)

const (
	socket  = 3
	maxText = 16 << 20 // of a Spec or a Program: variables and arguments are at most 2 MiB (execve(2))

	// spareThreads is for a process with one goroutine that waits in a system call besides the main one, and one
	// processor of Go's: that takes three threads more, of which one may be on its way to sleep when Go wants another.
	// The function may take all that the user may have, so none can be made later.
	spareThreads = 4
)

func init() {
	if value, ok := syscall.Getenv(Variable); ok && value == Value {
		run()
	}
}

// helper is the state of this process. Its main goroutine obeys the server, and another one reaps.
type helper struct {
	spec *Spec

	mu       sync.Mutex
	programs []int // process ids by number; 0 if it has not started, or has been reaped
	running  int   // of the programs
	ended    bool  // all that there were: no further one is started
}

// run is the whole life of the process. It runs on the main thread, which package runtime locks to the goroutine of
// init functions, so settings of the thread hold for the programs that it starts.
func run() {
	syscall.CloseOnExec(socket)
	syscall.CloseOnExec(SecondOutput)
	text, ok := receive()
	if !ok {
		syscall.Exit(125) // not started by a server, or the server is gone
	}
	spec, ok := Decode(text)
	if !ok {
		syscall.Exit(125)
	}
	h := &helper{spec: spec}
	// No process may look into or control this one: it has threads that are not confined.
	if errno := prctl(prSetDumpable, 0); errno != 0 {
		abort("prctl(PR_SET_DUMPABLE)", errno)
	}
	if !spec.Namespaced {
		if errno := prctl(prSetChildSubreaper, 1); errno != 0 {
			abort("prctl(PR_SET_CHILD_SUBREAPER)", errno)
		}
	}
	if step, errno := confine(spec); errno != 0 {
		abort(step, errno)
	}
	if spec.Probe {
		send(Started, 0)
		syscall.Exit(0)
	}
	spare.Threads(spareThreads)
	h.obey()
	h.end()
	select {} // reap ends the process
}

// receive reads a length and a text of that length.
func receive() ([]byte, bool) {
	n, ok := receiveNumber()
	if !ok || n > maxText {
		return nil, false
	}
	text := make([]byte, n)
	return text, readFull(text)
}

func receiveNumber() (int, bool) {
	var b [4]byte
	if !readFull(b[:]) {
		return 0, false
	}
	return Number(b[:]), true
}

func readFull(b []byte) bool {
	for len(b) > 0 {
		n, err := syscall.Read(socket, b)
		if err == syscall.EINTR { //nolint:errorlint // without package errors
			continue
		}
		if err != nil || n <= 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

// send sends a message to the server. If that fails the server is gone, and listen notices.
func send(kind byte, numbers ...int) {
	e := encoder{b: []byte{kind}}
	for _, n := range numbers {
		e.number(n)
	}
	write(e.b)
}

func write(b []byte) {
	syscall.Write(socket, b) //nolint:errcheck // see send
}

// abort says that this process cannot be confined, and ends.
func abort(step string, errno syscall.Errno) {
	fail(step, errno)
	syscall.Exit(125)
}

func fail(step string, errno syscall.Errno) {
	e := encoder{b: []byte{Failed}}
	e.number(int(errno))
	e.text(step)
	write(e.b)
}

// obey does what the server says until that is gone.
func (h *helper) obey() {
	var word [1]byte
	for readFull(word[:]) {
		switch word[0] {
		case Start:
			text, ok := receive()
			if !ok {
				return
			}
			p, ok := DecodeProgram(text)
			if !ok {
				return
			}
			h.start(p)
		case Terminate, End:
			n, ok := receiveNumber()
			if !ok {
				return
			}
			sig := syscall.SIGTERM
			if word[0] == End {
				sig = syscall.SIGKILL
			}
			h.mu.Lock()
			if n < len(h.programs) && h.programs[n] != 0 {
				syscall.Kill(-h.programs[n], sig) //nolint:errcheck // it may have ended
			}
			h.mu.Unlock()
		case Kill:
			h.end()
		}
	}
}

// start starts a program in a session of its own, without a terminal and out of reach of signals for other groups.
func (h *helper) start(p *Program) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		fail("start of another program", syscall.ESRCH)
		return
	}
	output := uintptr(p.Output)
	pid, err := syscall.ForkExec(p.Path, p.Args, &syscall.ProcAttr{
		Dir:   p.Dir,
		Env:   p.Env,
		Files: []uintptr{0, output, output},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		errno, _ := err.(syscall.Errno) //nolint:errorlint // ForkExec returns nothing else
		h.programs = append(h.programs, 0)
		fail("", errno)
		return
	}
	h.programs = append(h.programs, pid)
	h.running++
	send(Started, pid)
	if h.running == 1 {
		go h.reap()
	}
}

// end kills the programs, so that reap ends this process. In a PID namespace all ends with it.
func (h *helper) end() {
	h.mu.Lock()
	if h.spec.Namespaced || h.running == 0 && !h.ended {
		syscall.Exit(0) // with the lock, so that reap says either all or nothing of an end
	}
	for _, pid := range h.programs {
		if pid != 0 {
			syscall.Kill(-pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
		}
	}
	h.mu.Unlock()
}

// reap reaps until no program is left. Then it ends everything that they have started, and this process.
func (h *helper) reap() {
	var self syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &self) //nolint:errcheck // cannot fail
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		pid, err := syscall.Wait4(-1, &status, 0, &usage)
		if err == nil && h.reaped(pid, status, &usage, &self) {
			break
		}
	}
	if !h.spec.Namespaced {
		sweep()
	}
	syscall.Exit(0)
}

// reaped notes the end of a child. It reports whether that was the last program. The peak is the program's own resident
// size in KiB. The kernel also counts the size before exec, that of this process, so a smaller size is unknown.
func (h *helper) reaped(pid int, status syscall.WaitStatus, usage, self *syscall.Rusage) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n, program := range h.programs {
		if program != pid {
			continue
		}
		peak := 0
		if usage.Maxrss > self.Maxrss {
			peak = int(usage.Maxrss)
		}
		h.programs[n] = 0
		h.running--
		h.ended = h.running == 0
		syscall.Kill(-pid, syscall.SIGKILL) //nolint:errcheck // its group may be empty
		send(Exited, n, int(status), peak)
		return h.ended
	}
	return false
}

// sweep kills and reaps the children of this process until there are none: as their subreaper, it inherits each process
// whose parent it has killed. It reads the kernel's list of children again and again, so that it finds these, too. If
// processes start faster than it kills them, the limits of the machine bound them, as they bound all of the user's.
func sweep() {
	for {
		for _, child := range children() {
			syscall.Kill(child, syscall.SIGKILL) //nolint:errcheck // it may have ended
		}
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.ECHILD: //nolint:errorlint // as above
			return
		case pid == 0 || err != nil:
			pause()
		}
	}
}

// children lists the children of this process, of all its threads.
func children() []int {
	var list []int
	for _, thread := range names("/proc/self/task") {
		list = append(list, numbers(read("/proc/self/task/"+thread+"/children"))...)
	}
	return list
}

// pause waits a millisecond, without package time.
func pause() {
	wait := syscall.Timespec{Nsec: 1e6}
	syscall.Nanosleep(&wait, nil) //nolint:errcheck // sooner is no harm
}

// read is the content of a file of /proc, empty if there is none.
func read(path string) []byte {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	var all []byte
	var buffer [4096]byte
	for {
		n, err := syscall.Read(fd, buffer[:])
		if err != nil || n <= 0 {
			return all
		}
		all = append(all, buffer[:n]...)
	}
}

// names lists a directory of /proc.
func names(path string) []string {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	var all []string
	var buffer [4096]byte
	for {
		n, err := syscall.ReadDirent(fd, buffer[:])
		if err != nil || n <= 0 {
			return all
		}
		_, _, all = syscall.ParseDirent(buffer[:n], -1, all)
	}
}

// numbers are the decimal numbers in a text.
func numbers(text []byte) []int {
	var all []int
	n := 0
	for _, c := range append(text, '\n') {
		if '0' <= c && c <= '9' {
			n = n*10 + int(c-'0')
			continue
		}
		if n > 0 {
			all = append(all, n)
		}
		n = 0
	}
	return all
}
