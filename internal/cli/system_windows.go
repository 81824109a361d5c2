package cli

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// refusedConnection is the error of a port at which nothing listens. Package syscall has another value by the name that
// other systems have for it.
const refusedConnection = windows.WSAECONNREFUSED

// obeysEscapes reports whether a terminal obeys escape sequences, and has it do so where it can: a console of Windows
// shows them as they are until a program asks for them.
func obeysEscapes(terminal *os.File) bool {
	var mode uint32
	console := windows.Handle(terminal.Fd())
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false // a console that Windows does not know
	}
	if mode&windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0 {
		return true
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// detach has a command go on when the console of this program is closed or interrupted.
func detach(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}
