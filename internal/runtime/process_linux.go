package runtime

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// peakOf is the peak of a process that has ended.
func peakOf(state *os.ProcessState) int {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int(usage.Maxrss / 1024) // Linux counts in KiB
}

// memoryMeter reads a process's peak from /proc. That costs some ten microseconds, so it is asked at most ten times a
// second.
type memoryMeter struct {
	pid  int
	last time.Time
	peak int
}

func (m *memoryMeter) peakMB(now time.Time) int {
	if !m.last.IsZero() && now.Sub(m.last) < 100*time.Millisecond {
		return m.peak
	}
	m.last = now
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.pid))
	if err != nil {
		return m.peak
	}
	if _, after, ok := bytes.Cut(status, []byte("\nVmHWM:")); ok {
		if fields := bytes.Fields(after); len(fields) > 0 {
			if kib, err := strconv.Atoi(string(fields[0])); err == nil {
				m.peak = (kib + 1023) / 1024
			}
		}
	}
	return m.peak
}
