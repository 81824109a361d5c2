package sandbox

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/sandbox/helper"
)

// Sandbox starts functions. It is safe for concurrent use.
type Sandbox struct {
	config Config
	force  func() force
	base   func() view
	groups func() (*cgroups, error)
}

// force is what is in force.
type force struct {
	landlock   int // version of its interface
	namespaces bool
	user       bool   // they need a user namespace
	why        string // no namespaces
	err        error  // of Strict
}

// New makes a sandbox. The first use finds out what the system gives, which takes some milliseconds.
func New(config Config) *Sandbox {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Sandbox{config: config}
	s.base = sync.OnceValue(func() view {
		v := system()
		v.openAll(helper.Bind, config.Read...)
		v.openAll(helper.Writable, config.Write...)
		for _, dir := range config.Hidden {
			v.hide(dir)
		}
		return v
	})
	s.force = sync.OnceValue(s.probe)
	s.groups = sync.OnceValues(s.findCgroups)
	return s
}

// Ready finds out what the system gives, so that the first function need not wait, and fails if that is less than a
// Strict sandbox wants.
func (s *Sandbox) Ready() error {
	if s.config.Mode != Off {
		s.base()
	}
	return s.force().err
}

// String says in one line what is in force and what is not.
func (s *Sandbox) String() string { return s.describe(s.force()) }

func (s *Sandbox) describe(f force) string {
	switch {
	case s.config.Mode == Off:
		return "off: functions may do whatever the server's user may"
	case f.namespaces && f.landlock > 0:
		gaps := ""
		if f.landlock < scopesVersion {
			gaps = ": functions can connect to abstract UNIX sockets"
		}
		return fmt.Sprintf("Landlock (version %d) and mount, PID and IPC namespaces%s", f.landlock, gaps)
	case f.namespaces:
		return "mount, PID and IPC namespaces; the kernel offers no Landlock"
	case f.landlock > 0:
		gaps := "functions share /tmp, see that files exist, and can change the mode of the user's own"
		if f.landlock < scopesVersion {
			gaps += ", and can send signals to the user's processes"
		}
		return fmt.Sprintf("Landlock (version %d) alone: %s (no namespaces: %s)", f.landlock, gaps, f.why)
	default:
		return "none: the kernel offers no Landlock, and no namespaces (" + f.why +
			"): functions may do whatever the server's user may"
	}
}

// confines reports whether functions are confined.
func (s *Sandbox) confines() bool {
	if s.config.Mode == Off {
		return false
	}
	f := s.force()
	return f.landlock > 0 || f.namespaces
}

// shows reports whether every function sees what is at a path.
func (s *Sandbox) shows(path string) bool {
	resolved, err := filepath.EvalSymlinks(path)
	return err == nil && s.base().shows(resolved)
}

// opt is where Lambda has the layers of a function.
const opt = "/opt"

// Opt is the path at which functions see the layers in dir: /opt, which is also where functions without layers may look
// for some, or dir itself where there is no mount namespace.
func (s *Sandbox) Opt(dir string) string {
	if dir == "" || s.force().namespaces {
		return opt
	}
	return dir
}

// scopesVersion is the version of Landlock that keeps signals and abstract UNIX sockets within (landlock(7)).
const scopesVersion = 6

// probe finds out what the system gives, by doing it.
func (s *Sandbox) probe() force {
	if s.config.Mode == Off {
		return force{}
	}
	f := force{landlock: helper.LandlockVersion()}
	err := os.MkdirAll(s.config.Dir, 0o700)
	if err == nil {
		err = s.tryPatiently(&f)
	}
	if err != nil {
		f.namespaces, f.why = false, err.Error()
	}
	if s.config.Mode == Strict && (f.landlock == 0 || !f.namespaces) {
		f.err = fmt.Errorf("--sandbox=strict wants Landlock and mount and PID namespaces, and here is %s; "+
			"allow unprivileged user namespaces, or take --sandbox=auto", s.describe(f))
	}
	return f
}

// tryPatiently tries again after a shortage, since its result holds for as long as the server runs.
func (s *Sandbox) tryPatiently(f *force) error {
	const attempts, pause = 5, 50 * time.Millisecond
	for left := attempts - 1; ; left-- {
		err := s.try(f)
		passing := errors.Is(err, ErrEnded)
		for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
			passing = passing || errors.Is(err, errno)
		}
		if !passing || left == 0 {
			return err
		}
		time.Sleep(pause)
	}
}

