package peer

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"time"
)

// Supported says whether this system shows who owns a connection.
const Supported = true

// Inspector looks through all processes of the machine. The zero value is ready; one serves all environments.
//
// Searches run one at a time. All callers that come while one runs or is due share the next, so that a thousand
// connections cost no more searches than there is time for.
type Inspector struct {
	mu        sync.Mutex
	next      *search // which others may still join
	searching bool
	closed    bool
	closing   chan struct{}
	running   sync.WaitGroup

	paid time.Time // when the searches so far are paid off; only for the goroutine that searches

	through func(*search) // what tests search through instead of /proc
}

// search is one way through the files of all processes.
type search struct {
	holders map[uint64][]process // by the inode that a caller asks for
	done    chan struct{}
}

const (
	searchShare = 10              // a search of 1 ms is paid off after so many
	searchDebt  = 2 * time.Second // that may be open before the next search has to wait
)

var errInspectorClosed = errors.New("the server is shutting down")

// Close ends the search that runs or waits, and refuses others.
func (i *Inspector) Close() {
	i.mu.Lock()
	if !i.closed {
		i.closed = true
		if i.closing != nil {
			close(i.closing)
		}
	}
	i.mu.Unlock()
	i.running.Wait()
}

func (e *Environment) owns(c ends) bool {
	s, err := findSocket(c)
	if err != nil {
		return false
	}
	held, _ := e.family(s.inode) //nolint:errcheck // check says why
	return held
}

func (i *Inspector) check(ctx context.Context, e *Environment, c ends) error {
	var refusal *Stranger
	// The second attempt is for a socket that was on its way from one process to another.
	for range 2 {
		s, err := findSocket(c)
		if err != nil {
			return unfound(err)
		}
		held, blind := e.family(s.inode)
		if held {
			return nil
		}
		holders, err := i.search(ctx, s.inode)
		if err != nil {
			return err
		}
		for _, p := range holders {
			if held, _ := e.holds(p, s.inode); held { //nolint:errcheck // it could be read a moment ago
				return nil
			}
		}
		if len(holders) > 0 {
			return stranger(s.uid, holders[0], program(holders[0]))
		}
		refusal = &Stranger{Owner: Owner{UID: s.uid}, Reason: "no process whose files this server may list holds the connection"}
		if blind != nil {
			refusal.Reason = "a process of the environment cannot be looked at: " + blind.Error()
		}
		if own := os.Geteuid(); own != 0 && own != s.uid {
			break // another user's process: a second look finds nothing new
		}
	}
	return refusal
}

// search answers the processes that hold a socket.
func (i *Inspector) search(ctx context.Context, inode uint64) ([]process, error) {
	i.mu.Lock()
	if i.closed {
		i.mu.Unlock()
		return nil, errInspectorClosed
	}
	if i.closing == nil {
		i.closing = make(chan struct{})
	}
	s := i.next
	if s == nil {
		s = &search{holders: map[uint64][]process{}, done: make(chan struct{})}
		i.next = s
	}
	s.holders[inode] = nil
	if !i.searching {
		i.searching = true
		i.running.Go(i.run)
	}
	i.mu.Unlock()
	select {
	case <-s.done:
		return s.holders[inode], nil
	case <-i.closing:
		return nil, errInspectorClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// run searches as long as there are callers.
func (i *Inspector) run() {
	for {
		select {
		case <-time.After(time.Until(i.paid.Add(-searchDebt))):
		case <-i.closing:
			return
		}
		i.mu.Lock()
		s := i.next
		i.next = nil
		i.searching = s != nil
		i.mu.Unlock()
		if s == nil {
			return
		}
		begin := time.Now()
		if i.through != nil {
			i.through(s)
		} else {
			s.lookThrough()
		}
		now := time.Now()
		if i.paid.Before(now) {
			i.paid = now
		}
		i.paid = i.paid.Add(searchShare * now.Sub(begin))
		close(s.done)
	}
}

func (s *search) lookThrough() {
	eachName("/proc", func(_ int, name string) bool { //nolint:errcheck // without /proc nothing is found
		pid, err := strconv.Atoi(name)
		if err != nil {
			return true
		}
		p, err := look(pid)
		if err != nil {
			return true
		}
		sockets("/proc/"+name, func(inode uint64) bool { //nolint:errcheck // what it may not look at holds nothing for it
			if _, wanted := s.holders[inode]; wanted {
				s.holders[inode] = append(s.holders[inode], p)
			}
			return true
		})
		return true
	})
}

// program is the path of a process's executable, empty if it cannot be read.
func program(p process) string {
	path, err := os.Readlink("/proc/" + strconv.Itoa(p.pid) + "/exe")
	if now, gone := look(p.pid); err != nil || gone != nil || !now.is(p) {
		return ""
	}
	return path
}
