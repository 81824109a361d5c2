//go:build unix

package attack_test

import (
	"fmt"
	"strings"
	"testing"
)

// How long a body is and how it is framed are no headers to net/http; who signs them is taken at their word all the
// same.
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
			{"a length, and then chunks", "content-length", length, []string{"Transfer-Encoding: chunked"}, chunked(body, ""),
				false},
			{"a length beside chunks", "content-length", length,
				[]string{"Content-Length: " + length, "Transfer-Encoding: chunked"}, chunked(body, ""), false},
			{"chunks", "transfer-encoding", "chunked", []string{"Transfer-Encoding: chunked"}, chunked(body, ""), true},
			{"chunks in capitals", "transfer-encoding", "chunked", []string{"Transfer-Encoding: CHUNKED"}, chunked(body, ""),
				true},
			{"other chunks", "transfer-encoding", "gzip", []string{"Transfer-Encoding: chunked"}, chunked(body, ""), false},
			{"chunks, and then none", "transfer-encoding", "chunked", []string{"Content-Length: " + length}, body, false},
			{"names of trailers", "trailer", "X-A", []string{"Transfer-Encoding: chunked", "Trailer: X-A"},
				chunked(body, "X-A: b\r\n"), false},
			{"an encoding of the content", "content-encoding", "identity",
				[]string{"Content-Encoding: identity", "Content-Length: " + length}, body, true},
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

// chunk is a chunk of a body; none for no text, which would end the body.
func chunk(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%x\r\n%s\r\n", len(text), text)
}

// chunked is a body in two chunks, with trailers.
func chunked(body, trailers string) string {
	half := len(body) / 2
	return chunk(body[:half]) + chunk(body[half:]) + "0\r\n" + trailers + "\r\n"
}

