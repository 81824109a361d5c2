package diagnose

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

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

// in is the dimension of one signed header but the host.
func (x *exam) in(name string) dimension {
	i, _ := find(x.base.headers, name)
	return inHeader << (i % 48)
}

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
			signed(HostName, samePort || i >= len(local), net.JoinHostPort(strings.Trim(bare, "[]"), port))
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
			try(hypothesis{ContentType, x.in("content-type"), signed == media,
				"The content-type was signed as " + quote(signed) + " but arrived as " + quote(sent) + ".",
				"Set the content-type, charset included, before signing, so that the HTTP library does not change it.",
				setHeader("content-type", signed)})
		}
	}
}

// signed tries the values of a header one by one.
func (x *exam) signed(try tries, fault Fault, explanation, fix, name string, values ...string) {
	for _, value := range values {
		try(hypothesis{fault, x.in(name), false, explanation, fix, setHeader(name, value)})
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
		try(hypothesis{HeaderSpace, inHeaders &^ inHost, true,
			"Header values were signed with their repeated white space.", fix, func(a *attempt) {
				for i, l := range sent {
					if l.value != x.base.headers[i].value {
						setHeader(l.name, l.value)(a)
					}
				}
			}})
	}
	for _, l := range x.base.headers[:min(len(x.base.headers), maxPerHeader)] {
		values := x.sent(l.name)
		if len(values) == 0 {
			continue
		}
		x.signed(try, HeaderSpace, "The value of "+short(l.name)+" was signed with white space around it.", fix, l.name,
			" "+l.value, l.value+" ")
		if len(values) == 1 || l.name == canonical.Token || grows(l.name) {
			continue
		}
		if len(values) > maxParts {
			x.skip("number of headers")
			continue
		}
		x.signed(try, HeaderJoin, "The header "+short(l.name)+" is there "+strconv.Itoa(len(values))+
			" times, and its values were not joined by a comma in the order sent.",
			"Join the values of a repeated header with ',' and no space, in the order they are sent.", l.name,
			strings.Join(values, ", "), values[0], values[len(values)-1],
			strings.Join(slices.Sorted(slices.Values(values)), ","))
	}
}

// grows reports whether servers on the way add to the header of that name, each at its end or in a line of its own.
func grows(name string) bool {
	return strings.HasPrefix(name, "x-forwarded-") || name == "forwarded" || name == "via" || name == "cdn-loop" ||
		name == "x-amzn-trace-id" || name == "user-agent" || name == "tracestate" || name == "baggage"
}

