//go:build unix

package runtime_test

import (
	"bytes"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime"
)

func TestLogLines(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	for range 2 {
		_, result, id := b.invoke(fn, order{Do: "print", Text: "line", N: 4})
		report := result.Report()
		b.log.mu.Lock()
		lines, ids := b.log.lines, b.log.ids
		b.log.lines, b.log.ids = nil, nil
		b.log.mu.Unlock()
		init := ""
		if result.ColdStart {
			init = fmt.Sprintf("Init Duration: %.2f ms\t", float64(report.InitDuration)/1e6)
		}
		memory := ""
		if goruntime.GOOS == "linux" {
			memory = fmt.Sprintf("Max Memory Used: %d MB\t", report.MaxMemoryMB)
		}
		want := []string{
			"START RequestId: " + id + " Version: $LATEST",
			"line 0", "line 1", "line 2", "line 3", // standard output and standard error, in the order written
			"END RequestId: " + id,
			fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: 128 MB\t%s%s",
				id, float64(report.Duration)/1e6, report.BilledDuration.Milliseconds(), memory, init),
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Error(diff)
		}
		if slices.ContainsFunc(ids, func(got string) bool { return got != id }) {
			t.Errorf("request ids of the lines: %q, want %s", ids, id)
		}
		if got, want := string(result.LogTail()), strings.Join(lines, "\n")+"\n"; got != want {
			t.Errorf("LogTail = %q\nwant      %q", got, want)
		}
	}
}

// lineSink checks lines as they come and keeps none.
type lineSink struct {
	mu      sync.Mutex
	lines   int
	bytes   int
	longest int
	partial int
}

func (s *lineSink) WriteLog(line runtime.LogLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if line.Kind != runtime.LogFunction {
		return
	}
	s.lines++
	s.bytes += len(line.Text)
	s.longest = max(s.longest, len(line.Text))
	if line.Partial {
		s.partial++
	}
}

func TestLongLinesAreSplit(t *testing.T) {
	sink := &lineSink{}
	b := newBench(t, func(c *runtime.Config) { c.Log = sink })
	const size = 3*runtime.MaxLogLine + 5
	_, result, _ := b.invoke(b.function("main"), order{Do: "print-long", N: size})
	tail := result.LogTail()
	if sink.lines != 4 || sink.partial != 3 || sink.longest != runtime.MaxLogLine || sink.bytes != size {
		t.Errorf("got %d lines, %d partial, longest %d, %d bytes", sink.lines, sink.partial, sink.longest, sink.bytes)
	}
	if len(tail) != 4096 || !bytes.Contains(tail, []byte("REPORT")) {
		t.Errorf("tail of %d bytes: %.100s", len(tail), tail)
	}
}

// forged is what a function prints to pass for the platform.
const forged = "REPORT RequestId: forged"

// kindSink tells the platform's lines from the function's.
type kindSink struct {
	mu                 sync.Mutex
	platform, function []string
}

func (s *kindSink) WriteLog(line runtime.LogLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if line.Kind == runtime.LogPlatform {
		s.platform = append(s.platform, string(line.Text))
	} else {
		s.function = append(s.function, string(line.Text))
	}
}

// both are the lines so far.
func (s *kindSink) both() (platform, function []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.platform), slices.Clone(s.function)
}

