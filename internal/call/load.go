package call

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl"
)

// Bounds of a load.
const (
	maxRepeat      = 1_000_000
	maxConcurrency = 1024
)

// Load repeats one request and measures the time to the last byte of each response.
type Load struct {
	Transport   *furl.Transport
	Repeat      int           // number of requests, 1 to maxRepeat
	Concurrency int           // number of requests at one time, 1 to maxConcurrency
	Rate        float64       // number of requests that start each second; 0 to start the next when one has ended
	Timeout     time.Duration // of each request; 0 for none
	Progress    io.Writer     // the terminal on which to show how far it is, or nil
}

// Report is the result of a load. Times are of all responses, whatever their status. With a rate they count from the
// moment when the request was due, not from its start, so that they include the time a request waits for a slow server.
type Report struct {
	Took     time.Duration      `json:"-"`
	Stopped  bool               `json:"stopped"` // the load ended before all requests were sent
	Bytes    int64              `json:"bytes"`   // of the bodies received
	Statuses map[int]int        `json:"statuses"`
	Refused  map[furl.Layer]int `json:"refused"` // of the responses with status 403
	Failed   map[string]int     `json:"failed"`  // requests without a response, by their error
	Times    []time.Duration    `json:"-"`       // sorted
}

// outcome is the result of one request.
type outcome struct {
	status int
	layer  furl.Layer
	bytes  int64
	took   time.Duration
	err    error
}

