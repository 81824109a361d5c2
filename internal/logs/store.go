//go:build unix

// Package logs keeps what functions print: a bounded log on disk for each function, to be read from its end and
// followed while it grows.
//
// A log must not slow down its function: Append never waits for the disk. Lines wait in memory, up to a limit for one
// function and one for all; the store drops and counts what a function prints beyond that, and writes the count to its
// log. On disk a log is at most two files of a limited size, and the older one gives way. A killed server loses the
// lines of the last moments: the store does not sync files, because a log is not state.
package logs

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Bounds of what waits in memory to be written.
const (
	maxPending = 1 << 20  // bytes for one function
	maxQueued  = 16 << 20 // bytes for all
)

// maxSpare is the largest buffer that is kept and used again, in bytes.
const maxSpare = 64 << 10

// defaultMaxFile is the default of Config.MaxFile.
const defaultMaxFile = 8 << 20

// Config says where and how much to keep.
type Config struct {
	Dir     string           // required; made if it does not exist
	MaxFile int64            // bytes of one file; a function has two of them; 8 MiB if 0
	Now     func() time.Time // for the times of the store's own lines; time.Now if nil
	Logger  *slog.Logger     // for lines that cannot be written; slog.Default if nil
}

// Store keeps the logs of all functions. Its methods may be called from several goroutines.
type Store struct {
	dir    string
	now    func() time.Time
	logger *slog.Logger

	mu       sync.Mutex
	work     sync.Cond // signals that queue is not empty or closed is set
	journals map[string]*journal
	queue    []*journal // those with something to write, in the order they got it
	queued   int        // bytes pending in all journals
	spare    []byte     // a buffer to be used again
	closed   bool
	done     chan struct{} // closed when everything is written and closed

	followers map[*follower]struct{}
}

// journal is a function's lines on their way from Append to the disk. It exists only as long as there
// are any of these, and Store.mu guards it.
type journal struct {
	function string
	pending  []byte        // lines to be written
	lost     int           // lines before these that could not be written
	dropped  int           // lines after these for which there was no room
	waiting  bool          // in the queue
	appended uint64        // lines that came
	settled  uint64        // lines that were written or dropped
	readers  int           // those that wait for lines to be settled
	changed  chan struct{} // closed when settled has grown; nil if nothing waits for that
}

// Open opens the logs in a directory. Close ends the goroutine that writes them.
func Open(config Config) (*Store, error) {
	s := &Store{
		dir: config.Dir, now: config.Now, logger: config.Logger,
		journals: map[string]*journal{}, done: make(chan struct{}), followers: map[*follower]struct{}{},
	}
	s.work.L = &s.mu
	if s.now == nil {
		s.now = time.Now
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the logs: %w", err)
	}
	go s.write(cmp.Or(config.MaxFile, defaultMaxFile))
	return s, nil
}

// Append adds a line to a function's log. It does not wait for the disk; a line for which there is no room is
// dropped and counted. Any text can be the function's name. Text with line breaks in it becomes several lines, text
// longer than [MaxLine] is cut. After Close it does nothing.
func (s *Store) Append(function string, line Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	j := s.journal(function)
	if j.pending == nil {
		j.pending, s.spare = s.spare, nil
	}
	for line.Text = range strings.SplitSeq(strings.TrimSuffix(line.Text, "\n"), "\n") {
		j.appended++
		room := min(maxPending-len(j.pending), maxQueued-s.queued)
		if j.dropped > 0 || room < maxLineOnDisk && room < maxLineOnDisk-MaxLine+len(line.Text) {
			j.dropped++
			continue
		}
		before := len(j.pending)
		j.pending = appendLine(j.pending, line)
		s.queued += len(j.pending) - before
	}
	if !j.waiting {
		j.waiting = true
		s.queue = append(s.queue, j)
		s.work.Signal()
	}
}

// journal is the function's journal. The caller holds mu.
func (s *Store) journal(function string) *journal {
	j := s.journals[function]
	if j == nil {
		j = &journal{function: function}
		s.journals[function] = j
	}
	return j
}

// forget drops a journal for which there is nothing left to do. The caller holds mu.
func (s *Store) forget(j *journal) {
	if !j.waiting && j.lost == 0 && j.readers == 0 && j.settled == j.appended {
		delete(s.journals, j.function)
	}
}

// logDir is the directory of a function's log.
func (s *Store) logDir(function string) string { return filepath.Join(s.dir, dirName(function)) }

// batch is the lines that the store writes to one log at once.
type batch struct {
	journal *journal
	lines   []byte // with notes about lost and dropped lines around them
	pending int    // bytes of the lines without the notes
	lost    int    // lines that the first note counts
	last    uint64 // journal.appended at the time
}

// write is the goroutine that writes until the store is closed and nothing is left.
func (s *Store) write(maxFile int64) {
	defer close(s.done)
	w := writer{most: maxFile, outputs: map[string]*output{}}
	failing := false
	for {
		b, ok := s.take()
		if !ok {
			break
		}
		err := w.write(s.logDir(b.journal.function), b.lines)
		if err != nil && !failing {
			s.logger.Warn("function log not written", "function", b.journal.function, "error", err)
		}
		failing = err != nil
		s.settle(b, err != nil)
	}
	w.close()
}

// take waits for something to write. It is false when the store is closed and everything is written.
func (s *Store) take() (batch, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 {
		if s.closed {
			return batch{}, false
		}
		s.work.Wait()
	}
	j := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	b := batch{journal: j, lines: j.pending, pending: len(j.pending), lost: j.lost, last: j.appended}
	if j.lost > 0 {
		b.lines = append(s.note(nil, j.lost, "lost: they could not be written"), j.pending...)
	}
	if j.dropped > 0 {
		b.lines = s.note(b.lines, j.dropped, "dropped: they came faster than they could be written")
	}
	j.pending, j.lost, j.dropped, j.waiting = nil, 0, 0, false
	return b, true
}

// note appends a line about lines that are not there.
func (s *Store) note(dst []byte, lines int, what string) []byte {
	text := fmt.Sprintf("furl: %d lines were %s", lines, what)
	return appendLine(dst, Line{Time: s.now(), Stream: Platform, Text: text})
}

// settle notes that a batch is written or lost. Lost lines appear in the log with its next line.
func (s *Store) settle(b batch, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := b.journal
	if lost {
		j.lost += b.lost + int(b.last-j.settled)
	}
	j.settled = b.last
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
	for f := range s.followers {
		f.tell(j.function)
	}
	s.queued -= b.pending
	if cap(b.lines) <= maxSpare {
		s.spare = b.lines[:0]
	}
	s.forget(j)
}

// settled waits until the lines so far are written.
func (s *Store) settled(ctx context.Context, j *journal) error {
	s.mu.Lock()
	last := j.appended
	s.mu.Unlock()
	for {
		changed, settled := s.change(j)
		if settled >= last {
			return nil
		}
		if err := s.wait(ctx, changed); err != nil {
			return err
		}
	}
}

// change is a channel that closes when more lines are settled.
func (s *Store) change(j *journal) (changed <-chan struct{}, settled uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	return j.changed, j.settled
}

// wait returns nil on a change, and errStopped when there will be none.
func (s *Store) wait(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.done:
	}
	select {
	case <-changed: // the last one
		return nil
	default:
		return errStopped
	}
}

// Close writes what waits, closes all files and ends every Follow. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.work.Broadcast()
	s.mu.Unlock()
	<-s.done
	return nil
}
