//go:build unix

package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// Reason says in one word what went wrong with an invocation.
type Reason string

// The reasons of a FunctionError.
const (
	ReasonError       Reason = "error"        // the function reported an error
	ReasonTimeout     Reason = "timeout"      // it ran past its timeout and was killed
	ReasonExit        Reason = "exit"         // its process ended without an answer
	ReasonCrash       Reason = "crash"        // its process was ended by a signal
	ReasonInit        Reason = "init"         // it failed before it took its first event
	ReasonInitTimeout Reason = "init-timeout" // it was still starting when its timeout ended
	ReasonTooLarge    Reason = "too-large"    // its response passed the limit
	ReasonBadResponse Reason = "bad-response" // it answered against the Runtime API
	ReasonExtension   Reason = "extension"    // one of its extensions failed
	ReasonShutdown    Reason = "shutdown"     // the pool was closed before it had answered

	reasonMemory Reason = "memory" // it had too much memory; to its caller that is a ReasonCrash
)

// FunctionError is a failed invocation as its caller may see it.
type FunctionError struct {
	Type    string // "Sandbox.Timedout", "Runtime.ExitError", "Runtime.Unknown", ...
	Kind    string // the X-Amz-Function-Error header; Lambda says "Unhandled" for all of them
	Payload []byte // JSON as Lambda answers it
	Reason  Reason

	message string // of the platform's own errors, for the log
}

// Error is for logs; callers of the function get Payload.
func (e *FunctionError) Error() string {
	return fmt.Sprintf("function failed (%s): %s", e.Reason, e.Type)
}

// failure makes the FunctionError of something that the platform, not the function, has to report.
func failure(reason Reason, errorType, message string) *FunctionError {
	payload, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, message})
	if err != nil {
		panic(err) // two strings always marshal
	}
	return &FunctionError{Type: errorType, Kind: "Unhandled", Payload: payload, Reason: reason, message: message}
}

// The payloads below are word for word those of Lambda, as recorded from the service and as its own emulator
// (aws-lambda-runtime-interface-emulator, packages rapid and fatalerror) writes them.

// reported is an error that the function sent to the Runtime API. Its body goes to the caller as it is.
func reported(f *runtimeapi.Failure, reason Reason) *FunctionError {
	if len(f.Body) == 0 {
		return failure(reason, f.Type, "The function reported an error without a message.")
	}
	errorType := f.Type
	if errorType != f.RawType {
		// Runtimes name the exception in the body; the header is for the platform's own kinds of error.
		var body struct {
			Type string `json:"errorType"`
		}
		if err := json.Unmarshal(f.Body, &body); err == nil && isErrorType(body.Type) {
			errorType = body.Type
		}
	}
	return &FunctionError{Type: errorType, Kind: "Unhandled", Payload: f.Body, Reason: reason}
}

// isErrorType reports whether a function may give its error this name. The name goes into REPORT, where a line break or
// a tab would let the function write what only the platform says.
func isErrorType(name string) bool {
	return name != "" && len(name) <= 256 && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// timedOut is the answer for a function that ran into its timeout.
func timedOut(id string, timeout time.Duration, reason Reason) *FunctionError {
	return platformError(reason, "Sandbox.Timedout", id, timedOutText(timeout))
}

func timedOutText(timeout time.Duration) string {
	return fmt.Sprintf("Task timed out after %.2f seconds", timeout.Seconds())
}

// exited is the answer for a process that ended before it had answered.
func exited(id string, state sandbox.State, starting bool) *FunctionError {
	reason, text := exitText(state)
	if starting {
		reason = ReasonInit
	}
	return platformError(reason, "Runtime.ExitError", id, text)
}

// exitText says how the runtime ended by itself.
func exitText(state sandbox.State) (reason Reason, text string) {
	reason, text = ReasonExit, "Runtime exited without providing a reason"
	if !state.Success() {
		text = "Runtime exited with error: " + state.String()
	}
	if state.Signaled() {
		reason = ReasonCrash
	}
	return reason, text
}

// checkPlace makes sure that the directory of code in place is still what it was when the function got it. Another one
// that a link leads to now may be anything.
func (f *Function) checkPlace() error {
	if f.Root == "" {
		return nil
	}
	const help = "furl runs the function's code in place: put the directory back, or name another one as S3Key"
	switch real, err := filepath.EvalSymlinks(f.CodeDir); {
	case machine.Lacking(err) != nil:
		return err
	case errors.Is(err, os.ErrNotExist):
		return setupFault("the directory %s is gone; %s", f.CodeDir, help)
	case err != nil:
		return setupFault("the directory %s cannot be read: %v; %s", f.CodeDir, err, help)
	case real != f.CodeDir:
		return setupFault("the directory %s has become a link to %s; %s", f.CodeDir, real, help)
	}
	if info, err := os.Stat(f.CodeDir); err != nil || !info.IsDir() {
		return setupFault("%s is no longer a directory; %s", f.CodeDir, help)
	}
	return nil
}

// checkExecutable makes sure that the bootstrap of code in place can be executed: in a package it is made so.
func checkExecutable(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 == 0 {
		return setupFault("%s is not executable: chmod +x %[1]s", path)
	}
	return nil
}

// entrypointVerdict is the answer if a process did not start because of the function's code, not of this machine; else
// nil.
func entrypointVerdict(id string, err error, codeDir string) *FunctionError {
	if misplaced, ok := errors.AsType[*setupError](err); ok {
		return platformError(ReasonInit, "Runtime.InvalidEntrypoint", id, misplaced.text)
	}
	failed, ok := errors.AsType[*startError](err)
	if !ok || !failed.fromPackage || !errors.As(err, new(*sandbox.StartError)) || !isEntrypointError(err) {
		return nil
	}
	return invalidEntrypoint(id, err, codeDir)
}

// invalidEntrypoint is the answer for a package whose bootstrap is missing or cannot be executed. The paths in the text
// are Lambda's, so that the answer is the same everywhere; the log line has the real one. A bootstrap outside
// of codeDir is that of a layer.
func invalidEntrypoint(id string, err error, codeDir string) *FunctionError {
	text := "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
	if failed, ok := errors.AsType[*os.PathError](err); ok && !errors.Is(err, os.ErrNotExist) {
		path := "/var/task/bootstrap"
		if filepath.Dir(failed.Path) != codeDir {
			path = "/opt/bootstrap"
		}
		text = "fork/exec " + path + ": " + failed.Err.Error()
	}
	return platformError(ReasonInit, "Runtime.InvalidEntrypoint", id, text)
}

// isEntrypointError reports whether a process did not start because of the function's package, not of this machine.
func isEntrypointError(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) ||
		errors.Is(err, syscall.ENOEXEC) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, exec.ErrNotFound)
}

func shutDown(id string) *FunctionError {
	return platformError(ReasonShutdown, "Sandbox.Failure", id, "the server is shutting down")
}

// platformError is a failure that names the request, as Lambda does where the process has failed.
func platformError(reason Reason, errorType, id, text string) *FunctionError {
	return failure(reason, errorType, "RequestId: "+id+" Error: "+text)
}

// tooLarge is Lambda's answer for a response that passes the limit. It alone has the message before the type
// (LocalStack's snapshot of test_lambda_too_large_response).
func tooLarge(limit int64) *FunctionError {
	const errorType = "Function.ResponseSizeTooLarge"
	text := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit)
	refused := failure(ReasonTooLarge, errorType, text)
	refused.Payload = fmt.Appendf(nil, `{"errorMessage":%q,"errorType":%q}`, text, errorType)
	return refused
}
