//go:build !windows

package cli

import (
	"os"
	"syscall"
)

// refusedConnection is the error of a port at which nothing listens.
const refusedConnection = syscall.ECONNREFUSED

// obeysEscapes reports whether a terminal obeys escape sequences.
func obeysEscapes(*os.File) bool { return true }
