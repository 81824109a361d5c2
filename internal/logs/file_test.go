//go:build unix

package logs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/usertest"
)

// TestRotationPastADirectory: something else with the name of an old file does not stop the log.
func TestRotationPastADirectory(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	dir := t.TempDir()
	log := filepath.Join(dir, logs.DirName("f"))
	for _, err := range []error{
		os.MkdirAll(filepath.Join(log, "1.log", "x"), 0o700),
		os.Chmod(filepath.Join(log, "1.log"), 0),
		os.WriteFile(filepath.Join(log, "2.log"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, logs.Config{Dir: dir, MaxFile: 100})
	for i := range 10 {
		s.Append("f", line(fmt.Sprint("a line that is long enough to fill a file with a few of them: ", i)))
	}
	if got := texts(t, tail(t.Context(), s, "f", 1)); len(got) != 1 || got[0][len(got[0])-1] != '9' {
		t.Errorf("the last line is %q", got)
	}
	entries, err := os.ReadDir(log)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(entries, os.DirEntry.IsDir) || len(entries) != 2 {
		t.Errorf("left: %v", entries)
	}
}
