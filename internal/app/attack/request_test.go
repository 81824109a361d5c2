//go:build unix

package attack_test

import (
	"fmt"
	"slices"
	"strings"
)

// request is a request as bytes on the wire. It is built and signed by hand, with nothing of package sigv4, since
// no client would send most of what is sent here.
type request struct {
	method string
	target string
	proto  string // "" is HTTP/1.1
	host   string // value of the Host header
	lines  []string
	body   string
	framed bool // lines say how long the body is; else Content-Length does

	service string // that it is for, in a good signature
}

func (r request) wire() string {
	if r.proto == "" {
		r.proto = "HTTP/1.1"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", r.method, r.target, r.proto)
	if r.host != "" {
		fmt.Fprintf(&b, "Host: %s\r\n", r.host)
	}
	for _, line := range r.lines {
		b.WriteString(line + "\r\n")
	}
	if !r.framed && r.body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	return b.String() + "\r\n" + r.body
}

// to is the request with another target.
func (r request) to(target string) request {
	r.target = target
	return r
}

// with adds header lines.
func (r request) with(lines ...string) request {
	r.lines = append(slices.Clone(r.lines), lines...)
	return r
}

// before adds header lines in front of the others.
func (r request) before(lines ...string) request {
	r.lines = append(slices.Clone(lines), r.lines...)
	return r
}

// without removes the header lines of that name.
func (r request) without(name string) request {
	r.lines = slices.DeleteFunc(slices.Clone(r.lines), func(line string) bool { return isHeader(line, name) })
	return r
}

// edit changes the value of a header.
func (r request) edit(name string, change func(string) string) request {
	r.lines = slices.Clone(r.lines)
	for i, line := range r.lines {
		if isHeader(line, name) {
			key, value, _ := strings.Cut(line, ":")
			r.lines[i] = key + ": " + change(strings.TrimSpace(value))
		}
	}
	return r
}

// auth replaces text in the Authorization header.
func (r request) auth(old, with string) request {
	return r.edit("Authorization", func(value string) string { return strings.Replace(value, old, with, 1) })
}

func (r request) value(name string) string {
	for _, line := range r.lines {
		if isHeader(line, name) {
			_, value, _ := strings.Cut(line, ":")
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func isHeader(line, name string) bool {
	key, _, _ := strings.Cut(line, ":")
	return strings.EqualFold(key, name)
}

func addQuery(target, parameter string) string {
	if strings.Contains(target, "?") {
		return target + "&" + parameter
	}
	return target + "?" + parameter
}

func addPath(target, more string) string {
	path, query, found := strings.Cut(target, "?")
	if found {
		query = "?" + query
	}
	return path + more + query
}
