package logs

import (
	"errors"
	"fmt"
	"syscall"
)

// maxOpen is how many files are kept open to be written to.
const maxOpen = 32

// maxSpare is how large a buffer may be that is kept to be used again.
const maxSpare = 64 << 10

// batch is what is written to one log at once.
type batch struct {
	journal *journal
	lines   []byte // with notes about lost and dropped lines around them
	pending int    // bytes of the lines without the notes
	lost    int    // lines the first note speaks of
	last    uint64 // journal.appended at the time
}

// write is the goroutine that writes, until the store is closed and nothing is left.
func (s *Store) write(maxFile int64) {
	defer close(s.done)
	w := writer{max: maxFile, outputs: map[string]*output{}}
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
	return appendLine(dst, Line{Time: s.now(), Stream: Platform, Text: fmt.Sprintf("furl: %d lines were %s", lines, what)})
}

// settle notes that a batch is written, or that it is lost, which the log is told as soon as there is another line
// for it.
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
	s.queued -= b.pending
	if cap(b.lines) <= maxSpare {
		s.spare = b.lines[:0]
	}
	s.forget(j)
}

// writer keeps the files open that were written to last.
type writer struct {
	max     int64              // bytes of one file
	outputs map[string]*output // by directory
	writes  uint64
}

// write appends whole lines to the log in dir.
func (w *writer) write(dir string, lines []byte) error {
	o, ok := w.outputs[dir]
	if !ok {
		if len(w.outputs) >= maxOpen {
			w.closeOldest()
		}
		var err error
		o, err = openOutput(dir, w.max)
		for len(w.outputs) > 0 && (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) {
			w.closeOldest()
			o, err = openOutput(dir, w.max)
		}
		if err != nil {
			return err
		}
		w.outputs[dir] = o
	}
	w.writes++
	o.used = w.writes
	if err := o.write(lines); err != nil {
		delete(w.outputs, dir)
		o.close()
		return err
	}
	return nil
}

// closeOldest closes the file that has not been written to for the longest time, to make room for another.
func (w *writer) closeOldest() {
	var oldest *output
	for _, o := range w.outputs {
		if oldest == nil || o.used < oldest.used {
			oldest = o
		}
	}
	delete(w.outputs, oldest.dir)
	oldest.close()
}

func (w *writer) close() {
	for _, o := range w.outputs {
		o.close()
	}
}
