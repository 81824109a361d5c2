//go:build unix

package dev

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// separate gives a program a group of its own, which a Ctrl-C on the terminal does not reach: furl ends it.
func separate(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// signalAll asks or forces a program to end, with its group and, where the system shows them, those of its descendants
// that left the group: they still have the mark in their environment.
func signalAll(p *program, force bool) {
	signal := syscall.SIGTERM
	if force {
		signal = syscall.SIGKILL
	}
	syscall.Kill(-p.command.Process.Pid, signal) //nolint:errcheck // the group may be gone
	for _, id := range marked(p.shell.mark) {
		syscall.Kill(id, signal) //nolint:errcheck // it may be gone
	}
}

// marked are the processes with the variable in their environment, but for furl itself.
func marked(variable string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well formed
	var ids []int
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), append([]byte("\x00"+variable), 0)) {
			continue
		}
		if id, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && id != os.Getpid() {
			ids = append(ids, id)
		}
	}
	return ids
}
