package oidc

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// addressError is the refusal to ask an issuer at its address.
type addressError struct{ address, wanted string }

func (e *addressError) Error() string { return fmt.Sprintf("%s is not %s", e.address, e.wanted) }

// ValidIssuer reports whether the URL can be that of an issuer: https, with only the parts that an issuer's name may
// have. With private addresses it can also be http on this machine, where tests have their issuers.
func ValidIssuer(text string, private bool) bool {
	issuer, err := url.Parse(text)
	if err != nil || issuer.Host == "" || issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" {
		return false
	}
	return issuer.Scheme == "https" || issuer.Scheme == "http" && private && isLoopback(issuer)
}

func isLoopback(u *url.URL) bool {
	address, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && address.IsLoopback()
}

// sameHost reports whether two URLs are served by the same host, under the same scheme and port.
func sameHost(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}

// notPublic are the ranges that the public Internet does not route, besides those that [netip.Addr] knows (IANA
// IPv4 and IPv6 Special-Purpose Address Registries).
var notPublic = func() (list []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

// Ranges of IPv6 that carry an IPv4 address: it is the one that is reached.
var (
	nat64    = netip.MustParsePrefix("64:ff9b::/96")
	sixToOne = netip.MustParsePrefix("2002::/16")
)

// isPublic reports whether everyone on the Internet can reach the address.
func isPublic(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	bytes := address.As16()
	switch {
	case nat64.Contains(address):
		return isPublic(netip.AddrFrom4([4]byte(bytes[12:])))
	case sixToOne.Contains(address):
		return isPublic(netip.AddrFrom4([4]byte(bytes[2:])))
	case !address.IsGlobalUnicast() || address.IsPrivate():
		return false
	}
	for _, prefix := range notPublic {
		if prefix.Contains(address) {
			return false
		}
	}
	return true
}
