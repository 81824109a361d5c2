package furl

import (
	"net/url"
	"strings"
)

// target is how the target of a request gets to the server as it was typed.
type target struct {
	// url is what to sign and, if line is empty, what to hand to net/http.
	url *url.URL
	// line is the target to put into the request line where no url.URL makes net/http write it.
	line string
}

// exactTarget finds a way to send u's target as it was typed. url.Parse keeps what was typed in RawPath, but
// URL.RequestURI, which is what net/http sends, ignores RawPath if it has a byte that it would have escaped, such as
// '|' or part of an UTF-8 sequence.
func exactTarget(u *url.URL) target {
	if u.Opaque != "" || u.RawPath == "" || !sendable(u.RawPath) || u.EscapedPath() == u.RawPath {
		return target{url: u}
	}
	if path, err := url.PathUnescape(u.RawPath); err != nil || path != u.Path {
		return target{url: u} // RawPath is not that of Path any more
	}
	exact := *u
	exact.Opaque, exact.Path, exact.RawPath = u.RawPath, "", ""
	if !strings.HasPrefix(u.RawPath, "//") {
		return target{url: &exact}
	}
	// RequestURI takes an Opaque with two slashes for host and path. For the signature they are one: the canonical
	// path has no empty segments.
	line := u.RawPath
	if u.ForceQuery || u.RawQuery != "" {
		line += "?" + u.RawQuery
	}
	exact.Opaque = "/" + strings.TrimLeft(u.RawPath, "/")
	return target{url: &exact, line: line}
}

// sendable reports whether a path may stand in a request line.
func sendable(path string) bool {
	for i := 0; i < len(path); i++ {
		if path[i] <= ' ' || path[i] == 0x7f {
			return false
		}
	}
	return path[0] == '/'
}
