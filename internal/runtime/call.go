//go:build unix

package runtime

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/metric"
)

// call is one invocation on its way through an environment. It is answered once, when the response or the error is
// known, and finished once, when the environment is done with it.
type call struct {
	in          Invocation
	fn          *Function
	cold        bool      // an environment was started for it
	lateInit    bool      // the first start ran into the init timeout: this one counts against the function's timeout
	patient     time.Time // until when it waits for the only environment there can be; zero if it does not wait yet
	secondPort  bool      // an environment that has found its port taken was given a second chance
	secondStart bool      // an environment that was refused a thread was given another chance, with more room
	started     time.Time // of the event's delivery, or of the late init
	deadline    time.Time
	init        time.Duration // of the environment that was started for it
	tail        logTail

	course *course // nil unless somebody wants telemetry; guarded by the environment's lock

	answers  chan answer   // holds one
	done     chan struct{} // closed when report, tail and verdict are final
	handed   bool          // the function has the event; guarded by the environment's lock
	complete bool          // the function has answered in full; guarded by the environment's lock

	report  Report
	verdict *FunctionError // how the environment failed the call, nil if it did not; final with done

	outcomes *metric.Tally[outcome] // of the pool

	mu        sync.Mutex
	answered  bool
	abandoned bool // the caller went away
}

// course is when an invocation came how far.
type course struct {
	responded time.Time // the response began
	completed time.Time // and was complete
	asked     time.Time // the runtime asked for the next event, or failed
	produced  int64     // bytes of the response
}

type answer struct {
	result *Result
	err    error
}

func newCall(fn *Function, in Invocation, outcomes *metric.Tally[outcome]) *call {
	if in.InvokedFunctionARN == "" {
		in.InvokedFunctionARN = fn.ARN
	}
	return &call{in: in, fn: fn, outcomes: outcomes, answers: make(chan answer, 1), done: make(chan struct{})}
}

// answer gives the caller its result or error, unless it has one. It closes a result that nobody waits for, so that the
// function can go on: Lambda runs a function to its end whether or not the client is still there.
func (c *call) answer(result *Result, err error) {
	if result != nil {
		result.Ended, result.ColdStart, result.Version = c.ended, c.cold, c.fn.Version
	}
	c.mu.Lock()
	first, abandoned := !c.answered, c.abandoned
	c.answered = true
	c.mu.Unlock()
	if first {
		c.count(result, err)
	}
	switch {
	case !first:
	case abandoned:
		if result != nil {
			result.Body.Close()
		}
	default:
		c.answers <- answer{result, err}
	}
}

// count notes how the call came out, unless its answer is just beginning.
func (c *call) count(result *Result, err error) {
	if result == nil {
		c.outcomes.Add(outcomeOf(err, nil))
	} else if _, streams := result.Body.(*streamBody); !streams {
		c.outcomes.Add(outcomeOf(nil, cmp.Or(result.FunctionError, result.StreamError())))
	}
}

// answerWhole answers with all of a streamed response.
func (c *call) answerWhole(result *Result, body *streamBody) {
	data, _ := io.ReadAll(body) // its end is no error
	failed := body.StreamError()
	if failed != nil && (failed.Reason == ReasonTooLarge || failed.Reason == ReasonShutdown) {
		c.fail(failed)
		return
	}
	whole := newWholeBody(data)
	whole.failed, result.Body = failed, whole
	c.answer(result, nil)
}

// fail answers with a function error.
func (c *call) fail(failed *FunctionError) {
	c.answer(&Result{
		Body:          newWholeBody(failed.Payload),
		ContentType:   "application/json",
		ResponseMode:  ModeBuffered,
		FunctionError: failed,
	}, nil)
}

// abandon notes that the caller no longer waits.
func (c *call) abandon() {
	c.mu.Lock()
	answered := c.answered
	c.abandoned = true
	c.mu.Unlock()
	if answered {
		if a := <-c.answers; a.result != nil {
			a.result.Body.Close()
		}
	}
}

// patience is how long the call still waits for the only environment there can be: as long as that may be busy.
func (c *call) patience() time.Duration {
	if c.patient.IsZero() {
		c.patient = time.Now().Add(c.fn.Timeout)
	}
	return time.Until(c.patient)
}

// begin starts the clock, unless a late init has started it.
func (c *call) begin(now time.Time) {
	if c.deadline.IsZero() {
		c.started = now
		c.deadline = now.Add(c.fn.Timeout)
	}
}

func (c *call) ended() (Report, []byte) {
	<-c.done
	return c.report, c.tail.bytes()
}

// outcome is how an invocation came out: one of these, or above them the reason of a FunctionError.
type outcome uint8

const (
	outcomeAnswered   outcome = iota // the function answered, in a stream to its end or to where the client left
	outcomeThrottled                 // no environment was free
	outcomeClosed                    // the pool is closing
	outcomeNotStarted                // no process could be started
	outcomeFailed                    // for reasons[0], and so on
)

// reasons are those of a FunctionError, in the order of their outcomes.
var reasons = [...]Reason{
	ReasonError, ReasonTimeout, ReasonExit, ReasonCrash, ReasonInit, ReasonInitTimeout, ReasonTooLarge,
	ReasonBadResponse, ReasonExtension, ReasonShutdown,
}

// String is the value of the label.
func (o outcome) String() string {
	if o >= outcomeFailed {
		return string(reasons[o-outcomeFailed])
	}
	return [outcomeFailed]string{"answered", "throttled", "closed", "not-started"}[o]
}

func outcomes() []outcome {
	var all []outcome
	for o := range outcomeFailed + outcome(len(reasons)) {
		all = append(all, o)
	}
	return all
}

// outcomeOf is the outcome of an invocation with an error, or else with a failure of the function. It is an answer if
// both are nil.
func outcomeOf(err error, failed *FunctionError) outcome {
	switch {
	case errors.Is(err, ErrBusy):
		return outcomeThrottled
	case errors.Is(err, ErrClosed):
		return outcomeClosed
	case err != nil:
		return outcomeNotStarted
	case failed == nil:
		return outcomeAnswered
	}
	return outcomeFailed + outcome(max(0, slices.Index(reasons[:], failed.Reason)))
}
