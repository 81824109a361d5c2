//go:build unix

package roster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Servers finds the servers of this user that run on this machine, by their data directories.
func Servers(ctx context.Context) []Running {
	roster := rosterDir()
	if !private(roster) {
		return nil
	}
	entries, err := os.ReadDir(roster)
	if err != nil {
		return nil
	}
	var found []Running
	for _, entry := range entries {
		link := filepath.Join(roster, entry.Name())
		dir, err := os.Readlink(link)
		if err != nil {
			continue
		}
		running, err := FindRunning(ctx, dir)
		if err == nil {
			found = append(found, running)
		} else if ctx.Err() == nil && errors.Is(err, ErrNotRunning) {
			os.Remove(link) // of a server that was killed
		}
	}
	return found
}

// rosterDir has a symbolic link to the data directory of each running server of the user.
func rosterDir() string { return filepath.Join(os.TempDir(), ".furl-"+strconv.Itoa(os.Geteuid())) }

// private reports whether a directory is the user's own and no other's, so that what is in it can be trusted.
func private(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && Ours(info) && info.Mode()&0o077 == 0
}

// rosterLink is the place of a data directory in the roster.
func rosterLink(dir string) string {
	const enough = 8
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(rosterDir(), hex.EncodeToString(sum[:enough]))
}

// Enroll adds a data directory to the roster, so that commands in other directories can name the server. A server that
// cannot be added works all the same.
func Enroll(dir string) error {
	roster := rosterDir()
	if err := os.Mkdir(roster, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if !private(roster) {
		return fmt.Errorf("%s is not this user's alone", roster)
	}
	link := rosterLink(dir)
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(dir, link)
}

// Leave removes a data directory from the roster, and the roster with the last one.
func Leave(dir string) {
	os.Remove(rosterLink(dir))
	os.Remove(rosterDir())
}

// Ours reports whether a file belongs to the user who runs this program.
func Ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// openUnfollowed opens a file to read it. It follows no link at the end of the path, and no FIFO holds it up.
func openUnfollowed(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}
