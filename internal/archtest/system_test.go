package archtest_test

import (
	"os"
	"os/exec"
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
		"internal/store", "internal/trash", "internal/watch", "modernc.org/sqlite",
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
