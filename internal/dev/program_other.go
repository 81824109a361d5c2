//go:build !unix

package dev

import "os/exec"

func separate(*exec.Cmd) {}

// signalAll ends a program. Such systems have no groups that a signal reaches.
func signalAll(p *program, _ bool) {
	p.command.Process.Kill() //nolint:errcheck // it may be gone
}
