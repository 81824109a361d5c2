package attack_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// Requests that are too old, not yet good, or good for longer than they may be.
func TestFreshness(t *testing.T) { // vinyldns#1525, chimera#492
	t.Parallel()
	w := newWorld(t)
	at := func(off func(plane) time.Duration, form func(request, signing) request) func(*world, plane) request {
		return func(w *world, p plane) request {
			s := w.good(p)
			s.at = s.at.Add(off(p))
			return form(p.request, s)
		}
	}
	after := func(more time.Duration) func(plane) time.Duration {
		return func(p plane) time.Duration { return p.window + more }
	}
	before := func(more time.Duration) func(plane) time.Duration {
		return func(p plane) time.Duration { return -p.window - more }
	}
	date := func(value string) attack {
		return attack{"date " + value, func(w *world, p plane) request {
			return p.request.signed(w.good(p)).edit("X-Amz-Date", func(string) string { return value })
		}, incomplete, "Date must be in ISO-8601 'basic format'. Got '" + value + "'. See http://en.wikipedia.org/wiki/ISO_8601"}
	}
	w.try(t, []attack{
		{"a minute too old", at(before(time.Minute), request.signed), mismatch, "Signature expired: …"},
		{"ten years too old", at(before(87600*time.Hour), request.signed), mismatch, "Signature expired: …"},
		{"a minute too early", at(after(time.Minute), request.signed), mismatch, "Signature not yet current: …"},
		{"presigned a minute too early", at(after(time.Minute), request.presigned), mismatch, "Signature not yet current: …"},
		{"presigned a week ago for five minutes", at(before(168*time.Hour), request.presigned), mismatch, "Signature expired: …"},
		{"in the year 9999", func(w *world, p plane) request {
			s := w.good(p)
			s.at = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
			return p.request.signed(s)
		}, mismatch, "Signature not yet current: …"},
		{"in the year 0", func(w *world, p plane) request {
			s := w.good(p)
			s.at = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
			return p.request.presigned(s)
		}, mismatch, "Signature expired: …"},
		date("2026-11-23T15:26:50Z"), date("20261123T152650"), date("20261123T152650z"), date("20261131T152650Z"), date("20261123T152660Z"),
		date("20261123T152650.5Z"), date("99999999T999999Z"), date("now"), date(""), date("20261123T152650+0000"), date("٢٠٢٦١١٢٣T152650Z"),
	})

	t.Run("an old request is not made good by a new Date header", func(t *testing.T) {
		w.try(t, []attack{{"Date", func(w *world, p plane) request {
			s := w.good(p)
			s.at = s.at.Add(-time.Hour)
			return p.request.signed(s).with("Date: " + w.now().UTC().Format(time.RFC1123))
		}, mismatch, "Signature expired: …"}})
	})

	t.Run("the same bytes again are good within the window, as at AWS", func(t *testing.T) {
		r := w.alice.signs(w.url(w.iamURL, "GET", "/", ""))
		w.ran(t, w.send(t, r))
		w.ran(t, w.send(t, r))
	})
}

// X-Amz-Expires in all spellings of a number that is none, or too large a one.
func TestExpiry(t *testing.T) { // noobaa#8857
	t.Parallel()
	w := newWorld(t)
	expires := func(value, message string, kind kind) attack {
		return attack{"expires " + url.QueryEscape(value), func(w *world, p plane) request {
			s := w.good(p)
			s.expires = value
			return p.request.presigned(s)
		}, kind, message}
	}
	const (
		number = "X-Amz-Expires should be a number"
		week   = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
	)
	var attacks []attack
	for _, value := range []string{
		"1e3", "+3600", " 3600", "3600 ", "-1", "0x10", "3600.0", "3,600", "٣٦٠٠", "３６００", "3600\x00", "3600\n", "NaN", "Infinity", "1h", "\x00",
	} {
		if value != absent {
			attacks = append(attacks, expires(value, number, incomplete))
		}
	}
	for _, value := range []string{
		"604801", "4294967297", "2147483648", "9223372036", "9223372036854775807", "9223372036854775808", "18446744073709551617", strings.Repeat("9", 400),
	} {
		attacks = append(attacks, expires(value, week, incomplete))
	}
	attacks = append(attacks, expires("0", "Signature expired: …", mismatch), expires("000000", "Signature expired: …", mismatch))
	w.try(t, attacks)

	old := w.url(w.iamURL, "GET", "/", "")
	s := w.alice.signing("lambda")
	s.at = s.at.Add(-2 * time.Hour)
	url := w.planes()[0]
	for _, p := range w.readers() {
		// Neither the window nor a later date of the clock makes a life longer.
		for _, test := range []struct {
			expires string
			age     time.Duration
			good    bool
		}{
			{"300", 0, true}, {"300", 4 * time.Minute, true}, {"300", -4 * time.Minute, true}, {"604800", 14 * time.Minute, true},
			{"60", 4 * time.Minute, false}, {"1", 10 * time.Second, false}, {"300", 6 * time.Minute, false},
		} {
			s := w.good(p)
			s.at, s.expires = s.at.Add(-test.age), test.expires
			a := w.send(t, p.request.presigned(s))
			if test.good || p.service == "sts" { // STS goes by its window, whatever a URL says
				p.accepts(t, w, a)
			} else {
				p.refuses(t, a, mismatch, "Signature expired: …")
			}
		}
	}
	for value, good := range map[string]bool{"7100": false, "7300": true, "604800": true, absent: false} {
		s.expires = value
		if a := w.send(t, old.presigned(s)); good {
			w.ran(t, a)
		} else {
			url.refuses(t, a, mismatch, "Signature expired: …")
		}
	}
}

