//go:build unix

package main

import (
	"syscall"
	"time"
)

// processorTime is how long this process has kept processors busy. Unlike the time that passes it does not count what
// other programs do meanwhile.
func processorTime() time.Duration {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
