package runtime_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

// serverMain is a server that is about to be killed: its only environment is busy, and has a child of its own. It prints
// their process ids and waits.
func serverMain(dir string) {
	code := filepath.Join(dir, "code")
	self, err := os.Executable()
	must(err)
	must(os.Mkdir(code, 0o700))
	must(os.Symlink(self, filepath.Join(code, "bootstrap")))
	pool, err := runtime.New(runtime.Config{Dir: filepath.Join(dir, "pool")})
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
	function := invoke(`{"do":"pid"}`)
	file := filepath.Join(dir, "pid")
	go invoke(fmt.Sprintf(`{"do":"grandchild","text":%q,"ms":60000}`, file))
	for range 5000 {
		if grandchild, err := os.ReadFile(file); err == nil && len(grandchild) > 0 {
			fmt.Println(function, string(grandchild))
			break
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Minute)
	os.Exit(1)
}

// testServer is a running serverMain.
type testServer struct {
	cmd                  *exec.Cmd
	function, grandchild int // process ids
}

func startServer(t *testing.T) *testServer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{cmd: exec.Command(self)}
	s.cmd.Env = append(os.Environ(), "FURL_TEST_SERVER="+t.TempDir())
	s.cmd.Stderr = t.Output()
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscan(stdout, &s.function, &s.grandchild); err != nil {
		s.kill()
		t.Fatalf("process ids from the server: %v", err)
	}
	return s
}

func (s *testServer) kill() {
	s.cmd.Process.Kill() //nolint:errcheck // it may have ended
	s.cmd.Wait()         //nolint:errcheck // it was killed
}

func TestNothingOutlivesAServerThatIsKilled(t *testing.T) {
	server := startServer(t)
	server.kill()
	awaitGone(t, server.function)
	awaitGone(t, server.grandchild)
}
