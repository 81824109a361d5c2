//go:build unix

// Package sandbox starts functions as strangers: each as a process that can harm neither the server nor another
// function nor the machine's other users, and that leaves nothing behind when it ends.
//
// On Linux it uses what the kernel gives without root: mount, PID and IPC namespaces where user namespaces are
// allowed, and Landlock. The function sees system directories, its interpreter and its own code, read-only, and its
// own directory, which is also its /tmp. It has no capabilities and gains none, and cannot signal, trace or look into
// processes outside. CPU and the network are not limited. Memory is where the server's control group
// lets it make others; else a [Cell] tells how much it has. Elsewhere it confines nothing, and only ends the function's
// process group.
package sandbox

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mode is how much confinement a user asks for.
type Mode string

// The modes.
const (
	Auto   Mode = "auto"   // what the system gives; "" is the same
	Off    Mode = "off"    // none: functions do what their user may
	Strict Mode = "strict" // nothing less than Landlock and mount and PID namespaces
)

// Config says what a Sandbox confines functions to.
type Config struct {
	Mode Mode
	// Dir is an empty directory of the sandbox's own, for mounting. The sandbox makes it if it is missing.
	Dir string
	// Hidden are directories that functions do not see, except for what their Commands name below them.
	Hidden []string
	// Cgroup is the directory of the server's own control group; "" is where the system says it is.
	Cgroup string
	// Logger is for what goes wrong in the background; nil drops it.
	Logger *slog.Logger
	// Read and Write are further files and directories that functions may read, or read and write.
	Read, Write []string
}

// Validate reports what is wrong with the configuration.
func (c Config) Validate() error {
	switch c.Mode {
	case Auto, Off, Strict, "":
	default:
		return fmt.Errorf("%q is none of auto, off and strict", c.Mode)
	}
	return nil
}

// CheckOpening reports why Config.Read or Write cannot open path, which is absolute, to functions.
func CheckOpening(path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	switch path {
	case "/", "/proc", "/dev", "/tmp":
		return fmt.Errorf("%s cannot be opened as a whole: name a directory below it", path)
	}
	return nil
}

// Command is a function's program.
type Command struct {
	// Path is the program: below Dir, of the system, or in Read. The function does not see a program elsewhere.
	Path string
	Args []string // without argv[0]
	Env  []string
	Dir  string // its working directory, which it can read: the code
	Root string // a directory that contains Dir, which it can read instead; "" for none
	Opt  string // the content of its layers, which it sees where Sandbox.Opt says; "" for none
	// Home is a directory of its own, which it can write. In a mount namespace it is also its /tmp.
	Home   string
	Read   []string // further files and directories that it can read
	Write  []string // further directories that it can write
	Hosts  string   // in a mount namespace, a file that stands at /etc/hosts; "" for the system's own
	Output *os.File // its standard output and standard error
	Aside  *os.File // those of the programs that say so

	// MemoryMB is how much memory the programs may have together, where the kernel limits it; 0 is no limit.
	MemoryMB int
}

func writer(file *os.File) io.Writer {
	if file == nil {
		return nil // an *os.File that is nil is not a nil io.Writer
	}
	return file
}

// Program is one more program in the cell of a Command, where it sees the same files.
type Program struct {
	Path      string
	Args, Env []string // Args without argv[0]
	Dir       string   // its working directory
	Aside     bool     // it writes to Command.Aside
}

// Start starts a program in a cell of its own. The processes that it starts in turn end with it. The error is a
// [StartError] if the program cannot be executed.
func (s *Sandbox) Start(c Command) (*Process, error) {
	cell, err := s.Open(c)
	if err != nil {
		return nil, err
	}
	process, err := cell.Start(Program{Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir})
	if err != nil {
		cell.Kill()
		cell.Wait()
		return nil, err
	}
	return process, nil
}

// Start starts a program in the cell. The error is a [StartError] if the program cannot be executed, and ErrEnded if
// all programs that the cell had have ended: then so has the cell.
func (c *Cell) Start(program Program) (*Process, error) {
	for left := busyRetries; ; left-- {
		process, err := c.start(program)
		if !errors.Is(err, syscall.ETXTBSY) || left == 0 {
			return process, err
		}
		time.Sleep(busyPause)
	}
}

// Wait blocks until everything in the cell has ended.
func (c *Cell) Wait() { <-c.done }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.exited }

// Wait blocks until the program has ended and, if it was the last one in its cell, everything in that.
func (p *Process) Wait() State {
	<-p.exited
	if p.isEmpty() {
		p.Cell.Wait()
	}
	return p.state
}

