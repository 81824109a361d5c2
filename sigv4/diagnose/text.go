package diagnose

import (
	"strconv"
	"strings"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// Line is a line of a canonical request with what it is.
type Line struct {
	Label string // "method", "path", "query", "header host", "end of headers", "signed headers", "payload hash"
	Text  string
}

// Lines labels the lines of a canonical request for people to read. It replaces the values of headers and parameters
// such as the session token ([sigv4.SecretParameter]) by their length, so that the result may be printed and sent.
func Lines(canonicalRequest string) []Line {
	texts := strings.Split(canonicalRequest, "\n")
	lines := make([]Line, len(texts))
	for i, text := range texts {
		lines[i] = Line{Label: label(texts, i), Text: hide(text)}
	}
	return lines
}

func label(texts []string, i int) string {
	switch last := len(texts) - 1; {
	case i == 0:
		return "method"
	case i == 1:
		return "path"
	case i == 2:
		return "query"
	case i == last:
		return "payload hash"
	case i == last-1:
		return "signed headers"
	case i == last-2 && texts[i] == "":
		return "end of headers"
	}
	name, _, _ := strings.Cut(texts[i], ":")
	return "header " + name
}

// Difference is where two canonical requests part.
type Difference struct {
	Line   int    // from 1
	Label  string // of the server's line, as in Lines; "" past its end
	Column int    // bytes, from 1: the first that differs
	Server string // the server's line, as in Lines
	Client string // the client's line, as in Lines
}

// Compare finds the first byte in which a client's canonical request differs from the server's. It reports false if
// they are equal. A line of the client's may be as in Lines, for clients that keep their session token to themselves.
func Compare(server, client string) (Difference, bool) {
	if server == client {
		return Difference{}, false
	}
	ours, theirs := strings.Split(server, "\n"), strings.Split(client, "\n")
	at := 0
	for at < len(ours) && at < len(theirs) && (ours[at] == theirs[at] || hide(ours[at]) == theirs[at]) {
		at++
	}
	if at == len(ours) && at == len(theirs) {
		return Difference{}, false
	}
	d := Difference{Line: at + 1, Column: 1}
	var a, b string
	if at < len(ours) {
		a, d.Label = ours[at], label(ours, at)
	}
	if at < len(theirs) {
		b = theirs[at]
	}
	for d.Column <= len(a) && d.Column <= len(b) && a[d.Column-1] == b[d.Column-1] {
		d.Column++
	}
	d.Server, d.Client = hide(a), hide(b)
	return d, true
}

// secretHeader reports whether the value of the header lets its reader act as the caller.
func secretHeader(name string) bool {
	return strings.EqualFold(name, canonical.Token) || strings.EqualFold(name, canonical.Authorization)
}

// hide replaces what lets its reader act as the caller in a line of a canonical request: in a header line or a query.
func hide(text string) string {
	if name, value, ok := strings.Cut(text, ":"); ok && secretHeader(strings.TrimSpace(name)) {
		return name + ":" + size(value)
	}
	if !strings.Contains(text, "=") {
		return text
	}
	pairs := strings.Split(text, "&")
	for i, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if ok && sigv4.SecretParameter(name[strings.LastIndexByte(name, '?')+1:]) { // some sign a URL where the path belongs
			pairs[i] = name + "=" + size(value)
		}
	}
	return strings.Join(pairs, "&")
}

func size(value string) string { return "(" + strconv.Itoa(len(value)) + " bytes)" }
