package call

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/furlproto"
)

// Network holds the flags that say how to reach the server.
type Network struct {
	Resolve        []string // --resolve: HOST:PORT:ADDRESS[,ADDRESS]...
	Insecure       bool     // -k
	CACert         string   // --cacert: a file of certificates in PEM form, which replace the system's
	Authority      string   // a file of certificates to trust besides: that of a server on this machine
	ConnectTimeout time.Duration
}

// Transport makes the transport that sends the requests.
func (n Network) Transport() (*http.Transport, error) {
	base := furl.NewBase()
	base.DisableCompression = true // write the bytes that arrive
	timeout := n.ConnectTimeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	base.TLSHandshakeTimeout = timeout
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second}
	base.DialContext = furl.Localhost(dialer.DialContext)
	if len(n.Resolve) > 0 {
		addresses, err := parseResolve(n.Resolve)
		if err != nil {
			return nil, err
		}
		base.DialContext = resolving(addresses, base.DialContext)
		// A proxy would resolve the name itself.
		base.Proxy = nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: n.Insecure}
	var err error
	if config.RootCAs, err = furlproto.Trust(n.Authority); err != nil {
		return nil, err
	}
	if n.CACert != "" {
		pem, err := os.ReadFile(n.CACert)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in PEM form", n.CACert)
		}
	}
	base.TLSClientConfig = config
	base.DialTLSContext = secured(base.DialContext, config, timeout)
	base.DialContext = recorded(base.DialContext)
	return base, nil
}

// parseResolve reads --resolve. It returns the addresses to dial, with port, by HOST:PORT. The host "*" is any host.
func parseResolve(entries []string) (map[string][]string, error) {
	addresses := map[string][]string{}
	for _, entry := range entries {
		parts := strings.SplitN(entry, ":", 3)
		if len(parts) < 3 || parts[0] == "" || parts[1] == "" {
			return nil, fmt.Errorf("--resolve %q is not HOST:PORT:ADDRESS", entry)
		}
		name := strings.ToLower(parts[0]) + ":" + parts[1]
		for text := range strings.SplitSeq(parts[2], ",") {
			address, err := netip.ParseAddr(strings.Trim(text, "[]"))
			if err != nil {
				return nil, fmt.Errorf("--resolve %q: %w", entry, err)
			}
			addresses[name] = append(addresses[name], net.JoinHostPort(address.String(), parts[1]))
		}
	}
	return addresses, nil
}

func resolving(addresses map[string][]string, dial furl.DialFunc) furl.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		candidates := addresses[strings.ToLower(address)]
		if candidates == nil {
			_, port, _ := net.SplitHostPort(address) // an address without a port matches nothing
			candidates = addresses["*:"+port]
		}
		if candidates == nil {
			return dial(ctx, network, address)
		}
		var conn net.Conn
		var err error
		for _, candidate := range candidates {
			if conn, err = dial(ctx, network, candidate); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}
