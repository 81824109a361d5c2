package call

import "net"

// Paced is a connection that moves at a rate.
func Paced(conn net.Conn, rate int64) net.Conn { return &pacedConn{Conn: conn, rate: rate} }

// Exempted reports whether a list of --noproxy has a host.
var Exempted = exempted
