package runtime_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/peer"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// serverMain is a server that is about to be killed: its only environment is busy, and has a child of its own that has
// left its process group. It prints "ready" and waits.
func serverMain(dir, mode string) {
	code := filepath.Join(dir, "code")
	self, err := os.Executable()
	must(err)
	must(os.Mkdir(code, 0o700))
	must(os.Symlink(self, filepath.Join(code, "bootstrap")))
	pool, err := runtime.New(runtime.Config{
		Dir: filepath.Join(dir, "pool"), Sandbox: sandbox.Config{Mode: sandbox.Mode(mode)},
	})
	must(err)
	fn := &runtime.Function{
		Key: "k", Name: "f", Version: "$LATEST", Runtime: "provided.al2023", Handler: "main",
		CodeDir: code, Timeout: time.Minute, Concurrency: 1,
	}
	invoke := func(event string) string {
		result, err := pool.Invoke(context.Background(), fn, runtime.Invocation{RequestID: "r", Payload: []byte(event)})
		must(err)
		body, err := result.ReadAll(0)
		must(err)
		return string(body)
	}
	invoke(`{"do":"detach"}`)
	fmt.Println("ready")
	invoke(`{"do":"sleep","ms":60000}`)
	os.Exit(1)
}

// server is a running serverMain with all processes below it.
type server struct {
	cmd   *exec.Cmd
	below []int
}

func startServer(t *testing.T, mode sandbox.Mode) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{cmd: exec.Command(self)}
	s.cmd.Env = append(os.Environ(), "FURL_TEST_SERVER="+t.TempDir(), "FURL_TEST_SANDBOX="+string(mode))
	s.cmd.Stderr = t.Output()
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var word string
	if _, err := fmt.Fscan(stdout, &word); err != nil || word != "ready" {
		s.kill()
		t.Fatalf("the server says %q: %v", word, err)
	}
	s.below = below(s.cmd.Process.Pid)
	if len(s.below) != 3 {
		s.kill()
		t.Fatalf("below the server are %v, want its helper, the function and what the function has started", s.below)
	}
	return s
}

func (s *server) kill() {
	s.cmd.Process.Kill() //nolint:errcheck // it may have ended
	s.cmd.Wait()         //nolint:errcheck // it was killed
}

// below lists the processes that descend from pid, nearest first.
func below(pid int) []int {
	var all []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) //nolint:errcheck // the pattern is right
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(append(all, child), below(child)...)
			}
		}
	}
	return all
}

var everyMode = []sandbox.Mode{sandbox.Auto, sandbox.Off}

func TestNothingOutlivesAServerThatIsKilled(t *testing.T) {
	for _, mode := range everyMode {
		t.Run(string(mode), func(t *testing.T) {
			server := startServer(t, mode)
			server.kill()
			for _, pid := range server.below {
				awaitGone(t, pid)
			}
		})
	}
}

// An environment whose helper is killed ends with it, and the pool goes on.
func TestFunctionsEndWithTheirHelper(t *testing.T) {
	for _, mode := range everyMode {
		t.Run(string(mode), func(t *testing.T) {
			b := newBench(t, func(c *runtime.Config) { c.Sandbox.Mode = mode })
			fn := b.function("main", limit(-1))
			b.invoke(fn, order{Do: "echo"})
			b.await(1)
			processes := below(os.Getpid())
			if len(processes) != 2 {
				t.Fatalf("the processes are %v, want a helper and a function", processes)
			}
			if err := syscall.Kill(processes[0], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			for _, pid := range processes {
				awaitGone(t, pid)
			}
			b.await(0)
			if body, result, _ := b.invoke(fn, order{Do: "echo"}); result.FunctionError != nil {
				t.Errorf("body = %s", body)
			}
		})
	}
}

// A function that is not confined can kill the process above it. What it has started ends nevertheless.
func TestFunctionsThatKillTheirHelper(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.Sandbox.Mode = sandbox.Off })
	fn := b.function("main", limit(-1))
	pids := filepath.Join(t.TempDir(), "pid")
	if body, result, _ := b.invoke(fn, order{Do: "kill-parent", Text: pids}); result.FunctionError == nil {
		t.Errorf("body = %s", body)
	}
	if running, _ := peer.Session(readPID(t, pids)); len(running) != 0 {
		t.Errorf("processes %v live on", running)
	}
	if body, result, _ := b.invoke(fn, order{Do: "echo"}); result.FunctionError != nil {
		t.Errorf("body = %s", body)
	}
}

// What a function has left running in a session of its own, ends with its environment.
func TestDetachedProcessesEndWithTheirEnvironment(t *testing.T) {
	for _, mode := range everyMode {
		t.Run(string(mode), func(t *testing.T) {
			b := newBench(t, func(c *runtime.Config) { c.Sandbox.Mode = mode })
			fn := b.function("main", limit(-1))
			b.invoke(fn, order{Do: "detach"})
			processes := below(os.Getpid())
			if len(processes) != 3 {
				t.Fatalf("the processes are %v, want a helper, a function and what it has started", processes)
			}
			b.pool.Retire(fn.Key)
			for _, pid := range processes {
				awaitGone(t, pid)
			}
		})
	}
}
