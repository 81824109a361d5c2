package canonical

import (
	"net/url"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// What a byte may be.
const (
	unreserved = 1 << iota // A-Z a-z 0-9 - . _ ~ (RFC 3986, 2.3): as it is in a canonical path or query
	token                  // in a method or header name (RFC 9110, 5.6.2)
	upper                  // A-Z
	slash                  // the separator of path segments
)

var classes = func() (t [256]uint8) {
	for c := range t {
		b := byte(c)
		switch {
		case 'A' <= b && b <= 'Z':
			t[c] = unreserved | token | upper
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9', strings.IndexByte("-._~", b) >= 0:
			t[c] = unreserved | token
		case strings.IndexByte("!#$%&'*+^`|", b) >= 0:
			t[c] = token
		case b == '/':
			t[c] = slash
		}
	}
	return t
}()

// ValidToken reports whether s may be an HTTP method.
func ValidToken(s string) bool {
	for i := range len(s) {
		if classes[s[i]]&token == 0 {
			return false
		}
	}
	return s != ""
}

// ValidName reports whether name may be in SignedHeaders: a header name in lower case.
func ValidName(name string) bool {
	if name == Authority {
		return true
	}
	for i := range len(name) {
		if classes[name[i]]&(token|upper) != token {
			return false
		}
	}
	return name != ""
}

// AppendEscaped appends s with every byte encoded that is not unreserved, '/' and '%' included.
func AppendEscaped(dst []byte, s string) []byte { return appendEncoded(dst, s, unreserved) }

// Escape is AppendEscaped for a string.
func Escape(s string) string { return string(AppendEscaped(nil, s)) }

// appendEncoded appends s with every byte encoded that is of none of the classes. Most texts have none of those and
// are copied as a whole.
func appendEncoded(dst []byte, s string, kept uint8) []byte {
	from := 0
	for i := range len(s) {
		if c := s[i]; classes[c]&kept == 0 {
			dst = append(append(dst, s[from:i]...), '%', upperHex[c>>4], upperHex[c&15])
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}

// AWS's texts for escapes that cannot be decoded; the two characters follow the second.
const (
	incompleteEscape = "Incomplete trailing escape % sequence"
	illegalHex       = "Illegal hex character in escape % pattern: %"
)

// CheckEscapes returns AWS's text for the first malformed percent escape in s, "" if there is none.
func CheckEscapes(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return ""
	}
	_, err := url.PathUnescape(s)
	if err == nil {
		return ""
	}
	if escape := string(err.(url.EscapeError)); len(escape) == len("%00") { // what PathUnescape finds is nothing else
		return illegalHex + escape[1:]
	}
	return incompleteEscape
}

// Unescape decodes the percent escapes of s. '+' stays '+', and a text with malformed escapes stays as it is.
func Unescape(s string) string {
	if text, err := url.PathUnescape(s); err == nil {
		return text
	}
	return s
}
