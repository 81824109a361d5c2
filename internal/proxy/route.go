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
	Host     string `toml:"host"`      // without port; "" for any
	Path     string `toml:"path"`      // begins with "/", compared byte by byte; "" for any
	KeepPath bool   `toml:"keep-path"` // pass the path on, too
	Upstream string `toml:"upstream"`  // URL
	// MaxConcurrent is the maximum number of requests of this route at one time; 0 is no limit of its own.
	MaxConcurrent int `toml:"max-concurrent"`
	Signing
	Limits

	// Transport signs and sends, nil for Config.Transport.
	Transport http.RoundTripper `toml:"-"`
	// At is where a file has the route, for errors.
	At string `toml:"-"`
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
	r := Route{Host: where[:slash], Path: where[slash:], Upstream: upstream}
	if err := r.validateWhere(); err != nil {
		return Route{}, fmt.Errorf("route %q: %w", text, err)
	}
	return r.clean(), nil
}

func (r Route) validateWhere() error {
	switch {
	case strings.ContainsAny(r.Host, ": /"):
		return wrong("host", "%q is not a host name: leave out scheme, port and path", r.Host)
	case r.Path != "" && r.Path[0] != '/':
		return wrong("path", "%q does not begin with a slash", r.Path)
	case strings.ContainsAny(r.Path, "?# "):
		return wrong("path", "it must have no query, fragment or space")
	}
	return nil
}

// validate finds what cannot be in a route of a file.
func (r Route) validate() error {
	faults := []error{r.validateWhere(), r.Signing.validate(), r.Limits.validate()}
	if r.Upstream == "" {
		faults = append(faults, wrong("upstream", "the route needs {upstream}, the URL, name or ARN of a function"))
	}
	if r.MaxConcurrent < 0 {
		faults = append(faults, wrong("max-concurrent", "it must not be negative; 0 is no limit"))
	}
	return errors.Join(faults...)
}

// clean is the route in its usual form.
func (r Route) clean() Route {
	r.Host, r.Path = strings.ToLower(r.Host), strings.TrimRight(r.Path, "/")
	return r
}

// Where is what the route takes, as flags, metrics and log have it.
func (r Route) Where() string { return r.Host + cmp.Or(r.Path, "/") }

// route is a Route that is ready for use.
type route struct {
	Route
	state    *routeState
	name     string   // for the log: the upstream's host
	origin   string   // scheme and host of the upstream
	base     string   // path of the upstream, without a slash at its end
	cut      string   // what is not passed on: Path, or ""
	hosts    []string // as the function knows itself
	believed string   // the origin that the function knows itself by
}

// compile checks the routes and sorts them, the most specific first.
func compile(c Config) ([]*route, error) {
	all := c.AllRoutes()
	if len(all) == 0 {
		return nil, errors.New("there is neither an upstream nor a route")
	}
	var routes []*route
	var faults []error
	for _, r := range all {
		ready, err := c.ready(r)
		if err != nil {
			faults = append(faults, r.at(err))
			continue
		}
		routes = append(routes, ready)
	}
	slices.SortStableFunc(routes, func(a, b *route) int {
		return cmp.Or(cmp.Compare(min(len(b.Host), 1), min(len(a.Host), 1)), cmp.Compare(len(b.Path), len(a.Path)))
	})
	for i, r := range routes {
		if slices.ContainsFunc(routes[:i], func(other *route) bool { return other.Where() == r.Where() }) {
			faults = append(faults, r.at(fmt.Errorf("two routes for %s", r.Where())))
		}
	}
	return routes, errors.Join(faults...)
}

// at says where a file has the route that an error is about.
func (r Route) at(err error) error {
	if r.At == "" {
		return err
	}
	return fmt.Errorf("%s: %w", r.At, err)
}

// ready checks one route.
func (c Config) ready(r Route) (*route, error) {
	u, err := furl.ParseURL(r.Upstream)
	if err != nil {
		return nil, fmt.Errorf("upstream %s: %w", r.Upstream, err)
	}
	if strings.Contains(u.Target, "?") {
		return nil, fmt.Errorf("upstream %s: the query would be lost, leave it out", r.Upstream)
	}
	if r.Transport == nil {
		r.Transport = c.Transport
	}
	if r.Transport == nil {
		return nil, errors.New("no transport")
	}
	ready := &route{
		Route: r, state: &routeState{}, name: u.Host, origin: u.Scheme + "://" + u.Host,
		base: strings.TrimSuffix(u.Target, "/"), cut: r.Path,
	}
	if r.KeepPath {
		ready.cut = ""
	}
	ready.hosts, ready.believed = []string{strings.ToLower(u.Host)}, ready.origin
	if t, ok := r.Transport.(*furl.Transport); ok && t.SignHosts[strings.ToLower(u.Host)] != "" {
		behind := strings.ToLower(t.SignHosts[strings.ToLower(u.Host)])
		ready.hosts, ready.believed = append(ready.hosts, behind), u.Scheme+"://"+behind
	}
	return ready, nil
}

// target returns the URL that a request goes to: the upstream, followed by the target after what is cut, byte for byte.
func (r *route) target(in *http.Request) (*url.URL, error) {
	rest := strings.TrimPrefix(in.RequestURI, r.cut)
	if rest == "" || rest[0] == '?' {
		rest = "/" + rest
	}
	if strings.Contains(rest, "#") {
		return nil, fmt.Errorf("the request target %.80q has a '#', which must be written as %%23", in.RequestURI)
	}
	return url.Parse(r.origin + r.base + rest)
}

// mount is how the function's own addresses become the proxy's, for the client of a request.
func (r *route) mount(in *http.Request) *mount.Mount {
	scheme := "http"
	// A front end before the proxy says so, too.
	if in.TLS != nil || strings.EqualFold(in.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return &mount.Mount{Hosts: r.hosts, Prefix: r.base, Origin: scheme + "://" + in.Host, Base: r.cut}
}

// translate writes what a page of the proxy's own sends about itself as the function knows it, so that a function that
// compares the page's origin with its own name takes the request for one of its own pages. X-Forwarded-Host tells other
// requests' host: some frameworks compare the origin with it in place of the function's name.
func (r *route) translate(in *http.Request, out http.Header) {
	page, _, ok := cutOrigin(out.Get("Origin"))
	own := ok && strings.EqualFold(page, in.Host)
	if own {
		out.Set("Origin", r.believed)
	}
	if page, path, ok := cutOrigin(out.Get("Referer")); ok && strings.EqualFold(page, in.Host) {
		if rest, ok := strings.CutPrefix(path, r.cut); ok {
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