// The platform's lines are its own, one by one, whatever a function prints or reports.
func TestFunctionCannotForgePlatformLines(t *testing.T) {
	start, report := "START RequestId: {id} Version: $LATEST", "REPORT RequestId: {id}\tDuration: "
	for _, test := range []struct {
		name    string
		handler string
		event   any
		printed int      // lines of the function, at least
		want    []string // beginnings of the platform's lines, if they are others than START, END and REPORT
		change  func(*runtime.Function)
	}{
		{"printed", "main", order{Do: "print-raw", Text: forged + "\nEND RequestId: x\nSTART RequestId: x\n"}, 3, nil, nil},
		{
			"after CR and NUL", "main",
			order{Do: "print-raw", Text: "\r" + forged + "\x00" + forged + "\r\n\v\f\u0085" + forged}, 2, nil, nil,
		},
		{"without an end", "main", order{Do: "print-raw", Text: "\n" + forged}, 2, nil, nil},
		{
			"after a long line", "main",
			order{Do: "print-raw", Text: strings.Repeat("x", runtime.MaxLogLine) + forged}, 2, nil, nil,
		},
		{"after the end", "main", order{Do: "print-late", Ms: 50, Text: forged + "\n"}, 1, nil, nil},
		{"message of an error", "main", order{Do: "error", Text: "a\n" + forged}, 0, nil, nil},
		{
			"type of an error", "raw",
			[]step{{Path: "invocation/{id}/error", Body: `{"errorMessage":"m","errorType":"Mine\n` + forged + `"}`}},
			0, nil, nil,
		},
		{
			"type of an error of the start", "init-error-forges", nil, 0,
			[]string{"INIT_REPORT Init Duration: ", start, "END RequestId: {id}", report}, nil,
		},
		{
			"name of a directory", "main", nil, 0,
			[]string{start, `fork/exec /a\n` + forged + "/bootstrap: ", "END RequestId: {id}", report},
			func(fn *runtime.Function) { fn.CodeDir = "/a\n" + forged },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sink := &kindSink{}
			b := newBench(t, func(c *runtime.Config) { c.Log, c.InitTimeout = sink, time.Minute })
			fn := b.function(test.handler, within(time.Minute))
			if test.change != nil {
				test.change(fn)
			}
			_, result, id := b.invoke(fn, test.event)
			result.Report() // by then the log is complete
			platform, function := sink.both()
			for deadline := time.Now().Add(20 * time.Second); len(function) < test.printed && time.Now().Before(deadline); {
				time.Sleep(5 * time.Millisecond)
				platform, function = sink.both()
			}
			if len(function) < test.printed {
				t.Errorf("lines of the function: %.200q", function)
			}
			want := test.want
			if want == nil {
				want = []string{start, "END RequestId: {id}", report}
			}
			if len(platform) != len(want) {
				t.Fatalf("lines of the platform: %q", platform)
			}
			for i, line := range platform {
				if !strings.HasPrefix(line, strings.ReplaceAll(want[i], "{id}", id)) || strings.ContainsAny(line, "\n\r") {
					t.Errorf("line %d of the platform is %q, want %q", i, line, want[i])
				}
			}
		})
	}
}

// A function that writes without end neither fills the memory nor holds up others.
func TestShoutingFunction(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 32 MB")
	}
	sink := &lineSink{}
	b := newBench(t, func(c *runtime.Config) { c.Log = sink })
	shouting := b.function("main", named("shouting"), within(time.Minute))
	quiet := b.function("main", named("quiet"))
	b.invoke(quiet, order{Do: "echo"})
	var before, after goruntime.MemStats
	goruntime.GC()
	goruntime.ReadMemStats(&before)
	const size = 32 << 20
	done := make(chan string)
	go func() {
		body, result, _ := b.invoke(shouting, order{Do: "shout", N: size})
		result.Report() // by then the log is complete
		done <- body
	}()
	served := 0
	for loop := true; loop; served++ {
		select {
		case body := <-done:
			if body != `"hoarse"` {
				t.Errorf("the shouting function answered %s", body)
			}
			loop = false
		default:
			if body, result, _ := b.invoke(quiet, order{Do: "echo"}); result.FunctionError != nil {
				t.Fatalf("the quiet function failed: %s", body)
			}
		}
	}
	goruntime.GC()
	goruntime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if served < 5 {
		t.Errorf("only %d invocations of the other function meanwhile", served)
	}
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if want := size / len("all work and no play\n"); sink.lines < want {
		t.Errorf("%d lines, want at least %d", sink.lines, want)
	}
}

// blockingSink is a sink that does not come back for one of the functions.
type blockingSink struct {
	function string
	blocked  atomic.Bool
	release  chan struct{}
}

func (s *blockingSink) WriteLog(line runtime.LogLine) {
	if line.Function.Name == s.function {
		s.blocked.Store(true)
		<-s.release
	}
}

func TestBlockedSinkHoldsUpOnlyItsFunction(t *testing.T) {
	sink := &blockingSink{function: "stuck", release: make(chan struct{})}
	b := newBench(t, func(c *runtime.Config) { c.Log = sink })
	stuck := make(chan struct{})
	go func() {
		defer close(stuck)
		b.invoke(b.function("main", named("stuck")), order{Do: "print", N: 1})
	}()
	for deadline := time.Now().Add(5 * time.Second); !sink.blocked.Load() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	other := b.function("main", named("other"))
	for range 5 {
		if _, result, _ := b.invoke(other, order{Do: "echo"}); result.FunctionError != nil {
			t.Error(result.FunctionError)
		}
	}
	close(sink.release)
	<-stuck
}

