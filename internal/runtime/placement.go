package runtime

import "time"

// How long an invocation waits for an environment that has answered and is about to be free. The function's next
// request normally comes within a fraction of a millisecond. A function may also do something between its answer and
// that request; then it is better to start another process, which costs tens of milliseconds, and if none may be
// started, to throttle the caller, but not one who only was quick.
const (
	settleWait      = 25 * time.Millisecond
	settleWaitAtEnd = time.Second          // of the concurrency
	settlePause     = 2 * time.Millisecond // between looks for an environment of any function that has settled
)

// expiryMargin is how much of its credentials' life an environment needs to be used again.
const expiryMargin = 5 * time.Minute

// assign finds or starts an environment for a call.
func (p *Pool) assign(c *call) error {
	for mayWait, patience := true, settleWaitAtEnd; ; {
		e, w, err := p.pick(c, mayWait)
		switch {
		case err != nil && err == p.full && patience > 0 && p.inStage(nil, settling):
			time.Sleep(settlePause)
			patience -= settlePause
			continue
		case err != nil:
			p.warnOfShortage(err)
			return err
		case w != nil:
			e = p.await(w)
			mayWait = false
		case e == nil:
			return nil // an environment is being started for it
		}
		if e != nil && e.begin(c) {
			return nil
		}
	}
}

// pick answers an idle environment, or a place in the queue for one that is about to be free, or, having started one,
// neither.
func (p *Pool) pick(c *call, mayWait bool) (*environment, *waiter, error) {
	fn := c.fn
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	g := p.groups[fn.identity()]
	if g == nil {
		g = &group{id: fn.identity(), keys: map[string]string{}, all: map[*environment]struct{}{}}
	}
	if last := g.keys[fn.Version]; last != fn.Key {
		g.keys[fn.Version] = fn.Key
		p.retire(g, func(e *environment) bool { return e.fn.Version == fn.Version && e.fn.Key != fn.Key })
	}
	if g.isFull(fn.Concurrency) && g.active() >= fn.Concurrency {
		return nil, nil, ErrBusy
	}
	if e := p.popIdle(g, fn.Key); e != nil {
		return e, nil, nil
	}
	atLimit := g.isFull(fn.Concurrency)
	w := &waiter{g, fn.Key, atLimit, make(chan *environment, 1)}
	if mayWait && g.settling(w) > len(g.waiting) {
		g.waiting = append(g.waiting, w)
		return nil, w, nil
	}
	if atLimit && !p.evict(g) {
		return nil, nil, ErrBusy
	}
	if p.size >= p.config.MaxEnvironments && !p.evict(p.groupWithOldestIdle()) {
		return nil, nil, p.full
	}
	p.launch(g, c)
	return nil, nil, nil
}

// launch starts an environment for a call. Called with mu held.
func (p *Pool) launch(g *group, c *call) {
	p.groups[g.id] = g
	e := newEnvironment(p, c.fn, c)
	g.all[e] = struct{}{}
	p.size++
	p.living[e] = struct{}{}
	p.alive.Go(func() {
		e.run()
		p.mu.Lock()
		delete(p.living, e)
		p.mu.Unlock()
	})
}

// popIdle takes the most recently used environment of a key. Called with mu held.
func (p *Pool) popIdle(g *group, key string) *environment {
	for i := len(g.idle) - 1; i >= 0; i-- {
		e := g.idle[i]
		if e.fn.Key != key {
			continue
		}
		g.idle = append(g.idle[:i], g.idle[i+1:]...)
		if p.expired(e) {
			p.discard(g, e)
			i = min(i, len(g.idle))
			continue
		}
		return e
	}
	return nil
}

func (p *Pool) expired(e *environment) bool {
	return !e.expires.IsZero() && e.expires.Sub(p.now()) < expiryMargin
}

// await waits a little for an environment to settle.
func (p *Pool) await(w *waiter) *environment {
	patience := settleWait
	if w.atLimit {
		patience = settleWaitAtEnd
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case e := <-w.free:
		return e
	case <-timer.C:
	}
	p.mu.Lock()
	left := w.group.leave(w)
	p.mu.Unlock()
	if left {
		return nil
	}
	return <-w.free // it was told in this very moment
}

// release takes back an environment that has settled and waits for an event. It becomes idle under the lock: whoever
// looks for an environment sees it either as settling or where idle ones are kept.
func (p *Pool) release(e *environment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !e.life.advance(settling, idle) {
		return // it has ended meanwhile
	}
	g := p.groups[e.fn.identity()]
	if p.closed || e.retired || p.expired(e) {
		p.discard(g, e)
		return
	}
	w := g.nextWaiter(e)
	if w != nil && w.key == e.fn.Key {
		w.free <- e
		return
	}
	e.idleSince = time.Now()
	g.idle = append(g.idle, e)
	if w != nil {
		w.free <- nil // it may stop this one and start its own
	}
}

// discard stops an environment that is not in the idle list (any more). Its place is free at once, though the process
// may take its grace to end. Called with mu held.
func (p *Pool) discard(g *group, e *environment) {
	p.forget(g, e)
	e.stop(p.config.StopGrace)
}

// forget takes an environment out of the books. Called with mu held.
func (p *Pool) forget(g *group, e *environment) {
	if g == nil {
		return
	}
	if _, in := g.all[e]; !in {
		return
	}
	delete(g.all, e)
	p.size--
	for i, other := range g.idle {
		if other == e {
			g.idle = append(g.idle[:i], g.idle[i+1:]...)
			break
		}
	}
	// Whoever hoped for this one had better start another.
	if w := g.nextWaiter(e); w != nil {
		w.free <- nil
	}
	if len(g.all) == 0 {
		delete(p.groups, g.id)
	}
}

// remove is forget for an environment whose process is gone.
func (p *Pool) remove(e *environment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(p.groups[e.fn.identity()], e)
}

// replace starts another environment in the place of one, for the call that it did not come to.
func (p *Pool) replace(e *environment, c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[e.fn.identity()]
	closed := p.closed
	if !closed {
		p.launch(g, c)
	}
	p.forget(g, e)
	if closed {
		close(c.done)
		c.answer(nil, ErrClosed)
	}
}

// evict stops the idle environment of a group that was not used for longest.
func (p *Pool) evict(g *group) bool {
	if g == nil || len(g.idle) == 0 {
		return false
	}
	e := g.idle[0]
	g.idle = g.idle[1:]
	p.discard(g, e)
	return true
}

func (p *Pool) groupWithOldestIdle() *group {
	var oldest *group
	for _, g := range p.groups {
		if len(g.idle) > 0 && (oldest == nil || g.idle[0].idleSince.Before(oldest.idle[0].idleSince)) {
			oldest = g
		}
	}
	return oldest
}
