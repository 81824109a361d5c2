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
	watcher *watch.Watcher // nil if there can be none
	dirs    map[string]bool
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
		at = &watchedRoot{dirs: map[string]bool{}}
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
	if at.watcher == nil || at.dirs[dir] {
		return
	}
	at.dirs[dir] = true
	at.watcher.Watch(slices.Collect(maps.Keys(at.dirs))...)
}

// take reloads what changes.
func (c *codeWatch) take(w *watch.Watcher) {
	for paths := range w.Changes() {
		reloaded := c.changed(func(dir string) bool {
			return slices.ContainsFunc(paths, func(path string) bool { return path == dir || strings.HasPrefix(path, dir+"/") })
		})
		for _, dir := range reloaded {
			c.log.Info("code in place has changed: its functions run it from the next call on", "file", dir)
		}
	}
}

// close ends the watch.
func (c *codeWatch) close() {
	c.mu.Lock()
	c.closed = true
	for _, root := range c.roots {
		if root.watcher != nil {
			root.watcher.Close()
		}
	}
	c.mu.Unlock()
	c.ended.Wait()
}
