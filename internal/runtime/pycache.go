package runtime

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

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
