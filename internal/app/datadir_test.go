//go:build unix

package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/usertest"
)

// stranger is a user who is not the one that runs the tests.
const stranger = 12345

// openData opens a server on a data directory and closes it again. It returns the warnings.
func openData(t *testing.T, dir string) (warnings []map[string]string, err error) {
	t.Helper()
	var log bytes.Buffer
	config := configFor(dir)
	config.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	server, err := app.New(t.Context(), config)
	if err == nil {
		err = server.Close()
	}
	for line := range strings.Lines(log.String()) {
		var warning map[string]string
		if err := json.Unmarshal([]byte(line), &warning); err != nil {
			t.Fatal(err)
		}
		warnings = append(warnings, warning)
	}
	return warnings, err
}

// dataDir is a data directory that a server has used, below a directory that only its owner can write to.
func dataDir(t *testing.T) string {
	t.Helper()
	parent := t.TempDir()
	chmod(t, parent, 0o755)
	dir := filepath.Join(parent, "data")
	if warnings, err := openData(t, dir); err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	return dir
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// give gives a file to a stranger, which only root can.
func give(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	if err := os.Lchown(path, stranger, stranger); err != nil {
		t.Fatal(err)
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func write(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte("{}"), mode); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, mode) // whatever the umask
}

// warned reports whether there is one warning, which says the text and about the path.
func warned(warnings []map[string]string, text, path string) bool {
	return len(warnings) == 1 && strings.Contains(warnings[0]["msg"], text) && warnings[0]["file"] == path
}

// A data directory that others can write to is closed to them, and so is everything in it.
func TestDataDirOfOthersIsClosed(t *testing.T) {
	for _, mode := range []fs.FileMode{0o777, 0o775, 0o757, 0o770, 0o722} {
		dir := dataDir(t)
		planted := filepath.Join(dir, "code", "planted")
		write(t, planted, 0o666)
		chmod(t, dir, mode)
		warnings, err := openData(t, dir)
		if err != nil || !warned(warnings, "others could write to the data directory", dir) {
			t.Errorf("%o: %v, %v", mode, warnings, err)
		}
		if got := modeOf(t, dir); got != 0o700 {
			t.Errorf("%o: it has mode %o", mode, got)
		}
		if info, err := os.Stat(planted); err == nil && info.Mode().Perm()&0o022 != 0 {
			t.Errorf("%o: others can still write to %s, which has mode %o", mode, planted, info.Mode())
		}
		if warnings, err := openData(t, dir); err != nil || len(warnings) > 0 {
			t.Errorf("%o: the next time: %v, %v", mode, warnings, err)
		}
	}
	// An empty one is as good as a new one.
	dir := t.TempDir()
	chmod(t, dir, 0o777)
	if warnings, err := openData(t, dir); err != nil || !warned(warnings, "others could write to the data directory", dir) || modeOf(t, dir) != 0o700 {
		t.Errorf("an empty one: %v, %v", warnings, err)
	}
}

// A directory that others may read, but not write to, stays as it is: what is in it is private.
func TestDataDirMayBeSeen(t *testing.T) {
	dir := dataDir(t)
	chmod(t, dir, 0o755)
	if warnings, err := openData(t, dir); err != nil || len(warnings) > 0 || modeOf(t, dir) != 0o755 {
		t.Errorf("%v, %v, mode %o", warnings, err, modeOf(t, dir))
	}
	for _, entry := range entries(t, dir) {
		if mode := modeOf(t, filepath.Join(dir, entry)); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", entry, mode)
		}
	}
}

// Whatever the server keeps is closed to others, with a warning of what they may have seen and of what helps.
func TestFilesOfDataDirAreClosed(t *testing.T) {
	for _, test := range []struct {
		name     string
		has, fix string
	}{
		{"root-credentials.json", "the root keys", "remove this file"},
		{"furl.db", "the secret keys of users", "new access keys"},
		{"furl.db-wal", "the secret keys of users", "new access keys"},
		{"furl.db-shm", "the index of the database", ""},
		{"server.json", "the address of the server", ""},
		{"lock", "the id of the server's process", ""},
		{"code", "the code of the functions", ""},
		{"logs", "the logs of the functions", ""},
	} {
		for _, mode := range []fs.FileMode{0o644, 0o660, 0o602} {
			dir := dataDir(t)
			path := filepath.Join(dir, test.name)
			if _, err := os.Stat(path); err != nil {
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want := fs.FileMode(0o600)
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				mode, want = mode|0o100, 0o700
			}
			chmod(t, path, mode)
			warnings, err := openData(t, dir)
			if err != nil || !warned(warnings, "others could read or write a file of the data directory", path) ||
				warnings[0]["has"] != test.has || !strings.Contains(warnings[0]["fix"], test.fix) {
				t.Errorf("%s %o: %v, %v", test.name, mode, warnings, err)
			}
			if info, err := os.Stat(path); err == nil && info.Mode().Perm() != want {
				t.Errorf("%s %o: it has mode %o now", test.name, mode, info.Mode().Perm())
			}
		}
	}
}

// A running server has nothing in its directory that the next one would not look at.
func TestDataDirHasNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	server, err := app.New(t.Context(), configFor(dir))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, ctx) }()
	for !slices.Contains(entries(t, dir), "server.json") {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	for _, entry := range entries(t, dir) {
		if !slices.Contains(app.DataDirContents(), entry) {
			t.Errorf("%s is in the data directory", entry)
		}
		if mode := modeOf(t, filepath.Join(dir, entry)); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", entry, mode)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range list {
		names = append(names, entry.Name())
	}
	return names
}

