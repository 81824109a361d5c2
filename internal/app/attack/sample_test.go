//go:build unix

package attack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
)

// quantity is something that a server holds, and that must not grow.
type quantity struct {
	name string
	// floor is how much more than before is no growth, even where it is more than a tenth: what comes and goes, such as
	// a file that is being written to.
	floor int64
	show  func(int64) string
	read  func(*world, testing.TB) int64
}

var quantities = []quantity{
	{"RSS", 4 << 20, megabytes, (*world).memory},
	{"descriptors", 4, plain, func(w *world, t testing.TB) int64 {
		open, err := os.ReadDir(filepath.Join(w.proc(), "fd"))
		if err != nil {
			t.Fatal(err)
		}
		return int64(len(open))
	}},
	{"goroutines", 4, plain, (*world).goroutines},
	{"processes", 0, plain, func(w *world, t testing.TB) int64 { return int64(len(w.processes(t))) }},
	{"directories", 5, plain, func(w *world, t testing.TB) int64 { return w.entries(t, fs.FileMode.IsDir) }},
	// Each function has a second file of its log once the first is full.
	{"files", 30, plain, func(w *world, t testing.TB) int64 {
		return w.entries(t, func(mode fs.FileMode) bool { return !mode.IsDir() })
	}},
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/megabyte) }

func plain(n int64) string { return strconv.FormatInt(n, 10) }

// sample is what a server held at a moment of rest.
type sample struct {
	after          time.Duration // since the load began
	calls, changes int64         // until then
	held           []int64       // of each of the quantities
}

func (s sample) String() string {
	text := fmt.Sprintf("%d calls, %d changes", s.calls, s.changes)
	for i, q := range quantities {
		text += fmt.Sprintf(", %s %s", q.show(s.held[i]), q.name)
	}
	return text
}

// observe looks at the server again and again for a while, and takes the least of what it held: what is on its way out
// is no growth.
func (w *world) observe(ctx context.Context, t testing.TB, during time.Duration) []int64 {
	t.Helper()
	var least []int64
	for end := time.Now().Add(during); ; {
		w.collect(t)
		sleep(ctx, min(during/10, time.Second)) // while freed memory goes back to the system
		held := make([]int64, len(quantities))
		for i, q := range quantities {
			held[i] = q.read(w, t)
			if least != nil {
				held[i] = min(held[i], least[i])
			}
		}
		least = held
		if time.Now().After(end) {
			return least
		}
	}
}

// collect makes so much garbage that the server's runtime collects what the load has left, which by itself it would do
// some minutes later. A header is read before anybody looks at it; what answers needs no memory.
func (w *world) collect(t testing.TB) {
	t.Helper()
	garbage := w.api("GET", furlproto.Health, "").with("X-Garbage: " + strings.Repeat("x", 100_000)).wire()
	connection := dial(t, w.address)
	defer connection.Close()
	for range 200 {
		connection.write(garbage)
		if a, err := connection.read("GET"); err != nil || a.status != 200 {
			t.Fatalf("%s: %v, %v", furlproto.Health, a, err)
		}
	}
}

// growth names what the server holds more of than before: by more than a tenth, and by more than the floor.
func growth(before, after sample) []string {
	var grown []string
	for i, q := range quantities {
		was, is := before.held[i], after.held[i]
		if most := was + max(was/10, q.floor); is > most {
			grown = append(grown, fmt.Sprintf("%s grew from %s after %s to %s after %s; at most %s is no growth",
				q.name, q.show(was), round(before.after), q.show(is), round(after.after), q.show(most)))
		}
	}
	return grown
}

func round(d time.Duration) time.Duration { return d.Round(time.Second) }

// writeSamples prints the samples as a table.
func writeSamples(out io.Writer, samples []sample) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "AFTER\tCALLS\tCHANGES\t")
	for _, q := range quantities {
		fmt.Fprintf(table, "%s\t", q.name)
	}
	fmt.Fprintln(table)
	for _, s := range samples {
		fmt.Fprintf(table, "%s\t%d\t%d\t", round(s.after), s.calls, s.changes)
		for i, q := range quantities {
			fmt.Fprintf(table, "%s\t", q.show(s.held[i]))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// proc is the directory of the server's process.
func (w *world) proc() string { return filepath.Join("/proc", strconv.Itoa(w.server.Pid)) }

// memory is the server's resident memory, in bytes.
func (w *world) memory(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile(filepath.Join(w.proc(), "status"))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "VmRSS:")
	line, _, _ = strings.Cut(line, "kB")
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// processes are all that the server has below it, and those that left it but have a directory of its functions.
func (w *world) processes(t testing.TB) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	parents := map[int]int{}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue // it has ended meanwhile
		}
		// The name of the program, in parentheses, may hold anything (proc_pid_stat(5)).
		if fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); len(fields) > 1 {
			parents[pid], _ = strconv.Atoi(fields[1]) //nolint:errcheck // the kernel writes a number
			pids = append(pids, pid)
		}
	}
	var found []int
	for _, pid := range pids {
		if w.isAbove(pid, parents) || w.owns(pid) {
			found = append(found, pid)
		}
	}
	return found
}

func (w *world) isAbove(pid int, parents map[int]int) bool {
	for parent := parents[pid]; parent > 0; parent = parents[parent] {
		if parent == w.server.Pid {
			return true
		}
	}
	return false
}

// owns reports whether a process has the environment of one of the server's functions.
func (w *world) owns(pid int) bool {
	variables, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	return err == nil && bytes.Contains(variables, []byte("LAMBDA_TASK_ROOT="+w.data))
}

// entries counts what there is below the data directory.
func (w *world) entries(t testing.TB, counts func(fs.FileMode) bool) (n int64) {
	t.Helper()
	err := filepath.WalkDir(w.data, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed at this moment
		}
		if err == nil && counts(entry.Type()) {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// goroutines is what the page of metrics says.
func (w *world) goroutines(t testing.TB) int64 {
	t.Helper()
	page := w.page(t, furlproto.Metrics)
	_, line, _ := strings.Cut(page, "\ngo_goroutines ")
	line, _, _ = strings.Cut(line, "\n")
	n, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		t.Fatalf("the page of metrics has no go_goroutines: %.300q", page)
	}
	return n
}

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

// TestProcesses: the functions of a server are those below it, and those that left it.
func TestProcesses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has the /proc that this reads")
	}
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
	w := &world{server: shell.Process, data: filepath.Join(t.TempDir(), "furl")}
	left := start("LAMBDA_TASK_ROOT=" + filepath.Join(w.data, "code", "x"))
	start("LAMBDA_TASK_ROOT=" + t.TempDir())
	want := []int{below, left.Process.Pid}
	slices.Sort(want)
	got := w.processes(t)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("processes %v, want %v", got, want)
	}
}
