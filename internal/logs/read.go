//go:build unix

package logs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"time"
)

// Log is which lines of a function's log to read.
type Log struct {
	Function string
	// Wanted reports whether a line is one of them; nil is all. It is asked about each line of the log once, in order.
	Wanted func(Entry) bool
}

// Entry is a line, whose it is, and its level.
type Entry struct {
	Function string
	Line
	Level Level
}

// source is a log that is being read.
type source struct {
	Log
	reader reader
	levels Levels
}

// entry is a line of the log, and whether it is wanted.
func (s *source) entry(line Line) (entry Entry, wanted bool) {
	entry = Entry{s.Function, line, s.levels.Of(line)}
	return entry, s.Wanted == nil || s.Wanted(entry)
}

// Tail yields the last n lines of the logs together, oldest first: those that were appended before the call, and none if
// there is no log. After an error, which may be that of ctx, it ends.
func (s *Store) Tail(ctx context.Context, n int, logs ...Log) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var last []Entry
		for _, log := range logs {
			source := s.source(log, true)
			lines, err := s.end(ctx, source, n)
			source.reader.close()
			if err != nil {
				yield(Entry{}, err)
				return
			}
			last = merge(last, lines, n)
		}
		for _, entry := range last {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// Follow yields the last n lines of the logs together, and then every further one as it comes, whether or not there are
// logs yet. If more is not nil, it is asked about each other function that has written, once, whether its lines are to be
// yielded too, from now on.
//
// It ends with the context, without an error, and with Close. A caller that is slower than a function for as long as it
// takes to fill two files misses lines, and gets one of stream [Platform] in their place.
func (s *Store) Follow(
	ctx context.Context, n int, more func(function string) (Log, bool), logs ...Log,
) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := s.follow(ctx, n, more, logs, func(entry Entry) bool { return yield(entry, nil) })
		if err != nil && !errors.Is(err, errStopped) && ctx.Err() == nil {
			yield(Entry{}, err)
		}
	}
}

func (s *Store) follow(
	ctx context.Context, n int, more func(string) (Log, bool), logs []Log, yield func(Entry) bool,
) error {
	f := &follower{changed: map[string]struct{}{}, wake: make(chan struct{}, 1)}
	s.mu.Lock()
	s.followers[f] = struct{}{} // before anything is read, so that it misses nothing
	s.mu.Unlock()
	sources := map[string]*source{}
	defer func() {
		s.mu.Lock()
		delete(s.followers, f)
		s.mu.Unlock()
		for _, source := range sources {
			if source != nil {
				source.reader.close()
			}
		}
	}()
	began := s.now().UTC().Truncate(time.Millisecond)
	var last []Entry
	for _, log := range logs {
		source := s.source(log, false)
		sources[log.Function] = source
		lines, err := s.end(ctx, source, n)
		if err != nil {
			return err
		}
		last = merge(last, lines, n)
	}
	for _, entry := range last {
		if !yield(entry) {
			return errStopped
		}
	}
	readOn := func(function string) error {
		source, known := sources[function]
		if !known && more != nil {
			if log, wanted := more(function); wanted {
				source = s.source(Log{function, func(entry Entry) bool {
					return !entry.Time.Before(began) && (log.Wanted == nil || log.Wanted(entry))
				}}, false)
			}
			sources[function] = source
		}
		if source == nil {
			return nil
		}
		source.reader.yield = func(line Line) bool {
			entry, wanted := source.entry(line)
			return !wanted || yield(entry)
		}
		if err := source.reader.readOn(ctx); err != nil {
			return wrapped(function, err)
		}
		return nil
	}
	for {
		err := s.wait(ctx, f.wake)
		for _, function := range f.take() {
			if err := readOn(function); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// source opens a log.
func (s *Store) source(log Log, toEnd bool) *source {
	return &source{Log: log, reader: reader{dir: s.logDir(log.Function), toEnd: toEnd, now: s.now}}
}

// end reads what there is of a log, and answers the last n lines of it.
func (s *Store) end(ctx context.Context, source *source, n int) ([]Entry, error) {
	s.mu.Lock()
	j := s.journal(source.Function)
	j.readers++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		j.readers--
		s.forget(j)
	}()
	var last []Entry
	err := s.settled(ctx, j)
	if err == nil {
		last, err = source.end(ctx, n)
	}
	return last, wrapped(source.Function, err)
}

// end reads to the end of what there is and returns the last n lines of it that are wanted.
func (s *source) end(ctx context.Context, n int) ([]Entry, error) {
	var last []Entry
	s.reader.yield = func(line Line) bool {
		entry, wanted := s.entry(line)
		if !wanted || n <= 0 {
			return true
		}
		if len(last) == n {
			last = last[1:]
		}
		last = append(last, entry)
		return true
	}
	from := n
	if s.Wanted != nil {
		from = math.MaxInt
	}
	if err := s.reader.start(from); err != nil {
		return nil, err
	}
	return last, s.reader.readOn(ctx)
}

func wrapped(function string, err error) error {
	if err == nil || errors.Is(err, errStopped) {
		return err
	}
	return fmt.Errorf("log of %s: %w", function, err)
}

// merge adds the lines of another log to the last n.
func merge(last, others []Entry, n int) []Entry {
	if len(last) == 0 { // one log stays as it is, be the clock set back
		return others
	}
	last = append(last, others...)
	slices.SortStableFunc(last, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	return slices.Clone(last[max(0, len(last)-n):])
}

// follower is told which logs have changed.
type follower struct {
	mu      sync.Mutex
	changed map[string]struct{}
	order   []string
	wake    chan struct{} // has an element when there is something to take
}

func (f *follower) tell(function string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, told := f.changed[function]; told {
		return
	}
	f.changed[function] = struct{}{}
	f.order = append(f.order, function)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take is the functions whose logs have changed since the last call.
func (f *follower) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.order
	f.order = nil
	clear(f.changed)
	return taken
}
