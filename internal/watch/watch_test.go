package watch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/watch"
)

// project is a directory under watch, in the ways in which it can be watched.
type project struct {
	t    *testing.T
	dir  string
	w    *watch.Watcher
	mu   sync.Mutex
	said []string
}

const patience = 30 * time.Second

// ways has a test run with notifications and without.
func ways(t *testing.T, test func(t *testing.T, p *project, config watch.Config)) {
	for name, poll := range map[string]time.Duration{"notified": 0, "polling": 5 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			p := &project{t: t, dir: dir}
			test(t, p, watch.Config{Base: dir, Poll: poll, Debounce: 5 * time.Millisecond, Warn: p.warn})
		})
	}
}

func (p *project) warn(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, text)
}

func (p *project) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

func (p *project) write(name, text string) {
	p.t.Helper()
	path := p.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// watch begins; the roots are names below the directory, or the directory itself.
func (p *project) watch(config watch.Config, roots ...string) {
	p.t.Helper()
	for _, root := range roots {
		config.Roots = append(config.Roots, p.path(root))
	}
	if len(roots) == 0 {
		config.Roots = []string{p.dir}
	}
	var err error
	p.w, err = watch.New(config)
	p.must(err)
	p.t.Cleanup(p.w.Close)
}

// until collects changes until one is that of the name, and fails if one is among those not wanted.
func (p *project) until(name string, not ...string) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case batch, ok := <-p.w.Changes():
			if !ok {
				p.t.Fatal("the watch ended")
			}
			for _, path := range not {
				if slices.Contains(batch, p.path(path)) {
					p.t.Fatalf("%s was reported: %q", path, batch)
				}
			}
			if slices.Contains(batch, p.path(name)) {
				return
			}
		case <-deadline:
			p.t.Fatalf("%s was never reported", name)
		}
	}
}

func TestFileThatIsWritten(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("app.py", "one")
		p.watch(config)
		p.write("app.py", "two!")
		p.until("app.py")
	})
}

func TestFileThatComesAndGoes(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.watch(config)
		p.write("new.py", "one")
		p.until("new.py")
		p.must(os.Remove(p.path("new.py")))
		p.until("new.py")
	})
}

func TestFileThatMayBeExecutedNow(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("bootstrap", "one")
		p.watch(config)
		p.must(os.Chmod(p.path("bootstrap"), 0o755))
		p.until("bootstrap")
	})
}

// TestSaveOfEditors saves as vim, Emacs and VS Code do: another file takes the name.
func TestSaveOfEditors(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("src/app.py", "one")
		p.watch(config, "src")
		for round := range 3 {
			p.write("src/4913", "")
			p.must(os.Remove(p.path("src/4913")))
			p.must(os.Rename(p.path("src/app.py"), p.path("src/app.py~")))
			p.write("src/app.py", strings.Repeat("x", round+4))
			p.must(os.Remove(p.path("src/app.py~")))
			p.until("src/app.py", "src/4913", "src/app.py~")
		}
		for round := range 3 {
			p.write("src/.app.py.swp", strings.Repeat("x", round))
			p.write("src/.#app.py", "lock")
			p.write("src/tmp-1234", strings.Repeat("y", round+9))
			p.must(os.Rename(p.path("src/tmp-1234"), p.path("src/app.py")))
			p.until("src/app.py", "src/.app.py.swp", "src/.#app.py")
		}
	})
}

func TestRootThatIsAFileAndIsReplaced(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("template.yaml", "one")
		p.write("README.md", "one")
		p.watch(config, "template.yaml")
		for round := range 3 {
			p.write("README.md", strings.Repeat("z", round+7))
			p.write("other", strings.Repeat("x", round+5))
			p.must(os.Rename(p.path("other"), p.path("template.yaml")))
			p.until("template.yaml", "README.md", "other")
		}
	})
}

func TestDirectoriesThatCome(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.watch(config)
		p.write("a/b/c/deep.py", "one")
		p.until("a/b/c/deep.py")
		p.write("a/b/c/deep.py", "second")
		p.until("a/b/c/deep.py")
		p.write("a/b/other.py", "one")
		p.until("a/b/other.py")
	})
}

func TestDirectoryThatIsMadeAnew(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("src/app/app.py", "one")
		p.watch(config)
		for round := range 3 {
			p.must(os.RemoveAll(p.path("src")))
			p.write("src/app/app.py", strings.Repeat("x", round+4))
			p.until("src/app/app.py")
			p.write("src/app/app.py", strings.Repeat("y", round+40))
			p.until("src/app/app.py")
		}
	})
}

