package call

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/furlproto"
)

// Network holds the flags that say how to reach the server.
type Network struct {
	Resolve        []string // --resolve: HOST:PORT:ADDRESS[,ADDRESS]...
	ConnectTo      []string // --connect-to: HOST1:PORT1:HOST2:PORT2
	Family         string   // "4" or "6" for one kind of addresses only, "" for both
	Insecure       bool     // -k
	CACert         string   // --cacert: a file of certificates in PEM form, which replace the system's
	SystemCerts    string   // SSL_CERT_FILE where Go does not read it; CACert replaces it
	Authority      string   // a file of certificates to trust besides: that of a server on this machine
	ConnectTimeout time.Duration
	HTTP2          bool  // --http2: over TLS, if the server speaks it
	Rate           int64 // --limit-rate: bytes per second in each direction; 0 for no limit
	Proxies        Proxies
}

// Transport makes the transport that sends the requests.
func (n Network) Transport() (*http.Transport, error) {
	base := furl.NewBase()
	base.DisableCompression = true // write the bytes that arrive
	timeout := n.ConnectTimeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	if n.Proxies.Given {
		if _, err := n.Proxies.of("http", "proxied.invalid"); err != nil {
			return nil, err
		}
	}
	dial, err := n.dial(timeout)
	if err != nil {
		return nil, err
	}
	config, err := n.tls()
	if err != nil {
		return nil, err
	}
	proxies := n.Proxies
	if len(n.Resolve) > 0 && !proxies.Given { // a proxy would resolve the name itself
		proxies.Getenv = nil
	}
	base.Proxy = proxies.forward
	base.TLSClientConfig = config
	base.Protocols.SetHTTP2(n.HTTP2)
	base.DialTLSContext = secured(within(timeout, proxies.tunneled("https", dial, config)), config, timeout)
	base.DialContext = recorded(within(timeout, proxies.tunneled("http", dial, config)))
	return base, nil
}

// within returns a DialFunc that gives up after a time: a proxy may accept a connection and say nothing.
func within(timeout time.Duration, dial furl.DialFunc) furl.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return dial(ctx, network, address)
	}
}

// dial makes what connects to an address without a proxy in between.
func (n Network) dial(timeout time.Duration) (furl.DialFunc, error) {
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second}
	dial := furl.Localhost(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network+n.Family, address)
		if err != nil || n.Rate <= 0 {
			return conn, err
		}
		return &pacedConn{Conn: conn, rate: n.Rate}, nil
	})
	if len(n.Resolve) > 0 {
		addresses, err := parseResolve(n.Resolve)
		if err != nil {
			return nil, err
		}
		dial = resolving(addresses, dial)
	}
	if len(n.ConnectTo) > 0 {
		routes, err := parseConnectTo(n.ConnectTo)
		if err != nil {
			return nil, err
		}
		dial = rerouted(routes, dial)
	}
	return dial, nil
}

// tls is the configuration for the connections to servers and to proxies.
func (n Network) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: n.Insecure}
	if n.HTTP2 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	var err error
	if config.RootCAs, err = furlproto.Trust(n.Authority); err != nil {
		return nil, err
	}
	files := []string{n.CACert}
	if n.CACert == "" && n.SystemCerts != "" {
		files = []string{n.SystemCerts, n.Authority}
	}
	for _, file := range files {
		if file == "" {
			continue
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if file == files[0] {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in PEM form", file)
		}
	}
	return config, nil
}

// route is a --connect-to. An empty host or port stands for any, or for the one that there is.
type route struct{ host, port, toHost, toPort string }

// parseConnectTo reads --connect-to.
func parseConnectTo(entries []string) ([]route, error) {
	var routes []route
	for _, entry := range entries {
		fields := splitAddress(entry)
		if len(fields) == 3 { // as in curl, the port stays
			fields = append(fields, "")
		}
		if len(fields) != 4 {
			return nil, fmt.Errorf("--connect-to %q is not HOST1:PORT1:HOST2:PORT2", entry)
		}
		routes = append(routes, route{strings.ToLower(fields[0]), fields[1], fields[2], fields[3]})
	}
	return routes, nil
}

// splitAddress splits at colons, but for those within brackets, which it removes.
func splitAddress(text string) []string {
	fields := []string{""}
	inside := false
	for _, c := range text {
		switch {
		case c == '[' || c == ']':
			inside = c == '['
		case c == ':' && !inside:
			fields = append(fields, "")
		default:
			fields[len(fields)-1] += string(c)
		}
	}
	return fields
}

// rerouted returns a DialFunc that goes to another host and port for those that a route names, the first that matches.
func rerouted(routes []route, dial furl.DialFunc) furl.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		for _, r := range routes {
			if (r.host == "" || r.host == strings.ToLower(host)) && (r.port == "" || r.port == port) {
				address = net.JoinHostPort(cmp.Or(r.toHost, host), cmp.Or(r.toPort, port))
				break
			}
		}
		return dial(ctx, network, address)
	}
}

// pacedConn moves no more bytes in a second than its rate, in each direction.
type pacedConn struct {
	net.Conn
	rate    int64
	in, out pace
}

// pace is how far one direction has got.
type pace struct {
	mu    sync.Mutex
	ready time.Time // when what has been moved would have taken its time
}

// chunk is how much may move at one time: what an eighth of a second allows.
func (c *pacedConn) chunk(length int) int {
	const parts = 8
	return min(length, int(max(c.rate/parts, 1)))
}

// moved waits until n bytes have taken their time.
func (p *pace) moved(n int, rate int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.ready.Before(now) {
		p.ready = now
	}
	p.ready = p.ready.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	time.Sleep(time.Until(p.ready))
}

func (c *pacedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:c.chunk(len(p))])
	c.in.moved(n, c.rate)
	return n, err
}

func (c *pacedConn) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n, err := c.Conn.Write(p[:c.chunk(len(p))])
		written += n
		if err != nil {
			return written, err
		}
		c.out.moved(n, c.rate)
		p = p[n:]
	}
	return written, nil
}

// parseResolve reads --resolve. It returns the addresses to dial, with port, by HOST:PORT. The host "*" is any host.
func parseResolve(entries []string) (map[string][]string, error) {
	addresses := map[string][]string{}
	for _, entry := range entries {
		if strings.HasPrefix(entry, "-") { // curl forgets an address, and there is none to forget
			continue
		}
		parts := strings.SplitN(strings.TrimPrefix(entry, "+"), ":", 3)
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
