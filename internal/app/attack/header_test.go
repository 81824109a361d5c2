package attack_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The values of signed headers: trimmed, each run of white space one space, lines of one name joined as they came.
func TestHeaderValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range w.readers() {
		for _, test := range []struct {
			name   string
			lines  []string
			signed string
			good   bool
		}{
			{"blanks around it", []string{"X-A:  \tb  "}, "b", true},
			{"blanks in it", []string{"X-A: a   b"}, "a b", true},
			{"blanks in it, as sent", []string{"X-A: a   b"}, "a   b", false},
			{"blanks in quotes", []string{`X-A: "a   b"`}, `"a b"`, true},
			{"blanks in quotes, as sent", []string{`X-A: "a   b"`}, `"a   b"`, false},
			{"a tab", []string{"X-A: a\tb"}, "a b", true},
			{"a tab, as sent", []string{"X-A: a\tb"}, "a\tb", false},
			{"tabs and blanks", []string{"X-A: a \t \t b"}, "a b", true},
			{"two lines", []string{"X-A: b", "x-a: a"}, "b,a", true},
			{"two lines, sorted", []string{"X-A: b", "x-a: a"}, "a,b", false},
			{"two lines, joined with a space", []string{"X-A: b", "x-a: a"}, "b, a", false},
			{"two lines, the first only", []string{"X-A: b", "x-a: a"}, "b", false},
			{"two lines, the last only", []string{"X-A: b", "x-a: a"}, "a", false},
			{"one line twice", []string{"X-A: a", "X-A: a"}, "a,a", true},
			{"one line twice, signed once", []string{"X-A: a", "X-A: a"}, "a", false},
			{"two lines in other order", []string{"X-A: a", "X-A: b"}, "b,a", false},
			{"a list", []string{"X-A: b, a"}, "b, a", true},
			{"a folded line", []string{"X-A: a\r\n   b"}, "a b", true},
			{"a folded line, joined with a comma", []string{"X-A: a\r\n   b"}, "a,b", false},
			{"a folded line, its first line only", []string{"X-A: a\r\n   b"}, "a", false},
			{"UTF-8", []string{"X-A: caf\xc3\xa9"}, "caf\xc3\xa9", true},
			{"Latin-1", []string{"X-A: caf\xe9"}, "caf\xe9", true},
			{"Latin-1, as UTF-8", []string{"X-A: caf\xe9"}, "caf\xc3\xa9", false},
			{"Latin-1, replaced", []string{"X-A: caf\xe9"}, "caf\xef\xbf\xbd", false},
			{"no value", []string{"X-A:"}, "", true},
			{"a comma alone", []string{"X-A:", "X-A:"}, ",", true},
			{"another case", []string{"X-A: Value"}, "value", false},
		} {
			t.Run(p.name+"/"+test.name, func(t *testing.T) {
				s := w.good(p)
				s.names, s.values = []string{"x-a"}, map[string]string{"x-a": test.signed}
				a := w.send(t, p.request.with(test.lines...).signed(s))
				if test.good {
					p.accepts(t, w, a)
				} else {
					p.refuses(t, a, mismatch, messageMismatch)
				}
			})
		}
	}
}

// Headers that proxies, HTTP libraries and this server itself add, change or keep elsewhere. Clients need not sign them;
// one that is signed has to be what was signed.
func TestHopByHop(t *testing.T) { // localstack#9609, rustfs#3374
	t.Parallel()
	w := newWorld(t)
	for _, p := range w.readers() {
		for _, line := range []string{
			"Accept-Encoding: gzip", "Cache-Control: no-cache", "Connection: keep-alive", "Cookie: a=b; c=d", "Expect: 100-continue", "Forwarded: for=203.0.113.7",
			"Keep-Alive: timeout=5", "Proxy-Authorization: Basic eDp5", "Proxy-Connection: keep-alive", "Range: bytes=0-1", "Sec-WebSocket-Key: x", "TE: trailers",
			"Upgrade: websocket", "User-Agent: hostile/1", "Via: 1.1 proxy", "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678",
			"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Host: evil.example", "X-Forwarded-Port: 443", "X-Forwarded-Proto: https", "X-Amz-Cf-Id: x",
			"X_Amz_Date: 20200101T000000Z",
		} {
			name, value, _ := strings.Cut(line, ": ")
			t.Run(p.name+"/"+name, func(t *testing.T) {
				s := w.good(p)
				p.accepts(t, w, w.last(t, p.request.signed(s).with(line)))
				p.accepts(t, w, w.last(t, p.request.with(line).signed(s)))
				s.names = []string{strings.ToLower(name)}
				p.accepts(t, w, w.last(t, p.request.with(line).signed(s)))
				p.refuses(t, w.last(t, p.request.signed(s)), mismatch, messageMismatch)
				s.values = map[string]string{s.names[0]: value + "x"}
				p.refuses(t, w.last(t, p.request.with(line).signed(s)), mismatch, messageMismatch)
			})
		}
	}
}

