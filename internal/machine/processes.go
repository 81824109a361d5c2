package machine

import (
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/machine/spare"
)

// Processes keeps the number of processes below what the limits of the machine allow, which count threads, too. It does
// not wait for the system to refuse a process: Go ends a program that is refused a thread, so the server would end
// before, and a function's runtime as well, which would look like the function's own fault.
//
// The zero Processes is ready for use.
type Processes struct {
	mu       sync.Mutex
	starting int
	known    *limits   // what shortOf has found out
	lack     *Lack     // why the system last refused a process; nil if it never has
	refused  time.Time // when that was
}

const (
	// perStart is how many processes and threads a starting environment has room for: a function in Go or Node.js,
	// with the process that confines it, has about twenty.
	perStart = 32
	// margin is left to the server.
	margin = 8
	// maxSpare is how many threads the server has in reserve, as SpareThreads makes them.
	maxSpare = 24
	// afterRefusal is how long after a refusal no other process starts: not all limits can be seen.
	afterRefusal = time.Second
)

// Enter takes the room that an environment needs to start, or says what is lacking. The caller calls Leave when the
// environment has started or has ended. Without another environment it is alone: then it may try in less room, since
// there will never be more.
func (p *Processes) Enter(alone bool) *Lack {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !alone || p.starting > 0 {
		if lack := p.shortOf((p.starting+1)*perStart + margin); lack != nil {
			return lack
		}
	}
	p.starting++
	return nil
}

// Leave gives back what Enter took.
func (p *Processes) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
}

// Short says what is lacking for another environment at this moment; nil if there is room.
func (p *Processes) Short() *Lack {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shortOf((p.starting+1)*perStart + margin)
}

// Refuses says what has refused a function a process or a thread, once all that the function had is given back; nil if
// there is then as much room as a function may take, so that it has met its own limit.
func (p *Processes) Refuses() *Lack {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limits().refuses()
}

// Refused notes that the system has refused a process, or has ended one as it does when it refuses a thread.
func (p *Processes) Refused(err error) *Lack {
	lack := lackOfProcesses()
	lack.Err = err
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lack, p.refused = &lack, time.Now()
	return p.lack
}

// shortOf is called with mu held.
func (p *Processes) shortOf(need int) *Lack {
	if lack := p.limits().shortOf(need); lack != nil {
		return lack
	}
	if p.lack != nil && time.Since(p.refused) < afterRefusal {
		return p.lack
	}
	return nil
}

// limits is called with mu held.
func (p *Processes) limits() *limits {
	if p.known == nil {
		p.known = newLimits()
	}
	return p.known
}

// SpareThreads has Go make some threads ahead, which it keeps until the server needs them: the server still works when
// functions use up all processes of the machine. That takes a millisecond and half a megabyte. It makes only a part of
// the threads that are left.
func SpareThreads() {
	spare.Threads(min(maxSpare, newLimits().free()/4))
}
