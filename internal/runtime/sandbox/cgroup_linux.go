package sandbox

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// cgroups makes a control group for each cell, in which the kernel limits the memory of all processes together (Linux,
// Documentation/admin-guide/cgroup-v2.rst, which is also the source of what follows).
type cgroups struct {
	dir        string // the server's own group when it started; the others are below it
	controller string
	byID       bool // the helper is put into its group when it runs; else it starts there, which takes less time
	write      func(file, text string) error
}

// helperMiB is what a group may have beyond the function's memory size: it is for the helper, and for what the kernel
// has on account of its namespaces.
const helperMiB = 16

// trialMB is the memory size of the cell that shows whether groups work.
const trialMB = 128

// groupPrefix begins the names of the groups that this process makes. Its second half tells it from an earlier process
// with the same id, such as 1 in a container.
var groupPrefix = sync.OnceValue(func() string { return fmt.Sprintf("furl-%d-%.8s-", os.Getpid(), rand.Text()) })

// findCgroups finds out whether the kernel limits the memory of a cell here, by doing it.
func (s *Sandbox) findCgroups() (*cgroups, error) {
	g := &cgroups{dir: s.config.Cgroup, controller: "memory", write: func(file, text string) error {
		return os.WriteFile(file, []byte(text), 0o600)
	}}
	if g.dir == "" {
		groups, err := os.ReadFile("/proc/self/cgroup")
		mounts, failed := os.ReadFile("/proc/self/mountinfo")
		if err = cmp.Or(err, failed); err == nil {
			g.dir, err = ownGroup(string(groups), string(mounts))
		}
		if err != nil {
			return nil, err
		}
	}
	return s.tryCgroups(g)
}

func (s *Sandbox) tryCgroups(g *cgroups) (*cgroups, error) {
	score, err := os.ReadFile("/proc/self/oom_score_adj")
	if err == nil && strings.TrimSpace(string(score)) == "-1000" {
		return nil, errors.New("the kernel may not kill what this server starts: its oom_score_adj is -1000")
	}
	if err := g.open(); err != nil {
		return nil, err
	}
	for _, g.byID = range []bool{false, true} {
		var cell *Cell
		if cell, err = s.launch(s.force(), Command{MemoryMB: trialMB}, g, true); err == nil {
			err = cell.await("")
			cell.Wait()
		}
		if err == nil {
			return g, nil
		}
	}
	return nil, err
}

// ownGroup is the directory of the server's own group by /proc/self/cgroup and mountinfo (proc_pid_cgroup(5),
// proc_pid_mountinfo(5)).
func ownGroup(groups, mounts string) (string, error) {
	path := ""
	for line := range strings.Lines(groups) {
		if own, ok := strings.CutPrefix(line, "0::"); ok {
			path = strings.TrimSuffix(own, "\n")
		}
	}
	if path == "" || strings.HasPrefix(path, "/..") { // which is outside of the cgroup namespace
		return "", errors.New("the server is in no group of cgroup v2")
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(mounts) {
		mount, system, _ := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if len(fields) < 5 || !strings.HasPrefix(system, "cgroup2 ") {
			continue
		}
		if root := unescape.Replace(fields[3]); contains(root, path) {
			return filepath.Join(unescape.Replace(fields[4]), strings.TrimPrefix(path, root)), nil
		}
	}
	return "", errors.New("cgroup v2 is not mounted where the server's group is")
}

// open lets the groups below the server's own have the controller.
func (g *cgroups) open() error {
	if strings.HasPrefix(filepath.Base(g.dir), groupPrefix()) {
		g.dir = filepath.Dir(g.dir) // an earlier sandbox of this process has moved it
	}
	if !g.lists("cgroup.controllers") {
		return fmt.Errorf("%s does not have the %s controller of cgroup v2", g.dir, g.controller)
	}
	if unit := unitAbove(g.dir); unit != "" && !isDelegated(unit) {
		return fmt.Errorf("%s belongs to systemd, which has not delegated it (Delegate=yes)", unit)
	}
	g.removeLeftovers()
	if g.lists("cgroup.subtree_control") {
		return nil
	}
	err := g.enable()
	if errors.Is(err, syscall.EBUSY) { // a group that has processes cannot give its groups controllers
		err = g.moveServer()
	}
	return err
}

// unitAbove is the group of the systemd unit that a group is in, "" for none.
func unitAbove(dir string) string {
	for ; len(dir) > 1; dir = filepath.Dir(dir) {
		if kind := filepath.Ext(dir); kind == ".service" || kind == ".scope" {
			return dir
		}
	}
	return ""
}

// isDelegated reports whether systemd leaves the group of a unit to the unit. If not, it ends all of the unit when the
// kernel kills one process for its memory (systemd.service(5), OOMPolicy=).
func isDelegated(unit string) bool {
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		var value [1]byte
		if n, err := syscall.Getxattr(unit, name, value[:]); err == nil && n == 1 && value[0] == '1' {
			return true
		}
	}
	return false
}

