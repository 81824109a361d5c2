package metric_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/furl-dev/furl/internal/metric"
)

func page(t *testing.T, collectors []metric.Collector) string {
	t.Helper()
	var page bytes.Buffer
	if err := metric.Write(&page, collectors); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func is(value float64) func() float64 { return func() float64 { return value } }

// The text is that of https://prometheus.io/docs/instrumenting/exposition_formats/, and sorted.
func TestText(t *testing.T) {
	got := page(t, []metric.Collector{
		metric.Counter("b_total", "Twice.", is(1e6), metric.Label{"z", "2"}, metric.Label{"a", "x"}),
		metric.Counter("b_total", "Twice.", is(3), metric.Label{"z", "1"}, metric.Label{"a", "x"}),
		metric.Gauge("a", "A \\ and\na line.", is(0.25)),
		metric.Gauges("c", "All.", "of", []string{"y", `q"\` + "\n"}, func() []float64 {
			return []float64{math.Inf(1), math.NaN()}
		}),
	})
	want := strings.Join([]string{
		`# HELP a A \\ and\na line.`, `# TYPE a gauge`, `a 0.25`,
		`# HELP b_total Twice.`, `# TYPE b_total counter`, `b_total{a="x",z="1"} 3`, `b_total{a="x",z="2"} 1e+06`,
		`# HELP c All.`, `# TYPE c gauge`, `c{of="q\"\\\n"} NaN`, `c{of="y"} +Inf`, "",
	}, "\n")
	if got != want {
		t.Errorf("page is\n%s\nwant\n%s", got, want)
	}
}

// Prometheus refuses a page that has a series twice.
func TestNothingIsThereTwice(t *testing.T) {
	twice := []metric.Collector{metric.Gauge("a", "A.", is(1)), metric.Gauge("a", "A.", is(2))}
	var page bytes.Buffer
	if err := metric.Write(&page, twice); err == nil || !strings.Contains(err.Error(), "a is there twice") {
		t.Errorf("error is %v", err)
	}
	if page.Len() > 0 {
		t.Errorf("written is %q", page.String())
	}
}

// The names are those of Prometheus's own client, which the dashboards for Go programs ask for.
func TestProcess(t *testing.T) {
	runtime.GC() // so that there was one
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page(t, metric.Process())))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{
		"go_goroutines", "go_threads", "go_memstats_heap_alloc_bytes", "go_memstats_mallocs_total", "go_memstats_sys_bytes",
		"go_memstats_last_gc_time_seconds", "go_gc_gomemlimit_bytes", "go_sched_gomaxprocs_threads",
	}
	if runtime.GOOS == "linux" {
		names = append(names, "process_open_fds", "process_max_fds", "process_resident_memory_bytes",
			"process_virtual_memory_bytes", "process_start_time_seconds")
	}
	for _, name := range names {
		family := families[name]
		if family == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		sample := family.GetMetric()[0]
		if sample.GetGauge().GetValue()+sample.GetCounter().GetValue() <= 0 {
			t.Errorf("%s is %v", name, sample)
		}
		if (sample.GetCounter() != nil) != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a %s", name, family.GetType())
		}
	}
	pauses := families["go_gc_duration_seconds"].GetMetric()[0].GetSummary()
	if pauses.GetSampleCount() == 0 || pauses.GetSampleSum() <= 0 || len(pauses.GetQuantile()) != 5 {
		t.Errorf("go_gc_duration_seconds is %v", pauses)
	}
	info := families["go_info"].GetMetric()[0].GetLabel()[0]
	if info.GetName() != "version" || info.GetValue() != runtime.Version() {
		t.Errorf("go_info has %v", info)
	}
}

// The fields are those of proc(5): in stat 14 and 15 the time in user and kernel mode, 22 the start, 23 and 24 the memory.
func TestProcessFields(t *testing.T) {
	proc := t.TempDir()
	files := map[string]string{
		"stat":      "cpu  1 2 3\nbtime 1700000000\nprocesses 9\n",
		"self/stat": "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 4200 1048576 3 18446744073709551615 1 1 0\n",
		"self/limits": "Limit                     Soft Limit           Hard Limit           Units     \n" +
			"Max open files            1024                 524288               files     \n" +
			"Max address space         unlimited            unlimited            bytes     \n",
		"self/net/netstat": "TcpExt: A B\nTcpExt: 1 2\nIpExt: InNoRoutes InOctets OutOctets\nIpExt: 0 11 22\n",
		"self/fd/0":        "", "self/fd/1": "", "self/fd/2": "", // the last is the directory that is read
	}
	for name, text := range files {
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for line := range strings.Lines(page(t, metric.ProcessIn(proc))) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "process_resident") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	want := []string{
		"process_cpu_seconds_total 3", "process_max_fds 1024", "process_network_receive_bytes_total 11",
		"process_network_transmit_bytes_total 22", "process_open_fds 2", "process_start_time_seconds 1.700000042e+09",
		"process_virtual_memory_bytes 1.048576e+06", "process_virtual_memory_max_bytes 1.8446744073709552e+19",
	}
	if !slices.Equal(got, want) {
		t.Errorf("metrics are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if none := metric.ProcessIn(filepath.Join(proc, "nowhere")); len(none) != 0 {
		t.Errorf("without files there are %d metrics", len(none))
	}
}
