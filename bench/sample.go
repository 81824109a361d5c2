package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/sigv4"
)

// quantity is something that a server holds, and that must not grow.
type quantity struct {
	name string
	// floor is how much more than before is no growth, even where it is more than a tenth: what comes and goes, such as
	// a file that is being written to.
	floor int64
	show  func(int64) string
	read  func(*server) (int64, error)
}

var quantities = []quantity{
	{"RSS", 4 << 20, megabytes, func(s *server) (int64, error) { now, _, err := s.memory(); return now, err }},
	{"descriptors", 4, plain, func(s *server) (int64, error) {
		open, err := os.ReadDir(filepath.Join("/proc", s.pid(), "fd"))
		return int64(len(open)), err
	}},
	{"goroutines", 4, plain, (*server).goroutines},
	{"processes", 0, plain, func(s *server) (int64, error) {
		below, err := s.processes()
		return int64(len(below)), err
	}},
	{"directories", 5, plain, func(s *server) (int64, error) { return s.entries(fs.FileMode.IsDir) }},
	// Each function has a second file of its log once the first is full.
	{"files", 30, plain, func(s *server) (int64, error) {
		return s.entries(func(mode fs.FileMode) bool { return !mode.IsDir() })
	}},
}

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
func (s *server) observe(ctx context.Context, during time.Duration) ([]int64, error) {
	var least []int64
	for end := time.Now().Add(during); ; {
		if err := s.collect(ctx); err != nil {
			return nil, err
		}
		sleep(ctx, min(during/10, time.Second)) // while freed memory goes back to the system
		held := make([]int64, len(quantities))
		for i, q := range quantities {
			var err error
			if held[i], err = q.read(s); err != nil {
				return nil, fmt.Errorf("%s of the server: %w", q.name, err)
			}
			if least != nil {
				held[i] = min(held[i], least[i])
			}
		}
		least = held
		if time.Now().After(end) {
			return least, nil
		}
	}
}

// collect makes so much garbage that the server's runtime collects what the load has left, which by itself it would do
// some minutes later. A header is read before anybody looks at it; what answers needs no memory.
func (s *server) collect(ctx context.Context) error {
	header := strings.Repeat("x", 100_000)
	for range 200 {
		a, err := s.ask(ctx, sigv4.Credentials{}, http.MethodGet, furlproto.Health, nil, "X-Garbage", header)
		if err != nil {
			return err
		}
		if a.status != http.StatusOK {
			return a.wrong("want the page of health")
		}
	}
	return nil
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

func (s *server) pid() string { return strconv.Itoa(s.command.Process.Pid) }

// processes are all that the server has below it, and those that left it but have a directory of its functions.
func (s *server) processes() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
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
		if s.isAbove(pid, parents) || s.owns(pid) {
			found = append(found, pid)
		}
	}
	return found, nil
}

func (s *server) isAbove(pid int, parents map[int]int) bool {
	for parent := parents[pid]; parent > 0; parent = parents[parent] {
		if parent == s.command.Process.Pid {
			return true
		}
	}
	return false
}

// owns reports whether a process has the environment of one of the server's functions.
func (s *server) owns(pid int) bool {
	variables, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	return err == nil && bytes.Contains(variables, []byte("LAMBDA_TASK_ROOT="+s.data))
}

// entries counts what there is below the data directory.
func (s *server) entries(counts func(fs.FileMode) bool) (n int64, err error) {
	err = filepath.WalkDir(s.data, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed at this moment
		}
		if err == nil && counts(entry.Type()) {
			n++
		}
		return err
	})
	return n, err
}

// goroutines is what the page of metrics says.
func (s *server) goroutines() (int64, error) {
	token, err := os.ReadFile(filepath.Join(s.data, "page-token"))
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequest(http.MethodGet, "http://"+s.address+furlproto.Metrics, nil)
	if err != nil {
		return 0, err
	}
	furlproto.SetToken(r, strings.TrimSpace(string(token)))
	page, err := s.send(r)
	if err != nil {
		return 0, err
	}
	_, line, found := strings.Cut(string(page.body), "\ngo_goroutines ")
	if page.status != http.StatusOK || !found {
		return 0, fmt.Errorf("the page of metrics answers %d without go_goroutines", page.status)
	}
	number, _, _ := strings.Cut(line, "\n")
	return strconv.ParseInt(number, 10, 64)
}
