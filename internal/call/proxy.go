package call

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/proxy"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/furlproto"
)

// Proxies says which requests go through which proxy, as curl's flags and variables do.
type Proxies struct {
	Flag    string // -x: [SCHEME://][USER:PASSWORD@]HOST[:PORT]
	Given   bool   // -x is there; with an empty Flag for no proxy
	User    string // -U: USER:PASSWORD, in place of those of the address
	NoProxy string // --noproxy
	Tunnel  bool   // -p: an HTTP proxy does not read requests over http either
	// NoProxyGiven has NoProxy count in place of the variables.
	NoProxyGiven bool
	Getenv       func(string) string // nil for no variables
}

// of is the proxy for a server, nil for none. A proxy of the environment is not for this machine.
func (p Proxies) of(scheme, host string) (*url.URL, error) {
	getenv := p.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	text, from := p.Flag, "--proxy"
	if !p.Given {
		if IsLocal(host) {
			return nil, nil
		}
		names := []string{scheme + "_proxy", strings.ToUpper(scheme) + "_PROXY", "all_proxy", "ALL_PROXY"}
		for _, name := range names {
			if name == "HTTP_PROXY" { // a web server may set it from a header of a request
				continue
			}
			if text, from = getenv(name), name; text != "" {
				break
			}
		}
	}
	exempt := p.NoProxy
	if !p.NoProxyGiven {
		if exempt = getenv("no_proxy"); exempt == "" {
			exempt = getenv("NO_PROXY")
		}
	}
	if text == "" || exempted(host, exempt) {
		return nil, nil
	}
	return parseProxy(text, from, p.User)
}

// parseProxy reads the address of a proxy. Its errors do not show it: it may have a password.
func parseProxy(text, from, user string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%s is not the address of a proxy, such as http://HOST:PORT", from)
	}
	port := "1080" // as in curl
	switch u.Scheme = strings.ToLower(u.Scheme); u.Scheme {
	case "https":
		port = "443"
	case "http", "socks5", "socks5h":
	default:
		return nil, fmt.Errorf("%s has a proxy of the kind %s://: furl knows http, https, socks5 and socks5h", from, u.Scheme)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	if user != "" {
		name, password, _ := strings.Cut(user, ":")
		u.User = url.UserPassword(unescapedPath(name), unescapedPath(password)) // curl decodes them too
	}
	return u, nil
}

func unescapedPath(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// exempted reports whether a list of hosts, domains, addresses and networks, or "*", has the host.
func exempted(host, list string) bool {
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	address, notAddress := netip.ParseAddr(host)
	for entry := range strings.FieldsFuncSeq(list, func(c rune) bool { return c == ',' || c == ' ' }) {
		entry = strings.TrimSuffix(strings.Trim(strings.ToLower(entry), "[]"), ".")
		if strings.TrimSpace(list) == "*" {
			return true
		}
		if notAddress != nil {
			name := strings.TrimPrefix(entry, ".")
			if name != "" && (host == name || strings.HasSuffix(host, "."+name)) {
				return true
			}
			continue
		}
		if network, err := netip.ParsePrefix(entry); err == nil && network.Contains(address) {
			return true
		}
		if one, err := netip.ParseAddr(entry); err == nil && one == address {
			return true
		}
	}
	return false
}

// isSOCKS reports whether a proxy passes on connections without reading them.
func isSOCKS(u *url.URL) bool { return strings.HasPrefix(u.Scheme, "socks") }

// forward is an [http.Transport.Proxy] for the requests that a proxy reads: those over http. A proxy of the environment
// gets no signed one, since it would see the session token and could send the request again.
func (p Proxies) forward(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "http" || !p.Given && strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") {
		return nil, nil
	}
	u, err := p.of("http", r.URL.Hostname())
	if err != nil || u == nil || p.Tunnel || isSOCKS(u) {
		return nil, err
	}
	return u, nil
}

// tunneled returns a DialFunc that connects to servers of a scheme through the proxy, and directly to those without one
// and to the proxy itself.
func (p Proxies) tunneled(scheme string, dial furl.DialFunc, config *tls.Config) furl.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		u, err := p.of(scheme, host)
		if err != nil {
			return nil, err
		}
		if u == nil || scheme == "http" && !p.Tunnel && !isSOCKS(u) || u.Host == address {
			return dial(ctx, network, address)
		}
		conn, err := dial(ctx, network, u.Host)
		if err != nil {
			return nil, &net.OpError{Op: "proxyconnect", Net: network, Err: err}
		}
		through := connectThrough
		if isSOCKS(u) {
			through = socksThrough
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		tunnel, err := through(ctx, conn, u, address, config)
		if !stop() && err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
		return tunnel, nil
	}
}

// maxConnectHead bounds the answer to CONNECT.
const maxConnectHead = 64 << 10

// connectThrough asks an HTTP proxy for a tunnel.
func connectThrough(
	ctx context.Context, conn net.Conn, u *url.URL, address string, config *tls.Config,
) (net.Conn, error) {
	if u.Scheme == "https" {
		own := config.Clone()
		own.ServerName, own.NextProtos = u.Hostname(), nil
		secure := tls.Client(conn, own)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
		}
		conn = secure
	}
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if password, ok := u.User.Password(); ok || u.User != nil {
		r.Header.Set("Proxy-Authorization", basic(u.User.Username(), password))
	}
	if err := r.Write(conn); err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	// The server does not speak before the client: the reader holds nothing of the tunnel.
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxConnectHead)), r)
	if err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	if err := furlproto.CheckProxy(ctx, u, r, resp); err != nil {
		return nil, err
	}
	return conn, nil
}

// socksThrough asks a SOCKS5 proxy for a connection. The proxy looks up the name for socks5h, this machine for socks5.
func socksThrough(ctx context.Context, conn net.Conn, u *url.URL, address string, _ *tls.Config) (net.Conn, error) {
	if u.Scheme == "socks5" {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if IsLocal(host) && net.ParseIP(host) == nil {
			host = "127.0.0.1"
		}
		found, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return nil, err
		}
		address = net.JoinHostPort(found[0], port)
	}
	var auth *proxy.Auth
	if u.User != nil {
		auth = &proxy.Auth{User: u.User.Username()}
		auth.Password, _ = u.User.Password()
	}
	dialer, err := proxy.SOCKS5("tcp", u.Host, auth, given{conn})
	if err != nil {
		return nil, err
	}
	made, err := dialer.Dial("tcp", address)
	if err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	return made, nil
}

// given is a dialer that has the connection already.
type given struct{ conn net.Conn }

func (g given) Dial(string, string) (net.Conn, error) { return g.conn, nil }
