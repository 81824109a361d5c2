//go:build linux || darwin

package peer

// process is what the system says about one process. Its id and the time of its start identify it, since the system
// uses ids again.
type process struct {
	pid     int
	start   uint64
	parent  int
	session int
	command string
	ended   bool // all of it, and its parent has not waited for it
}

func (p process) is(other process) bool { return p.pid == other.pid && p.start == other.start }

const (
	maxDepth = 1000 // of the tree of an environment's processes
	attempts = 3
)

// belongs reports whether p is of the environment. It is false if p, or the main process, has ended.
func (e *Environment) belongs(p process) bool {
	for range attempts {
		line, ok := e.lineage(p)
		if !ok {
			break
		}
		if unchanged(line) {
			return true
		}
	}
	return false
}

// lineage is p and its ancestors up to one that is plainly of the environment, and the main process last.
func (e *Environment) lineage(p process) ([]process, bool) {
	line := []process{}
	for {
		if p.is(e.main) {
			return append(line, e.main), true
		}
		line = append(line, p)
		if p.session == e.main.pid {
			return append(line, e.main), true
		}
		if p.parent <= 1 || len(line) > maxDepth {
			return nil, false
		}
		parent, err := look(p.parent)
		if err != nil {
			return nil, false
		}
		p = parent
	}
}

// unchanged reports whether each process of a lineage is still there and has the same parent. Then no other process got
// one of the ids between the two looks: a process gets another parent before the id of its parent is free.
func unchanged(line []process) bool {
	main := line[len(line)-1]
	for _, p := range line {
		now, err := look(p.pid)
		if err != nil || !now.is(p) || (p != main && (now.parent != p.parent || now.session != p.session)) {
			return false
		}
	}
	return true
}

// stranger names the owner of a connection that is not of the environment.
func stranger(uid int, p process, program string) *Stranger {
	return &Stranger{
		Owner:  Owner{PID: p.pid, UID: uid, Command: printable(p.command), Program: printable(program)},
		Reason: notOurs,
	}
}
