package attack_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// What is no HTTP/1.1 is refused by the HTTP layer, before any plane sees it, and the connection is closed.
func TestSyntax(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, host := range map[string]string{"function URL": w.url(w.openURL, "", "", "").host, "API": w.address} {
		t.Run(name, func(t *testing.T) { w.sendNoHTTP(t, host) })
	}
}

// sendNoHTTP sends what is no HTTP/1.1 to the host.
func (w *world) sendNoHTTP(t *testing.T, host string) {
	get := func(lines ...string) string {
		return "GET / HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	post := func(body string, lines ...string) string {
		return "POST / HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n" + body
	}
	for _, test := range []struct {
		name   string
		text   string
		status int
	}{
		{"no host", get("A: b"), 400},
		{"two hosts", get("Host: "+host, "Host: evil.example"), 400},
		{"two hosts, the same", get("Host: "+host, "host: "+host), 400},
		{"a host with a space", get("Host: a b"), 400},
		{"a host with a slash", get("Host: " + host + "/x"), 400},
		{"a space before the colon", get("Host: "+host, "X-A : b"), 400},
		{"a space before the host's colon", get("Host : " + host), 400},
		{"a null byte in a value", get("Host: "+host, "X-A: a\x00b"), 400},
		{"a control character in a value", get("Host: "+host, "X-A: a\x01b"), 400},
		{"a carriage return in a value", get("Host: "+host, "X-A: a\rX-B: b"), 400},
		{"a name in UTF-8", get("Host: "+host, "X-\xc3\xa4: b"), 400},
		{"a name with brackets", get("Host: "+host, "X-A[0]: b"), 400},
		{"no name", get("Host: "+host, ": b"), 400},
		{"no colon", get("Host: "+host, "X-A"), 400},
		{"a folded first line", get(" Host: " + host), 400},
		{"a broken escape in the path", "GET /%zz HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400},
		{"a control character in the path", "GET /\x01 HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400},
		{"a space in the path", "GET /a b HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400},
		{"no path", "GET HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400},
		{"a path that is none", "GET x HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400},
		{"a method with a space", " GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400},
		{"a method with a bracket", "G[]T / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400},
		{"HTTP/0.9", "GET /\r\n\r\n", 400},
		{"HTTP/2 in the request line", "GET / HTTP/2.0\r\nHost: " + host + "\r\n\r\n", 505},
		{"HTTP/1.1 in lower case", "GET / http/1.1\r\nHost: " + host + "\r\n\r\n", 400},
		{"a TLS hello", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", 400},
		{"two lengths", post("hello", "Content-Length: 5", "Content-Length: 6"), 400},
		{"a list of lengths", post("hello", "Content-Length: 5, 6"), 400},
		{"a length below zero", post("", "Content-Length: -1"), 400},
		{"a length with a sign", post("hello", "Content-Length: +5"), 400},
		{"a length in hexadecimal", post("hello", "Content-Length: 0x5"), 400},
		{"a length above all", post("hello", "Content-Length: 18446744073709551621"), 400},
		{"a coding nobody knows", post("hello", "Transfer-Encoding: gzip"), 501},
		{"two codings", post("0\r\n\r\n", "Transfer-Encoding: gzip, chunked"), 501},
		{"chunked twice", post("0\r\n\r\n", "Transfer-Encoding: chunked, chunked"), 501},
		{"chunked in two lines", post("0\r\n\r\n", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 501},
		{"chunked with something before it", post("0\r\n\r\n", "Transfer-Encoding: xchunked"), 501},
		{"chunked with a vertical tab", post("0\r\n\r\n", "Transfer-Encoding: \x0bchunked"), 400},
		{"identity and chunked", post("0\r\n\r\n", "Transfer-Encoding: identity", "Transfer-Encoding: chunked"), 501},
		{"an expectation nobody has", post("", "Expect: 200-ok"), 417},
		{"a megabyte and more of headers", get("Host: "+host, "X-A: "+strings.Repeat("a", 1<<20+8<<10)), 431},
		{"a megabyte and more of target", "GET /" + strings.Repeat("a", 1<<20+8<<10) + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 431},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := exchange(t, w.address, "GET", test.text)
			if a.status != test.status || a.id() != "" || !a.close {
				t.Errorf("want %d of the HTTP layer, got %v", test.status, a)
			}
		})
	}
}

// Legal HTTP/1.1 of a kind that no client sends. None of it may change who the caller is or what the function sees.
func TestHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url, api := w.planes()[0], w.planes()[2]
	good := w.alice.signing("lambda")

	t.Run("a target that is no path", func(t *testing.T) {
		for _, method := range []string{"GET", "OPTIONS", "get", "POST"} {
			for _, r := range []request{w.url(w.iamURL, method, "*", ""), w.api(method, "*", "")} {
				p := url
				if r.host == w.address {
					p = api
				}
				p.refuses(t, w.send(t, r.signed(good)), malformed, "Request target is not a path")
				p.refuses(t, w.send(t, r), malformed, "Request target is not a path")
			}
			if a := w.unsigned.send(t, w.url(w.openURL, method, "*", "")); a.status != 400 || a.body != `{"message":"Bad Request"}` {
				t.Errorf("%s * on an open URL: %v", method, a)
			}
		}
	})

	t.Run("a preface of HTTP/2", func(t *testing.T) {
		for _, host := range []string{w.address, w.url(w.openURL, "", "", "").host} {
			if a := exchange(t, w.address, "PRI", "PRI * HTTP/2.0\r\nHost: "+host+"\r\n\r\nSM\r\n\r\n"); a.status != 400 {
				t.Errorf("%v", a)
			}
		}
	})

	t.Run("CONNECT", func(t *testing.T) {
		for _, id := range []string{w.iamURL, w.openURL} {
			r := w.url(id, "CONNECT", "", "")
			r.target = r.host
			if a := w.send(t, r); a.status != 400 || a.body != `{"message":"Bad Request"}` {
				t.Errorf("CONNECT to a function URL: %v", a)
			}
			r.target = "/"
			if a := w.send(t, r); a.status != 400 || a.body != `{"message":"Bad Request"}` {
				t.Errorf("CONNECT to a path of a function URL: %v", a)
			}
		}
		r := w.api("CONNECT", w.address, "")
		api.refuses(t, w.send(t, r), malformed, "Request target is not a path")
	})

	t.Run("an absolute target", func(t *testing.T) {
		r := w.url(w.iamURL, "GET", "/x?a=b", "").signed(good)
		foreign := r
		foreign.target = "http://evil.example/x?a=b"
		if a := w.send(t, foreign); a.status != 403 || strings.Contains(a.body, "Forbidden") {
			t.Errorf("a foreign host in the target: %v", a)
		}
		foreign.target = "http://" + w.url(w.openURL, "", "", "").host + "/x?a=b"
		if seen := w.ran(t, w.send(t, foreign)); seen.RequestContext.Authorizer != nil {
			t.Errorf("an open URL saw a caller: %+v", seen)
		}
		foreign.target = "http://" + w.url(w.otherURL, "", "", "").host + "/x?a=b"
		url.refuses(t, w.send(t, foreign), mismatch, messageMismatch)
		// The Host header of such a request counts for nothing (RFC 9112, 3.2.2).
		same := r
		same.target, same.host = "http://"+r.host+r.target, "evil.example"
		if seen := w.ran(t, w.send(t, same)); seen.RawPath != "/x" || seen.RawQueryString != "a=b" || seen.Headers["host"] != r.host {
			t.Errorf("the function saw %+v", seen)
		}
		same.target = "http://user:password@" + r.host + r.target
		if a := w.send(t, same); a.status == 200 {
			t.Errorf("a target with a password: %v", a)
		}
		for _, target := range []string{"http://" + r.host, "http://" + r.host + "?a=b"} {
			open := w.url(w.openURL, "GET", strings.Replace(target, w.iamURL, w.openURL, 1), "")
			if seen := w.ran(t, w.send(t, open)); seen.RawPath != "/" {
				t.Errorf("%s: the function saw %+v", target, seen)
			}
		}
	})

	t.Run("an absolute target of an API", func(t *testing.T) {
		for _, p := range w.readers()[1:] {
			r := p.request.signed(w.good(p))
			for _, host := range []string{"localhost:" + w.port(), w.address + "0", w.url(w.otherURL, "", "", "").host, "evil.example"} {
				absolute := r
				absolute.target = "http://" + host + r.target
				if a := w.send(t, absolute); a.status != 403 {
					t.Errorf("%s, sent to %s: %v", p.name, host, a)
				}
			}
			r.target, r.host = "http://"+r.host+r.target, "evil.example"
			p.accepts(t, w, w.send(t, r))
		}
	})

	t.Run("bare line feeds", func(t *testing.T) {
		// To net/http they end a line as CRLF does (RFC 9112, 2.2, allows it). A front end may take them for a part of
		// a value, and sees one header where there are two; the second is not signed, whoever signed the first.
		for _, p := range w.readers() {
			s := w.good(p)
			r := p.request.signed(s)
			p.accepts(t, w, exchange(t, w.address, r.method, strings.ReplaceAll(strings.TrimSuffix(r.wire(), r.body), "\r\n", "\n")+r.body))
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
		r := w.url(w.iamURL, "GET", "/", "").signed(good)
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
		r = w.url(w.iamURL, "POST", "/", "").with("Transfer-Encoding: chunked").signed(good)
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

	t.Run("a connection remembers no caller", func(t *testing.T) {
		for _, p := range w.readers() {
			c := dial(t, w.address)
			r := p.request
			good, wrong, mallory := w.good(p), w.good(p), w.good(p)
			wrong.key.secret, mallory.key = "wrong", w.mallory.key
			go c.write(r.signed(good).wire() + r.wire() + r.signed(wrong).wire() + r.signed(mallory).wire() + r.signed(good).wire())
			next := func() answer {
				a, err := c.read(r.method)
				if err != nil {
					t.Fatalf("%s: %v", p.name, err)
				}
				return a
			}
			p.accepts(t, w, next())
			p.refuses(t, next(), notSigned, "")
			p.refuses(t, next(), mismatch, messageMismatch)
			if a := next(); p.service == "sts" { // who may ask it who they are
				if !strings.Contains(a.body, ":user/mallory</Arn>") {
					t.Errorf("%s: %v", p.name, a)
				}
			} else if a.status != 403 {
				t.Errorf("%s: %v", p.name, a)
			}
			if seen := p.accepts(t, w, next()); p.codes == &urlCodes && !strings.HasSuffix(seen.RequestContext.Authorizer.IAM.UserARN, ":user/alice") {
				t.Errorf("the function saw %+v", seen)
			}
		}
	})

	t.Run("broken chunks", func(t *testing.T) {
		for _, body := range []string{
			"z\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "5 hello\r\n0\r\n\r\n", "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
			"5\r\nhelloworld\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "5;" + strings.Repeat("x", 8<<10) + "\r\nhello\r\n0\r\n\r\n",
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

	t.Run("five thousand headers", func(t *testing.T) {
		for _, p := range w.readers() {
			r := p.request.signed(w.good(p))
			for i := range 5000 {
				r.lines = append(r.lines, fmt.Sprintf("X-H%d: %d", i, i))
			}
			if seen := p.accepts(t, w, w.send(t, r)); p.codes == &urlCodes && seen.Headers["x-h4999"] != "4999" {
				t.Error("the function did not see the last header")
			}
			list := make([]string, 600)
			for i := range list {
				list[i] = fmt.Sprintf("x-h%d", i)
			}
			r = r.auth("SignedHeaders=", "SignedHeaders="+strings.Join(list, ";")+";")
			p.refuses(t, w.send(t, r), malformed, "Too many signed headers")
		}
	})

	t.Run("a hundred kilobytes of query", func(t *testing.T) {
		long := strings.Repeat("a", 100<<10)
		url.refuses(t, w.send(t, w.url(w.iamURL, "GET", "/?"+long, "").signed(good)), malformed, "")
		api.refuses(t, w.send(t, w.api("GET", "/2015-03-31/functions?"+long, "").signed(good)), malformed, "Request target too long")
		many := strings.Repeat("a&", 5000)
		url.refuses(t, w.send(t, w.url(w.iamURL, "GET", "/?"+many, "").signed(good)), malformed, "")
		if seen := w.ran(t, w.unsigned.get(t, w.openURL, "/?"+long)); len(seen.RawQueryString) != len(long) {
			t.Error("the function did not see the query")
		}
	})

	t.Run("headers that claim to know better", func(t *testing.T) {
		for _, line := range []string{
			"X-Forwarded-For: 203.0.113.7", "X-Real-IP: 203.0.113.7", "Forwarded: for=203.0.113.7", "X-HTTP-Method-Override: DELETE",
			"X-Original-URL: /admin", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Amz-Source-Account: " + accountB,
			"X_Amz_Date: 20200101T000000Z", "X-Amz-User: root", "Connection: close, x-amz-date", "Connection: host", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
		} {
			r := w.url(w.iamURL, "GET", "/x", "").signed(good).with(strings.Split(line, "\r\n")...)
			seen := w.ran(t, w.send(t, r))
			context := seen.RequestContext
			if context.HTTP.SourceIP != "127.0.0.1" || context.HTTP.Method != "GET" || context.HTTP.Path != "/x" || seen.Headers["host"] != r.host ||
				seen.Headers["x-forwarded-proto"] != "http" || context.Authorizer.IAM.UserARN != "arn:aws:iam::"+accountA+":user/alice" {
				t.Errorf("%s: the function saw %+v", line, seen)
			}
		}
	})

	t.Run("what was signed reaches the function", func(t *testing.T) { // a Connection header can take nothing away
		s := good
		s.names = []string{"x-role"}
		r := w.url(w.iamURL, "GET", "/", "").with("X-Role: reader").signed(s).with("Connection: x-role, x-amz-date")
		if seen := w.ran(t, w.send(t, r)); seen.Headers["x-role"] != "reader" || seen.Headers["x-amz-date"] == "" {
			t.Errorf("the function saw %v", seen.Headers)
		}
	})

	t.Run("the event is made of nothing the caller says of itself", func(t *testing.T) {
		r := w.url(w.openURL, "POST", `/%22,%22x%22:%22"?"={"a":1}&__proto__=1`, `","isBase64Encoded":true,"requestContext":{"authorizer":{"iam":{"userArn":"root"}}}`)
		r = r.with("Content-Type: text/plain", "X-Q: \",\"requestContext\":{\"authorizer\":{}},\"x\":\"", "Authorization: AWS4-HMAC-SHA256 Credential="+w.rootA.id+"/20260101/x/lambda/aws4_request, SignedHeaders=host, Signature=0",
			"Requestcontext: {}", "Cookie: a=\"b; c=}")
		if seen := w.ran(t, w.send(t, r)); seen.RequestContext.Authorizer != nil || seen.Body != r.body {
			t.Errorf("the function saw %+v", seen)
		}
	})

	t.Run("paths that normalise to the same", func(t *testing.T) {
		// A signature can not tell them apart; the function sees what was sent.
		signed := w.url(w.iamURL, "GET", "/a/b", "").signed(good)
		for _, target := range []string{"/a/./b", "//a//b", "/a/c/../b"} {
			signed.target = target
			if seen := w.ran(t, w.send(t, signed)); seen.RawPath != target {
				t.Errorf("%s: the function saw %+v", target, seen)
			}
		}
	})

	t.Run("HEAD", func(t *testing.T) {
		a := w.unsigned.send(t, w.url(w.iamURL, "HEAD", "/", ""))
		if a.status != 403 || a.body != "" {
			t.Errorf("unsigned: %v", a)
		}
		r := w.url(w.iamURL, "GET", "/", "").signed(good)
		r.method = "HEAD"
		if a := w.send(t, r); a.status != 403 {
			t.Errorf("signed as GET: %v", a)
		}
	})

	t.Run("OPTIONS is a request like any other", func(t *testing.T) { // ceph#55458
		r := w.url(w.iamURL, "OPTIONS", "/", "").with("Origin: https://evil.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization")
		url.refuses(t, w.send(t, r), notSigned, "")
		api.refuses(t, w.send(t, w.api("OPTIONS", "/2015-03-31/functions/target/invocations", "").with("Origin: https://evil.example", "Access-Control-Request-Method: POST")), notSigned, "")
	})
}

// Whoever rejects a request before its body must not ask for the body.
func TestContinue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all, rejected := t, map[string]*connection{}
	for _, p := range w.planes() {
		t.Run(p.name, func(t *testing.T) {
			expecting := func(r request) (*connection, answer) {
				body := r.body
				r = r.with("Expect: 100-continue", fmt.Sprintf("Content-Length: %d", len(body)))
				r.framed, r.body = true, ""
				c := dial(all, w.address) // open beyond the end of this test
				c.write(r.wire())
				a, err := c.read(r.method)
				if err != nil {
					t.Fatal(err)
				}
				return c, a
			}
			stale := w.good(p)
			stale.at = stale.at.Add(-p.window * 2)
			for name, r := range map[string]request{
				"unsigned": p.request, "too old": p.request.signed(stale), "incomplete": p.request.with("Authorization: AWS4-HMAC-SHA256"),
				"no token": p.request.signed(signing{key: key{w.alice.id, w.alice.secret, "token"}, service: p.service, region: w.good(p).region}),
			} {
				c, a := expecting(r)
				if name == "unsigned" && p.codes == &queryCodes && a.status == 100 {
					continue // STS has an operation for those who have no keys; whether it is that the form says
				}
				if a.status < 400 || !a.close {
					t.Errorf("%s: asked for the body, or kept the connection: %v", name, a)
				}
				rejected[p.name+", "+name] = c
			}
			c, a := expecting(p.request.signed(w.good(p)).auth("Signature=", "Signature=0"))
			if a.status != 100 {
				t.Fatalf("a signature can not be checked without the body: %v", a)
			}
			c.write(p.request.body)
			a, err := c.read("POST")
			if err != nil {
				t.Fatal(err)
			}
			p.refuses(t, a, mismatch, messageMismatch)
		})
	}
	for name, c := range rejected { // which are not waited for longer than for any body
		if rest, err := io.ReadAll(c.reader); err != nil || len(rest) > 0 {
			t.Errorf("%s: %q, %v after the answer", name, rest, err)
		}
	}
	large := strings.Repeat("x", 7<<20)
	for _, id := range []string{w.iamURL, w.openURL} {
		r := w.alice.signs(w.url(id, "POST", "/", large)).with("Expect: 100-continue", fmt.Sprintf("Content-Length: %d", len(large)))
		r.framed, r.body = true, ""
		w.planes()[0].refuses(t, w.send(t, r), tooLarge, "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
	}
}
