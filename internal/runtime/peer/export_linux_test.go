package peer

import (
	"context"
	"net"
	"net/netip"
)

// Socket is what one of the two sources says of the client's end of a connection.
type Socket struct {
	UID   int
	Inode uint64
}

// AskKernel and ReadTables are the two sources.
func AskKernel(conn net.Conn) (Socket, error)  { return source(conn, askKernel) }
func ReadTables(conn net.Conn) (Socket, error) { return source(conn, readTables) }

func source(conn net.Conn, ask func(ends) (socket, error)) (Socket, error) {
	c, err := endsOf(conn)
	if err != nil {
		return Socket{}, err
	}
	s, err := ask(c)
	return Socket{s.uid, s.inode}, err
}

// ParseStat answers id, parent, session, start and command of a line of /proc/PID/stat.
func ParseStat(text []byte) (pid, parent, session int, start uint64, command string, err error) {
	p, err := parseStat(text)
	return p.pid, p.parent, p.session, p.start, p.command, err
}

// Ended is whether a line of /proc/PID/stat is that of a process of which nothing runs.
func Ended(text []byte) bool {
	p, err := parseStat(text)
	return err == nil && p.ended
}

// ParseDiag and ParseTableLine are the parsers of the two sources.
func ParseDiag(answer []byte, client, server netip.AddrPort) (Socket, error) {
	s, err := parseDiag(answer, ends{client, server})
	return Socket{s.uid, s.inode}, err
}

func ParseTableLine(rest string) (Socket, error) {
	s, err := parseTableLine(rest)
	return Socket{s.uid, s.inode}, err
}

// NewInspector makes an Inspector whose searches are calls of through and find nothing.
func NewInspector(through func()) *Inspector {
	return &Inspector{through: func(*search) { through() }}
}

// Search is one caller's part of a search.
func (i *Inspector) Search(ctx context.Context) error {
	_, err := i.search(ctx, 1)
	return err
}
