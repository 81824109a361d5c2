package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/sigv4"
)

// headerToken is the header for the token of clients that need Authorization for something else.
const headerToken = "X-Furl-Token"

// gate decides who may use the proxy.
type gate struct {
	hosts   listener.Hosts
	origins []string // "*" for all
	token   sigv4.Secret
	guarded bool // there is a token
}

func newGate(c Config, routes []*route) (gate, error) {
	g := gate{hosts: listener.Hosts{Addresses: true}, token: c.Token, guarded: c.Token.Reveal() != ""}
	for _, host := range c.AllowHosts {
		if err := g.hosts.Allow(host); err != nil {
			return gate{}, wrong("allow-hosts", "%v", err)
		}
	}
	for _, route := range routes {
		if route.Host != "" {
			g.hosts.Names = append(g.hosts.Names, listener.HostName(route.Host))
		}
	}
	for _, origin := range c.AllowOrigins {
		if origin == "*" || origin == "null" {
			g.origins = append(g.origins, origin)
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" ||
			u.User != nil {
			return gate{}, wrong("allow-origins", "%q is not an origin such as http://localhost:3000, \"null\" or \"*\"",
				origin)
		}
		g.origins = append(g.origins, strings.ToLower(u.Scheme+"://"+u.Host))
	}
	return g, nil
}

// admit reports whether a request may pass. It answers those that may not, and preflight requests. It records the
// origin that may see the response.
func (g *gate) admit(w http.ResponseWriter, r *http.Request, x *exchange) bool {
	if !g.hosts.Have(r.Host) {
		x.refuse(w, http.StatusForbidden, checkHost, fmt.Sprintf(
			"the Host header names %.80q: use localhost or an IP address, or start the proxy with --allow-host %.80s",
			r.Host, listener.HostName(r.Host)))
		return false
	}
	origin, foreign := originOf(r)
	if foreign {
		if !g.allows(origin) {
			x.refuse(w, http.StatusForbidden, checkOrigin, fmt.Sprintf(
				"the request comes from a page of %.80q: start the proxy with --allow-origin %.80s if that page may use it",
				origin, origin))
			return false
		}
		x.origin = r.Header.Get("Origin")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			x.status, x.done = http.StatusNoContent, true
			preflight(w, r)
			return false
		}
	}
	if g.guarded && !g.authenticated(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="furl proxy"`)
		x.allowOrigin(w.Header())
		x.refuse(w, http.StatusUnauthorized, checkToken,
			"the proxy needs its token: send Authorization: Bearer TOKEN, or "+headerToken+": TOKEN")
		return false
	}
	return true
}

// originOf returns the origin of the page that caused a request. foreign is false if there is no page, or if the page
// is the proxy's own. Browsers send Origin with every request except a plain GET or HEAD, for which Sec-Fetch-Site says
// whether the page is of the same origin.
func originOf(r *http.Request) (origin string, foreign bool) {
	origin = r.Header.Get("Origin")
	if origin == "" {
		origin = "null" // unless the page allows Referer
		referer, err := url.Parse(r.Header.Get("Referer"))
		referred := err == nil && referer.Host != ""
		if referred {
			origin = referer.Scheme + "://" + referer.Host
		}
		switch r.Header.Get("Sec-Fetch-Site") {
		case "same-origin", "none":
			return "", false
		case "": // a program, or an old browser
			return strings.ToLower(origin), referred && !strings.EqualFold(referer.Host, r.Host)
		}
		return strings.ToLower(origin), true
	}
	u, err := url.Parse(origin)
	own := err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
	return strings.ToLower(origin), !own
}

func (g *gate) allows(origin string) bool {
	return slices.Contains(g.origins, origin) || slices.Contains(g.origins, "*")
}

// authenticated looks for the token in all places where clients can put it. It removes the token from Authorization,
// since the rest of that header may go to the function.
func (g *gate) authenticated(r *http.Request) bool {
	given := r.Header["Authorization"]
	others := slices.DeleteFunc(slices.Clone(given), func(value string) bool { return g.is(tokenIn(value)) })
	if len(others) == 0 {
		delete(r.Header, "Authorization")
	} else {
		r.Header["Authorization"] = others
	}
	return len(others) < len(given) || slices.ContainsFunc(r.Header[headerToken], g.is)
}

// tokenIn returns the token in an Authorization header, which is a bearer token or a password.
func tokenIn(authorization string) string {
	r := http.Request{Header: http.Header{"Authorization": {authorization}}}
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	if scheme, credentials, ok := strings.Cut(authorization, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(credentials)
	}
	return ""
}

// is compares in constant time, even if the lengths differ.
func (g *gate) is(given string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(g.token.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// preflight tells a browser that an allowed origin may send a request (Fetch, section 3.3.5).
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Allow-Methods", r.Header.Get("Access-Control-Request-Method"))
	if wanted := r.Header.Values("Access-Control-Request-Headers"); len(wanted) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(wanted, ","))
	}
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	h.Set("Access-Control-Max-Age", "600")
	h["Vary"] = []string{"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
	w.WriteHeader(http.StatusNoContent)
}
