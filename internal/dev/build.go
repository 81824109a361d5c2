//go:build unix

package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// builder runs the build command. A build writes files that are watched, too, and only it tells which of all files that
// change are its own: those that change while it runs, each time.
type builder struct {
	done         chan error
	began, ended time.Time
	running      bool
	count        int             // of builds after the first
	again        bool            // a source changed meanwhile
	held         []string        // what changed meanwhile
	outputs      map[string]bool // what builds write
	suspects     map[string]bool // what changed during the last build for the first time: an output, or an edit of the user
	touched      map[string]bool // what changed during the running build
	sources      map[string]bool // what the user edited for certain, since no build ran
}

// settle is how long after a build its last writes may be reported.
const settle = 10 * debounce

// coarse is by how much a file's time may be before the clock's.
const coarse = 20 * time.Millisecond

// runBuild builds for the first time, and waits. All that it writes is its output.
func (s *Session) runBuild(ctx context.Context) error {
	b := &s.build
	b.outputs, b.suspects, b.touched, b.sources = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	b.done = make(chan error, 1)
	b.began = time.Now()
	err := s.runProgram(ctx)
	b.ended = time.Now()
	return err
}

// runProgram runs the command to its end, or to that of the context.
func (s *Session) runProgram(ctx context.Context) error {
	program, err := s.shell.start(s.set.Build, nil, func(line string) {
		s.emit(Event{Event: EventOutput, Program: "build", Text: line})
	})
	if err != nil {
		return err
	}
	const patience = 2 * time.Second
	select {
	case <-program.done:
		program.end(0) // and what it left behind
	case <-ctx.Done():
		program.end(patience)
		return ctx.Err()
	}
	if program.err != nil {
		return fmt.Errorf("the build command failed: %w", program.err)
	}
	s.emit(Event{Event: EventBuilt, Program: "build"})
	return nil
}

// startBuild builds in the background. While it runs, a further one waits.
func (s *Session) startBuild(ctx context.Context) {
	b := &s.build
	if b.running {
		b.again = true
		return
	}
	b.running, b.again, b.began = true, false, time.Now()
	b.count++
	clear(b.touched)
	s.follower.Go(func() { b.done <- s.runProgram(ctx) })
}

// built takes the end of a build. What it wrote counts if it did not fail: else the old code stays.
func (s *Session) built(ctx context.Context, err error) {
	b := &s.build
	b.finish()
	held := b.held
	b.held = nil
	if err != nil && !errors.Is(err, context.Canceled) {
		s.emit(Event{Event: EventError, Program: "build", Text: err.Error() + "; the old code stays"})
	}
	if b.again {
		b.held = held
		s.startBuild(ctx)
		return
	}
	if err == nil {
		s.take(ctx, held)
	}
}

// finish notes the end of a build. What changed during the one before and not during this one was no output.
func (b *builder) finish() {
	b.running, b.ended = false, time.Now()
	for path := range b.suspects {
		if !b.touched[path] {
			delete(b.suspects, path)
		}
	}
}

// sort takes from the changes those that ask for a build, and keeps what the running build writes until it is done. It
// gives back what is to be taken now.
func (s *Session) sort(ctx context.Context, paths []string) (now []string) {
	b := &s.build
	sources := false
	for _, path := range paths {
		if path == s.Root { // it was removed, or lost its watch
			sources = true
			continue
		}
		switch {
		case !b.wrote(path):
			sources = true
		case b.count > 0 || !b.wroteBefore(path):
			now = append(now, path)
		}
	}
	if b.running {
		b.held = append(b.held, now...)
		now = nil
	}
	if sources {
		b.held = append(b.held, paths...)
		s.startBuild(ctx)
		return nil
	}
	return now
}

// wrote reports whether a build wrote the file.
func (b *builder) wrote(path string) bool {
	info, err := os.Stat(path)
	b.touched[path] = true
	switch {
	case b.outputs[path] && !b.running && err == nil && info.ModTime().After(b.ended.Add(coarse)):
		delete(b.outputs, path) // the user edits it, and had edited it while a build ran
	case b.outputs[path]:
		return true
	case b.running && (err != nil || info.ModTime().After(b.began.Add(-coarse))):
		// The user may have edited it. If the next build changes it, too, it was the build.
		if b.suspects[path] {
			b.outputs[path] = true
			return true
		}
		b.suspects[path] = true
		return false
	case err == nil && info.ModTime().After(b.began.Add(-coarse)) && info.ModTime().Before(b.ended):
		if b.sources[path] { // edited again just before the build ended; if the next one ends so, too, it was the build
			delete(b.sources, path)
			return false
		}
		b.outputs[path] = true
		return true
	case err != nil && time.Since(b.ended) < settle:
		b.outputs[path] = true
		return true
	}
	b.sources[path] = true
	return false
}

// wroteBefore reports whether a file has been as it is since the last build ended.
func (b *builder) wroteBefore(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.ModTime().Before(b.ended)
}
