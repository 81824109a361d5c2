package diagnose

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// setHeader signs another value for the header of that name.
func setHeader(name, value string) func(*attempt) {
	return func(a *attempt) {
		a.headers = slices.Clone(a.headers)
		for i := range a.headers {
			if a.headers[i].name == name {
				a.headers[i].value = value
			}
		}
	}
}

// setHeaders signs other lines.
func setHeaders(lines []line) func(*attempt) { return func(a *attempt) { a.headers = lines } }

// maxNames bounds the names of this server that are tried.
const maxNames = 8

// hosts: other names and ports of this server.
func (x *exam) hosts(try tries) {
	host := x.ev.Request.Host
	if len(host) > maxNameLen {
		x.skip("host")
		return
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, ""
	}
	seen := map[string]bool{host: true, "": true}
	signed := func(fault Fault, common bool, name string) {
		if seen[name] || len(name) > maxNameLen {
			return
		}
		seen[name] = true
		fix := "Sign the Host header that is sent; a proxy in between must pass it on unchanged."
		if fault == HostPort {
			fix = "Sign the Host header with its port, exactly as it is sent: only the scheme's default port is left out."
		}
		try(hypothesis{fault, inHost, common,
			"The request was signed for the host " + quote(name) + " but arrived for " + quote(host) + ".", fix,
			setHeader(canonical.Host, name)})
	}
	signed(HostPort, true, name)
	for _, p := range []string{"443", "80"} {
		signed(HostPort, false, net.JoinHostPort(strings.Trim(name, "[]"), p))
	}
	signed(HostCase, false, strings.ToLower(host))
	// A local name is mostly that of another server on the same port, any other name that of one on its own.
	local := []string{"localhost", "127.0.0.1", "[::1]"}
	forwarded := x.ev.Request.Header["X-Forwarded-Host"]
	names := slices.Concat(local, forwarded[:min(len(forwarded), maxNames)], x.ev.Hosts[:min(len(x.ev.Hosts), maxNames)])
	for i, other := range names {
		bare := other
		if h, _, err := net.SplitHostPort(other); err == nil {
			bare = h
		}
		samePort := i < len(local) && port != ""
		signed(HostName, !samePort, other)
		signed(HostName, false, bare)
		if port != "" {
			signed(HostName, samePort, net.JoinHostPort(strings.Trim(bare, "[]"), port))
		}
	}
}

// newlines: the empty line that is easily forgotten.
func (x *exam) newlines(try tries) {
	try(hypothesis{CanonicalNewline, inHeaders, false,
		"The empty line between headers and SignedHeaders is missing in what was signed.",
		"End each canonical header with a newline and put one more newline after the last.",
		func(a *attempt) { a.noNewline = true }})
}

// find finds the line of that name; lines are sorted.
func find(lines []line, name string) (int, bool) {
	return slices.BinarySearchFunc(lines, line{name: name}, byName)
}

func byName(a, b line) int { return strings.Compare(a.name, b.name) }

// sent are the values of a header that net/http keeps in the map, whatever letters its name is listed in.
func (x *exam) sent(name string) []string { return x.ev.Request.Header[http.CanonicalHeaderKey(name)] }

// maxPerHeader bounds how many headers one family looks at.
const maxPerHeader = 8

