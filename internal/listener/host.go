package listener

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Hosts are the names that a Host header may have. The names of this machine are always among them: localhost, names
// below it (RFC 6761, section 6.3) and loopback addresses.
//
// A web page can have its own name resolve to this machine (DNS rebinding). A browser then lets it send requests here
// and read the answers, but with the page's name in the Host header: the page cannot choose an address, nor a name that
// its author does not own.
type Hosts struct {
	// Names are further names, and addresses, as HostName gives them.
	Names []string
	// Addresses takes all IP addresses.
	Addresses bool
}

// Allow adds a host name or an IP address, as a user types it.
func (h *Hosts) Allow(name string) error {
	if _, err := netip.ParseAddr(name); err != nil && !isHostName(name) {
		return fmt.Errorf("%q is not a host name and not an IP address; leave scheme, port and path out", name)
	}
	h.Names = append(h.Names, HostName(name))
	return nil
}

// isHostName reports whether a browser may take the text as a name. Some names have underscores; names in other scripts
// come in ASCII.
func isHostName(text string) bool {
	return strings.Trim(text, ".") != "" && !strings.ContainsFunc(text, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`:/\@?#[]%*,"<>^|`, c)
	})
}

// Have reports whether a Host header names one of them, with any port.
func (h Hosts) Have(header string) bool {
	name := HostName(header)
	if address, err := netip.ParseAddr(name); err == nil {
		return h.Addresses || address.Unmap().IsLoopback() || slices.Contains(h.Names, name)
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(h.Names, name)
}

// HostName is the name or address in a Host header: without its port, in lower case, and an address in its usual form.
func HostName(header string) string {
	if name, port, err := net.SplitHostPort(header); err == nil && strings.Trim(port, "0123456789") == "" {
		header = name
	}
	name := strings.ToLower(strings.TrimSuffix(strings.Trim(header, "[]"), "."))
	if address, err := netip.ParseAddr(name); err == nil {
		return address.Unmap().String()
	}
	return name
}

// WithoutPort is the host of HOST:PORT, without brackets; a text without a port is the host.
func WithoutPort(text string) string {
	if host, _, err := net.SplitHostPort(text); err == nil {
		return host
	}
	return strings.Trim(text, "[]")
}

// IsLoopback reports whether the text is a loopback address.
func IsLoopback(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.Unmap().IsLoopback()
}
