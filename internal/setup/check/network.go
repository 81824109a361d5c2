package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Network is the way to a function URL.
type Network interface {
	// LookupHost returns the addresses of a host name.
	LookupHost(ctx context.Context, host string) ([]string, error)
	// Handshake connects to the address and negotiates TLS for the server name, with verification, and hangs up.
	Handshake(ctx context.Context, address, serverName string) (tls.ConnectionState, error)
	// Proxy is the proxy that a request to the address would go through; nil if none.
	Proxy(address *url.URL) (*url.URL, error)
}

// patience is how long one look at the network may take.
const patience = 10 * time.Second

// Machine is the network that this program is on.
type Machine struct {
	Trusted *x509.CertPool // nil are the system's authorities
}

var _ Network = Machine{}

// LookupHost implements Network.
func (Machine) LookupHost(ctx context.Context, host string) ([]string, error) {
	return net.DefaultResolver.LookupHost(ctx, host)
}

// Handshake implements Network.
func (m Machine) Handshake(ctx context.Context, address, serverName string) (tls.ConnectionState, error) {
	dialer := tls.Dialer{Config: &tls.Config{ServerName: serverName, MinVersion: tls.VersionTLS12, RootCAs: m.Trusted}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState(), nil
}

// Proxy implements Network.
func (Machine) Proxy(address *url.URL) (*url.URL, error) {
	return http.ProxyFromEnvironment(&http.Request{URL: address})
}

func (r *run) network() Network {
	if r.Network == nil {
		return Machine{}
	}
	return r.Network
}

// lookAtNetwork adds the steps on the way to the URL: its name and its certificate.
func (r *run) lookAtNetwork(ctx context.Context) {
	address, err := url.Parse(r.address)
	if err != nil {
		r.add(Step{Name: stepDNS, Status: Problem, Decides: true, Summary: err.Error()})
		return
	}
	if proxy, err := r.network().Proxy(address); err == nil && proxy != nil {
		r.add(Step{Name: stepDNS, Status: Unknown, Summary: "requests go through the proxy " + proxy.Host + ", which looks the name up"})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if r.lookAtName(ctx, address.Hostname()) {
		r.lookAtTLS(ctx, address)
	}
}

// lookAtName resolves the host name.
func (r *run) lookAtName(ctx context.Context, host string) (found bool) {
	step := Step{Name: stepDNS, Status: OK, Decides: true}
	defer func() { r.add(step) }()
	if net.ParseIP(host) != nil {
		step.Summary = host + " is an address"
		return true
	}
	if isLocalName(host) {
		step.Summary = host + " is this machine, whatever the resolver says (RFC 6761)"
		return true
	}
	addresses, err := r.network().LookupHost(ctx, host)
	if err != nil {
		step.Status, step.Summary = Problem, host+": "+err.Error()
		if failed, ok := errors.AsType[*net.DNSError](err); ok && !failed.IsNotFound {
			step.Status, step.Fix = Unknown, []string{"look at this machine's resolver: it could not be asked"}
		}
		return false
	}
	slices.Sort(addresses)
	step.Summary = host + ": " + strings.Join(addresses, ", ")
	return true
}

// lookAtTLS looks at the certificate.
func (r *run) lookAtTLS(ctx context.Context, address *url.URL) {
	host := address.Hostname()
	if address.Scheme == "http" {
		step := Step{Name: stepTLS, Status: OK, Summary: "plain HTTP, which stays on this machine"}
		if !isLoopback(host) {
			step.Status = Problem
			step.Summary = "plain HTTP to " + host + ": anyone who listens on the way can read the request and send it again for five minutes"
		}
		r.add(step)
		return
	}
	target := host
	if isLocalName(host) {
		target = "127.0.0.1"
	}
	state, err := r.network().Handshake(ctx, net.JoinHostPort(target, cmp.Or(address.Port(), "443")), host)
	if err != nil {
		r.add(Step{Name: stepTLS, Status: Problem, Decides: true, Summary: tlsProblem(host, err)})
		return
	}
	summary := tls.VersionName(state.Version)
	if len(state.PeerCertificates) > 0 {
		certificate := state.PeerCertificates[0]
		summary += fmt.Sprintf(", certificate of %s good until %s", certificate.Issuer.CommonName, certificate.NotAfter.UTC().Format(time.DateOnly))
	}
	r.add(Step{Name: stepTLS, Status: OK, Decides: true, Summary: summary})
}

// tlsProblem says what a failed handshake most likely means.
func tlsProblem(host string, err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate of " + host + " is of an authority that this machine does not trust: " +
			"a proxy that reads along, or a missing CA bundle"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "the certificate of " + host + " is expired or not yet good: look at the clock of this machine"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "what answers at " + host + " has a certificate for another name: " + err.Error()
	}
	return host + ": " + err.Error()
}

func isLoopback(host string) bool {
	return isLocalName(host) || net.ParseIP(host).IsLoopback()
}

// isLocalName reports whether a name is this machine's (RFC 6761).
func isLocalName(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
