package sigv4

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, ""
	}
	seen := map[string]bool{host: true, "": true}
	try := func(fault Fault, common bool, signed string) bool {
		if seen[signed] {
			return true
		}
		seen[signed] = true
		explanation := "The request was signed for the host " + strconv.Quote(signed) + " but arrived for " + strconv.Quote(host) + "."
		fix := "Sign the Host header that is sent; a proxy in between must pass it on unchanged."
		if fault == FaultHostPort {
			fix = "Sign the Host header with its port, exactly as it is sent: only the scheme's default port is left out."
		}
		return yield(hypothesis{fault, inHost, common, explanation, fix,
			func(a *attempt) { a.headers = replaced(a.headers, nameHost, signed) }})
	}
	if !try(FaultHostPort, true, name) {
		return false
	}
	for _, p := range []string{"443", "80"} {
		if !try(FaultHostPort, false, net.JoinHostPort(strings.Trim(name, "[]"), p)) {
			return false
		}
	}
	if !try(FaultHostCase, false, strings.ToLower(host)) {
		return false
	}
	// A local name is mostly that of another server on the same port, any other name that of one on its own.
	local := []string{"localhost", "127.0.0.1", "[::1]"}
	names := slices.Concat(local, x.ev.Request.Header["X-Forwarded-Host"], x.ev.Hosts[:min(len(x.ev.Hosts), maxNames)])
	for i, other := range names {
		bare := other
		if h, _, err := net.SplitHostPort(other); err == nil {
			bare = h
		}
		samePort := i < len(local) && port != ""
		if !try(FaultHostName, !samePort, other) || !try(FaultHostName, false, bare) ||
			port != "" && !try(FaultHostName, samePort, net.JoinHostPort(strings.Trim(bare, "[]"), port)) {
			return false
		}
	}
	return true
}

// headers: lists that do not fit, and values changed on the way.
func (x *exam) headers(yield yields) bool {
	return x.cases(yield) && x.lists(yield) && x.contentTypes(yield) && x.spaces(yield) && x.rewritten(yield) &&
		yield(hypothesis{FaultCanonicalNewline, inHeaders, false,
			"The empty line between headers and SignedHeaders is missing in what was signed.",
			"End each canonical header with a newline and put one more newline after the last.",
			func(a *attempt) { a.noNewline = true }})
}

// maxPerHeader bounds how many headers one family looks at.
const maxPerHeader = 8

func (x *exam) lists(yield yields) bool {
	lines := x.base.headers
	for i, l := range lines[:min(len(lines), maxPerHeader)] {
		fault, explanation := FaultSignedHeadersLong, "The header "+l.name+" is in SignedHeaders but was not signed."
		if l.name == nameToken {
			fault, explanation = FaultTokenUnsigned, "The session token is in SignedHeaders but was not signed."
		}
		rest := slices.Delete(slices.Clone(lines), i, i+1)
		listed := strings.Join(x.claim.signed, ";")
		if !all(yield,
			hypothesis{fault, inHeaders, false, explanation, "List in SignedHeaders exactly the headers that are signed.",
				func(a *attempt) { a.headers = rest }},
			hypothesis{fault, inHeaders, false, explanation, "Give every header in SignedHeaders its line in the canonical request.",
				func(a *attempt) { a.headers, a.names = rest, listed }}) {
			return false
		}
	}
	for _, key := range x.unlisted() {
		name := strings.ToLower(key)
		more := append(slices.Clone(lines), line{name, string(appendValues(nil, x.ev.Request.Header[key]))})
		slices.SortFunc(more, func(a, b line) int { return strings.Compare(a.name, b.name) })
		if !yield(hypothesis{FaultSignedHeadersShort, inHeaders, false,
			"The header " + name + " was signed but is not in SignedHeaders.", "List in SignedHeaders exactly the headers that are signed.",
			func(a *attempt) { a.headers = more }}) {
			return false
		}
	}
	if slices.IsSorted(x.listed) {
		return true
	}
	sent := make([]line, 0, len(lines))
	for _, name := range x.listed {
		if i := slices.IndexFunc(lines, func(l line) bool { return l.name == name }); i >= 0 {
			sent = append(sent, lines[i])
		}
	}
	return all(yield,
		hypothesis{FaultSignedHeadersOrder, inHeaders, false, "The headers were signed in the order they are listed in, not sorted.",
			"Sort the header names before signing.", func(a *attempt) { a.headers = sent }},
		hypothesis{FaultSignedHeadersOrder, inHeaders, false, "SignedHeaders was signed unsorted.",
			"Sort the header names before signing.", func(a *attempt) { a.names = strings.Join(x.listed, ";") }})
}

