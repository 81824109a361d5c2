//go:build unix

package attack_test

import (
	"strings"
	"testing"
)

// Targets of a kind that no client sends, and paths that mean the same to a signature.
func TestTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url, api := w.planes()[0], w.planes()[2]

	t.Run("a target that is no path", func(t *testing.T) {
		for _, method := range []string{"GET", "OPTIONS", "get", "POST"} {
			for _, r := range []request{w.url(w.iamURL, method, "*", ""), w.api(method, "*", "")} {
				p := url
				if r.host == w.address {
					p = api
				}
				p.refuses(t, w.alice.send(t, r), malformed, "Request target is not a path")
				p.refuses(t, w.send(t, r), malformed, "Request target is not a path")
			}
			if a := w.unsigned.send(t, w.url(w.openURL, method, "*", "")); a.status != 400 ||
				a.body != `{"message":"Bad Request"}` {
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
		r := w.alice.signs(w.url(w.iamURL, "GET", "/x?a=b", ""))
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
		if seen := w.ran(t, w.send(t, same)); seen.RawPath != "/x" || seen.RawQueryString != "a=b" ||
			seen.Headers["host"] != r.host {
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
			for _, host := range []string{
				"localhost:" + w.port(), w.address + "0", w.url(w.otherURL, "", "", "").host,
				"evil.example",
			} {
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

	t.Run("a hundred kilobytes of query", func(t *testing.T) {
		long := strings.Repeat("a", 100<<10)
		url.refuses(t, w.alice.send(t, w.url(w.iamURL, "GET", "/?"+long, "")), malformed, "")
		api.refuses(t, w.alice.send(t, w.api("GET", "/2015-03-31/functions?"+long, "")), malformed,
			"Request target too long")
		many := strings.Repeat("a&", 5000)
		url.refuses(t, w.alice.send(t, w.url(w.iamURL, "GET", "/?"+many, "")), malformed, "")
		if seen := w.ran(t, w.unsigned.get(t, w.openURL, "/?"+long)); len(seen.RawQueryString) != len(long) {
			t.Error("the function did not see the query")
		}
	})

	t.Run("paths that normalize to the same", func(t *testing.T) {
		// A signature cannot tell them apart; the function sees what was sent.
		signed := w.alice.signs(w.url(w.iamURL, "GET", "/a/b", ""))
		for _, target := range []string{"/a/./b", "//a//b", "/a/c/../b"} {
			signed.target = target
			if seen := w.ran(t, w.send(t, signed)); seen.RawPath != target {
				t.Errorf("%s: the function saw %+v", target, seen)
			}
		}
	})
}
