//go:build unix

package app

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/watch"
)

// codeWatch watches the directories whose code functions use in place, with a watcher for each of the server's code
// directories that has some.
type codeWatch struct {
	*code.Places
	skip    []string
	log     *slog.Logger
	changed func(contains func(dir string) bool) (reloaded []string)

	mu     sync.Mutex
	roots  map[string]*watchedRoot
	closed bool
	ended  sync.WaitGroup
}

type watchedRoot struct {
	watcher *watch.Watcher      // nil if there can be none
	dirs    map[string][]string // of code in place, with the packages of the project that it has through links
}

// CodeDir implements lambdaapi.Places. The directory is watched from then on, before there is a function that may have
// read it.
func (c *codeWatch) CodeDir(path string) (string, error) {
	dir, err := c.Places.CodeDir(path)
	if err == nil {
		c.use(dir)
	}
	return dir, err
}

// use watches a directory.
func (c *codeWatch) use(dir string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	root := c.RootOf(dir)
	if root == "" || c.closed {
		return
	}
	at := c.roots[root]
	if at == nil {
		at = &watchedRoot{dirs: map[string][]string{}}
		if c.roots == nil {
			c.roots = map[string]*watchedRoot{}
		}
		c.roots[root] = at
		warn := func(text string) { c.log.Warn("not all code in place is watched", "file", root, "error", text) }
		var err error
		at.watcher, err = watch.New(watch.Config{Base: root, Skip: c.skip, Warn: warn})
		if err != nil {
			c.log.Warn("code in place is not watched", "file", root, "error", err,
				"fix", "aws lambda update-function-code --s3-bucket hot-reload reloads a function")
			return
		}
		c.ended.Go(func() { c.take(at.watcher) })
	}
	if at.watcher == nil {
		return
	}
	linked, known := at.dirs[dir]
	at.dirs[dir] = c.Linked(dir)
	if known && slices.Equal(linked, at.dirs[dir]) {
		return
	}
	all := slices.Collect(maps.Keys(at.dirs))
	for _, linked := range at.dirs {
		all = append(all, linked...)
	}
	at.watcher.Watch(all...)
}

// reads reports whether the code in a directory consists of one of the paths, among others.
func (c *codeWatch) reads(dir string, paths []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	places := []string{dir}
	if at := c.roots[c.RootOf(dir)]; at != nil {
		places = append(places, at.dirs[dir]...)
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		return slices.ContainsFunc(places, func(dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") })
	})
}

// take reloads what changes.
func (c *codeWatch) take(w *watch.Watcher) {
	for paths := range w.Changes() {
		reloaded := c.changed(func(dir string) bool { return c.reads(dir, paths) })
		for _, dir := range reloaded {
			c.log.Info("code in place has changed: its functions run it from the next call on", "file", dir)
		}
	}
}

// close ends the watch.
func (c *codeWatch) close() {
	c.mu.Lock()
	c.closed = true
	roots := c.roots
	c.mu.Unlock()
	for _, root := range roots {
		if root.watcher != nil {
			root.watcher.Close()
		}
	}
	c.ended.Wait()
}
