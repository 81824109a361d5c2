package watch

import "syscall"

// NewLimited is New on a system that gives notifications for so many directories, and then this error.
func NewLimited(config Config, directories int, limit syscall.Errno) (*Watcher, error) {
	return open(config, func() (notifier, error) {
		if directories < 0 {
			return nil, limit
		}
		inner, err := openSystem()
		return &limited{notifier: inner, left: directories, err: limit}, err
	})
}

type limited struct {
	notifier
	left int
	err  error
}

func (l *limited) Add(dir string) error {
	if l.left == 0 {
		return l.err
	}
	l.left--
	return l.notifier.Add(dir)
}
