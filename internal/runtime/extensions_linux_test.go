package runtime_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
	"github.com/furl-dev/furl/internal/usertest"
)

// install gives a layer a program of its own for an extension: a link would lead out of the sandbox.
func (b *bench) install(opt, name string) {
	b.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		b.Fatal(err)
	}
	defer self.Close()
	path := filepath.Join(opt, "extensions", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(file, self); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
}

// Extensions are in the function's sandbox, also for a server without rights: they reach the API, write the function's
// directory, get telemetry, and find their environment by its name. They do not see the server's data.
func TestExtensionsAreConfined(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	dir := t.TempDir()
	secret := filepath.Join(dir, "keys")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, confined, func(c *runtime.Config) {
		c.Dir, c.Sandbox.Hidden = filepath.Join(dir, "pool"), []string{dir}
	})
	description, _ := b.pool.Sandbox()
	t.Log(description)
	opt := filepath.Join(dir, "layers")
	b.install(opt, "telemetry")
	b.install(opt, "hosts")
	b.install(opt, "../inner/hosts.2")
	// Extensions are often scripts that start something else of the layer.
	script := "#!/bin/sh\ncat " + secret + " 2>&1\necho looked\nexec \"${0%/*}/../inner/hosts.2\"\n"
	if err := os.WriteFile(filepath.Join(opt, "extensions", "hosts.2"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	fn := b.function("main", withEnv("RECORDS", "/tmp/records"), func(fn *runtime.Function) { fn.Opt = opt })
	for range 2 {
		if body, result, _ := b.invoke(fn, order{Do: "print", Text: "hello", N: 1}); result.FunctionError != nil {
			t.Fatal(body)
		}
	}
	b.waitFor(`subscribed: 200 "OK"`)
	b.waitFor(`looked`)
	if strings.Contains(b.log.String(), "secret\n") {
		t.Errorf("an extension reads the server's data:\n%s", b.log)
	}
	if !strings.Contains(description, "namespaces") || strings.Contains(description, "no namespaces") {
		return
	}
	b.waitFor(`sandbox.localdomain: \[127.0.0.1\] <nil>`)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(dir, "pool", "environment", "*", "records"))
		if err == nil && len(files) == 1 && len(records(t, files[0])["function"]) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no records in %q:\n%s", files, b.log)
		}
	}
}

// A runtime that takes too much memory is killed at once, and its extensions hear that it failed.
func TestExtensionsOfARuntimeThatIsKilled(t *testing.T) {
	needs(t, "python3")
	b := newBench(t, limited(sandbox.Off))
	fn := b.python(greedy...)
	fn.Timeout = time.Minute
	b.withExtensions("good")(fn)
	body, _, id := b.invoke(fn, map[string]any{"take": 400, "wait": 30})
	want := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited with error: signal: killed"}`
	if body != want {
		t.Errorf("%s, want %s", body, want)
	}
	b.waitFor(`"eventType":"SHUTDOWN","deadlineMs":\d+,"shutdownReason":"failure"`)
}