// unlisted are the keys of headers that are there but not in SignedHeaders, a few of them.
func (x *exam) unlisted() (keys []string) {
	for key := range x.ev.Request.Header {
		if key != keyAuthorization && !containsFold(x.listed, key) {
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
		values := x.ev.Request.Header[http.CanonicalHeaderKey(name)]
		if strings.EqualFold(name, nameHost) {
			values = []string{x.ev.Request.Host}
		}
		value := string(appendValues(nil, values))
		lower = append(lower, line{strings.ToLower(name), value})
		upper = append(upper, line{name, value})
	}
	slices.SortFunc(lower, func(a, b line) int { return strings.Compare(a.name, b.name) })
	const explanation, fix = "SignedHeaders has names with capitals.", "Write all header names in lower case, in SignedHeaders and in what is signed."
	return all(yield,
		hypothesis{FaultSignedHeadersCase, inHeaders, false, explanation, fix, func(a *attempt) { a.headers = lower }},
		hypothesis{FaultSignedHeadersCase, inHeaders, false, explanation, fix, func(a *attempt) { a.headers, a.names = lower, listed }},
		hypothesis{FaultSignedHeadersCase, inHeaders, false, explanation, fix, func(a *attempt) { a.headers = upper }})
}

// contentTypes: HTTP libraries like to add the charset.
func (x *exam) contentTypes(yield yields) bool {
	i := slices.IndexFunc(x.base.headers, func(l line) bool { return l.name == "content-type" })
	if i < 0 {
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
		if !yield(hypothesis{FaultContentType, inHeaders, signed == media,
			"The content-type was signed as " + strconv.Quote(signed) + " but arrived as " + strconv.Quote(sent) + ".",
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
		if values := x.ev.Request.Header[http.CanonicalHeaderKey(l.name)]; len(values) > 0 {
			sent[i].value = strings.Join(values, ",")
		}
	}
	if !slices.Equal(sent, x.base.headers) && !yield(hypothesis{FaultHeaderSpace, inHeaders, true,
		"Header values were signed with their repeated white space.", fix, func(a *attempt) { a.headers = sent }}) {
		return false
	}
	for _, l := range x.base.headers[:min(len(x.base.headers), maxPerHeader)] {
		values := x.ev.Request.Header[http.CanonicalHeaderKey(l.name)]
		if len(values) == 0 {
			continue
		}
		set := func(v string) func(*attempt) {
			return func(a *attempt) { a.headers = replaced(a.headers, l.name, v) }
		}
		for _, signed := range []string{" " + l.value, l.value + " "} {
			if !yield(hypothesis{FaultHeaderSpace, inHeaders, false, "The value of " + l.name + " was signed with white space around it.", fix, set(signed)}) {
				return false
			}
		}
		if len(values) == 1 {
			continue
		}
		sorted := slices.Sorted(slices.Values(values))
		for _, signed := range []string{strings.Join(values, ", "), values[0], values[len(values)-1], strings.Join(sorted, ",")} {
			if !yield(hypothesis{FaultHeaderJoin, inHeaders, false,
				"The header " + l.name + " is there " + strconv.Itoa(len(values)) + " times, and its values were not joined by a comma in the order sent.",
				"Join the values of a repeated header with ',' and no space, in the order they are sent.", set(signed)}) {
				return false
			}
		}
	}
	return true
}

// rewritten: headers that something on the way replaced, or added, and the values clients commonly sign for them.
func (x *exam) rewritten(yield yields) bool {
	usual := map[string][]string{
		"accept":          {"*/*", "application/json", "", "application/json, text/plain, */*"},
		"accept-encoding": {"identity", "gzip", "gzip, deflate", "gzip, deflate, br", "*", ""},
		"cache-control":   {"no-cache", "max-age=0", ""},
		"connection":      {"keep-alive", "close", "Keep-Alive", ""},
		nameContentLength: {strconv.Itoa(len(x.body)), "0", ""},
		"content-type":    {},
		"pragma":          {"no-cache", ""},
		nameTransfer:      {"chunked"},
	}
	for _, name := range x.claim.signed {
		i := slices.IndexFunc(x.base.headers, func(l line) bool { return l.name == name })
		candidates := usual[name]
		if i < 0 && name == "content-type" {
			candidates = []string{"application/json", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8", "text/plain"}
		}
		for _, signed := range candidates {
			h := hypothesis{FaultHeaderChanged, inHeaders, false,
				"The header " + name + " was signed as " + strconv.Quote(signed) + " and changed on the way.",
				"Do not sign " + name + ": proxies and HTTP libraries change it.",
				func(a *attempt) { a.headers = replaced(a.headers, name, signed) }}
			switch {
			case i >= 0 && x.base.headers[i].value == signed:
				continue
			case i < 0:
				h.fault = FaultHeaderAbsent
				h.explanation = "The header " + name + " was signed as " + strconv.Quote(signed) + " and dropped on the way."
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
