//go:build unix

package runtime

import (
	"maps"
	"slices"
)

// provision sets how many environments of a function's versions are kept ready, starts those that are missing, and ends
// the others: what runs in them reads that it is provisioned. It answers how many it could not start.
func (r *roster) provision(id identity, wanted map[*Function]int) (lacking int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.groups[id]
	if r.closed || g == nil && len(wanted) == 0 {
		return 0
	}
	if g == nil {
		g = newGroup(id)
		r.groups[id] = g
	}
	g.keep = map[string]*keeping{}
	for fn, count := range wanted {
		g.keys[fn.Version] = fn.Key
		g.keep[fn.Key] = &keeping{fn: fn, count: count}
	}
	counts := map[string]int{}
	for e := range g.all {
		if e.kept && !e.retired {
			kept := g.keep[e.fn.Key]
			counts[e.fn.Key]++
			e.kept = kept != nil && counts[e.fn.Key] <= kept.count
			e.retired = !e.kept
		}
	}
	r.dismiss(g)
	for key, kept := range g.keep {
		for range kept.count - counts[key] {
			if !r.addKept(g, kept) {
				lacking++
			}
		}
	}
	if len(g.all) == 0 && len(g.keep) == 0 {
		delete(r.groups, id)
	}
	return lacking
}

// addKept starts an environment that is provisioned, if there may be another one. Called with mu held.
func (r *roster) addKept(g *group, kept *keeping) bool {
	if r.size >= r.most && !r.evict(r.groupWithOldestIdle()) {
		kept.failed = true
		return false
	}
	r.add(g, kept.fn, nil, true)
	return true
}

// refill starts another environment in the place of one that was provisioned and has ended. Called with mu held.
func (r *roster) refill(g *group, e *environment) {
	kept := g.keep[e.fn.Key]
	if r.closed || kept == nil || kept.failed {
		return
	}
	if !e.everReady() {
		kept.failed = true
		return
	}
	if g.countKept(e.fn.Key) < kept.count {
		r.addKept(g, kept)
	}
}

// provisioned is how many provisioned environments of the key are ready, and whether one failed to initialize.
func (r *roster) provisioned(key string) (ready int, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.groups {
		kept := g.keep[key]
		if kept == nil {
			continue
		}
		for e := range g.all {
			if e.kept && e.fn.Key == key && e.life.in(idle, busy, responding, settling, lingering) {
				ready++
			}
		}
		return ready, kept.failed
	}
	return 0, false
}

// welcome takes in an environment that has initialized before there was a call for it. Those of its version that are idle
// and not provisioned give way: otherwise calls would find them there while this one finishes the call before.
func (r *roster) welcome(e *environment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !e.life.advance(starting, idle) {
		return // it has ended meanwhile
	}
	g := r.groups[e.fn.identity()]
	if r.closed || e.retired {
		r.discard(g, e)
		return
	}
	e.prepared = false
	for _, other := range slices.Clone(g.idle) {
		if e.kept && !other.kept && other.fn.Key == e.fn.Key {
			r.discard(g, other)
		}
	}
	g.offer(e)
}

func (g *group) countKept(key string) int {
	n := 0
	for e := range g.all {
		if e.kept && e.fn.Key == key {
			n++
		}
	}
	return n
}

// unreserved is how many invocations run at this moment of the functions of an account and region that have no reserved
// concurrency, except those in provisioned environments. Called with mu held.
func (r *roster) unreserved(id identity) int {
	n := 0
	for other, g := range r.groups {
		if other.account != id.account || other.region != id.region || g.reserved {
			continue
		}
		for e := range maps.Keys(g.all) {
			if !e.kept && !e.prepared && e.life.in(starting, registering, busy, responding) {
				n++
			}
		}
	}
	return n
}

// everReady reports whether the environment has initialized.
func (e *environment) everReady() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.initialized
}
