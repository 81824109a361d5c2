//go:build unix

package call_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/furl-dev/furl/internal/call"
)

// A file that furl writes takes the place of a file and of nothing else: as root it would otherwise replace /dev/null.
func TestOnlyFilesAreReplaced(t *testing.T) {
	for name, write := range map[string]func(string) error{
		"har":        new(call.HAR).WriteFile,
		"cookie jar": func(path string) error { return new(call.Jar).Write(path, nil) },
	} {
		dir := t.TempDir()
		pipe, file, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		reader, err := os.OpenFile(pipe, os.O_RDWR, 0) // which waits for no writer
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if err := write(pipe); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := reader.Read(make([]byte, 1<<10)); n == 0 || err != nil {
			t.Errorf("%s: %d bytes came through the pipe: %v", name, n, err)
		}
		if info, err := os.Stat(pipe); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
			t.Errorf("%s: the pipe is %v now, %v", name, info, err)
		}
		if err := os.Symlink("file", link); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("of before"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := write(link); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if target, err := os.Readlink(link); target != "file" {
			t.Errorf("%s: the link leads to %q, %v", name, target, err)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) == "of before" || len(text) == 0 {
			t.Errorf("%s: the file has %q, %v", name, text, err)
		}
	}
}
