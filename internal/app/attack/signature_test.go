//go:build unix

package attack_test

import (
	"strings"
	"testing"
)

// The same request, well signed, is let in: what follows is refused for the reason it names, and for no other.
func TestBaseline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.alice.assume(t, callerRole(accountA), "baseline")
	for _, p := range w.planes() {
		extended := w.good(p)
		extended.names = []string{"x-extra", "content-type"}
		for name, r := range map[string]request{
			"header":           p.request.signed(w.good(p)),
			"presigned":        p.request.presigned(w.good(p)),
			"header, extended": p.request.with("X-Extra: a   b", "X-Extra: c").signed(extended),
		} {
			a := w.send(t, r)
			if a.status != 200 {
				t.Errorf("%s, %s: %v", p.name, name, a)
			}
			switch {
			case p.codes == &urlCodes:
				w.ran(t, a)
			case p.service == "lambda":
				w.mean(a)
			case p.service == "iam":
				w.rootA.iam(t, "DeleteUser", "UserName", "intruder") // for the next one
			}
		}
	}
	w.ran(t, session.call(t, w.iamURL))
	w.ran(t, w.send(t, session.presigns(w.url(w.iamURL, "GET", "/", ""))))
}

// What was signed and what is sent differ in one thing.
func TestTampering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent := func(change func(request) request) func(*world, plane) request {
		return func(w *world, p plane) request { return change(p.request.signed(w.good(p))) }
	}
	present := func(change func(request) request) func(*world, plane) request {
		return func(w *world, p plane) request { return change(p.request.presigned(w.good(p))) }
	}
	swapBody := func(r request) request { r.body = strings.Replace(r.body, "1", "2", 1) + " "; return r }
	var attacks []attack
	add := func(name string, forge func(*world, plane) request) {
		attacks = append(attacks, attack{name, forge, mismatch, messageMismatch})
	}
	for _, form := range []struct {
		name string
		make func(func(request) request) func(*world, plane) request
	}{{"header", sent}, {"presigned", present}} {
		add(form.name+": another method", form.make(func(r request) request { r.method = "PUT"; return r }))
		add(form.name+": method in lower case", form.make(func(r request) request { r.method = "post"; return r }))
		add(form.name+": OPTIONS in place of the method",
			form.make(func(r request) request { r.method = "OPTIONS"; return r }))
		add(form.name+": another body", form.make(swapBody))
		add(form.name+": no body", form.make(func(r request) request { r.body = ""; return r }))
		add(form.name+": a body twice as long", form.make(func(r request) request { r.body += r.body; return r }))
		add(form.name+": a parameter more",
			form.make(func(r request) request { r.target = addQuery(r.target, "Extra=1"); return r }))
		add(form.name+": a parameter without a value more",
			form.make(func(r request) request { r.target = addQuery(r.target, "Extra"); return r }))
		add(form.name+": a parameter behind a semicolon",
			form.make(func(r request) request { r.target = addQuery(r.target, ";Extra=1"); return r }))
		add(form.name+": a null byte in a parameter",
			form.make(func(r request) request { r.target = addQuery(r.target, "Extra=%00"); return r }))
		add(form.name+": raw UTF-8 in a parameter",
			form.make(func(r request) request { r.target = addQuery(r.target, "Extra=\xc3\xa4"); return r }))
		add(form.name+": another segment",
			form.make(func(r request) request { r.target = addPath(r.target, "/x"); return r }))
		add(form.name+": escaped dots",
			form.make(func(r request) request { r.target = addPath(r.target, "/x/%2e%2e"); return r }))
		add(form.name+": an escaped slash",
			form.make(func(r request) request { r.target = addPath(r.target, "%2F"); return r }))
		add(form.name+": a null byte in the path",
			form.make(func(r request) request { r.target = addPath(r.target, "%00"); return r }))
	}
	add("a duplicate of a signed header", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"content-type"}
		return p.request.signed(s).with("Content-Type: text/plain")
	})
	add("a duplicate before a signed header", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"x-role"}
		return p.request.with("X-Role: reader").signed(s).before("X-Role: admin")
	})
	add("a folded line after a signed header", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"x-role"}
		return p.request.with("X-Role: reader").signed(s).edit("X-Role", func(v string) string { return v + "\r\n admin" })
	})
	add("a second date", func(w *world, p plane) request {
		r := p.request.signed(w.good(p))
		return r.with("X-Amz-Date: " + r.value("X-Amz-Date"))
	})
	add("another date", sent(func(r request) request {
		return r.edit("X-Amz-Date", func(v string) string { return v[:14] + string('0'+(v[14]-'0'+1)%10) + "Z" })
	}))
	add("a signed header that is not there", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"x-role"}
		return p.request.signed(s) // signed as an empty value
	})
	add("a signed header that is removed", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"x-role"}
		return p.request.with("X-Role: reader").signed(s).without("X-Role")
	})
	add("a signed header that arrives as a trailer", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"x-role"}
		r := p.request.with("X-Role: reader").signed(s).without("X-Role").with("Transfer-Encoding: chunked",
			"Trailer: X-Role")
		r.framed, r.body = true, chunked(r.body, "X-Role: reader\r\n")
		return r
	})
	add("a signed user agent that was changed", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"user-agent"}
		return p.request.with("User-Agent: one").signed(s).edit("User-Agent", func(string) string { return "two" })
	})
	add("an underscore for a hyphen in a signed header", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"x-role"}
		return p.request.with("X-Role: reader").signed(s).without("X-Role").with("X_Role: reader")
	})
	add("the path encoded once", func(w *world, p plane) request {
		r := p.request
		r.target = addPath(r.target, "/a%20b")
		s := w.good(p)
		path, _, _ := strings.Cut(p.request.target, "?")
		s.path = path + "/a b"
		return r.signed(s)
	})
	add("escaped dots signed as dots", func(w *world, p plane) request {
		r := p.request
		path, _, _ := strings.Cut(r.target, "?")
		r.target = addPath(r.target, "/x/%2e%2e")
		s := w.good(p)
		s.path = path
		return r.signed(s)
	})
	add("a raw plus signed as %2B", func(w *world, p plane) request {
		r := p.request
		r.target = addQuery(r.target, "Extra=a+b")
		s := w.good(p)
		_, query, _ := strings.Cut(addQuery(p.request.target, "Extra=a%2Bb"), "?")
		s.query = canonicalQuery(query)
		return r.signed(s)
	})
	add("parameters signed up to the semicolon", func(w *world, p plane) request {
		r := p.request
		r.target = addQuery(r.target, "Extra=1;Action=x")
		s := w.good(p)
		_, query, _ := strings.Cut(addQuery(p.request.target, "Extra=1"), "?")
		s.query = canonicalQuery(query)
		return r.signed(s)
	})
	add("a signature of the query left out of the query", func(w *world, p plane) request { // yulin#183
		r := p.request.signed(w.good(p))
		r.target = addQuery(r.target, "X-Amz-Signature="+strings.Repeat("0", 64))
		return r
	})
	// A form is a body: only the APIs of the Query protocol read it as parameters, and none before the signature.
	add("a parameter moved from the query to a form", func(w *world, p plane) request {
		r := p.request.edit("Content-Type", func(string) string { return "application/x-www-form-urlencoded" })
		r.target, r.body = addQuery(r.target, "Extra=1"), ""
		r = r.signed(w.good(p))
		r.target, r.body = p.request.target, "Extra=1"
		return r
	})
	add("a form moved to the query", func(w *world, p plane) request {
		r := p.request.edit("Content-Type", func(string) string { return "application/x-www-form-urlencoded" })
		r.body = "Extra=1"
		r = r.signed(w.good(p))
		r.target, r.body = addQuery(r.target, "Extra=1"), ""
		return r
	})
	add("a form signed as a part of the query", func(w *world, p plane) request {
		r := p.request.edit("Content-Type", func(string) string { return "application/x-www-form-urlencoded" })
		r.body = "Extra=1"
		s := w.good(p)
		_, query, _ := strings.Cut(addQuery(r.target, r.body), "?")
		s.query, s.payload = canonicalQuery(query), hash("")
		return r.signed(s)
	})
	w.try(t, attacks)

	w.try(t, []attack{
		{"an incomplete escape in the path",
			sent(func(r request) request { r.target = addQuery(r.target, "Extra=%2"); return r }), malformed,
			"Incomplete trailing escape % sequence"},
		{"a broken escape in the query",
			sent(func(r request) request { r.target = addQuery(r.target, "Extra=%zz"); return r }), malformed,
			"Illegal hex character in escape % pattern: %zz"},
	})
	for _, p := range append(w.planes()[:1], w.planes()[2:]...) {
		r := p.request
		r.target = "/.." + r.target
		p.refuses(t, w.send(t, r.signed(w.good(p))), malformed, "Path is above the root")
	}
}
