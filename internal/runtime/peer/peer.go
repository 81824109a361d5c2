//go:build unix

// Package peer finds out whether the other end of a loopback TCP connection, be it a client's or a server's, belongs to
// a process of one execution environment and, if not, which process has it. [Environment.Owns] is cheap, and enough for
// most processes of the environment; [Inspector.Check] is thorough. [Environment.Listening] answers the ports on which
// the processes of an environment listen.
//
// A process belongs to an environment if it is the main process, descends from it, or is in the session that it leads.
// All processes of a PID namespace descend from the first one there, and orphans from a main process that reaps them
// (PR_SET_CHILD_SUBREAPER). The process group does not count: every process of a session may join each of its groups.
//
// On Linux the kernel names the user and the inode of the client's socket: through netlink (SOCK_DIAG), or in
// /proc/net/tcp where a container has no netlink. /proc/PID/fd names the processes that hold this inode. On macOS the
// system's list of TCP connections names the user and the process that used the socket last. Both systems refuse what
// they cannot look at: a connection without an owner, or a process with files that this process may not list.
//
// Other systems do not let an unprivileged process find out who owns a connection, not even the user. Supported is
// false there, and every connection passes.
//
// A process that may trace the environment's processes can act as one of them, which no check of connections can see.
package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"unicode"
)

// Owner is the process that holds the client's end of a connection, as far as it is known.
type Owner struct {
	PID     int    // zero if it is not known
	UID     int    // of the socket; -1 if it is not known
	Command string // the short name in the system's list, which the process can choose
	Program string // the path of its executable; empty if it is not known
}

// Stranger is the error about a connection that is not one of the environment's.
type Stranger struct {
	Owner
	Reason string
	// Unheld says that no process holds the other end: it is closed or, if it is a server's, not accepted yet.
	Unheld bool
}

// Error says what is known of the stranger.
func (s *Stranger) Error() string {
	return fmt.Sprintf("connection of process %d (%s) of user %d: %s", s.PID, s.Command, s.UID, s.Reason)
}

// unfound is about a connection whose other end is not known.
func unfound(err error) *Stranger {
	return &Stranger{Owner: Owner{UID: -1}, Reason: err.Error(), Unheld: errors.Is(err, errClosed)}
}

const notOurs = "the process is not one of this environment"

// Environment is the processes of one execution environment. Its methods may be called by several goroutines.
type Environment struct {
	main    process
	unknown error // why nothing is known of the main process
}

// NewEnvironment takes the id of the main process, which its parent has not waited for yet.
func NewEnvironment(pid int) *Environment {
	e := &Environment{}
	e.main, e.unknown = look(pid)
	return e
}

// Unknown is why nothing is known of the main process, so that every connection counts as a stranger's; nil otherwise.
func (e *Environment) Unknown() error { return e.unknown }

// Owns reports whether the main process or a process that descends from it holds the client's end of conn. False does
// not mean that it is a stranger's: ask Inspector.Check then.
func (e *Environment) Owns(conn net.Conn) bool {
	if !Supported {
		return true
	}
	c, err := endsOf(conn)
	return err == nil && e.unknown == nil && e.owns(c)
}

// Listening answers on which of the TCP ports the main process or a process that descends from it listens, or on which
// at all if it gets none. It answers none on systems other than Linux.
func (e *Environment) Listening(ports ...int) []int {
	if e.unknown != nil {
		return nil
	}
	return e.listening(ports)
}

// Check reports whether any process of the environment holds the client's end of conn. The error is a *Stranger, or
// that of ctx.
//
// It may look through all processes of the machine. In the long run one Inspector uses at most a tenth of a processor
// for this, however many strangers there are; the callers wait for their turn.
func (i *Inspector) Check(ctx context.Context, e *Environment, conn net.Conn) error {
	if !Supported {
		return nil
	}
	if e.unknown != nil {
		return unfound(fmt.Errorf("the environment's main process cannot be looked at: %w", e.unknown))
	}
	c, err := endsOf(conn)
	if err != nil {
		return unfound(err)
	}
	return i.check(ctx, e, c)
}

// ends are the two addresses of a connection. IPv4 addresses that are mapped to IPv6 are unmapped.
type ends struct{ client, server netip.AddrPort }

func endsOf(conn net.Conn) (ends, error) {
	client, ok := conn.RemoteAddr().(*net.TCPAddr)
	server, okServer := conn.LocalAddr().(*net.TCPAddr)
	if !ok || !okServer {
		return ends{}, fmt.Errorf("not a TCP connection: %v", conn.RemoteAddr())
	}
	c := ends{unmap(client.AddrPort()), unmap(server.AddrPort())}
	if !c.client.Addr().Is4() || !c.server.Addr().Is4() {
		return ends{}, fmt.Errorf("not an IPv4 connection: %v to %v", client, server)
	}
	return c, nil
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// errClosed is about a connection whose client's end no process holds any more.
var errClosed = errors.New("the client has closed its end already")

// printable makes a name fit for a log line: another process has chosen it.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}
