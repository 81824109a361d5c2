//go:build unix

package bootstrap_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/furl-dev/furl/internal/runtime/bootstrap"
)

func TestInstall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on demand")
	if err := bootstrap.Install(dir); err != nil {
		t.Fatal(err)
	}
	for _, main := range []string{bootstrap.Python, bootstrap.Node} {
		if info, err := os.Stat(filepath.Join(dir, main)); err != nil || info.Mode().Perm() != 0o444 {
			t.Errorf("%s: %v, %v", main, info, err)
		}
	}
}

func TestInstallAgain(t *testing.T) {
	dir := t.TempDir()
	if err := bootstrap.Install(dir); err != nil {
		t.Fatal(err)
	}
	python, node := filepath.Join(dir, bootstrap.Python), filepath.Join(dir, bootstrap.Node)
	want, err := os.ReadFile(python)
	if err != nil {
		t.Fatal(err)
	}
	untouched, err := os.Stat(node)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(python); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(python, []byte("an older one"), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := bootstrap.Install(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(python); err != nil || string(got) != string(want) {
		t.Errorf("the older file stays (%v)", err)
	}
	if again, err := os.Stat(node); err != nil || !os.SameFile(untouched, again) {
		t.Errorf("a file with the right content was written again (%v)", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %q, %v", left, err)
	}
}

func TestInstallWhereItCanNot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := bootstrap.Install(file); err == nil {
		t.Error("installed below a file")
	}
}

// The oldest interpreters that are promised to work must at least understand the files.
func TestOldestPython(t *testing.T) {
	dir := t.TempDir()
	if err := bootstrap.Install(dir); err != nil {
		t.Fatal(err)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("FURL_STRICT") != "" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: python3 is not on PATH")
	}
	const parse = "import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))"
	if out, err := exec.Command(python, "-c", parse, filepath.Join(dir, bootstrap.Python)).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
