//go:build unix

package runtime

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// These are how long an invocation waits for an environment that has answered and is about to be free. The function's
// next request normally comes within a fraction of a millisecond. A function may also work on between its answer and
// that request. Then it is better to start another process, which costs tens of milliseconds; where none may be
// started, the caller is throttled, but not for being quick.
const (
	settleWait      = 25 * time.Millisecond
	settleWaitAtEnd = time.Second          // of the concurrency
	settlePause     = 2 * time.Millisecond // between looks for an environment of any function that has settled
)

// expiryMargin is how much of its credentials' life an environment needs to be used again.
const expiryMargin = 5 * time.Minute

// roster is who is there: the environments of all functions, and the invocations that wait for one. One lock guards
// all of it, the idle lists and waiting lists of the groups included.
type roster struct {
	most  int   // environments of all functions together
	full  error // the error when there are that many
	now   func() time.Time
	grace time.Duration // for idle environments to end
	// launch starts one for a call, or ahead of it; warm says that it is provisioned. Called with mu held.
	launch func(fn *Function, c *call, warm bool) *environment

	mu     sync.Mutex
	closed bool
	groups map[identity]*group
	size   int                       // environments in all groups
	living map[*environment]struct{} // also those that were told to end and are no longer in a group
}

// group is the environments of one function, of all its versions.
type group struct {
	id      identity
	keys    map[string]string // version → key that was invoked last
	all     map[*environment]struct{}
	idle    []*environment // most recently used last
	waiting []*waiter      // invocations that wait for a settling environment, first come first served

	reserved bool                // it does not share the account's concurrency
	alone    bool                // its web application or its debugger has one port, so that only one environment can run
	keep     map[string]*keeping // by key: what is provisioned
}

// keeping is how many environments of a key are kept ready.
type keeping struct {
	fn     *Function
	count  int
	failed bool // one did not initialize, and the next one would not either; or there may be no other one
}

func newGroup(id identity) *group {
	return &group{id: id, keys: map[string]string{}, all: map[*environment]struct{}{}}
}

// waiter is an invocation that waits.
type waiter struct {
	group   *group
	key     string
	atLimit bool              // no other environment may be started: room is as good as a free environment
	free    chan *environment // holds one; nil says that there is nothing to wait for
	longest time.Duration     // that it waits; zero for what is usual
}

// pick answers an idle environment, or a place in the queue for one that is about to be free. It answers neither if it
// has started one.
func (r *roster) pick(c *call, mayWait bool) (*environment, *waiter, error) {
	fn := c.fn
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, ErrClosed
	}
	g := r.groups[fn.identity()]
	if g == nil {
		g = newGroup(fn.identity())
	}
	if last := g.keys[fn.Version]; last != fn.Key {
		g.keys[fn.Version] = fn.Key
		r.retire(g, func(e *environment) bool { return e.fn.Version == fn.Version && e.fn.Key != fn.Key })
	}
	g.reserved = fn.Concurrency >= 0
	g.alone = g.alone || fn.Debug != nil
	atLimit := g.isFull(fn.Concurrency)
	if atLimit && g.count(starting, registering, busy, responding) >= fn.Concurrency {
		return nil, nil, ErrReserved
	}
	if most := c.in.Unreserved; !g.reserved && most > 0 && r.size >= most && r.unreserved(g.id) >= most && !g.hasKept(fn.Key) {
		return nil, nil, ErrUnreserved
	}
	if e := r.popIdle(g, fn.Key); e != nil {
		return e, nil, nil
	}
	if g.adopt(c) {
		return nil, nil, nil
	}
	atLimit = g.isFull(fn.Concurrency) // popIdle may have made room
	w := &waiter{group: g, key: fn.Key, atLimit: atLimit, free: make(chan *environment, 1)}
	if g.alone && len(g.all) > 0 && !r.evict(g) {
		if w.atLimit, w.longest = true, c.patience(); w.longest <= 0 {
			return nil, nil, ErrBusy
		}
		g.waiting = append(g.waiting, w)
		return nil, w, nil
	}
	if mayWait && g.hopes(w) > len(g.waiting) {
		g.waiting = append(g.waiting, w)
		return nil, w, nil
	}
	if atLimit && !r.evict(g) {
		return nil, nil, ErrReserved
	}
	if r.size >= r.most && !r.evict(r.groupWithOldestIdle()) {
		return nil, nil, r.full
	}
	r.add(g, c.fn, c, false)
	return nil, nil, nil
}

