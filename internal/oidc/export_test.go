package oidc

import (
	"crypto/tls"
	"net"
	"net/netip"
)

// IsPublic reports whether an address is one that may be asked without further ado.
func IsPublic(address string) bool { return isPublic(netip.MustParseAddr(address)) }

// Trust has the verifier trust the certificates of a test server.
func (v *Verifier) Trust(config *tls.Config) { v.tls = config }

// Resolve has the verifier look names up elsewhere.
func (v *Verifier) Resolve(resolver *net.Resolver) { v.resolver = resolver }

// Admit is whether an address is dialled for an issuer with the scheme.
func (v *Verifier) Admit(address, scheme string) error {
	return v.admit(netip.MustParseAddr(address), scheme)
}

// Issuers is of how many issuers something is kept.
func (v *Verifier) Issuers() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.issuer)
}

// MaxIssuers is of how many issuers something is kept at the most.
const MaxIssuers = maxIssuers
