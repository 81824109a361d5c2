package main

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// holding is a sample in which only the quantity counts.
func holding(name string, n int64) sample {
	s := sample{held: make([]int64, len(quantities))}
	s.held[slices.IndexFunc(quantities, func(q quantity) bool { return q.name == name })] = n
	return s
}

func TestGrowthIsMoreThanATenthAndTheFloor(t *testing.T) {
	for _, test := range []struct {
		name          string
		before, after int64
		want          string
	}{
		{"RSS", 30 << 20, 34 << 20, ""}, // the floor
		{"RSS", 30 << 20, 34<<20 + 1, "RSS grew from 30.0 MB after 0s to 34.0 MB after 0s; at most 34.0 MB is no growth"},
		{"RSS", 200 << 20, 220 << 20, ""}, // a tenth
		{"RSS", 200 << 20, 221 << 20, "RSS grew from 200.0 MB after 0s to 221.0 MB after 0s; at most 220.0 MB is no growth"},
		{"RSS", 200 << 20, 20 << 20, ""},
		{"descriptors", 30, 34, ""},
		{"descriptors", 30, 35, "descriptors grew from 30 after 0s to 35 after 0s; at most 34 is no growth"},
		{"goroutines", 1000, 1100, ""},
		{"goroutines", 1000, 1101, "goroutines grew from 1000 after 0s to 1101 after 0s; at most 1100 is no growth"},
		{"processes", 0, 0, ""},
		{"processes", 0, 1, "processes grew from 0 after 0s to 1 after 0s; at most 0 is no growth"},
		{"processes", 3, 3, ""},
		{"directories", 100, 111, "directories grew from 100 after 0s to 111 after 0s; at most 110 is no growth"},
		{"files", 100, 131, "files grew from 100 after 0s to 131 after 0s; at most 130 is no growth"},
	} {
		got := strings.Join(growth(holding(test.name, test.before), holding(test.name, test.after)), "\n")
		if got != test.want {
			t.Errorf("%s from %d to %d: %q, want %q", test.name, test.before, test.after, got, test.want)
		}
	}
}

func TestAllThatGrowsIsNamed(t *testing.T) {
	before, after := holding("RSS", 0), sample{after: time.Minute, held: make([]int64, len(quantities))}
	for i := range after.held {
		after.held[i] = 1 << 30
	}
	grown := growth(before, after)
	if len(grown) != len(quantities) {
		t.Errorf("%d of %d: %q", len(grown), len(quantities), grown)
	}
	for i, text := range grown {
		if !strings.HasPrefix(text, quantities[i].name+" grew from 0") || !strings.Contains(text, "after 1m0s; at most ") {
			t.Errorf("%q", text)
		}
	}
}

func TestVerdict(t *testing.T) {
	k := &soak{}
	if err := k.verdict(nil, nil); err != nil {
		t.Error(err)
	}
	for i := range 12 {
		id := http.Header{"X-Amzn-Requestid": {"id-" + strconv.Itoa(i)}}
		a := answer{status: 200, header: id, body: []byte("hello"), broken: errors.New("cut")}
		k.note("call of a function", a.wrong("want %d", i))
	}
	report := k.report()
	last := `call of a function: request id-9: want 9; the answer is 200  "hello" (5 bytes), broken off: cut`
	if !strings.HasPrefix(report, "wrong answers: 12\n") || strings.Count(report, "\n") != 1+shown ||
		!strings.HasSuffix(report, last+"\n") {
		t.Error(report)
	}
	err := k.verdict([]string{"RSS grew", "files grew"}, []int{7, 8})
	want := "soak: 12 wrong answers\nsoak: RSS grew\nsoak: files grew\nsoak: processes [7 8] outlived the server"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestSamplesAreATable(t *testing.T) {
	held := []int64{40 << 20, 33, 31, 0, 100, 70}
	s := sample{after: 61400 * time.Millisecond, calls: 1200, changes: 30, held: held}
	var table strings.Builder
	if err := writeSamples(&table, []sample{s}); err != nil {
		t.Fatal(err)
	}
	want := `  AFTER  CALLS  CHANGES      RSS  descriptors  goroutines  processes  directories  files
   1m1s   1200       30  40.0 MB           33          31          0          100     70
`
	if table.String() != want {
		t.Errorf("got\n%s\nwant\n%s", table.String(), want)
	}
}

func skipWithoutProc(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has the /proc that this reads")
	}
}

// TestProcesses: the functions of a server are those below it, and those that left it.
func TestProcesses(t *testing.T) {
	skipWithoutProc(t)
	start := func(environ ...string) *exec.Cmd {
		t.Helper()
		c := exec.Command("sleep", "60")
		c.Env = environ
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		return c
	}
	shell := exec.Command("sh", "-c", "sleep 60 & echo $!; wait")
	stdout, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 32)
	n, err := stdout.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	below, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p, err := os.FindProcess(below); err == nil {
			p.Kill()
		}
		shell.Wait()
	})
	s := &server{command: shell, data: filepath.Join(t.TempDir(), "furl")}
	left := start("LAMBDA_TASK_ROOT=" + filepath.Join(s.data, "code", "x"))
	start("LAMBDA_TASK_ROOT=" + t.TempDir())
	want := []int{below, left.Process.Pid}
	slices.Sort(want)
	got, err := s.processes()
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("processes %v, %v; want %v", got, err, want)
	}
}

func TestLogIsSummarized(t *testing.T) {
	log := "furl: listening\n" + `{"level":"WARN","msg":"b"}
{"level":"ERROR","msg":"a"}
{"level":"WARN","msg":"b"}
panic: x
`
	want := "server's log: 1 × ERROR a\nserver's log: 2 × WARN b\nserver's log: 1 × panic: x\n"
	if got := summarizeLog([]byte(log)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestSoak goes through all that a soak does. Whether a server grows shows in a long one only.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program and starts a server")
	}
	skipWithoutProc(t)
	b := newTestBench(t)
	k, err := b.newSoak(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(k.strangers) != 20 {
		t.Errorf("%d functions", len(k.strangers))
	}
	t.Run("all at once", func(t *testing.T) {
		for _, f := range k.strangers {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				for _, n := range []int{0, 2, 4} { // each way to call it
					if err := k.visit(t.Context(), f, k.callers[n%len(k.callers)], n); err != nil {
						t.Errorf("visit %d: %v", n, err)
					}
				}
			})
		}
		for _, c := range changes {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				for range 2 { // that it can be made again shows that it has left nothing
					if err := c.make(k, t.Context(), c.name+"-0"); err != nil {
						t.Error(err)
					}
				}
			})
		}
	})
	s, err := k.rest(t.Context(), "1", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if left := k.end(); len(left) > 0 || len(k.wrong) > 0 {
		t.Errorf("%s; left processes %v; %s", s, left, k.report())
	}
}
