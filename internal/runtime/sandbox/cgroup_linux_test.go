package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

func TestOwnGroup(t *testing.T) {
	const (
		unified = "24 1 0:22 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
		v1      = "32 31 0:35 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	)
	for _, row := range []struct{ name, groups, mounts, want string }{
		{"systemd", "0::/system.slice/furl.service\n", unified, "/sys/fs/cgroup/system.slice/furl.service"},
		{"at the root", "0::/\n", unified, "/sys/fs/cgroup"},
		{"a container sees its own part", "0::/docker/1/x\n",
			"2 1 0:2 /docker/1 /sys/fs/cgroup ro - cgroup2 cgroup ro\n", "/sys/fs/cgroup/x"},
		{"both versions", "4:memory:/a\n0::/b\n",
			v1 + strings.ReplaceAll(unified, "/sys/fs/cgroup ", "/sys/fs/cgroup/unified "), "/sys/fs/cgroup/unified/b"},
		{"a space in the path", "0::/a\n", `2 1 0:2 / /mnt/c\040g rw - cgroup2 none rw` + "\n", "/mnt/c g/a"},
		{"version 1 alone", "4:memory:/a\n1:cpu:/\n", v1, "the server is in no group of cgroup v2"},
		{"not mounted", "0::/a\n", v1, "cgroup v2 is not mounted where the server's group is"},
		{"another part is mounted", "0::/ab\n",
			"2 1 0:2 /a /sys/fs/cgroup rw - cgroup2 none rw\n", "cgroup v2 is not mounted where the server's group is"},
		{"outside of the namespace", "0::/../a\n", unified, "the server is in no group of cgroup v2"},
	} {
		got, err := sandbox.OwnGroup(row.groups, row.mounts)
		if err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

// kernel plays the files of cgroup v2 in a directory, as Documentation/admin-guide/cgroup-v2.rst has them.
type kernel struct {
	testing.TB
	dir     string
	enable  error // of writing cgroup.subtree_control, also where the group is empty
	nothing bool  // can be written
}

// newKernel has the test's own process, and others, in its group.
func newKernel(t testing.TB, controllers string, others ...int) *kernel {
	k := &kernel{TB: t, dir: t.TempDir()}
	for file, text := range map[string]string{
		"cgroup.controllers": controllers + "\n", "cgroup.subtree_control": "\n",
		"cgroup.procs": lines(append(others, os.Getpid())),
	} {
		k.set(filepath.Join(k.dir, file), text)
	}
	return k
}

func lines(pids []int) string {
	text := ""
	for _, pid := range pids {
		text += strconv.Itoa(pid) + "\n"
	}
	return text
}

func (k *kernel) set(file, text string) {
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		k.Error(err)
	}
}

func (k *kernel) get(file string) string {
	text, _ := os.ReadFile(filepath.Join(k.dir, file))
	return strings.TrimSpace(string(text))
}

func (k *kernel) write(file, text string) error {
	switch name := filepath.Base(file); {
	case k.nothing:
		return syscall.EROFS
	case name == "cgroup.procs":
		all, _ := filepath.Glob(filepath.Join(k.dir, "*", name))
		for _, group := range append(all, filepath.Join(k.dir, name)) {
			held, _ := os.ReadFile(group)
			k.set(group, strings.ReplaceAll("\n"+string(held), "\n"+text+"\n", "\n")[1:])
		}
		held, _ := os.ReadFile(file)
		k.set(file, string(held)+text+"\n")
	case name == "cgroup.subtree_control" && k.get("cgroup.procs") != "":
		return syscall.EBUSY // "no internal process constraint"
	case name == "cgroup.subtree_control" && k.enable != nil:
		return k.enable
	case name == "cgroup.subtree_control":
		k.set(file, text[1:]+"\n")
	}
	return nil
}

func (k *kernel) groups() []string {
	all, err := filepath.Glob(filepath.Join(k.dir, "furl-*"))
	if err != nil {
		k.Error(err)
	}
	return all
}

// The server makes room for groups only where that is its own to do, and leaves everything as it was where it cannot.
func TestCgroupsAreOpened(t *testing.T) {
	self, parent := os.Getpid(), os.Getppid()
	child := exec.Command("/bin/sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Process.Kill(); child.Wait() }) //nolint:errcheck // it was killed
	for _, row := range []struct {
		name   string
		kernel func() *kernel
		want   string // the error
		procs  []int  // in the server's group afterwards
		moved  []int  // in the group that the server has made for itself
	}{
		{"nobody in the group", func() *kernel {
			k := newKernel(t, "cpu memory")
			k.set(k.dir+"/cgroup.procs", "")
			return k
		}, "", nil, nil},
		{"enabled already", func() *kernel {
			k := newKernel(t, "cpu memory")
			k.set(k.dir+"/cgroup.subtree_control", "memory pids\n")
			return k
		}, "", []int{self}, nil},
		{"the server alone", func() *kernel { return newKernel(t, "cpu memory") }, "", nil, []int{self}},
		{"with its child", func() *kernel { return newKernel(t, "memory", child.Process.Pid) }, "", nil,
			[]int{child.Process.Pid, self}},
		{"with a stranger", func() *kernel { return newKernel(t, "memory", parent) },
			fmt.Sprintf("also holds process %d, which is not the server's", parent), []int{parent, self}, nil},
		{"with one of another PID namespace", func() *kernel { return newKernel(t, "memory", 0) },
			"also holds process 0, which is not the server's", []int{0, self}, nil},
		{"moved in vain", func() *kernel {
			k := newKernel(t, "memory")
			k.enable = syscall.EACCES
			return k
		}, "permission denied", []int{self}, nil},
		{"read-only", func() *kernel {
			k := newKernel(t, "memory")
			k.nothing = true
			return k
		}, "read-only file system", []int{self}, nil},
		{"no memory controller", func() *kernel { return newKernel(t, "cpu memoryless pids") },
			"does not have the memory controller of cgroup v2", []int{self}, nil},
		{"no cgroup v2", func() *kernel { return &kernel{TB: t, dir: t.TempDir()} },
			"does not have the memory controller of cgroup v2", nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := row.kernel()
			err := sandbox.NewCgroups(k.dir, "memory", k.write).Open()
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("error %v, want %q", err, row.want)
			}
			if got := k.get("cgroup.procs"); got != strings.TrimSpace(lines(row.procs)) {
				t.Errorf("in the server's group: %q, want %v", got, row.procs)
			}
			var moved []byte
			for _, dir := range k.groups() {
				text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
				if moved = append(moved, text...); err != nil && row.want == "" {
					t.Error(err)
				}
			}
			if string(moved) != lines(row.moved) {
				t.Errorf("moved: %q, want %v", moved, row.moved)
			}
			if enabled := strings.Contains(k.get("cgroup.subtree_control"), "memory"); enabled != (row.want == "") {
				t.Errorf("groups have the controller: %v", enabled)
			}
		})
	}
}

// systemd ends a unit when the kernel kills one of its processes for its memory, unless the unit's group is delegated:
// then the group has an extended attribute that says so (systemd, docs/CGROUP_DELEGATION.md).
func TestCgroupsOfUnitsAreDelegated(t *testing.T) {
	for _, name := range []string{"furl.service", "session-3.scope", "furl.service/main"} {
		k := newKernel(t, "memory")
		dir := filepath.Join(k.dir, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"cgroup.controllers", "cgroup.subtree_control"} {
			k.set(filepath.Join(dir, file), "memory\n")
		}
		err := sandbox.NewCgroups(dir, "memory", k.write).Open()
		if err == nil || !strings.Contains(err.Error(), "Delegate=yes") {
			t.Errorf("%s: %v", name, err)
		}
		unit, _, _ := strings.Cut(name, "/")
		for value, open := range map[string]bool{"0": false, "1": true} {
			err := syscall.Setxattr(filepath.Join(k.dir, unit), "user.delegate", []byte(value), 0)
			if errors.Is(err, syscall.ENOTSUP) {
				t.Skip("the file system of the test has no extended attributes")
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := sandbox.NewCgroups(dir, "memory", k.write).Open(); (err == nil) != open {
				t.Errorf("%s, delegated %s: %v", name, value, err)
			}
		}
	}
}

// A second sandbox of a process does not divide the group that the first one has moved the server to.
func TestCgroupsAreOpenedTwice(t *testing.T) {
	k := newKernel(t, "memory")
	if err := sandbox.NewCgroups(k.dir, "memory", k.write).Open(); err != nil || len(k.groups()) != 1 {
		t.Fatal(err, k.groups())
	}
	if err := sandbox.NewCgroups(k.groups()[0], "memory", k.write).Open(); err != nil || len(k.groups()) != 1 {
		t.Error(err, k.groups())
	}
}

// Groups of servers that have ended are removed, and no others.
func TestCgroupsOfDeadServersAreRemoved(t *testing.T) {
	gone := exec.Command("/bin/true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	k := newKernel(t, "memory")
	for name, stays := range map[string]bool{
		fmt.Sprintf("furl-%d-ABCDEFGH-1", gone.Process.Pid):        false,
		fmt.Sprintf("furl-%d-ABCDEFGH-server-2", gone.Process.Pid): false,
		fmt.Sprintf("furl-%d-ABCDEFGH-3", os.Getpid()):             false, // an earlier process 1
		sandbox.GroupPrefix() + "4":                                true,
		fmt.Sprintf("furl-%d-ABCDEFGH-5", os.Getppid()):            true,
		"furl-x-y-z":       true,
		"furl-0-ABCDEFGH-": true,
		"other":            true,
	} {
		if err := os.MkdirAll(filepath.Join(k.dir, name, "made by a function"), 0o700); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := os.Stat(filepath.Join(k.dir, name)); (err == nil) != stays {
				t.Errorf("%s: %v", name, err)
			}
		}()
	}
	if err := sandbox.NewCgroups(k.dir, "memory", k.write).Open(); err != nil {
		t.Fatal(err)
	}
}

// sleeper opens a cell with a program that sleeps.
func (w *world) sleeper(s *sandbox.Sandbox) *sandbox.Process {
	w.Helper()
	process, err := s.Start(sandbox.Command{
		Path: "/bin/sleep", Args: []string{"60"}, Dir: w.code, Home: w.home, MemoryMB: 100,
	})
	if err != nil {
		w.Fatal(err)
	}
	return process
}

// A cell's group has the limit before the helper starts anything, and says how it ended. The kernel counts what a group
// above it or the whole machine lacked in oom_kill alone.
func TestCellHasCgroup(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name, events string
		exceeded     bool
	}{
		{"its own limit", "low 0\nhigh 0\nmax 31\noom 1\noom_kill 3\noom_group_kill 1\n", true},
		{"the machine's memory", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 3\noom_group_kill 1\n", false},
		{"nothing was killed", "low 0\nhigh 0\nmax 31\noom 1\noom_kill 0\n", false},
		{"somebody else's signal", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := newKernel(t, "memory")
			k.set(k.dir+"/cgroup.subtree_control", "memory\n")
			config := w.config()
			config.Cgroup = k.dir
			s := sandbox.New(config)
			if err := s.LimitsMemory(); err != nil {
				t.Fatal(err)
			}
			before := k.groups() // a plain directory with files in it cannot be removed as a group can
			process := w.sleeper(s)
			group := process.Group()
			if !process.LimitsMemory() || !process.GroupByID() || len(k.groups()) != len(before)+1 ||
				slices.Contains(before, group) {
				t.Fatalf("groups before %v, then %v: %q", before, k.groups(), group)
			}
			name := filepath.Base(group) + "/"
			for file, want := range map[string]string{
				"memory.max": strconv.Itoa(116 << 20), "memory.oom.group": "1", "memory.swap.max": "0",
				"cgroup.procs": strconv.Itoa(process.PID()), "cgroup.kill": "",
			} {
				if got := k.get(name + file); got != want {
					t.Errorf("%s: %q, want %q", file, got, want)
				}
			}
			k.set(group+"/memory.peak", strconv.Itoa(77<<20))
			if got := process.PeakMB(time.Now()); got != 77 {
				t.Errorf("peak %d MB, want 77", got)
			}
			k.set(group+"/memory.peak", strconv.Itoa(100<<20))
			k.set(group+"/memory.events", row.events)
			if err := syscall.Kill(process.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if state := process.Wait(); state.String() != "signal: killed" {
				t.Error(state)
			}
			if got := process.ExceededMemory(); got != row.exceeded {
				t.Errorf("exceeded: %v, want %v", got, row.exceeded)
			}
			if got := process.PeakMB(time.Now()); got != 100 {
				t.Errorf("peak %d MB, want 100", got)
			}
			if got := k.get(name + "cgroup.kill"); got != "1" {
				t.Errorf("cgroup.kill: %q", got)
			}
		})
	}
}

// A group that cannot be made, now or ever, keeps no function from running.
func TestCellWithoutCgroup(t *testing.T) {
	w := newWorld(t)
	k := newKernel(t, "memory", os.Getppid())
	var log bytes.Buffer
	config := w.config()
	config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for name, limits := range map[string]bool{"never": false, "not any more": true} {
		if limits {
			k.set(k.dir+"/cgroup.subtree_control", "memory\n")
		}
		s := sandbox.WithCgroups(config, sandbox.NewCgroups(k.dir, "memory", k.write))
		if err := s.LimitsMemory(); (err == nil) != limits {
			t.Errorf("%s: %v", name, err)
		}
		log.Reset()
		k.nothing = true
		process := w.sleeper(s)
		k.nothing = false
		if process.LimitsMemory() || process.Group() != "" || process.MemoryKiB(1<<20) == 0 {
			t.Errorf("%s: group %q, %d KiB", name, process.Group(), process.MemoryKiB(1<<20))
		}
		process.Kill()
		process.Cell.Wait()
		if process.ExceededMemory() || strings.Contains(log.String(), "level=DEBUG") != limits ||
			limits && strings.Count(log.String(), "read-only file system") != 1 {
			t.Errorf("%s: logged %q", name, &log)
		}
		k.set(k.dir+"/cgroup.subtree_control", "\n")
	}
}

// The real kernel, in a mount namespace of the test's own: with the memory controller where cgroup v2 has it, else with
// another one, for everything but the limit.
func TestCgroupsOfTheKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root")
	}
	if systems, err := os.ReadFile("/proc/filesystems"); err != nil || !bytes.Contains(systems, []byte("\tcgroup2\n")) {
		t.Skip("the kernel has no cgroup v2")
	}
	dir := os.Getenv("FURL_TEST_CGROUP")
	if dir == "" {
		cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=1m")
		cmd.Env = append(os.Environ(), "FURL_TEST_CGROUP="+t.TempDir())
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
		return
	}
	if err := errors.Join(syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""),
		syscall.Mount("none", dir, "cgroup2", 0, "")); err != nil {
		t.Skip("cgroup v2 cannot be mounted: ", err)
	}
	k := &kernel{TB: t, dir: dir}
	controller := k.controller()
	if controller == "" {
		t.Skip("cgroup v2 has no controller here")
	}
	group, err := os.MkdirTemp(dir, "furl-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer k.remove(group)
	k.set(group+"/cgroup.procs", strconv.Itoa(os.Getpid()))

	write := func(file, text string) error {
		if controller != "memory" && strings.HasPrefix(filepath.Base(file), "memory.") {
			return nil
		}
		return os.WriteFile(file, []byte(text), 0o600)
	}
	w := newWorld(t) // with a child, which moves along
	s := sandbox.WithCgroups(w.config(), sandbox.NewCgroups(group, controller, write))
	if err := s.LimitsMemory(); err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil || !strings.Contains(string(own), filepath.Base(group)+"/"+sandbox.GroupPrefix()+"server-") {
		t.Errorf("the server is in %q: %v", own, err)
	}
	process := w.sleeper(s)
	place := process.Group()
	if process.GroupByID() || filepath.Dir(place) != group {
		t.Errorf("group %q", place)
	}
	for _, pid := range append(process.Below(), process.PID()) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err != nil || !strings.Contains(string(text), filepath.Base(place)+"\n") {
			t.Errorf("process %d is in %q: %v", pid, text, err)
		}
	}
	if len(process.Below()) == 0 {
		t.Error("the program does not run")
	}
	process.Kill()
	process.Cell.Wait()
	if _, err := os.Stat(place); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the group is still there: %v", err)
	}
	if process.ExceededMemory() {
		t.Error("it has not had too much memory")
	}
	if controller == "memory" {
		k.exceeds(w, s)
	}
}

