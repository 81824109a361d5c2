//go:build unix

package dev

import (
	"context"
	"errors"
	"time"
)

// ParseEnv reads the text of an environment file. An error names lines only.
func ParseEnv(text string) (map[string]string, error) {
	values, faults := parseEnv(text)
	var errs []error
	for _, fault := range faults {
		errs = append(errs, fault)
	}
	return values, errors.Join(errs...)
}

// Program is a program of the user.
type Program struct{ *program }

// Start starts one in a directory.
func Start(environ []string, dir, line string, tell func(string)) (Program, error) {
	p, err := newShell(environ, dir).start(line, nil, tell)
	return Program{p}, err
}

// End ends it, with what it started.
func (p Program) End(patience time.Duration) { p.end(patience) }

// Done is closed when it has ended by itself.
func (p Program) Done() <-chan struct{} { return p.done }

// Supervise keeps a command line running.
func Supervise(ctx context.Context, environ []string, dir, line string, tell, ended func(string)) {
	newShell(environ, dir).supervise(ctx, line, []string{"PORT=1234"}, tell, ended)
}

// BackOff is how long to wait before a program that ended is started again.
func BackOff(failures int) time.Duration { return backOff(failures) }

// Builds is the part of a session that tells what builds write.
type Builds struct{ builder }

// Begin begins a build.
func (b *Builds) Begin() {
	if b.outputs == nil {
		b.outputs, b.suspects, b.touched = map[string]bool{}, map[string]bool{}, map[string]bool{}
		b.sources = map[string]bool{}
	}
	b.running, b.began = true, time.Now()
	clear(b.touched)
}

// End ends it.
func (b *Builds) End() { b.finish() }

// Wrote reports whether a changed file is what a build wrote.
func (b *Builds) Wrote(path string) bool { return b.wrote(path) }
