package runtime

// Environments answers how many environments the pool has, and how many of them are idle.
func (p *Pool) Environments() (all, idle int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.groups {
		all += len(g.all)
		idle += len(g.idle)
	}
	return all, idle
}
