//go:build unix

package invoke

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math/bits"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/runtime"
)

// TrafficInterval is the time of one entry of a Plot.
const TrafficInterval = 10 * time.Second

const (
	intervals  = 60       // of a Plot
	maxTraffic = 64 << 20 // bytes that a Traffic keeps
)

// Traffic is how often functions were called in the last ten minutes, how that came out and how long it took. It keeps
// 64 MiB at most: those of the functions that were called last. 10,000 functions that are called every ten seconds, with
// latencies of one magnitude each, take half of that. The zero Traffic is ready, and a nil one keeps nothing.
type Traffic struct {
	mu             sync.Mutex
	most           int // bytes; zero is maxTraffic
	size           int // bytes of all series
	series         map[lambda.ARN]*series
	newest, oldest *series // a list in the order of their last calls
}

// series is the traffic of one function.
type series struct {
	function     lambda.ARN // unqualified
	newer, older *series
	last         int64      // interval of the last call
	intervals    []interval // in their order, without those that nobody called it in
}

// interval is what happened in ten seconds.
type interval struct {
	number        int64 // of ten seconds since 1970
	calls, errors uint32
	latencies     []uint32 // sparse histogram: a bin in the upper 8 bits, and how many calls are in it
}

const (
	seriesSize   = int(unsafe.Sizeof(series{})) + int(unsafe.Sizeof(lambda.ARN{})) + 64 // with its place in the map
	intervalSize = int(unsafe.Sizeof(interval{}))
	mostInBin    = 1<<24 - 1
)

// Plot is the traffic of a function, oldest first: one entry for each TrafficInterval of the last ten minutes. The last one
// is not over. Latencies are in microseconds, zero without calls, and off by 1/16 at most.
type Plot struct {
	From          time.Time
	Calls, Errors []int
	P50, P99      []int64
}

// counted is invoke, and counts the call when it has ended: a streamed one when its body is closed. An event that is
// throttled comes again, and is not counted until it runs.
func (s *Service) counted(ctx context.Context, request Request) (*runtime.Result, error) {
	began, function, queued, stream := time.Now(), request.Target.Function.ARN, request.queued, request.Stream
	record := func(failed bool) { // which holds nothing of the payload while the function runs
		s.Traffic.Record(function, s.now(), time.Since(began), failed)
	}
	result, err := s.invoke(ctx, request)
	switch {
	case err != nil:
		if !queued || !errors.Is(err, runtime.ErrBusy) {
			record(true)
		}
	case stream:
		result.Body = &countedBody{ReadCloser: result.Body, result: *result, record: record}
	default:
		record(result.FunctionError != nil)
	}
	return result, err
}

// countedBody counts a streamed call when its body is closed.
type countedBody struct {
	io.ReadCloser
	result runtime.Result // with the body itself
	record func(failed bool)
	once   sync.Once
}

// StreamError is what Result.StreamError answers.
func (b *countedBody) StreamError() *runtime.FunctionError { return b.result.StreamError() }

func (b *countedBody) Close() error {
	b.once.Do(func() { b.record(b.result.FunctionError != nil || b.result.StreamError() != nil) })
	return b.ReadCloser.Close()
}

// Record counts a call that has ended.
func (t *Traffic) Record(function lambda.ARN, at time.Time, took time.Duration, failed bool) {
	if t == nil {
		return
	}
	number := numberOf(at)
	function.Qualifier = ""
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.series[function]
	if s == nil {
		if t.series == nil {
			t.series = map[lambda.ARN]*series{}
		}
		s = &series{function: function}
		t.series[function] = s
		t.size += seriesSize
	} else {
		t.unlink(s)
	}
	s.last = number
	t.link(s)
	now := t.interval(s, number)
	now.calls = plusOne(now.calls)
	if failed {
		now.errors = plusOne(now.errors)
	}
	t.size -= 4 * cap(now.latencies)
	now.add(binOf(took))
	t.size += 4 * cap(now.latencies)
	for t.oldest != s && (t.size > cmp.Or(t.most, maxTraffic) || t.oldest.last <= number-intervals) {
		t.remove(t.oldest)
	}
}

// interval is the one with the number. Those that are too old leave the series, and those that are in the future because
// the clock went back.
func (t *Traffic) interval(s *series, number int64) *interval {
	if n := len(s.intervals); n > 0 && s.intervals[n-1].number == number {
		return &s.intervals[n-1]
	}
	t.size -= s.size()
	s.intervals = slices.DeleteFunc(s.intervals, func(one interval) bool {
		return one.number <= number-intervals || one.number >= number+intervals
	})
	at, found := slices.BinarySearchFunc(s.intervals, number, func(one interval, number int64) int {
		return cmp.Compare(one.number, number)
	})
	if !found {
		s.intervals = slices.Insert(s.intervals, at, interval{number: number})
	}
	t.size += s.size()
	return &s.intervals[at]
}

