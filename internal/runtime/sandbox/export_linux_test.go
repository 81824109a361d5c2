package sandbox

import "github.com/furl-dev/furl/internal/runtime/sandbox/helper"

// WithoutNamespaces makes a sandbox as on a system that allows no namespaces.
func WithoutNamespaces(config Config) *Sandbox {
	s := New(config)
	s.force = func() force { return force{landlock: helper.LandlockVersion(), why: "a test says so"} }
	return s
}

// Mounts tells how often each path is mounted in the sandbox of a command.
func (s *Sandbox) Mounts(c Command) map[string]int {
	count := map[string]int{}
	for _, m := range s.spec(force{namespaces: true}, c, false).Mounts {
		count[m.Target]++
	}
	return count
}

// Below lists the processes below the helper.
func (p *Process) Below() []int { return descendants(p.PID()) }

// Disturb sends the helper a message that it does not know.
func (p *Process) Disturb() { p.tell('?') }
