package dataplane

import (
	"net"
	"net/http"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

// PathPrefix begins the path of a function URL in path style, which works where host names below localhost do not
// resolve: /_furl/url/ID/…
const PathPrefix = "/_furl/url/"

// address is where a request wants to go, before anybody has looked whether there is such a function URL.
type address struct {
	urlID  string
	region string // "" in path style, where the URL's own region counts
	target string // the request target that the function sees
}

// addressOf reads the function URL from the request's host, else from its path. ok is false for a request to
// something else.
func (p *Plane) addressOf(r *http.Request) (address, bool) {
	if id, region, ok := lambda.ParseURLHost(hostName(r.Host), p.Suffixes...); ok {
		return address{urlID: id, region: region, target: r.RequestURI}, true
	}
	rest, ok := strings.CutPrefix(r.RequestURI, PathPrefix)
	if !ok {
		return address{}, false
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	target := rest[end:]
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	return address{urlID: rest[:end], target: target}, true
}

// Serves reports whether the request is for a function URL, existing or not.
func (p *Plane) Serves(r *http.Request) bool {
	_, ok := p.addressOf(r)
	return ok
}

// find looks the function URL up. A host name with another region than the function's is unknown, as at AWS, where
// each region has its own names.
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

// hostName is the host without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
