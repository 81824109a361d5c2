// Package mount translates what a web application says about its own address, for clients that find it elsewhere: at
// another host, below another path, or both.
//
//	m := mount.Mount{Hosts: []string{"id.lambda-url.eu-central-1.on.aws"}, Origin: "http://localhost:8080", Base: "/orders"}
//	m.Response(header) // Location: /login is Location: /orders/login now
//
// Clients follow Location and Refresh, keep cookies for a domain and a path, and run service workers for the paths below one. Addresses in bodies stay as they are.
package mount

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Mount is where an application believes to be and where its clients find it.
type Mount struct {
	Hosts  []string // the application's own names, in lower case, with the port unless it is the default one
	Prefix string   // of the paths that the application names, "/a" or "" for none; others are not its own
	Apart  string   // of paths that are not its own either; "" for none
	Origin string   // scheme and host for clients
	Base   string   // of the paths for clients, "/b" or "" for none
}

// translations are how the headers that have addresses in them are translated.
var translations = map[string]func(*Mount, string) string{
	"Location": (*Mount).Reference, "Content-Location": (*Mount).Reference, "Refresh": (*Mount).refresh,
	"Set-Cookie": (*Mount).cookie, "Service-Worker-Allowed": (*Mount).scope,
}

// Concerns reports whether headers have addresses in them, which Response translates.
func Concerns(h http.Header) bool {
	for name := range translations {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

// Response translates the headers of a response of the application.
func (m *Mount) Response(h http.Header) {
	for name, translate := range translations {
		if values := h[name]; len(values) > 0 {
			translated := make([]string, len(values))
			for i, value := range values {
				translated[i] = translate(m, value)
			}
			h[name] = translated
		}
	}
}

// Reference translates a URL that may be relative (RFC 3986, section 4.2). One that is not the application's own, or
// cannot be read, stays as it is.
func (m *Mount) Reference(text string) string {
	scheme, rest, absolute := strings.Cut(text, "//")
	if absolute && (scheme == "" || isWeb(scheme)) {
		host, _, _ := strings.Cut(strings.NewReplacer("?", "/", "#", "/").Replace(rest), "/")
		if strings.Contains(host, "@") || !m.own(host, scheme) {
			return text
		}
		path := rest[len(host):]
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		if translated, ok := m.path(path); ok {
			return m.Origin + translated
		}
		return text
	}
	if translated, ok := m.path(text); ok {
		return translated
	}
	return text
}

func isWeb(scheme string) bool {
	return strings.EqualFold(scheme, "http:") || strings.EqualFold(scheme, "https:")
}

// own reports whether a host is the application's, with or without the default port of the scheme.
func (m *Mount) own(host, scheme string) bool {
	host = strings.ToLower(host)
	switch {
	case strings.EqualFold(scheme, "https:"):
		host = strings.TrimSuffix(host, ":443")
	case strings.EqualFold(scheme, "http:"):
		host = strings.TrimSuffix(host, ":80")
	}
	return host != "" && slices.Contains(m.Hosts, host)
}

// path translates a path of the application, with query and fragment. A path that is translated already stays.
func (m *Mount) path(path string) (translated string, ok bool) {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return "", false
	}
	if m.Apart != "" && strings.HasPrefix(path, m.Apart) {
		return "", false
	}
	rest, ok := strings.CutPrefix(path, m.Prefix)
	if !ok || rest != "" && !strings.ContainsRune("/?#", rune(rest[0])) {
		return "", false
	}
	return m.Base + rest, true
}

// refreshes is the form that browsers read (HTML, 4.2.4.3, "shared declarative refresh steps"): seconds, then the URL.
var refreshes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?is)(\s*[\d.]*\s*[;,\s]\s*(?:url\s*=\s*)?)(['"]?)(.*)$`)
})

func (m *Mount) refresh(value string) string {
	parts := refreshes().FindStringSubmatch(value)
	if parts == nil {
		return value
	}
	address, end, _ := strings.Cut(parts[3], parts[2])
	if parts[2] == "" {
		address, end = strings.TrimSpace(parts[3]), ""
	} else if end != "" || strings.HasSuffix(parts[3], parts[2]) {
		end = parts[2] + end
	}
	return parts[1] + parts[2] + m.Reference(address) + end
}

// scope keeps a service worker below the base. One with a wider scope would answer in place of what else the origin has.
func (m *Mount) scope(value string) string {
	translated := m.Reference(strings.TrimSpace(value))
	path := strings.TrimPrefix(translated, m.Origin)
	isBelow := strings.HasPrefix(path, m.Base+"/") && !strings.Contains(path, "..") && !strings.ContainsAny(path, `\%`)
	if m.Base == "" || isBelow {
		return translated
	}
	return m.Base + "/"
}

// cookie translates the attributes of a cookie: a path, and a domain that the application's own name is in, which is
// left out so that the cookie is for the host of the client's request.
func (m *Mount) cookie(value string) string {
	pair, rest, more := strings.Cut(value, ";")
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(pair)), "__host-") {
		return value // browsers take it without a domain and with the path / only
	}
	kept := []string{pair}
	for more {
		var attribute string
		attribute, rest, more = strings.Cut(rest, ";")
		name, text, _ := strings.Cut(attribute, "=")
		text = strings.TrimSpace(text)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "path":
			if translated, ok := m.path(text); ok {
				attribute = name + "=" + translated
			}
		case "domain":
			if m.within(text) {
				continue
			}
		}
		kept = append(kept, attribute)
	}
	return strings.Join(kept, ";")
}

// within reports whether one of the application's names is in a cookie's domain.
func (m *Mount) within(domain string) bool {
	domain = strings.ToLower(strings.TrimPrefix(domain, "."))
	return domain != "" && slices.ContainsFunc(m.Hosts, func(host string) bool {
		name := (&url.URL{Host: host}).Hostname()
		return name == domain || strings.HasSuffix(name, "."+domain)
	})
}
