//go:build unix

package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/runtime/extension"
	"github.com/furl-dev/furl/internal/runtime/peer"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

const (
	extensionsDir = "extensions"
	// extensionsOff is a file of a layer that turns extensions off (aws-lambda-runtime-interface-emulator, package
	// extensions).
	extensionsOff = "disable-extensions-jwigqn8j"

	// shutdownBudget is how long an environment with external extensions may take to end, and runtimeShare how much of
	// that its runtime may take (the same, package rapid).
	shutdownBudget = 2 * time.Second
	runtimeShare   = 0.3

	// connectionsEach is how many connections an extension may have to the APIs: one waits for an event, and one more
	// reports or, where the extension does so, waits in place of the runtime.
	connectionsEach = 3
)

// program is an external extension.
type program struct {
	name string
	*sandbox.Process
}

// extensionFault is the first failure of an extension: its type, and how its process ended; empty for none.
type extensionFault struct{ kind, text string }

// externalExtensions are the names of the programs in a function's layers that are its extensions: every entry that is
// no directory, whether or not it can be executed. Off says that a layer turns all extensions off.
func externalExtensions(fn *Function) (names []string, off bool, err error) {
	if fn.Opt == "" {
		return nil, false, nil
	}
	if _, err := os.Lstat(filepath.Join(fn.Opt, extensionsOff)); err == nil {
		return nil, true, nil
	}
	entries, err := os.ReadDir(filepath.Join(fn.Opt, extensionsDir))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, false, nil
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, false, err
}

// hostsFile writes the system's list of hosts with the name by which extensions know their environment, since many
// listen on that name. It answers the path, empty if that did not work out: then they have the system's list.
func hostsFile(dir string) string {
	text, err := os.ReadFile("/etc/hosts")
	path := filepath.Join(dir, "hosts")
	if err == nil {
		err = os.WriteFile(path, append(text, "\n127.0.0.1 sandbox.localdomain sandbox\n"...), 0o644)
	}
	if err != nil {
		return ""
	}
	return path
}

// prepareExtensions makes what the extensions talk to, and answers the names of the external ones.
func (s starter) prepareExtensions() ([]string, error) {
	names, off, err := externalExtensions(s.fn)
	if err != nil {
		return nil, err
	}
	e, p := s.environment, s.pool
	e.mu.Lock()
	e.members = &members{}
	e.mu.Unlock()
	telemetry := extension.TelemetryConfig{Now: p.config.Now, JSON: e.fn.LogFormat == "JSON", Failed: e.undelivered}
	if peer.Supported && !off {
		telemetry.Dial = e.dial
	}
	e.telemetry = extension.NewTelemetry(telemetry)
	e.extensions = extension.New(extension.Config{
		Function: e.fn.Name, Version: e.fn.Version, Handler: e.fn.Handler, AccountID: e.fn.AccountID,
		External: names, Asked: e.extensionAsked, Failed: e.extensionReports, Telemetry: e.telemetry,
	})
	e.log.telemetry = e.telemetry
	if !off {
		e.api.Extensions, e.api.More = e.extensions, connectionsEach*len(names)
	}
	return names, nil
}

// launchExtensions starts the external extensions and waits until they have registered. It reports false if the runtime
// is not to be started: supervise then ends the environment. Called with mu held, without which it waits.
func (s starter) launchExtensions(command sandbox.Command, runtime *command, names []string) (goOn bool, err error) {
	s.life.advance(starting, registering)
	for i, name := range names {
		if i == extension.Most {
			s.launchFailed(name, extension.TooMany, "more than 10 extensions")
			break
		}
		process, err := s.cell.Start(sandbox.Program{
			Path: filepath.Join(s.pool.sandbox.Opt(s.fn.Opt), extensionsDir, name), Dir: "/", Aside: true,
			Env: extensionVariables(command.Env, runtime, s.fn),
		})
		failed, isStart := errors.AsType[*sandbox.StartError](err)
		switch {
		case errors.Is(err, sandbox.ErrEnded) && len(s.programs) > 0:
			return false, nil // those before it have ended, and with them the cell
		case isStart && isEntrypointError(err):
			kind := extension.UnknownError
			if errors.Is(err, fs.ErrPermission) {
				kind = extension.PermissionDenied
			}
			s.launchFailed(name, kind, "fork/exec /opt/extensions/"+extension.Printable(name)+": "+failed.Err.Err.Error())
		case err != nil:
			return false, &startError{err, false}
		default:
			s.programs = append(s.programs, &program{name, process})
			if err := s.admit(process); err != nil {
				return false, err
			}
			go s.watch(s.programs[i])
			continue
		}
		break
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-s.extensions.Registered():
	case <-s.halt:
		return false, nil
	}
	return s.life.advance(registering, starting), nil
}

// launchFailed ends the environment because an extension could not be started. Called with mu held.
func (e *environment) launchFailed(name, kind, text string) {
	e.extensions.LaunchFailed(name, kind)
	e.fault = extensionFault{extension.LaunchError, text}
	e.kill(ReasonExtension)
}

