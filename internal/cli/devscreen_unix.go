//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// inForeground reports whether the terminal is this program's to set: the shell takes it from a job in the background.
func inForeground(terminal int) bool {
	group, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}

// suspendSelf stops the program, as Ctrl-Z does, until the shell continues it.
func suspendSelf() {
	syscall.Kill(0, syscall.SIGTSTP) //nolint:errcheck // it is the program's own group
}

// onContinue calls f each time the program is continued, until the function that it gives back is called.
func onContinue(f func()) (end func()) { return onSignal(syscall.SIGCONT, f) }

// endOnHangUp calls quit when the terminal is closed. What reads the output of a program may end before it: that is an
// error of the write then, and not the end of the program, which has others to end first.
func endOnHangUp(quit func()) (end func()) {
	endHangUp := onSignal(syscall.SIGHUP, quit)
	endPipe := onSignal(syscall.SIGPIPE, func() {})
	return func() {
		endHangUp()
		endPipe()
	}
}

func onSignal(which os.Signal, f func()) (end func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, which)
	go func() {
		for {
			select {
			case <-signals:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
