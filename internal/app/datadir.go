//go:build unix

package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/furl-dev/furl/internal/roster"
)

// Names in the data directory.
const (
	databaseName     = "furl.db"
	codeName         = "code"
	logsName         = "logs"
	environmentsName = "environments"
)

// Permissions of others, who are the group and everybody else.
const (
	othersAny   fs.FileMode = 0o077
	othersWrite fs.FileMode = 0o022
)

// contents is what the server keeps in its data directory, what it is worth to others, and what to do when they may
// have had it.
var contents = []struct{ name, has, fix string }{
	{roster.RootKeysFile, "the root keys", "stop the server, remove this file, and start the server: it makes new root keys"},
	{databaseName, "the secret keys of users", "give the users new access keys, and delete the old ones"},
	{databaseName + "-wal", "the secret keys of users", "give the users new access keys, and delete the old ones"},
	{databaseName + "-shm", "the index of the database", ""},
	{databaseName + "-journal", "the secret keys of users", "give the users new access keys, and delete the old ones"},
	{roster.AuthorityFile, "the certificate of the server", ""},
	{authorityKeyName, "the key of the server's certificates", "stop the server, remove this file, and start the server: " +
		"it makes another certificate, and clients must no longer trust the old one"},
	{roster.File, "the address of the server", ""},
	{"lock", "the id of the server's process", ""},
	{codeName, "the code of the functions", ""},
	{logsName, "the logs of the functions", ""},
	{environmentsName, "the directories of running functions", ""},
}

// openDataDir makes the data directory, or closes one that exists to other users: a user who can write into it can have
// the server run anything, and one who can read the keys can be anybody. It refuses what it cannot close.
func openDataDir(dir string, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%w; choose another directory with --data", err)
	}
	if err := checkLink(dir); err != nil {
		return err
	}
	open, err := closeDirectory(dir, log)
	if err != nil {
		return err
	}
	for _, part := range contents {
		if err := closePart(filepath.Join(dir, part.name), part.has, part.fix, log); err != nil {
			return err
		}
	}
	if open {
		if err := checkTree(dir); err != nil {
			return err
		}
	}
	return warnOfParents(dir, log)
}

// checkLink refuses a data directory to which another user's symbolic link leads.
func checkLink(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("data directory: %w; choose another directory with --data", err)
	}
	if info.Mode()&fs.ModeSymlink != 0 && !trusted(info) {
		return fmt.Errorf("data directory %s is a symbolic link of %s; choose another directory with --data", dir, ownerName(info))
	}
	return nil
}

// closeDirectory takes the permission to write from others. open says whether they had it.
func closeDirectory(dir string, log *slog.Logger) (open bool, err error) {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return false, fmt.Errorf("data directory: %w; choose another directory with --data", err)
	case !roster.Ours(info):
		return false, fmt.Errorf("data directory %s belongs to %s, who could change what is in it; "+
			"run the server as that user, take the directory over with chown -R, or choose another with --data", dir, ownerName(info))
	case info.Mode()&othersWrite == 0:
		return false, nil
	}
	if info.Mode()&fs.ModeSticky != 0 || !isDataDir(dir) {
		return false, fmt.Errorf("others can write to %s, and it is not for the server alone; choose a directory of its own with --data, such as %s",
			dir, filepath.Join(dir, "furl"))
	}
	if err := restrict(dir, info); err != nil {
		return false, err
	}
	log.Warn("others could write to the data directory; it is closed to them now", "file", dir, "mode", info.Mode().String(),
		"fix", "look through what is in it; to be sure, start with an empty directory")
	return true, nil
}

// isDataDir reports whether a directory has nothing in it, or a server's state.
func isDataDir(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && (len(entries) == 0 || slices.ContainsFunc(entries, func(entry fs.DirEntry) bool {
		return entry.Name() == databaseName || entry.Name() == roster.RootKeysFile
	}))
}