// isEmpty reports whether no program of the cell is left.
func (c *Cell) isEmpty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.processes {
		select {
		case <-p.exited:
		default:
			return false
		}
	}
	return true
}

// A program cannot be executed while a process has it open for writing. For a moment that may be a child of this very
// server: one that was forked while the server unpacked the package has a copy of the descriptor until it executes its
// own program (golang/go#22315).
const (
	busyRetries = 20
	busyPause   = 10 * time.Millisecond
)

// StartError is the error about a program that could not be executed. The sandbox itself was ready.
type StartError struct{ Err *os.PathError }

func (e *StartError) Error() string { return e.Err.Error() }

// Unwrap is for errors.Is.
func (e *StartError) Unwrap() error { return e.Err }

// ErrEnded is the error of Start when the process that confines a function has ended without a message, as it does
// where the system refuses it a thread, or because there was nothing left to confine.
var ErrEnded = errors.New("the process that confines a function ended early")

// State is how a function's process ended.
type State struct{ status syscall.WaitStatus }

// Success reports whether it exited with status 0.
func (s State) Success() bool { return s.status.Exited() && s.status.ExitStatus() == 0 }

// Signaled reports whether a signal ended it.
func (s State) Signaled() bool { return s.status.Signaled() }

// String is what os.ProcessState says: "exit status 1", "signal: killed".
func (s State) String() string {
	switch {
	case s.status.Exited():
		return fmt.Sprintf("exit status %d", s.status.ExitStatus())
	case s.status.CoreDump():
		return "signal: " + s.status.Signal().String() + " (core dumped)"
	default:
		return "signal: " + s.status.Signal().String()
	}
}

// InterpreterHome is what an interpreter at path needs to read: the directory that it is installed in where that is
// plain (PREFIX/bin/python3), else itself. A prefix that is a user's home does not count.
func InterpreterHome(path string) []string {
	all := []string{path}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return all
	}
	for _, program := range []string{path, resolved} {
		if bin := filepath.Dir(program); filepath.Base(bin) == "bin" {
			if prefix := filepath.Dir(bin); !isBroad(prefix) {
				all = append(all, prefix)
			}
		}
	}
	return append(all, resolved)
}

// isBroad reports whether a directory holds more than programs: the root, what is right below it, and homes.
func isBroad(dir string) bool {
	if home, err := os.UserHomeDir(); err == nil && dir == filepath.Clean(home) {
		return true
	}
	levels := strings.Count(dir, "/")
	return levels <= 1 || levels == 2 && (strings.HasPrefix(dir, "/home/") || strings.HasPrefix(dir, "/Users/"))
}

// contains reports whether path is dir or below it.
func contains(dir, path string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir) && path[len(dir)] == '/'
}

// Opening is a sentence about how to let functions see more.
const Opening = "functions see the system's programs, their own code and a private /tmp, and write only there; " +
	"furl serve --sandbox-read DIR or --sandbox-write DIR opens another directory"

// denials are the words of C libraries, Go, Rust, Node.js, Python, Java and .NET for what a sandbox denies or hides.
var denials = sync.OnceValues(func() (denied, missing *regexp.Regexp) {
	return regexp.MustCompile(`(?i)permission denied|operation not permitted|read-only file system|PermissionError|` +
			`PermissionDenied|\bE(ACCES|PERM|ROFS)\b|nio\.file\.AccessDeniedException|UnauthorizedAccessException`),
		regexp.MustCompile(`(?i)no such file or directory|ENOENT|FileNotFoundError|NoSuchFileException|` +
			`FileNotFoundException`)
})

// absolutePath finds paths in the text of an error.
var absolutePath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("/[^\\s'\"`:;,()<>]+") })

// maxErrorText and maxErrorPaths bound how much MayExplain reads of what a function wrote.
const (
	maxErrorText  = 64 << 10
	maxErrorPaths = 16
)

// MayExplain reports whether the sandbox may be why a function failed with an error: it denied something to the
// function, or hides a file from it that exists outside.
func (s *Sandbox) MayExplain(text []byte) bool {
	if !s.confines() {
		return false
	}
	text = text[:min(len(text), maxErrorText)]
	denied, missing := denials()
	if denied.Match(text) {
		return true
	}
	if !missing.Match(text) {
		return false
	}
	for _, path := range absolutePath().FindAll(text, maxErrorPaths) {
		if s.hides(filepath.Clean(string(path))) {
			return true
		}
	}
	return false
}

// hides reports whether there is something at a path that functions do not see.
func (s *Sandbox) hides(path string) bool {
	if _, err := os.Lstat(path); err != nil {
		return false
	}
	return !s.shows(path)
}