// add starts an environment for a call, or for none yet: then it is provisioned, or prepared. Called with mu held.
func (r *roster) add(g *group, fn *Function, c *call, warm bool) {
	r.groups[g.id] = g
	e := r.launch(fn, c, warm)
	e.kept, e.prepared = warm, c == nil && !warm
	g.all[e] = struct{}{}
	r.size++
	r.living[e] = struct{}{}
}

// prepare starts an environment ahead of the next call of a function, if none with its key is there, and nothing has to
// end to make room for it.
func (r *roster) prepare(fn *Function) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.groups[fn.identity()]
	if g == nil {
		g = newGroup(fn.identity())
	}
	g.alone = g.alone || fn.Debug != nil
	if r.closed || r.size >= r.most || g.isFull(fn.Concurrency) || g.alone && len(g.all) > 0 {
		return
	}
	for e := range g.all {
		if e.fn.Key == fn.Key {
			return
		}
	}
	g.keys[fn.Version] = fn.Key
	r.add(g, fn, nil, false)
}

// bury notes that everything an environment held is given back.
func (r *roster) bury(e *environment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.living, e)
}

// popIdle takes an environment of a key: the one of those that are provisioned that was used last, or else of the others
// (for AWS: LocalStack's test_lambda_provisioned_concurrency_moves_with_alias). Called with mu held.
func (r *roster) popIdle(g *group, key string) *environment {
	for {
		found := -1
		for i := len(g.idle) - 1; i >= 0; i-- {
			if e := g.idle[i]; e.fn.Key == key && (found < 0 || e.kept) {
				found = i
				if e.kept || g.keep[key] == nil {
					break
				}
			}
		}
		if found < 0 {
			return nil
		}
		e := g.idle[found]
		g.idle = slices.Delete(g.idle, found, found+1)
		if !r.expired(e) {
			return e
		}
		r.discard(g, e)
	}
}

// takeIdle takes an idle environment of e's function.
func (r *roster) takeIdle(e *environment) *environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.groups[e.fn.identity()]
	if g == nil {
		return nil
	}
	return r.popIdle(g, e.fn.Key)
}

func (r *roster) expired(e *environment) bool {
	return !e.expires.IsZero() && e.expires.Sub(r.now()) < expiryMargin
}

// await waits a little for an environment to settle.
func (r *roster) await(w *waiter) *environment {
	patience := settleWait
	if w.atLimit {
		patience = settleWaitAtEnd
	}
	select {
	case e := <-w.free:
		return e
	case <-time.After(cmp.Or(w.longest, patience)):
	}
	r.mu.Lock()
	left := w.group.dequeue(func(other *waiter) bool { return other == w })
	r.mu.Unlock()
	if left != nil {
		return nil
	}
	return <-w.free // the answer came in this very moment
}

// release takes back an environment that has settled and waits for an event. It becomes idle under the lock, so that
// each search for an environment sees it either as settling or in the idle list.
func (r *roster) release(e *environment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !e.life.advance(settling, idle) && !e.life.advance(lingering, idle) {
		return // it has ended meanwhile
	}
	g := r.groups[e.fn.identity()]
	if r.closed || e.retired || r.expired(e) {
		r.discard(g, e)
		return
	}
	g.offer(e)
}

// offer makes an environment idle, or gives it to a call that waits for it.
func (g *group) offer(e *environment) {
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

// discard stops an environment that is not, or no longer, in the idle list. Its place is free at once, though the
// process may take its grace to end. Called with mu held.
func (r *roster) discard(g *group, e *environment) {
	r.forget(g, e)
	e.stop(r.grace)
}

// forget takes an environment out of its group. Called with mu held.
func (r *roster) forget(g *group, e *environment) {
	if g == nil {
		return
	}
	if _, in := g.all[e]; !in {
		return
	}
	delete(g.all, e)
	r.size--
	e.prepared = false
	if i := slices.Index(g.idle, e); i >= 0 {
		g.idle = slices.Delete(g.idle, i, i+1)
	}
	// A waiter that hoped for this one had better start another. Nobody else wakes those that wait for the last one.
	for w := g.nextWaiter(e); w != nil; w = g.nextWaiter(e) {
		w.free <- nil
		if len(g.all) > 0 && !r.closed {
			break
		}
	}
	if e.kept {
		r.refill(g, e)
	}
	if len(g.all) == 0 && len(g.keep) == 0 {
		delete(r.groups, g.id)
	}
}

// setAlone notes that no other environment of e's function can run beside it.
func (r *roster) setAlone(e *environment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.groups[e.fn.identity()]; g != nil {
		g.alone = true
	}
}

// webApps are the environments of web applications besides e, of all functions.
func (r *roster) webApps(e *environment) []*environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	var others []*environment
	for other := range r.living {
		if other != e && other.fn.WebApp {
			others = append(others, other)
		}
	}
	return others
}

