//go:build unix

// Package helper is the process between the server and a function on Linux. The server starts its own program again;
// this package notices, confines the process and starts the function below it, before the initialization of the rest of
// the program: it imports only syscall and what that imports, so Go initializes it before all packages that import more
// (The Go Programming Language Specification, "Program initialization"). That is why it has an init function.
//
// The helper stays as the parent of the programs of one environment: the function's runtime and its extensions. In a PID
// namespace it is process 1, so that they are not: the kernel ignores signals without a handler there
// (pid_namespaces(7)). Elsewhere it is the subreaper of everything that they start (PR_SET_CHILD_SUBREAPER, prctl(2)).
// When the last of its programs has ended, when the server says so, and when the server is gone, it kills and reaps all
// of it and ends.
//
// Server and helper talk over one socket, the helper's file descriptor 3. The server sends the length of an encoded
// [Spec] (4 bytes, big-endian) and the Spec, and then any number of requests: a byte, and what belongs to it. [Start] is
// followed by the length of an encoded [Program] and the Program, [Terminate] and [End] by the number of a program (4
// bytes, big-endian), [Kill] by nothing. Programs have numbers from 0 on, in the order of the requests to start them.
//
// The helper answers each Start in order, with [Started] or [Failed]. It sends one [Exited] for each program that has
// ended by itself or by its own End. After a Kill it sends nothing: the end of the connection says that all have ended.
// If it could not confine itself, it answers Failed once and ends.
package helper

// Variable is the environment variable that makes a program the helper; its value is [Value].
const (
	Variable = "FURL_SANDBOX_HELPER"
	Value    = "fd3"
)

// Spec is how the helper confines itself, and so its programs. It skips what is empty.
type Spec struct {
	// Namespaced says that the helper has mount, PID and IPC namespaces of its own and the capabilities in them.
	Namespaced bool
	// Root is an empty directory over which the function's root directory is built from Mounts, in their order.
	Root   string
	Mounts []Mount
	// Landlock is the version of Landlock's interface to use, 0 for none. Rules are what it allows.
	Landlock int
	Rules    []Rule
	// Confined drops all capabilities for good.
	Confined bool
	// Probe ends with success where programs would be started.
	Probe bool
}

// Program is a program that the helper starts.
type Program struct {
	Path      string
	Args, Env []string
	Dir       string // to start it in
	Output    int    // the helper's descriptor that is its standard output and standard error
}

// Mount is a piece of the function's root directory.
type Mount struct {
	Kind   Kind
	Target string // absolute, in the new root
	Source string
}

// Kind is what a Mount is.
type Kind byte

// The kinds of Mount. The helper makes the directories above the target.
const (
	Bind     Kind = iota // the file or directory Source, read-only
	Writable             // the directory Source, writable
	Device               // the device Source
	Link                 // a symbolic link to Source
	Temp                 // an empty file system in memory; Source is its options, such as "size=64k,mode=755"
	Cover                // nothing: an empty file or directory over what is there
	Proc                 // the processes of the PID namespace
)

// Rule is a Landlock rule: a file, or a directory with everything below it. The helper skips one that does not exist.
type Rule struct {
	Path  string
	Write bool // otherwise read and execute
	List  bool // only list directories
}

// Requests of the server, after the Spec.
const (
	Start     = 'P' // a program
	Terminate = 'T' // SIGTERM to a program's process group
	End       = 'E' // SIGKILL to a program's process group
	Kill      = 'K' // end everything; so does the end of the connection
)

// Descriptors of the helper for the output of programs.
const (
	StandardOutput = 1
	SecondOutput   = 4
)

// Messages of the helper: one byte, then 4 bytes, big-endian, for each number.
const (
	Started = 'S' // the program's process id as the helper sees it
	Failed  = 'F' // errno, length of a text, and the text: the step that failed, "" for the start of the program
	Exited  = 'X' // the program's number, wait status, peak resident size in KiB or 0 if unknown
)

// Encode is the Spec as the helper reads it.
func (s *Spec) Encode() []byte {
	var e encoder
	e.flag(s.Namespaced)
	e.text(s.Root)
	e.number(len(s.Mounts))
	for _, m := range s.Mounts {
		e.number(int(m.Kind))
		e.text(m.Target)
		e.text(m.Source)
	}
	e.number(s.Landlock)
	e.number(len(s.Rules))
	for _, r := range s.Rules {
		e.text(r.Path)
		e.flag(r.Write)
		e.flag(r.List)
	}
	e.flag(s.Confined)
	e.flag(s.Probe)
	return e.b
}

// Encode is the Program as the helper reads it.
func (p *Program) Encode() []byte {
	var e encoder
	e.text(p.Path)
	e.texts(p.Args)
	e.texts(p.Env)
	e.text(p.Dir)
	e.number(p.Output)
	return e.b
}

// Decode reads what Spec.Encode wrote. It reports false if text is anything else.
func Decode(text []byte) (*Spec, bool) {
	d := decoder{b: text}
	s := &Spec{Namespaced: d.flag(), Root: d.text()}
	for range d.count() {
		s.Mounts = append(s.Mounts, Mount{Kind: Kind(d.number()), Target: d.text(), Source: d.text()})
	}
	s.Landlock = d.number()
	for range d.count() {
		s.Rules = append(s.Rules, Rule{Path: d.text(), Write: d.flag(), List: d.flag()})
	}
	s.Confined, s.Probe = d.flag(), d.flag()
	return s, !d.bad && len(d.b) == 0
}

// DecodeProgram reads what Program.Encode wrote. It reports false if text is anything else.
func DecodeProgram(text []byte) (*Program, bool) {
	d := decoder{b: text}
	p := &Program{Path: d.text(), Args: d.texts(), Env: d.texts(), Dir: d.text(), Output: d.number()}
	return p, !d.bad && len(d.b) == 0
}

type encoder struct{ b []byte }

func (e *encoder) number(n int) { e.b = append(e.b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)) }

func (e *encoder) flag(on bool) {
	if on {
		e.number(1)
	} else {
		e.number(0)
	}
}

func (e *encoder) text(s string) {
	e.number(len(s))
	e.b = append(e.b, s...)
}

func (e *encoder) texts(list []string) {
	e.number(len(list))
	for _, s := range list {
		e.text(s)
	}
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) number() int {
	if len(d.b) < 4 {
		d.bad, d.b = true, nil
		return 0
	}
	n := Number(d.b)
	d.b = d.b[4:]
	return n
}

// count is how many things follow. Each of them has four bytes or more.
func (d *decoder) count() int {
	n := d.number()
	if n > len(d.b)/4 {
		d.bad, d.b = true, nil
		return 0
	}
	return n
}

func (d *decoder) flag() bool { return d.number() == 1 }

func (d *decoder) text() string {
	n := d.number()
	if n > len(d.b) {
		d.bad, d.b = true, nil
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) texts() []string {
	var list []string
	for range d.count() {
		list = append(list, d.text())
	}
	return list
}

// Number reads the first four bytes of b as a number.
func Number(b []byte) int {
	return int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
}
