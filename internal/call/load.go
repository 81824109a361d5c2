package call

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/furl-dev/furl"
)

// Bounds of a load.
const (
	MaxRepeat      = 1_000_000
	MaxConcurrency = 1024
)

// Load repeats one request and measures how long the responses take, each to its last byte.
type Load struct {
	Transport   *furl.Transport
	Repeat      int           // how often, 1 to MaxRepeat
	Concurrency int           // how many at one time, 1 to MaxConcurrency
	Rate        float64       // how many begin in a second; 0: as soon as one before has ended
	Timeout     time.Duration // of each; 0: none
}

// Report is what a load came to. Durations are of responses, whatever their status. With a rate they count from when
// the request was due, not from when it could begin, so that a slow server does not hide behind its own queue.
type Report struct {
	Took     time.Duration
	Statuses map[int]int
	Refused  map[furl.Layer]int // of those with status 403
	Failed   map[string]int     // requests without a response, by their error
	Bytes    int64              // of the bodies received
	Times    []time.Duration    // sorted
	Stopped  bool               // before all were sent
}

// outcome is what one request came to.
type outcome struct {
	status int
	layer  furl.Layer
	bytes  int64
	took   time.Duration
	err    error
}

// Run sends the requests. It ends early if ctx does, and reports what there is until then.
func (l Load) Run(ctx context.Context, p *Prepared) (Report, error) {
	switch {
	case l.Repeat < 1 || l.Repeat > MaxRepeat:
		return Report{}, errors.New("--repeat is a number from 1 to 1000000")
	case l.Concurrency < 1 || l.Concurrency > MaxConcurrency:
		return Report{}, errors.New("--concurrency is a number from 1 to 1024")
	case l.Rate < 0:
		return Report{}, errors.New("--rate is a number of requests per second")
	}
	release, err := furl.Rewindable(p.HTTP, 0)
	if err != nil {
		return Report{}, err
	}
	defer release()

	start := time.Now()
	due := make(chan time.Time)
	outcomes := make(chan outcome, l.Concurrency)
	var workers sync.WaitGroup
	for range min(l.Concurrency, l.Repeat) {
		workers.Go(func() {
			for at := range due {
				outcomes <- l.one(ctx, p.HTTP, at)
			}
		})
	}
	stopped := false
	go func() {
		stopped = !l.schedule(ctx, due)
		close(due)
		workers.Wait()
		close(outcomes)
	}()
	report := Report{Statuses: map[int]int{}, Refused: map[furl.Layer]int{}, Failed: map[string]int{}}
	for o := range outcomes {
		report.add(o)
	}
	slices.Sort(report.Times)
	report.Took, report.Stopped = time.Since(start), stopped
	return report, nil
}

// schedule says when requests are due. It reports whether it could say so of all.
func (l Load) schedule(ctx context.Context, due chan<- time.Time) bool {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range l.Repeat {
		at := time.Time{} // as soon as a worker takes it
		if l.Rate > 0 {
			at = start.Add(time.Duration(float64(i) / l.Rate * float64(time.Second)))
			timer.Reset(time.Until(at))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return false
			}
		}
		select {
		case due <- at:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// one sends the request once.
func (l Load) one(ctx context.Context, template *http.Request, due time.Time) (o outcome) {
	if due.IsZero() {
		due = time.Now()
	}
	if l.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, l.Timeout, ErrTimeout)
		defer cancel()
	}
	defer func() {
		o.took = time.Since(due)
		if o.err != nil {
			o.err = unwrapTimeout(ctx, o.err)
		}
	}()
	r := template.WithContext(ctx)
	if template.GetBody != nil {
		if r.Body, o.err = template.GetBody(); o.err != nil {
			return o
		}
	}
	resp, err := l.Transport.RoundTrip(r)
	if err != nil {
		return outcome{err: err}
	}
	defer resp.Body.Close()
	o.status = resp.StatusCode
	if refusal, ok := furl.RefusalOf(resp); ok {
		o.layer = refusal.Layer
	}
	o.bytes, o.err = io.Copy(io.Discard, resp.Body)
	return o
}

// maxErrors bounds how many different errors are told apart.
const maxErrors = 16

func (r *Report) add(o outcome) {
	if o.err != nil {
		if errors.Is(o.err, context.Canceled) {
			return // the load was stopped; nothing is known of this one
		}
		text := o.err.Error()
		if _, known := r.Failed[text]; !known && len(r.Failed) >= maxErrors {
			text = "other errors"
		}
		r.Failed[text]++
		return
	}
	r.Statuses[o.status]++
	if o.layer != "" {
		r.Refused[o.layer]++
	}
	r.Bytes += o.bytes
	r.Times = append(r.Times, o.took)
}

// Percentile is the time that share of the responses, 0 to 1, did not exceed.
func (r Report) Percentile(share float64) time.Duration {
	if len(r.Times) == 0 {
		return 0
	}
	i := int(share*float64(len(r.Times))+0.9999999) - 1
	return r.Times[min(max(i, 0), len(r.Times)-1)]
}

// Mean is the mean of the times.
func (r Report) Mean() time.Duration {
	var sum time.Duration
	for _, t := range r.Times {
		sum += t
	}
	return sum / time.Duration(max(len(r.Times), 1))
}

// Count is how many requests have come to something.
func (r Report) Count() int {
	n := len(r.Times)
	for _, failed := range r.Failed {
		n += failed
	}
	return n
}
