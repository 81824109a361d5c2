package trace

import (
	"sync/atomic"

	"github.com/furl-dev/furl/internal/metric"
)

// Kept is how many traces a Recorder keeps.
const Kept = 1000

// Recorder keeps the latest traces. It is safe for concurrent use; recording takes no lock. The zero Recorder is
// empty and ready.
type Recorder struct {
	slots [Kept]atomic.Pointer[Trace]
	next  atomic.Uint64
}

// Record keeps a finished trace in place of the oldest.
func (r *Recorder) Record(t *Trace) {
	r.slots[(r.next.Add(1)-1)%Kept].Store(t)
}

// Collectors are the metrics of the traces.
func (r *Recorder) Collectors() []metric.Collector {
	recorded := func() float64 { return float64(r.next.Load()) }
	kept := func() float64 { return min(recorded(), Kept) }
	return []metric.Collector{
		metric.Counter("furl_traces_total", "Traces that were recorded.", recorded),
		metric.Gauge("furl_traces_kept", "Traces that are kept.", kept),
	}
}

// Find is the trace of the request, if it is still kept.
func (r *Recorder) Find(requestID string) (*Trace, bool) {
	for _, trace := range r.latest() {
		if trace.RequestID == requestID {
			return trace, true
		}
	}
	return nil, false
}

// Latest is up to n of the latest traces, newest first.
func (r *Recorder) Latest(n int) []*Trace {
	latest := r.latest()
	return latest[:min(n, len(latest))]
}

func (r *Recorder) latest() []*Trace {
	end := r.next.Load()
	latest := make([]*Trace, 0, Kept)
	for i := range uint64(Kept) {
		if i >= end {
			break
		}
		if trace := r.slots[(end-1-i)%Kept].Load(); trace != nil {
			latest = append(latest, trace)
		}
	}
	return latest
}
