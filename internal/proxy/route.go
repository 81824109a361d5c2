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
	name   string // for the log: the upstream's host
	prefix string // of all URLs: scheme, host, and the path of the upstream without slash at its end
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
		routes = append(routes, route{Route: r, name: u.Host,
			prefix: u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Target, "/")})
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
	return url.Parse(r.prefix + rest)
}
