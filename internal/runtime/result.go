package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Limits of a response in bytes (AWS Lambda Developer Guide, "Lambda quotas"; the odd hundred is what the service
// grants and names in its error).
const (
	MaxBufferedResponse = 6*1024*1024 + 100
	MaxStreamedResponse = 200 * 1024 * 1024
)

// Response modes of Result.ResponseMode.
const (
	ModeBuffered  = "buffered"
	ModeStreaming = "streaming"
)

// Errors of Pool.Invoke. A function that fails is no error but a Result with a FunctionError.
var (
	// ErrBusy means that no environment is free and none may be started: throttle the caller.
	ErrBusy = errors.New("all environments of the function are in use")
	// ErrFull is the ErrBusy of the whole pool rather than of the one function: errors.Is(ErrFull, ErrBusy).
	ErrFull = fmt.Errorf("%w: the pool holds as many environments as it may", ErrBusy)
	// ErrClosed means that the pool is draining or closed. See also Exhausted.
	ErrClosed = errors.New("the pool of execution environments is closed")
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
	ReasonShutdown    Reason = "shutdown"     // the pool was closed under it
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

// Report is what the REPORT line says of one invocation.
type Report struct {
	Duration       time.Duration // from the event's delivery to the function's readiness for the next one
	BilledDuration time.Duration // Duration and InitDuration in whole milliseconds, rounded up
	InitDuration   time.Duration // zero for a warm environment
	MemoryMB       int
	MaxMemoryMB    int // the process's largest resident size so far; zero where the system does not tell
}

// Result is the answer to one invocation. The caller must close Body: until it is read to the end or closed the
// function waits, as far as sockets do not buffer, and the environment is not reused.
type Result struct {
	// Body is the response. When FunctionError is set it is FunctionError.Payload.
	//
	// Of a streamed invocation it yields bytes as the function writes them; a read error, and then
	// StreamError, says that the function failed half way.
	Body io.ReadCloser

	ContentType  string // as the function sent it; may be empty
	ResponseMode string // ModeStreaming if the function said it streams, else ModeBuffered
	ColdStart    bool   // an environment was started for this invocation

	// FunctionError is set when the invocation failed before its response began, or, if Invocation.Stream was
	// not set, at all.
	FunctionError *FunctionError

	// Ended waits until the environment is done with the invocation, and returns what is known only then. It is nil
	// in a Result that no environment made.
	Ended func() (Report, []byte)
}

// ReadAll reads Body to its end and closes it. If the function failed, now or half way through a stream, it answers
// the error's payload and sets FunctionError. A response longer than limit is such a failure; a limit of zero or
// less is MaxBufferedResponse. The error is never the function's fault.
func (r *Result) ReadAll(limit int64) ([]byte, error) {
	defer r.Body.Close()
	if limit <= 0 {
		limit = MaxBufferedResponse
	}
	if r.FunctionError != nil {
		return r.FunctionError.Payload, nil
	}
	if whole, ok := r.Body.(*wholeBody); ok && whole.untouched() && whole.Size() <= limit {
		return whole.data, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch failed := r.StreamError(); {
	case failed != nil:
		r.FunctionError = failed
	case err != nil:
		return nil, fmt.Errorf("read the response of the function: %w", err)
	case int64(len(body)) > limit:
		r.FunctionError = tooLarge(limit)
	default:
		return body, nil
	}
	return r.FunctionError.Payload, nil
}

// wholeBody is a response that is completely in memory.
type wholeBody struct {
	bytes.Reader
	data []byte
}

func newWholeBody(b []byte) *wholeBody {
	w := &wholeBody{data: b}
	w.Reset(b)
	return w
}

func (w *wholeBody) untouched() bool { return w.Len() == len(w.data) }

// Close lets go of the response, which may be held on to by nobody but the reader: a closed body is empty.
func (w *wholeBody) Close() error {
	w.data = nil
	w.Reset(nil)
	return nil
}

// tooLarge is Lambda's answer for a response that passes the limit.
func tooLarge(limit int64) *FunctionError {
	return failure(ReasonTooLarge, "Function.ResponseSizeTooLarge",
		fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit))
}
