package runtime_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// python makes a function whose handler is these lines, with d for the event.
func (b *bench) python(lines ...string) *runtime.Function {
	b.Helper()
	body := "import os, glob, socket, tempfile\n\ndef handler(d, context):\n    " + strings.Join(lines, "\n    ") + "\n"
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(body), 0o644); err != nil {
		b.Fatal(err)
	}
	fn := b.function("app.handler")
	fn.CodeDir, fn.Runtime = dir, "python3.11"
	fn.Key = dir
	return fn
}

// What is outside of a function is out of its reach; what it needs is there.
func TestFunctionsSeeTheirOwn(t *testing.T) {
	needs(t, "python3")
	data := t.TempDir()
	keys := filepath.Join(data, "root-credentials.json")
	if err := os.WriteFile(keys, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, confined, func(c *runtime.Config) {
		c.Dir = filepath.Join(data, "environments")
		c.Sandbox.Hidden = []string{data}
	})
	for _, row := range []struct{ line, want string }{
		{`return os.path.exists("` + keys + `")`, "false"},
		{`return os.listdir("` + data + `")`, `["environments"]`},
		{`return os.listdir("` + data + `/environments/environment") == [os.path.basename(os.environ["HOME"])]`, "true"},
		{`return [p for p in glob.glob("/proc/[0-9]*") if open(p + "/cmdline").read().startswith("` + os.Args[0] + `")]`, "[]"},
		{`return os.access(os.environ["LAMBDA_TASK_ROOT"], os.W_OK)`, "false"},
		{`return os.access("/tmp", os.W_OK) and os.access(os.environ["HOME"], os.W_OK)`, "true"},
		{`return tempfile.mkstemp()[1].startswith(os.environ["TMPDIR"])`, "true"},
		{`return socket.create_connection(os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")) and 1`, "1"},
		{`return socket.gethostbyname("localhost")`, `"127.0.0.1"`},
		{`import multiprocessing; return multiprocessing.Queue() and 1`, "1"},
		{`import ssl; return ssl.create_default_context() and 1`, "1"},
		{`import subprocess; return subprocess.run(["sh", "-c", "echo $((6*7))"], capture_output=True, text=True).stdout`, `"42\n"`},
	} {
		if got, _, _ := b.invoke(b.python(row.line), nil); got != row.want {
			t.Errorf("%s: %s, want %s", row.line, got, row.want)
		}
	}
}

// A function that fails as the sandbox makes functions fail is told so, once.
func TestFailuresNameTheSandbox(t *testing.T) {
	needs(t, "python3")
	secret := "/root" // is there, but not for functions
	if file, err := os.CreateTemp("/srv", "furl-test-"); err == nil {
		secret = file.Name()
		defer os.Remove(secret)
		file.Close()
	}
	const remark = "furl: the sandbox may be why this failed: " + sandbox.Opening
	for _, row := range []struct {
		name  string
		fn    func(b *bench) *runtime.Function
		named bool
	}{
		{"a file that is hidden", func(b *bench) *runtime.Function { return b.python(`open("` + secret + `")`) }, true},
		{"the code", func(b *bench) *runtime.Function { return b.python(`open(__file__, "a")`) }, true},
		{"permission denied", func(b *bench) *runtime.Function { return b.python(`raise PermissionError(13, "no")`) }, true},
		{"a crash that says so", func(b *bench) *runtime.Function {
			return b.function("main", withBootstrap(t, "#!/bin/sh\necho >> /etc/passwd\nexit 1\n", 0o755))
		}, true},
		{"a bug", func(b *bench) *runtime.Function { return b.python("1/0") }, false},
		{"a file that is nowhere", func(b *bench) *runtime.Function { return b.python(`open("/nowhere")`) }, false},
		{"a crash", func(b *bench) *runtime.Function {
			return b.function("main", withBootstrap(t, "#!/bin/sh\nexit 1\n", 0o755))
		}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, confined)
			_, result, _ := b.invoke(row.fn(b), nil)
			if result.FunctionError == nil {
				t.Fatal("it does not fail")
			}
			result.LogTail() // waits for the end of the log
			want := 0
			if row.named {
				want = 1
			}
			if got := strings.Count(b.log.String(), remark); got != want {
				t.Errorf("the log names the sandbox %d times, want %d:\n%s", got, want, b.log)
			}
		})
	}
}

// REPORT tells the function's memory, not the server's, also of a function that is killed.
func TestTimeoutReportsTheFunctionsMemory(t *testing.T) {
	needs(t, "python3")
	ballast := make([]byte, 300<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	b := newBench(t, confined)
	fn := b.python("import time", "time.sleep(60)")
	fn.Timeout = 500 * time.Millisecond
	_, result, _ := b.invoke(fn, nil)
	match := regexp.MustCompile(`Max Memory Used: (\d+) MB`).FindSubmatch(result.LogTail())
	if match == nil {
		t.Fatalf("log:\n%s", result.LogTail())
	}
	if used, err := strconv.Atoi(string(match[1])); err != nil || used < 3 || used > 100 {
		t.Errorf("a Python function used %d MB", used)
	}
	ballast[0] = 2 // it must live until here
}
