package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// The payloads here are word for word those of Lambda, as recorded from the service and as its own emulator
// (aws-lambda-runtime-interface-emulator, packages rapid and fatalerror) writes them.

// reported is an error that the function told the Runtime API. Its body goes to the caller as it is.
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

// isErrorType reports whether the function may name its error so. The name goes into REPORT, where a line break or a tab
// would let the function write what only the platform says.
func isErrorType(name string) bool {
	return name != "" && len(name) <= 256 && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// timedOut is the answer for a function that ran into its timeout.
func timedOut(id string, timeout time.Duration, reason Reason) *FunctionError {
	return failure(reason, "Sandbox.Timedout", "RequestId: "+id+" Error: "+timedOutText(timeout))
}

func timedOutText(timeout time.Duration) string {
	return fmt.Sprintf("Task timed out after %.2f seconds", timeout.Seconds())
}

// exited is the answer for a process that ended before it had answered.
func exited(id string, state sandbox.State, starting bool) *FunctionError {
	text := "Runtime exited without providing a reason"
	reason := ReasonExit
	if !state.Success() {
		text = "Runtime exited with error: " + state.String()
	}
	if state.Signaled() {
		reason = ReasonCrash
	}
	if starting {
		reason = ReasonInit
	}
	return failure(reason, "Runtime.ExitError", "RequestId: "+id+" Error: "+text)
}

// invalidEntrypoint is the answer for a package whose bootstrap is missing or can not be executed. The paths in the
// text are Lambda's, so that the answer is the same everywhere; the log line tells the real one.
func invalidEntrypoint(id string, err error) *FunctionError {
	text := "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
	var failed *os.PathError
	if errors.As(err, &failed) && !errors.Is(err, os.ErrNotExist) {
		text = "fork/exec /var/task/bootstrap: " + failed.Err.Error()
	}
	return failure(ReasonInit, "Runtime.InvalidEntrypoint", "RequestId: "+id+" Error: "+text)
}

// isEntrypointError tells errors of the function's package from those of this machine when a process does not start.
func isEntrypointError(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) ||
		errors.Is(err, syscall.ENOEXEC) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, exec.ErrNotFound)
}

func shutDown(id string) *FunctionError {
	return failure(ReasonShutdown, "Sandbox.Failure", "RequestId: "+id+" Error: the server is shutting down")
}
