//go:build unix

package code_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/code"
)

// layer keeps a layer and answers its hash.
func layer(t testing.TB, s *code.Store, items ...item) string {
	t.Helper()
	p, err := s.Put(t.Context(), archive(t, items...))
	if err != nil {
		t.Fatal(err)
	}
	return p.Hex
}

func merge(t testing.TB, s *code.Store, hexes ...string) string {
	t.Helper()
	dir, err := s.Layers(t.Context(), hexes)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Layers are extracted in the order of the list: folders merge, and the file of a later layer wins (Lambda Developer
// Guide, "Working with layers").
func TestLayers(t *testing.T) {
	s := open(t, t.TempDir())
	const link, exec = fs.ModeSymlink | 0o777, 0o755
	first := layer(t, s,
		item{"python/both.py", "first", 0}, item{"python/first.py", "1", 0}, item{"bin/tool", "old", 0},
		item{"becomes-folder", "file", 0}, item{"becomes-file/below/x", "x", 0}, item{"becomes-link/x", "x", 0},
		item{"link-to-folder", "python", link}, item{"link", "python/first.py", link}, item{"empty/", "", fs.ModeDir | 0o755},
	)
	second := layer(t, s,
		item{"python/both.py", "second", 0}, item{"python/deep/second.py", "2", 0}, item{"bin/tool", "new", exec},
		item{"becomes-folder/x", "y", 0}, item{"becomes-file", "file", 0}, item{"becomes-link", "python", link},
		item{"link-to-folder/x", "not through the link", 0}, item{"link", "/opt/python/both.py", link},
	)
	want := map[string]string{
		"python": "dr-xr-xr-x", "python/both.py": "-r--r--r-- second", "python/first.py": "-r--r--r-- 1",
		"python/deep": "dr-xr-xr-x", "python/deep/second.py": "-r--r--r-- 2",
		"bin": "dr-xr-xr-x", "bin/tool": "-r-xr-xr-x new", "empty": "dr-xr-xr-x",
		"becomes-folder": "dr-xr-xr-x", "becomes-folder/x": "-r--r--r-- y", "becomes-file": "-r--r--r-- file",
		"becomes-link": "-> python", "link-to-folder": "dr-xr-xr-x", "link-to-folder/x": "-r--r--r-- not through the link",
		"link": "-> /opt/python/both.py",
	}
	dir := merge(t, s, first, second)
	if diff := cmp.Diff(want, list(t, dir)); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("the directory itself: %v, %v", info.Mode(), err)
	}
	if again := merge(t, s, first, second); again != dir {
		t.Errorf("merged again, in %s", again)
	}
	// The order counts; the layers themselves stay as they are.
	if got := list(t, merge(t, s, second, first)); got["python/both.py"] != "-r--r--r-- first" || got["becomes-link/x"] != "-r--r--r-- x" {
		t.Errorf("in the other order: %q", got)
	}
	alone, err := s.Dir(first)
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, alone); got["python/both.py"] != "-r--r--r-- first" || got["python/deep"] != "" {
		t.Errorf("a layer has changed: %q", got)
	}
	if dir := merge(t, s, first); dir != alone {
		t.Errorf("one layer alone is in %s, want %s", dir, alone)
	}
}

func TestFiveLayers(t *testing.T) {
	s := open(t, t.TempDir())
	var hexes []string
	for _, name := range []string{"e", "b", "d", "a", "c"} {
		hexes = append(hexes, layer(t, s, item{"last", name, 0}, item{"of-" + name, name, 0}))
	}
	got := list(t, merge(t, s, hexes...))
	if len(got) != 6 || got["last"] != "-r--r--r-- c" || got["of-e"] != "-r--r--r-- e" {
		t.Errorf("merged: %q", got)
	}
}

// Merged layers need no room of their own, and outlive the layers: functions keep layers that were deleted.
func TestLayersAreSwept(t *testing.T) {
	s := open(t, t.TempDir())
	now := time.Now()
	s.Now = func() time.Time { return now }
	hexes := []string{layer(t, s, item{"a", "a", 0}), layer(t, s, item{"b", "b", 0})}
	name := code.LayersName(hexes)
	dir := merge(t, s, hexes...)
	sweep := func(used ...string) {
		t.Helper()
		keep := func(hex string) bool { return strings.Contains(strings.Join(used, " "), hex) }
		if err := s.Sweep(context.Background(), keep); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("swept at once, before a function refers to it: %v", err)
	}
	now = now.Add(code.Grace)
	sweep(name)
	if got := list(t, dir); len(got) != 2 {
		t.Errorf("what is used: %q", got)
	}
	if _, err := s.Layers(t.Context(), hexes); err != nil {
		t.Errorf("merged layers whose packages are gone: %v", err)
	}
	if _, _, err := s.Zip(name); err == nil {
		t.Error("merged layers have an archive")
	}
	now = now.Add(code.Grace)
	sweep()
	if _, err := os.Stat(dir); err == nil {
		t.Error("what nothing uses is still there")
	}
	if _, err := s.Layers(t.Context(), hexes); !errors.Is(err, code.ErrNotFound) {
		t.Errorf("after their packages have gone: %v", err)
	}
}

func TestLayersThatFail(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	hexes := []string{layer(t, s, item{"a", "a", 0}), layer(t, s, item{"b", "b", 0})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Layers(ctx, hexes); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	for _, unknown := range []string{strings.Repeat("0", 64), "..", ""} {
		if _, err := s.Layers(t.Context(), []string{hexes[0], unknown}); !errors.Is(err, code.ErrNotFound) {
			t.Errorf("%q: %v", unknown, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "part-*")); left != nil {
		t.Errorf("left: %q", left)
	}
	merge(t, s, hexes...)
}

func TestUnzipped(t *testing.T) {
	s := open(t, t.TempDir())
	hex := layer(t, s, item{"a", strings.Repeat("a", 1000), 0}, item{"b/c", "12345", 0})
	if size, err := s.Unzipped(hex); size != 1005 || err != nil {
		t.Errorf("%d bytes, %v", size, err)
	}
	if _, err := s.Unzipped(strings.Repeat("0", 64)); !errors.Is(err, code.ErrNotFound) {
		t.Errorf("an unknown package: %v", err)
	}
}

// Where there are no hard links, a file of a layer is copied.
func TestDuplicate(t *testing.T) {
	dir := t.TempDir()
	source, path := filepath.Join(dir, "source"), filepath.Join(dir, "copy")
	if err := os.WriteFile(source, []byte("content"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := code.Duplicate(source, path, 0o555); err != nil {
		t.Fatal(err)
	}
	if got := list(t, dir)["copy"]; got != "-r-xr-xr-x content" {
		t.Errorf("the copy: %s", got)
	}
	if err := code.Duplicate(source, path, 0o555); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := code.Duplicate(filepath.Join(dir, "none"), path, 0o555); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
}
