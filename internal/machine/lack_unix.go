//go:build unix

package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// fileLimit is how many files this process may have open; no limit is a large one.
func fileLimit() uint64 {
	const many = 1 << 20
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return many
	}
	return min(many, uint64(files.Cur)) //nolint:unconvert // signed on some systems
}

// lackOf is what there was too little of when the system gave an error; err has it.
func lackOf(errno syscall.Errno, err error) (lack Lack, ok bool) {
	switch errno {
	case syscall.EMFILE:
		lack = lackOfFiles()
	case syscall.ENFILE:
		lack.Of, lack.Limit = "file descriptors for all programs", systemFiles()
		lack.Fix = "raise the limit of the system, such as with sysctl -w fs.file-max=NUMBER"
	case syscall.EAGAIN:
		lack = lackOfProcesses()
	case syscall.ENOMEM:
		lack.Of, lack.Limit = "memory", "of the machine, or of furl's control group"
		lack.Fix = "stop other programs, or have fewer functions run at once with --max-environments"
	case syscall.ENOBUFS:
		lack.Of, lack.Limit = "network buffers", "of the kernel"
		lack.Fix = "stop other programs, or raise the limits of the kernel, such as net.core.wmem_max"
	case syscall.ENOSPC, syscall.EDQUOT:
		lack = lackOfSpace(err)
	case syscall.EADDRNOTAVAIL, syscall.EADDRINUSE:
		lack.Of, lack.Limit = "local ports", "net.ipv4.ip_local_port_range"
		lack.Fix = "close connections of other programs, or widen the range of local ports"
	default:
		return Lack{}, false
	}
	return lack, true
}

// lackOfSpace separates files that found no room from namespaces and mounts, for which the system has the same error.
func lackOfSpace(err error) Lack {
	if failed, ok := errors.AsType[*fs.PathError](err); ok && failed.Op != "fork/exec" {
		return Lack{Of: OfDiskSpace, Limit: "of the file system of " + failed.Path, Fix: "free some space there"}
	}
	return Lack{
		Of: "namespaces or mounts", Limit: "user.max_user_namespaces, fs.mount-max and the like",
		Fix: "raise the limits of the system with sysctl",
	}
}

func lackOfFiles() Lack {
	return Lack{
		Of: "file descriptors", Limit: fmt.Sprintf("RLIMIT_NOFILE is %d", fileLimit()),
		Fix: "start furl with a higher limit, such as after ulimit -n 4096, or with LimitNOFILE= in a unit of systemd",
	}
}

func systemFiles() string {
	text, err := os.ReadFile("/proc/sys/fs/file-max")
	if err != nil {
		return "of the system"
	}
	return "fs.file-max is " + strings.TrimSpace(string(text))
}
