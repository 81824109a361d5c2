package call_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/call"
)

func TestReportPercentiles(t *testing.T) {
	var r call.Report
	for _, share := range []float64{0, 0.5, 1} {
		if got := r.Percentile(share); got != 0 {
			t.Errorf("of nothing: %s", got)
		}
	}
	for i := range 100 {
		r.Times = append(r.Times, time.Duration(i+1)*time.Millisecond)
	}
	for share, want := range map[float64]time.Duration{0: 1, 0.01: 1, 0.5: 50, 0.9: 90, 0.99: 99, 0.999: 100, 1: 100} {
		if got := r.Percentile(share); got != want*time.Millisecond {
			t.Errorf("%g: %s, want %s", share, got, want*time.Millisecond)
		}
	}
	if got := r.Mean(); got != 50500*time.Microsecond {
		t.Errorf("mean %s", got)
	}
}

func TestReportHistogram(t *testing.T) {
	r := call.Report{Took: time.Second, Statuses: map[int]int{200: 4}, Failed: map[string]int{"no answer": 2}, Bytes: 1536,
		Stopped: true}
	for _, ms := range []float64{0.3, 0.5, 1.5, 80} {
		r.Times = append(r.Times, time.Duration(ms*float64(time.Millisecond)))
	}
	var out strings.Builder
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	want := `6 requests in 1s, 6.0 per second, 1.5 KiB received
stopped before all were sent
       4  200 OK
       2  no answer
time to the last byte
     min  0.3 ms
    mean  20.6 ms
     p50  0.5 ms
     p90  80.0 ms
     p95  80.0 ms
     p99  80.0 ms
   p99.9  80.0 ms
     max  80.0 ms
  <=    0.5 ms  ######################################## 2
  <=    1.0 ms                                           0
  <=    2.0 ms  ####################                     1
  <=    5.0 ms                                           0
  <=   10.0 ms                                           0
  <=   20.0 ms                                           0
  <=   50.0 ms                                           0
  <=  100.0 ms  ####################                     1
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
