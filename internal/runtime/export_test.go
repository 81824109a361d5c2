//go:build unix

package runtime

import (
	"context"
	"log/slog"
	"time"
)

// Environments answers how many environments the pool has, and how many of them are idle.
func (p *Pool) Environments() (all, idle int) {
	p.roster.mu.Lock()
	defer p.roster.mu.Unlock()
	for _, g := range p.roster.groups {
		all += len(g.all)
		idle += len(g.idle)
	}
	return all, idle
}

// Command answers how a function would be started: path, arguments, additional variables, remarks.
func (p *Pool) Command(ctx context.Context, fn *Function) ([]string, []string, []string, error) {
	c, err := p.launcher.command(ctx, fn)
	if err != nil {
		return nil, nil, nil, err
	}
	var remarks []string
	if c.fallback != "" {
		remarks = []string{"furl: " + c.fallback}
	}
	return append([]string{c.path}, c.args...), c.extra, remarks, nil
}

// Stages answers every stage of an environment's life by its name, and which moves between them are legal.
func Stages() (names []string, legal func(from, to int) bool) {
	for s := range stages {
		names = append(names, s.String())
	}
	return names, func(from, to int) bool {
		var l life
		l.at.Store(uint32(from))
		defer func() { _ = recover() }()
		return l.advance(stage(from), stage(to))
	}
}

// Lines splits chunks of output into lines as a function's log does, with a limit of its own.
func Lines(sink LogSink, limit int, chunks [][]byte) {
	o := &output{sink: sink, now: time.Now, limit: limit}
	p := &pipe{output: o, fd: -1, frames: frames{expected: true}}
	o.pipes = []*pipe{p}
	for _, chunk := range chunks {
		p.events(chunk)
	}
	o.close()
}

// RefusalLog makes a log of refusals, and answers how to write to it and how to end it.
func RefusalLog(logger *slog.Logger) (warn func(message string, facts ...slog.Attr), flush func()) {
	l := &refusalLog{logger: logger}
	return l.warn, l.flush
}

// Bandwidth is a bandwidth that began at a time.
type Bandwidth = bandwidth

var NewBandwidth = newBandwidth

func (b *bandwidth) Take(n int, now time.Time) (int, time.Duration) { return b.take(n, now) }

func (b *bandwidth) GiveBack(n int) { b.giveBack(n) }