// closePart takes all permissions on a file or directory of the server from others.
func closePart(path, has, fix string, log *slog.Logger) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && roster.Ours(info) && info.Mode()&fs.ModeSymlink != 0 {
		info, err = os.Stat(path) // the user's own link: what counts is where it leads
	}
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if !roster.Ours(info) {
		return notOurs(path, info)
	}
	if info.Mode()&othersAny == 0 {
		return nil
	}
	if err := restrict(path, info); err != nil {
		return err
	}
	attributes := []slog.Attr{
		slog.String("file", path), slog.String("mode", info.Mode().String()), slog.String("has", has),
	}
	if fix != "" {
		attributes = append(attributes, slog.String("fix", fix))
	}
	log.LogAttrs(context.Background(), slog.LevelWarn,
		"others could read or write a file of the data directory; it is closed to them now", attributes...)
	return nil
}

// restrict takes all permissions from others. Some file systems keep none: then it fails, whatever chmod says.
func restrict(path string, info fs.FileInfo) error {
	mode := fs.FileMode(0o600)
	if info.IsDir() {
		mode = 0o700
	}
	if err := chmod(path, mode); err != nil {
		return err
	}
	now, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if now.Mode()&othersAny != 0 {
		return fmt.Errorf("others can use %s, and its file system keeps no other permissions than %s; "+
			"choose a directory on another file system with --data", path, now.Mode())
	}
	return nil
}

func chmod(path string, mode fs.FileMode) error {
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("others can use %s, and that cannot be changed: %w; choose another directory with --data",
			path, err)
	}
	return nil
}

// checkTree refuses a data directory into which others have put something.
func checkTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		info, err := entry.Info()
		switch {
		case err != nil:
			return fmt.Errorf("data directory: %w", err)
		case !roster.Ours(info):
			return notOurs(path, info)
		case path == filepath.Join(dir, environmentsName): // emptied at the start
			return filepath.SkipDir
		case info.Mode()&fs.ModeSymlink == 0 && info.Mode()&othersWrite != 0:
			return chmod(path, info.Mode().Perm()&^othersWrite)
		}
		return nil
	})
}

func notOurs(path string, info fs.FileInfo) error {
	return fmt.Errorf("%s in the data directory belongs to %s; remove it, or choose another directory with --data", path, ownerName(info))
}

// warnOfParents tells when others can put another directory in place of the data directory.
func warnOfParents(dir string, log *slog.Logger) error {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("data directory: %w; choose another directory with --data", err)
	}
	seen := map[string]bool{}
	for _, start := range []string{dir, resolved} {
		for at := filepath.Dir(start); !seen[at]; at = filepath.Dir(at) {
			seen[at] = true
			info, err := os.Stat(at)
			if err != nil || !replaceable(info) {
				continue
			}
			log.Warn("others can replace the data directory", "file", dir, "through", at, "mode", info.Mode().String(),
				"owner", ownerName(info), "fix", "chmod go-w "+at+", or choose another directory with --data")
			return nil
		}
	}
	return nil
}

// replaceable reports whether others can put something else in place of what is in a directory. A group with the id of
// the user is the one that many systems make for each user alone.
func replaceable(info fs.FileInfo) bool {
	if !trusted(info) {
		return true
	}
	mode := info.Mode() & othersWrite
	if _, gid := owner(info); gid == os.Getegid() && gid == os.Geteuid() {
		mode &^= 0o020
	}
	return mode != 0 && info.Mode()&fs.ModeSticky == 0
}

// owner is the user and the group of a file.
func owner(info fs.FileInfo) (uid, gid int) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1
	}
	return int(stat.Uid), int(stat.Gid)
}

// trusted reports whether a file belongs to the user who runs the server, or to root, who may do anything anyway.
func trusted(info fs.FileInfo) bool {
	uid, _ := owner(info)
	return uid == 0 || uid == os.Geteuid()
}

func ownerName(info fs.FileInfo) string {
	uid, _ := owner(info)
	return fmt.Sprintf("user %d", uid)
}
