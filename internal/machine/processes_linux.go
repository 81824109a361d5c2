package machine

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// rlimitProcesses is RLIMIT_NPROC, which package syscall does not name (getrlimit(2)).
const rlimitProcesses = 6

// bound is one limit on processes.
type bound struct {
	limit string // name and value
	fix   string
	room  int // how many more there may be
}

// limits are where to read the limits on processes, besides the user's.
type limits struct {
	shared bool           // the user's limit is that of functions, without what they leave to the server
	groups []string       // directories of control groups
	kernel map[string]int // by the name of the setting
}

func newLimits(shared bool) *limits {
	l := &limits{shared: shared, groups: groups(), kernel: map[string]int{}}
	for _, name := range []string{"threads-max", "pid_max"} {
		if most, ok := number("/proc/sys/kernel/" + name); ok {
			l.kernel["kernel."+name] = most
		}
	}
	return l
}

// free is how many more processes there may be, as far as it is known.
func (l *limits) free() int {
	room := math.MaxInt
	for _, b := range l.bounds(4 * maxSpare) {
		room = min(room, b.room)
	}
	return max(0, room)
}

// shortOf says which limit does not allow so many more processes.
func (l *limits) shortOf(need int) *Lack {
	for _, b := range l.bounds(need) {
		if b.room < need {
			return &Lack{Of: OfProcesses, Limit: b.limit, Fix: b.fix}
		}
	}
	return nil
}

// refuses is shortOf for all that a function may have.
func (l *limits) refuses() *Lack { return l.shortOf(mostOfFunction) }

// tightest is the Lack of a process that the system has refused.
func (l *limits) tightest() Lack {
	const near = perStart + margin
	tightest := bound{
		"one that cannot be seen from here, such as pids.max of a control group outside",
		"raise the limits on processes of the container or the service that furl runs in", near,
	}
	for _, b := range l.bounds(near) {
		if b.room < tightest.room {
			tightest = b
		}
	}
	return Lack{Of: OfProcesses, Limit: tightest.limit, Fix: tightest.fix}
}

// bounds are the limits that there are. Counting the user's own processes takes long, so it counts them only if too few
// are left by the count of all processes.
func (l *limits) bounds(need int) []bound {
	all := threads()
	var list []bound
	if limit, ok := userLimit(); ok {
		most := limit
		if l.shared {
			most -= max(0, reserve(limit)-margin) // the need of the caller has the margin in it
		}
		room := most - all
		if room < need {
			room = most - threadsOf(os.Getuid())
		}
		list = append(list, bound{
			fmt.Sprintf("RLIMIT_NPROC is %d", limit),
			"start furl with a higher limit, such as after ulimit -u 8192, or with LimitNPROC= in a unit of systemd",
			room,
		})
	}
	for _, dir := range l.groups {
		most, ok1 := number(filepath.Join(dir, "pids.max"))
		now, ok2 := number(filepath.Join(dir, "pids.current"))
		if ok1 && ok2 {
			list = append(list, bound{
				fmt.Sprintf("pids.max of the control group %s is %d", dir, most),
				"raise the limit, such as with TasksMax= of systemd or --pids-limit of docker", most - now,
			})
		}
	}
	for name, most := range l.kernel {
		list = append(list, bound{fmt.Sprintf("%s is %d", name, most), "raise the limit with sysctl", most - all})
	}
	return list
}

// userLimit is RLIMIT_NPROC. The kernel does not hold root to it (fork(2)).
func userLimit() (int, bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(rlimitProcesses, &limit); err != nil || os.Getuid() == 0 || limit.Cur > math.MaxInt32 {
		return 0, false
	}
	return int(limit.Cur), true
}

// threads is how many threads the machine has (proc_loadavg(5)).
func threads() int {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "/")
	total, _, _ := strings.Cut(after, " ")
	n, err := strconv.Atoi(total)
	if err != nil {
		return 0
	}
	return n
}

// threadsOf counts the threads of a user, as RLIMIT_NPROC does.
func threadsOf(uid int) int {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	owner := []byte(fmt.Sprintf("\nUid:\t%d\t", uid))
	total := 0
	for _, process := range processes {
		if name := process.Name(); name[0] < '0' || name[0] > '9' {
			continue
		}
		status, err := os.ReadFile("/proc/" + process.Name() + "/status")
		if err != nil || !bytes.Contains(status, owner) {
			continue
		}
		if _, after, ok := bytes.Cut(status, []byte("\nThreads:\t")); ok {
			count, _, _ := bytes.Cut(after, []byte("\n"))
			if n, err := strconv.Atoi(string(count)); err == nil {
				total += n
			}
		}
	}
	return total
}

// groups are the control groups that bound the number of processes, this process's own first (cgroups(7)).
func groups() []string {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	var dirs []string
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		root := "/sys/fs/cgroup"
		if fields[1] == "pids" {
			root = "/sys/fs/cgroup/pids"
		} else if fields[1] != "" {
			continue
		}
		for path := fields[2]; ; path = filepath.Dir(path) {
			dir := filepath.Join(root, path)
			if _, err := os.Stat(filepath.Join(dir, "pids.max")); err == nil {
				dirs = append(dirs, dir)
			}
			if path == "/" || path == "." {
				break
			}
		}
	}
	return dirs
}

// number reads a file that holds a number; "max" is none.
func number(path string) (int, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}

// mostOfFunction is how many processes and threads a function may have at AWS. Here it may have a part of what the user
// may have if that is less, but not less than leastOfFunction, which is enough for a runtime.
const (
	mostOfFunction  = 742
	leastOfFunction = 64
)

// reserve is what functions leave to the server of all that the user may have.
func reserve(limit int) int { return min(margin+maxSpare, limit/4) }

// LimitFunction bounds the processes and threads that a function's process may start. In a user namespace of its own
// the kernel counts them alone. Elsewhere it counts all of the user's, and refuses functions some before it refuses the
// server. LimitFunction never raises a limit, and does not limit root.
func LimitFunction(pid int, namespace bool) error {
	var now syscall.Rlimit
	if errno := prlimit(pid, nil, &now); errno != 0 {
		return errno
	}
	limit, limited := userLimit()
	most := uint64(mostOfFunction)
	switch {
	case namespace && limited:
		most = uint64(min(mostOfFunction, max(leastOfFunction, limit/4)))
	case limited:
		most = uint64(limit - reserve(limit))
	case !namespace:
		return nil
	}
	wanted := syscall.Rlimit{Cur: min(most, now.Cur), Max: min(most, now.Max)}
	if errno := prlimit(pid, &wanted, nil); errno != 0 {
		return errno
	}
	return nil
}

func prlimit(pid int, set, get *syscall.Rlimit) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), rlimitProcesses,
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), 0, 0)
	return errno
}
