package runtime

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/trash"
)

// environmentsName is the directory of the environments' own directories, below Config.Dir.
const environmentsName = "environment"

// removalGrace is how long a pool that is closed goes on removing directories. The next one does the rest.
const removalGrace = 5 * time.Second

// makeOwn makes a directory, or opens it to its owner again if a function has closed it.
func makeOwn(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o700 == 0o700 {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// leftovers is what earlier pools have left and this one has moved aside.
type leftovers struct {
	names []string
	err   error // the first; none of them stops the pool
}

// setAside makes room for new environments.
func (p *Pool) setAside() leftovers {
	var l leftovers
	l.names, l.err = p.bin.Left()
	aside, err := p.bin.Aside(environmentsName)
	if aside != "" {
		l.names = append(l.names, aside)
	}
	l.err = cmp.Or(l.err, err)
	return l
}

// removeLeftovers removes what is of earlier pools and of deleted functions. It can take its time.
func (p *Pool) removeLeftovers(l leftovers) {
	ctx, cancel := p.removing()
	defer cancel()
	for _, name := range l.names {
		if err := p.bin.Empty(ctx, name); err != nil {
			l.err = cmp.Or(l.err, err)
			p.stuck.Add(1)
		}
	}
	if l.err != nil && ctx.Err() == nil {
		p.config.Logger.Warn("what environments have left is not removed", "file", p.bin.Dir, "error", l.err)
	}
	if err := pruneCache(ctx, p.launcher.cacheDir); err != nil && ctx.Err() == nil {
		p.config.Logger.Warn("compiled modules of deleted functions not removed", "error", err)
	}
}

// removing is the context of removing directories.
func (p *Pool) removing() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(p.ctx, func() { time.AfterFunc(removalGrace, cancel) })
	return ctx, func() { stop(); cancel() }
}

// makeDirs makes the environment's own directory and those that its function shares with others, unless so much of
// earlier environments could not be removed that more might fill the disk.
func (e *environment) makeDirs(shared []string) error {
	p := e.pool
	if p.stuck.Load() >= trash.MaxAside {
		if err := p.bin.Full(); err != nil {
			p.config.Logger.Warn("environment not started", "function", e.fn.ARN, "error", err)
			return noRoomError{err}
		}
	}
	err := os.Mkdir(e.dir, 0o700)
	if err != nil && makeOwn(p.environments) == nil { // another function has closed or removed it
		err = os.Mkdir(e.dir, 0o700)
	}
	for _, dir := range shared {
		err = cmp.Or(err, makeOwn(dir))
	}
	return err
}

// noRoomError is an ErrFull that says what to do.
type noRoomError struct{ error }

func (noRoomError) Is(target error) bool { return target == ErrFull || target == ErrBusy }

// removeDir removes the environment's own directory with what the function has left in it.
func (e *environment) removeDir() {
	ctx, cancel := e.pool.removing()
	defer cancel()
	err := e.pool.bin.Remove(ctx, filepath.Join(environmentsName, e.id))
	for left := startPauses; left > 0 && machine.Lacking(err) != nil; left-- { // of descriptors, for a moment
		e.pool.pause(nil, startPause)
		err = e.pool.bin.Remove(ctx, filepath.Join(environmentsName, e.id))
	}
	if err != nil {
		e.pool.stuck.Add(1)
		e.pool.config.Logger.Warn("environment directory not removed", "file", e.dir, "error", err)
	}
}

// maxCacheDepth is how deep directories of compiled modules may be, each of which takes a file descriptor. Code is not
// as deep.
const maxCacheDepth = 128

// pruneCache removes compiled Python modules whose sources are gone from the directory of each function. Functions
// write there, so it may hold anything: what cannot be read goes too.
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
		if readErr != nil { // which is the end, or a directory that vanishes at this moment
			return true
		}
	}
}
