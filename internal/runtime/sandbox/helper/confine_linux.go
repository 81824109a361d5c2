package helper

import (
	"syscall"
	"unsafe"
)

// Numbers that package syscall does not have; they are the same on all architectures (include/uapi/linux/prctl.h,
// mount.h, landlock.h and asm-generic/unistd.h of Linux).
const (
	prSetDumpable       = 4
	prCapbsetDrop       = 24
	prSetChildSubreaper = 36
	prSetNoNewPrivs     = 38
	prCapAmbient        = 47
	prCapAmbientClear   = 4

	sysMountSetattr          = 442
	sysLandlockCreateRuleset = 444
	sysLandlockAddRule       = 445
	sysLandlockRestrictSelf  = 446

	atFDCWD        = ^uintptr(99) // -100
	atRecursive    = 0x8000
	openPath       = 0x200000 // O_PATH
	attrReadOnly   = 0x1
	attrNoSUID     = 0x2
	attrNoDev      = 0x4
	keyctlJoin     = 1  // KEYCTL_JOIN_SESSION_KEYRING
	lastCapability = 63 // more than there are: the kernel says where they end

	capabilityVersion3 = 0x20080522
)

// confine does everything in the Spec before the start of the function. It answers the step that failed.
func confine(s *Spec) (step string, errno syscall.Errno) {
	if s.Root != "" {
		if step, errno := buildRoot(s); errno != 0 {
			return step, errno
		}
	}
	if s.Confined {
		// A session keyring of its own hides the keys of the user's session (session-keyring(7)). This fails only
		// where there are no keyrings, and so no keys.
		syscall.Syscall(syscall.SYS_KEYCTL, keyctlJoin, 0, 0) //nolint:errcheck // see above
		if errno := prctl(prSetNoNewPrivs, 1); errno != 0 {
			return "prctl(PR_SET_NO_NEW_PRIVS)", errno
		}
	}
	if s.Landlock > 0 {
		if step, errno := restrict(s); errno != 0 {
			return step, errno
		}
	}
	if s.Confined {
		return dropCapabilities()
	}
	return "", 0
}

// dropCapabilities empties all sets of capabilities of the thread, from which the function's program gets its own
// when it is executed (capabilities(7)).
func dropCapabilities() (string, syscall.Errno) {
	if errno := prctl(prCapAmbient, prCapAmbientClear); errno != 0 && errno != syscall.EINVAL {
		return "prctl(PR_CAP_AMBIENT_CLEAR_ALL)", errno
	}
	for capability := range uintptr(lastCapability + 1) {
		errno := prctl(prCapbsetDrop, capability)
		if errno == syscall.EINVAL { // there is no such capability
			break
		}
		if errno == syscall.EPERM && syscall.Geteuid() != 0 {
			break // there was none to drop, and no-new-privileges lets it gain none
		}
		if errno != 0 {
			return "prctl(PR_CAPBSET_DROP)", errno
		}
	}
	header := struct {
		version uint32
		pid     int32
	}{version: capabilityVersion3}
	var none [6]uint32 // effective, permitted, inheritable, twice
	_, _, errno := syscall.Syscall(syscall.SYS_CAPSET,
		uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0)
	return "capset", errno
}

// buildRoot makes a root directory that holds the Mounts and nothing else, and moves into it.
func buildRoot(s *Spec) (step string, errno syscall.Errno) {
	if errno := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); errno != 0 {
		return "make mounts private", errno
	}
	if errno := mount("tmpfs", s.Root, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "size=1m,mode=755"); errno != 0 {
		return "mount a new root", errno
	}
	for _, m := range s.Mounts {
		if errno := place(s.Root+m.Target, m); errno != 0 {
			return "mount " + m.Target, errno
		}
	}
	if err := syscall.Chdir(s.Root); err != nil {
		return "enter the new root", errnoOf(err)
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return "pivot_root", errnoOf(err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return "leave the old root", errnoOf(err)
	}
	if err := syscall.Chdir("/"); err != nil {
		return "enter the new root", errnoOf(err)
	}
	return "make the new root read-only", setAttributes("/", attrReadOnly, 0)
}

// place puts one Mount at path.
func place(path string, m Mount) syscall.Errno {
	switch m.Kind {
	case Link:
		return makeIn(path, func() error { return syscall.Symlink(m.Source, path) })
	case Temp:
		if errno := makeDirectory(path); errno != 0 {
			return errno
		}
		return mount("tmpfs", path, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, m.Source)
	case Proc:
		if errno := makeDirectory(path); errno != 0 {
			return errno
		}
		const flags = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC | syscall.MS_RDONLY
		if errno := mount("proc", path, "proc", flags, ""); errno != syscall.EPERM {
			return errno
		}
		// A container that hides parts of its own /proc allows only that one (mount_namespaces(7)).
		return bind("/proc", path, attrReadOnly|attrNoSUID|attrNoDev)
	case Cover:
		if isDirectory(path) {
			const flags = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_RDONLY
			return mount("tmpfs", path, "tmpfs", flags, "size=4k,mode=555")
		}
		return bind("/dev/null", path, attrReadOnly|attrNoSUID)
	}
	point := makeDirectory
	if !isDirectory(m.Source) {
		point = makeFile
	}
	if errno := point(path); errno != 0 {
		return errno
	}
	switch m.Kind {
	case Device:
		return bind(m.Source, path, attrNoSUID)
	case Writable:
		return bind(m.Source, path, attrNoSUID|attrNoDev)
	default:
		return bind(m.Source, path, attrReadOnly|attrNoSUID|attrNoDev)
	}
}

