//go:build unix

package invoke_test

import (
	"errors"
	"io"
	"math"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func named(name string) lambda.ARN { return lambda.ARN{Region: "eu-west-1", Account: account, Name: name} }

func TestPlotIsOfTheLastTenMinutes(t *testing.T) {
	var traffic invoke.Traffic
	traffic.Record(named("f"), noon.Add(-10*time.Minute), time.Second, true)
	traffic.Record(named("f"), noon.Add(-590*time.Second), 5*time.Microsecond, false)
	alias := named("f")
	alias.Qualifier = "live"
	traffic.Record(alias, noon.Add(9*time.Second), 7*time.Microsecond, true)
	traffic.Record(named("g"), noon, 0, false)
	plot := traffic.Plot(alias, noon.Add(9*time.Second))
	if !plot.From.Equal(noon.Add(-590*time.Second)) || len(plot.Calls) != 60 || len(plot.Errors) != 60 {
		t.Fatalf("the plot begins at %s and has %d entries", plot.From, len(plot.Calls))
	}
	if plot.Calls[0] != 1 || plot.Errors[0] != 0 || plot.P50[0] != 5 || plot.Calls[59] != 1 || plot.Errors[59] != 1 ||
		plot.P99[59] != 7 || plot.P99[30] != 0 {
		t.Errorf("%+v", plot)
	}
	if calls, errors := traffic.Totals(named("f"), noon); calls != 2 || errors != 1 {
		t.Errorf("%d calls and %d errors in all", calls, errors)
	}
	if calls, _ := traffic.Totals(named("f"), noon.Add(time.Hour)); calls != 0 {
		t.Errorf("%d calls after an hour", calls)
	}
}

func TestLatenciesAreOffByASixteenth(t *testing.T) {
	for micros := int64(1); micros < time.Hour.Microseconds(); micros += micros/7 + 1 {
		var traffic invoke.Traffic
		traffic.Record(named("f"), noon, time.Duration(micros)*time.Microsecond, false)
		got := traffic.Plot(named("f"), noon).P50[59]
		if math.Abs(float64(got-micros)) > float64(micros)/16 {
			t.Errorf("%d µs became %d", micros, got)
		}
	}
}

func TestPercentilesAreOfTheNearestRank(t *testing.T) {
	var traffic invoke.Traffic
	for i := range 100 {
		took := 2 * time.Microsecond
		if i >= 49 {
			took = 4 * time.Microsecond
		}
		if i == 99 {
			took = 6 * time.Microsecond
		}
		traffic.Record(named("f"), noon, took, false)
	}
	if plot := traffic.Plot(named("f"), noon); plot.P50[59] != 4 || plot.P99[59] != 4 {
		t.Errorf("p50 %d, p99 %d", plot.P50[59], plot.P99[59])
	}
	traffic.Record(named("f"), noon, -time.Hour, false)
	traffic.Record(named("f"), noon, 1000*time.Hour, false)
	if plot := traffic.Plot(named("f"), noon); plot.Calls[59] != 102 || plot.P99[59] != 6 {
		t.Errorf("%d calls, p99 %d", plot.Calls[59], plot.P99[59])
	}
}

func TestTrafficWhenTheClockGoesBack(t *testing.T) {
	var traffic invoke.Traffic
	traffic.Record(named("f"), noon.Add(24*time.Hour), 0, false)
	traffic.Record(named("f"), noon, 0, true)
	traffic.Record(named("f"), noon.Add(-10*time.Second), 0, false) // it ended before, and is counted after
	if calls, errors := traffic.Totals(named("f"), noon); calls != 2 || errors != 1 {
		t.Errorf("%d calls and %d errors", calls, errors)
	}
	if calls, _ := traffic.Totals(named("f"), noon.Add(24*time.Hour)); calls != 0 {
		t.Errorf("%d calls tomorrow", calls)
	}
}

// The bound holds against latencies that fill all bins, and those that were called last stay.
func TestTrafficIsBounded(t *testing.T) {
	traffic := invoke.NewTraffic(256 << 10)
	for i := range 2000 {
		at := noon.Add(time.Duration(i%600) * time.Second)
		for shift := range 30 {
			traffic.Record(named("f"+strconv.Itoa(i)), at, time.Microsecond<<shift, false)
		}
		if size := traffic.Size(); size > 256<<10 {
			t.Fatalf("%d bytes after %d functions", size, i+1)
		}
	}
	if calls, _ := traffic.Totals(named("f1999"), noon.Add(599*time.Second)); calls != 30 {
		t.Errorf("the last function has %d calls", calls)
	}
	if calls, _ := traffic.Totals(named("f0"), noon); calls != 0 {
		t.Errorf("the first function still has %d calls", calls)
	}
	traffic.Record(named("other"), noon.Add(time.Hour), 0, false)
	if size := traffic.Size(); size > 1024 {
		t.Errorf("%d bytes for one function, an hour later", size)
	}
}

// What is counted as the size is what the heap has, for ten thousand functions that are called all the time.
func TestTrafficOfTenThousandFunctions(t *testing.T) {
	var traffic invoke.Traffic
	names := make([]lambda.ARN, 10_000)
	for i := range names {
		names[i] = named("function-" + strconv.Itoa(i))
	}
	before := heap()
	for second := 0; second < 600; second += 10 {
		for i, name := range names {
			traffic.Record(name, noon.Add(time.Duration(second)*time.Second), time.Duration(i)*time.Microsecond, false)
		}
	}
	now := noon.Add(599 * time.Second)
	for _, name := range []lambda.ARN{names[0], names[9999]} {
		if calls, _ := traffic.Totals(name, now); calls != 60 {
			t.Errorf("%s has %d calls", name, calls)
		}
	}
	if took := int(heap() - before); took > traffic.Size()*5/4 || traffic.Size() > 48<<20 {
		t.Errorf("the heap grew by %d bytes, and the size is %d", took, traffic.Size())
	}
	goruntime.KeepAlive(&traffic)
}

func heap() int64 {
	goruntime.GC()
	goruntime.GC()
	var stats goruntime.MemStats
	goruntime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestTrafficOfManyAtOnce(t *testing.T) {
	traffic := invoke.NewTraffic(100 << 10)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 500 {
				at := noon.Add(time.Duration(j) * time.Second)
				traffic.Record(named(strconv.Itoa(j%50)), at, time.Duration(i*j), i == 0)
				traffic.Plot(named(strconv.Itoa(i)), at)
				traffic.Totals(named(strconv.Itoa(i)), at)
			}
		})
	}
	group.Wait()
}

