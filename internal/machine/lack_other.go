//go:build !unix

package machine

import "syscall"

// fileLimit is how many files this process may have open. Windows has no such limit.
func fileLimit() uint64 { return 1 << 20 }

// Errors of Windows that package syscall has no names for (winerror.h, winsock2.h).
const (
	tooManyOpenFiles  syscall.Errno = 4
	notEnoughMemory   syscall.Errno = 8
	diskFull          syscall.Errno = 112
	noSystemResources syscall.Errno = 1450
	socketsTooMany    syscall.Errno = 10024
	addressInUse      syscall.Errno = 10048
	noBuffers         syscall.Errno = 10055
)

// lackOf is what there was too little of when the system gave an error.
func lackOf(errno syscall.Errno, _ error) (lack Lack, ok bool) {
	switch errno {
	case tooManyOpenFiles, socketsTooMany:
		lack = lackOfFiles()
	case notEnoughMemory:
		lack.Of, lack.Limit, lack.Fix = "memory", "of the machine", "stop other programs"
	case noSystemResources, noBuffers:
		lack.Of, lack.Limit, lack.Fix = "network buffers", "of the system", "stop other programs"
	case diskFull:
		lack = Lack{Of: OfDiskSpace, Limit: "of the drive", Fix: "free some space there"}
	case addressInUse:
		lack.Of, lack.Limit = "local ports", "the dynamic port range of TCP"
		lack.Fix = "close connections of other programs, or widen the range: netsh int ipv4 show dynamicport tcp"
	default:
		return Lack{}, false
	}
	return lack, true
}

func lackOfFiles() Lack {
	return Lack{Of: "file handles", Limit: "of the system", Fix: "stop other programs"}
}
