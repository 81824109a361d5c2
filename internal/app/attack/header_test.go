//go:build unix

package attack_test

import (
	"net/http"
	"strings"
	"testing"
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

// Headers that proxies, HTTP libraries and this server itself add, change or keep elsewhere. Clients need not sign
// them;
// one that is signed has to be what was signed.
func TestHopByHop(t *testing.T) { // localstack#9609, rustfs#3374
	t.Parallel()
	w := newWorld(t)
	for _, p := range w.readers() {
		for _, line := range []string{
			"Accept-Encoding: gzip", "Cache-Control: no-cache", "Connection: keep-alive", "Cookie: a=b; c=d",
			"Expect: 100-continue", "Forwarded: for=203.0.113.7",
			"Keep-Alive: timeout=5", "Proxy-Authorization: Basic eDp5", "Proxy-Connection: keep-alive", "Range: bytes=0-1",
			"Sec-WebSocket-Key: x", "TE: trailers",
			"Upgrade: websocket", "User-Agent: hostile/1", "Via: 1.1 proxy",
			"X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678",
			"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Host: evil.example", "X-Forwarded-Port: 443",
			"X-Forwarded-Proto: https", "X-Amz-Cf-Id: x",
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
			if a := w.send(t, r.signed(w.good(p))); p.codes == &lambdaCodes {
				p.findsNothing(t, a, "UnknownOperationException")
			} else {
				p.accepts(t, w, a)
			}
		})
	}
}