// try looks for namespaces: root's own, or those of a user namespace.
func (s *Sandbox) try(f *force) error {
	users := []bool{true}
	if os.Geteuid() == 0 {
		users = []bool{false, true}
	}
	var first error
	for _, user := range users {
		f.namespaces, f.user = true, user
		cell, err := s.launch(*f, Command{}, nil, true)
		if err == nil {
			err = cell.await("")
			cell.Wait()
		}
		if err == nil {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

// SharesProcesses reports whether the kernel counts the processes of functions with all others of the server's user:
// only a user namespace has a count of its own.
func (s *Sandbox) SharesProcesses() bool {
	f := s.force()
	return !f.namespaces || !f.user
}

// Close does nothing on this system.
func (s *Sandbox) Close() {}

// Open makes the cell for a command, without starting its program. The first Start fails if that did not work out.
func (s *Sandbox) Open(c Command) (*Cell, error) {
	f := s.force()
	if f.err != nil {
		return nil, f.err
	}
	var groups *cgroups
	if c.MemoryMB > 0 {
		groups, _ = s.groups() //nolint:errcheck // nil then
	}
	return s.launch(f, c, groups, false)
}

// LimitsMemory is nil if the kernel keeps cells within Command.MemoryMB, and else says why it does not.
func (s *Sandbox) LimitsMemory() error {
	_, err := s.groups()
	return err
}

const hosts = "/etc/hosts"

// spec is what the helper has to do for a command.
func (s *Sandbox) spec(f force, c Command, probe bool) *helper.Spec {
	spec := &helper.Spec{
		Namespaced: f.namespaces, Confined: s.config.Mode != Off, Landlock: f.landlock, Probe: probe,
	}
	if s.config.Mode == Off {
		return spec
	}
	v := maps.Clone(s.base())
	if c.Root == "" && contains(c.Dir, c.Path) && (c.Opt == "" || !leadsTo(opt, c.Path)) {
		v.open(c.Path, helper.Bind) // it may be a link
	}
	v.openAll(helper.Bind, append([]string{cmp.Or(c.Root, c.Dir)}, c.Read...)...)
	if c.Root != "" { // it may contain them
		for _, dir := range s.config.Hidden {
			v.hide(dir)
		}
	}
	v.openAll(helper.Writable, append([]string{c.Home}, c.Write...)...)
	if !f.namespaces {
		v.openAll(helper.Bind, c.Opt)
		v["/tmp"] = node{kind: helper.Writable}
		for _, dir := range s.config.Hidden { // once more, since /tmp may contain them
			v.hide(dir)
		}
		spec.Rules = v.rules()
		return spec
	}
	if c.Opt != "" {
		delete(v, opt)
		v.lay(opt, c.Opt)
	}
	if info, err := os.Lstat(hosts); c.Hosts != "" && err == nil && info.Mode().IsRegular() {
		v[hosts] = node{helper.Bind, c.Hosts}
	}
	v.private(cmp.Or(c.Home, s.config.Dir))
	spec.Root, spec.Mounts = s.config.Dir, v.mounts()
	spec.Rules = append(spec.Rules, helper.Rule{Path: "/"})
	for _, m := range spec.Mounts {
		if m.Kind == helper.Writable || m.Kind == helper.Device || m.Target == "/dev/shm" {
			spec.Rules = append(spec.Rules, helper.Rule{Path: m.Target, Write: true})
		}
	}
	return spec
}

// capSysAdmin and capSetPCAP are the capabilities that the helper needs in its user namespace: to mount, and to give up
// the rest (capabilities(7)).
const (
	capSetPCAP  = 8
	capSysAdmin = 21
)

func (f force) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if f.namespaces {
		attributes.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC
	}
	if f.namespaces && f.user {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		attributes.AmbientCaps = []uintptr{capSetPCAP, capSysAdmin}
	}
	return attributes
}

// launch starts the helper, in a group of its own unless groups is nil, and has it confine itself for the command. It
// goes on without a group that it cannot make, unless that is what a probe wants to know.
func (s *Sandbox) launch(f force, c Command, groups *cgroups, probe bool) (*Cell, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("socket to a function's process: %w", err)
	}
	cell := &Cell{
		socket: ours, namespaced: f.namespaces, replies: make(chan message, 1), done: make(chan struct{}),
		cmd: &exec.Cmd{
			Path:        "/proc/self/exe",
			Args:        []string{"furl-sandbox"},
			Env:         []string{helper.Variable + "=" + helper.Value, "GOMAXPROCS=1"}, // so few threads do
			Dir:         "/",
			Stdout:      writer(c.Output),
			Stderr:      writer(c.Output),
			ExtraFiles:  []*os.File{theirs, c.Aside}, // the helper's 3 and 4, if there is one
			SysProcAttr: f.attributes(),
		},
	}
	if groups != nil {
		if cell.group, err = groups.add(c.MemoryMB); err != nil && !probe {
			s.config.Logger.Debug("a function has no control group: the server watches its memory", "error", err)
			err = nil
		}
	}
	if err == nil {
		err = cell.startHelper()
	}
	theirs.Close() //nolint:errcheck // the helper has it; with this one open, the end of the helper would not show
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the process that confines a function: %w", err), ours.Close())
	}
	// Before the helper starts programs, so that they have the limit, too. If that fails, the machine's own limits
	// remain.
	machine.LimitFunction(cell.cmd.Process.Pid, f.namespaces && f.user) //nolint:errcheck // see above
	text := s.spec(f, c, probe).Encode()
	err = cell.send(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	go cell.listen()
	if err != nil {
		cell.Kill()
		cell.Wait()
		return nil, err
	}
	return cell, nil
}

// socketPair is a connection with one end for a child.
func socketPair() (ours, theirs *os.File, err error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := syscall.SetNonblock(pair[0], true); err != nil { // so that reading it occupies no thread
		return nil, nil, errors.Join(err, syscall.Close(pair[0]), syscall.Close(pair[1]))
	}
	return os.NewFile(uintptr(pair[0]), "sandbox"), os.NewFile(uintptr(pair[1]), "sandbox"), nil
}
