package event

import "unicode/utf8"

// text is what appendString takes, so that a body need not be copied to be quoted.
type text interface{ ~string | ~[]byte }

// appendString appends s as a JSON string. It escapes what JSON demands and nothing else, because a function that
// looks at the raw bytes of its event expects "&" and "<" as they are, which encoding/json does not give by default.
func appendString[T text](dst []byte, s T) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s)
	return append(dst, '"')
}

// appendLowerString is appendString with A to Z in lower case. The escapes it writes are lower case already.
func appendLowerString(dst []byte, s string) []byte {
	start := len(dst)
	dst = appendString(dst, s)
	for i, c := range dst[start:] {
		if 'A' <= c && c <= 'Z' {
			dst[start+i] = c | 0x20
		}
	}
	return dst
}

// appendJoined appends first and more as one string, with commas between.
func appendJoined(dst []byte, first string, more []string) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, first)
	for _, value := range more {
		dst = append(dst, ',')
		dst = appendEscaped(dst, value)
	}
	return append(dst, '"')
}

// appendEscaped appends s as it stands inside a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendEscaped[T text](dst []byte, s T) []byte {
	start := 0 // of the run that needs no change
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if size := runeLength(s, i); size > 0 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

// runeLength is the length of the rune at s[i], 0 if there is none.
func runeLength[T text](s T, i int) int {
	r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
	if r == utf8.RuneError && size == 1 {
		return 0
	}
	return size
}

// appendEscape appends the escape for one byte that can not stand for itself.
func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\ufffd"...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}
