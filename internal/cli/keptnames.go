package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keptNames is a list of names that AWS gave, in a file of the user's cache directory: the next Tab needs no second
// request.
type keptNames struct{ file string }

// The bounds of a list, and how long it counts.
const (
	maxKept      = 5000
	maxKeptBytes = 1 << 20
	keptFor      = time.Minute
)

// newKeptNames is the list for a question: what was asked, where, and with which keys.
func newKeptNames(question ...string) keptNames {
	dir, err := os.UserCacheDir()
	if err != nil {
		return keptNames{}
	}
	sum := sha256.Sum256([]byte(strings.Join(question, "\x00")))
	return keptNames{filepath.Join(dir, "furl", "completion", hex.EncodeToString(sum[:16])+".json")}
}

// read returns the names if they are not too old.
func (k keptNames) read(now time.Time) (names []string, ok bool) {
	file, err := os.Open(k.file)
	if err != nil {
		return nil, false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || !isFresh(info.ModTime(), now) {
		return nil, false
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeptBytes))
	if err != nil || json.Unmarshal(text, &names) != nil {
		return nil, false
	}
	return names[:min(len(names), maxKept)], true
}

// isFresh reports whether what was written then counts now. A clock that was set back must not keep it forever.
func isFresh(written, now time.Time) bool {
	age := now.Sub(written)
	return -keptFor < age && age < keptFor
}

// write keeps the names, as far as there is room, and removes the lists that are too old. It says nothing of an error:
// the next Tab asks again.
func (k keptNames) write(names []string, now time.Time) {
	if k.file == "" {
		return
	}
	text, err := json.Marshal(names[:min(len(names), maxKept)])
	dir := filepath.Dir(k.file)
	if err != nil || len(text) > maxKeptBytes || os.MkdirAll(dir, 0o700) != nil {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && !isFresh(info.ModTime(), now) {
			os.Remove(filepath.Join(dir, entry.Name())) //nolint:errcheck // the next one tries again
		}
	}
	file, err := os.CreateTemp(dir, "new") // which only this user can read
	if err != nil {
		return
	}
	_, err = file.Write(text)
	if closeErr := file.Close(); err != nil || closeErr != nil || os.Rename(file.Name(), k.file) != nil {
		os.Remove(file.Name()) //nolint:errcheck // likewise
	}
}
