//go:build unix

package code

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LayersName names the merged content of layers in the store, which is what Sweep asks for. One layer alone is its own
// package; none have no name.
func LayersName(hexes []string) string {
	switch len(hexes) {
	case 0:
		return ""
	case 1:
		return hexes[0]
	}
	sum := sha256.Sum256([]byte("layers\n" + strings.Join(hexes, "\n")))
	return hex.EncodeToString(sum[:])
}

// Layers is a directory with the content of layers, an absolute path: what a function sees as /opt. Folders merge; a
// file, a link or a folder replaces what an earlier layer has in its place, unless both are folders. All users share the
// directory: nothing may write there. It is made when it is first asked for. The error is [ErrNotFound] if one of the
// packages is missing.
//
// The files are hard links to those of the packages, which are read-only and never change: that takes no space, needs
// no privilege as an overlay mount does, and outlives the packages. Where the file system has no hard links they are
// copies.
func (s *Store) Layers(ctx context.Context, hexes []string) (string, error) {
	name := LayersName(hexes)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.touch(name) != nil || len(hexes) == 1 {
		all := tree{below: map[string]*tree{}}
		for _, layer := range hexes {
			dir, err := s.Dir(layer)
			if err != nil {
				return "", err
			}
			if len(hexes) == 1 {
				return dir, nil
			}
			if err := all.cover(ctx, dir); err != nil {
				return "", err
			}
		}
		err := s.add(ctx, name, func(part string) error { return notStored(all.write(ctx, filepath.Join(part, treeName))) })
		if err != nil {
			return "", err
		}
	}
	return s.Dir(name)
}

// tree is what will be in a directory of merged layers.
type tree struct {
	below  map[string]*tree // of a directory
	source string           // of a file or link: where it is
}

// cover lays an unpacked package over the tree. It follows no link, whatever an earlier layer has in the place.
func (t *tree) cover(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("merge layers: %w", err)
	}
	for _, entry := range entries {
		path, old := filepath.Join(dir, entry.Name()), t.below[entry.Name()]
		if !entry.IsDir() {
			t.below[entry.Name()] = &tree{source: path}
			continue
		}
		if old == nil || old.below == nil {
			old = &tree{below: map[string]*tree{}}
			t.below[entry.Name()] = old
		}
		if err := old.cover(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// write makes a directory out of the tree, read-only and durable.
func (t *tree) write(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for name, entry := range t.below {
		path, write := filepath.Join(dir, name), entry.write
		if entry.below == nil {
			write = entry.place
		}
		if err := write(ctx, path); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return finishDirectory(root, ".", 0o555)
}

// place makes one file or link.
func (t *tree) place(_ context.Context, path string) error {
	info, err := os.Lstat(t.source)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(t.source)
		if err != nil {
			return err
		}
		return os.Symlink(target, path)
	}
	if os.Link(t.source, path) == nil {
		return nil
	}
	return duplicate(t.source, path, info.Mode().Perm())
}

// duplicate copies a file, for file systems that make no more links to it.
func duplicate(source, path string, mode fs.FileMode) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return errors.Join(out.Chmod(mode), out.Sync(), out.Close())
}

// MaxUnzipped is Lambda's limit on the content of a function and its layers together, in bytes.
const MaxUnzipped = 250 << 20

// Unzipped is how many bytes the files of a package have together. The error is [ErrNotFound] if there is no such
// package.
func (s *Store) Unzipped(hex string) (int64, error) {
	archive, size, err := s.Zip(hex)
	if err != nil {
		return 0, err
	}
	defer archive.Close()
	at, _ := archive.(io.ReaderAt) // it is a file
	reader, err := zip.NewReader(at, size)
	if err != nil {
		return 0, fmt.Errorf("code package %s: %w", hex, err)
	}
	var total uint64
	for _, file := range reader.File {
		total += file.UncompressedSize64
	}
	return int64(total), nil
}