// size is what the series takes, besides its seriesSize.
func (s *series) size() int {
	size := intervalSize * cap(s.intervals)
	for i := range s.intervals {
		size += 4 * cap(s.intervals[i].latencies)
	}
	return size
}

func (t *Traffic) link(s *series) {
	s.older, s.newer = t.newest, nil
	if t.newest != nil {
		t.newest.newer = s
	} else {
		t.oldest = s
	}
	t.newest = s
}

func (t *Traffic) unlink(s *series) {
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		t.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		t.oldest = s.newer
	}
}

func (t *Traffic) remove(s *series) {
	t.unlink(s)
	delete(t.series, s.function)
	t.size -= seriesSize + s.size()
}

// forget drops the traffic of a function that was deleted.
func (t *Traffic) forget(function lambda.ARN) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.series[function.Unqualified()]; s != nil {
		t.remove(s)
	}
}

// Totals are the calls and errors of a function in the last ten minutes.
func (t *Traffic) Totals(function lambda.ARN, now time.Time) (calls, errors int) {
	t.each(function, now, func(_ int, one *interval) {
		calls += int(one.calls)
		errors += int(one.errors)
	})
	return calls, errors
}

// Plot is the traffic of a function in the last ten minutes.
func (t *Traffic) Plot(function lambda.ARN, now time.Time) Plot {
	plot := Plot{
		From:  time.Unix((numberOf(now)-intervals+1)*int64(TrafficInterval/time.Second), 0).UTC(),
		Calls: make([]int, intervals), Errors: make([]int, intervals),
		P50: make([]int64, intervals), P99: make([]int64, intervals),
	}
	t.each(function, now, func(i int, one *interval) {
		plot.Calls[i], plot.Errors[i] = int(one.calls), int(one.errors)
		slices.Sort(one.latencies)
		plot.P50[i], plot.P99[i] = one.percentile(50), one.percentile(99)
	})
	return plot
}

// each yields the intervals of a function in the last ten minutes with their place in a Plot, under the lock.
func (t *Traffic) each(function lambda.ARN, now time.Time, yield func(int, *interval)) {
	if t == nil {
		return
	}
	first := numberOf(now) - intervals + 1
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.series[function.Unqualified()]
	if s == nil {
		return
	}
	for i := range s.intervals {
		if place := s.intervals[i].number - first; place >= 0 && place < intervals {
			yield(int(place), &s.intervals[i])
		}
	}
}

func numberOf(at time.Time) int64 { return at.Unix() / int64(TrafficInterval/time.Second) }

// plusOne stays at the largest number: a clock that stands still does not begin another interval.
func plusOne(n uint32) uint32 { return max(n, n+1) }

// add counts a latency.
func (v *interval) add(bin uint32) {
	for i, cell := range v.latencies {
		if cell>>24 == bin {
			if cell&mostInBin < mostInBin {
				v.latencies[i]++
			}
			return
		}
	}
	v.latencies = append(v.latencies, bin<<24|1)
}

// percentile is the latency that so many of a hundred calls do not exceed. The latencies are sorted.
func (v *interval) percentile(percent int64) int64 {
	var total int64
	for _, cell := range v.latencies {
		total += int64(cell & mostInBin)
	}
	rank := (total*percent + 99) / 100
	for _, cell := range v.latencies {
		if rank -= int64(cell & mostInBin); rank <= 0 {
			return middleOf(cell >> 24)
		}
	}
	return 0
}

// binOf is the bin of a latency: one for each microsecond below 8, and above that eight for each power of two, up to an
// hour.
func binOf(took time.Duration) uint32 {
	micros := uint64(min(max(took, 0), time.Hour).Microseconds()) //nolint:gosec // not negative
	if micros < 8 {
		return uint32(micros) //nolint:gosec // it is below 8
	}
	power := bits.Len64(micros) - 1
	return uint32(power-2)<<3 | uint32(micros>>(power-3)&7) //nolint:gosec // the power is 3 to 31
}

// middleOf is the latency in the middle of a bin, in microseconds.
func middleOf(bin uint32) int64 {
	if bin < 8 {
		return int64(bin)
	}
	power := int64(bin>>3) + 2
	return int64(8+bin&7)<<(power-3) + int64(1)<<(power-3)>>1
}
