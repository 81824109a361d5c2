package sigv4

import "strings"

const upperHex = "0123456789ABCDEF"

// unreserved reports whether c stays as it is in a canonical path or query: A-Z a-z 0-9 - . _ ~ (RFC 3986, 2.3).
func unreserved(c byte) bool {
	const (
		low  = 1<<'-' | 1<<'.' | (1<<10-1)<<'0'
		high = (1<<26-1)<<('A'-64) | 1<<('_'-64) | (1<<26-1)<<('a'-64) | 1<<('~'-64)
	)
	switch c >> 6 {
	case 0:
		return uint64(low)>>c&1 != 0
	case 1:
		return uint64(high)>>(c-64)&1 != 0
	}
	return false
}

func appendEscapedByte(dst []byte, c byte) []byte {
	if unreserved(c) {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// appendEscaped appends s with every byte encoded that is not unreserved, '/' and '%' included.
func appendEscaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		dst = appendEscapedByte(dst, s[i])
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
		if s = s[i+1:]; len(s) < 2 {
			return msgIncompleteEscape
		}
		_, ok1 := unhex(s[0])
		_, ok2 := unhex(s[1])
		if !ok1 || !ok2 {
			return msgIllegalHex + s[:2]
		}
		s = s[2:]
	}
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
