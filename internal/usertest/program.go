package usertest

import (
	"os"
	"os/exec"
	"testing"
)

// Program is the path of a program that the test runs. Without it the test skips, unless FURL_STRICT says that everything
// has to be there.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("FURL_STRICT") != "":
		t.Fatalf("%s is not on PATH, and FURL_STRICT is set", name)
	default:
		t.Skipf("SKIPPED: %s is not on PATH", name)
	}
	return path
}
