package machine

import (
	"net"
	"sync"
	"time"
)

// Listener is a listener that does not give up. When the system has no room for another connection, Accept waits until
// it has; net/http would stop serving for some of these errors, and say nothing about the others.
type Listener struct {
	net.Listener
	onLack func(*Lack)

	closing sync.Once
	closed  chan struct{}
}

// NewListener takes over a listener. onLack is called whenever there is no room for a connection, at most some hundred
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
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-l.closed:
			timer.Stop()
			return nil, net.ErrClosed
		}
	}
}

// Close closes the listener and ends a wait of Accept.
func (l *Listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
