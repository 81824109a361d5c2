//go:build unix

package pages

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/internal/console"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// page answers with the page of the console, or sends a browser to where it is. It reports false for what is not the
// page's: who asks for no HTML gets the index in text.
func (p *Pages) page(w http.ResponseWriter, r *http.Request) bool {
	name, isPart := strings.CutPrefix(r.URL.Path, furlproto.Prefix)
	isIndex := isPart && name == "" || r.URL.Path+"/" == furlproto.Prefix
	isPart = isPart && strings.HasPrefix(r.URL.Path, furlproto.Assets)
	if p.Console == nil || !isPart && !isIndex {
		return false
	}
	if isIndex {
		w.Header().Add("Vary", "Accept")
		if !wantsHTML(r) {
			return false
		}
	}
	// A page of another site may lead here, since the page has nothing of the server in it.
	if refused := admitHost(r, p.Open); refused != nil {
		p.refusals.Add(refused.reason)
		fail(w, http.StatusForbidden, refused.Error())
		return true
	}
	switch host := listener.HostName(r.Host); {
	case p.isShownUnder(r.Host):
		if isIndex && name != "" { // without the slash, the page would ask for its parts elsewhere
			http.Redirect(w, r, furlproto.Prefix, http.StatusFound)
			return true
		}
		return p.Console.ServePage(w, r, name)
	case isPart:
		return false
	case isLocal(host) && reachesConsole(r):
		http.Redirect(w, r, p.consoleOrigin(r)+furlproto.Prefix, http.StatusFound)
	case isLocal(host):
		fail(w, http.StatusForbidden, "browsers look for "+furlproto.ConsoleHost+", where the console is, at 127.0.0.1 and ::1, and this "+
			"server listens at another address; start it with --listen 127.0.0.1:PORT")
	default:
		fail(w, http.StatusForbidden, fmt.Sprintf("the console is not shown under the host name %q, under which function URLs answer "+
			"in path style: their pages could read what it keeps. Open it as http://%s:PORT%s; furl console --print says how",
			trace.Cut(r.Host, 64), furlproto.ConsoleHost, furlproto.Prefix))
	}
	return true
}

// IsConsole reports whether a Host header has the name of the console, in any case and with any port.
func IsConsole(header string) bool {
	name := strings.TrimPrefix(header, "[")
	begins := len(name) >= len(furlproto.ConsoleHost) && strings.EqualFold(name[:len(furlproto.ConsoleHost)], furlproto.ConsoleHost)
	return begins && listener.HostName(header) == furlproto.ConsoleHost // which costs more, and comes with each request
}

// isShownUnder reports whether the page of the console is shown under a Host header. No page of a function may have the
// same origin.
func (p *Pages) isShownUnder(header string) bool {
	return IsConsole(header) || p.Open && !p.URLsUnder(header)
}

func isLocal(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || listener.IsLoopback(host)
}

// reachesConsole reports whether the console's host name leads to the server by which a browser on this machine reaches it.
// Browsers resolve that name to 127.0.0.1 and ::1, and not to other loopback addresses.
func reachesConsole(r *http.Request) bool {
	address, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return !ok || !address.IP.IsLoopback() || address.IP.Equal(net.IPv4(127, 0, 0, 1)) || address.IP.Equal(net.IPv6loopback)
}

// consoleOrigin is the origin of the console on the port that the client used. It is one of https only if clients can get a
// certificate for it.
func (p *Pages) consoleOrigin(r *http.Request) string {
	scheme := "http://"
	if p.Gate.IsSecure(r) && (r.TLS == nil || p.HoldsCertificate(furlproto.ConsoleHost)) {
		scheme = "https://"
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return scheme + net.JoinHostPort(furlproto.ConsoleHost, port)
	}
	return scheme + furlproto.ConsoleHost
}

// wantsHTML reports whether a browser asks for a page to show.
func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// Elsewhere answers what is not a page under the name of the console, which has nothing else: neither function URLs nor the
// APIs, which are at the endpoint.
func (p *Pages) Elsewhere(w http.ResponseWriter, endpoint string) {
	setHeaders(w.Header())
	fail(w, http.StatusNotFound, fmt.Sprintf("there is nothing here: %s has the console alone, at %s. Function URLs and the APIs are at %s",
		furlproto.ConsoleHost, furlproto.Prefix, endpoint))
}

// WouldShareOrigin reports whether a browser asks for something of a function URL that it shows or runs, and not for a
// program's data, with the same origin as the console.
func (p *Pages) WouldShareOrigin(r *http.Request) bool {
	if p.Console == nil || !p.Open || !p.isShownUnder(r.Host) {
		return false
	}
	destination := r.Header.Get("Sec-Fetch-Dest")
	return wantsHTML(r) || destination != "" && destination != "empty"
}

// NoDocument refuses a function's page that would have the console's origin.
func (p *Pages) NoDocument(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	p.refusals.Add(metric.NotLocal)
	fail(w, http.StatusForbidden, fmt.Sprintf("a browser cannot open function URLs in path style under the host name %q, which has the "+
		"console: use their host style, or start the server without --open-pages", trace.Cut(r.Host, 64)))
}

// console hands a request of the console on, if its client may read everything.
func (p *Pages) console(w http.ResponseWriter, r *http.Request) {
	status, refused := p.admitConsole(r)
	if refused != nil {
		p.refusals.Add(refused.reason)
		console.Fail(w, status, refused.Error())
		return
	}
	if p.Console == nil {
		console.Fail(w, http.StatusNotFound, "this server has no console; start it with --console=read or --console=edit")
		return
	}
	p.Console.ServeHTTP(w, r)
}

// admitConsole admits the page token and the sessions that come of it. The page asks for another session where the answer
// is 401.
func (p *Pages) admitConsole(r *http.Request) (status int, refused *refusal) {
	if refused := p.admitClient(r, p.Open); refused != nil {
		return http.StatusForbidden, refused
	}
	if r.URL.Path == furlproto.Session { // the ticket in the body gives access
		return 0, nil
	}
	token := furlproto.Token(r)
	isTicket := strings.HasPrefix(r.URL.Path, furlproto.Ticket)
	switch {
	case isTicket && p.admitOwner(r) == nil: // of a server in memory, which has no file of the page token
		return 0, nil
	case token == "" && isSigned(r):
		return http.StatusForbidden, &refusal{metric.NoToken, "the console wants the page token of the server, and takes no " +
			"signature: it shows all accounts; type furl console"}
	case token == "":
		return http.StatusUnauthorized, &refusal{metric.NoToken, "the console wants the token of a session; type furl console"}
	case p.Token.Equal(sigv4.NewSecret(token)):
		return 0, nil
	case !isTicket && p.hasSession(token):
		return 0, nil
	}
	return http.StatusUnauthorized, &refusal{metric.WrongToken, "the session has ended, or it is of another server; type furl console"}
}

// hasSession reports whether the token is that of a session of the console.
func (p *Pages) hasSession(token string) bool { return p.Console != nil && p.Console.Admits(token) }
