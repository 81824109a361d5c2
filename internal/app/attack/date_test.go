//go:build unix

package attack_test

import (
	"net/http"
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
		}, incomplete, "Date must be in ISO-8601 'basic format'. Got '" + value +
			"'. See http://en.wikipedia.org/wiki/ISO_8601"}
	}
	w.try(t, []attack{
		{"a minute too old", at(before(time.Minute), request.signed), mismatch, "Signature expired: …"},
		{"ten years too old", at(before(87600*time.Hour), request.signed), mismatch, "Signature expired: …"},
		{"a minute too early", at(after(time.Minute), request.signed), mismatch, "Signature not yet current: …"},
		{"presigned a minute too early", at(after(time.Minute), request.presigned), mismatch, "Signature not yet current: …"},
		{"presigned a week ago for five minutes", at(before(168*time.Hour), request.presigned), mismatch,
			"Signature expired: …"},
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
		date("2026-11-23T15:26:50Z"), date("20261123T152650"), date("20261123T152650z"), date("20261131T152650Z"),
		date("20261123T152660Z"),
		date("20261123T152650.5Z"), date("99999999T999999Z"), date("now"), date(""), date("20261123T152650+0000"),
		date("٢٠٢٦١١٢٣T152650Z"),
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
		week   = "X-Amz-Expires must be less than a week (in seconds); that is, " +
			"the given X-Amz-Expires must be less than 604800 seconds"
	)
	var attacks []attack
	for _, value := range []string{
		"1e3", "+3600", " 3600", "3600 ", "-1", "0x10", "3600.0", "3,600", "٣٦٠٠", "３６００", "3600\x00", "3600\n", "NaN",
		"Infinity", "1h", "\x00",
	} {
		if value != absent {
			attacks = append(attacks, expires(value, number, incomplete))
		}
	}
	for _, value := range []string{
		"604801", "4294967297", "2147483648", "9223372036", "9223372036854775807", "9223372036854775808",
		"18446744073709551617", strings.Repeat("9", 400),
	} {
		attacks = append(attacks, expires(value, week, incomplete))
	}
	attacks = append(attacks, expires("0", "Signature expired: …", mismatch),
		expires("000000", "Signature expired: …", mismatch))
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
			{"300", 0, true}, {"300", 4 * time.Minute, true}, {"300", -4 * time.Minute, true},
			{"604800", 14 * time.Minute, true},
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
	const message = "Date must be in ISO-8601 'basic format'. Got '2026-11-23T15:26:50Z'. " +
		"See http://en.wikipedia.org/wiki/ISO_8601"
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
