package sigv4

import (
	"net/http"
	"time"
)

// isoBasic is the only format of X-Amz-Date and of the string to sign.
const isoBasic = "20060102T150405Z"

// rfc2822 is the Date header as botocore writes it; net/http knows the other formats.
const rfc2822 = "Mon, 02 Jan 2006 15:04:05 -0700"

// parseBasic reads ISO 8601 basic format in UTC, 16 ASCII characters, with no leniency: time.Parse alone would
// take fractions of a second.
func parseBasic(s string) (time.Time, bool) {
	if len(s) != len(isoBasic) || s[8] != 'T' || s[15] != 'Z' {
		return time.Time{}, false
	}
	num := func(from, to int) int {
		n := 0
		for _, c := range []byte(s[from:to]) {
			if c < '0' || c > '9' {
				return -1
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := num(0, 4), num(4, 6), num(6, 8)
	hour, minute, sec := num(9, 11), num(11, 13), num(13, 15)
	if year < 0 || month < 0 || day < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || sec < 0 || sec > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, sec, 0, time.UTC)
	if 1 <= day && day <= 28 && 1 <= month && month <= 12 {
		return t, true
	}
	y, m, d := t.Date()
	return t, y == year && int(m) == month && d == day // else 31 June and the like
}

// appendBasic is t.AppendFormat(dst, isoBasic) for years of four digits in UTC, at a fifth of the cost.
func appendBasic(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, sec := t.Clock()
	two := func(n int) { dst = append(dst, byte('0'+n/10%10), byte('0'+n%10)) }
	two(year / 100)
	two(year)
	two(int(month))
	two(day)
	dst = append(dst, 'T')
	two(hour)
	two(minute)
	two(sec)
	return append(dst, 'Z')
}

// parseDateHeader reads a Date header: an HTTP date, RFC 2822, or ISO 8601 basic format.
func parseDateHeader(s string) (time.Time, bool) {
	if t, ok := parseBasic(s); ok {
		return t, true
	}
	if t, err := http.ParseTime(s); err == nil {
		return t.UTC(), true
	}
	t, err := time.Parse(rfc2822, s)
	return t.UTC(), err == nil
}
