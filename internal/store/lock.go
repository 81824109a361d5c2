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

// lock is the hold on a data directory.
type lock struct{ file *os.File }

// lockDirectory takes the lock of dir or says who has it.
func lockDirectory(dir string) (*lock, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, inaccessible("lock the data directory", err)
	}
	if err := lockFile(file); err != nil {
		holder := readHolder(file)
		file.Close()
		if errors.Is(err, errLocked) {
			return nil, &problem{ErrInUse, fmt.Sprintf(
				"data directory %s is in use by %s: stop that server, or choose another directory with --data", dir, holder)}
		}
		return nil, inaccessible("lock the data directory", err)
	}
	l := &lock{file}
	if err := l.sign(); err != nil {
		return nil, errors.Join(inaccessible("lock the data directory", err), l.release())
	}
	return l, nil
}

// sign writes this process's id into the file, for the message that the next one gets.
func (l *lock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func (l *lock) release() error { return l.file.Close() }

// readHolder names the process that holds the lock. Between locking and signing the file may still be empty.
func readHolder(file *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 32))
	if pid, convErr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && convErr == nil {
		return "process " + strconv.Itoa(pid)
	}
	return "another process"
}

// errLocked is what lockFile returns when another process has the lock.
var errLocked = errors.New("locked by another process")
