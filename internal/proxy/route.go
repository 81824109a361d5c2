package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/mount"
)

// Route sends requests for a host, a path, or both to an upstream.
type Route struct {
	Host     string // without port; "" for any
	Path     string // begins with "/", compared byte by byte and not passed on; "" for any
	Upstream string // URL
}

// ParseRoute reads [HOST][/PATH]=UPSTREAM.
func ParseRoute(text string) (Route, error) {
	where, upstream, ok := strings.Cut(text, "=")
	if !ok || where == "" || upstream == "" {
		return Route{}, fmt.Errorf("route %q is not PATH=URL or HOST=URL", text)
	}
	slash := strings.IndexByte(where, '/')
	if slash < 0 {
		slash = len(where)
	}
	r := Route{Host: strings.ToLower(where[:slash]), Path: strings.TrimRight(where[slash:], "/"), Upstream: upstream}
	if strings.ContainsAny(r.Host, ": ") {
		return Route{}, fmt.Errorf("route %q: leave out the port of the host", text)
	}
	if strings.ContainsAny(r.Path, "?# ") {
		return Route{}, fmt.Errorf("route %q: the path must have no query, fragment or space", text)
	}
	return r, nil
}

// route is a Route that is ready for use.
type route struct {
	Route
	name     string   // for the log: the upstream's host
	origin   string   // scheme and host of the upstream
	base     string   // path of the upstream, without a slash at its end
	hosts    []string // as the function knows itself
	believed string   // the origin that the function knows itself by
}

// compile checks the routes and sorts them, the most specific first.
func compile(c Config) ([]route, error) {
	all := slices.Clone(c.Routes)
	if c.Upstream != "" {
		all = append(all, Route{Upstream: c.Upstream})
	}
	if len(all) == 0 {
		return nil, errors.New("there is neither an upstream nor a route")
	}
	var routes []route
	for _, r := range all {
		u, err := furl.ParseURL(r.Upstream)
		if err != nil {
			return nil, fmt.Errorf("upstream %s: %w", r.Upstream, err)
		}
		if strings.Contains(u.Target, "?") {
			return nil, fmt.Errorf("upstream %s: the query would be lost, leave it out", r.Upstream)
		}
		ready := route{Route: r, name: u.Host, origin: u.Scheme + "://" + u.Host, base: strings.TrimSuffix(u.Target, "/")}
		ready.hosts, ready.believed = []string{strings.ToLower(u.Host)}, ready.origin
		if t, ok := c.Transport.(*furl.Transport); ok && t.SignHosts[strings.ToLower(u.Host)] != "" {
			behind := strings.ToLower(t.SignHosts[strings.ToLower(u.Host)])
			ready.hosts, ready.believed = append(ready.hosts, behind), u.Scheme+"://"+behind
		}
		routes = append(routes, ready)
	}
	slices.SortStableFunc(routes, func(a, b route) int {
		return cmp.Or(cmp.Compare(min(len(b.Host), 1), min(len(a.Host), 1)), cmp.Compare(len(b.Path), len(a.Path)))
	})
	for i := 1; i < len(routes); i++ {
		if routes[i].Host == routes[i-1].Host && routes[i].Path == routes[i-1].Path {
			return nil, fmt.Errorf("two routes for %s%s", routes[i].Host, cmp.Or(routes[i].Path, "/"))
		}
	}
	return routes, nil
}

// target returns the URL that a request goes to: the upstream, followed by the target after the route's path, byte for
// byte.
func (r route) target(in *http.Request) (*url.URL, error) {
	rest := strings.TrimPrefix(in.RequestURI, r.Path)
	if rest == "" || rest[0] == '?' {
		rest = "/" + rest
	}
	if strings.Contains(rest, "#") {
		return nil, fmt.Errorf("the request target %.80q has a '#', which must be written as %%23", in.RequestURI)
	}
	return url.Parse(r.origin + r.base + rest)
}

// mount is how the function's own addresses become the proxy's, for the client of a request.
func (r route) mount(in *http.Request) *mount.Mount {
	scheme := "http"
	if strings.EqualFold(in.Header.Get("X-Forwarded-Proto"), "https") { // a front end before the proxy says so
		scheme = "https"
	}
	return &mount.Mount{Hosts: r.hosts, Prefix: r.base, Origin: scheme + "://" + in.Host, Base: r.Path}
}

// translate writes what a page of the proxy's own sends about itself as the function knows it, so that a function that
// compares the page's origin with its own name takes the request for one of its own pages. X-Forwarded-Host tells other
// requests' host: some frameworks compare the origin with it in place of the function's name.
func (r route) translate(in *http.Request, out http.Header) {
	page, _, ok := cutOrigin(out.Get("Origin"))
	own := ok && strings.EqualFold(page, in.Host)
	if own {
		out.Set("Origin", r.believed)
	}
	if page, path, ok := cutOrigin(out.Get("Referer")); ok && strings.EqualFold(page, in.Host) {
		if rest, ok := strings.CutPrefix(path, r.Path); ok {
			out.Set("Referer", r.believed+r.base+rest)
		}
	}
	if !own {
		out.Set("X-Forwarded-Host", in.Host)
	}
	proto := "http"
	if in.TLS != nil {
		proto = "https"
	}
	out.Set("X-Forwarded-Proto", proto)
}

// cutOrigin separates the host of a URL from what follows it.
func cutOrigin(text string) (host, path string, ok bool) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return "", "", false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	return rest[:end], rest[end:], true
}
