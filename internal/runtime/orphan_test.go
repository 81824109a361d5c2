package runtime_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

// serverMain is a server that is about to be killed: it has an idle environment with a child of its own, prints their
// process ids and waits.
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
	child := invoke(fmt.Sprintf(`{"do":"grandchild","text":%q}`, filepath.Join(dir, "pid")))
	fmt.Println(invoke(`{"do":"pid"}`), child)
	time.Sleep(time.Minute)
	os.Exit(1)
}

func TestNothingOutlivesAServerThatIsKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(self)
	server.Env = append(os.Environ(), "FURL_TEST_SERVER="+t.TempDir())
	server.Stderr = t.Output()
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil && err != io.EOF {
		t.Error(err)
	}
	var pids []int
	for field := range strings.FieldsSeq(line) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if err := server.Process.Kill(); err != nil {
		t.Error(err)
	}
	server.Wait() //nolint:errcheck // it was killed
	if len(pids) != 2 {
		t.Fatalf("the server printed %q, want two process ids", line)
	}
	for _, pid := range pids {
		awaitGone(t, pid)
	}
}
