//go:build unix

package project_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/furl-dev/furl/internal/project"
)

// TestPipe refuses a pipe, without waiting for what somebody writes to it.
func TestPipe(t *testing.T) {
	root := write(t, "")
	file := filepath.Join(root, "template.yaml")
	if err := syscall.Mkfifo(file, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{root, file} {
		if _, err := project.Open(options(path)); err == nil || err.Error() != file+" is no regular file, but a pipe" {
			t.Errorf("%s: %v", path, err)
		}
	}
}