// Presigned requests with parts that are missing, repeated or in another place.
func TestPresigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var attacks []attack
	present := func(change func(target string) string) func(*world, plane) request {
		return func(w *world, p plane) request {
			r := p.request.presigned(w.good(p))
			r.target = change(r.target)
			return r
		}
	}
	drop := func(name string) func(string) string {
		return func(target string) string {
			path, query, _ := strings.Cut(target, "?")
			var kept []string
			for pair := range strings.SplitSeq(query, "&") {
				if !strings.HasPrefix(pair, name+"=") {
					kept = append(kept, pair)
				}
			}
			return path + "?" + strings.Join(kept, "&")
		}
	}
	append := func(name string, forge func(*world, plane) request, kind kind, message string) {
		attacks = append(attacks, attack{name, forge, kind, message})
	}
	for _, name := range []string{"X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"} {
		append("without "+name, present(drop(name)), incomplete, "AWS query-string parameters must include '"+name+"'. Re-examine the query-string parameters.")
		append(name+" twice", present(func(target string) string { return addQuery(target, name+"=x") }), mismatch, messageMismatch)
	}
	append("without the algorithm", present(drop("X-Amz-Algorithm")), unsigned, "")
	append("the algorithm in lower case", present(func(s string) string { return strings.Replace(s, "X-Amz-Algorithm", "x-amz-algorithm", 1) }), unsigned, "")
	append("another algorithm", present(func(s string) string { return strings.Replace(s, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512", 1) }), incomplete, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'.")
	append("an algorithm of control characters", present(func(s string) string { return strings.Replace(s, "AWS4-HMAC-SHA256", "%00%07%1B%22%5C%3Cx%3E%FF", 1) }), incomplete, "Unsupported AWS 'algorithm': '…")
	append("the algorithm twice", present(func(s string) string { return addQuery(s, "X-Amz-Algorithm=AWS4-HMAC-SHA256") }), mismatch, messageMismatch)
	append("a longer life than signed", present(func(s string) string { return strings.Replace(s, "X-Amz-Expires=300", "X-Amz-Expires=3000", 1) }), mismatch, messageMismatch)
	append("a second life", present(func(s string) string { return addQuery(s, "X-Amz-Expires=604800") }), mismatch, messageMismatch)
	append("a life under another spelling", present(func(s string) string { return addQuery(drop("X-Amz-Expires")(s), "x-amz-expires=300") }), mismatch, messageMismatch) // CVE-2022-2385
	append("another key", present(func(s string) string { return strings.Replace(s, w.alice.id, w.mallory.id, 1) }), mismatch, messageMismatch)
	append("the signature in capitals", present(func(s string) string {
		before, signature, _ := strings.Cut(s, "X-Amz-Signature=")
		return before + "X-Amz-Signature=" + strings.ToUpper(signature)
	}), mismatch, messageMismatch)
	append("a second signature in lower case", present(func(s string) string { return addQuery(s, "x-amz-signature="+strings.Repeat("0", 64)) }), mismatch, messageMismatch)
	append("parts in headers", func(w *world, p plane) request {
		r := p.request.presigned(w.good(p))
		_, query, _ := strings.Cut(r.target, "X-Amz-Algorithm")
		r.target = p.request.target
		for pair := range strings.SplitSeq("X-Amz-Algorithm"+query, "&") {
			r = r.with(strings.Replace(pair, "=", ": ", 1))
		}
		return r
	}, unsigned, "")
	append("a signed header that is not sent", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"x-role"}
		return p.request.with("X-Role: reader").presigned(s).without("X-Role")
	}, mismatch, messageMismatch)
	append("sent to another host", func(w *world, p plane) request { // Vault CVE-2020-16250
		s := w.good(p)
		s.values = map[string]string{"host": "sts.amazonaws.com"}
		return p.request.presigned(s)
	}, mismatch, messageMismatch)
	append("sent with the header form's date", func(w *world, p plane) request {
		s := w.good(p)
		s.at = s.at.Add(-time.Hour)
		return p.request.presigned(s).with("X-Amz-Date: " + w.good(p).stamp())
	}, mismatch, "Signature expired: …")
	w.try(t, attacks)
}
