//go:build unix

// Package bootstrap contains furl's own runtimes for Python 3.8 or later and Node.js 18 or later: small clients of the
// Runtime API, in those languages, for functions without AWS's client in their package. They use only the standard
// libraries, and do not offer SnapStart hooks and Lambda's JSON log format.
package bootstrap

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The runtimes' main files, below the directory of Install.
const (
	Python = "python/bootstrap.py"
	Node   = "node/bootstrap.cjs"
)

//go:embed python/*.py node/*.cjs
var files embed.FS

// Install writes the runtimes below dir, and makes dir if it is missing. It leaves alone a file that has the right
// content already, since processes may be reading it.
func Install(dir string) error {
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(path))
		if entry.IsDir() {
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
			if info, err := os.Stat(target); err != nil || info.Mode().Perm()&0o700 == 0o700 {
				return err
			}
			return os.Chmod(target, 0o755) // a function has closed it
		}
		want, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(target); err == nil && bytes.Equal(got, want) {
			return nil
		}
		return write(target, want)
	})
}

// write replaces a file in one step.
func write(target string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(target), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // it exists only if something failed
	_, err = temporary.Write(content)
	if err = cmp.Or(err, temporary.Chmod(0o444), temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), target)
	}
	if err != nil {
		return fmt.Errorf("install %s: %w", target, err)
	}
	return nil
}