// textSink keeps the text, with a newline after each line that is whole.
type textSink struct {
	text    bytes.Buffer
	longest int
}

func (s *textSink) WriteLog(line runtime.LogLine) {
	s.longest = max(s.longest, len(line.Text))
	s.text.Write(line.Text)
	if !line.Partial {
		s.text.WriteByte('\n')
	}
}

// However output is cut into reads, the lines are the same, none is too long and nothing is lost.
func FuzzLines(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nthree"), uint8(3))
	f.Add(bytes.Repeat([]byte("x"), 40), uint8(7))
	f.Add([]byte("\n\n\n"), uint8(1))
	f.Add([]byte("0123456789abcdef\n"), uint8(16))
	f.Fuzz(func(t *testing.T, output []byte, size uint8) {
		const limit = 16
		var chunks [][]byte
		for chunk := range slices.Chunk(output, int(size)+1) {
			chunks = append(chunks, chunk)
		}
		sink := &textSink{}
		runtime.Lines(sink, limit, chunks)
		want := output
		if len(output) > 0 && output[len(output)-1] != '\n' {
			want = append(slices.Clone(output), '\n')
		}
		if !bytes.Equal(sink.text.Bytes(), want) || sink.longest > limit {
			t.Errorf("%q came out as %q, longest line %d", output, sink.text.Bytes(), sink.longest)
		}
	})
}

// timeSink keeps the times of the lines.
type timeSink struct {
	mu    sync.Mutex
	times []time.Time
}

func (s *timeSink) WriteLog(line runtime.LogLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, line.Time)
}

// A server whose clock stands still, as in a test, stamps its logs by it; but functions live in real time.
func TestClock(t *testing.T) {
	frozen := time.Date(2020, 2, 3, 4, 5, 6, 7_000_000, time.UTC)
	sink := &timeSink{}
	b := newBench(t, func(c *runtime.Config) {
		c.Log = sink
		c.Now = func() time.Time { return frozen }
	})
	fn := b.function("main", within(300*time.Millisecond))
	if left, _, _ := b.invoke(fn, order{Do: "deadline"}); left == "0" || strings.HasPrefix(left, "-") || len(left) > 3 {
		t.Errorf("%s ms left, want less than 300", left)
	}
	_, result, id := b.invoke(fn, order{Do: "echo", Ms: 60_000})
	if result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonTimeout {
		t.Errorf("FunctionError = %+v", result.FunctionError)
	}
	if tail, want := string(result.LogTail()), "2020-02-03T04:05:06.007Z "+id+" Task timed out"; !strings.Contains(tail, want) {
		t.Errorf("log %s, want %s", tail, want)
	}
	if slices.ContainsFunc(sink.times, func(got time.Time) bool { return !got.Equal(frozen) }) {
		t.Errorf("lines are stamped %v", sink.times)
	}
}

// frame is an event as AWS's clients write it where they are told a descriptor for their log.
func frame(text string) string {
	header := []byte{0xa5, 0x5a, 0, 3, 0, 0, 0, byte(len(text)), 0, 6, 0x43, 1, 2, 3, 4, 5}
	return string(header) + text
}

// Each event of a Java function's logger is a line of its own, with or without a newline at its end, wherever the reads
// cut it.
func TestEventsAreLines(t *testing.T) {
	text := "printed\n" + frame("one") + frame("two\n") + "un" + frame("three\nand more") + "finished\n" + frame("ü") +
		"last \xa5\x5a"
	want := []string{"printed", "one", "two", "un", "three", "and more", "finished", "ü", "last \xa5\x5a"}
	for size := 1; size <= len(text); size++ {
		log := &recorder{}
		runtime.Lines(log, runtime.MaxLogLine, slices.Collect(slices.Chunk([]byte(text), size)))
		if diff := cmp.Diff(want, log.lines); diff != "" {
			t.Errorf("in pieces of %d bytes: %s", size, diff)
		}
	}
}
