// Package sandbox starts functions as strangers: each as a process that can harm neither the server nor another
// function nor the machine's other users, and that leaves nothing behind when it ends.
//
// On Linux it takes what the kernel gives without root: mount, PID and IPC namespaces where user namespaces are
// allowed, and Landlock. The function sees system directories, its interpreter and its own code, read-only, and its
// own directory, which is also its /tmp. It has no capabilities and gains none, and cannot signal, trace or look into
// processes outside. CPU, memory and the network are not limited. Elsewhere it confines nothing, and only ends the
// function's process group.
package sandbox

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Mode says how much confinement is wanted.
type Mode string

// The modes.
const (
	Auto   Mode = "auto"   // what the system gives; so is ""
	Off    Mode = "off"    // none: functions do what their user may
	Strict Mode = "strict" // nothing less than Landlock and mount and PID namespaces
)

// Config says what a Sandbox confines functions to.
type Config struct {
	Mode Mode
	// Dir is an empty directory of the sandbox's own, for mounting. It is made if missing.
	Dir string
	// Hidden are directories that functions do not see, but for what their Commands name below them.
	Hidden []string
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

// CheckOpening reports why path, absolute, cannot be opened to functions with Config.Read or Write.
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
	// Path is the program: below Dir, of the system, or in Read. One from elsewhere is not there for the function.
	Path string
	Args []string // without argv[0]
	Env  []string
	Dir  string // its working directory, which it can read: the code
	// Home is a directory of its own, which it can write. It is its /tmp, too, in a mount namespace.
	Home   string
	Read   []string // further files and directories that it can read
	Write  []string // further directories that it can write
	Output *os.File // its standard output and standard error
}

func (c Command) output() io.Writer {
	if c.Output == nil {
		return nil // an *os.File that is nil is not a nil io.Writer
	}
	return c.Output
}

// Start starts a program. Whatever it starts in turn ends with it. If the program cannot be executed the error is a
// [StartError].
func (s *Sandbox) Start(c Command) (*Process, error) {
	for left := busyRetries; ; left-- {
		process, err := s.start(c)
		if !errors.Is(err, syscall.ETXTBSY) || left == 0 {
			return process, err
		}
		time.Sleep(busyPause)
	}
}

// A program cannot be executed while somebody has it open for writing, and for a moment that may be a child of this
// very server: one that was forked while the package was being unpacked has a copy of the descriptor until it executes
// its own program (golang/go#22315).
const (
	busyRetries = 20
	busyPause   = 10 * time.Millisecond
)

// StartError is a program that could not be executed, as opposed to a sandbox that could not be made.
type StartError struct{ Err *os.PathError }

func (e *StartError) Error() string { return e.Err.Error() }

// Unwrap is for errors.Is.
func (e *StartError) Unwrap() error { return e.Err }

// ErrEnded is the error of Start when the process that confines a function has ended without a word. That is what
// becomes of it where the system refuses it a thread.
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

// InterpreterHome is what an interpreter at path needs to be readable: the directory that it is installed in where
// that is plain (PREFIX/bin/python3), else itself. A prefix that is somebody's home is not taken.
func InterpreterHome(path string) []string {
	all := []string{path}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return all
	}
	for _, program := range []string{path, real} {
		if bin := filepath.Dir(program); filepath.Base(bin) == "bin" {
			if prefix := filepath.Dir(bin); !isBroad(prefix) {
				all = append(all, prefix)
			}
		}
	}
	return append(all, real)
}

// isBroad tells a directory that holds more than programs: the root, what is right below it, and homes.
func isBroad(dir string) bool {
	if home, err := os.UserHomeDir(); err == nil && dir == filepath.Clean(home) {
		return true
	}
	levels := strings.Count(dir, "/")
	return dir == "/" || levels <= 1 || levels == 2 && (strings.HasPrefix(dir, "/home/") || strings.HasPrefix(dir, "/Users/"))
}

// contains reports whether path is dir or below it.
func contains(dir, path string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir) && path[len(dir)] == '/'
}
