package metric

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Process are the metrics that every Go program has, as they are now, under the names that Prometheus's own client
// gives them: those of the Go runtime, and those of the process as far as the system has the directory /proc.
func Process() []Collector { return append(goRuntime(), process("/proc")...) }

func goRuntime() []Collector {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	all := []Collector{
		{"go_info", "The version of Go that built the program.", "gauge", func() []sample {
			return []sample{{labels: []Label{{"version", runtime.Version()}}, value: 1}}
		}},
		{"go_gc_duration_seconds", "How long collections of garbage stopped the program.", summary, pauses},
	}
	for _, row := range []row{
		{"go_goroutines", "Goroutines that exist.", float64(runtime.NumGoroutine())},
		{"go_threads", "Threads that the program has started.", float64(pprof.Lookup("threadcreate").Count())},
		{"go_sched_gomaxprocs_threads", "Threads that may run Go code at the same time.", float64(runtime.GOMAXPROCS(0))},
		{"go_gc_gomemlimit_bytes", "Memory that the Go runtime tries to stay below.", float64(debug.SetMemoryLimit(-1))},
		{"go_memstats_last_gc_time_seconds", "When the last collection ended.", float64(m.LastGC) / 1e9},
		{"go_memstats_alloc_bytes", "Heap in use.", float64(m.Alloc)},
		{"go_memstats_alloc_bytes_total", "Heap that was allocated, freed or not.", float64(m.TotalAlloc)},
		{"go_memstats_buck_hash_sys_bytes", "Table of the profiler.", float64(m.BuckHashSys)},
		{"go_memstats_frees_total", "Objects that were freed.", float64(m.Frees)},
		{"go_memstats_gc_sys_bytes", "Records of the garbage collector.", float64(m.GCSys)},
		{"go_memstats_heap_alloc_bytes", "Heap in use.", float64(m.HeapAlloc)},
		{"go_memstats_heap_idle_bytes", "Spans of the heap that hold nothing.", float64(m.HeapIdle)},
		{"go_memstats_heap_inuse_bytes", "Spans of the heap that hold something.", float64(m.HeapInuse)},
		{"go_memstats_heap_objects", "Objects in the heap.", float64(m.HeapObjects)},
		{"go_memstats_heap_released_bytes", "Heap that was given back to the system.", float64(m.HeapReleased)},
		{"go_memstats_heap_sys_bytes", "Heap that the system has given.", float64(m.HeapSys)},
		{"go_memstats_mallocs_total", "Objects that were allocated, freed or not.", float64(m.Mallocs)},
		{"go_memstats_mcache_inuse_bytes", "Caches of the allocator in use.", float64(m.MCacheInuse)},
		{"go_memstats_mcache_sys_bytes", "Caches of the allocator.", float64(m.MCacheSys)},
		{"go_memstats_mspan_inuse_bytes", "Records of spans in use.", float64(m.MSpanInuse)},
		{"go_memstats_mspan_sys_bytes", "Records of spans.", float64(m.MSpanSys)},
		{"go_memstats_next_gc_bytes", "Heap at which the next collection begins.", float64(m.NextGC)},
		{"go_memstats_other_sys_bytes", "Memory that the Go runtime has for other uses.", float64(m.OtherSys)},
		{"go_memstats_stack_inuse_bytes", "Stacks of goroutines.", float64(m.StackInuse)},
		{"go_memstats_stack_sys_bytes", "Stacks of goroutines and threads.", float64(m.StackSys)},
		{"go_memstats_sys_bytes", "Memory that the system has given to the Go runtime.", float64(m.Sys)},
	} {
		all = append(all, row.collector())
	}
	return all
}

// row is a metric that has been read. A name that ends in _total is that of a counter.
type row struct {
	name, help string
	value      float64
}

func (r row) collector() Collector {
	value := func() float64 { return r.value }
	if strings.HasSuffix(r.name, "_total") {
		return Counter(r.name, r.help, value)
	}
	return Gauge(r.name, r.help, value)
}

// pauses are the quantiles of the latest pauses, and the sum and the number of all of them.
func pauses() []sample {
	stats := debug.GCStats{PauseQuantiles: make([]time.Duration, 5)}
	debug.ReadGCStats(&stats)
	var samples []sample
	for i, quantile := range []string{"0", "0.25", "0.5", "0.75", "1"} {
		samples = append(samples, sample{
			labels: []Label{{"quantile", quantile}}, value: stats.PauseQuantiles[i].Seconds(),
		})
	}
	return append(samples,
		sample{suffix: "_sum", value: stats.PauseTotal.Seconds()}, sample{suffix: "_count", value: float64(stats.NumGC)})
}

// ticks is how many clock ticks /proc has for a second: USER_HZ, which is 100 on every system that Go runs on.
const ticks = 100

// process reads the files of proc(5). What a system does not have is left out.
func process(proc string) []Collector {
	var all []Collector
	add := func(name, help string, value float64) { all = append(all, row{name, help, value}.collector()) }
	own := filepath.Join(proc, "self")
	// The name of the program, which may have spaces, ends at the last bracket; the numbers here begin with field 3.
	stat := readFile(own, "stat")
	if field := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]); len(field) > 21 {
		used := numberOf(field[11]) + numberOf(field[12])
		add("process_cpu_seconds_total", "Time of processors that the program has used.", used/ticks)
		add("process_virtual_memory_bytes", "Address space.", numberOf(field[20]))
		add("process_resident_memory_bytes", "Memory that is in use.", numberOf(field[21])*float64(os.Getpagesize()))
		if booted, ok := numberAfter(readFile(proc, "stat"), "\nbtime "); ok {
			add("process_start_time_seconds", "When the program started.", booted+numberOf(field[19])/ticks)
		}
	}
	if open, err := os.ReadDir(filepath.Join(own, "fd")); err == nil {
		add("process_open_fds", "Open file descriptors.", float64(len(open)-1)) // one is that of the directory itself
	}
	limits := readFile(own, "limits")
	if most, ok := numberAfter(limits, "Max open files"); ok {
		add("process_max_fds", "How many file descriptors may be open.", most)
	}
	if most, ok := numberAfter(limits, "Max address space"); ok {
		add("process_virtual_memory_max_bytes", "How large the address space may be.", most)
	}
	// Two lines that begin with the same word have the names and the numbers. They count for the whole network namespace.
	if lines := strings.SplitN(readFile(own, "net/netstat"), "IpExt:", 3); len(lines) == 3 {
		names, numbers := strings.Fields(lines[1]), strings.Fields(lines[2])
		if in := slices.Index(names, "InOctets"); in >= 0 && in < len(numbers) {
			add("process_network_receive_bytes_total", "Bytes that arrived from the network.", numberOf(numbers[in]))
		}
		if out := slices.Index(names, "OutOctets"); out >= 0 && out < len(numbers) {
			add("process_network_transmit_bytes_total", "Bytes that were sent to the network.", numberOf(numbers[out]))
		}
	}
	return all
}

// numberAfter is the number at the beginning of what stands behind the text.
func numberAfter(file, text string) (float64, bool) {
	_, rest, found := strings.Cut(file, text)
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, false
	}
	if fields[0] == "unlimited" {
		return math.MaxUint64, true
	}
	return numberOf(fields[0]), true
}

func numberOf(field string) float64 {
	number, _ := strconv.ParseFloat(field, 64) // proc(5) has numbers there
	return number
}

func readFile(dir, name string) string {
	text, _ := os.ReadFile(filepath.Join(dir, name)) // what is not there has no metrics
	return string(text)
}
