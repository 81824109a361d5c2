// Package machine knows what this machine has room for: how many files and processes furl may still have, and which
// limit stands in the way when the system refuses another. Its errors name the limit, its value and what raises it, for
// a server that answers 429 in the meantime and goes on when there is room again. It raises no limit itself.
package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// Lack is the error of what the machine has no room for.
type Lack struct {
	Of    string // what there is too little of, in the plural: "file descriptors"
	Limit string // its name and value: "RLIMIT_NOFILE is 1024"
	Fix   string // how to have more
	Err   error  // what the system said; nil if it was not asked
}

// Error names the limit.
func (l *Lack) Error() string {
	text := fmt.Sprintf("the machine is short of %s (%s)", l.Of, l.Limit)
	if l.Err != nil {
		text += ": " + l.Err.Error()
	}
	return text
}

// Unwrap is what the system said.
func (l *Lack) Unwrap() error { return l.Err }

// What a Lack may be of, for those who tell one from another.
const (
	OfProcesses = "processes"
	OfDiskSpace = "disk space"
)

// Lacking says what the machine was short of when the system refused something; nil if the error means anything else.
// The error is one of opening files, of starting processes, or of accepting connections.
func Lacking(err error) *Lack {
	var known *Lack
	if errors.As(err, &known) {
		return known
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return nil
	}
	lack := Lack{Err: err}
	switch errno {
	case syscall.EMFILE:
		lack = lackOfFiles()
	case syscall.ENFILE:
		lack.Of, lack.Limit = "file descriptors for all programs", systemFiles()
		lack.Fix = "raise the limit of the system, such as with sysctl -w fs.file-max=NUMBER"
	case syscall.EAGAIN:
		lack = lackOfProcesses()
	case syscall.ENOMEM:
		lack.Of, lack.Limit = "memory", "of the machine, or of furl's control group"
		lack.Fix = "stop other programs, or have fewer functions run at once with --max-environments"
	case syscall.ENOBUFS:
		lack.Of, lack.Limit = "network buffers", "of the kernel"
		lack.Fix = "stop other programs, or raise the limits of the kernel, such as net.core.wmem_max"
	case syscall.ENOSPC, syscall.EDQUOT:
		lack = lackOfSpace(err)
	case syscall.EADDRNOTAVAIL, syscall.EADDRINUSE:
		lack.Of, lack.Limit = "local ports", "net.ipv4.ip_local_port_range"
		lack.Fix = "close connections of other programs, or widen the range of local ports"
	default:
		return nil
	}
	lack.Err = err
	return &lack
}

// lackOfSpace tells files that found no room from namespaces and mounts, for which the system has the same error.
func lackOfSpace(err error) Lack {
	var failed *fs.PathError
	if errors.As(err, &failed) && failed.Op != "fork/exec" {
		return Lack{Of: OfDiskSpace, Limit: "of the file system of " + failed.Path, Fix: "free some space there"}
	}
	return Lack{
		Of: "namespaces or mounts", Limit: "user.max_user_namespaces, fs.mount-max and the like",
		Fix: "raise the limits of the system with sysctl",
	}
}

// A Warner writes warnings that a limit was met: each one once a minute, however often that happens.
type Warner struct {
	Log *slog.Logger
	Now func() time.Time // nil is time.Now

	mu   sync.Mutex
	last map[warning]time.Time
}

// warning is what makes two warnings the same.
type warning struct{ message, of string }

// Warn writes the warning, unless it has written the same for such a lack in the last minute.
func (w *Warner) Warn(message string, lack *Lack) {
	now := time.Now
	if w.Now != nil {
		now = w.Now
	}
	w.mu.Lock()
	key := warning{message, lack.Of}
	last, warned := w.last[key]
	late := !warned || now().Sub(last) >= time.Minute
	if late {
		if w.last == nil {
			w.last = map[warning]time.Time{}
		}
		w.last[key] = now()
	}
	w.mu.Unlock()
	if late {
		w.Log.Warn(message, "limit", lack.Limit, "error", lack, "fix", lack.Fix)
	}
}