func bind(source, target string, attributes uint64) syscall.Errno {
	if errno := mount(source, target, "", syscall.MS_BIND|syscall.MS_REC, ""); errno != 0 {
		return errno
	}
	return setAttributes(target, attributes, atRecursive)
}

// setAttributes is mount_setattr(2), which adds attributes to a mount, and to those below it, at once.
func setAttributes(path string, attributes uint64, flags uintptr) syscall.Errno {
	attr := struct{ set, unset, propagation, userns uint64 }{set: attributes}
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return errnoOf(err)
	}
	_, _, errno := syscall.Syscall6(sysMountSetattr, atFDCWD, uintptr(unsafe.Pointer(name)), flags,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	return errno
}

// makeDirectory and makeFile make something to mount on, if it is missing.
func makeDirectory(path string) syscall.Errno {
	return makeIn(path, func() error { return syscall.Mkdir(path, 0o755) })
}

func makeFile(path string) syscall.Errno {
	return makeIn(path, func() error {
		fd, err := syscall.Open(path, syscall.O_CREAT|syscall.O_EXCL|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o644)
		if err != nil {
			return err
		}
		return syscall.Close(fd)
	})
}

// makeIn makes something at path if it is missing, with the directories above it.
func makeIn(path string, create func() error) syscall.Errno {
	errno := errnoOf(create())
	if errno == syscall.ENOENT {
		if errno := makeDirectory(parent(path)); errno != 0 {
			return errno
		}
		errno = errnoOf(create())
	}
	if errno == syscall.EEXIST || errno == syscall.EROFS && exists(path) {
		return 0
	}
	return errno
}

// parent is the directory of an absolute path.
func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			return path[:i]
		}
	}
	return "/"
}

func exists(path string) bool {
	var info syscall.Stat_t
	return syscall.Lstat(path, &info) == nil
}

func isDirectory(path string) bool {
	var info syscall.Stat_t
	return syscall.Stat(path, &info) == nil && info.Mode&syscall.S_IFMT == syscall.S_IFDIR
}

// Landlock's rights to files and directories, by the version of its interface that brought them
// (include/uapi/linux/landlock.h).
const (
	llExecute   = 1 << 0
	llWriteFile = 1 << 1
	llReadFile  = 1 << 2
	llReadDir   = 1 << 3
	llUpTo1     = 1<<13 - 1
	llRefer     = 1 << 13 // version 2
	llTruncate  = 1 << 14 // version 3
	llIoctlDev  = 1 << 15 // version 5

	llRead  = llExecute | llReadFile | llReadDir
	llFiles = llExecute | llWriteFile | llReadFile | llTruncate | llIoctlDev // what a file can have

	llScopeAbstractSocket = 1 << 0 // version 6
	llScopeSignal         = 1 << 1 // version 6

	llPathBeneath = 1
)

// rights are all that a version of Landlock knows.
func rights(version int) uint64 {
	all := uint64(llUpTo1)
	if version >= 2 {
		all |= llRefer
	}
	if version >= 3 {
		all |= llTruncate
	}
	if version >= 5 {
		all |= llIoctlDev
	}
	return all
}

// restrict puts the thread, and so the processes that it starts, into a Landlock domain.
func restrict(s *Spec) (string, syscall.Errno) {
	attr := struct{ files, network, scoped uint64 }{files: rights(s.Landlock)}
	size := unsafe.Sizeof(attr.files)
	if s.Landlock >= 6 {
		attr.scoped = llScopeAbstractSocket | llScopeSignal
		size = unsafe.Sizeof(attr)
	}
	ruleset, _, errno := syscall.Syscall(sysLandlockCreateRuleset, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return "landlock_create_ruleset", errno
	}
	defer syscall.Close(int(ruleset))
	for _, rule := range s.Rules {
		if errno := allow(ruleset, rule, attr.files); errno != 0 {
			return "landlock_add_rule " + rule.Path, errno
		}
	}
	if _, _, errno := syscall.Syscall(sysLandlockRestrictSelf, ruleset, 0, 0); errno != 0 {
		return "landlock_restrict_self", errno
	}
	return "", 0
}

func allow(ruleset uintptr, rule Rule, all uint64) syscall.Errno {
	fd, err := syscall.Open(rule.Path, openPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0 // a missing file needs no rule, and one that cannot be opened is denied
	}
	defer syscall.Close(fd)
	access := all & llRead
	if rule.Write {
		access = all
	}
	if rule.List {
		access = llReadDir
	}
	var info syscall.Stat_t
	if err := syscall.Fstat(fd, &info); err != nil {
		return errnoOf(err)
	}
	if info.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		access &= llFiles
	}
	attr := [3]uint32{uint32(access), uint32(access >> 32), uint32(fd)} // struct landlock_path_beneath_attr is packed
	if bigEndian() {
		attr[0], attr[1] = attr[1], attr[0]
	}
	_, _, errno := syscall.Syscall6(sysLandlockAddRule, ruleset, llPathBeneath, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	return errno
}

func bigEndian() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 0
}

// LandlockVersion is the version of Landlock's interface that the kernel offers, 0 if none.
func LandlockVersion() int {
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	n, _, errno := syscall.Syscall(sysLandlockCreateRuleset, 0, 0, version)
	if errno != 0 {
		return 0
	}
	return int(n)
}

func prctl(option int, argument uintptr) syscall.Errno {
	_, _, errno := syscall.Syscall6(syscall.SYS_PRCTL, uintptr(option), argument, 0, 0, 0, 0)
	return errno
}

func mount(source, target, kind string, flags uintptr, options string) syscall.Errno {
	return errnoOf(syscall.Mount(source, target, kind, flags, options))
}

func errnoOf(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(syscall.Errno); ok { //nolint:errorlint // package syscall returns nothing else
		return errno
	}
	return syscall.EINVAL
}
