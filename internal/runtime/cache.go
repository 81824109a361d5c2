package runtime

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// pruneCache removes compiled Python modules whose sources are gone. Python mirrors the directories of the sources
// below the cache's (sys.pycache_prefix), so a package that was deleted leaves a tree that mirrors nothing.
func pruneCache(cache string) error {
	return filepath.WalkDir(cache, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // no Python function has run yet, or one writes here at this moment
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
