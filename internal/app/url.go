//go:build unix

package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/pages"
	"github.com/furl-dev/furl/internal/roster"
)

// urls writes the addresses that the server answers under.
type urls struct {
	endpoint  string // http://127.0.0.1:9000
	port      string
	certifier certifier // nil without https
	suffix    string
	hostStyle func() bool
	code      *pages.CodeLinks
}

func newURLs(config Config, listening net.Addr, certifier certifier) urls {
	host, port, _ := net.SplitHostPort(listening.String()) // a TCP address has both
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	u := urls{port: port, suffix: config.Suffix, certifier: certifier}
	u.endpoint = u.scheme(host) + net.JoinHostPort(host, port)
	switch config.URLStyle {
	case "host":
		u.hostStyle = func() bool { return true }
	case "path":
		u.hostStyle = func() bool { return false }
	default:
		// A name server may take its time; the start of the server does not wait for it.
		u.hostStyle = sync.OnceValue(func() bool { return resolves(config.Suffix) })
		go u.hostStyle()
	}
	return u
}

// scheme is https:// for a host for which clients can get a certificate.
func (u urls) scheme(host string) string {
	if u.certifier != nil && u.certifier.Holds(host) {
		return "https://"
	}
	return "http://"
}

// plain is the endpoint for functions. They would need the certificate of the authority for the other one.
func (u urls) plain() string { return roster.Plain(u.endpoint) }

// resolves reports whether names below the suffix lead to this machine. RFC 6761 says that names below localhost
// should; curl, browsers and systemd-resolved see to it, plain glibc does not.
func resolves(suffix string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, "furl-probe."+suffix)
	if err != nil || len(addresses) == 0 {
		return false
	}
	ip := net.ParseIP(addresses[0])
	return ip != nil && ip.IsLoopback()
}

// FunctionURL is the address of a function URL as the API gives it.
func (u urls) FunctionURL(id, region string) string {
	if u.hostStyle() {
		host := arn.URLHost{ID: id, Region: region, Suffix: u.suffix, Port: u.port}.String()
		return u.scheme(listener.WithoutPort(host)) + host + "/"
	}
	return u.endpoint + furlproto.URLs + id + "/"
}

// CodeURL is an address of the deployment package of a function or of the content of a layer.
func (u urls) CodeURL(hex string) string {
	return u.endpoint + u.code.Path(hex)
}

// explain is the address of the page that explains a request.
func (u urls) explain(requestID string) string {
	return u.endpoint + furlproto.Requests + "/" + requestID
}

// point tells a client on this machine where a refusal is explained.
func (u urls) point(w http.ResponseWriter, r *http.Request, requestID string) {
	if listener.IsLoopback(listener.WithoutPort(r.RemoteAddr)) {
		w.Header()[strings.ToLower(furlproto.Explain)] = []string{u.explain(requestID)}
	}
}

// isPage reports whether the path is one of furl's own pages.
func isPage(path string) bool {
	return strings.HasPrefix(path, furlproto.Prefix) || path == strings.TrimSuffix(furlproto.Prefix, "/")
}

// ErrListen says that the server cannot listen at its address. Errors wrap it.
var ErrListen = errors.New("cannot listen")

// listenError says what is wrong with an address.
func listenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %s is in use by another program; choose another address with --listen", ErrListen, address)
	}
	if errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%w: %s needs more rights than this user has; choose a port above 1023 with --listen", ErrListen,
			address)
	}
	return fmt.Errorf("%w on %s: %w; choose another address with --listen", ErrListen, address, err)
}
