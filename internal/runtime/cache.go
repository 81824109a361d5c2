package runtime

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// pruneCache removes compiled Python modules whose sources are gone from the directory of each function.
func pruneCache(cache string) error {
	functions, err := os.ReadDir(cache)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no Python function has run yet
	}
	for _, function := range functions {
		err = errors.Join(err, pruneModules(filepath.Join(cache, function.Name())))
	}
	return err
}

// pruneModules removes what mirrors nothing: Python mirrors the directories of the sources below that of the compiled
// modules (sys.pycache_prefix).
func pruneModules(cache string) error {
	return filepath.WalkDir(cache, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a function writes here at this moment
			}
			return err
		}
		if !entry.IsDir() {
			return nil
		}
		mirrored, err := filepath.Rel(cache, path)
		if err != nil {
			return err
		}
		if _, err := os.Stat(string(filepath.Separator) + mirrored); errors.Is(err, fs.ErrNotExist) {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return filepath.SkipDir
		}
		return nil
	})
}