// changeable are the signed headers that something on the way may have added to.
func (x *exam) changeable() (lines []line) {
	for _, l := range x.base.headers {
		switch l.name {
		case canonical.Host, canonical.Authority, canonical.Token, canonical.Date, canonical.ContentSHA256,
			canonical.ContentLength:
		default:
			if len(l.value) <= maxText && len(lines) < maxPerHeader {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

const (
	fixAppended = "Sign host and x-amz-* headers only: anything on the way may change the others."
	separators  = ",; "
	maxPieces   = 16 // of one value
)

// appended: headers that something on the way added to. Of the value that came, what was signed is the front part, or
// the rest if it was added before (aws/aws-sdk-java-v2#6369, stacklok/toolhive#4670).
func (x *exam) appended(try tries) {
	last, first := slices.Clone(x.base.headers), slices.Clone(x.base.headers)
	grown := 0
	for _, l := range x.changeable() {
		var fronts, rests []string
		for i := 1; i < len(l.value) && len(fronts) < maxPieces; i++ {
			at := len(l.value) - i // what was added last comes first
			if strings.IndexByte(separators, l.value[at]) < 0 {
				continue
			}
			front, rest := strings.TrimRight(l.value[:at], separators), strings.TrimLeft(l.value[at:], separators)
			if len(fronts) == 0 || front != fronts[len(fronts)-1] {
				fronts, rests = append(fronts, front), append(rests, rest)
			}
		}
		if len(fronts) == 0 {
			continue
		}
		latest := fronts[0]
		if at := strings.LastIndexByte(l.value, ','); at >= 0 {
			latest = strings.TrimRight(l.value[:at], separators)
		}
		if grows(l.name) {
			i, _ := find(x.base.headers, l.name)
			last[i].value = latest
			first[i].value, _, _ = strings.Cut(l.value, ",")
			grown++
		}
		for _, front := range fronts {
			x.front(try, l.name, front, front == latest && l.name != "content-type")
		}
		for _, rest := range rests {
			try(hypothesis{HeaderAppended, x.in(l.name), false, "The header " + short(l.name) + " was signed as " +
				quote(rest) + ", and something on the way put more before it.", fixAppended, setHeader(l.name, rest)})
		}
	}
	if grown < 2 {
		return
	}
	for _, lines := range [][]line{last, first} {
		try(hypothesis{HeaderAppended, inHeaders, false,
			"Something on the way added to several of the signed headers, as each proxy does to X-Forwarded-For and Via.",
			fixAppended, setHeaders(lines)})
	}
}

func (x *exam) front(try tries, name, value string, common bool) {
	try(hypothesis{HeaderAppended, x.in(name), common, "The header " + short(name) + " was signed as " + quote(value) +
		", and something on the way added to it.", fixAppended, setHeader(name, value)})
}

// maxFronts bounds the bytes of one value after each of which something may have been added.
const maxFronts = 256

// fronts: the same for what was added without a separator, and for values of another charset: JavaScript's fetch and
// Node's http write ISO-8859-1 where the signer hashed UTF-8.
func (x *exam) fronts(try tries) {
	for _, l := range x.changeable() {
		for i := len(l.value) - 1; i >= 0 && i >= len(l.value)-maxFronts; i-- {
			if strings.IndexByte(separators, l.value[i]) < 0 {
				x.front(try, l.name, l.value[:i], false)
			}
		}
		for _, to := range []charset{utf8Text, latin1} {
			from := utf8Text + latin1 - to
			var out bytes.Buffer
			w := bufio.NewWriter(&out)
			recoded := recode(w, []byte(l.value), from, to)
			w.Flush()
			if recoded && out.String() != l.value && utf8.ValidString(l.value) == (from == utf8Text) {
				x.signed(try, HeaderChanged,
					"The header "+short(l.name)+" was signed in "+to.name()+" but sent in "+from.name()+".",
					"Put only ASCII into headers, or sign the bytes that are sent.", l.name, out.String())
			}
		}
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
		x.signed(try, TokenTwice, "The session token was signed twice.", fix, canonical.Token,
			first+","+first, first+", "+first)
		for _, r := range recodings(first) {
			x.signed(try, TokenEncoded, "The session token was signed "+r.how+", and not as it was sent.", fixToken,
				canonical.Token, r.text)
		}
		return
	}
	x.signed(try, TokenTwice, "The session token is there "+strconv.Itoa(len(values))+" times.", fix, canonical.Token,
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
	x.signed(try, HeaderJoin,
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
		"content-encoding":      {"gzip", "deflate", "br", "identity", ""},
		"expect":                {"100-continue"},
		"x-forwarded-proto":     {"https", "http"},
		"x-forwarded-port":      {"443", "80"},
		"x-forwarded-host":      {x.ev.Request.Host},
		"x-forwarded-for":       {"127.0.0.1", "::1"},
	}
	if _, found := find(x.base.headers, "content-type"); !found { // else it is one of contentTypes
		usual["content-type"] = []string{"application/json", "application/x-www-form-urlencoded",
			"application/x-www-form-urlencoded; charset=utf-8", "text/plain"}
	}
	x.lengths(try)
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
				try(hypothesis{HeaderChanged, x.in(name), false, what + " and changed on the way.", fix, setHeader(name, value)})
			}
		}
	}
}

// lengths: the length of a body counted in characters, as the length of a text is in most languages, or in the units of
// UTF-16, as in JavaScript and Java (aws/aws-sdk-js#2776, aws-samples/sigv4-signing-examples#13).
func (x *exam) lengths(try tries) {
	i, ok := find(x.base.headers, canonical.ContentLength)
	if !ok || !x.known {
		return
	}
	characters, units := 0, 0
	for _, c := range string(x.body) {
		characters++
		units += utf16.RuneLen(c)
	}
	for _, count := range []int{characters, units} {
		if length := strconv.Itoa(count); length != x.base.headers[i].value {
			x.signed(try, LengthCharacters, "Content-Length was signed as "+length+", the number of characters; the body has "+
				x.base.headers[i].value+" bytes.", "Count the length of the body in bytes, after it has been encoded.",
				canonical.ContentLength, length)
		}
	}
}
