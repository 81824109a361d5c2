package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/ncruces/go-sqlite3"
)

// The reasons for which Open refuses a directory, to be tested for with errors.Is.
var (
	ErrInUse       = errors.New("data directory is in use")
	ErrNewerSchema = errors.New("state file is from a newer version")
	ErrForeign     = errors.New("file is not a state file of furl")
	ErrDamaged     = errors.New("state file is damaged")
)

// Conflict is the error of a Commit that was made from another revision than the store has: something else has changed
// the records since they were loaded.
type Conflict struct{ Base, Now Revision }

func (c *Conflict) Error() string {
	return fmt.Sprintf("the change is based on revision %d of the records, and the store has revision %d", c.Base, c.Now)
}

// problem is an error whose text is written for the person at the terminal, and which is one of the errors above.
type problem struct {
	kind error
	text string
}

func (p *problem) Error() string { return p.text }
func (p *problem) Unwrap() error { return p.kind }

// explain says in one line what err means for the state file at path. doing is what was tried: open, read or write.
func explain(path, doing string, err error) error {
	if p := new(problem); errors.As(err, &p) {
		return err
	}
	if IsFull(err) {
		if cause := new(fs.PathError); errors.As(err, &cause) {
			err = cause.Err // without the path once more
		}
		return fmt.Errorf("%s %s: no space is left; free some space on the disk, or raise the quota or the limit of "+
			"file sizes: %w", doing, path, err)
	}
	is := func(codes ...error) bool {
		return slices.ContainsFunc(codes, func(code error) bool { return errors.Is(err, code) })
	}
	switch {
	case is(sqlite3.NOTADB):
		return &problem{ErrForeign, fmt.Sprintf("%s is not a database: move it away to start with an empty one, "+
			"or choose another directory with --data", path)}
	case is(sqlite3.CORRUPT):
		return &problem{ErrDamaged, fmt.Sprintf("%s is damaged (%v): put back a copy, or move it away to start with "+
			"an empty one", path, err)}
	case is(sqlite3.BUSY):
		return inUse(filepath.Dir(path), "another process, which has "+filepath.Base(path)+" open")
	case is(sqlite3.READONLY, sqlite3.CANTOPEN, sqlite3.PERM):
		return fmt.Errorf("%s %s: this user may not write there, give it permission or choose another directory with "+
			"--data: %w", doing, path, err)
	}
	return fmt.Errorf("%s %s: %w", doing, path, err)
}

// inaccessible says in one line why the operating system does not let us doing something.
func inaccessible(doing string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w: give this user permission, or choose another directory with --data", doing, err)
	}
	return fmt.Errorf("%s: %w: choose another directory with --data", doing, err)
}
