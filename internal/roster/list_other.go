//go:build !unix

package roster

import (
	"context"
	"io/fs"
	"os"
)

// Servers are none: this system runs no server.
func Servers(context.Context) []Running { return nil }

// openUnfollowed opens a file to read it, if it is one now.
func openUnfollowed(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrInvalid}
	}
	return os.Open(path)
}
