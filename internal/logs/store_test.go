//go:build unix

package logs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/logs"
)

var noon = time.Date(2026, time.July, 10, 12, 0, 0, 123_000_000, time.UTC)

func open(t testing.TB, config logs.Config) *logs.Store {
	t.Helper()
	if config.Now == nil {
		config.Now = func() time.Time { return noon }
	}
	s, err := logs.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func line(text string) logs.Line { return logs.Line{Time: noon, Stream: logs.Stdout, Text: text} }

func texts(t testing.TB, lines iter.Seq2[logs.Line, error]) []string {
	t.Helper()
	var all []string
	for line, err := range lines {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, line.Text)
	}
	return all
}

// tail is the end of one log, of all of its versions or of some.
func tail(ctx context.Context, s *logs.Store, function string, n int, versions ...string) iter.Seq2[logs.Line, error] {
	return linesOf(s.Tail(ctx, n, logOf(function, versions)))
}

func follow(ctx context.Context, s *logs.Store, function string, n int, versions ...string) iter.Seq2[logs.Line, error] {
	return linesOf(s.Follow(ctx, n, nil, logOf(function, versions)))
}

func logOf(function string, versions []string) logs.Log {
	log := logs.Log{Function: function}
	if versions != nil {
		log.Wanted = func(entry logs.Entry) bool { return slices.Contains(versions, entry.Version) }
	}
	return log
}

func linesOf(entries iter.Seq2[logs.Entry, error]) iter.Seq2[logs.Line, error] {
	return func(yield func(logs.Line, error) bool) {
		for entry, err := range entries {
			if !yield(entry.Line, err) {
				return
			}
		}
	}
}

func TestLines(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "logs")
	s := open(t, logs.Config{Dir: dir})
	local := noon.In(time.FixedZone("CEST", 2*60*60)).Add(456 * time.Microsecond)
	s.Append("f", logs.Line{Time: local, Stream: logs.Platform, Text: "START RequestId: 1"})
	s.Append("f", logs.Line{Time: noon, Stream: logs.Stdout, Text: "one\n"})
	s.Append("f", logs.Line{Time: noon, Stream: logs.Stderr, Text: "two\n\nthree  \r"})
	s.Append("f", logs.Line{Time: noon, Stream: logs.Stdout, Text: ""})
	s.Append("f", logs.Line{Time: noon, Stream: 77, Text: "\xff\x00ü"})
	s.Append("g", line("of another function"))
	s.Append("f", logs.Line{Time: noon, Stream: logs.Stdout, Text: strings.Repeat("x", logs.MaxLine+10)})

	want := []logs.Line{
		{noon, logs.Platform, "", "", "START RequestId: 1"},
		{noon, logs.Stdout, "", "", "one"},
		{noon, logs.Stderr, "", "", "two"},
		{noon, logs.Stderr, "", "", ""},
		{noon, logs.Stderr, "", "", "three  \r"},
		{noon, logs.Stdout, "", "", ""},
		{noon, logs.Stdout, "", "", "\xff\x00ü"},
		{noon, logs.Stdout, "", "", strings.Repeat("x", logs.MaxLine) + "… (10 bytes cut)"},
	}
	check := func(s *logs.Store) {
		t.Helper()
		for n := range len(want) + 2 {
			var got []logs.Line
			for line, err := range tail(t.Context(), s, "f", n) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(want[max(0, len(want)-n):], got, cmp.Transformer("len", func(s []logs.Line) map[int]logs.Line {
				m := map[int]logs.Line{}
				for i, l := range s {
					m[i] = l
				}
				return m
			})); diff != "" {
				t.Errorf("last %d (-want +got):\n%.2000s", n, diff)
			}
		}
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.Append("f", line("after Close"))
	check(s)
	check(open(t, logs.Config{Dir: dir}))

	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoLog(t *testing.T) {
	s := open(t, logs.Config{Dir: t.TempDir()})
	if got := texts(t, tail(t.Context(), s, "nobody", 10)); got != nil {
		t.Errorf("lines %q", got)
	}
	if s.Journals() != 0 {
		t.Error("the store remembers who asked")
	}
}

// TestNames: every function has a log of its own, inside the directory, whatever it is called.
func TestNames(t *testing.T) {
	parent := t.TempDir()
	s := open(t, logs.Config{Dir: filepath.Join(parent, "logs")})
	names := []string{
		"", ".", "..", "../evil", "/etc/evil", `..\evil`, "a", "A", "a.", "a ", "a/b", "a_b", "a\x00b", "CON", "\u00fc", "u\u0308", "\xff",
		strings.Repeat("n", 300), strings.Repeat("n", 301), "123456789012:eu-central-1:my-function",
	}
	folded := map[string]bool{}
	for _, name := range names {
		s.Append(name, line(fmt.Sprintf("%q", name)))
		folded[strings.ToLower(logs.DirName(name))] = true
	}
	for _, name := range names {
		if diff := cmp.Diff([]string{fmt.Sprintf("%q", name)}, texts(t, tail(t.Context(), s, name, 10))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", name, diff)
		}
	}
	if len(folded) != len(names) {
		t.Errorf("%d directories for %d functions", len(folded), len(names))
	}
	for dir, want := range map[string]int{parent: 1, filepath.Join(parent, "logs"): len(names)} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != want {
			t.Errorf("%d entries in %s, want %d: %v", len(entries), dir, want, err)
		}
	}
}

