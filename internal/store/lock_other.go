//go:build !unix || solaris || aix

package store

import (
	"errors"
	"os"
	"runtime"
)

// lockFile refuses: without a lock that ends with the process, two servers could write the same state.
func lockFile(*os.File) error {
	return errors.New("furl cannot lock a directory on " + runtime.GOOS + ", use --data " + Memory)
}

func syncDirectory(string) error { return nil }
