package call

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// WriteText writes the report for people.
func (r Report) WriteText(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%d requests in %s, %.1f per second, %s received\n",
		r.Count(), r.Took.Round(time.Millisecond), float64(r.Count())/r.Took.Seconds(), size(r.Bytes))
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
	upTo  time.Duration
	count int
}

// buckets divides the times by one, two and five milliseconds and their powers of ten.
func (r Report) buckets() []bucket {
	var buckets []bucket
	rest := r.Times
	for decade := 10 * time.Microsecond; len(rest) > 0; decade *= 10 {
		for _, factor := range []time.Duration{1, 2, 5} {
			bound := decade * factor
			n, _ := slices.BinarySearch(rest, bound+1)
			if n > 0 || len(buckets) > 0 {
				buckets = append(buckets, bucket{bound, n})
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
	most := slices.MaxFunc(buckets, func(a, b bucket) int { return a.count - b.count }).count
	const width = 40
	for _, b := range buckets {
		bar := (b.count*width + most - 1) / most
		line := fmt.Sprintf("  <= %9s  %-*s %d", milliseconds(b.upTo), width, strings.Repeat("#", bar), b.count)
		out.WriteString(line + "\n")
	}
}

// WriteJSON writes the report for programs. Times are in milliseconds.
func (r Report) WriteJSON(w io.Writer) error {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	type jsonBucket struct {
		UpTo  float64 `json:"upToMs"`
		Count int     `json:"count"`
	}
	times := map[string]float64{}
	for _, p := range r.percentiles() {
		times[p.name] = ms(p.time)
	}
	histogram := []jsonBucket{}
	for _, b := range r.buckets() {
		histogram = append(histogram, jsonBucket{ms(b.upTo), b.count})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Requests  int                `json:"requests"`
		Seconds   float64            `json:"seconds"`
		PerSecond float64            `json:"perSecond"`
		Stopped   bool               `json:"stopped"`
		Bytes     int64              `json:"bytes"`
		Statuses  map[int]int        `json:"statuses"`
		Refused   any                `json:"refused"`
		Failed    map[string]int     `json:"failed"`
		Times     map[string]float64 `json:"timesMs"`
		Histogram []jsonBucket       `json:"histogram"`
	}{
		r.Count(), r.Took.Seconds(), float64(r.Count()) / r.Took.Seconds(), r.Stopped, r.Bytes, r.Statuses, r.Refused, r.Failed, times, histogram,
	})
}
