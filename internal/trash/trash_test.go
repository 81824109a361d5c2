//go:build unix

package trash_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/furl-dev/furl/internal/trash"
	"github.com/furl-dev/furl/internal/usertest"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// names are those in a directory.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// wantEmpty checks that nothing is left in the bin.
func wantEmpty(t testing.TB, bin trash.Bin) {
	t.Helper()
	if left := names(t, bin.Dir); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// plant makes a tree as Go's module cache is, and worse.
func plant(t testing.TB, dir string) {
	t.Helper()
	must(t,
		os.MkdirAll(filepath.Join(dir, "mod/cache/deep"), 0o700),
		os.WriteFile(filepath.Join(dir, "mod/cache/deep/file"), []byte("x"), 0o400),
		os.MkdirAll(filepath.Join(dir, "closed/inner"), 0o700),
		os.WriteFile(filepath.Join(dir, "closed/inner/file"), nil, 0),
		os.Mkdir(filepath.Join(dir, "empty"), 0),
		os.Mkdir(filepath.Join(dir, "hidden"), 0o300), // may be entered, but not read
		os.WriteFile(filepath.Join(dir, "hidden/file"), nil, 0o600),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0),
		os.Symlink("/", filepath.Join(dir, "link")),
		os.Symlink("nowhere", filepath.Join(dir, "mod/dangling")),
		os.Chmod(filepath.Join(dir, "hidden"), 0o100),
		os.Chmod(filepath.Join(dir, "closed/inner"), 0),
		os.Chmod(filepath.Join(dir, "closed"), 0),
		os.Chmod(filepath.Join(dir, "mod/cache/deep"), 0o555),
		os.Chmod(filepath.Join(dir, "mod/cache"), 0o555),
		os.Chmod(filepath.Join(dir, "mod"), 0o555),
		os.Chmod(dir, 0o555),
	)
}

func TestRemove(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	bin := trash.Bin{Dir: t.TempDir()}
	for _, row := range []struct {
		name string
		make func(path string)
	}{
		{"nothing", func(string) {}},
		{"nowhere/at/all", func(string) {}},
		{"file", func(path string) { must(t, os.WriteFile(path, nil, 0)) }},
		{"link", func(path string) { must(t, os.Symlink("/", path)) }},
		{"empty", func(path string) { must(t, os.Mkdir(path, 0)) }},
		{"closed", func(path string) {
			must(t, os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, "file"), nil, 0), os.Chmod(path, 0))
		}},
		{"tree", func(path string) {
			must(t, os.Mkdir(path, 0o700))
			plant(t, path)
		}},
		{"many", func(path string) {
			must(t, os.Mkdir(path, 0o700))
			for i := range 2500 { // more than are read at once
				must(t, os.WriteFile(filepath.Join(path, fmt.Sprint(i)), nil, 0o600))
			}
		}},
	} {
		row.make(filepath.Join(bin.Dir, row.name))
		if err := bin.Remove(t.Context(), row.name); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		wantEmpty(t, bin)
	}
	must(t, os.Mkdir(filepath.Join(bin.Dir, "below"), 0o700), os.Mkdir(filepath.Join(bin.Dir, "below/tree"), 0o700))
	plant(t, filepath.Join(bin.Dir, "below/tree"))
	must(t, bin.Remove(t.Context(), "below/tree"))
	if left := names(t, filepath.Join(bin.Dir, "below")); len(left) != 0 {
		t.Errorf("left below: %q", left)
	}
	must(t, os.Mkdir(filepath.Join(bin.Dir, "below/tree"), 0o700), os.Chmod(filepath.Join(bin.Dir, "below"), 0o555))
	must(t, bin.Remove(t.Context(), "below/tree"))
	if left := names(t, filepath.Join(bin.Dir, "below")); len(left) != 0 {
		t.Errorf("left below what was closed: %q", left)
	}
	if err := (trash.Bin{Dir: filepath.Join(bin.Dir, "missing")}).Remove(t.Context(), "x"); err != nil {
		t.Errorf("no bin: %v", err)
	}
}

