//go:build unix

package dev_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/dev"
)

// touch sets the time of a file.
func touch(t *testing.T, path string, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestWhatABuildWrote(t *testing.T) {
	dir := t.TempDir()
	source, output := filepath.Join(dir, "main.go"), filepath.Join(dir, "bootstrap")
	var b dev.Builds
	step := func(what string, path string, want bool) {
		t.Helper()
		if got := b.Wrote(path); got != want {
			t.Errorf("%s: the build wrote it is %t, want %t", what, got, want)
		}
	}
	b.Begin()
	touch(t, output, time.Now())
	b.End()
	step("written during the build, told after it", output, true)
	touch(t, source, time.Now().Add(time.Hour))
	step("edited after it", source, false)
	touch(t, output, time.Now().Add(time.Hour))
	step("written after it, as an output does not get to be", output, false)
}

// TestBuildThatChangesAFileEachTime would build without end if an output counted as a source.
func TestBuildThatChangesAFileEachTime(t *testing.T) {
	dir := t.TempDir()
	old, edited := filepath.Join(dir, "generated.go"), filepath.Join(dir, "main.go")
	var b dev.Builds
	b.Begin()
	touch(t, old, time.Now())
	if b.Wrote(old) {
		t.Error("the first change during a build may be the user's")
	}
	b.End()
	b.Begin()
	touch(t, old, time.Now())
	if !b.Wrote(old) {
		t.Error("a file that the next build changes, too, counts as a source")
	}
	touch(t, edited, time.Now())
	if b.Wrote(edited) {
		t.Error("the edit of a source counts as an output")
	}
	b.End()
	b.Begin()
	b.End()
	b.Begin()
	touch(t, edited, time.Now())
	if b.Wrote(edited) {
		t.Error("a source that was edited during two builds that do not follow one another counts as an output")
	}
}

// TestEditAtTheEndOfABuild is an edit of a source that is told when the build is over: were it taken for an output, no
// later edit would start a build either.
func TestEditAtTheEndOfABuild(t *testing.T) {
	source := filepath.Join(t.TempDir(), "main.go")
	var b dev.Builds
	b.Begin()
	b.End()
	touch(t, source, time.Now().Add(time.Hour))
	if b.Wrote(source) {
		t.Error("an edit while no build runs counts as an output")
	}
	b.Begin()
	touch(t, source, time.Now())
	b.End()
	if b.Wrote(source) {
		t.Error("an edit just before the end of a build counts as an output")
	}
	b.Begin()
	touch(t, source, time.Now())
	b.End()
	if !b.Wrote(source) {
		t.Error("a file that two builds in turn changed counts as a source: they would go on without end")
	}
}

// A source that was edited while the first build ran looks like its output, until it is edited again.
func TestEditDuringTheFirstBuild(t *testing.T) {
	source := filepath.Join(t.TempDir(), "main.go")
	var b dev.Builds
	b.Begin()
	touch(t, source, time.Now())
	b.End()
	if !b.Wrote(source) {
		t.Error("a file that changed during the first build counts as a source")
	}
	touch(t, source, time.Now().Add(time.Hour))
	if b.Wrote(source) {
		t.Error("a later edit of it counts as an output")
	}
}
