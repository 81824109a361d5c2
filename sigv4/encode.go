package sigv4

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// What a byte may be.
const (
	isUnreserved = 1 << iota // A-Z a-z 0-9 - . _ ~ (RFC 3986, 2.3): as it is in a canonical path or query
	isToken                  // in a method or header name (RFC 9110, 5.6.2)
	isUpper                  // A-Z
	isSpace                  // white space of a header value, folded lines included
	isSlash                  // the separator of path segments
)

var classes = func() (t [256]uint8) {
	for c := range t {
		b := byte(c)
		switch {
		case 'A' <= b && b <= 'Z':
			t[c] = isUnreserved | isToken | isUpper
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9', strings.IndexByte("-._~", b) >= 0:
			t[c] = isUnreserved | isToken
		case strings.IndexByte("!#$%&'*+^`|", b) >= 0:
			t[c] = isToken
		case strings.IndexByte(" \t\r\n", b) >= 0:
			t[c] = isSpace
		case b == '/':
			t[c] = isSlash
		}
	}
	return t
}()

func validToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if classes[s[i]]&isToken == 0 {
			return false
		}
	}
	return s != ""
}

// cut splits s around the first sep. more is false if there is none: rest is then empty, and part all of s.
func cut(s string, sep byte) (part, rest string, more bool) {
	if i := strings.IndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// trim takes off the white space HTTP allows around list elements.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

func appendEscapedByte(dst []byte, c byte) []byte {
	if classes[c]&isUnreserved != 0 {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// appendEscaped appends s with every byte encoded that is not unreserved, '/' and '%' included.
func appendEscaped(dst []byte, s string) []byte { return appendEncoded(dst, s, isUnreserved) }

// appendEncoded appends s with every byte encoded that is of none of the classes. Most texts have none of those, and
// are copied as a whole.
func appendEncoded(dst []byte, s string, kept uint8) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; classes[c]&kept == 0 {
			dst = append(append(dst, s[from:i]...), '%', upperHex[c>>4], upperHex[c&15])
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}

// appendHex is hex.AppendEncode for a SHA-256 at less than half the cost: it makes the digits of four bytes at a time.
func appendHex(dst []byte, sum *[sha256.Size]byte) []byte {
	for i := 0; i < len(sum); i += 4 {
		// One nibble in each byte of x.
		x := uint64(binary.BigEndian.Uint32(sum[i:]))
		x = (x | x<<16) & 0x0000ffff0000ffff
		x = (x | x<<8) & 0x00ff00ff00ff00ff
		x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
		letters := (x + 0x0606060606060606) >> 4 & 0x0101010101010101 // 1 where the nibble is above 9
		dst = binary.BigEndian.AppendUint64(dst, x+'0'*0x0101010101010101+letters*('a'-'0'-10))
	}
	return dst
}

// unhex returns the value of a hexadecimal digit of either case.
func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// AWS's texts for escapes it can not decode; the second is followed by the two characters.
const (
	msgIncompleteEscape = "Incomplete trailing escape % sequence"
	msgIllegalHex       = "Illegal hex character in escape % pattern: %"
)

// checkEscapes returns AWS's text for the first malformed percent escape in s, "" if there is none.
func checkEscapes(s string) string {
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			return ""
		}
		if msg := checkEscape(s[i:]); msg != "" {
			return msg
		}
		s = s[i+3:]
	}
}

// checkEscape is checkEscapes for the escape at the beginning of s only.
func checkEscape(s string) string {
	if len(s) < 3 {
		return msgIncompleteEscape
	}
	_, ok1 := unhex(s[1])
	_, ok2 := unhex(s[2])
	if !ok1 || !ok2 {
		return msgIllegalHex + s[1:3]
	}
	return ""
}

// unescape decodes the percent escapes of s, which checkEscapes must have passed. '+' stays '+'.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			hi, _ := unhex(s[i+1])
			lo, _ := unhex(s[i+2])
			c = hi<<4 | lo
			i += 2
		}
		out = append(out, c)
	}
	return string(out)
}
