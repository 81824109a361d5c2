package usertest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/furl-dev/furl/internal/usertest"
)

func ExampleUnprivileged() {
	_ = func(t *testing.T) { // TestReadOnly
		if !usertest.Unprivileged(t) {
			return // it ran, in another process
		}
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "new"), 0o700); err == nil {
			t.Error("a directory that is not writable took a new one")
		}
	}
}
