//go:build unix

package runtime

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/furl-dev/furl/internal/trash"
)

// maxCacheDepth is how deep directories of compiled modules may be. Each level takes a file descriptor, and code is not
// as deep.
const maxCacheDepth = 128

// pruneCache removes compiled Python modules whose sources are gone from the directory of each function. Functions
// write there, so it may hold anything: what cannot be read goes, too.
func pruneCache(ctx context.Context, cache string) error {
	functions, err := os.ReadDir(cache)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no Python function has run yet
	}
	if err != nil {
		return trash.Bin{Dir: filepath.Dir(cache)}.Remove(ctx, filepath.Base(cache))
	}
	m := modules{bin: trash.Bin{Dir: cache}}
	for _, function := range functions {
		if ctx.Err() != nil {
			break
		}
		switch name := function.Name(); {
		case trash.IsAside(name):
			m.failed(m.bin.Empty(ctx, name))
		case !function.IsDir() || !m.function(ctx, filepath.Join(cache, name)):
			m.failed(m.bin.Remove(ctx, name))
		}
	}
	return m.err
}

// racyTime is how long after the last change of a source its compiled module may be out of date without a sign of it: the
// module has the second of that change and the size of the source, and file systems count in up to two seconds.
const racyTime = 2 * time.Second

// changed is when a file changed last. No program can set that back, as it can the time of its content (inode(7)).
func changed(path string) (time.Time, bool) {
	var info unix.Stat_t
	if err := unix.Stat(path, &info); err != nil {
		return time.Time{}, false
	}
	return time.Unix(info.Ctim.Unix()), true
}

// maxCompiled bounds how many compiled modules dropRacy looks at.
const maxCompiled = 50_000

// dropRacy removes the modules that were compiled from sources below root right after those had changed: if such a source
// changes again in the same second and keeps its size, Python takes the old module for the new one. Functions write into
// the cache, so it may hold anything; what cannot be read or removed stays.
func dropRacy(ctx context.Context, cache, root string) {
	dir, err := os.OpenRoot(filepath.Join(cache, root))
	if err != nil {
		return // nothing is compiled yet
	}
	defer dir.Close()
	left := maxCompiled
	fs.WalkDir(dir.FS(), ".", func(name string, entry fs.DirEntry, err error) error { //nolint:errcheck // see above
		if left--; left < 0 || ctx.Err() != nil || strings.Count(name, "/") > maxCacheDepth {
			return fs.SkipAll
		}
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		module, _, _ := strings.Cut(filepath.Base(name), ".") // of module.cpython-313.pyc
		last, ok := changed(filepath.Join(root, filepath.Dir(name), module+".py"))
		if !ok || info.ModTime().Sub(last.Truncate(time.Second)) < racyTime {
			dir.Remove(name) //nolint:errcheck // see above
		}
		return nil
	})
}

// modules is a directory of compiled modules that is being pruned.
type modules struct {
	root *os.Root
	bin  trash.Bin
	err  error // the first
}

func (m *modules) failed(err error) { m.err = cmp.Or(m.err, err) }

// function removes what mirrors nothing from the directory of a function: Python mirrors the directories of the sources
// below that of the compiled modules (sys.pycache_prefix). It reports whether the directory can be read.
func (m *modules) function(ctx context.Context, dir string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer root.Close()
	of := modules{root: root, bin: trash.Bin{Dir: dir}}
	left, err := of.bin.Left()
	of.failed(err)
	for _, name := range left {
		of.failed(of.bin.Empty(ctx, name))
	}
	readable := of.prune(ctx, ".", 0)
	m.failed(of.err)
	return readable
}

// prune reports whether a directory can be read.
func (m *modules) prune(ctx context.Context, name string, depth int) bool {
	dir, err := m.root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return false
	}
	defer dir.Close()
	for {
		const batch = 256
		entries, readErr := dir.ReadDir(batch)
		for _, entry := range entries {
			if !entry.IsDir() || depth == 0 && trash.IsAside(entry.Name()) {
				continue
			}
			if ctx.Err() != nil {
				return true
			}
			child := filepath.Join(name, entry.Name())
			_, statErr := os.Stat(string(filepath.Separator) + child)
			gone := statErr != nil && !errors.Is(statErr, fs.ErrPermission)
			if gone || depth == maxCacheDepth || !m.prune(ctx, child, depth+1) {
				m.failed(m.bin.Remove(ctx, child))
			}
		}
		if readErr != nil { // the end, or a directory that vanishes at this moment
			return true
		}
	}
}