// lists reports whether a file of the server's group names the controller.
func (g *cgroups) lists(file string) bool {
	text, err := os.ReadFile(filepath.Join(g.dir, file))
	return err == nil && slices.Contains(strings.Fields(string(text)), g.controller)
}

func (g *cgroups) enable() error {
	return g.write(filepath.Join(g.dir, "cgroup.subtree_control"), "+"+g.controller)
}

// moveServer moves the server out of the way, into a group of its own, and then enables the controller. It leaves
// processes alone that the server has not started: their group is not the server's to divide.
func (g *cgroups) moveServer() error {
	ours := append(descendants(os.Getpid()), os.Getpid())
	for _, pid := range processesIn(g.dir) {
		if !slices.Contains(ours, pid) {
			return fmt.Errorf("%s also holds process %d, which is not the server's", g.dir, pid)
		}
	}
	leaf, err := os.MkdirTemp(g.dir, groupPrefix()+"server-")
	if err != nil {
		return err
	}
	for left := 5; left > 0 && err == nil; left-- { // what starts meanwhile may start in the old group
		for _, pid := range processesIn(g.dir) {
			if failed := g.put(pid, leaf); !errors.Is(failed, syscall.ESRCH) { // which has ended
				err = cmp.Or(err, failed)
			}
		}
	}
	if err == nil {
		err = g.enable()
	}
	if err != nil {
		for _, pid := range processesIn(leaf) {
			g.put(pid, g.dir) //nolint:errcheck // then it stays there, where nothing limits it
		}
		os.Remove(leaf) //nolint:errcheck // the next server removes it
	}
	return err
}

// put moves a process into a group.
func (g *cgroups) put(pid int, dir string) error {
	return g.write(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(pid))
}

