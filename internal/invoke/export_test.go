//go:build unix

package invoke

// NewTraffic is a Traffic that keeps so many bytes at most.
func NewTraffic(most int) *Traffic { return &Traffic{most: most} }

// Size is how many bytes the traffic takes.
func (t *Traffic) Size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.size
}
