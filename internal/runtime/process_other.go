//go:build unix && !linux

package runtime

import (
	"os"
	"syscall"
	"time"
)

// processAttributes leaves a killed server's children to the guard: only Linux has Pdeathsig.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// peakOf is the peak of a process that has ended.
func peakOf(state *os.ProcessState) int {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int(usage.Maxrss >> 20) // macOS counts in bytes
}

// memoryMeter knows nothing of running processes: without cgo macOS tells their size only through other programs.
type memoryMeter struct{ pid int }

func (m *memoryMeter) peakMB(time.Time) int { return 0 }
