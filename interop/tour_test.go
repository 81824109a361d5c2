//go:build unix

package interop_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/trash"
)

// tour are the commands with which the README begins, block by block, up to those for a server without a project.
func tour(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("\n## Five minutes\n"))
	story, _, found := strings.Cut(string(text), "\nYou can also start a server without a project")
	if !found {
		t.Fatal("README.md does not begin its tour with a project any more")
	}
	var blocks []string
	for paragraph := range strings.SplitSeq(story, "\n\n") {
		if strings.HasPrefix(paragraph, "    ") {
			blocks = append(blocks, strings.ReplaceAll(paragraph, "\n    ", "\n")[4:])
		}
	}
	return blocks
}

// screen keeps what a shell shows.
type screen struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// TestTour types the first commands of the README into two shells, as they stand there.
func TestTour(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "make", "curl", "perl", "python3"} {
		needProgram(t, program)
	}
	blocks := tour(t)
	if len(blocks) != 4 {
		t.Fatalf("the test knows 4 blocks of commands, the README has %q", blocks)
	}
	parent := t.TempDir()
	t.Cleanup(func() {
		bin := trash.Bin{Dir: parent}
		if err := bin.Remove(context.Background(), "furl"); err != nil {
			t.Error(err)
		}
	})
	// What it starts with is a checkout whose program is built.
	checkout := filepath.Join(parent, "furl")
	copyInto(t, filepath.Join(checkout, "examples"), "../examples")
	if err := os.RemoveAll(filepath.Join(checkout, "examples", "article", ".furl")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(checkout, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(must(t, buildFurl), filepath.Join(checkout, "bin", "furl")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(checkout, "Makefile"), "build:\n")
	env := baseEnv(t.TempDir())

	var first screen
	shell := exec.Command("sh", "-c", blocks[0])
	shell.Dir, shell.Env, shell.Stdout, shell.Stderr = checkout, env, &first, &first
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		shell.Wait() //nolint:errcheck // a shell that is interrupted has no status to look at
		close(ended)
	}()
	stop := func(signal syscall.Signal) { syscall.Kill(-shell.Process.Pid, signal) } //nolint:errcheck // it may have ended
	t.Cleanup(func() {
		stop(syscall.SIGKILL)
		<-ended
	})
	// A person reads the function URLs before typing on.
	for deadline := time.Now().Add(time.Minute); strings.Count(first.String(), "furl call http") < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no function URLs in the first shell:\n%s", first.String())
		}
	}
	below := descendants(t, shell.Process.Pid)

	second := func(script string) string {
		t.Helper()
		done := runIn(t, checkout, env, nil, "sh", "-ec", script)
		if done.code != 0 {
			t.Fatalf("%s\nexit %d: %s%s", script, done.code, done.stdout, done.stderr)
		}
		return done.stdout
	}
	setUp, _, _ := strings.Cut(blocks[1], "furl call")
	shown := second(blocks[1])
	for _, want := range []string{`"This is page 5."`, `"my-user"`, "/my-calling-function"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the calling function says %s, without %s", shown, want)
		}
	}
	shown = second(setUp + blocks[2])
	for _, want := range []string{unsigned, "answered 403", "the request is not signed"} {
		if !strings.Contains(shown, want) {
			t.Errorf("of a request without a signature it says %s, without %s", shown, want)
		}
	}
	shown = second(setUp + blocks[3])
	lines := strings.Split(blocks[3], "\n")
	for deadline := time.Now().Add(time.Minute); !strings.Contains(shown, `"You are on page 5."`); {
		if time.Now().After(deadline) {
			t.Fatalf("after the change it says %s", shown)
		}
		shown = second(setUp + lines[len(lines)-1]) // it was typed faster than any person does
	}
	stop(syscall.SIGINT)
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatalf("the first shell does not end:\n%s", first.String())
	}
	nothingLeft(t, below)
}
