package diagnose

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// replaced is a copy of lines with another value for the header of that name.
func replaced(lines []line, name, value string) []line {
	out := slices.Clone(lines)
	for i := range out {
		if out[i].name == name {
			out[i].value = value
		}
	}
	return out
}

// maxNames bounds the names of this server that are tried.
const maxNames = 8

// hosts: other names and ports of this server.
func (x *exam) hosts(yield yields) bool {
	host := x.ev.Request.Host
	if len(host) > maxNameLen {
		x.skip("host")
		return true
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, ""
	}
	seen := map[string]bool{host: true, "": true}
	try := func(fault Fault, common bool, signed string) bool {
		if seen[signed] || len(signed) > maxNameLen {
			return true
		}
		seen[signed] = true
		explanation := "The request was signed for the host " + quote(signed) + " but arrived for " + quote(host) + "."
		fix := "Sign the Host header that is sent; a proxy in between must pass it on unchanged."
		if fault == HostPort {
			fix = "Sign the Host header with its port, exactly as it is sent: only the scheme's default port is left out."
		}
		return yield(hypothesis{fault, inHost, common, explanation, fix,
			func(a *attempt) { a.headers = replaced(a.headers, canonical.Host, signed) }})
	}
	if !try(HostPort, true, name) {
		return false
	}
	for _, p := range []string{"443", "80"} {
		if !try(HostPort, false, net.JoinHostPort(strings.Trim(name, "[]"), p)) {
			return false
		}
	}
	if !try(HostCase, false, strings.ToLower(host)) {
		return false
	}
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
		if !try(HostName, !samePort, other) || !try(HostName, false, bare) ||
			port != "" && !try(HostName, samePort, net.JoinHostPort(strings.Trim(bare, "[]"), port)) {
			return false
		}
	}
	return true
}

// headers: lists that do not fit, and values changed on the way.
func (x *exam) headers(yield yields) bool {
	return x.cases(yield) && x.lists(yield) && x.contentTypes(yield) && x.tokens(yield) && x.spaces(yield) &&
		x.cookies(yield) &&
		x.rewritten(yield) &&
		yield(hypothesis{CanonicalNewline, inHeaders, false,
			"The empty line between headers and SignedHeaders is missing in what was signed.",
			"End each canonical header with a newline and put one more newline after the last.",
			func(a *attempt) { a.noNewline = true }})
}

// find finds the line of that name; lines are sorted.
func find(lines []line, name string) (int, bool) {
	return slices.BinarySearchFunc(lines, name, func(l line, name string) int { return strings.Compare(l.name, name) })
}

// sent are the values of a header that net/http keeps in the map, whatever letters its name is listed in.
func (x *exam) sent(name string) []string { return x.ev.Request.Header[http.CanonicalHeaderKey(name)] }

// maxPerHeader bounds how many headers one family looks at.
const maxPerHeader = 8

