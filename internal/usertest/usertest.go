//go:build unix

// Package usertest runs tests as a user without rights. CI runs as root in many places, and file modes do not stop
// root: a test about modes proves nothing there. A test begins with a call of [Unprivileged], and returns if it reports
// false: then it ran in another process. [Program] finds a program that a test runs.
package usertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Nobody is the id of the user and the group that tests run as.
const Nobody = 65534

// variable is set in the process that a test runs in again.
const variable = "FURL_TEST_UNPRIVILEGED"

// Unprivileged reports whether this process is that of a user without rights. If it is root's, the test runs again, to
// its end, in a process of [Nobody], and passes or fails with it. That process has a directory of its own for
// t.TempDir.
func Unprivileged(t *testing.T) bool { return UnprivilegedWith(t, nil) }

// UnprivilegedWith is Unprivileged with a preparation by root, in the directory that the other process finds with
// [Dir].
func UnprivilegedWith(t *testing.T, prepare func(dir string)) bool {
	t.Helper()
	if os.Getenv(variable) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		if prepare != nil {
			t.Skip("root has to prepare this test")
		}
		return true
	}
	dir, err := os.MkdirTemp("", "furl-user-") // not t.TempDir, which is inside of a directory of mode 0700
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	program := filepath.Join(dir, "test")
	copySelf(t, program)
	if err := os.Chown(dir, Nobody, Nobody); err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(dir)
	}
	name := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	test := exec.CommandContext(t.Context(), program, "-test.v", "-test.count=1", "-test.run="+name)
	test.Dir = dir
	test.Env = append(os.Environ(), variable+"="+dir, "HOME="+dir, "TMPDIR="+dir)
	test.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: Nobody, Gid: Nobody}}
	out, err := test.CombinedOutput()
	if err == nil && strings.Contains(string(out), "--- SKIP: "+t.Name()+" ") {
		t.Skipf("as user %d:\n%s", Nobody, out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Fatalf("as user %d: %v\n%s", Nobody, err, out)
	}
	return false
}

// Dir is the directory that UnprivilegedWith has prepared.
func Dir() string { return os.Getenv(variable) }

// copySelf copies the test program to where Nobody may execute it.
func copySelf(t *testing.T, target string) {
	t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil { // not Linux
		self, pathErr := os.Executable()
		if pathErr != nil {
			t.Fatal(pathErr)
		}
		program, err = os.ReadFile(self)
	}
	if err == nil {
		err = os.WriteFile(target, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
