//go:build unix

// Package trash removes the directories that functions and uploads leave behind, whatever is in them.
//
// Strangers made what it removes. It makes directories writable that are read-only or closed (Go's module cache has
// such). It removes symbolic links and never follows them, even if one takes the place of a directory meanwhile. It
// leaves alone what is mounted into a directory, and changes no file's mode, since a file may have another name
// elsewhere. A tree may be of any depth: it takes four file descriptors.
//
// First it moves things aside, to a directory trash-… in the bin, so that their names are free at once and a process
// that is killed meanwhile leaves nothing half removed. What it cannot remove, such as a file in a directory of another
// user, stays there, and the error is a [*Stuck]. [Bin.Left] finds it at the next start.
package trash

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// MaxAside is how many directories may lie aside before [Bin.Full] says so.
const MaxAside = 100

// prefix begins the name of what lies aside.
const prefix = "trash-"

// Bin is a directory that things are removed from.
type Bin struct {
	// Dir is where things lie aside until they are gone. The things to remove are below it, on the same file system.
	Dir string
}

// Stuck is the error about something that is out of the way, but not or not wholly removed.
type Stuck struct {
	Path string // of what is left
	Err  error  // the first thing that went wrong
}

func (s *Stuck) Error() string { return fmt.Sprintf("%s is not removed: %v", s.Path, s.Err) }

// Unwrap is for errors.Is.
func (s *Stuck) Unwrap() error { return s.Err }

// Remove removes a file or a directory with everything below it, and does nothing if there is none. The name is
// relative to the bin's directory. After a [*Stuck] the name is free, and what is left lies aside; after any other
// error it is where it was.
func (b Bin) Remove(ctx context.Context, name string) error {
	aside, err := b.Aside(name)
	if err != nil || aside == "" {
		return err
	}
	return b.Empty(ctx, aside)
}

// Aside does the first part of Remove: it moves something out of the way in one step, and returns its new name for
// Empty. If the name is empty, there is nothing left to do.
func (b Bin) Aside(name string) (aside string, err error) {
	root, err := os.OpenRoot(b.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer root.Close()
	if err := root.Remove(name); err == nil || errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	aside = asideName(name)
	if err := move(root, name, aside); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("%s cannot be removed, nor set aside: %w", filepath.Join(b.Dir, name), err)
	}
	return aside, nil
}

// move renames something. What is mounted somewhere does not move, and keeps its mode.
func move(root *os.Root, from, to string) error {
	err := root.Rename(from, to)
	if errors.Is(err, fs.ErrPermission) && isOnDevice(root, from) {
		// Nothing leaves a directory that is not writable, nor can a directory that is not writable leave another.
		makeWritable(root, path.Dir(from))
		makeWritable(root, from)
		err = root.Rename(from, to)
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		err = &fs.PathError{Op: "move", Path: from, Err: link.Err}
	}
	return err
}

// isOnDevice reports whether something is on the same file system as the root.
func isOnDevice(root *os.Root, name string) bool {
	device := func(info fs.FileInfo, err error) any {
		if err != nil {
			return nil
		}
		return info.Sys().(*syscall.Stat_t).Dev
	}
	of := device(root.Lstat(name))
	return of != nil && of == device(root.Lstat("."))
}

// makeWritable lets the owner of a directory do everything in it. Whether it did shows in what comes next.
func makeWritable(root *os.Root, name string) {
	if info, err := root.Lstat(name); err == nil && info.IsDir() && info.Mode().Perm()&0o700 != 0o700 {
		root.Chmod(name, 0o700) //nolint:errcheck // see above
	}
}

// asideName is a new name that says where something was.
func asideName(name string) string {
	return prefix + FileName(path.Base(name), 80) + "-" + rand.Text()[:8]
}

