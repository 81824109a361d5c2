//go:build unix

package main

import (
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// pair is what two sides came to: the medians of the rounds, and the median of the ratios within the rounds, which a
// machine that is slower for a while disturbs less.
type pair struct {
	ours, theirs float64
	ratio        float64 // ours / theirs
}

// more is our time and how much more it is than theirs.
func (p pair) more() string { return fmt.Sprintf("%s, %+.1f %%", took(p.ours), 100*(p.ratio-1)) }

// rates is our rate and its share of theirs.
func (p pair) rates(of string) string { return perSecond(p.ours) + of + ", " + percent(p.ratio) }

// alternate measures two sides in turns, for as many rounds as the effort has.
func (e effort) alternate(ours, theirs func() (float64, error)) (pair, error) {
	var a, b, ratios []float64
	for range e.rounds {
		x, err := ours()
		if err != nil {
			return pair{}, err
		}
		y, err := theirs()
		if err != nil {
			return pair{}, err
		}
		a, b, ratios = append(a, x), append(b, y), append(ratios, x/y)
	}
	return pair{median(a), median(b), median(ratios)}, nil
}

// alternateWork is alternate for work of this process, in nanoseconds for one run.
func (e effort) alternateWork(ours, theirs func()) pair {
	timed := func(work func()) func() (float64, error) {
		return func() (float64, error) { return perRun(e.round, work), nil }
	}
	p, _ := e.alternate(timed(ours), timed(theirs)) // neither returns an error
	return p
}

// alternateWaits is for work that waits for another process: the time that passes counts, in nanoseconds for one run,
// and the sides take turns after each run, since how soon a process is woken changes from one moment to the next.
func (e effort) alternateWaits(ours, theirs func()) pair {
	var a, b []float64
	for end := time.Now().Add(2 * time.Duration(e.rounds) * e.round); time.Now().Before(end); {
		begin := time.Now()
		ours()
		between := time.Now()
		theirs()
		a, b = append(a, float64(between.Sub(begin))), append(b, float64(time.Since(between)))
	}
	return pair{median(a), median(b), median(a) / median(b)}
}

// repeat is the median of the rounds of one side alone, in nanoseconds for one run.
func (e effort) repeat(work func()) float64 {
	var rounds []float64
	for range e.rounds {
		rounds = append(rounds, perRun(e.round, work))
	}
	return median(rounds)
}

// latency is the median time that passes in one run of the work, in nanoseconds.
func latency(during time.Duration, work func() error) (float64, error) {
	var times []float64
	for end := time.Now().Add(during); time.Now().Before(end); {
		begin := time.Now()
		if err := work(); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(begin)))
	}
	return median(times), nil
}

// perRun is how much processor time one run of the work takes, in nanoseconds, over at least the duration.
func perRun(atLeast time.Duration, work func()) float64 {
	runtime.GC() // nobody pays for the garbage of the other side
	begin := processorTime()
	for batch, runs := 1, 0; ; batch *= 2 {
		for range batch {
			work()
		}
		runs += batch
		if took := processorTime() - begin; took >= atLeast {
			return float64(took) / float64(runs)
		}
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// must is for work whose error would be a mistake of this program.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// processorTime is how long this process has kept processors busy. Unlike the time that passes it does not count what
// other programs do meanwhile.
func processorTime() time.Duration {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
