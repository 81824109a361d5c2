//go:build unix

package runtime

import (
	"slices"
	"sync/atomic"
)

// stage is where an execution environment is in its life.
//
//	starting ──► idle ──► busy ──► responding ──► settling ──► idle
//	   ▲ ▼                 └────────(error)──────►┘  └► lingering ──► idle
//	registering
//	any of them ──► stopping ──► dead          any of them ──► dead
type stage uint32

const (
	starting    stage = iota // the runtime initializes: it, or an extension, has not asked for an event yet
	registering              // the extensions start, and the runtime does not run yet
	idle                     // it waits for an event
	busy                     // it has an event and has not answered
	responding               // its response is coming in
	settling                 // it has answered and has not asked for the next event
	lingering                // it has asked for the next event, and an extension that had the last one has not
	stopping                 // it was told to end
	dead                     // its process is gone
	stages
)

func (s stage) String() string {
	return [stages]string{
		"starting", "registering", "idle", "busy", "responding", "settling", "lingering", "stopping", "dead",
	}[s]
}

// moves holds the legal moves: moves[from][to].
var moves = [stages][stages]bool{
	starting:    {registering: true, idle: true, stopping: true, dead: true},
	registering: {starting: true, stopping: true, dead: true},
	idle:        {busy: true, stopping: true, dead: true},
	busy:        {responding: true, settling: true, stopping: true, dead: true},
	responding:  {settling: true, stopping: true, dead: true},
	settling:    {lingering: true, idle: true, stopping: true, dead: true},
	lingering:   {idle: true, stopping: true, dead: true},
	stopping:    {dead: true},
	dead:        {},
}

// life holds the current stage. It is written under the environment's lock and may be read without.
type life struct{ at atomic.Uint32 }

func (l *life) stage() stage { return stage(l.at.Load()) }

func (l *life) in(stages ...stage) bool { return slices.Contains(stages, l.stage()) }

// advance moves from one stage to another. It reports whether it did: not if the environment is at another stage. A
// move that the table does not have is a bug.
func (l *life) advance(from, to stage) bool {
	if !moves[from][to] {
		panic("execution environment: no move from " + from.String() + " to " + to.String())
	}
	return l.at.CompareAndSwap(uint32(from), uint32(to))
}

// end moves to stopping or dead from wherever the environment is. It reports false, and does nothing, if there is no
// such move left.
func (l *life) end(to stage) bool {
	for from := l.stage(); moves[from][to]; from = l.stage() {
		if l.advance(from, to) {
			return true
		}
	}
	return false
}