func (x *exam) lists(yield yields) bool {
	lines := x.base.headers
	for i, l := range lines[:min(len(lines), maxPerHeader)] {
		fault, explanation := SignedHeadersLong, "The header "+short(l.name)+" is in SignedHeaders but was not signed."
		if l.name == canonical.Token {
			fault, explanation = TokenUnsigned, "The session token is in SignedHeaders but was not signed."
		}
		rest := slices.Delete(slices.Clone(lines), i, i+1)
		listed := strings.Join(x.claim.Names, ";")
		if !all(yield,
			hypothesis{fault, inHeaders, false, explanation, "List in SignedHeaders exactly the headers that are signed.",
				func(a *attempt) { a.headers = rest }},
			hypothesis{fault, inHeaders, false, explanation,
				"Give every header in SignedHeaders its line in the canonical request.",
				func(a *attempt) { a.headers, a.names = rest, listed }}) {
			return false
		}
	}
	for _, key := range x.unlisted() {
		name := strings.ToLower(key)
		more := append(slices.Clone(lines), line{name, string(canonical.AppendValues(nil, x.ev.Request.Header[key]))})
		slices.SortFunc(more, func(a, b line) int { return strings.Compare(a.name, b.name) })
		if !yield(hypothesis{SignedHeadersShort, inHeaders, false,
			"The header " + short(name) + " was signed but is not in SignedHeaders.",
			"List in SignedHeaders exactly the headers that are signed.",
			func(a *attempt) { a.headers = more }}) {
			return false
		}
	}
	if slices.IsSorted(x.listed) {
		return true
	}
	sent := make([]line, 0, len(lines))
	for _, name := range x.listed {
		if i, ok := find(lines, name); ok {
			sent = append(sent, lines[i])
		}
	}
	return all(yield,
		hypothesis{SignedHeadersOrder, inHeaders, false,
			"The headers were signed in the order they are listed in, not sorted.",
			"Sort the header names before signing.", func(a *attempt) { a.headers = sent }},
		hypothesis{SignedHeadersOrder, inHeaders, false, "SignedHeaders was signed unsorted.",
			"Sort the header names before signing.", func(a *attempt) { a.names = strings.Join(x.listed, ";") }})
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
func (x *exam) cases(yield yields) bool {
	listed := strings.Join(x.listed, ";")
	if strings.ToLower(listed) == listed {
		return true
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
	slices.SortFunc(lower, func(a, b line) int { return strings.Compare(a.name, b.name) })
	const explanation, fix = "SignedHeaders has names with capitals.",
		"Write all header names in lower case, in SignedHeaders and in what is signed."
	return all(yield,
		hypothesis{SignedHeadersCase, inHeaders, false, explanation, fix, func(a *attempt) { a.headers = lower }},
		hypothesis{SignedHeadersCase, inHeaders, false, explanation, fix,
			func(a *attempt) { a.headers, a.names = lower, listed }},
		hypothesis{SignedHeadersCase, inHeaders, false, explanation, fix, func(a *attempt) { a.headers = upper }})
}

// contentTypes: HTTP libraries like to add the charset.
func (x *exam) contentTypes(yield yields) bool {
	i, ok := find(x.base.headers, "content-type")
	if !ok {
		return true
	}
	sent := x.base.headers[i].value
	media, _, _ := strings.Cut(sent, ";")
	media = strings.TrimSpace(media)
	for _, signed := range []string{
		media, media + "; charset=utf-8", media + "; charset=UTF-8", media + ";charset=utf-8", media + ";charset=UTF-8",
		"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8", "application/json",
		"application/octet-stream", "text/plain", "",
	} {
		if signed == sent {
			continue
		}
		if !yield(hypothesis{ContentType, inHeaders, signed == media,
			"The content-type was signed as " + quote(signed) + " but arrived as " + quote(sent) + ".",
			"Set the content-type, charset included, before signing, so that the HTTP library does not change it.",
			func(a *attempt) { a.headers = replaced(a.headers, "content-type", signed) }}) {
			return false
		}
	}
	return true
}

// spaces: values not trimmed or collapsed, and repeated headers joined in other ways.
func (x *exam) spaces(yield yields) bool {
	const fix = "Trim header values and turn each run of white space into one space before signing."
	sent := slices.Clone(x.base.headers)
	for i, l := range sent {
		if values := x.sent(l.name); len(values) > 0 {
			sent[i].value = strings.Join(values, ",")
		}
	}
	if !slices.Equal(sent, x.base.headers) && !yield(hypothesis{HeaderSpace, inHeaders, true,
		"Header values were signed with their repeated white space.", fix, func(a *attempt) { a.headers = sent }}) {
		return false
	}
	for _, l := range x.base.headers[:min(len(x.base.headers), maxPerHeader)] {
		values := x.sent(l.name)
		if len(values) == 0 {
			continue
		}
		set := func(v string) func(*attempt) {
			return func(a *attempt) { a.headers = replaced(a.headers, l.name, v) }
		}
		for _, signed := range []string{" " + l.value, l.value + " "} {
			if !yield(hypothesis{HeaderSpace, inHeaders, false, "The value of " + short(l.name) +
				" was signed with white space around it.", fix, set(signed)}) {
				return false
			}
		}
		if len(values) == 1 || l.name == canonical.Token {
			continue
		}
		if len(values) > maxParts {
			x.skip("number of headers")
			continue
		}
		sorted := slices.Sorted(slices.Values(values))
		for _, signed := range []string{strings.Join(values, ", "), values[0], values[len(values)-1],
			strings.Join(sorted, ",")} {
			if !yield(hypothesis{HeaderJoin, inHeaders, false,
				"The header " + short(l.name) + " is there " + strconv.Itoa(len(values)) +
					" times, and its values were not joined by a comma in the order sent.",
				"Join the values of a repeated header with ',' and no space, in the order they are sent.", set(signed)}) {
				return false
			}
		}
	}
	return true
}

// tokens: session tokens that the signer and its HTTP client both add.
func (x *exam) tokens(yield yields) bool {
	i, ok := find(x.base.headers, canonical.Token)
	if !ok {
		return true
	}
	set := func(v string) func(*attempt) {
		return func(a *attempt) { a.headers = replaced(a.headers, canonical.Token, v) }
	}
	const fix = "Hand the session token to the signer, and add no X-Amz-Security-Token besides."
	values := x.sent(canonical.Token)
	if len(values) == 1 {
		for _, comma := range []string{",", ", "} {
			if !yield(hypothesis{TokenTwice, inHeaders, false, "The session token was signed twice.", fix,
				set(values[0] + comma + values[0])}) {
				return false
			}
		}
		return true
	}
	for _, signed := range []string{x.base.headers[i].value, values[0], values[len(values)-1],
		strings.Join(values, ", ")} {
		if !yield(hypothesis{TokenTwice, inHeaders, false,
			"The session token is there " + strconv.Itoa(len(values)) + " times.", fix, set(signed)}) {
			return false
		}
	}
	return true
}

// cookies: HTTP/2 sends each cookie by itself, and whoever puts them together again writes "; " between them (RFC 9113,
// 8.2.3).
func (x *exam) cookies(yield yields) bool {
	i, ok := find(x.base.headers, "cookie")
	if !ok {
		return true
	}
	sent := x.base.headers[i].value
	for _, signed := range []string{
		strings.ReplaceAll(sent, "; ", ";"), strings.ReplaceAll(sent, "; ", ","), strings.ReplaceAll(sent, "; ",
			", "), sent + ";",
	} {
		if signed == sent {
			continue
		}
		if !yield(hypothesis{HeaderJoin, inHeaders, false,
			"The cookies were signed with something else than '; ' between them, which HTTP/2 makes of it.",
			"Write all cookies into one header with '; ' between them, or leave cookies out of what is signed.",
			func(a *attempt) { a.headers = replaced(a.headers, "cookie", signed) }}) {
			return false
		}
	}
	return true
}

// rewritten: headers that something on the way replaced, or added, and the values clients commonly sign for them.
func (x *exam) rewritten(yield yields) bool {
	usual := map[string][]string{
		"accept":                {"*/*", "application/json", "", "application/json, text/plain, */*"},
		"accept-encoding":       {"identity", "gzip", "gzip, deflate", "gzip, deflate, br", "*", ""},
		"cache-control":         {"no-cache", "max-age=0", ""},
		"connection":            {"keep-alive", "close", "Keep-Alive", ""},
		canonical.ContentLength: {strconv.Itoa(len(x.body)), "0", ""},
		"content-type":          {},
		"pragma":                {"no-cache", ""},
		canonical.Transfer:      {"chunked"},
	}
	for _, name := range x.claim.Names {
		i, found := find(x.base.headers, name)
		candidates := usual[name]
		if !found && name == "content-type" {
			candidates = []string{"application/json", "application/x-www-form-urlencoded",
				"application/x-www-form-urlencoded; charset=utf-8", "text/plain"}
		}
		for _, signed := range candidates {
			h := hypothesis{HeaderChanged, inHeaders, false,
				"The header " + name + " was signed as " + quote(signed) + " and changed on the way.",
				"Do not sign " + name + ": proxies and HTTP libraries change it.",
				func(a *attempt) { a.headers = replaced(a.headers, name, signed) }}
			switch {
			case found && x.base.headers[i].value == signed:
				continue
			case !found:
				h.fault = HeaderAbsent
				h.explanation = "The header " + name + " was signed as " + quote(signed) + " and dropped on the way."
				h.apply = func(a *attempt) {
					a.headers = append(slices.Clone(a.headers), line{name, signed})
					slices.SortFunc(a.headers, func(a, b line) int { return strings.Compare(a.name, b.name) })
				}
			}
			if !yield(h) {
				return false
			}
		}
	}
	return true
}