func TestDirectoryThatIsRenamed(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("old/app.py", "one")
		p.write("apart/x", "one")
		p.watch(config)
		p.must(os.Rename(p.path("old"), p.path("new")))
		p.until("new/app.py")
		p.write("new/app.py", "second")
		p.until("new/app.py", "old/app.py")
	})
}

// TestRootThatComesLater is a build directory, which a tool removes with all above it, and makes anew.
func TestRootThatComesLater(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("template.yaml", "one")
		p.watch(config, ".aws-sam/build/App", "template.yaml")
		for round := range 3 {
			p.write(".aws-sam/build/App/app.py", strings.Repeat("x", round+4))
			p.until(".aws-sam/build/App/app.py")
			p.write(".aws-sam/build/App/app.py", strings.Repeat("y", round+40))
			p.until(".aws-sam/build/App/app.py")
			p.must(os.RemoveAll(p.path(".aws-sam")))
			p.write("template.yaml", strings.Repeat("z", round+9))
			p.until("template.yaml")
		}
	})
}

func TestLinks(t *testing.T) {
	ways(t, func(t *testing.T, p *project, config watch.Config) {
		outside := t.TempDir()
		p.must(os.WriteFile(filepath.Join(outside, "secret"), []byte("one"), 0o600))
		p.write("shared/lib/lib.py", "one")
		p.write("common.py", "one")
		p.write("src/app.py", "one")
		p.must(os.Symlink("../shared/lib", p.path("src/lib")))
		p.must(os.Symlink("../common.py", p.path("src/common.py")))
		p.must(os.Symlink("..", p.path("src/circle")))
		p.must(os.Symlink(outside, p.path("src/outside")))
		p.watch(config, "src")
		p.write("shared/lib/lib.py", "second")
		p.until("src/lib/lib.py")
		p.write("common.py", "second")
		p.until("src/common.py")
		p.write("other", "the third")
		p.must(os.Rename(p.path("other"), p.path("common.py")))
		p.until("src/common.py")
		p.must(os.WriteFile(filepath.Join(outside, "secret"), []byte("second"), 0o600))
		p.write("src/app.py", "second")
		p.until("src/app.py", "src/outside/secret")
		p.must(os.Remove(p.path("src/lib")))
		if config.Poll > 0 {
			p.until("src/lib/lib.py")
		} else {
			p.until("src/lib")
		}
		p.write("shared/lib/lib.py", "the third")
		p.write("src/app.py", "the third")
		p.until("src/app.py", "src/lib/lib.py")
	})
}

// TestTwoRootsWithOneDirectory has two functions share a directory.
func TestTwoRootsWithOneDirectory(t *testing.T) {
	ways(t, func(t *testing.T, p *project, config watch.Config) {
		p.write("shared/lib.py", "one")
		p.write("a/app.py", "one")
		p.write("b/app.py", "one")
		p.must(os.Symlink("../shared", p.path("a/shared")))
		p.must(os.Symlink("../shared", p.path("b/shared")))
		p.watch(config, "a", "b")
		p.write("shared/lib.py", "second")
		want := map[string]bool{p.path("a/shared/lib.py"): true, p.path("b/shared/lib.py"): true}
		deadline := time.After(patience)
		for len(want) > 0 {
			select {
			case batch := <-p.w.Changes():
				for _, path := range batch {
					delete(want, path)
				}
			case <-deadline:
				t.Fatalf("never reported: %v", want)
			}
		}
	})
}

func TestWhatIsNotWatched(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		not := []string{
			"node_modules/x/index.js", ".git/index", "a/__pycache__/app.pyc", ".venv/bin/python", ".aws-sam/build/f.py",
			"target/debug/x", "cdk.out/manifest.json", ".furl/furl.db", "data/furl.db", "secret.log", "a/b/skipped.txt",
		}
		for _, name := range not {
			p.write(name, "one")
		}
		p.write(watch.IgnoreFile, "*.log\n")
		p.write("a/"+watch.IgnoreFile, "/b/skipped.txt\n")
		p.write("app.py", "one")
		config.Skip = []string{p.path("data")}
		p.watch(config)
		for _, name := range not {
			p.write(name, "second")
		}
		p.must(os.RemoveAll(p.path("node_modules")))
		p.write("app.py", "second")
		p.until("app.py", append(not, "node_modules")...)
	})
}

func TestIgnoreFileSaysOtherwise(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("node_modules/mine/index.js", "one")
		p.write("app.py", "one")
		p.write(watch.IgnoreFile, "!node_modules/\napp.py\n")
		p.watch(config)
		p.write("app.py", "second")
		p.write("node_modules/mine/index.js", "second")
		p.until("node_modules/mine/index.js", "app.py")
	})
}