// TestRotation: a log keeps to its size, ends with the newest line, and is never cut within a line.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	const max = 1000
	s := open(t, logs.Config{Dir: dir, MaxFile: max})
	for i := range 500 {
		s.Append("f", line(fmt.Sprintf("line %d", i)))
		if i%50 == 0 { // so that it is written in batches of different sizes
			texts(t, tail(t.Context(), s, "f", 0))
		}
	}
	got := texts(t, tail(t.Context(), s, "f", 1000))
	if len(got) < max/50 || len(got) > 2*max/40 {
		t.Errorf("%d lines are kept", len(got))
	}
	for i, text := range got {
		if want := fmt.Sprintf("line %d", 500-len(got)+i); text != want {
			t.Errorf("line %q, want %q", text, want)
		}
	}
	// The last lines, over the border between the files.
	if diff := cmp.Diff(got[2:], texts(t, tail(t.Context(), s, "f", len(got)-2))); diff != "" {
		t.Errorf("tail (-want +got):\n%s", diff)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("files %q, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > max {
			t.Errorf("%s is %d bytes: %v", file, info.Size(), err)
		}
	}
	// A line that is larger than a file has one to itself.
	s.Append("f", line(strings.Repeat("x", 2*max)))
	s.Append("f", line("last"))
	if got := texts(t, tail(t.Context(), s, "f", 2)); len(got) != 2 || len(got[0]) != 2*max || got[1] != "last" {
		t.Errorf("after a large line: %d lines", len(got))
	}
}

