package helper

import (
	"sync"
	"syscall"

	"github.com/furl-dev/furl/internal/machine/spare"
)

const (
	socket  = 3
	maxSpec = 16 << 20 // a function's variables and arguments are at most 2 MiB (execve(2))

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

// helper is the state of this process. Its one goroutine besides the main one listens to the server.
type helper struct {
	spec *Spec

	mu    sync.Mutex
	child int // 0 before it is started and after it has been reaped
}

// run is the whole life of the process. It runs on the main thread, which package runtime locks to the goroutine of
// init functions, so settings of the thread hold for the function's process.
func run() {
	syscall.CloseOnExec(socket)
	spec, ok := receive()
	if !ok {
		syscall.Exit(125) // not started by a server, or the server is gone
	}
	h := &helper{spec: spec}
	// No process may look into or control this one: it has threads that are not confined.
	if errno := prctl(prSetDumpable, 0); errno != 0 {
		h.fail("prctl(PR_SET_DUMPABLE)", errno)
	}
	if !spec.Namespaced {
		if errno := prctl(prSetChildSubreaper, 1); errno != 0 {
			h.fail("prctl(PR_SET_CHILD_SUBREAPER)", errno)
		}
	}
	if step, errno := confine(spec); errno != 0 {
		h.fail(step, errno)
	}
	if spec.Probe {
		send(Started, 0)
		syscall.Exit(0)
	}
	spare.Threads(spareThreads)
	h.start()
	go h.listen()
	h.exit(h.wait())
}

// receive reads the Spec.
func receive() (*Spec, bool) {
	var size [4]byte
	if !readFull(size[:]) {
		return nil, false
	}
	n := Number(size[:])
	if n > maxSpec {
		return nil, false
	}
	text := make([]byte, n)
	if !readFull(text) {
		return nil, false
	}
	return Decode(text)
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

// fail says that the function cannot be started, and ends.
func (h *helper) fail(step string, errno syscall.Errno) {
	e := encoder{b: []byte{Failed}}
	e.number(int(errno))
	e.text(step)
	write(e.b)
	syscall.Exit(125)
}

// start starts the function in a session of its own, without a terminal and out of reach of signals for other groups.
func (h *helper) start() {
	pid, err := syscall.ForkExec(h.spec.Path, h.spec.Args, &syscall.ProcAttr{
		Dir:   h.spec.Dir,
		Env:   h.spec.Env,
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		errno, _ := err.(syscall.Errno) //nolint:errorlint // ForkExec returns nothing else
		h.fail("", errno)
	}
	h.child = pid
	send(Started, pid)
}

// listen obeys the server until that is gone.
func (h *helper) listen() {
	var word [1]byte
	for readFull(word[:]) {
		switch word[0] {
		case Terminate:
			h.signal(syscall.SIGTERM)
		case Kill:
			h.end()
		}
	}
	h.end()
}

// end kills the function, so that wait returns. In a PID namespace all of it ends with this process.
func (h *helper) end() {
	if h.spec.Namespaced {
		h.mu.Lock() // not while exit writes: it has the better answer
		send(Exited, int(syscall.SIGKILL), 0)
		syscall.Exit(0)
	}
	h.signal(syscall.SIGKILL)
}

func (h *helper) signal(sig syscall.Signal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.child != 0 {
		syscall.Kill(-h.child, sig) //nolint:errcheck // it may have ended
	}
}

// wait reaps until the function has ended. The peak is its own resident size in KiB. The kernel also counts the size
// before exec, that of this process, so a smaller size is unknown.
func (h *helper) wait() (status syscall.WaitStatus, peak int) {
	var self syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &self) //nolint:errcheck // cannot fail
	for {
		var usage syscall.Rusage
		pid, err := syscall.Wait4(-1, &status, 0, &usage)
		if err == nil && pid == h.child {
			if usage.Maxrss > self.Maxrss {
				peak = int(usage.Maxrss)
			}
			return status, peak
		}
		if err == syscall.ECHILD { //nolint:errorlint // as above
			return status, 0 // cannot happen: the function is a child
		}
	}
}

// exit ends everything that the function has started, tells the server, and ends.
func (h *helper) exit(status syscall.WaitStatus, peak int) {
	h.mu.Lock()
	group := h.child
	h.child = 0
	if !h.spec.Namespaced {
		syscall.Kill(-group, syscall.SIGKILL) //nolint:errcheck // it may be empty
		sweep()
	}
	send(Exited, int(status), peak)
	syscall.Exit(0)
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
