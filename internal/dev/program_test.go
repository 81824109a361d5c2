//go:build unix

package dev_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/dev"
)

const patience = 30 * time.Second

// lines collects what a program prints.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
}

func (l *lines) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// until waits for a condition.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// alive reports whether a process runs whose id is in a file.
func alive(t *testing.T, file string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err == nil { // a process that nobody waits for is dead all the same
		return !strings.Contains(string(stat), ") Z ")
	}
	return syscall.Kill(id, 0) == nil
}

func has(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.HasSuffix(string(text), "\n")
}

func TestProgramRunsInTheUsersShell(t *testing.T) {
	dir := t.TempDir()
	var out lines
	p, err := dev.Start([]string{"SHELL=/bin/sh", "A=from outside", "PATH=" + os.Getenv("PATH")}, dir,
		`echo "$A"; pwd -P; echo no >&2; printf end; exit 3`, out.add)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"from outside", real, "no", "end"}; !slices.Equal(out.get(), want) {
		t.Errorf("printed %q, want %q", out.get(), want)
	}
}

// TestEndReachesAll ends a program with children in its group and outside of it.
func TestEndReachesAll(t *testing.T) {
	for name, line := range map[string]string{
		"a child":                     `sleep 600 & echo $! > child; wait`,
		"a child that ignores it":     `trap "" TERM; (trap "" TERM; echo $(exec sh -c 'echo $PPID') > child; while :; do sleep 600; done) & wait; wait`,
		"one that the program leaves": `sleep 600 & echo $! > child; exit 0`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p, err := dev.Start(os.Environ(), dir, line, func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			child := filepath.Join(dir, "child")
			until(t, "the child runs", func() bool { return has(child) })
			p.End(50 * time.Millisecond)
			until(t, "the child ends", func() bool { return !alive(t, child) })
		})
	}
}

func TestSuperviseStartsAgain(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var out, ends lines
	var done sync.WaitGroup
	done.Go(func() {
		dev.Supervise(ctx, os.Environ(), dir, `echo "on $PORT"; test -e go || exit 5; sleep 600`, out.add, ends.add)
	})
	until(t, "it ended twice", func() bool { return len(ends.get()) >= 2 })
	if first := ends.get()[0]; !strings.Contains(first, "exit status 5") {
		t.Errorf("told %q", first)
	}
	before := len(out.get())
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "it runs again", func() bool { return len(out.get()) > before })
	cancel()
	done.Wait()
	for _, line := range out.get() {
		if line != "on 1234" {
			t.Errorf("printed %q", line)
		}
	}
}

func TestBackOff(t *testing.T) {
	last := time.Duration(0)
	for failures := range 100 {
		wait := dev.BackOff(failures)
		if wait < last || wait <= 0 || wait > 10*time.Second {
			t.Errorf("after %d failures %s, before %s", failures, wait, last)
		}
		last = wait
	}
}
