package runtime

// group is the environments of one function, of all its versions.
type group struct {
	id      identity
	keys    map[string]string // version → key that was invoked last
	all     map[*environment]struct{}
	idle    []*environment // most recently used last
	waiting []*waiter      // invocations that wait for a settling environment, first come first served
}

// waiter is told of an environment, or nil that there is nothing to wait for.
type waiter struct {
	group   *group
	key     string
	atLimit bool              // no other environment may be started: room is as good as one that is free
	free    chan *environment // holds one
}

// settling counts the environments that will be free for a waiter in a moment, or gone and so make room.
func (g *group) settling(w *waiter) int {
	n := 0
	for e := range g.all {
		switch e.life.stage() {
		case settling, stopping, dead:
			if w.wants(e) {
				n++
			}
		default:
		}
	}
	return n
}

// wants tells whether the end of what e is doing helps the waiter.
func (w *waiter) wants(e *environment) bool { return w.atLimit || e.fn.Key == w.key }

// isFull tells whether a function has as many environments as it may.
func (g *group) isFull(concurrency int) bool { return concurrency >= 0 && len(g.all) >= concurrency }

// active counts the environments that work on an invocation.
func (g *group) active() int {
	n := 0
	for e := range g.all {
		switch e.life.stage() {
		case starting, busy, responding:
			n++
		default:
		}
	}
	return n
}

// leave takes a waiter out of the queue. It reports false if it is not there: if it was told, or is being told.
func (g *group) leave(w *waiter) bool {
	for i, other := range g.waiting {
		if other == w {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// nextWaiter takes the first waiter whom e helps out of the queue. It must be told then.
func (g *group) nextWaiter(e *environment) *waiter {
	for i, w := range g.waiting {
		if w.wants(e) {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return w
		}
	}
	return nil
}