// lists: names listed that were not signed, or signed that were not listed, and unsorted ones.
func (x *exam) lists(try tries) {
	const fix, fixSorted = "List in SignedHeaders exactly the headers that are signed.",
		"Sort the header names before signing."
	lines := x.base.headers
	for i, l := range lines[:min(len(lines), maxPerHeader)] {
		fault, explanation := SignedHeadersLong, "The header "+short(l.name)+" is in SignedHeaders but was not signed."
		if l.name == canonical.Token {
			fault, explanation = TokenUnsigned, "The session token is in SignedHeaders but was not signed."
		}
		rest := slices.Delete(slices.Clone(lines), i, i+1)
		listed := strings.Join(x.claim.Names, ";")
		try(hypothesis{fault, inHeaders, false, explanation, fix, setHeaders(rest)},
			hypothesis{fault, inHeaders, false, explanation,
				"Give every header in SignedHeaders its line in the canonical request.",
				func(a *attempt) { a.headers, a.names = rest, listed }})
	}
	for _, key := range x.unlisted() {
		name := strings.ToLower(key)
		more := append(slices.Clone(lines), line{name, string(canonical.AppendValues(nil, x.ev.Request.Header[key]))})
		slices.SortFunc(more, byName)
		try(hypothesis{SignedHeadersShort, inHeaders, false,
			"The header " + short(name) + " was signed but is not in SignedHeaders.", fix, setHeaders(more)})
	}
	if slices.IsSorted(x.listed) {
		return
	}
	sent := make([]line, 0, len(lines))
	for _, name := range x.listed {
		if i, ok := find(lines, name); ok {
			sent = append(sent, lines[i])
		}
	}
	try(hypothesis{SignedHeadersOrder, inHeaders, false,
		"The headers were signed in the order they are listed in, not sorted.", fixSorted, setHeaders(sent)},
		hypothesis{SignedHeadersOrder, inHeaders, false, "SignedHeaders was signed unsorted.", fixSorted,
			func(a *attempt) { a.names = strings.Join(x.listed, ";") }})
}