// exceeds has a function take more than its limit.
func (k *kernel) exceeds(w *world, s *sandbox.Sandbox) {
	process, err := s.Start(sandbox.Command{
		Path: "/bin/sh", Args: []string{"-c", "x=x; while :; do x=$x$x; done"}, Dir: w.code, Home: w.home, MemoryMB: 40,
	})
	if err != nil {
		k.Fatal(err)
	}
	if state := process.Wait(); state.String() != "signal: killed" || !process.ExceededMemory() {
		k.Errorf("%v, too much memory: %v", state, process.ExceededMemory())
	}
}

// controller is one that groups below the root can have: enabled for as long as the test runs if it is not.
func (k *kernel) controller() string {
	enabled, all := strings.Fields(k.get("cgroup.subtree_control")), strings.Fields(k.get("cgroup.controllers"))
	switch {
	case slices.Contains(enabled, "memory"):
		return "memory"
	case len(enabled) > 0:
		return enabled[0]
	case len(all) == 0:
		return ""
	}
	k.set(k.dir+"/cgroup.subtree_control", "+"+all[0])
	k.Cleanup(func() { k.set(k.dir+"/cgroup.subtree_control", "-"+all[0]) })
	return all[0]
}

// remove removes a group with those below it, and leaves their processes at the root.
func (k *kernel) remove(group string) {
	below, _ := filepath.Glob(group + "/furl-*")
	for _, dir := range append(below, group) {
		held, _ := os.ReadFile(dir + "/cgroup.procs")
		for pid := range strings.FieldsSeq(string(held)) {
			k.set(k.dir+"/cgroup.procs", pid)
		}
		if err := os.Remove(dir); err != nil {
			k.Error(err)
		}
	}
}
