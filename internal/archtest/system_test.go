package archtest_test

import (
	"go/build"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWindowsHasNoServer: furl for Windows is a client. What is linked into it is what docs/architecture.md says works
// there.
func TestWindowsHasNoServer(t *testing.T) {
	linked := func(system string) map[string]bool {
		goos, arch, _ := strings.Cut(system, "/")
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/furl")
		list.Dir, list.Stderr = root(t), os.Stderr
		list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+arch, "CGO_ENABLED=0")
		out, err := list.Output()
		if err != nil {
			t.Fatalf("%s: %v", system, err)
		}
		packages := map[string]bool{}
		for path := range strings.FieldsSeq(string(out)) {
			packages[below(path)] = true
		}
		return packages
	}
	server := []string{
		"internal/app", "internal/code", "internal/controlplane", "internal/dataplane", "internal/demo", "internal/dev",
		"internal/invoke", "internal/logs", "internal/pages", "internal/runtime", "internal/runtime/sandbox", "internal/state",
		"internal/store", "internal/trash", "internal/watch", "github.com/ncruces/go-sqlite3",
	}
	client := []string{
		"internal/call", "internal/proxy", "internal/setup", "internal/setup/check", "internal/declared", "internal/roster", "policy",
	}
	for _, system := range []string{"windows/amd64", "windows/arm64"} {
		packages := linked(system)
		for _, path := range server {
			if packages[path] {
				t.Errorf("furl for %s links %s: give the file that imports it the line //go:build unix", system, path)
			}
		}
		for _, path := range client {
			if !packages[path] {
				t.Errorf("furl for %s lacks %s", system, path)
			}
		}
	}
	for _, system := range []string{"linux/arm64", "darwin/amd64"} {
		packages := linked(system)
		for _, path := range append(server, client...) {
			if !packages[path] {
				t.Errorf("furl for %s lacks %s", system, path)
			}
		}
	}
}

// TestEverySystemHasItsPackages: no package that a pattern finds on a system imports one that is not there, also in
// tests. The compiler says the rest, for each system: see make cross.
func TestEverySystemHasItsPackages(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		list := exec.CommandContext(t.Context(), "go", "list", "-test", "-deps", "./...")
		list.Dir = root(t)
		list.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
		if out, err := list.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", goos, err, out)
		}
	}
}

// serverOnly are the directories of the packages that only Unix has.
var serverOnly = []string{
	"bench", "interop", "internal/app", "internal/code", "internal/controlplane/lambdaapi",
	"internal/dataplane", "internal/demo", "internal/dev", "internal/docgen", "internal/invoke", "internal/logs",
	"internal/pages", "internal/runtime", "internal/setup/setuptest", "internal/trash",
}

// TestServerIsForUnix: a file of the server without its build constraint would be a package of its own on Windows, which
// does not compile.
func TestServerIsForUnix(t *testing.T) {
	windows := build.Default
	windows.GOOS, windows.CgoEnabled = "windows", false
	files := 0
	for _, dir := range serverOnly {
		err := filepath.WalkDir(filepath.Join(root(t), dir), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
				return filepath.SkipDir
			case entry.IsDir() || filepath.Ext(path) != ".go":
				return nil
			}
			files++
			found, err := windows.MatchFile(filepath.Dir(path), filepath.Base(path))
			if found {
				t.Errorf("%s is for Windows, too: begin it with //go:build unix", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 {
		t.Errorf("only %d files", files)
	}
}