func refused(t *testing.T, dir string, texts ...string) {
	t.Helper()
	_, err := openData(t, dir)
	for _, text := range append(texts, "--data") {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want an error that says %q", err, text)
		}
	}
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than a line", err)
	}
}

// A directory with other things in it is not closed to those who share it, and no state is put there.
func TestSharedDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "theirs"), 0o644)
	chmod(t, dir, 0o777)
	refused(t, dir, "others can write to "+dir, filepath.Join(dir, "furl"))
	if got := modeOf(t, dir); got != 0o777 {
		t.Errorf("it has mode %o now", got)
	}
	if got := entries(t, dir); len(got) != 1 {
		t.Errorf("there is %v now", got)
	}
	sticky := t.TempDir()
	if err := os.Chmod(sticky, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	refused(t, sticky, "others can write to "+sticky)
	// A directory of its own within is fine.
	if warnings, err := openData(t, filepath.Join(sticky, "furl")); err != nil || len(warnings) > 0 {
		t.Errorf("in a sticky directory: %v, %v", warnings, err)
	}
}

func TestDataDirOfAnotherUserIsRefused(t *testing.T) {
	dir := t.TempDir()
	give(t, dir)
	refused(t, dir, "belongs to user 12345", "chown")
	if got := entries(t, dir); len(got) != 0 {
		t.Errorf("there is %v now", got)
	}
}

func TestDataDirBehindALink(t *testing.T) {
	dir := dataDir(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if warnings, err := openData(t, link); err != nil || len(warnings) > 0 {
		t.Errorf("own link: %v, %v", warnings, err)
	}
	chmod(t, dir, 0o777)
	if warnings, err := openData(t, link); err != nil || !warned(warnings, "others could write", link) || modeOf(t, dir) != 0o700 {
		t.Errorf("own link to a directory that others can write to: %v, %v", warnings, err)
	}
	chmod(t, filepath.Dir(dir), 0o777)
	if warnings, err := openData(t, link); err != nil || !warned(warnings, "others can replace the data directory", link) {
		t.Errorf("own link to a directory in one that others can write to: %v, %v", warnings, err)
	}
}

func TestDataDirBehindALinkOfAnotherUser(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dataDir(t), link); err != nil {
		t.Fatal(err)
	}
	give(t, link)
	refused(t, link, "is a symbolic link of user 12345")
}

// What another user has put into the directory is not used.
func TestFilesOfAnotherUserAreRefused(t *testing.T) {
	for _, name := range []string{"root-credentials.json", "furl.db", "furl.db-wal", "server.json", "lock", "code", "logs"} {
		dir := dataDir(t)
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err != nil {
			write(t, path, 0o600)
		}
		give(t, path)
		refused(t, dir, path, "belongs to user 12345")
	}
	dir := dataDir(t)
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, 0o644)
	give(t, secret)
	path := filepath.Join(dir, "root-credentials.json")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, path); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, path, "belongs to user 12345")
	if got := modeOf(t, secret); got != 0o644 {
		t.Errorf("the file behind the link has mode %o now", got)
	}
	// Deep within, if others could write to the directory.
	dir = dataDir(t)
	planted := filepath.Join(dir, "code", "planted")
	write(t, planted, 0o600)
	give(t, planted)
	chmod(t, dir, 0o777)
	refused(t, dir, planted, "belongs to user 12345")
}

// A parent that others can write to is not the server's to change; it says who could put another directory there.
func TestParentOfDataDirOfOthers(t *testing.T) {
	dir := dataDir(t)
	parent := filepath.Dir(dir)
	for _, mode := range []fs.FileMode{0o777, 0o757} {
		chmod(t, parent, mode)
		warnings, err := openData(t, dir)
		if err != nil || !warned(warnings, "others can replace the data directory", dir) || warnings[0]["through"] != parent ||
			!strings.Contains(warnings[0]["fix"], "chmod go-w "+parent) {
			t.Errorf("%o: %v, %v", mode, warnings, err)
		}
		if got := modeOf(t, parent); got != mode {
			t.Errorf("%o: it has mode %o now", mode, got)
		}
	}
}

func TestParentOfDataDirOfAnotherUser(t *testing.T) {
	dir := dataDir(t)
	give(t, filepath.Dir(dir))
	if warnings, err := openData(t, dir); err != nil || !warned(warnings, "others can replace the data directory", dir) {
		t.Errorf("parent of another user: %v, %v", warnings, err)
	}
}

// All of it holds for a user without rights, too.
func TestDataDirWithoutRights(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	t.Run("closed", TestDataDirOfOthersIsClosed)
	t.Run("seen", TestDataDirMayBeSeen)
	t.Run("files", TestFilesOfDataDirAreClosed)
	t.Run("shared", TestSharedDirectoryIsRefused)
	t.Run("link", TestDataDirBehindALink)
	t.Run("parent", TestParentOfDataDirOfOthers)
}

// A directory of root's that everybody may write to cannot be closed by another user, and is refused.
func TestDataDirOfRootIsRefused(t *testing.T) {
	if !usertest.UnprivilegedWith(t, func(dir string) {
		of := filepath.Join(dir, "of-root")
		if err := os.Mkdir(of, 0o700); err != nil {
			t.Fatal(err)
		}
		chmod(t, of, 0o777)
	}) {
		return
	}
	dir := filepath.Join(usertest.Dir(), "of-root")
	refused(t, dir, "belongs to user 0")
	if got := entries(t, dir); len(got) != 0 {
		t.Errorf("there is %v now", got)
	}
}
