//go:build unix

package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

// Limits of a response in bytes (AWS Lambda Developer Guide, "Lambda quotas").
const (
	MaxBufferedResponse = runtimeapi.MaxPayload
	MaxStreamedResponse = 200 << 20
)

// Response modes of Result.ResponseMode.
const (
	ModeBuffered  = "buffered"
	ModeStreaming = "streaming"
)

// Errors of Pool.Invoke, besides Exhausted. A function that fails is no error but a Result with a FunctionError.
var (
	// ErrBusy means that no environment is free and none may be started: throttle the caller.
	ErrBusy = errors.New("all environments of the function are in use")
	// ErrReserved is the ErrBusy of a function whose reserved concurrency is in use.
	ErrReserved = fmt.Errorf("%w: it has no more reserved concurrency", ErrBusy)
	// ErrUnreserved is the ErrBusy of an account whose concurrency is in use.
	ErrUnreserved = fmt.Errorf("%w: the account has no more concurrency that is not reserved", ErrBusy)
	// ErrFull is the ErrBusy of the whole pool rather than of the one function: errors.Is(ErrFull, ErrBusy).
	ErrFull = fmt.Errorf("%w: the pool holds as many environments as it may", ErrBusy)
	// ErrClosed means that the pool is draining or closed.
	ErrClosed = errors.New("the pool of execution environments is closed")
)

// Exhausted is the error of a machine that has no room for another environment. It is an ErrBusy, so that the caller is
// throttled and may come again, unless the function was Running: then it may have done its work before it ended because
// the machine refused it something.
type Exhausted struct {
	Lack    *machine.Lack
	Running bool
}

func (e *Exhausted) Error() string {
	if e.Running {
		return "the function ended while the machine had no room for it: " + e.Lack.Error()
	}
	return "no environment can be started: " + e.Lack.Error()
}

// Is makes it an ErrBusy, if the function was not running.
func (e *Exhausted) Is(target error) bool {
	return target == ErrBusy && !e.Running //nolint:errorlint // errors.Is calls it for each error
}

// Unwrap is for errors.As.
func (e *Exhausted) Unwrap() error { return e.Lack }

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
	// In a streamed invocation it yields bytes as the function writes them. It ends with io.EOF even if the function
	// failed halfway, as StreamError says then.
	Body io.ReadCloser

	// Head is what a web application says before Body; nil for a Body that is what the function itself wrote.
	Head *event.Head

	ContentType  string // as the function sent it; may be empty
	ResponseMode string // ModeStreaming if the function said it streams, else ModeBuffered
	ColdStart    bool   // an environment was started for this invocation
	Version      string // which version of the function ran

	// FunctionError is set when the invocation failed before its response began or, if the response is not
	// streamed, at any time.
	FunctionError *FunctionError

	// Ended waits until the environment is done with the invocation, and returns what is known only then. It is nil
	// in a Result that no environment made.
	Ended func() (Report, []byte)
}

// ReadAll reads Body to its end and closes it. If the function failed it answers the error's payload and sets
// FunctionError; a response longer than limit is such a failure, and a limit of zero or less is MaxBufferedResponse. A
// streamed response that broke off is none: see StreamError. The error is never the function's fault.
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
	case err != nil:
		return nil, fmt.Errorf("read the response of the function: %w", err)
	case int64(len(body)) > limit:
		r.FunctionError = tooLarge(limit)
	case failed != nil && (r.ResponseMode != ModeStreaming || failed.Reason == ReasonShutdown):
		r.FunctionError = failed
	default:
		return body, nil
	}
	return r.FunctionError.Payload, nil
}

// Report is the invocation's bill. It waits until the function asks for its next event, normally a fraction of a
// millisecond after the response, and at most until its timeout. Answer the client first.
func (r *Result) Report() Report {
	if r.Ended == nil {
		return Report{}
	}
	report, _ := r.Ended()
	return report
}

// LogTail is the end of the invocation's log, at most 4 KB, with its START, END and REPORT lines. It waits as Report
// does.
func (r *Result) LogTail() []byte {
	if r.Ended == nil {
		return nil
	}
	_, tail := r.Ended()
	return tail
}

// StreamError is how a streamed response failed after it had begun: what the function said in its trailers, or what ended
// it. It is known after Body has returned io.EOF; nil means that the response is complete.
//
// For callers of the function such a response is whole: AWS ends it in order, and no caller hears of an error. That is
// recorded for trailers, for handlers that throw, and for timeouts, in streamed and in other invocations
// (radkawar/stackd, testdata/aws/lambda/streaming.json, September 2026), and for a process that exits, of function URLs
// (hotsock/voker, examples/runtime-probe); of other invocations that is assumed.
func (r *Result) StreamError() *FunctionError {
	if s, ok := r.Body.(interface{ StreamError() *FunctionError }); ok {
		return s.StreamError()
	}
	return nil
}

// wholeBody is a response that is completely in memory.
type wholeBody struct {
	bytes.Reader
	data   []byte
	failed *FunctionError // how it failed after it had begun, if it was streamed
}

func newWholeBody(b []byte) *wholeBody {
	w := &wholeBody{data: b}
	w.Reset(b)
	return w
}

func (w *wholeBody) untouched() bool { return w.Len() == len(w.data) }

// StreamError is what Result.StreamError answers.
func (w *wholeBody) StreamError() *FunctionError { return w.failed }

// Close frees the response, which only the reader may still hold: a closed body is empty.
func (w *wholeBody) Close() error {
	w.data = nil
	w.Reset(nil)
	return nil
}

// appendLine appends the REPORT line as Lambda writes it, tabs included.
func (r *Report) appendLine(b []byte, id, status string) []byte {
	b = append(b, "REPORT RequestId: "...)
	b = append(b, id...)
	b = append(b, "\tDuration: "...)
	b = strconv.AppendFloat(b, milliseconds(r.Duration), 'f', 2, 64)
	b = append(b, " ms\tBilled Duration: "...)
	b = strconv.AppendInt(b, r.BilledDuration.Milliseconds(), 10)
	b = append(b, " ms\tMemory Size: "...)
	b = strconv.AppendInt(b, int64(r.MemoryMB), 10)
	b = append(b, " MB\t"...)
	if r.MaxMemoryMB > 0 {
		b = append(b, "Max Memory Used: "...)
		b = strconv.AppendInt(b, int64(r.MaxMemoryMB), 10)
		b = append(b, " MB\t"...)
	}
	if r.InitDuration > 0 {
		b = append(b, "Init Duration: "...)
		b = strconv.AppendFloat(b, milliseconds(r.InitDuration), 'f', 2, 64)
		b = append(b, " ms\t"...)
	}
	if status != "" {
		b = append(b, "Status: "...)
		b = append(b, status...)
	}
	return b
}
