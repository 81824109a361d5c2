package runtime

import (
	"errors"
	"slices"

	"github.com/furl-dev/furl/internal/metric"
)

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
	ReasonError, ReasonTimeout, ReasonExit, ReasonCrash, ReasonInit, ReasonInitTimeout, ReasonTooLarge, ReasonBadResponse,
	ReasonShutdown,
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

// outcomeOf is the outcome of an invocation with the error, or else with the failure of the function. Both nil is an
// answer.
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

// Collectors are the metrics of the pool.
func (p *Pool) Collectors() []metric.Collector {
	all := p.outcomes.Collectors("furl_invocations_total", "Invocations of functions, by how they came out.",
		"outcome", outcomes())
	var names []string
	for s := range dead {
		names = append(names, s.String())
	}
	return append(all, metric.Gauges("furl_environments", "Execution environments, by the stage of their life.",
		"stage", names, p.census))
}

// census is how many environments are at each stage of their life.
func (p *Pool) census() []float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := make([]float64, stages)
	for e := range p.living {
		counts[e.life.stage()]++
	}
	return counts[:dead]
}
