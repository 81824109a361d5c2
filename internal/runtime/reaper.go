package runtime

import (
	"maps"
	"time"
)

// retire stops the environments that match: idle ones now, the others when they have settled. Called with mu held.
func (p *Pool) retire(g *group, matches func(*environment) bool) {
	for e := range g.all {
		if matches(e) {
			e.retired = true
		}
	}
	for _, e := range append([]*environment(nil), g.idle...) {
		if e.retired {
			p.discard(g, e)
		}
	}
}

// Retire stops the environments of a Function's Key, each as soon as it has nothing to do: after a change of code or
// configuration, or when the function was deleted.
func (p *Pool) Retire(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range maps.Clone(p.groups) {
		p.retire(g, func(e *environment) bool { return e.fn.Key == key })
	}
}

// reap stops environments that were idle for too long.
func (p *Pool) reap() {
	ticker := time.NewTicker(max(p.config.IdleTimeout/4, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-ticker.C:
			p.reapIdle()
		}
	}
}

func (p *Pool) reapIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	oldest := time.Now().Add(-p.config.IdleTimeout)
	for _, g := range maps.Clone(p.groups) {
		for len(g.idle) > 0 && g.idle[0].idleSince.Before(oldest) {
			p.evict(g)
		}
	}
}