// TestUnfinishedLine: what a killed server left of a line does not spoil the next.
func TestUnfinishedLine(t *testing.T) {
	for _, rest := range []string{"2026-07-10T12:00:00.123Z stdout half", "2026-07-10T12:00", "\n", " "} {
		dir := t.TempDir()
		s := open(t, logs.Config{Dir: dir})
		s.Append("f", line("whole"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(filepath.Join(dir, logs.DirName("f"), "1.log"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(rest); err != nil {
			t.Fatal(err)
		}
		file.Close()
		s = open(t, logs.Config{Dir: dir})
		s.Append("f", line("next"))
		want := []string{"whole", "next"}
		if strings.HasSuffix(rest, "half") {
			want = []string{"whole", "half", "next"}
		}
		if diff := cmp.Diff(want, texts(t, tail(t.Context(), s, "f", 10))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", rest, diff)
		}
	}
}

// TestFollow: a follower gets the last lines and every further one, once and in order, over many files.
func TestFollow(t *testing.T) {
	s := open(t, logs.Config{Dir: t.TempDir(), MaxFile: 1 << 20})
	for i := range 10 {
		s.Append("f", line(fmt.Sprint(i)))
	}
	const lines = 20_000
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var followers sync.WaitGroup
	started := make(chan struct{}, 4)
	for n := range 4 {
		followers.Go(func() {
			next := 10 - n
			for line, err := range follow(ctx, s, "f", n) {
				if err != nil {
					t.Error(err)
					return
				}
				if line.Text != fmt.Sprint(next) {
					t.Errorf("follower of %d: line %q, want %d", n, line.Text, next)
					return
				}
				if next == 10 {
					started <- struct{}{}
				}
				if next++; next == lines {
					return
				}
			}
			t.Errorf("follower of %d ended at %d", n, next)
		})
	}
	// A follower of no earlier lines has no way to say that it has begun but by what it gets.
	time.Sleep(50 * time.Millisecond)
	for i := 10; i < lines; i++ {
		s.Append("f", line(fmt.Sprint(i)))
		if i == 10 {
			for range 4 {
				<-started
			}
		}
		if i%500 == 0 {
			texts(t, tail(t.Context(), s, "f", 0)) // do not overrun the buffer
		}
	}
	followers.Wait()
}

// TestFollowEnds: with the context, with Close, with the caller; and the store forgets the follower.
func TestFollowEnds(t *testing.T) {
	dir := t.TempDir()
	s := open(t, logs.Config{Dir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if got := texts(t, follow(ctx, s, "f", 10)); got != nil {
		t.Errorf("lines %q", got)
	}
	s.Append("f", line("one"))
	for line, err := range follow(t.Context(), s, "f", 10) {
		if err != nil || line.Text != "one" {
			t.Errorf("line %q, %v", line.Text, err)
		}
		break
	}
	if s.Journals() != 0 {
		t.Errorf("%d journals left", s.Journals())
	}
	done := make(chan []string)
	go func() { done <- texts(t, follow(t.Context(), s, "f", 10)) }()
	time.Sleep(10 * time.Millisecond)
	s.Append("f", line("two"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one", "two"}, <-done); diff != "" {
		t.Errorf("lines until Close (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"one", "two"}, texts(t, follow(t.Context(), s, "f", 10))); diff != "" {
		t.Errorf("lines after Close (-want +got):\n%s", diff)
	}
}

// TestSlowFollower: who reads too slowly misses lines, is told so, and holds up nobody.
func TestSlowFollower(t *testing.T) {
	s := open(t, logs.Config{Dir: t.TempDir(), MaxFile: 1000})
	s.Append("f", line("first"))
	told, last := false, ""
	for line, err := range follow(t.Context(), s, "f", 1) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Text == "first" {
			for i := range 200 {
				s.Append("f", logs.Line{Time: noon, Stream: logs.Stdout, Text: fmt.Sprint(i)})
				texts(t, tail(t.Context(), s, "f", 0))
			}
		}
		told = told || line.Stream == logs.Platform && strings.Contains(line.Text, "missing")
		if last = line.Text; last == "199" {
			break
		}
	}
	if !told {
		t.Error("the follower was not told that it missed lines")
	}
}

func TestTailCanceled(t *testing.T) {
	s := open(t, logs.Config{Dir: t.TempDir()})
	s.Append("f", line("one"))
	texts(t, tail(t.Context(), s, "f", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var got error
	for _, err := range tail(ctx, s, "f", 1) {
		got = err
	}
	if !errors.Is(got, context.Canceled) {
		t.Errorf("error %v, want %v", got, context.Canceled)
	}
}

// TestOverrun: a function that prints while the disk stands still loses lines and is told how many; Append does not
// wait, and no other function loses any.
func TestOverrun(t *testing.T) {
	s, release := openStuck(t)
	const lines = 20_000
	for range lines {
		s.Append("loud", line(strings.Repeat("x", 100)))
	}
	s.Append("quiet", line("hello"))
	release()
	if got := texts(t, tail(t.Context(), s, "quiet", 10)); !cmp.Equal(got, []string{"hello"}) {
		t.Errorf("quiet function's log: %q", got)
	}
	s.Append("loud", line("last")) // is taken again: quiet's line was behind all that waited
	got := texts(t, tail(t.Context(), s, "loud", 2*lines))
	kept := len(got) - 2
	want := fmt.Sprintf("furl: %d lines were dropped: they came faster than they could be written", lines-kept)
	if most := logs.MaxPending / 100; kept < most/2 || kept > most {
		t.Errorf("%d of %d lines are kept", kept, lines)
	}
	if diff := cmp.Diff([]string{want, "last"}, got[kept:]); diff != "" {
		t.Errorf("end of the log (-want +got):\n%s", diff)
	}
}

// TestOverrunOfAll: many functions together cannot take more memory than there is for all.
func TestOverrunOfAll(t *testing.T) {
	s, release := openStuck(t)
	const functions = 2 * logs.MaxQueued / logs.MaxPending
	const lines = logs.MaxPending / 1100
	for f := range functions {
		for range lines {
			s.Append(fmt.Sprint(f), line(strings.Repeat("x", 1000)))
		}
	}
	if got := s.Queued(); got > logs.MaxQueued || got < logs.MaxQueued/2 {
		t.Errorf("%d bytes wait, the limit is %d", got, logs.MaxQueued)
	}
	release()
	for f := range functions {
		texts(t, tail(t.Context(), s, fmt.Sprint(f), 0))
	}
	if got := s.Queued(); got != 0 {
		t.Errorf("%d bytes wait when everything is written", got)
	}
}

// openStuck opens a store whose writing stands still until release is called.
func openStuck(t *testing.T) (s *logs.Store, release func()) {
	t.Helper()
	dir := t.TempDir()
	stuck := stuckWriter{entered: make(chan struct{}), left: make(chan struct{})}
	s = open(t, logs.Config{Dir: dir, Logger: slog.New(slog.NewTextHandler(stuck, nil))})
	// A line that cannot be written is reported, and the report is what gets stuck.
	if err := os.WriteFile(filepath.Join(dir, logs.DirName("blocked")), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Append("blocked", line("blocked"))
	<-stuck.entered
	return s, func() { close(stuck.left) }
}

type stuckWriter struct{ entered, left chan struct{} }

func (w stuckWriter) Write(p []byte) (int, error) {
	close(w.entered)
	<-w.left
	return len(p), nil
}

// TestDiskFault: lines that cannot be written are counted, said once, and the log goes on when it can.
func TestDiskFault(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	s := open(t, logs.Config{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	blocked := filepath.Join(dir, logs.DirName("f"))
	if err := os.WriteFile(blocked, nil, 0o600); err != nil { // a file where the directory has to be
		t.Fatal(err)
	}
	for i := range 3 {
		s.Append("f", line(fmt.Sprint(i)))
		for range tail(t.Context(), s, "f", 0) {
		}
	}
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	s.Append("f", line("3"))
	want := []string{"furl: 3 lines were lost: they could not be written", "3"}
	if diff := cmp.Diff(want, texts(t, tail(t.Context(), s, "f", 10))); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "function=f") {
		t.Errorf("the server's log: %s", log.String())
	}
}

// TestManyFunctions: a thousand functions cost neither files nor memory once they are silent.
func TestManyFunctions(t *testing.T) {
	s := open(t, logs.Config{Dir: t.TempDir()})
	before := openFiles(t)
	for round := range 3 {
		for f := range 1000 {
			s.Append(fmt.Sprint("function-", f), line(fmt.Sprint("round ", round)))
		}
	}
	for range 20 {
		name := fmt.Sprint("function-", rand.IntN(1000))
		if got := texts(t, tail(t.Context(), s, name, 10)); len(got) != 3 {
			t.Errorf("%s: %q", name, got)
		}
	}
	for f := range 1000 {
		texts(t, tail(t.Context(), s, fmt.Sprint("function-", f), 0))
	}
	if s.Journals() != 0 {
		t.Errorf("%d journals", s.Journals())
	}
	if opened := openFiles(t) - before; opened > logs.MaxOpen {
		t.Errorf("%d files are open", opened)
	}
}

// openFiles counts the process's open files, where the system tells.
func openFiles(t *testing.T) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := logs.Open(logs.Config{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
}

// FuzzLine: what is appended comes back, line for line.
func FuzzLine(f *testing.F) {
	f.Add("hello", "two\nlines\n", int64(1783711146123))
	f.Add("\x00\xff", "\r\n\n", int64(-1))
	f.Fuzz(func(t *testing.T, first, second string, milli int64) {
		at := time.UnixMilli(milli).UTC()
		if at.Year() < 0 || at.Year() > 9999 || len(first) > logs.MaxLine || len(second) > logs.MaxLine {
			t.Skip()
		}
		s := open(t, logs.Config{Dir: t.TempDir()})
		var want []logs.Line
		for i, text := range []string{first, second} {
			line := logs.Line{Time: at, Stream: logs.Stream(i), Text: text}
			s.Append("f", line)
			for line.Text = range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
				want = append(want, line)
			}
		}
		var got []logs.Line
		for line, err := range tail(t.Context(), s, "f", len(want)+1) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s := open(b, logs.Config{Dir: b.TempDir()})
	l := line(strings.Repeat("x", 100))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Append("f", l)
		if i%5000 == 0 {
			for range tail(context.Background(), s, "f", 0) {
			}
		}
	}
}

// Without a file descriptor to spare, the log that was written to longest ago gives its own up.
func TestLogsShareTheFilesThatThereAre(t *testing.T) {
	s := open(t, logs.Config{Dir: t.TempDir()})
	written := func() {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); s.Journals() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("lines wait to be written")
			}
		}
	}
	s.Append("f", line("one"))
	s.Append("g", line("one"))
	written()
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	lowest := file.Fd() // that is free: with this limit nothing can be opened
	file.Close()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	lowered := before
	lowered.Cur = uint64(lowest)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lowered); err != nil {
		t.Fatal(err)
	}
	for _, function := range []string{"h", "f", "g", "h"} {
		s.Append(function, line("two"))
		written()
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	for function, want := range map[string][]string{"f": {"one", "two"}, "g": {"one", "two"}, "h": {"two", "two"}} {
		if diff := cmp.Diff(want, texts(t, tail(t.Context(), s, function, 10))); diff != "" {
			t.Errorf("%s: %s", function, diff)
		}
	}
}

// A log is that of all versions of a function, or of some of them: the last lines of these, and then theirs as they come.
func TestVersions(t *testing.T) {
	s := open(t, logs.Config{Dir: t.TempDir()})
	write := func(from, to int) {
		for i := from; i < to; i++ {
			version := []string{"", "1", "2", "12"}[i%4]
			s.Append("f", logs.Line{Time: noon, Stream: logs.Platform, Version: version, Text: fmt.Sprint(i)})
		}
	}
	write(0, 20)
	for _, test := range []struct {
		n        int
		versions []string
		want     string
	}{
		{3, nil, "17 18 19"}, {100, []string{"1"}, "1 5 9 13 17"}, {2, []string{"1"}, "13 17"}, {3, []string{""}, "8 12 16"},
		{3, []string{"2", "12"}, "15 18 19"}, {3, []string{"3"}, ""}, {0, []string{"1"}, ""},
	} {
		if got := strings.Join(texts(t, tail(t.Context(), s, "f", test.n, test.versions...)), " "); got != test.want {
			t.Errorf("the last %d of %q: %s", test.n, test.versions, got)
		}
	}
	for line, err := range tail(t.Context(), s, "f", 1, "12") {
		if want := (logs.Line{Time: noon, Stream: logs.Platform, Version: "12", Text: "19"}); err != nil || line != want {
			t.Errorf("%+v, %v", line, err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var got []string
	for line, err := range follow(ctx, s, "f", 1, "2") {
		if err != nil {
			t.Fatal(err)
		}
		switch got = append(got, line.Text); len(got) {
		case 1:
			write(20, 30)
		case 3:
			stop()
		}
	}
	if want := "18 22 26"; strings.Join(got, " ") != want {
		t.Errorf("followed %q, want %s", got, want)
	}
}

// Several logs are one, by time. Those that begin later join while they are followed, if they are wanted.
func TestSeveralLogs(t *testing.T) {
	s := open(t, logs.Config{Dir: t.TempDir()})
	write := func(function string, second int) {
		s.Append(function, logs.Line{Time: noon.Add(time.Duration(second) * time.Second), Text: fmt.Sprint(function, second)})
	}
	for i := range 6 {
		write([]string{"a", "b", "c"}[i%3], i)
	}
	write("gone", -1) // before
	read := func(entries iter.Seq2[logs.Entry, error], each func(n int)) string {
		var got []string
		for entry, err := range entries {
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(entry.Text, entry.Function) {
				t.Errorf("%s of %s", entry.Text, entry.Function)
			}
			got = append(got, entry.Text)
			each(len(got))
		}
		return strings.Join(got, " ")
	}
	a, b := logs.Log{Function: "a"}, logs.Log{Function: "b"}
	for n, want := range []string{"", "b4", "a3 b4", "b1 a3 b4", "a0 b1 a3 b4", "a0 b1 a3 b4"} {
		if got := read(s.Tail(t.Context(), n, b, a), func(int) {}); got != want {
			t.Errorf("the last %d: %s", n, got)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	asked := map[string]int{}
	more := func(function string) (logs.Log, bool) {
		asked[function]++
		return logs.Log{Function: function, Wanted: func(entry logs.Entry) bool { return entry.Text != "gone9" }}, function != "c"
	}
	got := read(s.Follow(ctx, 2, more, a, b), func(n int) {
		switch n {
		case 2:
			write("c", 7)
			write("new", 8)
		case 3:
			write("gone", 9)
			write("gone", 10)
		case 4:
			write("c", 11)
			write("a", 12)
		case 5:
			stop()
		}
	})
	if want := "a3 b4 new8 gone10 a12"; got != want {
		t.Errorf("followed %s, want %s", got, want)
	}
	if diff := cmp.Diff(map[string]int{"c": 1, "new": 1, "gone": 1}, asked); diff != "" {
		t.Errorf("asked about (-want +got):\n%s", diff)
	}
}

// Lines keep the id of their request; one that is no id is not kept.
func TestRequestIDs(t *testing.T) {
	s := open(t, logs.Config{Dir: t.TempDir()})
	want := []logs.Line{
		{noon, logs.Stdout, "", "8bf8b4a7-40ec-4d4d-a3b8-8e1e6e0e3b0e", "one"},
		{noon, logs.Platform, "3", "8bf8b4a7-40ec-4d4d-a3b8-8e1e6e0e3b0e", "two/2"},
		{noon, logs.Stdout, "", "", "three"},
		{noon, logs.Stdout, "7", "", "four"},
	}
	for _, line := range want {
		s.Append("f", line)
	}
	s.Append("f", logs.Line{Time: noon, RequestID: "a b", Text: "five"})
	s.Append("f", logs.Line{Time: noon, RequestID: strings.Repeat("x", 65), Text: "six"})
	want = append(want, logs.Line{Time: noon, Text: "five"}, logs.Line{Time: noon, Text: "six"})
	var got []logs.Line
	for line, err := range tail(t.Context(), s, "f", 10) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The forms are those of AWS's runtimes (Lambda Developer Guide, "Using Lambda function logs in Python", "… in Node.js",
// "… in Java") and of widely used loggers.
func TestLevels(t *testing.T) {
	const id = "8bf8b4a7-40ec-4d4d-a3b8-8e1e6e0e3b0e"
	for _, row := range []struct {
		text string
		want logs.Level
	}{
		{"plain", logs.Info},
		{"Error is the first word of a sentence", logs.Info},
		{"[ERROR]\t2026-11-23T15:00:00.000Z\t" + id + "\tsomething", logs.Error},
		{"[WARNING]\t2026-11-23T15:00:00.000Z\t" + id + "\tsomething", logs.Warn},
		{"[ERROR] KeyError: 'x'", logs.Error},
		{"2026-11-23T15:00:00.000Z\t" + id + "\tERROR\tUncaught Exception\t{}", logs.Error},
		{"2026-11-23T15:00:00.000Z\t" + id + "\tINFO\tERROR is only a word", logs.Info},
		{"2026-11-23 15:00:00 " + id + " WARN  Handler - something", logs.Warn},
		{"2026/11/23 15:00:00 ERROR something", logs.Error},
		{"time=2026-11-23T15:00:00.000Z level=DEBUG msg=something", logs.Debug},
		{`ts=1 level="warn" msg=something`, logs.Warn},
		{"WARNING:root:something", logs.Warn},
		{"CRITICAL something", logs.Fatal},
		{"INFO:     127.0.0.1:80 - GET /", logs.Info},
		{`{"timestamp":"2026-11-23T15:00:00Z","level":"ERROR","message":"x"}`, logs.Error},
		{`{"level":"debug"}`, logs.Debug},
		{`{"level":50,"msg":"of pino"}`, logs.Error},
		{`{"level":60}`, logs.Fatal},
		{`{"severity":"WARNING"}`, logs.Warn},
		{`{"level":{"of":"something else"}}`, logs.Info},
		{`{"level":"ERROR", and no JSON`, logs.Info},
		{"{", logs.Info},
		{"", logs.Info},
	} {
		if got := new(logs.Levels).Of(logs.Line{Text: row.text}); got != row.want {
			t.Errorf("%s: %s, want %s", row.text, got, row.want)
		}
	}
	for text, want := range map[string]logs.Level{
		"START RequestId: " + id + " Version: $LATEST":                            logs.Info,
		"REPORT RequestId: " + id + "\tDuration: 2 ms\t":                          logs.Info,
		"REPORT RequestId: " + id + "\tDuration: 2 ms\tStatus: timeout":           logs.Error,
		"INIT_REPORT Init Duration: 9.00 ms\tPhase: init\tStatus: error":          logs.Error,
		"2026-11-23T15:00:00.000Z " + id + " Task timed out after 3.00 seconds":   logs.Error,
		"RequestId: " + id + " Error: Runtime exited with error: exit status 1":   logs.Error,
		"furl: 3 lines were dropped: they came faster than they could be written": logs.Warn,
		"[ERROR] a function cannot write such a line":                             logs.Info,
	} {
		if got := new(logs.Levels).Of(logs.Line{Stream: logs.Platform, Text: text}); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A traceback has the level of the line that it follows, also if another invocation writes in between.
func TestLevelsOfFollowingLines(t *testing.T) {
	var levels logs.Levels
	for i, row := range []struct {
		id, text string
		stream   logs.Stream
		want     logs.Level
	}{
		{"a", "before", logs.Stdout, logs.Info},
		{"a", "[ERROR] KeyError: 'x'", logs.Stdout, logs.Error},
		{"b", "of another one", logs.Stdout, logs.Info},
		{"a", "Traceback (most recent call last):", logs.Stdout, logs.Error},
		{"a", "  File \"/var/task/app.py\", line 3, in handler", logs.Stdout, logs.Error},
		{"a", "END RequestId: a", logs.Platform, logs.Info},
		{"a", "after its end", logs.Stdout, logs.Info},
		{"b", "[DEBUG] x", logs.Stdout, logs.Debug},
		{"b", "y", logs.Stdout, logs.Debug},
	} {
		if got := levels.Of(logs.Line{RequestID: row.id, Stream: row.stream, Text: row.text}); got != row.want {
			t.Errorf("line %d, %s: %s, want %s", i, row.text, got, row.want)
		}
	}
}
