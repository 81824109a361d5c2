//go:build unix

package dataplane

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/mount"
	"github.com/furl-dev/furl/internal/state"
)

// address is where a request wants to go. There may be no such function URL.
type address struct {
	urlID  string
	region string // "" in path style, where the URL's own region counts
	target string // the request target that the function sees; see hasPath
}

// addressOf reads the function URL from the request's host, else from its path (path style), which works where host
// names below localhost do not resolve. ok is false for a request to something else.
func (p *Plane) addressOf(r *http.Request) (address, bool) {
	target := originForm(r.RequestURI)
	host, err := arn.ParseURLHost(r.Host)
	// No URL here is of a cell: those are older than the rest.
	if err == nil && host.Cell == "" && slices.Contains(p.Suffixes, host.Suffix) {
		return address{urlID: host.ID, region: host.Region, target: target}, true
	}
	rest, ok := strings.CutPrefix(target, furlproto.URLs)
	if !ok {
		return address{}, false
	}
	id, target := cutTarget(rest)
	return address{urlID: id, target: target}, true
}

// cutTarget separates what stands before a request target's path from the path and query.
func cutTarget(text string) (before, target string) {
	end := strings.IndexAny(text, "/?")
	if end < 0 {
		end = len(text)
	}
	if before, target = text[:end], text[end:]; !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	return before, target
}

// originForm is the path and query of a request target. Clients of a proxy send the whole URL (RFC 9112, 3.2.2), and
// net/http takes the host from it. A target that is neither, or has a user in it, stays as it is.
func originForm(target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	_, rest, ok := strings.Cut(target, "://")
	if !ok {
		return target
	}
	host, path := cutTarget(rest)
	if strings.Contains(host, "@") {
		return target
	}
	return path
}

// hasPath reports whether the target is a path below the function URL. One that climbs above is not: signatures cover
// the normalized path, so a request signed for /_furl/url/B/x could be sent as /_furl/url/A/../B/x, to another
// function.
func (a address) hasPath() bool {
	path, _, _ := strings.Cut(a.target, "?")
	if !strings.HasPrefix(path, "/") {
		return false
	}
	depth := 0
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return false
			}
		default:
			depth++
		}
	}
	return true
}

// admits reports whether the function URL answers under the Host header. In host style the header contains the id,
// which no web page knows, below a name that is not the page's own; and a call of a URL of auth type AWS_IAM has a
// signature over the header. That leaves URLs of auth type NONE in path style.
func (p *Plane) admits(url state.URL, a address, host string) bool {
	return url.Config.AuthType != lambda.AuthNone || a.region != "" || p.Hosts.Have(host)
}

// Serves reports whether the request is for a function URL, existing or not, of this server or another.
func (p *Plane) Serves(r *http.Request) bool {
	if _, ok := p.addressOf(r); ok {
		return true
	}
	_, err := arn.ParseURLHost(r.Host)
	return err == nil
}

// IsForeign reports whether a Host header is a name that could only be that of a function URL, such as a domain that
// leads here: no address, and not a name of this server or of the APIs.
func (p *Plane) IsForeign(header string) bool {
	name := listener.HostName(header)
	_, err := netip.ParseAddr(name)
	return err != nil && name != "" && name != "localhost" && !slices.Contains(p.Hosts.Names, name) &&
		!strings.HasSuffix(name, ".amazonaws.com") && !strings.HasSuffix(name, ".amazonaws.com.cn")
}

// find looks up the function URL. A host name with another region than the function's is unknown, as at AWS, where each
// region has its own names.
func (a address) find(world *state.Snapshot) (state.URL, bool) {
	if len(a.urlID) > lambda.URLIDLength {
		return state.URL{}, false
	}
	url, ok := world.URL(a.urlID)
	if !ok || a.region != "" && a.region != url.Function.ARN.Region {
		return state.URL{}, false
	}
	return url, true
}

// port is the port that the client connected to, at this server or at what stands in front of it.
func (p *Plane) port(r *http.Request) string {
	if proto := p.Gate.ForwardedProto; proto != "" {
		if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
			return port
		}
		return map[string]string{"http": "80", "https": "443"}[proto]
	}
	if address, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return strconv.Itoa(address.Port)
	}
	return ""
}

// tlsVersion and tlsCipher are what the client and the server agreed on, as x-amzn-tls-version and
// x-amzn-tls-cipher-suite write it; "" without TLS.
func tlsVersion(r *http.Request) string {
	if r.TLS == nil {
		return ""
	}
	return strings.Replace(tls.VersionName(r.TLS.Version), "TLS ", "TLSv", 1)
}

func tlsCipher(r *http.Request) string {
	if r.TLS == nil {
		return ""
	}
	return tls.CipherSuiteName(r.TLS.CipherSuite)
}

// scheme is the beginning of addresses for the client.
func (x *exchange) scheme() string {
	if x.plane.Gate.IsSecure(x.r) {
		return "https://"
	}
	return "http://"
}

// mount translates addresses in an answer of a function that was called in path style, and believes to be at the root
// of its host. AWS has no such URLs.
func (x *exchange) mount(head *event.Head) {
	cookies := http.Header{"Set-Cookie": head.Cookies}
	const allowed = "Service-Worker-Allowed"
	if x.address.region == "" && x.r.Header.Get("Service-Worker") != "" && head.Header.Get(allowed) == "" {
		head.Header.Set(allowed, "/") // without it, a script at /_furl/url/ID would be allowed what is at /_furl/url/
	}
	if x.address.region != "" || !mount.Concerns(head.Header) && !mount.Concerns(cookies) {
		return
	}
	m := mount.Mount{
		Hosts: append(x.hosts(), strings.ToLower(x.r.Host)), Apart: furlproto.Prefix, Origin: x.scheme() + x.r.Host,
		Base: furlproto.URLs + x.address.urlID,
	}
	m.Response(head.Header)
	m.Response(cookies)
	head.Cookies = cookies["Set-Cookie"]
}
