//go:build unix

package runtime

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
	"github.com/furl-dev/furl/internal/snippet"
)

// Debug says that a function runs under a debugger, which an editor connects to: it has one environment at a time, which
// waits for the editor when it starts, is not ended for being idle, and may have any amount of memory. How long it may
// take is the Timeout of the Function, for initialization, too.
type Debug struct {
	Port int // on loopback; 0 is the usual one of the language
}

// debugAddress is where the debugger of a function listens, "" without one.
func (f *Function) debugAddress() string {
	if f.Debug == nil {
		return ""
	}
	return snippet.DebugAddress(f.Runtime, f.Debug.Port)
}

// setupError says what a user has to change so that an environment can start.
type setupError struct{ text string }

func (e *setupError) Error() string { return e.text }

func setupFault(format string, arguments ...any) *setupError {
	return &setupError{fmt.Sprintf(format, arguments...)}
}

// debugged refuses to debug what cannot be debugged here.
func (l *launcher) debugged(fn *Function) error {
	switch {
	case fn.Debug == nil:
		return nil
	case lambda.DebugPort(fn.Runtime) == 0:
		return setupFault("furl debugs functions in Node.js, Python and Go (provided.*), not of the runtime %s: "+
			"start furl without --debug %s", fn.Runtime, fn.Name)
	case fn.WebApp:
		return setupFault("furl does not debug the web applications of the Lambda Web Adapter: start the debugger "+
			"in the command of %s, and furl without --debug %[1]s", fn.Name)
	}
	return nil
}

// debugPython are arguments of Python that have debugpy run what follows them. Its check for frozen modules would only
// warn about those of the standard library.
func (l *launcher) debugPython(fn *Function, i *interpreter) ([]string, error) {
	if fn.Debug == nil {
		return nil, nil
	}
	places := []string{fn.CodeDir}
	if fn.Opt != "" {
		places = append(places, filepath.Join(fn.Opt, "python"))
	}
	found := i.HasDebugpy
	for _, dir := range append(places, l.pythonPackages) {
		found = found || dir != "" && isFile(filepath.Join(dir, "debugpy", "__main__.py"))
	}
	if !found {
		return nil, setupFault("debugpy is not installed, which %s is debugged with: %s -m pip install debugpy", fn.Name, i.Path)
	}
	return []string{
		"-X", "frozen_modules=off", "-m", "debugpy", "--listen", fn.debugAddress(), "--wait-for-client",
	}, nil
}

// debugNode are arguments of Node.js.
func (l *launcher) debugNode(fn *Function) []string {
	if fn.Debug == nil {
		return nil
	}
	return []string{"--inspect-brk=" + fn.debugAddress()}
}

// debugGo has dlv run the bootstrap of c.
func (l *launcher) debugGo(fn *Function, c *command) error {
	if fn.Debug == nil {
		return nil
	}
	dlv, err := exec.LookPath("dlv")
	if home, fault := os.UserHomeDir(); err != nil && fault == nil {
		dlv, err = exec.LookPath(filepath.Join(home, "go", "bin", "dlv"))
	}
	if err != nil {
		return setupFault("dlv is not on PATH, which %s is debugged with: "+
			"go install github.com/go-delve/delve/cmd/dlv@latest", fn.Name)
	}
	c.args = []string{
		"exec", "--headless", "--listen=" + fn.debugAddress(), "--api-version=2", "--accept-multiclient",
		"--check-go-version=false", c.path,
	}
	c.path, c.fromPackage, c.read = dlv, false, append(c.read, sandbox.InterpreterHome(dlv)...)
	return nil
}

// awaitPort waits until the debugger of an earlier environment has gone, and makes sure that its port is free.
func (s starter) awaitPort() error {
	if s.fn.Debug == nil {
		return nil
	}
	for _, other := range s.pool.roster.others(s.environment) {
		s.pool.pause(other.ended, s.pool.config.StopGrace+evictionSlack)
	}
	address := s.fn.debugAddress()
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) {
		return setupFault("the debugger of %s cannot listen on %s (%v): end what listens there, or choose another port with "+
			"--debug %[1]s=PORT", s.fn.Name, address, errors.Unwrap(err))
	}
	if err != nil {
		return err
	}
	return listener.Close()
}

// others are the environments of e's function besides e, as long as anything of them is left.
func (r *roster) others(e *environment) []*environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	var others []*environment
	for other := range r.living {
		if other != e && other.fn.identity() == e.fn.identity() {
			others = append(others, other)
		}
	}
	return others
}
