package peer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is what the kernel says about the client's end of a connection.
type socket struct {
	uid   int
	inode uint64
}

// findSocket asks the kernel for the client's end. The error is errClosed if it knows none, or none that a process
// holds.
func findSocket(c ends) (socket, error) {
	s, err := askKernel(c)
	if err != nil {
		// Some kernels and containers have no netlink of this kind, or not this question. The answer is then the
		// same as for a socket that is not there.
		s, err = readTables(c)
	}
	if err == nil && s.inode == 0 {
		err = errClosed
	}
	return s, err
}

// inetDiagSockID, inetDiagReqV2 and inetDiagMsg are inet_diag_sockid, inet_diag_req_v2 and inet_diag_msg of
// linux/inet_diag.h. Ports and addresses are in network byte order.
type inetDiagSockID struct {
	source, destination     [2]byte
	sourceIP, destinationIP [16]byte
	device                  uint32
	cookie                  [2]uint32
}

type inetDiagReqV2 struct {
	family, protocol, extensions, _ uint8
	states                          uint32
	id                              inetDiagSockID
}

type inetDiagMsg struct {
	family, state, timer, retransmits uint8
	id                                inetDiagSockID
	expires, received, sent           uint32
	uid, inode                        uint32
}

// request is a netlink message with the question for one socket.
type request struct {
	header unix.NlMsghdr
	body   inetDiagReqV2
}

const noCookie = ^uint32(0) // any socket with these addresses

// askKernel asks for exactly one socket through netlink. The kernel answers before send returns.
func askKernel(c ends) (socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err != nil {
		return socket{}, err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is left in it
	question := request{
		unix.NlMsghdr{Len: uint32(unsafe.Sizeof(request{})), Type: unix.SOCK_DIAG_BY_FAMILY, Flags: unix.NLM_F_REQUEST},
		inetDiagReqV2{family: unix.AF_INET, protocol: unix.IPPROTO_TCP, states: ^uint32(0), id: socketID(c)},
	}
	message := unsafe.Slice((*byte)(unsafe.Pointer(&question)), unsafe.Sizeof(question))
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return socket{}, err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, unix.MSG_DONTWAIT)
	if err != nil {
		return socket{}, err
	}
	return parseDiag(answer[:n], c)
}

func socketID(c ends) inetDiagSockID {
	id := inetDiagSockID{cookie: [2]uint32{noCookie, noCookie}}
	binary.BigEndian.PutUint16(id.source[:], c.client.Port())
	binary.BigEndian.PutUint16(id.destination[:], c.server.Port())
	source, destination := c.client.Addr().As4(), c.server.Addr().As4()
	copy(id.sourceIP[:], source[:])
	copy(id.destinationIP[:], destination[:])
	return id
}

// parseDiag reads the answer. The kernel falls back to a listening socket where it has no connection, so the answer
// counts only if it is about this connection.
func parseDiag(answer []byte, c ends) (socket, error) {
	const headerSize = unix.SizeofNlMsghdr
	if len(answer) < headerSize {
		return socket{}, errors.New("short answer from netlink")
	}
	header := (*unix.NlMsghdr)(unsafe.Pointer(&answer[0]))
	body := answer[headerSize:]
	switch {
	case header.Type == unix.NLMSG_ERROR && len(body) >= 4:
		return socket{}, unix.Errno(-int32(binary.NativeEndian.Uint32(body)))
	case header.Type != unix.SOCK_DIAG_BY_FAMILY, len(body) < int(unsafe.Sizeof(inetDiagMsg{})):
		return socket{}, fmt.Errorf("unknown answer of type %d from netlink", header.Type)
	}
	message := (*inetDiagMsg)(unsafe.Pointer(&body[0]))
	want, id := socketID(c), message.id
	if id.source != want.source || id.destination != want.destination {
		return socket{}, errClosed
	}
	return socket{int(message.uid), uint64(message.inode)}, nil
}

// readTables looks for the client's end in /proc/net/tcp and, for sockets of IPv6 that are connected to IPv4,
// /proc/net/tcp6. The kernel hands out a table piece by piece, and an entry may slip through while others come and go.
func readTables(c ends) (socket, error) {
	for range attempts {
		for _, table := range []struct{ path, prefix string }{
			{"/proc/net/tcp", ""}, {"/proc/net/tcp6", mappedPrefix()},
		} {
			s, err := readTable(table.path, table.prefix, c)
			if err == nil || (!errors.Is(err, errClosed) && !errors.Is(err, os.ErrNotExist)) {
				return s, err
			}
		}
	}
	return socket{}, errClosed
}

func readTable(path, prefix string, c ends) (socket, error) {
	file, err := os.Open(path)
	if err != nil {
		return socket{}, err
	}
	defer file.Close()
	want := " " + prefix + tableAddress(c.client) + " " + prefix + tableAddress(c.server) + " "
	lines := bufio.NewScanner(bufio.NewReaderSize(file, 1<<16))
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), want); ok {
			return parseTableLine(rest)
		}
	}
	if err := lines.Err(); err != nil {
		return socket{}, err
	}
	return socket{}, errClosed
}

// parseTableLine reads what follows the addresses: state, queues, timer, retransmissions, user, timeout, inode.
func parseTableLine(rest string) (socket, error) {
	fields := strings.Fields(rest)
	if len(fields) < 7 {
		return socket{}, fmt.Errorf("unknown format of /proc/net/tcp: %.80q", rest)
	}
	uid, err := strconv.Atoi(fields[4])
	inode, errInode := strconv.ParseUint(fields[6], 10, 64)
	return socket{uid, inode}, errors.Join(err, errInode)
}

// tableAddress is an address as the tables write it: the bytes of the IP address as one number of this machine.
func tableAddress(a netip.AddrPort) string {
	ip := a.Addr().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), a.Port())
}

func mappedPrefix() string {
	return fmt.Sprintf("%016X%08X", 0, binary.NativeEndian.Uint32([]byte{0, 0, 0xff, 0xff}))
}

// listening looks for the ports in the kernel's tables, where all sockets that listen come first.
func (e *Environment) listening(ports []int) []int {
	var found []int
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(table)
		if err != nil {
			continue // a kernel without IPv6
		}
		lines := bufio.NewScanner(file)
		lines.Scan() // the names of the columns
		for lines.Scan() {
			port, inode, ok := parseListener(lines.Text())
			if !ok {
				break
			}
			if (len(ports) == 0 || slices.Contains(ports, port)) && !slices.Contains(found, port) {
				if held, _ := e.family(inode); held { //nolint:errcheck // what cannot be looked at is not found
					found = append(found, port)
				}
			}
		}
		file.Close()
	}
	slices.Sort(found)
	return found
}

// parseListener reads "SLOT: ADDRESS:PORT ADDRESS:PORT STATE ... INODE ..." if the state is that of a socket that
// listens.
func parseListener(line string) (port int, inode uint64, ok bool) {
	const listens = "0A"
	fields := strings.Fields(line)
	if len(fields) < 10 || fields[3] != listens {
		return 0, 0, false
	}
	_, text, _ := strings.Cut(fields[1], ":")
	number, err := strconv.ParseUint(text, 16, 16)
	inode, errInode := strconv.ParseUint(fields[9], 10, 64)
	return int(number), inode, errors.Join(err, errInode) == nil
}