// unlisted are the keys of headers that are there but not in SignedHeaders, a few of them.
func (x *exam) unlisted() (keys []string) {
	if len(x.ev.Request.Header) > maxParts {
		x.skip("number of headers")
		return nil
	}
	listed := map[string]bool{canonical.KeyAuthorization: true}
	for _, name := range x.listed {
		listed[http.CanonicalHeaderKey(name)] = true
	}
	for key, values := range x.ev.Request.Header {
		size := 0
		for _, value := range values {
			size += len(value) + 1
		}
		if !listed[key] && size <= maxText {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys[:min(len(keys), maxPerHeader)]
}

// cases: names that were listed, and mostly signed, with capitals.
func (x *exam) cases(try tries) {
	listed := strings.Join(x.listed, ";")
	if strings.ToLower(listed) == listed {
		return
	}
	var lower, upper []line
	for _, name := range x.listed {
		values := x.sent(name)
		if strings.EqualFold(name, canonical.Host) {
			values = []string{x.ev.Request.Host}
		}
		value := string(canonical.AppendValues(nil, values))
		lower = append(lower, line{strings.ToLower(name), value})
		upper = append(upper, line{name, value})
	}
	slices.SortFunc(lower, byName)
	for _, apply := range []func(*attempt){
		setHeaders(lower), func(a *attempt) { a.headers, a.names = lower, listed }, setHeaders(upper),
	} {
		try(hypothesis{SignedHeadersCase, inHeaders, false, "SignedHeaders has names with capitals.",
			"Write all header names in lower case, in SignedHeaders and in what is signed.", apply})
	}
}

// contentTypes: HTTP libraries like to add the charset.
func (x *exam) contentTypes(try tries) {
	i, ok := find(x.base.headers, "content-type")
	if !ok {
		return
	}
	sent := x.base.headers[i].value
	media, _, _ := strings.Cut(sent, ";")
	media = strings.TrimSpace(media)
	for _, signed := range []string{
		media, media + "; charset=utf-8", media + "; charset=UTF-8", media + ";charset=utf-8", media + ";charset=UTF-8",
		"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8", "application/json",
		"application/octet-stream", "text/plain", "",
	} {
		if signed != sent {
			try(hypothesis{ContentType, inHeaders, signed == media,
				"The content-type was signed as " + quote(signed) + " but arrived as " + quote(sent) + ".",
				"Set the content-type, charset included, before signing, so that the HTTP library does not change it.",
				setHeader("content-type", signed)})
		}
	}
}

// signed tries the values of a header one by one.
func signed(try tries, fault Fault, explanation, fix, name string, values ...string) {
	for _, value := range values {
		try(hypothesis{fault, inHeaders, false, explanation, fix, setHeader(name, value)})
	}
}

// spaces: values not trimmed or collapsed, and repeated headers joined in other ways.
func (x *exam) spaces(try tries) {
	const fix = "Trim header values and turn each run of white space into one space before signing."
	sent := slices.Clone(x.base.headers)
	for i, l := range sent {
		if values := x.sent(l.name); len(values) > 0 {
			sent[i].value = strings.Join(values, ",")
		}
	}
	if !slices.Equal(sent, x.base.headers) {
		try(hypothesis{HeaderSpace, inHeaders, true,
			"Header values were signed with their repeated white space.", fix, setHeaders(sent)})
	}
	for _, l := range x.base.headers[:min(len(x.base.headers), maxPerHeader)] {
		values := x.sent(l.name)
		if len(values) == 0 {
			continue
		}
		signed(try, HeaderSpace, "The value of "+short(l.name)+" was signed with white space around it.", fix, l.name,
			" "+l.value, l.value+" ")
		if len(values) == 1 || l.name == canonical.Token {
			continue
		}
		if len(values) > maxParts {
			x.skip("number of headers")
			continue
		}
		signed(try, HeaderJoin, "The header "+short(l.name)+" is there "+strconv.Itoa(len(values))+
			" times, and its values were not joined by a comma in the order sent.",
			"Join the values of a repeated header with ',' and no space, in the order they are sent.", l.name,
			strings.Join(values, ", "), values[0], values[len(values)-1],
			strings.Join(slices.Sorted(slices.Values(values)), ","))
	}
}

// tokens: session tokens that the signer and its HTTP client both add.
func (x *exam) tokens(try tries) {
	i, ok := find(x.base.headers, canonical.Token)
	if !ok {
		return
	}
	const fix = "Hand the session token to the signer, and add no X-Amz-Security-Token besides."
	values := x.sent(canonical.Token)
	first, last := values[0], values[len(values)-1]
	if len(values) == 1 {
		signed(try, TokenTwice, "The session token was signed twice.", fix, canonical.Token,
			first+","+first, first+", "+first)
		return
	}
	signed(try, TokenTwice, "The session token is there "+strconv.Itoa(len(values))+" times.", fix, canonical.Token,
		x.base.headers[i].value, first, last, strings.Join(values, ", "))
}

// cookies: HTTP/2 sends each cookie by itself, and the receiver that puts them together again writes "; " between them
// (RFC 9113, 8.2.3).
func (x *exam) cookies(try tries) {
	i, ok := find(x.base.headers, "cookie")
	if !ok {
		return
	}
	sent := x.base.headers[i].value
	other := []string{
		strings.ReplaceAll(sent, "; ", ";"), strings.ReplaceAll(sent, "; ", ","), strings.ReplaceAll(sent, "; ", ", "),
		sent + ";",
	}
	signed(try, HeaderJoin,
		"The cookies were signed with something else than '; ' between them, which HTTP/2 makes of it.",
		"Write all cookies into one header with '; ' between them, or leave cookies out of what is signed.", "cookie",
		slices.DeleteFunc(other, func(value string) bool { return value == sent })...)
}

// rewritten: headers that something on the way replaced, or added, and the values clients commonly sign for them.
func (x *exam) rewritten(try tries) {
	usual := map[string][]string{
		"accept":                {"*/*", "application/json", "", "application/json, text/plain, */*"},
		"accept-encoding":       {"identity", "gzip", "gzip, deflate", "gzip, deflate, br", "*", ""},
		"cache-control":         {"no-cache", "max-age=0", ""},
		"connection":            {"keep-alive", "close", "Keep-Alive", ""},
		canonical.ContentLength: {strconv.Itoa(len(x.body)), "0", ""},
		"pragma":                {"no-cache", ""},
		canonical.Transfer:      {"chunked"},
	}
	if _, found := find(x.base.headers, "content-type"); !found { // else it is one of contentTypes
		usual["content-type"] = []string{"application/json", "application/x-www-form-urlencoded",
			"application/x-www-form-urlencoded; charset=utf-8", "text/plain"}
	}
	for _, name := range x.claim.Names {
		i, found := find(x.base.headers, name)
		for _, value := range usual[name] {
			what := "The header " + name + " was signed as " + quote(value)
			fix := "Do not sign " + name + ": proxies and HTTP libraries change it."
			switch {
			case !found:
				try(hypothesis{HeaderAbsent, inHeaders, false, what + " and dropped on the way.", fix, func(a *attempt) {
					a.headers = append(slices.Clone(a.headers), line{name, value})
					slices.SortFunc(a.headers, byName)
				}})
			case x.base.headers[i].value != value:
				try(hypothesis{HeaderChanged, inHeaders, false, what + " and changed on the way.", fix, setHeader(name, value)})
			}
		}
	}
}
