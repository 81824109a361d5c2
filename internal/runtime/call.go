package runtime

import (
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/metric"
)

// call is one invocation on its way through an environment. It is answered once, when the response or the error is
// known, and finished once, when the environment is done with it.
type call struct {
	in       Invocation
	fn       *Function
	cold     bool      // an environment was started for it
	lateInit bool      // the first start ran into the init timeout; this one counts against the function's own
	started  time.Time // of the event's delivery, or of the late init
	deadline time.Time
	init     time.Duration // of the environment that was started for it
	tail     logTail

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

// answer gives the caller its result or error, unless it has one. A result that nobody waits for is closed, so that
// the function can go on: Lambda runs a function to its end whether or not the client is still there.
func (c *call) answer(result *Result, err error) {
	if result != nil {
		result.Ended, result.ColdStart = c.ended, c.cold
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

// count notes how the call came out, unless its answer is only beginning.
func (c *call) count(result *Result, err error) {
	if result == nil {
		c.outcomes.Add(outcomeOf(err, nil))
	} else if _, streams := result.Body.(*streamBody); !streams {
		c.outcomes.Add(outcomeOf(nil, result.FunctionError))
	}
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

// abandon says that the caller waits no longer.
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

// begin starts the clock, unless a late init has started it.
func (c *call) begin(now time.Time) {
	if c.deadline.IsZero() {
		c.started = now
		c.deadline = now.Add(c.fn.Timeout)
	}
}

// Report is the invocation's bill. It waits until the environment is done with the invocation: until the function
// asks for its next event, normally a fraction of a millisecond after the response, at most until its timeout. Answer
// the client first.
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

func (c *call) ended() (Report, []byte) {
	<-c.done
	return c.report, c.tail.bytes()
}

// StreamError tells how a streamed response failed half way: what the function said in its trailers, or what ended
// it. It is known after Body has returned an error or io.EOF; nil means that the response is complete.
func (r *Result) StreamError() *FunctionError {
	if s, ok := r.Body.(interface{ StreamError() *FunctionError }); ok {
		return s.StreamError()
	}
	return nil
}