func TestInvocationsAreCounted(t *testing.T) {
	broken := &runtime.FunctionError{Reason: runtime.ReasonError}
	for name, test := range map[string]struct {
		request       invoke.Request
		answer        func(int) (*runtime.Result, error)
		calls, errors int
	}{
		"answered":            {invoke.Request{}, succeeds, 1, 0},
		"failed":              {invoke.Request{}, fails, 1, 1},
		"throttled":           {invoke.Request{}, func(int) (*runtime.Result, error) { return nil, runtime.ErrReserved }, 1, 1},
		"ended on the way":    {invoke.Request{}, func(int) (*runtime.Result, error) { return nil, errors.New("oops") }, 1, 1},
		"streamed":            {invoke.Request{Stream: true}, succeeds, 1, 0},
		"of a URL":            {invoke.Request{ViaURL: true}, succeeds, 0, 0},
		"of a URL, throttled": {invoke.Request{ViaURL: true}, func(int) (*runtime.Result, error) { return nil, runtime.ErrBusy }, 0, 0},
		"broken off": {invoke.Request{Stream: true}, func(int) (*runtime.Result, error) {
			return &runtime.Result{Body: brokenBody{io.NopCloser(strings.NewReader("{")), broken}}, nil
		}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			service, _, function := newService(t, test.answer)
			service.Traffic, service.Now = &invoke.Traffic{}, func() time.Time { return noon }
			test.request.Target = resolve.Latest(function)
			result, err := service.Invoke(t.Context(), test.request)
			if err == nil {
				if calls, _ := service.Traffic.Totals(function.ARN, noon); test.request.Stream && calls != 0 {
					t.Error("it is counted before it has ended")
				}
				if name == "broken off" && result.StreamError() != broken {
					t.Error("nobody hears how it broke off")
				}
				result.Body.Close()
				result.Body.Close()
			}
			if calls, errors := service.Traffic.Totals(function.ARN, noon); calls != test.calls || errors != test.errors {
				t.Errorf("%d calls and %d errors, want %d and %d", calls, errors, test.calls, test.errors)
			}
		})
	}
}

// brokenBody is a streamed answer that the function did not end.
type brokenBody struct {
	io.ReadCloser
	failed *runtime.FunctionError
}

func (b brokenBody) StreamError() *runtime.FunctionError { return b.failed }

func BenchmarkRecord(b *testing.B) {
	var traffic invoke.Traffic
	names := make([]lambda.ARN, 100)
	for i := range names {
		names[i] = named("function-" + strconv.Itoa(i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		traffic.Record(names[i%100], noon.Add(time.Duration(i)*time.Microsecond), time.Duration(i%1000)*time.Microsecond, false)
	}
}
