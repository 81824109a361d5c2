//go:build unix

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
		{"a megabyte and more of target",
			"GET /" + strings.Repeat("a", 1<<20+8<<10) + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 431},
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

	t.Run("a connection remembers no caller", func(t *testing.T) {
		for _, p := range w.readers() {
			c := dial(t, w.address)
			r := p.request
			good, wrong, mallory := w.good(p), w.good(p), w.good(p)
			wrong.key.secret, mallory.key = "wrong", w.mallory.key
			go c.write(r.signed(good).wire() + r.wire() + r.signed(wrong).wire() + r.signed(mallory).wire() +
				r.signed(good).wire())
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
			if seen := p.accepts(t, w, next()); p.codes == &urlCodes &&
				!strings.HasSuffix(seen.RequestContext.Authorizer.IAM.UserARN, ":user/alice") {
				t.Errorf("the function saw %+v", seen)
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

	t.Run("headers that claim to know better", func(t *testing.T) {
		for _, line := range []string{
			"X-Forwarded-For: 203.0.113.7", "X-Real-IP: 203.0.113.7", "Forwarded: for=203.0.113.7",
			"X-HTTP-Method-Override: DELETE",
			"X-Original-URL: /admin", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https",
			"X-Amz-Source-Account: " + accountB,
			"X_Amz_Date: 20200101T000000Z", "X-Amz-User: root", "Connection: close, x-amz-date", "Connection: host",
			"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
		} {
			r := w.alice.signs(w.url(w.iamURL, "GET", "/x", "")).with(strings.Split(line, "\r\n")...)
			seen := w.ran(t, w.send(t, r))
			context := seen.RequestContext
			if context.HTTP.SourceIP != "127.0.0.1" || context.HTTP.Method != "GET" || context.HTTP.Path != "/x" ||
				seen.Headers["host"] != r.host ||
				seen.Headers["x-forwarded-proto"] != "http" || context.Authorizer.IAM.UserARN != "arn:aws:iam::"+accountA+
				":user/alice" {
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
		r := w.url(w.openURL, "POST", `/%22,%22x%22:%22"?"={"a":1}&__proto__=1`,
			`","isBase64Encoded":true,"requestContext":{"authorizer":{"iam":{"userArn":"root"}}}`)
		r = r.with("Content-Type: text/plain", "X-Q: \",\"requestContext\":{\"authorizer\":{}},\"x\":\"",
			"Authorization: AWS4-HMAC-SHA256 Credential="+w.rootA.id+
				"/20260101/x/lambda/aws4_request, SignedHeaders=host, Signature=0",
			"Requestcontext: {}", "Cookie: a=\"b; c=}")
		if seen := w.ran(t, w.send(t, r)); seen.RequestContext.Authorizer != nil || seen.Body != r.body {
			t.Errorf("the function saw %+v", seen)
		}
	})

	t.Run("HEAD", func(t *testing.T) {
		a := w.unsigned.send(t, w.url(w.iamURL, "HEAD", "/", ""))
		if a.status != 403 || a.body != "" {
			t.Errorf("unsigned: %v", a)
		}
		r := w.alice.signs(w.url(w.iamURL, "GET", "/", ""))
		r.method = "HEAD"
		if a := w.send(t, r); a.status != 403 {
			t.Errorf("signed as GET: %v", a)
		}
	})

	t.Run("OPTIONS is a request like any other", func(t *testing.T) { // ceph#55458
		r := w.url(w.iamURL, "OPTIONS", "/", "").with("Origin: https://evil.example", "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: authorization")
		url.refuses(t, w.send(t, r), notSigned, "")
		api.refuses(t, w.send(t,
			w.api("OPTIONS", "/2015-03-31/functions/target/invocations", "").with("Origin: https://evil.example",
				"Access-Control-Request-Method: POST")), notSigned, "")
	})
}

// A server that rejects a request before its body must not ask for the body.
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
				"unsigned": p.request, "too old": p.request.signed(stale),
				"incomplete": p.request.with("Authorization: AWS4-HMAC-SHA256"),
				"no token": p.request.signed(signing{key: key{w.alice.id, w.alice.secret, "token"}, service: p.service,
					region: w.good(p).region}),
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
				t.Fatalf("a signature cannot be checked without the body: %v", a)
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
		r := w.alice.signs(w.url(id, "POST", "/", large)).with("Expect: 100-continue",
			fmt.Sprintf("Content-Length: %d", len(large)))
		r.framed, r.body = true, ""
		w.planes()[0].refuses(t, w.send(t, r), tooLarge,
			"Request must be smaller than 6291456 bytes for the InvokeFunction operation")
	}
}