// watch ends the environment when an extension ends by itself.
func (e *environment) watch(p *program) {
	state := p.Wait()
	e.extensions.Exited(p.name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cell != p.Cell || e.life.in(stopping, dead) { // the start failed and is tried again, or all is to end
		return
	}
	text := "exit code 0" // as AWS's emulator says it
	if !state.Success() {
		text = state.String()
	}
	e.fault = extensionFault{cmp.Or(e.fault.kind, extension.Crash), text}
	e.kill(ReasonExtension)
}

// extensionReports takes an error that an extension reports. It is to exit then; if it does not, the environment ends
// without that.
func (e *environment) extensionReports(errorType string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life.in(stopping, dead) {
		return
	}
	e.fault.kind = cmp.Or(e.fault.kind, errorType)
	time.AfterFunc(exitGrace, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if !e.life.in(stopping, dead) {
			e.fault.text = "the extension has not exited after its error"
			e.kill(ReasonExtension)
		}
	})
}

// extensionAsked goes on when the last of those that were waited for has asked for its next event.
func (e *environment) extensionAsked() {
	e.mu.Lock()
	e.proceed()
}

// supervise waits until the processes of the environment have ended, and answers how the runtime did. Where there are
// external extensions the end of one process, or the wish to end the environment, ends all in AWS's order.
func (e *environment) supervise() sandbox.State {
	if e.fn.Upstream != "" {
		<-e.halt
		return sandbox.State{}
	}
	e.mu.Lock()
	runtime, external := e.process, e.extensions.HasExternal()
	e.mu.Unlock()
	if external {
		var done <-chan struct{}
		if runtime != nil {
			done = runtime.Done()
		}
		select {
		case <-e.halt:
		case <-done:
		}
		e.shutDown(runtime)
		e.cell.Wait()
	}
	if runtime == nil {
		return sandbox.State{}
	}
	return runtime.Wait()
}

// shutDown ends the runtime, tells the extensions, and kills what is left when the budget is used up.
func (e *environment) shutDown(runtime *sandbox.Process) {
	begin := time.Now()
	deadline := begin.Add(shutdownBudget)
	e.mu.Lock()
	e.life.end(stopping)
	reason, status := "failure", "error"
	switch e.killed {
	case ReasonTimeout, ReasonInitTimeout:
		reason, status = "timeout", "timeout"
	case ReasonShutdown:
		reason, status = "spindown", "failure"
	default:
	}
	e.runtimeDone(status, e.fault.kind)
	programs := e.programs
	e.mu.Unlock()
	if runtime != nil {
		runtime.Terminate()
		await(runtime, begin.Add(time.Duration(runtimeShare*float64(shutdownBudget))))
		runtime.End()
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownBudget/4)
	e.telemetry.Flush(ctx)
	cancel()
	e.extensions.Shutdown(deadline, reason)
	for _, p := range programs {
		if !e.extensions.Subscribed(p.name, extension.EventShutdown) {
			p.End()
		}
	}
	for _, p := range programs {
		await(p.Process, deadline)
	}
	e.cell.Kill()
}

// await waits for the end of a process, but no longer than to a time.
func await(p *sandbox.Process, until time.Time) {
	select {
	case <-p.Done():
	case <-time.After(time.Until(until)):
	}
}

// extensionVariables are those of the variables of a function that its extensions have, too (AWS Lambda Developer Guide,
// "Lambda Extensions API"; aws-lambda-runtime-interface-emulator, package env): not those of the runtime, such as the
// search paths of its language, unless the user has set them.
func extensionVariables(all []string, runtime *command, fn *Function) []string {
	own := []string{"AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"}
	preset := []string{"PWD", "SHLVL", runtime.search}
	for _, assignment := range runtime.extra {
		name, _, _ := strings.Cut(assignment, "=")
		preset = append(preset, name)
	}
	return slices.DeleteFunc(slices.Clone(all), func(assignment string) bool {
		name, _, _ := strings.Cut(assignment, "=")
		_, users := fn.Environment[name]
		return strings.HasPrefix(name, "_") || strings.HasPrefix(name, "AWS_LAMBDA_LOG_") ||
			strings.HasPrefix(name, "AWS_XRAY_") || slices.Contains(own, name) || !users && slices.Contains(preset, name)
	})
}

// acceptLimit is how long a connection to a listener of the environment waits until that accepts it.
const acceptLimit = time.Second

// dial connects to a port of the environment's own processes. The server must not be made to send anything to other
// listeners on loopback, so dial asks the system who has the other end of this very connection.
func (e *environment) dial(ctx context.Context, port int) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, acceptLimit)
	defer cancel()
	if err = (&gate{e}).verify(ctx, conn); err == nil {
		return conn, nil
	}
	conn.Close()
	if stranger, ok := errors.AsType[*peer.Stranger](err); ok && stranger.PID != 0 {
		return nil, errors.New("a process outside of the environment listens there")
	}
	return nil, errors.New("no process of the environment accepts the connection")
}

// undelivered logs that telemetry is lost.
func (e *environment) undelivered(name string, port int, err error) {
	e.pool.refusals.warn("telemetry for an extension could not be delivered", slog.String("function", e.fn.ARN),
		slog.String("extension", name), slog.String("error", fmt.Sprintf("port %d: %v", port, err)))
}