// evictIdle ends an environment if it is idle, and reports whether it was.
func (r *roster) evictIdle(e *environment) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.groups[e.fn.identity()]
	if g == nil || !slices.Contains(g.idle, e) {
		return false
	}
	r.discard(g, e)
	return true
}

// remove is forget for an environment whose process is gone.
func (r *roster) remove(e *environment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(r.groups[e.fn.identity()], e)
}

// replace starts another environment in the place of one, for the call that it did not come to.
func (r *roster) replace(e *environment, c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.groups[e.fn.identity()]
	closed := r.closed
	if !closed {
		r.add(g, c.fn, c, false)
	}
	r.forget(g, e)
	if closed {
		close(c.done)
		c.answer(nil, ErrClosed)
	}
}

// evict stops the idle environment of a group that was not used for longest. Called with mu held.
func (r *roster) evict(g *group) bool {
	if g == nil || g.dispensable() == nil {
		return false
	}
	r.discard(g, g.dispensable())
	return true
}

func (r *roster) groupWithOldestIdle() *group {
	var oldest *group
	for _, g := range r.groups {
		e := g.oldestIdle()
		if e != nil && (oldest == nil || e.idleSince.Before(oldest.oldestIdle().idleSince)) {
			oldest = g
		}
	}
	for _, g := range r.groups {
		if oldest == nil && g.preparing("") != nil {
			oldest = g
		}
	}
	return oldest
}

// evictOldest ends the idle environment that was not used for longest. The channel is closed when it is gone; it is nil
// if none is idle.
func (r *roster) evictOldest() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.groupWithOldestIdle()
	if g == nil {
		return nil
	}
	oldest := g.dispensable()
	r.discard(g, oldest)
	return oldest.ended
}

// ending is closed when an environment other than e is gone that was told to end; it is nil if there is none.
func (r *roster) ending(e *environment) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	for other := range r.living {
		if other != e && other.life.in(stopping) {
			return other.ended
		}
	}
	return nil
}

// evictIdleSince stops the environments that have been idle since before a time.
func (r *roster) evictIdleSince(oldest time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range maps.Clone(r.groups) {
		for e := g.oldestIdle(); e != nil && e.fn.Debug == nil && e.idleSince.Before(oldest); e = g.oldestIdle() {
			r.discard(g, e)
		}
	}
}

// retire stops the environments that match: idle ones now, the others when they have settled. Called with mu held.
func (r *roster) retire(g *group, matches func(*environment) bool) {
	for e := range g.all {
		if matches(e) {
			e.retired, e.kept = true, false
			delete(g.keep, e.fn.Key)
			if e.prepared {
				r.discard(g, e)
			}
		}
	}
	r.dismiss(g)
}

// dismiss ends the environments that are retired and idle. Called with mu held.
func (r *roster) dismiss(g *group) {
	for _, e := range slices.Clone(g.idle) {
		if e.retired {
			r.discard(g, e)
		}
	}
}

func (r *roster) retireKey(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.retireAll(func(e *environment) bool { return e.fn.Key == key })
}

// retireAll is retire for all groups.
func (r *roster) retireAll(matches func(*environment) bool) {
	for _, g := range maps.Clone(r.groups) {
		r.retire(g, matches)
	}
}

// drain refuses new invocations and retires every environment.
func (r *roster) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.retireAll(func(*environment) bool { return true })
}

// close refuses new invocations, and answers the environments that are left.
func (r *roster) close() []*environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	var all []*environment
	for _, g := range r.groups {
		all = slices.AppendSeq(all, maps.Keys(g.all))
	}
	return all
}