// What says where a header or a body ends, and what a front end may read differently.
func TestLengthAndChunks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url, api := w.planes()[0], w.planes()[2]

	t.Run("bare line feeds", func(t *testing.T) {
		// To net/http they end a line as CRLF does (RFC 9112, 2.2, allows it). A front end may take them for a part of
		// a value, and sees one header where there are two; the second is not signed, no matter who signed the first.
		for _, p := range w.readers() {
			s := w.good(p)
			r := p.request.signed(s)
			p.accepts(t, w, exchange(t, w.address, r.method,
				strings.ReplaceAll(strings.TrimSuffix(r.wire(), r.body), "\r\n", "\n")+r.body))
			s.names = []string{"x-a"}
			for _, test := range []struct {
				value string // of x-a, which is signed as "a"
				good  bool
			}{
				{"a\nX-Role: admin", true},
				{"a\nX-Amz-Source-Account: " + accountB, true},
				{"a\n b", false}, // which is a folded line
				{"a\nX-A: b", false},
				{"a\nX-Amz-Date: " + s.stamp(), false},
				{"a\nAuthorization: AWS4-HMAC-SHA256 Credential=" + w.rootA.id, false},
				{"a\nX-Amz-Content-Sha256: UNSIGNED-PAYLOAD", false},
			} {
				a := w.send(t, p.request.with("X-A: a").signed(s).edit("X-A", func(string) string { return test.value }))
				if !test.good {
					p.refuses(t, a, mismatch, messageMismatch)
				} else if seen := p.accepts(t, w, a); p.codes == &urlCodes && seen.Headers["x-a"] != "a" {
					t.Errorf("%q: the function saw %+v", test.value, seen)
				}
			}
			s.names, s.values = []string{"x-a"}, map[string]string{"x-a": "a X-Role: admin"} // as that front end sees it
			p.refuses(t, w.send(t, p.request.with("X-A: a\nX-Role: admin").signed(s)), mismatch, messageMismatch)
			twoHosts := p.request.signed(w.good(p)).with("X-A: a\nHost: evil.example")
			if a := w.send(t, twoHosts); a.status != 400 {
				t.Errorf("a second host behind a line feed: %v", a)
			}
			if p.request.body == "" {
				continue // it has no first length
			}
			twoLengths := p.request.signed(w.good(p)).with("X-A: a\nContent-Length: 7")
			if a := w.send(t, twoLengths); a.status != 400 {
				t.Errorf("a second length behind a line feed: %v", a)
			}
		}
	})

	t.Run("HTTP/1.0", func(t *testing.T) {
		r := w.alice.signs(w.url(w.iamURL, "GET", "/", ""))
		r.proto = "HTTP/1.0"
		if a := w.send(t, r); !a.close {
			t.Errorf("the connection stays open: %v", a)
		} else {
			w.ran(t, a)
		}
		r.host = ""
		if a := w.send(t, r); a.status != 403 {
			t.Errorf("without a host: %v", a)
		}
		r = w.alice.signs(w.url(w.iamURL, "POST", "/", "").with("Transfer-Encoding: chunked"))
		r.proto, r.framed, r.body = "HTTP/1.0", true, chunked("hello", "")+w.url(w.openURL, "GET", "/", "").wire()
		c := dial(t, w.address)
		go c.write(r.wire())
		a, err := c.read("POST")
		if err != nil || !a.close {
			t.Fatalf("chunks in HTTP/1.0: %v, %v", a, err)
		}
		if seen := w.ran(t, a); seen.Body != "" { // HTTP/1.0 has no chunks: the request has no body, and nothing follows
			t.Errorf("the function saw %+v", seen)
		}
		if a, err := c.read("GET"); err == nil {
			t.Errorf("chunks were taken for a request: %v", a)
		}
		for _, lines := range [][]string{
			{"Transfer-Encoding: chunked"}, {"Transfer-Encoding: x"},
			{"Transfer-Encoding: chunked", "Content-Length: 5"},
		} {
			r := w.url(w.iamURL, "POST", "/", "").with("Connection: keep-alive").with(lines...)
			r.proto, r.framed, r.body = "HTTP/1.0", true, "hello"
			if a := w.send(t, r); a.status != 403 || !a.close {
				t.Errorf("%q in HTTP/1.0, to be kept: %v", lines, a)
			}
		}
	})

	t.Run("chunks and a length", func(t *testing.T) {
		// The chunks count (RFC 9112, 6.3). What a front end that goes by the length takes for the end of the body
		// would be the next request here: nothing comes after the answer (6.1).
		for _, p := range w.readers() {
			body, open := p.request.body, w.url(w.openURL, "GET", "/smuggled", "").wire()
			chunks := w.url(w.iamURL, "POST", "/", "").with("Transfer-Encoding: chunked").wire() + chunked("hello", "")
			for name, lines := range map[string][]string{
				"chunks first":         {"Transfer-Encoding: chunked", "Content-Length: 5"},
				"the length first":     {"Content-Length: 5", "Transfer-Encoding: chunked"},
				"in odd case":          {"cONTENT-lENGTH: 5", "tRANSFER-eNCODING: cHUNKED"},
				"folded":               {"Content-Length:\r\n 5", "Transfer-Encoding:\r\n\tchunked"},
				"twice the length":     {"Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 5"},
				"a length of 0":        {"Content-Length: 0", "Transfer-Encoding: chunked"},
				"behind a bare feed":   {"X-A: a\nContent-Length: 5\nTransfer-Encoding: chunked"},
				"and it is to be kept": {"Content-Length: 5", "Connection: keep-alive", "Transfer-Encoding: chunked"},
			} {
				for _, before := range []string{"", p.request.wire(), chunks} {
					r := p.request.signed(w.good(p)).with(lines...)
					r.framed, r.body = true, chunked(body, "")
					c := dial(t, w.address)
					go c.write(before + r.wire() + open)
					if before != "" {
						if a, err := c.read(r.method); err != nil || a.status != 403 || a.close {
							t.Fatalf("%s, %s: the one before: %v, %v", p.name, name, a, err)
						}
					}
					a, err := c.read(r.method)
					if err != nil || !a.close {
						t.Fatalf("%s, %s: the connection stays open: %v, %v", p.name, name, a, err)
					}
					p.accepts(t, w, a)
					if a, err = c.read("GET"); err == nil {
						t.Errorf("%s, %s: what follows is answered: %v", p.name, name, a)
					}
				}
			}
			r := p.request.signed(w.good(p)).with("Transfer-Encoding: chunked", "Content-Length: 5")
			r.framed, r.body = true, chunked(body+"hello", "")
			p.refuses(t, w.send(t, r), mismatch, messageMismatch)
		}
		health := w.api("GET", "/_furl/health", "").with("Content-Length: 5", "Transfer-Encoding: chunked")
		health.framed, health.body = true, chunked("hello", "")
		if a := w.send(t, health); a.status != 200 || !a.close {
			t.Errorf("a page: %v", a)
		}
	})

	t.Run("broken chunks", func(t *testing.T) {
		for _, body := range []string{
			"z\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "5 hello\r\n0\r\n\r\n",
			"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
			"5\r\nhelloworld\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
			"5;" + strings.Repeat("x", 8<<10) + "\r\nhello\r\n0\r\n\r\n",
			"5\nhello\r\n0\r\n\r\n", "5;a\nhello\r\n0\r\n\r\n",
		} {
			for _, p := range []plane{url, api} {
				r := p.request.signed(w.good(p)).with("Transfer-Encoding: chunked")
				r.framed, r.body = true, body
				a := w.send(t, r)
				if a.status != 400 {
					t.Errorf("%.20q to the %s: %v", body, p.name, a)
				}
			}
		}
	})

	t.Run("a body that ends early", func(t *testing.T) {
		for _, p := range w.planes() {
			r := p.request.signed(w.good(p)).with("Content-Length: 1000")
			r.framed = true
			c := dial(t, w.address)
			c.write(r.wire())
			c.Conn.(interface{ CloseWrite() error }).CloseWrite() //nolint:errcheck // the server may have closed already
			if a, err := c.read("POST"); err != nil || a.status != 400 {
				t.Errorf("%s: %v, %v", p.name, a, err)
			}
		}
	})
}