// last sends a request and reads the answer that follows a "100 Continue".
func (w *world) last(t *testing.T, r request) answer {
	t.Helper()
	c := dial(t, w.address)
	defer c.Close()
	c.write(r.wire())
	a, err := c.read(r.method)
	if err == nil && a.status == http.StatusContinue {
		a, err = c.read(r.method)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The host and the method are signed as they came, in their own case.
func TestHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range w.readers() {
		host := strings.Replace(p.request.host, "127.0.0.1", "localhost", 1)
		name, port := strings.TrimSuffix(host, ":"+w.port()), ":"+w.port()
		for _, test := range []struct {
			name         string
			sent, signed string
			good         bool
		}{
			{"as it is", host, host, true},
			{"in capitals", strings.ToUpper(host), strings.ToUpper(host), true},
			{"in capitals, signed in lower case", strings.ToUpper(host), host, false},
			{"in lower case, signed in capitals", host, strings.ToUpper(host), false},
			{"without the port", name, name, true},
			{"without the port, signed with it", name, host, false},
			{"with the port, signed without it", host, name, false},
			{"with the default port", name + ":80", name + ":80", true},
			{"with the default port, signed without it", name + ":80", name, false},
			{"with another port", name + port + "0", host, false},
			{"with a zero before the port", name + ":0" + w.port(), host, false},
		} {
			t.Run(p.name+"/"+test.name, func(t *testing.T) {
				r, s := p.request, w.good(p)
				r.host, s.values = test.sent, map[string]string{"host": test.signed}
				for _, r := range []request{r.signed(s), r.presigned(s)} {
					if a := w.send(t, r); test.good {
						p.accepts(t, w, a)
					} else {
						p.refuses(t, a, mismatch, messageMismatch)
					}
				}
			})
		}
		t.Run(p.name+"/a method in lower case", func(t *testing.T) {
			r, s := p.request, w.good(p)
			s.method, r.method = r.method, strings.ToLower(r.method)
			p.refuses(t, w.send(t, r.signed(s)), mismatch, messageMismatch)
			p.accepts(t, w, w.send(t, r.signed(w.good(p))))
		})
	}
}

// How long a body is and how it is framed are no headers to net/http; who signs them is taken at their word all the same.
func TestFraming(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range w.readers() {
		body := p.request.body
		length := fmt.Sprint(len(body))
		for _, test := range []struct {
			name   string
			header string
			value  string // that was signed
			lines  []string
			body   string
			good   bool
		}{
			{"length", "content-length", length, []string{"Content-Length: " + length}, body, true},
			{"another length", "content-length", length + "0", []string{"Content-Length: " + length}, body, false},
			{"a length with a zero before it", "content-length", length, []string{"Content-Length: 0" + length}, body, false},
			{"a length, and then chunks", "content-length", length, []string{"Transfer-Encoding: chunked"}, chunked(body, ""), false},
			{"a length beside chunks", "content-length", length, []string{"Content-Length: " + length, "Transfer-Encoding: chunked"}, chunked(body, ""), false},
			{"chunks", "transfer-encoding", "chunked", []string{"Transfer-Encoding: chunked"}, chunked(body, ""), true},
			{"chunks in capitals", "transfer-encoding", "chunked", []string{"Transfer-Encoding: CHUNKED"}, chunked(body, ""), true},
			{"other chunks", "transfer-encoding", "gzip", []string{"Transfer-Encoding: chunked"}, chunked(body, ""), false},
			{"chunks, and then none", "transfer-encoding", "chunked", []string{"Content-Length: " + length}, body, false},
			{"names of trailers", "trailer", "X-A", []string{"Transfer-Encoding: chunked", "Trailer: X-A"}, chunked(body, "X-A: b\r\n"), false},
			{"an encoding of the content", "content-encoding", "identity", []string{"Content-Encoding: identity", "Content-Length: " + length}, body, true},
		} {
			t.Run(p.name+"/"+test.name, func(t *testing.T) {
				s := w.good(p)
				s.names, s.values = []string{test.header}, map[string]string{test.header: test.value}
				r := p.request.signed(s).with(test.lines...)
				r.framed, r.body = true, test.body
				if a := w.send(t, r); test.good {
					p.accepts(t, w, a)
				} else {
					p.refuses(t, a, mismatch, messageMismatch)
				}
			})
		}
	}
}

// The date of a request, in the two headers that may have it.
func TestDates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range w.readers() {
		ago := func(d time.Duration) time.Time { return w.now().Add(-d) }
		const margin = 30 * time.Second
		for _, test := range []struct {
			name   string
			at     time.Time
			layout string // of Date, for X-Amz-Date
			line   string // besides
			noDate bool   // not signed as a header
		}{
			{"nearly too old", ago(p.window - margin), "", "", false},
			{"nearly too early", ago(margin - p.window), "", "", false},
			{"X-Amz-Date, not among the signed headers", w.now(), "", "", true},
			{"X-Amz-Date, and a Date of last year", w.now(), "", "Date: Sun, 01 Jan 2006 00:00:00 GMT", false},
			{"X-Amz-Date, and a Date that is none", w.now(), "", "Date: yesterday", false},
			{"Date", w.now(), http.TimeFormat, "", false},
			{"Date, not among the signed headers", w.now(), http.TimeFormat, "", true},
			{"Date as botocore writes it", w.now(), "Mon, 02 Jan 2006 15:04:05 -0000", "", false},
			{"Date in ISO 8601", w.now(), "20060102T150405Z", "", false},
		} {
			t.Run(p.name+"/"+test.name, func(t *testing.T) {
				s := w.good(p)
				s.at, s.date, s.noDate = test.at, test.layout, test.noDate
				r := p.request.signed(s)
				if test.line != "" {
					r = r.with(test.line)
				}
				p.accepts(t, w, w.send(t, r))
				p.accepts(t, w, w.send(t, r)) // there is no nonce: the same bytes are good again, as at AWS
				// The date is in the string to sign, be the header signed or not.
				header, layout, other := "X-Amz-Date", "20060102T150405Z", test.at.Add(time.Second)
				if test.layout != "" {
					header, layout = "Date", test.layout
				}
				if test.at.Second() == 59 { // the same day in any case
					other = test.at.Add(-time.Second)
				}
				r = r.edit(header, func(string) string { return other.UTC().Format(layout) })
				p.refuses(t, w.send(t, r), mismatch, messageMismatch)
			})
		}
	}
	extended := func(header string) func(*world, plane) request {
		return func(w *world, p plane) request {
			s := w.good(p)
			if header == "Date" {
				s.date = http.TimeFormat
			}
			return p.request.signed(s).edit(header, func(string) string { return "2026-11-23T15:26:50Z" })
		}
	}
	const message = "Date must be in ISO-8601 'basic format'. Got '2026-11-23T15:26:50Z'. See http://en.wikipedia.org/wiki/ISO_8601"
	w.try(t, []attack{
		{"X-Amz-Date in the extended format", extended("X-Amz-Date"), incomplete, message},
		{"Date in the extended format", extended("Date"), incomplete, message},
		{"a Date that is too old", func(w *world, p plane) request {
			s := w.good(p)
			s.date, s.at = http.TimeFormat, s.at.Add(-p.window-time.Minute)
			return p.request.signed(s)
		}, mismatch, "Signature expired: …"},
	})
}
