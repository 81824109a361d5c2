//go:build unix

package runtime_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// bench is a pool with a function to run in it.
type bench struct {
	testing.TB
	pool *runtime.Pool
	log  *recorder
}

// recorder keeps the lines of all functions as text.
type recorder struct {
	mu    sync.Mutex
	lines []string
	ids   []string
}

func (r *recorder) WriteLog(line runtime.LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, string(line.Text))
	r.ids = append(r.ids, line.RequestID)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

func newBench(t testing.TB, changes ...func(*runtime.Config)) *bench {
	t.Helper()
	b := &bench{TB: t, log: &recorder{}}
	config := runtime.Config{
		Dir: t.TempDir(), Log: b.log, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Sandbox: sandbox.Config{Mode: sandbox.Off}, // tests tell functions what to do with files and processes of theirs
	}
	for _, change := range changes {
		change(&config)
	}
	pool, err := runtime.New(config)
	if err != nil {
		t.Fatal(err)
	}
	b.pool = pool
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// confined is for newBench: functions run as they do in a server.
func confined(c *runtime.Config) { c.Sandbox.Mode = sandbox.Auto }

// function makes a function whose bootstrap is this test binary.
func (b *bench) function(handler string, changes ...func(*runtime.Function)) *runtime.Function {
	b.Helper()
	dir, err := filepath.EvalSymlinks(b.TempDir()) // as the function will see it
	if err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "bootstrap")); err != nil {
		b.Fatal(err)
	}
	name := "fn-" + handler
	fn := &runtime.Function{
		Key:         "123456789012/eu-west-1/" + name + "/$LATEST/1",
		ARN:         "arn:aws:lambda:eu-west-1:123456789012:function:" + name,
		AccountID:   "123456789012",
		Region:      "eu-west-1",
		Name:        name,
		Version:     "$LATEST",
		Runtime:     "provided.al2023",
		Handler:     handler,
		CodeDir:     dir,
		MemoryMB:    128,
		Timeout:     10 * time.Second,
		Concurrency: 1, // so that an environment which is a little late is waited for
		Environment: map[string]string{"GORACE": "atexit_sleep_ms=0"},
	}
	if testing.CoverMode() != "" {
		fn.Environment["GOCOVERDIR"] = b.TempDir() // or it complains in the log
	}
	for _, change := range changes {
		change(fn)
	}
	return fn
}

// titled is for bench.function: another function of the same code.
func titled(name string) func(*runtime.Function) {
	return func(fn *runtime.Function) {
		fn.Name, fn.Key, fn.Concurrency = name, name, -1
	}
}

var requests atomic.Int64

func (b *bench) start(fn *runtime.Function, event any) (*runtime.Result, string, error) {
	b.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		b.Fatal(err)
	}
	id := fmt.Sprintf("8f5d1c1e-0000-4000-8000-%012d", requests.Add(1))
	result, err := b.pool.Invoke(b.Context(), fn, runtime.Invocation{RequestID: id, Payload: payload})
	return result, id, err
}

// invoke runs an event to its end.
func (b *bench) invoke(fn *runtime.Function, event any) (string, *runtime.Result, string) {
	b.Helper()
	result, id, err := b.start(fn, event)
	if err != nil {
		b.Fatal(err)
	}
	body, err := result.ReadAll(0)
	if err != nil {
		b.Fatal(err)
	}
	return string(body), result, id
}

func TestInvoke(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	for i := range 3 {
		body, result, _ := b.invoke(fn, order{Do: "echo", Text: fmt.Sprint(i)})
		if result.FunctionError != nil {
			t.Fatalf("invocation %d failed: %s", i, body)
		}
		if want := fmt.Sprintf(`{"do":"echo","text":"%d"}`, i); body != want {
			t.Errorf("body = %s, want %s", body, want)
		}
		if result.ColdStart != (i == 0) {
			t.Errorf("invocation %d: ColdStart = %t", i, result.ColdStart)
		}
		if result.ContentType != "application/json" {
			t.Errorf("content type = %q", result.ContentType)
		}
		t.Logf("%+v\n%s", result.Report(), result.LogTail())
	}
}

func TestWhatIsMissing(t *testing.T) {
	if _, err := runtime.New(runtime.Config{}); err == nil || !strings.Contains(err.Error(), "Config.Dir is empty") {
		t.Errorf("pool without a directory: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.New(runtime.Config{Dir: file}); err == nil {
		t.Error("pool in a file")
	}
	b := newBench(t)
	for _, row := range []struct {
		change func(*runtime.Function)
		id     string
		want   string
	}{
		{named("f"), "", "invocation has no request id"},
		{named("f"), "a/b", `request id "a/b": want at most 128 letters`},
		{named("f"), "a\nb", `request id "a\nb": want at most 128 letters`},
		{named("f"), strings.Repeat("a", 129), "want at most 128 letters"},
		{within(0), "id", "has no timeout"},
		{func(fn *runtime.Function) { fn.CodeDir = "code" }, "id", `its code directory "code" is no absolute path`},
	} {
		_, err := b.pool.Invoke(t.Context(), b.function("main", row.change), runtime.Invocation{RequestID: row.id})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("err = %v, want %s", err, row.want)
		}
	}
}

// A Result that a test of another package makes works without a pool.
func TestResultOnItsOwn(t *testing.T) {
	result := &runtime.Result{Body: io.NopCloser(strings.NewReader("text"))}
	if body, err := result.ReadAll(0); err != nil || string(body) != "text" {
		t.Errorf("%q, %v", body, err)
	}
	if result.Report() != (runtime.Report{}) || result.LogTail() != nil || result.StreamError() != nil {
		t.Error("it has a report, a log or an error")
	}
	cause := errors.New("connection lost")
	result = &runtime.Result{Body: io.NopCloser(iotest.ErrReader(cause))}
	if _, err := result.ReadAll(0); !errors.Is(err, cause) {
		t.Errorf("err = %v, want %v", err, cause)
	}
	result = &runtime.Result{Body: io.NopCloser(strings.NewReader("x")), FunctionError: &runtime.FunctionError{
		Type: "T", Reason: runtime.ReasonExit, Payload: []byte("payload"),
	}}
	if body, err := result.ReadAll(0); err != nil || string(body) != "payload" {
		t.Errorf("%q, %v", body, err)
	}
	if got, want := result.FunctionError.Error(), "function failed (exit): T"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
