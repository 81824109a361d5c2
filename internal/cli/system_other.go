//go:build !windows

package cli

import (
	"os"
	"os/exec"
	"syscall"
)

// refusedConnection is the error of a port at which nothing listens.
const refusedConnection = syscall.ECONNREFUSED

// obeysEscapes reports whether a terminal obeys escape sequences.
func obeysEscapes(*os.File) bool { return true }

// detach has a command go on when the terminal of this program is closed or interrupted.
func detach(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
