//go:build linux || darwin

package peer

import (
	"net"
	"net/netip"
)

// Reborn makes the environment remember a main process of the same id that started at another time.
func (e *Environment) Reborn() { e.main.start++ }

// Has reports whether the process that has the id now is one of the environment.
func (e *Environment) Has(pid int) bool {
	p, err := look(pid)
	return err == nil && e.unknown == nil && e.belongs(p)
}

// FindInPCBList answers the owner of the connection from client to server in a list of macOS.
func FindInPCBList(list []byte, client, server netip.AddrPort) (uid, pid int, err error) {
	return findInPCBList(list, ends{client, server})
}

// ErrClosed is the error about a connection that nobody holds.
var ErrClosed = errClosed

// Printable is a name as it stands in a log line.
func Printable(name string) string { return printable(name) }

// Ends are the addresses of a connection.
func Ends(conn net.Conn) (client, server netip.AddrPort, err error) {
	c, err := endsOf(conn)
	return c.client, c.server, err
}
