//go:build unix

package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/trash"
	"github.com/furl-dev/furl/internal/usertest"
)

// litterer is a function that leaves in its HOME what Go's module cache does, and worse.
const litterer = `#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while :; do
	id=$(curl -sS -D - -o "$HOME/event" "$api/next" | tr -d '\r' |
		sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *//p')
	mkdir -p "$HOME/mod/cache/deep" "$HOME/closed/inner" "$HOME/empty"
	echo x >"$HOME/mod/cache/deep/file"
	echo x >"$HOME/closed/inner/file"
	ln -s / "$HOME/mod/link"
	chmod 0 "$HOME/closed/inner" "$HOME/closed" "$HOME/empty"
	chmod 0555 "$HOME/mod/cache/deep" "$HOME/mod/cache" "$HOME/mod" "$HOME"
	curl -sS -o /dev/null -d '"done"' "$api/$id/response"
done
`

// shellFunction is a function whose bootstrap is a shell script, in a directory that is read-only.
func shellFunction(t testing.TB, script string) *runtime.Function {
	t.Helper()
	needs(t, "curl")
	dir := t.TempDir()
	for _, err := range []error{
		os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(script), 0o700), os.Chmod(dir, 0o555),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) }) // for t.TempDir
	return functionIn(dir)
}

func functionIn(dir string) *runtime.Function {
	return &runtime.Function{
		Key: "k", ARN: "arn:aws:lambda:eu-west-1:123456789012:function:shell", Name: "shell", Version: "$LATEST",
		Runtime: "provided.al2023", Handler: "main", CodeDir: dir, Timeout: 20 * time.Second, Concurrency: 1,
	}
}

// text is a log for tests.
type text struct{ bytes.Buffer }