// inStage reports whether an environment other than e is in one of the stages.
func (r *roster) inStage(e *environment, stages ...stage) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.groups {
		for other := range g.all {
			if other != e && other.life.in(stages...) {
				return true
			}
		}
	}
	return false
}

// census is how many environments are at each stage of their life.
func (r *roster) census() []float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := make([]float64, stages)
	for e := range r.living {
		counts[e.life.stage()]++
	}
	return counts[:dead]
}

// hopes counts the environments that a waiter can hope for: they are about to be free, or to be gone and make room.
func (g *group) hopes(w *waiter) int {
	n := 0
	for e := range g.all {
		if e.life.in(settling, lingering, stopping, dead) && w.wants(e) {
			n++
		}
	}
	return n
}

// wants reports whether the end of what e is doing helps the waiter.
func (w *waiter) wants(e *environment) bool { return w.atLimit || e.fn.Key == w.key }

// isFull reports whether a function has as many environments as it may.
func (g *group) isFull(concurrency int) bool { return concurrency >= 0 && len(g.all) >= concurrency }

// oldestIdle is the idle environment that was not used for longest, except those that are provisioned.
func (g *group) oldestIdle() *environment {
	for _, e := range g.idle {
		if !e.kept {
			return e
		}
	}
	return nil
}

// hasKept reports whether a provisioned environment of the key is idle.
func (g *group) hasKept(key string) bool {
	return slices.ContainsFunc(g.idle, func(e *environment) bool { return e.kept && e.fn.Key == key })
}

// dispensable is the environment that ends first where there is no room for another one: nil if all are needed.
func (g *group) dispensable() *environment {
	if e := g.oldestIdle(); e != nil {
		return e
	}
	return g.preparing("")
}

// preparing finds an environment that starts ahead of its first call, with a key or with any.
func (g *group) preparing(key string) *environment {
	for e := range g.all {
		if e.prepared && (key == "" || e.fn.Key == key) {
			return e
		}
	}
	return nil
}

// adopt gives a call to an environment that starts ahead of it, if there is one.
func (g *group) adopt(c *call) bool {
	e := g.preparing(c.fn.Key)
	if e == nil || !e.adopt(c) {
		return false
	}
	e.prepared = false
	return true
}

// count counts the environments that are in one of the stages, except those that start ahead of their first call.
func (g *group) count(stages ...stage) int {
	n := 0
	for e := range g.all {
		if !e.prepared && e.life.in(stages...) {
			n++
		}
	}
	return n
}

// nextWaiter takes the first waiter out of the queue that e helps. The caller must answer it.
func (g *group) nextWaiter(e *environment) *waiter {
	return g.dequeue(func(w *waiter) bool { return w.wants(e) })
}

// dequeue takes the first waiter that matches out of the queue. It answers nil if there is none: it has its answer, or
// gets it at this moment.
func (g *group) dequeue(matches func(*waiter) bool) *waiter {
	i := slices.IndexFunc(g.waiting, matches)
	if i < 0 {
		return nil
	}
	w := g.waiting[i]
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return w
}

// Occupancy is what the environments of a function do at one moment.
type Occupancy struct {
	Stages []StageCount // by version and stage; none that are zero
	InUse  int          // that have a call, which counts against the function's concurrency
}

// StageCount is how many environments of a version are at a stage of their life.
type StageCount struct {
	Version, Stage string
	Count          int
}

// occupancy counts the environments of a function. Those that end are among them, and do not count as in use.
func (r *roster) occupancy(id identity) (found Occupancy) {
	type place struct {
		version string
		at      stage
	}
	counts := map[place]int{}
	r.mu.Lock()
	for e := range r.living {
		at := e.life.stage()
		if at == dead || e.fn.identity() != id {
			continue
		}
		counts[place{e.fn.Version, at}]++
		called := at == busy || at == responding || (at == starting || at == registering) && !e.prepared && !e.kept
		if called {
			found.InUse++
		}
	}
	r.mu.Unlock()
	places := slices.SortedFunc(maps.Keys(counts), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.at, b.at))
	})
	for _, one := range places {
		found.Stages = append(found.Stages, StageCount{one.version, one.at.String(), counts[one]})
	}
	return found
}
