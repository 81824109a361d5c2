// Package watch tells which files of a project change. It asks the system for notifications, and looks at the files
// again and again where there are none. It follows symbolic links inside the project, and leaves out what an ignore
// file names and what tools and editors make for themselves.
//
// It never changes a file and never reads the content of any but .furlignore. It promises that every change of a file
// that lasts is reported after it happened, not that each report is a change of content.
//
//	w, err := watch.New(watch.Config{Base: project, Roots: []string{project}})
//	defer w.Close()
//	for paths := range w.Changes() {
//		…
//	}
package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// MaxDirectories is how many directories a project may have.
const MaxDirectories = 20000

// Config says what to watch.
type Config struct {
	Base  string   // absolute directory of the project; links that lead out of it are not followed
	Roots []string // absolute files and directories; what is not there yet is watched for
	Skip  []string // absolute directories that are never watched, such as a data directory

	Poll     time.Duration // look at the files each time this passes, in place of notifications; 0 for notifications
	Debounce time.Duration // how long it must be quiet before a batch is reported; 0 is 50 ms

	Warn func(text string) // told when not all is watched as it should be; nil for nobody
}

// fallback is how often files are looked at where the system has no more notifications to give.
const fallback = time.Second

// Watcher watches. Its methods may be called at any time by anybody.
type Watcher struct {
	config  Config
	changes chan []string
	roots   chan []string
	ready   chan struct{} // answers roots
	done    chan struct{}
	ended   chan struct{}

	tree    tree
	notify  notifier               // nil when polling
	seen    map[string]fs.FileInfo // when polling: what each file was at the last look
	pending map[string]struct{}
	since   time.Time // when the first of pending was seen
	stale   bool      // directories came or went
}

// notifier is what a Watcher needs of fsnotify.
type notifier interface {
	Add(dir string) error
	Remove(dir string) error
	Close() error
	Streams() (<-chan fsnotify.Event, <-chan error)
}

type system struct{ *fsnotify.Watcher }

func (s system) Streams() (<-chan fsnotify.Event, <-chan error) { return s.Events, s.Errors }

func openSystem() (notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return system{w}, nil
}

// New watches until Close.
func New(config Config) (*Watcher, error) { return open(config, openSystem) }

func open(config Config, system func() (notifier, error)) (*Watcher, error) {
	for _, path := range append(slices.Clone(config.Roots), config.Base) {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("watch %q: the path is not absolute", path)
		}
	}
	if config.Debounce <= 0 {
		config.Debounce = 50 * time.Millisecond
	}
	if config.Warn == nil {
		config.Warn = func(string) {}
	}
	w := &Watcher{
		config: config, changes: make(chan []string), roots: make(chan []string), ready: make(chan struct{}),
		done: make(chan struct{}), ended: make(chan struct{}), pending: map[string]struct{}{},
	}
	if config.Poll <= 0 {
		var err error
		if w.notify, err = system(); err != nil {
			w.poll(err)
		}
	}
	w.setRoots(config.Roots)
	go w.run()
	return w, nil
}

// Changes are batches of changed paths, sorted: each is a root, or below one, as the root names it. Of a directory that
// is gone, its own name or those of its files are reported.
func (w *Watcher) Changes() <-chan []string { return w.changes }

// Watch replaces the roots. What changes after it returns is reported.
func (w *Watcher) Watch(roots ...string) {
	select {
	case w.roots <- roots:
		<-w.ready
	case <-w.ended:
	}
}

// Close ends the watch, and closes Changes.
func (w *Watcher) Close() {
	select {
	case w.done <- struct{}{}:
	case <-w.ended:
	}
	<-w.ended
}

// run owns all that the Watcher knows.
func (w *Watcher) run() {
	defer close(w.ended)
	defer close(w.changes)
	defer func() {
		if w.notify != nil {
			w.notify.Close() //nolint:errcheck // nothing is watched any more
		}
	}()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	for {
		var events <-chan fsnotify.Event
		var faults <-chan error
		var look <-chan time.Time
		if w.notify != nil {
			events, faults = w.notify.Streams()
		} else {
			look = time.After(w.config.Poll)
		}
		select {
		case <-w.done:
			return
		case roots := <-w.roots:
			w.setRoots(roots)
			w.ready <- struct{}{}
		case event, ok := <-events:
			if !ok {
				return
			}
			w.note(event)
			timer.Reset(w.wait())
		case err, ok := <-faults:
			if !ok {
				return
			}
			w.lost(err)
			timer.Reset(w.wait())
		case <-look:
			w.lookAgain()
			if len(w.pending) > 0 {
				timer.Reset(w.wait())
			}
		case <-timer.C:
			if w.stale {
				w.sync(true)
			}
			if !w.report() {
				return
			}
		}
	}
}

// wait is how long to wait for more: until it is quiet, but what never is quiet is reported now and then.
func (w *Watcher) wait() time.Duration {
	const patience = 10
	if w.since.IsZero() {
		w.since = time.Now()
	}
	return max(0, min(w.config.Debounce, time.Until(w.since.Add(patience*w.config.Debounce))))
}