func (x *text) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(x, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// runOnce makes a pool in dir, runs the function once and answers the environments' directories of that moment.
func runOnce(t testing.TB, dir string, fn *runtime.Function) (pool *runtime.Pool, log *text, homes []string) {
	t.Helper()
	log = &text{}
	pool, err := runtime.New(runtime.Config{Dir: dir, Logger: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	result, err := pool.Invoke(t.Context(), fn, runtime.Invocation{RequestID: "id", Payload: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := result.ReadAll(0); err != nil || string(body) != `"done"` {
		t.Fatalf("body %s, %v", body, err)
	}
	if homes, err = filepath.Glob(filepath.Join(dir, "environment", "*")); err != nil {
		t.Fatal(err)
	}
	return pool, log, homes
}

// entries are the names in a directory.
func entries(t testing.TB, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestLeftoversGoWithTheEnvironment(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	dir := t.TempDir()
	pool, log, homes := runOnce(t, dir, shellFunction(t, litterer))
	if len(homes) != 1 {
		t.Fatalf("the environments' directories are %q", homes)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if left := entries(t, filepath.Join(dir, "environment")); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	if left, err := (trash.Bin{Dir: dir}).Left(); err != nil || len(left) != 0 {
		t.Errorf("left aside: %q, %v", left, err)
	}
	if log.Len() > 0 {
		t.Errorf("log:\n%s", log)
	}
}

// TestLeftoversOfAServerThatIsKilled: they do not stop the next start, and are gone soon after it.
func TestLeftoversOfAServerThatIsKilled(t *testing.T) {
	if dir := os.Getenv("FURL_TEST_LEFTOVERS"); dir != "" { // the server that will be killed
		_, _, homes := runOnce(t, dir, functionIn(os.Getenv("FURL_TEST_CODE")))
		fmt.Println("\nready", strings.Join(homes, " "))
		time.Sleep(time.Minute)
		os.Exit(1)
	}
	if !usertest.Unprivileged(t) {
		return
	}
	dir := t.TempDir()
	fn := shellFunction(t, litterer)
	for range 2 {
		server := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		server.Env = append(os.Environ(), "FURL_TEST_LEFTOVERS="+dir, "FURL_TEST_CODE="+fn.CodeDir)
		server.Stderr = t.Output()
		stdout, err := server.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		var word, home string
		if _, err := fmt.Fscan(stdout, &word, &home); err != nil || word != "ready" {
			t.Errorf("server: %s %v", word, err)
		}
		server.Process.Kill() //nolint:errcheck // Wait says the same
		server.Wait()         //nolint:errcheck // it was killed
		if _, err := os.Stat(filepath.Join(home, "mod")); err != nil {
			t.Fatalf("the killed server left nothing to remove: %v", err)
		}
	}
	pool, log, homes := runOnce(t, dir, fn)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		left, err := trash.Bin{Dir: dir}.Left()
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("left aside: %q", left)
		}
	}
	if len(homes) != 1 {
		t.Errorf("the environments' directories are %q", homes)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if log.Len() > 0 {
		t.Errorf("log:\n%s", log)
	}
}

// TestWhatCannotBeRemoved: directories of another user do not stop a pool, which says so once; but when there are too
// many, no more environments are started until somebody has removed them.
func TestWhatCannotBeRemoved(t *testing.T) {
	if !usertest.UnprivilegedWith(t, func(dir string) {
		pool := filepath.Join(dir, "pool")
		for i := range trash.MaxAside {
			stuck := filepath.Join(pool, fmt.Sprintf("trash-of-root-%d", i))
			if i == 0 {
				stuck = filepath.Join(pool, "environment", "id", "of-root")
			}
			must(os.MkdirAll(stuck, 0o755))
			must(os.WriteFile(filepath.Join(stuck, "file"), nil, 0o600))
		}
		for _, own := range []string{"", "environment", "environment/id"} {
			if err := os.Chown(filepath.Join(pool, own), usertest.Nobody, usertest.Nobody); err != nil {
				t.Fatal(err)
			}
		}
	}) {
		return
	}
	dir := filepath.Join(usertest.Dir(), "pool")
	log := &text{}
	pool, err := runtime.New(runtime.Config{Dir: dir, Logger: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	fn := shellFunction(t, litterer)
	invoke := func() error {
		result, err := pool.Invoke(context.Background(), fn, runtime.Invocation{RequestID: "id", Payload: []byte(`{}`)})
		if err != nil {
			return err
		}
		_, err = result.ReadAll(0)
		return err
	}
	var refused error
	for deadline := time.Now().Add(20 * time.Second); refused == nil; time.Sleep(time.Millisecond) {
		pool.Retire(fn.Key)
		if refused = invoke(); time.Now().After(deadline) {
			break
		}
	}
	if !errors.Is(refused, runtime.ErrFull) || !errors.Is(refused, runtime.ErrBusy) {
		t.Fatalf("error %v, want ErrFull, which is an ErrBusy", refused)
	}
	if !strings.Contains(refused.Error(), "sudo rm -r "+dir+"/trash-*") {
		t.Errorf("error %q does not say what to do", refused)
	}
	var left []string
	for deadline := time.Now().Add(20 * time.Second); len(left) != trash.MaxAside; time.Sleep(time.Millisecond) {
		if left, err = (trash.Bin{Dir: dir}).Left(); err != nil || time.Now().After(deadline) {
			t.Fatalf("%d lie aside, want %d: %v", len(left), trash.MaxAside, err)
		}
	}
	for _, name := range left { // as if somebody had removed it
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, "away-"+name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := invoke(); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "what environments have left is not removed"); n != 1 {
		t.Errorf("%d warnings about what is left, want one:\n%s", n, log)
	}
	if n := strings.Count(log.String(), "environment not started"); n != 1 {
		t.Errorf("%d warnings about the environment that was refused, want one:\n%s", n, log)
	}
}

// TestClosedDirectories: what a function does to the modes of the directories above its own heals.
func TestClosedDirectories(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	dir := t.TempDir()
	fn := shellFunction(t, litterer)
	for _, closed := range []string{"environment", "runtime/python", "runtime", ""} {
		pool, _, _ := runOnce(t, dir, fn)
		if closed == "environment" {
			if err := os.Chmod(filepath.Join(dir, closed), 0o500); err != nil {
				t.Fatal(err)
			}
			pool.Retire(fn.Key)
			result, err := pool.Invoke(t.Context(), fn, runtime.Invocation{RequestID: "id", Payload: []byte(`{}`)})
			if err != nil {
				t.Fatalf("a function closed the directory of environments: %v", err)
			}
			if _, err := result.ReadAll(0); err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(os.Chmod(filepath.Join(dir, closed), 0), pool.Close()); err != nil {
			t.Fatal(err)
		}
	}
	pool, _, _ := runOnce(t, dir, fn)
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

// TestReadOnlyPackages: interpreters do without writing to the package, and keep what they compile.
func TestReadOnlyPackages(t *testing.T) {
	for _, row := range []struct {
		program, runtime string
		files            map[string]string
		want             string // the answer; {cache} is the cache of compiled modules
	}{
		{"python3", "python3.13", map[string]string{
			"app.py": "import lib.mod\n" +
				"def handler(event, context): return lib.mod.__cached__.rpartition('mod.')[0]\n",
			"lib/__init__.py": "", "lib/mod.py": "",
		}, `"{cache}{code}/lib/"`},
		{"node", "nodejs22.x", map[string]string{
			"app.js":     "const mod = require('./lib/mod'); exports.handler = async () => mod.dir;\n",
			"lib/mod.js": "exports.dir = __dirname;\n",
			"lib/two.js": "",
		}, `"{code}/lib"`},
	} {
		t.Run(row.program, func(t *testing.T) {
			needs(t, row.program)
			if !usertest.Unprivileged(t) {
				return
			}
			dir, code := t.TempDir(), packageWith(t, row.files)
			for _, closed := range []string{code, filepath.Join(code, "lib")} {
				if err := os.Chmod(closed, 0o555); err != nil {
					t.Fatal(err)
				}
				defer os.Chmod(closed, 0o700) // for t.TempDir
			}
			fn := functionIn(code)
			fn.Runtime, fn.Handler = row.runtime, "app.handler"
			pool, err := runtime.New(runtime.Config{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			result, err := pool.Invoke(t.Context(), fn, runtime.Invocation{RequestID: "id", Payload: []byte(`{}`)})
			if err != nil {
				t.Fatal(err)
			}
			caches, err := filepath.Glob(filepath.Join(dir, "cache", "*"))
			if err != nil {
				t.Fatal(err)
			}
			want := strings.NewReplacer("{cache}", strings.Join(caches, " "), "{code}", code).Replace(row.want)
			if body, err := result.ReadAll(0); err != nil || string(body) != want {
				t.Errorf("%s, %v, want %s", body, err, want)
			}
			if row.program == "python3" {
				compiled, err := filepath.Glob(filepath.Join(dir, "cache", "*", code, "lib", "mod.*.pyc"))
				if err != nil || len(compiled) != 1 {
					t.Errorf("compiled: %q, %v", compiled, err)
				}
			}
			if got := entries(t, filepath.Join(code, "lib")); len(got) != 2 {
				t.Errorf("in the package: %q", got)
			}
		})
	}
}

// TestCacheOfStrangers: functions write to the cache of compiled modules, too.
func TestCacheOfStrangers(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	dir, source := t.TempDir(), t.TempDir()
	cache := filepath.Join(dir, "cache", "function")
	kept := filepath.Join(cache, source, "kept.pyc")
	outside := filepath.Join(source, "outside")
	deep := strings.Repeat("/self", 200)
	for _, err := range []error{
		os.MkdirAll(outside, 0o700),
		os.Symlink(".", filepath.Join(source, "self")), // so that each of the deep ones has a source
		os.MkdirAll(filepath.Join(cache, source), 0o700),
		os.WriteFile(kept, nil, 0o600),
		os.MkdirAll(filepath.Join(cache, source, "outside/gone/deeper"), 0o700),
		os.Chmod(filepath.Join(cache, source, "outside/gone/deeper"), 0),
		os.Chmod(filepath.Join(cache, source, "outside/gone"), 0o555),
		os.Chmod(filepath.Join(cache, source, "outside"), 0o555),
		os.MkdirAll(filepath.Join(cache, source, deep), 0o700),
		os.Symlink(outside, filepath.Join(cache, source, "link")),
		os.Symlink("/", filepath.Join(cache, "link")),
		os.MkdirAll(filepath.Join(cache, "trash-left/x"), 0o700),
		os.MkdirAll(filepath.Join(cache, "nowhere/x"), 0o700),
		os.Chmod(filepath.Join(cache, "nowhere"), 0o100),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	log := &text{}
	pool, err := runtime.New(runtime.Config{Dir: dir, Logger: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	isGone := func(path string) bool {
		_, err := os.Lstat(path)
		return errors.Is(err, fs.ErrNotExist)
	}
	for _, gone := range []string{"nowhere", "trash-left", source + "/outside/gone", source + deep} {
		deadline := time.Now().Add(20 * time.Second)
		for ; !isGone(filepath.Join(cache, gone)); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%.100s is still there", gone)
			}
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{kept, outside} {
		if isGone(there) {
			t.Errorf("%s is gone", there)
		}
	}
	if left, err := (trash.Bin{Dir: cache}).Left(); err != nil || len(left) != 0 {
		t.Errorf("left aside: %q, %v", left, err)
	}
	if log.Len() > 0 {
		t.Errorf("log:\n%s", log)
	}
}
