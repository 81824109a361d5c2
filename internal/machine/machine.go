// Package machine knows what this machine has room for: how many more files and processes furl may have, and which
// limit the system applied when it refused another. Its errors name the limit, its value and what raises it, for a
// server that answers 429 in the meantime and goes on when there is room again. It raises no limit itself.
package machine

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// Lack is the error about something that the machine has no room for.
type Lack struct {
	Of    string // what there is too little of, in the plural: "file descriptors"
	Limit string // its name and value: "RLIMIT_NOFILE is 1024"
	Fix   string // how to have more
	Err   error  // what the system said; nil if nothing was tried
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

// Values of Lack.Of that callers compare with.
const (
	OfProcesses = "processes"
	OfDiskSpace = "disk space"
)

// Lacking is what the machine was short of when opening a file, starting a process or accepting a connection failed
// with the error; nil if the error means anything else.
func Lacking(err error) *Lack {
	if known, ok := errors.AsType[*Lack](err); ok {
		return known
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return nil
	}
	lack, ok := lackOf(errno, err)
	if !ok {
		return nil
	}
	lack.Err = err
	return &lack
}

// Warner writes warnings that a limit was met: each at most once a minute.
type Warner struct {
	Log *slog.Logger
	Now func() time.Time // nil is time.Now

	mu   sync.Mutex
	last map[warning]time.Time
}

// warning identifies a warning.
type warning struct{ message, of string }

// Warn writes the warning, unless it has written the same one in the last minute.
func (w *Warner) Warn(message string, lack *Lack) {
	if w.isDue(warning{message, lack.Of}) {
		w.Log.Warn(message, "limit", lack.Limit, "error", lack, "fix", lack.Fix)
	}
}

func (w *Warner) isDue(key warning) bool {
	now := time.Now()
	if w.Now != nil {
		now = w.Now()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, warned := w.last[key]; warned && now.Sub(last) < time.Minute {
		return false
	}
	if w.last == nil {
		w.last = map[warning]time.Time{}
	}
	w.last[key] = now
	return true
}

// Listener is a listener that does not give up. When the system has no room for another connection, Accept waits for
// it. For some of these errors net/http would stop serving, and about the others it would say nothing.
type Listener struct {
	net.Listener
	onLack func(*Lack)

	closing sync.Once
	closed  chan struct{}
}

// NewListener takes over a listener. It calls onLack whenever there is no room for a connection, at most some hundred
// times a second.
func NewListener(inner net.Listener, onLack func(*Lack)) *Listener {
	return &Listener{Listener: inner, onLack: onLack, closed: make(chan struct{})}
}

// Accept waits for a connection, and for there to be room for it.
func (l *Listener) Accept() (net.Conn, error) {
	const shortest, longest = 5 * time.Millisecond, time.Second
	for pause := shortest; ; pause = min(2*pause, longest) {
		connection, err := l.Listener.Accept()
		lack := Lacking(err)
		if lack == nil {
			return connection, err
		}
		l.onLack(lack)
		select {
		case <-time.After(pause):
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
}

// Close closes the listener and ends a wait of Accept.
func (l *Listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