func TestIgnoreFileThatChanges(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("build/out.js", "one")
		p.write("app.py", "one")
		p.write(watch.IgnoreFile, "build/\n")
		p.watch(config)
		p.write(watch.IgnoreFile, "# nothing\n")
		p.until("build/out.js", watch.IgnoreFile)
		p.write("build/out.js", "second")
		p.until("build/out.js")
	})
}

func TestOtherRoots(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write("a/app.py", "one")
		p.write("b/app.py", "one")
		p.watch(config, "a")
		p.w.Watch(p.path("b"))
		p.write("a/app.py", "second")
		p.write("b/app.py", "second")
		p.until("b/app.py", "a/app.py")
	})
}

// TestBatch has many changes arrive together while nobody takes them.
func TestBatch(t *testing.T) {
	ways(t, func(t *testing.T, p *project, config watch.Config) {
		p.watch(config)
		want := map[string]bool{}
		for i := range 300 {
			name := fmt.Sprintf("d%d/f%d.py", i%17, i)
			p.write(name, "one")
			want[p.path(name)] = true
		}
		deadline := time.After(patience)
		for len(want) > 0 {
			select {
			case batch := <-p.w.Changes():
				if !slices.IsSorted(batch) {
					t.Errorf("not sorted: %q", batch)
				}
				for _, path := range batch {
					delete(want, path)
				}
			case <-deadline:
				t.Fatalf("%d files were never reported", len(want))
			}
		}
	})
}

func TestCloseEndsTheChanges(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.watch(config)
		p.write("app.py", "one") // which nobody takes
		p.w.Close()
		p.w.Close()
		p.w.Watch(p.dir)
		for range p.w.Changes() {
		}
	})
}

func TestLimitsOfTheSystem(t *testing.T) {
	for _, test := range []struct {
		name, setting string
		directories   int
		errno         syscall.Errno
	}{
		{"no watch is left", "fs.inotify.max_user_watches", 2, syscall.ENOSPC},
		{"no instance is left", "fs.inotify.max_user_instances", -1, syscall.EMFILE},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &project{t: t, dir: t.TempDir()}
			p.write("a/b/c/app.py", "one")
			config := watch.Config{Base: p.dir, Roots: []string{p.dir}, Debounce: time.Millisecond, Warn: p.warn}
			var err error
			p.w, err = watch.NewLimited(config, test.directories, test.errno)
			p.must(err)
			t.Cleanup(p.w.Close)
			if len(p.said) != 1 || !strings.Contains(p.said[0], test.setting) {
				t.Errorf("said %q, want the name of %s", p.said, test.setting)
			}
			p.write("a/b/c/app.py", "second")
			p.until("a/b/c/app.py")
		})
	}
}

// TestLimitThatIsReachedLater falls back when a directory comes.
func TestLimitThatIsReachedLater(t *testing.T) {
	p := &project{t: t, dir: t.TempDir()}
	config := watch.Config{Base: p.dir, Roots: []string{p.dir}, Debounce: time.Millisecond, Warn: p.warn}
	var err error
	p.w, err = watch.NewLimited(config, 3, syscall.ENOSPC)
	p.must(err)
	t.Cleanup(p.w.Close)
	p.write("a/b/c/app.py", "one")
	p.until("a/b/c/app.py")
	p.write("a/b/c/app.py", "second")
	p.until("a/b/c/app.py")
}

func TestPathsMustBeAbsolute(t *testing.T) {
	if _, err := watch.New(watch.Config{Base: t.TempDir(), Roots: []string{"src"}}); err == nil {
		t.Error("a relative root was taken")
	}
}

// TestRootThatIsMadeAnewAtOnce has a tool remove a root with all above it and make it again before anybody looks.
func TestRootThatIsMadeAnewAtOnce(t *testing.T) {
	ways(t, func(_ *testing.T, p *project, config watch.Config) {
		p.write(".aws-sam/build/App/app.py", "one")
		p.write(".aws-sam/build/template.yaml", "one")
		p.watch(config, ".aws-sam/build/App", ".aws-sam/build/template.yaml", "furl.toml")
		for round := range 3 {
			p.must(os.RemoveAll(p.path(".aws-sam")))
			p.write(".aws-sam/build/App/app.py", strings.Repeat("x", round+4))
			p.write(".aws-sam/build/template.yaml", strings.Repeat("x", round+4))
			p.until(".aws-sam/build/App/app.py")
			p.write(".aws-sam/build/App/app.py", strings.Repeat("y", round+40))
			p.until(".aws-sam/build/App/app.py")
		}
	})
}
