//go:build unix

package runtime_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/runtime"
)

// writeFiles makes files below a directory, by name.
func writeFiles(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// manifest is that of a package for require and import.
const manifest = `{"name": "p", "version": "1.0.0", "main": "index.js"}`

// AWS's managed runtimes have boto3 and the AWS SDK for JavaScript v3. Here functions find them where the server is told,
// and their own copy comes first.
func TestPackagesOfTheMachine(t *testing.T) {
	const sdk = "node_modules/@aws-sdk/client-furl/"
	machine := writeFiles(t, map[string]string{
		"python/boto3/__init__.py": "", "python/boto3/furl.py": "where = 'the machine'\n",
		sdk + "package.json": manifest, sdk + "index.js": "exports.where = 'the machine';",
	})
	own := map[string]string{
		"boto3/__init__.py": "", "boto3/furl.py": "where = 'the package'\n",
		sdk + "package.json": manifest, sdk + "index.js": "exports.where = 'the package';",
	}
	// A module that no boto3 has, so that the test does not depend on what is installed here.
	code := map[string]string{
		"app.py":     "from boto3.furl import where\n\ndef handler(event, context):\n    return where\n",
		"late.py":    "def handler(event, context):\n    from boto3.furl import where\n    return where\n",
		"index.js":   "const { where } = require('@aws-sdk/client-furl'); exports.handler = async () => where;",
		"module.mjs": "import { where } from '@aws-sdk/client-furl'; export const handler = async () => where;",
		"later.mjs":  "export const handler = async () => (await import('@aws-sdk/client-furl')).where;",
		"other.mjs":  "import 'not-of-aws'; export const handler = async () => 1;",
	}
	vendored := map[string]string{}
	for _, files := range []map[string]string{code, own} {
		for name, text := range files {
			vendored[name] = text
		}
	}
	bare, whole := writeFiles(t, code), writeFiles(t, vendored)
	const (
		remedyPython = "start furl serve --python-packages DIR"
		remedyNode   = "start furl serve --node-modules DIR/node_modules"
	)
	for _, row := range []struct{ program, runtime, handler, missing, remedy string }{
		{"python3", "python3.13", "app.handler", "Unable to import module 'app': No module named 'boto3", remedyPython},
		{"python3", "python3.13", "late.handler", "No module named 'boto3", remedyPython},
		{"node", "nodejs22.x", "index.handler", "Cannot find module '@aws-sdk/client-furl'", remedyNode},
		{"node", "nodejs22.x", "module.handler", "Cannot find package '@aws-sdk/client-furl'", remedyNode},
		{"node", "nodejs24.x", "later.handler", "Cannot find package '@aws-sdk/client-furl'", remedyNode},
		{"node", "nodejs24.x", "other.handler", "Cannot find package 'not-of-aws'", ""},
	} {
		t.Run(row.runtime+" "+row.handler, func(t *testing.T) {
			needs(t, row.program)
			call := func(b *bench, dir string) (string, *runtime.Result) {
				fn := b.function(row.handler)
				fn.Runtime, fn.CodeDir, fn.Key = row.runtime, dir, dir+row.handler
				body, result, _ := b.invoke(fn, nil)
				return body, result
			}
			with := newBench(t, confined, func(c *runtime.Config) {
				c.PythonPackages, c.NodeModules = filepath.Join(machine, "python"), filepath.Join(machine, "node_modules")
				c.Sandbox.Read = []string{c.PythonPackages, c.NodeModules}
			})
			without := newBench(t, confined)
			if row.remedy != "" {
				if body, _ := call(with, bare); body != `"the machine"` {
					t.Errorf("with the packages of the machine: %s", body)
				}
				if body, _ := call(with, whole); body != `"the package"` {
					t.Errorf("with its own packages besides: %s", body)
				}
			}
			body, result := call(without, bare)
			result.Report() // by then the log is complete
			for _, text := range []string{body, without.log.String()} {
				if !strings.Contains(text, row.missing) || !strings.Contains(text, row.remedy) ||
					row.remedy == "" && strings.Contains(text, "furl serve") {
					t.Errorf("without packages: %s\nwant %q and %q", text, row.missing, row.remedy)
				}
			}
		})
	}
}

// A function that runs on another version than it names says so in its own log, and the server in its log, once.
func TestFallbacksAreLogged(t *testing.T) {
	needs(t, "python3")
	var log bytes.Buffer
	b := newBench(t, func(c *runtime.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 2 {
		fn := b.interpreted("python3.99", "python", "app.handler")
		fn.Key = b.TempDir() // another environment
		b.invoke(fn, object{"do": "echo"})
	}
	if err := b.pool.Close(); err != nil {
		t.Fatal(err)
	}
	const said = "python3.99 is not installed here; running on "
	if !strings.Contains(b.log.String(), "furl: "+said) {
		t.Errorf("the function's log does not say it:\n%s", b.log)
	}
	if n := strings.Count(log.String(), said); n != 1 || !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("the server says it %d times:\n%s", n, log.String())
	}
}
