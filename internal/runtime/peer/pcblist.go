//go:build darwin || linux

package peer

import (
	"encoding/binary"
	"errors"
)

// The list of TCP connections of macOS, sysctl net.inet.tcp.pcblist_n: a header, then for each connection several
// records (xnu, bsd/netinet/in_pcblist.c). Each begins with its length and its kind and is padded to eight bytes. An
// xinpcb_n has the addresses; the xsocket_n that follows it has the owner. On Linux only tests use this.
const (
	pcbHeaderSize = 24
	kindSocket    = 0x001 // XSO_SOCKET
	kindPCB       = 0x010 // XSO_INPCB

	pcbForeignPort = 18
	pcbLocalPort   = 18 + 2
	pcbForeignIP   = 60 // the IPv4 address, which is the last four bytes of the IPv6 address
	pcbLocalIP     = 76
	pcbSize        = 80

	socketUID     = 64
	socketLastPID = 68
	socketSize    = 72
)

var errPCBList = errors.New("unknown format of net.inet.tcp.pcblist_n")

// findInPCBList answers the user and the process that last used the client's end. The error is errClosed if the list
// does not have it.
func findInPCBList(list []byte, c ends) (uid, pid int, err error) {
	if len(list) < pcbHeaderSize {
		return 0, 0, errPCBList
	}
	local, foreign := c.client.Addr().As4(), c.server.Addr().As4()
	ours := false
	for rest := list[pcbHeaderSize:]; len(rest) >= 8; {
		size := int(binary.NativeEndian.Uint32(rest))
		padded := (size + 7) &^ 7
		if size <= pcbHeaderSize || padded > len(rest) {
			break // the header again, at the end
		}
		record := rest[:size]
		rest = rest[padded:]
		switch binary.NativeEndian.Uint32(record[4:]) {
		case kindPCB:
			if size < pcbSize {
				return 0, 0, errPCBList
			}
			ours = binary.BigEndian.Uint16(record[pcbLocalPort:]) == c.client.Port() &&
				binary.BigEndian.Uint16(record[pcbForeignPort:]) == c.server.Port() &&
				[4]byte(record[pcbLocalIP:]) == local && [4]byte(record[pcbForeignIP:]) == foreign
		case kindSocket:
			if size < socketSize {
				return 0, 0, errPCBList
			}
			if ours {
				uid := int(binary.NativeEndian.Uint32(record[socketUID:]))
				return uid, int(binary.NativeEndian.Uint32(record[socketLastPID:])), nil
			}
		}
	}
	return 0, 0, errClosed
}
