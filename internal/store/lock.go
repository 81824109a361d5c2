package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// lockName is the file in the data directory that the process using it holds locked and in which it writes its id.
// The file stays when the process ends; the lock does not, however it ends.
const lockName = "lock"

// lock is the hold on a data directory: on the file, which names the process, and on the directory itself, which is
// there when the file was removed. SQLite's own lock on the database is the third.
type lock struct{ dir, file *os.File }

// lockDirectory takes the lock of dir or says who has it.
func lockDirectory(path string) (*lock, error) {
	l := &lock{}
	if err := l.take(path); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

func (l *lock) take(path string) (err error) {
	if l.dir, err = os.Open(path); err != nil {
		return inaccessible("lock the data directory", err)
	}
	name := filepath.Join(path, lockName)
	// Some file systems lock files only. There the file has to do.
	if err := lockFile(l.dir); errors.Is(err, errLocked) {
		return inUse(path, readHolder(name))
	}
	if l.file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return inaccessible("lock the data directory", err)
	}
	if err := lockFile(l.file); errors.Is(err, errLocked) {
		return inUse(path, readHolder(name))
	} else if err != nil {
		return inaccessible("lock the data directory", err)
	}
	if err := l.sign(); err != nil {
		return inaccessible("lock the data directory", err)
	}
	return nil
}

// sign writes this process's id into the file, for the message that the next one gets. It writes over what is there,
// which takes no space on a disk that is full.
func (l *lock) sign() error {
	text := strconv.Itoa(os.Getpid()) + "\n"
	if _, err := l.file.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return l.file.Truncate(int64(len(text)))
}

func (l *lock) release() error {
	var faults []error
	for _, file := range []*os.File{l.file, l.dir} {
		if file != nil {
			faults = append(faults, file.Close())
		}
	}
	return errors.Join(faults...)
}

func inUse(dir, holder string) error {
	return &problem{ErrInUse, fmt.Sprintf(
		"data directory %s is in use by %s: stop that server, or choose another directory with --data", dir, holder)}
}

// readHolder names the process that holds the lock. Between locking and signing the file may still be empty.
func readHolder(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return "another process"
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if pid, convErr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && convErr == nil {
		return "process " + strconv.Itoa(pid)
	}
	return "another process"
}

// errLocked is what lockFile returns when another process has the lock.
var errLocked = errors.New("locked by another process")