// Run sends the requests. If ctx ends first, it reports the requests until then.
func (l Load) Run(ctx context.Context, p *Prepared) (Report, error) {
	switch {
	case l.Repeat < 1 || l.Repeat > maxRepeat:
		return Report{}, fmt.Errorf("--repeat is a number from 1 to %d", maxRepeat)
	case l.Concurrency < 1 || l.Concurrency > maxConcurrency:
		return Report{}, fmt.Errorf("--concurrency is a number from 1 to %d", maxConcurrency)
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
	var ended, failed atomic.Int64
	if l.Progress != nil {
		defer drawProgress(l.Progress, func(took time.Duration) string {
			return l.progressLine(ended.Load(), failed.Load(), took)
		})()
	}
	for o := range outcomes {
		report.add(o)
		ended.Add(1)
		if o.err != nil || o.status >= http.StatusBadRequest {
			failed.Add(1)
		}
	}
	slices.Sort(report.Times)
	report.Took, report.Stopped = time.Since(start), stopped
	return report, nil
}

// progressLine says how far the load is.
func (l Load) progressLine(ended, failed int64, took time.Duration) string {
	line := fmt.Sprintf("furl: %d of %d requests, %.1f per second", ended, l.Repeat, float64(ended)/took.Seconds())
	if failed > 0 {
		line += fmt.Sprintf(", %d with an error", failed)
	}
	return fmt.Sprintf("%s, %ds", line, int(took.Seconds()))
}

// schedule sends the times when requests are due. It reports whether it has sent all of them.
func (l Load) schedule(ctx context.Context, due chan<- time.Time) bool {
	start := time.Now()
	for i := range l.Repeat {
		at := time.Time{} // as soon as a worker takes it
		if l.Rate > 0 {
			at = start.Add(time.Duration(float64(i) / l.Rate * float64(time.Second)))
			select {
			case <-time.After(time.Until(at)):
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
	refusal, _ := furl.RefusalOf(resp)
	o.layer = refusal.Layer
	o.bytes, o.err = io.Copy(io.Discard, resp.Body)
	return o
}

// maxErrors bounds how many different errors a report counts separately.
const maxErrors = 16

func (r *Report) add(o outcome) {
	if o.err != nil {
		if errors.Is(o.err, context.Canceled) {
			return // the load was stopped, and with it this request
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

// Percentile returns the time that the share of the responses, 0 to 1, did not exceed.
func (r Report) Percentile(share float64) time.Duration {
	if len(r.Times) == 0 {
		return 0
	}
	i := int(share*float64(len(r.Times))+0.9999999) - 1
	return r.Times[min(max(i, 0), len(r.Times)-1)]
}

// Mean returns the mean of the times.
func (r Report) Mean() time.Duration {
	var sum time.Duration
	for _, t := range r.Times {
		sum += t
	}
	return sum / time.Duration(max(len(r.Times), 1))
}

// Count returns the number of requests that ended.
func (r Report) Count() int {
	n := len(r.Times)
	for _, failed := range r.Failed {
		n += failed
	}
	return n
}

// WriteText writes the report for people.
func (r Report) WriteText(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%d requests in %s, %.1f per second, %s received\n",
		r.Count(), r.Took.Round(time.Millisecond), float64(r.Count())/r.Took.Seconds(), byteSize(r.Bytes))
	if r.Stopped {
		out.WriteString("stopped before all were sent\n")
	}
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		fmt.Fprintf(&out, "  %6d  %d %s\n", r.Statuses[status], status, http.StatusText(status))
	}
	for _, layer := range slices.Sorted(maps.Keys(r.Refused)) {
		fmt.Fprintf(&out, "  %6d  of them refused by %s\n", r.Refused[layer], layer)
	}
	for _, text := range slices.Sorted(maps.Keys(r.Failed)) {
		fmt.Fprintf(&out, "  %6d  %s\n", r.Failed[text], text)
	}
	if len(r.Times) > 0 {
		out.WriteString("time to the last byte\n")
		for _, p := range r.percentiles() {
			fmt.Fprintf(&out, "  %6s  %s\n", p.name, milliseconds(p.time))
		}
		r.histogram(&out)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

type percentile struct {
	name string
	time time.Duration
}

func (r Report) percentiles() []percentile {
	return []percentile{
		{"min", r.Percentile(0)}, {"mean", r.Mean()}, {"p50", r.Percentile(0.5)}, {"p90", r.Percentile(0.9)},
		{"p95", r.Percentile(0.95)}, {"p99", r.Percentile(0.99)}, {"p99.9", r.Percentile(0.999)}, {"max", r.Percentile(1)},
	}
}

// bucket is a bar of the histogram: the times above the bar before it and up to a bound.
type bucket struct {
	UpTo  milliseconds `json:"upToMs"`
	Count int          `json:"count"`
}

// buckets divides the times by one, two and five milliseconds and their powers of ten.
func (r Report) buckets() []bucket {
	buckets := []bucket{} // in JSON a list even if there are none
	rest := r.Times
	for decade := 10 * time.Microsecond; len(rest) > 0; decade *= 10 {
		for _, factor := range []time.Duration{1, 2, 5} {
			bound := decade * factor
			n, _ := slices.BinarySearch(rest, bound+1)
			if n > 0 || len(buckets) > 0 {
				buckets = append(buckets, bucket{milliseconds(bound), n})
			}
			if rest = rest[n:]; len(rest) == 0 {
				break
			}
		}
	}
	return buckets
}

func (r Report) histogram(out *strings.Builder) {
	buckets := r.buckets()
	most := slices.MaxFunc(buckets, func(a, b bucket) int { return a.Count - b.Count }).Count
	const width = 40
	for _, b := range buckets {
		bar := strings.Repeat("#", (b.Count*width+most-1)/most)
		fmt.Fprintf(out, "  <= %9s  %-*s %d\n", b.UpTo, width, bar, b.Count)
	}
}

// WriteJSON writes the report for programs. Times are in milliseconds.
func (r Report) WriteJSON(w io.Writer) error {
	times := map[string]milliseconds{}
	for _, p := range r.percentiles() {
		times[p.name] = milliseconds(p.time)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Requests  int     `json:"requests"`
		Seconds   float64 `json:"seconds"`
		PerSecond float64 `json:"perSecond"`
		Report
		Times     map[string]milliseconds `json:"timesMs"`
		Histogram []bucket                `json:"histogram"`
	}{r.Count(), r.Took.Seconds(), float64(r.Count()) / r.Took.Seconds(), r, times, r.buckets()})
}
