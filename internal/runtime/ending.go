package runtime

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// notStarted cleans up after a start that failed, and answers whom it was for.
func (e *environment) notStarted(err error) {
	e.mu.Lock()
	e.life.end(dead)
	c := e.call
	e.call = nil
	e.mu.Unlock()
	e.pool.remove(e)
	var failed *startError
	var program *sandbox.StartError
	if errors.As(err, &failed) && failed.fromPackage && errors.As(err, &program) && isEntrypointError(err) {
		// The package's fault, not this machine's.
		e.log.begin(c)
		e.log.platform(failed.Error())
		c.begin(time.Now())
		verdict := invalidEntrypoint(c.in.RequestID, err)
		e.finish(c, "error\tError Type: "+verdict.Type, verdict)
		c.fail(verdict)
	} else {
		e.pool.warnOfShortage(err)
		close(c.done)
		c.answer(nil, err)
	}
	e.close()
}

// gone cleans up after the process and answers the call that it left behind.
func (e *environment) gone(state sandbox.State) {
	e.mu.Lock()
	e.life.end(dead)
	e.timer.Stop()
	c, stream, killed := e.call, e.stream, e.killed
	e.call = nil
	complete := c != nil && c.complete
	e.mu.Unlock()

	e.log.close()
	shortage := e.shortage(killed)
	switch {
	case c == nil:
		e.pool.remove(e)
	case shortage != nil && e.initialised && !complete && stream == nil:
		e.pool.remove(e)
		e.pool.warnOfShortage(shortage)
		verdict := e.verdict(c, state, killed)
		e.finish(c, e.logVerdict(c, verdict), verdict)
		c.answer(nil, shortage)
	case shortage != nil && !e.initialised:
		e.pool.remove(e)
		e.pool.warnOfShortage(shortage)
		close(c.done)
		c.answer(nil, shortage)
	case !e.initialised && killed == ReasonInitTimeout:
		e.reportInit("timeout")
		c.lateInit = true
		e.pool.replace(e, c)
	case complete:
		e.pool.remove(e)
		status := ""
		if killed == ReasonTimeout {
			e.logTimeout(c)
			status = "timeout"
		}
		e.finish(c, status, nil)
	default:
		e.pool.remove(e)
		verdict := e.verdict(c, state, killed)
		e.finish(c, e.logVerdict(c, verdict), verdict)
		c.fail(verdict)
	}
	if stream != nil {
		// What the function wrote before it ended is still in the connection.
		select {
		case <-stream.over:
		case <-e.pool.ctx.Done():
		}
	}
	e.close()
}

// close releases what the environment holds of this machine. It may be started again then.
func (e *environment) close() {
	if e.api != nil {
		e.api.Close() //nolint:errcheck // closing a listener twice is no harm
	}
	if e.log != nil {
		e.log.close()
		e.removeDir()
	}
}

// verdict is why the process did not answer.
func (e *environment) verdict(c *call, state sandbox.State, killed Reason) *FunctionError {
	id := c.in.RequestID
	switch {
	case killed == ReasonTimeout && !e.initialised:
		return timedOut(id, e.fn.Timeout, ReasonInitTimeout)
	case killed == ReasonTimeout:
		return timedOut(id, e.fn.Timeout, ReasonTimeout)
	case killed == ReasonShutdown:
		return shutDown(id)
	case e.initFailure != nil:
		return reported(e.initFailure, ReasonInit)
	default:
		return exited(id, state, !e.initialised)
	}
}

// logVerdict writes the lines that Lambda writes about a failure of the process, and answers the status for REPORT.
func (e *environment) logVerdict(c *call, verdict *FunctionError) string {
	if !e.initialised && !c.lateInit {
		e.reportInit("error\tError Type: " + verdict.Type)
	}
	if !e.initialised || c.deadline.IsZero() { // its event was not delivered
		c.begin(e.born)
		e.log.begin(c)
	}
	switch verdict.Reason {
	case ReasonTimeout, ReasonInitTimeout:
		e.logTimeout(c)
		return "timeout"
	case ReasonExit, ReasonCrash, ReasonInit:
		if e.initFailure == nil {
			e.log.platform(verdict.message)
			e.log.platform(verdict.Type)
		}
	default:
	}
	if e.pool.sandbox.MayExplain(verdict.Payload) || e.log.shows(e.pool.sandbox.MayExplain) {
		e.log.platform(sandboxRemark)
	}
	return "error\tError Type: " + verdict.Type
}

func (e *environment) logTimeout(c *call) {
	now := e.pool.now().UTC().Format("2006-01-02T15:04:05.000Z")
	e.log.platform(now + " " + c.in.RequestID + " " + timedOutText(e.fn.Timeout))
}

// reportInit writes the line of an initialisation that failed; one that succeeds shows in REPORT.
func (e *environment) reportInit(status string) {
	e.log.platform(fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: %s",
		milliseconds(time.Since(e.born)), status))
}

// finish ends the log of an invocation and makes its report final. Status is empty or what REPORT says after
// "Status: ".
func (e *environment) finish(c *call, status string, verdict *FunctionError) {
	duration := time.Since(c.started)
	if status == "timeout" {
		duration = e.fn.Timeout
	}
	c.verdict = verdict
	c.report = Report{
		Duration:       duration,
		InitDuration:   c.init,
		BilledDuration: time.Duration(math.Ceil(milliseconds(duration+c.init))) * time.Millisecond,
		MemoryMB:       e.fn.MemoryMB,
		MaxMemoryMB:    e.peakMemoryMB(),
	}
	e.log.end(c, status)
	close(c.done)
}

// peakMemoryMB is the largest resident size that the function's processes have had, zero if unknown.
func (e *environment) peakMemoryMB() int {
	if e.process == nil {
		return 0
	}
	return e.process.PeakMB(time.Now())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
