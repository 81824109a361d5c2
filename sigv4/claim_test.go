package sigv4_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// TestAuthorizationGrammar: lists that are odd but legal, and lists that are not.
func TestAuthorizationGrammar(t *testing.T) {
	t.Parallel()
	edit := func(f func(string) string) string { return raw{}.header(f) }
	scope := scopeOf(clock)
	plain := func(extra string) string { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n" + extra + "\r\n" }
	runAttacks(t, []attack{
		{"without spaces", edit(func(s string) string { return strings.ReplaceAll(s, ", ", ",") }), accepted},
		{"with many spaces", edit(func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, ", ", "  ,\t "), "256 ", "256   ")
		}), accepted},
		{"in another order", edit(func(s string) string {
			alg, list, _ := strings.Cut(s, " ")
			parts := strings.Split(list, ", ")
			slices.Reverse(parts)
			return alg + " " + strings.Join(parts, ", ")
		}), accepted},
		{"credential twice", edit(func(s string) string { return s + ", Credential=" + alice.AccessKeyID + "/" + scope }),
			mismatch},
		{"signature twice, last right", edit(func(s string) string {
			return strings.Replace(s, "256 ", "256 Signature=0, ",
				1)
		}), mismatch},
		{"signed headers twice", edit(func(s string) string { return s + ", SignedHeaders=host;x-amz-date" }), mismatch},
		{"unknown part", edit(func(s string) string { return s + ", Extra=1" }), mismatch},
		{"part without value", edit(func(s string) string { return s + ", Extra" }), incomplete},
		{"comma at the end", edit(func(s string) string { return s + "," }), incomplete},
		{"names in lower case", edit(func(s string) string { return strings.Replace(s, "Signature=", "signature=", 1) }),
			incomplete},
		{"algorithm alone", plain("Authorization: AWS4-HMAC-SHA256\r\n"), incomplete},
		{"empty", plain("Authorization:\r\n"), incomplete},
		{"twice, first right", strings.Replace(raw{}.header(), "\r\n\r\n", "\r\nAuthorization: Bearer x\r\n\r\n", 1),
			mismatch},
		{"twice the same", func() string {
			s := raw{}.header()
			i := strings.Index(s, "Authorization:")
			return s[:len(s)-2] + s[i:len(s)-2] + "\r\n"
		}(), mismatch},
		{"header and query form", strings.Replace(raw{}.presigned(), "\r\n\r\n", "\r\nAuthorization: Bearer x\r\n\r\n", 1),
			mismatch},
		{"header form with X-Amz-Algorithm, percent-encoded",
			strings.Replace(raw{}.header(), "GET / ", "GET /?X%2DAmz-Algorithm=x ", 1), mismatch},
		{"signed headers unsorted, text sorted", edit(func(s string) string {
			return strings.Replace(s, "host;x-amz-date",
				"x-amz-date;host", 1)
		}), accepted},
		{"signed headers with capitals", edit(func(s string) string {
			return strings.Replace(s, "host;x-amz-date",
				"host;X-Amz-Date", 1)
		}), mismatch},
		{"signed header twice", edit(func(s string) string { return strings.Replace(s, "host;", "host;host;", 1) }),
			mismatch},
		{"empty name in signed headers", edit(func(s string) string { return strings.Replace(s, "host;", "host;;", 1) }),
			mismatch},
		{":authority over HTTP/1.1", edit(func(s string) string { return strings.Replace(s, "host;", ":authority;", 1) }),
			mismatch},
		{"date twice", strings.Replace(raw{}.header(), "X-Amz-Date:", "X-Amz-Date: 20261123T150405Z\r\nX-Amz-Date:", 1),
			mismatch},
		{"no date", strings.Replace(raw{}.header(), "X-Amz-Date:", "X-Other:", 1), incomplete},
		{"extended date", strings.Replace(raw{}.header(), "X-Amz-Date: 20261123T150405Z", "X-Amz-Date: 2026-11-23T15:04:05Z",
			1), incomplete},
		{"token twice", strings.Replace(raw{who: bob}.header(), "X-Amz-Security-Token:",
			"X-Amz-Security-Token: x\r\nX-Amz-Security-Token:", 1), "invalid token"},
		{"token twice the same", strings.Replace(raw{who: bob}.header(), "X-Amz-Security-Token:",
			"X-Amz-Security-Token: "+bob.SessionToken+"\r\nX-Amz-Security-Token:", 1), mismatch},
	})
}

