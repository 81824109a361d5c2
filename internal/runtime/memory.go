//go:build unix

package runtime

import "time"

// The watchdog of the functions' memory looks at all that work, and then pauses: for so long, and for so many times as
// long as it took to look. So it takes no more than a twentieth of one processor, however many functions there are.
const (
	watchPause = 50 * time.Millisecond
	watchShare = 20
)

// watchMemory ends environments that have more memory than their functions may have, as Lambda does: with SIGKILL. A
// function can have more for as long as the pause, and in a process that it has just started for a fifth of a second.
// Lambda does not run an environment between two invocations; here it runs, so its memory is limited then, too. One that
// has a control group is left alone: the kernel does the same, at once.
func (p *Pool) watchMemory() {
	for pause := watchPause; ; {
		select {
		case <-p.ctx.Done():
			return
		case <-time.After(pause):
		}
		began := time.Now()
		for _, e := range p.roster.running() {
			e.limitMemory()
		}
		pause = max(watchPause, watchShare*time.Since(began))
	}
}

// running are the environments that nobody has told to end.
func (r *roster) running() []*environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*environment
	for e := range r.living {
		if !e.life.in(stopping, dead) {
			all = append(all, e)
		}
	}
	return all
}

// limitMemory ends the environment if its processes together have more memory than the function may have.
func (e *environment) limitMemory() {
	e.mu.Lock()
	cell := e.cell
	e.mu.Unlock()
	if cell == nil || e.fn.Debug != nil || cell.LimitsMemory() || cell.MemoryKiB(e.fn.MemoryMB<<10) <= e.fn.MemoryMB<<10 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cell != cell || e.life.in(stopping, dead) {
		return
	}
	if e.life.in(idle) {
		e.log.platform(killedIdle)
	}
	e.kill(reasonMemory)
}

// killedIdle is for the log where no answer and no report say it.
const killedIdle = "furl: killed between two invocations: the function had more memory than its memory size"

// ranOut notes that the kernel has ended the environment as the watchdog would have, also where an extension was the
// first to be seen dead. Called with mu held.
func (e *environment) ranOut() {
	if (e.killed == "" || e.killed == ReasonExtension) && e.process != nil && e.cell.ExceededMemory() {
		e.killedBy(reasonMemory)
		e.fault = extensionFault{}
		if e.call == nil && e.initialized {
			e.log.platform(killedIdle)
		}
	}
}

// peakMB is the largest memory for REPORT. It is the function's memory size where its processes had more: files that a
// process maps, such as its program, count in one number and not in the other.
func (e *environment) peakMB() int {
	if e.cell == nil {
		return 0 // unknown
	}
	peak := e.cell.PeakMB(time.Now())
	switch {
	case !e.pool.limitsMemory():
		return peak
	case e.starved.Load():
		return e.fn.MemoryMB
	default:
		return min(peak, e.fn.MemoryMB)
	}
}

// limitsMemory reports whether functions have no more memory than they may have.
func (p *Pool) limitsMemory() bool { return p.config.LimitMemory && p.sandbox.KnowsMemory() }

// Memory says in one line whether the memory of functions is limited.
func (p *Pool) Memory() string {
	switch {
	case !p.config.LimitMemory:
		return "off: functions may take all of the machine's"
	case !p.sandbox.KnowsMemory():
		return "none on this system: functions may take all of the machine's"
	}
	const limit = "the memory size of each function: one that has more is killed "
	if err := p.sandbox.LimitsMemory(); err != nil {
		return limit + "within " + (2 * watchPause).String() + " or so (no control groups: " + err.Error() + ")"
	}
	return limit + "by the kernel (cgroup v2)"
}
