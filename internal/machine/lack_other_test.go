//go:build !unix

package machine_test

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/furl-dev/furl/internal/machine"
)

// The numbers are those of winerror.h and winsock2.h: package syscall has other values by the names that Unix has.
func TestLackingOnWindows(t *testing.T) {
	for number, of := range map[syscall.Errno]string{
		4: "file handles", 8: "memory", 112: machine.OfDiskSpace, 1450: "network buffers", 10024: "file handles",
		10048: "local ports", 10055: "network buffers",
	} {
		err := &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", number)}
		if lack := machine.Lacking(err); lack == nil || lack.Of != of || lack.Fix == "" || !errors.Is(lack, number) {
			t.Errorf("%d: %v", number, lack)
		}
	}
	for _, number := range []syscall.Errno{2, 5, 10054, 10061} { // no such file, access denied, reset, refused
		if lack := machine.Lacking(number); lack != nil {
			t.Errorf("%d: %v", number, lack)
		}
	}
}
