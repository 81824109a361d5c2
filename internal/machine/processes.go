//go:build unix

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
	// Shared reports whether the kernel counts the processes of functions with all others of the user, so that
	// LimitFunction leaves them less than the server may have; nil is no. It is asked once.
	Shared func() bool

	mu       sync.Mutex
	present  int       // environments that have entered
	starting int       // of these
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

// Enter takes the room that an environment needs to start, or says what is lacking. The caller calls Started when the
// environment has started or its start has failed, and then Leave when it has ended. One without any other may try in
// less room, since there will never be more.
func (p *Processes) Enter() *Lack {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.present > 0 {
		if lack := p.shortOf((p.starting+1)*perStart + margin); lack != nil {
			return lack
		}
	}
	p.starting++
	p.present++
	return nil
}

// Started gives back what Enter took: from now on the processes of the environment count.
func (p *Processes) Started() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
}

// Leave notes that an environment that has entered has no processes any more.
func (p *Processes) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.present--
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
	p.mu.Lock()
	defer p.mu.Unlock()
	lack := p.limits().tightest()
	lack.Err = err
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
		p.known = newLimits(p.Shared != nil && p.Shared())
	}
	return p.known
}

// lackOfProcesses is the Lack of a process that the system has refused the server.
func lackOfProcesses() Lack { return newLimits(false).tightest() }

// SpareThreads has Go make some threads ahead, which it keeps until the server needs them: the server still works when
// functions use up all processes of the machine. That takes a millisecond and half a megabyte. It makes only a part of
// the threads that are left.
func SpareThreads() {
	spare.Threads(min(maxSpare, newLimits(false).free()/4))
}