// TestSessionTokens: a temporary key goes with its own token and no other.
func TestSessionTokens(t *testing.T) {
	t.Parallel()
	with := func(who sigv4.Credentials, token string) sigv4.Credentials { who.SessionToken = token; return who }
	unsigned := func(who sigv4.Credentials) string {
		return raw{who: who, noToken: true, lines: []string{"X-Amz-Security-Token: " + who.SessionToken}}.header()
	}
	runAttacks(t, []attack{
		{"right", raw{who: bob}.header(), accepted},
		{"right, query form", raw{who: bob}.presigned(), accepted},
		{"missing", raw{who: with(bob, "")}.header(), "invalid token"},
		{"missing, query form", raw{who: with(bob, "")}.presigned(), "invalid token"},
		{"in a header of the query form", raw{who: bob, noToken: true,
			lines: []string{"X-Amz-Security-Token: " + bob.SessionToken}}.presigned(), "invalid token"},
		// floci#3487, cloudemu#855: altered, and consistently signed.
		{"altered and signed", raw{who: with(bob, bob.SessionToken+"x")}.header(), "invalid token"},
		{"altered and signed, query form", raw{who: with(bob, "x"+bob.SessionToken)}.presigned(), "invalid token"},
		{"of another key", raw{who: with(bob, carol.SessionToken)}.header(), "invalid token"},
		{"empty", raw{who: with(bob, ""), lines: []string{"X-Amz-Security-Token:"}}.header(), "invalid token"},
		{"with a long-term key", raw{who: with(alice, bob.SessionToken)}.header(), "invalid token"},
		{"with a long-term key, query form", raw{who: with(alice, bob.SessionToken)}.presigned(), "invalid token"},
		{"empty, with a long-term key", raw{lines: []string{"X-Amz-Security-Token:"}}.header(), "invalid token"},
		{"session over", raw{who: carol}.header(), "expired token"},
		{"session over before the URL", raw{who: carol}.presigned(), "expired token"},
		// soto#99: some clients do not sign it. It still has to be the right one.
		{"unsigned", unsigned(bob), accepted},
		{"unsigned and altered", unsigned(with(bob, "x")), "invalid token"},
		{"added to a presigned URL", raw{who: bob, noToken: true}.presigned(func(s string) string {
			return s + "&X-Amz-Security-Token=" + rightEscape(bob.SessionToken)
		}), mismatch},
	})
}

// TestPresignedLife: X-Amz-Expires is a plain number of seconds from 1 to seven days, counted from X-Amz-Date.
func TestPresignedLife(t *testing.T) {
	t.Parallel()
	old := func(age time.Duration, expires string) string {
		return raw{at: clock.Add(-age), expires: expires}.presigned()
	}
	attacks := []attack{
		{"last second", old(600*time.Second, "600"), accepted},
		{"one second later", old(601*time.Second, "600"), "signature expired"},
		{"longer than the window", old(time.Hour, "7200"), accepted},
		{"shorter than the window", old(2*time.Second, "1"), "signature expired"},
		{"seven days", old(6*24*time.Hour, "604800"), accepted},
		{"seven days and a second", old(0, "604801"), incomplete},
		{"none: the window", old(4*time.Minute, "none"), accepted},
		{"none, past the window", old(6*time.Minute, "none"), "signature expired"},
		{"zero", old(0, "0"), "signature expired"},
		{"zero from the future", old(-time.Minute, "0"), "signature expired"},
		{"clock a little behind", old(-5*time.Minute, "60"), accepted},
		{"clock too far behind", old(-5*time.Minute-time.Second, "60"), "signature not yet current"},
	}
	for _, bad := range []string{"", "-1", "%2B3600", "%203600", "3600%20", "1e3", "0x10", "3600.0", "4294967297",
		"9223372036854775808",
		"18446744073709551616", "999999999999999999999999999999", "%D9%A3%D9%A6", "3_600", "NaN"} {
		q := raw{expires: bad}
		text := q.presigned()
		if bad == "" {
			text = strings.Replace(raw{expires: "EMPTY"}.presigned(), "X-Amz-Expires=EMPTY", "X-Amz-Expires=", 1)
		}
		attacks = append(attacks, attack{fmt.Sprintf("%q", bad), text, incomplete})
	}
	runAttacks(t, attacks)
}

// TestWindow: to the second, both ways.
func TestWindow(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return raw{at: clock.Add(d)}.header() }
	runAttacks(t, []attack{
		{"oldest", at(-5 * time.Minute), accepted},
		{"too old", at(-5*time.Minute - time.Second), "signature expired"},
		{"newest", at(5 * time.Minute), accepted},
		{"too new", at(5*time.Minute + time.Second), "signature not yet current"},
		{"years ago", at(-20 * 365 * 24 * time.Hour), "signature expired"},
	})
}
