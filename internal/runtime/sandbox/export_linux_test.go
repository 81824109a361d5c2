package sandbox

import (
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/runtime/sandbox/helper"
)

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

// OwnGroup reads /proc/self/cgroup and /proc/self/mountinfo.
var OwnGroup = ownGroup

// Cgroups are the control groups below a directory.
type Cgroups = cgroups

// NewCgroups makes those of a kernel that is written to so.
func NewCgroups(dir, controller string, write func(file, text string) error) *Cgroups {
	return &cgroups{dir: dir, controller: controller, write: write}
}

func (g *cgroups) Open() error { return g.open() }

// GroupPrefix is how the groups of this process are named.
var GroupPrefix = groupPrefix

// WithCgroups makes a sandbox that uses the groups.
func WithCgroups(config Config, g *Cgroups) *Sandbox {
	s := New(config)
	s.groups = sync.OnceValues(func() (*cgroups, error) { return s.tryCgroups(g) })
	return s
}

// Group is the directory of the cell's group, "" without one.
func (c *Cell) Group() string {
	if c.group == nil {
		return ""
	}
	return c.group.dir
}

// GroupByID reports whether the helper was put into its group after its start.
func (c *Cell) GroupByID() bool { return c.group.byID }

// Family is the processes of a cell, as they are remembered.
type Family struct{ family }

// Below are the processes below helper, at most as old as age.
func (f *Family) Below(helper int, age time.Duration, now time.Time) []int {
	return f.below(helper, age, now)
}