// report sends the batch. While nobody takes it, it grows. It reports whether the Watcher goes on.
func (w *Watcher) report() bool {
	for len(w.pending) > 0 {
		var events <-chan fsnotify.Event
		var faults <-chan error
		if w.notify != nil {
			events, faults = w.notify.Streams()
		}
		batch := slices.Sorted(maps.Keys(w.pending))
		select {
		case <-w.done:
			return false
		case roots := <-w.roots:
			w.setRoots(roots)
			w.ready <- struct{}{}
		case event, ok := <-events:
			if !ok {
				return false
			}
			w.note(event)
			if w.stale {
				w.sync(true)
			}
		case err, ok := <-faults:
			if !ok {
				return false
			}
			w.lost(err)
			w.sync(true)
		case w.changes <- batch:
			clear(w.pending)
		}
	}
	w.since = time.Time{}
	return true
}

// note takes what the system says.
func (w *Watcher) note(event fsnotify.Event) {
	if event.Op == fsnotify.Chmod && runtime.GOOS == "darwin" { // where indexing a file looks so
		return
	}
	dir, name := filepath.Split(event.Name)
	dir = filepath.Clean(dir)
	if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
		w.forget(event.Name)
	}
	if name == IgnoreFile {
		w.stale = true
		return
	}
	found := w.tree.names(dir, name)
	if event.Has(fsnotify.Create) || event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
		// A link, a directory or a root may have come or gone. What else it is only the tree can tell.
		w.stale = w.stale || found.structure
	}
	for _, path := range found.paths {
		w.pending[path] = struct{}{}
	}
}

// forget drops the watches on a directory that is gone from its place, and on all below it: the system may watch on at
// the new place, and does not watch what comes to the old one.
func (w *Watcher) forget(dir string) {
	for _, watched := range w.tree.below(dir) {
		w.notify.Remove(watched) //nolint:errcheck // the system may have dropped it already
		delete(w.tree.watched, watched)
		w.stale = true
	}
}

// lost takes an error of the system: it may have dropped notifications.
func (w *Watcher) lost(err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		w.config.Warn(fmt.Sprintf("notifications of changed files failed: %v", err))
	}
	for _, root := range w.tree.roots {
		w.pending[root] = struct{}{}
	}
	w.stale = true
}

// setRoots begins to watch other roots. Their files are as they should be.
func (w *Watcher) setRoots(roots []string) {
	clean := make([]string, len(roots))
	for i, root := range roots {
		clean[i] = filepath.Clean(root)
	}
	slices.Sort(clean)
	w.tree.roots = slices.Compact(clean)
	if w.notify == nil {
		w.tree.scan(w.config, nil)
		w.seen = w.tree.look()
		return
	}
	w.sync(false)
}

// sync watches the directories that there are now, and no others. If told, it reports the files of directories that it
// did not know.
func (w *Watcher) sync(report bool) {
	w.stale = false
	if w.notify == nil {
		return
	}
	before := w.tree.watched
	var limit error
	w.tree.scan(w.config, func(dir string) bool {
		if _, ok := before[dir]; ok {
			return false
		}
		if limit == nil {
			if err := w.notify.Add(dir); errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) {
				limit = err
			}
		}
		return report
	})
	for _, path := range w.tree.found {
		w.pending[path] = struct{}{}
	}
	w.tree.found = nil
	if limit != nil {
		w.poll(limit)
		return
	}
	for dir := range before {
		if _, ok := w.tree.watched[dir]; !ok {
			w.notify.Remove(dir) //nolint:errcheck // the system may have dropped it already
		}
	}
	if w.tree.full {
		w.tooMany()
	}
}

func (w *Watcher) tooMany() {
	w.config.Warn(fmt.Sprintf("the project has more than %d directories, and the rest is not watched: "+
		"name those that need no watch in %s", MaxDirectories, filepath.Join(w.config.Base, IgnoreFile)))
}

// poll goes over to looking at the files, because the system has no notifications left.
func (w *Watcher) poll(err error) {
	if w.notify != nil {
		w.notify.Close() //nolint:errcheck // its watches are given back in any case
		w.notify = nil
	}
	w.config.Poll = fallback
	setting := ""
	switch {
	case errors.Is(err, syscall.ENOSPC):
		setting = "; raise the limit with sysctl fs.inotify.max_user_watches"
	case errors.Is(err, syscall.EMFILE):
		setting = "; raise the limit with sysctl fs.inotify.max_user_instances"
	}
	w.config.Warn(fmt.Sprintf("the system gives no more notifications of changed files (%s), so furl looks at all files "+
		"once a second%s", reason(err), setting))
	w.tree.scan(w.config, nil)
	w.seen = w.tree.look()
}

// reason is the error of the system alone.
func reason(err error) string {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return strings.TrimSpace(number.Error())
	}
	return err.Error()
}

// lookAgain compares the files with what they were at the last look.
func (w *Watcher) lookAgain() {
	w.tree.scan(w.config, nil)
	now := w.tree.look()
	for path, state := range now {
		if before, ok := w.seen[path]; !ok || !same(before, state) {
			w.pending[path] = struct{}{}
		}
	}
	for path := range w.seen {
		if _, ok := now[path]; !ok {
			w.pending[path] = struct{}{}
		}
	}
	w.seen = now
}