// TestNothingOutsideIsTouched: links of both kinds lead out of the tree.
func TestNothingOutsideIsTouched(t *testing.T) {
	outside := t.TempDir()
	file := filepath.Join(outside, "file")
	closed := filepath.Join(outside, "closed")
	must(t, os.WriteFile(file, []byte("precious"), 0o400), os.Mkdir(closed, 0o500))
	bin := trash.Bin{Dir: t.TempDir()}
	tree := filepath.Join(bin.Dir, "tree")
	must(t,
		os.MkdirAll(filepath.Join(tree, "a/b"), 0o700),
		os.Symlink(outside, filepath.Join(tree, "directory")),
		os.Symlink(closed, filepath.Join(tree, "a/b/closed")),
		os.Symlink(file, filepath.Join(tree, "a/file")),
		os.Link(file, filepath.Join(tree, "a/b/hard")),
	)
	must(t, bin.Remove(t.Context(), "tree"))
	wantEmpty(t, bin)
	for path, mode := range map[string]fs.FileMode{file: 0o400, closed: fs.ModeDir | 0o500} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v, want mode %v", path, info, err, mode)
		}
	}
	if text, err := os.ReadFile(file); string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
	for _, name := range []string{"..", "../" + filepath.Base(outside), outside} {
		if err := bin.Remove(t.Context(), name); err == nil {
			t.Errorf("Remove(%q) went outside the bin", name)
		}
	}
}

// TestSwappedForALink: while the tree is being removed, something puts a link in the place of a directory in it.
func TestSwappedForALink(t *testing.T) {
	outside := t.TempDir()
	for i := range 20 {
		must(t, os.MkdirAll(filepath.Join(outside, fmt.Sprint(i), "precious"), 0o700))
	}
	bin := trash.Bin{Dir: t.TempDir()}
	tree := filepath.Join(bin.Dir, "tree")
	for range 20 {
		for i := range 20 {
			must(t, os.MkdirAll(filepath.Join(tree, "victim", fmt.Sprint(i), "precious"), 0o700))
		}
		must(t, os.Symlink(outside, filepath.Join(tree, "link")))
		inside, err := os.OpenRoot(tree) // stays with the tree wherever it is moved
		must(t, err)
		var swapping sync.WaitGroup
		stop := make(chan struct{})
		swapping.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				// Each of these may fail: what they name is being removed.
				inside.Rename("victim", "kept")      //nolint:errcheck // as said
				inside.Rename("link", "victim")      //nolint:errcheck // as said
				inside.Symlink(outside, "link")      //nolint:errcheck // as said
				inside.Remove("victim")              //nolint:errcheck // as said
				inside.Rename("kept", "victim")      //nolint:errcheck // as said
				inside.Symlink(outside, "victim/in") //nolint:errcheck // as said
			}
		})
		bin.Remove(t.Context(), "tree") //nolint:errcheck // there may always be something new in it
		close(stop)
		swapping.Wait()
		must(t, inside.Close())
		left, err := bin.Left()
		must(t, err)
		for _, aside := range left {
			must(t, bin.Empty(t.Context(), aside))
		}
		wantEmpty(t, bin)
	}
	for i := range 20 {
		if _, err := os.Stat(filepath.Join(outside, fmt.Sprint(i), "precious")); err != nil {
			t.Error(err)
		}
	}
}

// TestDeepTree: a tree that is deeper than a path may be long, in a process with few descriptors.
func TestDeepTree(t *testing.T) {
	if !usertest.Unprivileged(t) { // also for a process of its own
		return
	}
	const depth = 1000
	bin := trash.Bin{Dir: t.TempDir()}
	root, err := os.OpenRoot(bin.Dir)
	must(t, err)
	must(t, root.Mkdir("tree", 0o700))
	at, err := root.OpenRoot("tree")
	must(t, err)
	for range depth {
		must(t, at.Mkdir("directory", 0o700))
		next, err := at.OpenRoot("directory")
		must(t, err)
		must(t, at.Close())
		at = next
	}
	must(t, at.Close(), root.Close())
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = 32
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	must(t, bin.Remove(t.Context(), "tree"))
	wantEmpty(t, bin)
}