// FileName is a text as a part of a file's name that every file system takes: at most so many ASCII letters, digits and
// hyphens, with "_" for all others.
func FileName(text string, most int) string {
	name := strings.Map(func(r rune) rune {
		if r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, text)
	return name[:min(most, len(name))]
}

// Left are the names of everything that lies aside, for Empty: what this process is removing at the moment, and what
// earlier ones could not remove or had no time for.
func (b Bin) Left() ([]string, error) {
	entries, err := os.ReadDir(b.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var left []string
	for _, e := range entries {
		if IsAside(e.Name()) {
			left = append(left, e.Name())
		}
	}
	return left, nil
}

// IsAside reports whether a name in a bin's directory is of something that lies aside.
func IsAside(name string) bool { return strings.HasPrefix(name, prefix) }

// Full returns an error that says what to do if [MaxAside] directories or more lie aside. A caller that makes
// directories that strangers fill asks before each, so that what cannot be removed does not fill the disk.
func (b Bin) Full() error {
	left, err := b.Left()
	if err != nil || len(left) < MaxAside {
		return err
	}
	return fmt.Errorf("%d directories that could not be removed lie in %s: remove them with sudo rm -r %s",
		len(left), b.Dir, filepath.Join(b.Dir, prefix+"*"))
}

// Empty does the second part of Remove, for a name that Aside or Left returned. The error is a [*Stuck].
func (b Bin) Empty(ctx context.Context, aside string) error {
	err := b.empty(ctx, aside)
	if err == nil {
		return nil
	}
	return &Stuck{Path: filepath.Join(b.Dir, aside), Err: err}
}

func (b Bin) empty(ctx context.Context, aside string) error {
	root, err := os.OpenRoot(b.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(aside); err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	makeWritable(root, aside)
	tree, err := root.OpenRoot(aside)
	if err != nil {
		return err
	}
	defer tree.Close()
	e := emptying{tree: tree, names: rand.Text()[:8] + "-", left: maxEntries}
	e.run(ctx)
	if err := root.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cmp.Or(e.err, err)
	}
	return nil
}

// Bounds of one emptying. A process that still runs in the tree could make files as fast as they are removed.
const (
	maxEntries = 10_000_000 // that are looked at
	maxPasses  = 8          // through one directory
	batch      = 1024       // names in memory
)

// emptying removes everything in a tree. A directory that is not empty is moved to the top of the tree under a new name
// and emptied there, in its turn. That takes no more memory and descriptors for a deep tree than for a flat one, and it
// cannot be moved if something is mounted there: so nothing is removed that is not of the tree.
type emptying struct {
	tree  *os.Root
	names string // begins the names at the top
	moved int    // directories that were moved there
	left  int    // entries that may still be looked at
	err   error  // the first
}

func (e *emptying) run(ctx context.Context) {
	e.directory(ctx, ".")
	for n := 0; n < e.moved && ctx.Err() == nil && e.left >= 0; n++ {
		e.directory(ctx, e.name(n))
	}
}

func (e *emptying) name(n int) string { return e.names + strconv.Itoa(n) }

func (e *emptying) failed(err error) {
	e.err = cmp.Or(e.err, err)
}

// directory removes what is in a directory, and the directory unless it is the top. What is removed from a directory
// while it is read can hide other entries from the reader, so it is read until it is empty or nothing more goes.
func (e *emptying) directory(ctx context.Context, dir string) {
	for pass := range maxPasses {
		progress, err := e.pass(ctx, dir)
		if err != nil {
			e.failed(err)
			return
		}
		if dir == "." && !progress {
			return
		}
		if dir == "." {
			continue
		}
		err = e.tree.Remove(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
		if !progress || pass == maxPasses-1 {
			e.failed(err)
			return
		}
	}
}

// pass reads a directory once and removes what it can. An error is a reason to stop.
func (e *emptying) pass(ctx context.Context, dir string) (progress bool, err error) {
	file, err := e.tree.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0) // nothing else: a pipe would block
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	for {
		names, err := file.Readdirnames(batch)
		for _, name := range names {
			if dir == "." && strings.HasPrefix(name, e.names) {
				continue
			}
			if e.left--; e.left < 0 {
				return progress, fmt.Errorf("more than %d files", maxEntries)
			}
			if ctx.Err() != nil {
				return progress, context.Cause(ctx)
			}
			if e.remove(path.Join(dir, name)) {
				progress = true
			}
		}
		if errors.Is(err, io.EOF) {
			return progress, nil
		}
		if err != nil {
			return progress, err
		}
	}
}

// remove removes an entry, or moves it to the top if it is a directory with something in it.
func (e *emptying) remove(name string) (gone bool) {
	err := e.tree.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if info, statErr := e.tree.Lstat(name); statErr == nil && info.IsDir() {
		top := e.name(e.moved)
		if err = move(e.tree, name, top); err == nil {
			makeWritable(e.tree, top) // to be read
			e.moved++
			return true
		}
	}
	e.failed(err)
	return false
}