// processesIn are the processes in a group, without those of the groups below it. One of another PID namespace is 0.
func processesIn(dir string) []int {
	text, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs")) //nolint:errcheck // a group that is gone has none
	var all []int
	for line := range strings.Lines(string(text)) {
		if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// removeLeftovers removes the groups of servers that have ended.
func (g *cgroups) removeLeftovers() {
	all, _ := filepath.Glob(filepath.Join(g.dir, "furl-*-*-*")) //nolint:errcheck // the pattern is right
	for _, dir := range all {
		pid, err := strconv.Atoi(strings.Split(filepath.Base(dir), "-")[1])
		alive := pid != os.Getpid() && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
		if err == nil && pid > 0 && !alive && !strings.HasPrefix(filepath.Base(dir), groupPrefix()) {
			g.remove(dir) //nolint:errcheck // it stays
		}
	}
}

// group is that of one cell.
type group struct {
	*cgroups
	dir string
}

// add makes a group with a limit.
func (g *cgroups) add(memoryMB int) (*group, error) {
	dir, err := os.MkdirTemp(g.dir, groupPrefix())
	if err != nil {
		return nil, err
	}
	for _, setting := range [][2]string{
		{"memory.oom.group", "1"}, // all of its processes end together
		{"memory.swap.max", "0"},
		{"memory.max", strconv.Itoa((memoryMB + helperMiB) << 20)},
	} {
		file := filepath.Join(dir, setting[0])
		err := g.write(file, setting[1])
		if _, missing := os.Stat(file); setting[0] == "memory.swap.max" && errors.Is(missing, fs.ErrNotExist) {
			err = nil // the kernel does not swap
		}
		if err != nil {
			return nil, errors.Join(err, os.Remove(dir))
		}
	}
	return &group{g, dir}, nil
}

// startHelper starts the helper in the cell's group, if it has one. The helper starts nothing before it has its Spec,
// so nothing escapes.
func (c *Cell) startHelper() error {
	if c.group == nil {
		return c.cmd.Start()
	}
	if !c.group.byID {
		file, err := os.Open(c.group.dir)
		if err != nil {
			return err
		}
		defer file.Close() //nolint:errcheck // nothing was written
		c.cmd.SysProcAttr.UseCgroupFD, c.cmd.SysProcAttr.CgroupFD = true, int(file.Fd())
	}
	err := c.cmd.Start()
	if err == nil && c.group.byID {
		if err = c.group.put(c.cmd.Process.Pid, c.group.dir); err != nil {
			err = errors.Join(err, c.cmd.Process.Kill())
			c.cmd.Wait() //nolint:errcheck // it was killed
		}
	}
	if err != nil {
		err = errors.Join(err, c.group.remove(c.group.dir))
	}
	return err
}

// leaveGroup ends everything in the group, keeps what the kernel has counted, and removes the group.
func (c *Cell) leaveGroup() {
	if c.group == nil {
		return
	}
	c.mu.Lock()
	c.exceeded = c.group.exceeded()
	c.memory.kib = cmp.Or(c.group.peakKiB(), c.memory.kib)
	c.mu.Unlock()
	c.group.remove(c.group.dir) //nolint:errcheck // the next server tries again
}

// LimitsMemory reports whether the kernel keeps the cell within Command.MemoryMB.
func (c *Cell) LimitsMemory() bool { return c.group != nil }

// ExceededMemory reports whether the kernel has ended the cell because it wanted more than Command.MemoryMB.
func (c *Cell) ExceededMemory() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exceeded
}

// peakKiB is the most memory that the group has had, with the cache of the files that it has read and written. It is 0,
// for unknown, before Linux 5.19.
func (g *group) peakKiB() int {
	if g == nil {
		return 0
	}
	text, _ := os.ReadFile(filepath.Join(g.dir, "memory.peak")) //nolint:errcheck // see above
	peak, _ := strconv.Atoi(strings.TrimSpace(string(text)))    //nolint:errcheck // see above
	return peak >> 10
}

// exceeded reports whether the kernel has killed processes because the group had all the memory that it may have: not
// that of a group above it, and not the machine's, for which "oom_kill" alone counts.
func (g *group) exceeded() bool {
	text, _ := os.ReadFile(filepath.Join(g.dir, "memory.events")) //nolint:errcheck // then it does not tell
	count := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		count[key] = value
	}
	return cmp.Or(count["oom"], "0") != "0" && cmp.Or(count["oom_kill"], "0") != "0"
}

// remove ends everything in a group and removes it, with the groups that a function has made in it.
func (g *cgroups) remove(dir string) error {
	for deadline := time.Now().Add(killGrace); ; time.Sleep(time.Millisecond) {
		if g.write(filepath.Join(dir, "cgroup.kill"), "1") != nil { // before Linux 5.14
			for _, pid := range processesIn(dir) {
				if pid > 0 {
					syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
				}
			}
		}
		below, _ := os.ReadDir(dir) //nolint:errcheck // then there is nothing to remove
		for _, entry := range below {
			if entry.IsDir() {
				g.remove(filepath.Join(dir, entry.Name())) //nolint:errcheck // then dir stays, too
			}
		}
		err := os.Remove(dir)
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
	}
}