// TestStuck: what is in a directory of another user cannot be removed. It goes as far as it can, gets out of the way,
// and is gone as soon as it can be.
func TestStuck(t *testing.T) {
	const foreign = "bin/tree/a/foreign"
	if !usertest.UnprivilegedWith(t, func(dir string) {
		own := func(name string) error { return os.Chown(filepath.Join(dir, name), usertest.Nobody, usertest.Nobody) }
		must(t, os.MkdirAll(filepath.Join(dir, foreign), 0o755), own("bin"), own("bin/tree"), own("bin/tree/a"),
			os.WriteFile(filepath.Join(dir, foreign, "file"), []byte("of root"), 0o644),
			os.WriteFile(filepath.Join(dir, "bin/tree/a/single"), nil, 0o600)) // which can be removed
	}) {
		return
	}
	bin := trash.Bin{Dir: filepath.Join(usertest.Dir(), "bin")}
	tree := filepath.Join(bin.Dir, "tree")
	must(t, os.Mkdir(filepath.Join(tree, "own"), 0o700))
	plant(t, filepath.Join(tree, "own"))

	err := bin.Remove(t.Context(), "tree")
	var stuck *trash.Stuck
	if !errors.As(err, &stuck) || !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v, want one Stuck for want of permission", err)
	}
	for range 2 { // at the next start the same again, and no more of it
		left, err := bin.Left()
		must(t, err)
		all := names(t, bin.Dir)
		if len(left) != 1 || len(all) != 1 || all[0] != left[0] || stuck.Path != filepath.Join(bin.Dir, left[0]) {
			t.Fatalf("the bin has %q, aside are %q, the error names %s", all, left, stuck.Path)
		}
		var files []string
		must(t, filepath.WalkDir(stuck.Path, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				files = append(files, filepath.Base(path))
			}
			return err
		}))
		if len(files) != 1 || files[0] != "file" {
			t.Fatalf("left are the files %q", files)
		}
		if err := bin.Empty(t.Context(), left[0]); !errors.As(err, &stuck) {
			t.Fatalf("second attempt: %v", err)
		}
	}
}

func TestCanceledIsGoneOnWithLater(t *testing.T) {
	bin := trash.Bin{Dir: t.TempDir()}
	must(t, os.MkdirAll(filepath.Join(bin.Dir, "tree/a/b"), 0o700))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := bin.Remove(ctx, "tree")
	var stuck *trash.Stuck
	if !errors.As(err, &stuck) || !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want a Stuck that was canceled", err)
	}
	if _, err := os.Stat(filepath.Join(bin.Dir, "tree")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the name is not free: %v", err)
	}
	left, err := bin.Left()
	must(t, err)
	for _, aside := range left {
		must(t, bin.Empty(t.Context(), aside))
	}
	wantEmpty(t, bin)
}

func TestFull(t *testing.T) {
	bin := trash.Bin{Dir: t.TempDir()}
	for i := range trash.MaxAside {
		if err := bin.Full(); err != nil {
			t.Fatalf("%d aside: %v", i, err)
		}
		must(t, os.MkdirAll(filepath.Join(bin.Dir, fmt.Sprint("tree/", i)), 0o700))
		if _, err := bin.Aside("tree"); err != nil {
			t.Fatal(err)
		}
	}
	if err := bin.Full(); err == nil || !strings.Contains(err.Error(), filepath.Join(bin.Dir, "trash-*")) {
		t.Errorf("error %v, want one that says what to remove", err)
	}
}
