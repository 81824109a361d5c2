package logs

import (
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

// DefaultMaxFile is Config.MaxFile where none is given.
const DefaultMaxFile = 8 << 20

// Config says where and how much to keep.
type Config struct {
	Dir     string           // required; made if it does not exist
	MaxFile int64            // bytes of one file, of which a function has two; DefaultMaxFile if 0
	Now     func() time.Time // for the times of the store's own lines; time.Now if nil
	Logger  *slog.Logger     // for lines that can not be written; slog.Default if nil
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
}

// journal is the way of a function's lines from Append to the disk and to those who follow them. It exists only as
// long as there are any of these, and is guarded by Store.mu.
type journal struct {
	function string
	pending  []byte        // lines to be written
	lost     int           // lines before these that could not be written
	dropped  int           // lines after these for which there was no room
	waiting  bool          // in the queue
	appended uint64        // lines that came
	settled  uint64        // of these, the first so many are written or dropped
	readers  int           // followers, and others who wait for something to be settled
	changed  chan struct{} // closed when settled has grown; nil if nobody waits for that
}

// Open opens the logs in a directory. Close ends the goroutine that writes them.
func Open(config Config) (*Store, error) {
	s := &Store{dir: config.Dir, now: config.Now, logger: config.Logger, journals: map[string]*journal{}, done: make(chan struct{})}
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
	maxFile := config.MaxFile
	if maxFile == 0 {
		maxFile = DefaultMaxFile
	}
	go s.write(maxFile)
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

// Close writes what waits, closes all files and ends every Follow. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.work.Broadcast()
	s.mu.Unlock()
	<-s.done
	return nil
}
