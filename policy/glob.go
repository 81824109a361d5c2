package policy

import (
	"strings"
	"unicode/utf8"
)

// Wildcards are stored in patterns as bytes that UTF-8 text never holds, so that a literal asterisk (written ${*}) or
// one that comes out of a policy variable is never taken for one.
const (
	anyRun      = '\xff' // * : any characters
	anyOne      = '\xfe' // ? : one character
	anyRunInARN = '\xfd' // * within one of the first five parts of an ARN: any characters but a colon
	anyOneInARN = '\xfc' // ? there: one character but a colon
	wildcards   = anyOneInARN
)

// hasWildcards reports whether s holds bytes that a pattern reads as wildcards. Only text that is not UTF-8 does.
func hasWildcards(s string) bool {
	for i := range len(s) {
		if s[i] >= wildcards {
			return true
		}
	}
	return false
}

var wildcardEncoder = strings.NewReplacer("*", string([]byte{anyRun}), "?", string([]byte{anyOne}))

// encodeWildcards turns the * and ? of a literal into pattern bytes.
func encodeWildcards(s string) string { return wildcardEncoder.Replace(s) }

// pattern is text with encoded wildcards, and how much of it comes before the first and after the last of them: most
// texts that do not match differ there.
type pattern struct {
	text       string
	head, tail int // head is all of it when there are no wildcards
}

func newPattern(encoded string) pattern {
	p := pattern{text: encoded}
	for p.head < len(encoded) && encoded[p.head] < wildcards {
		p.head++
	}
	for p.tail < len(encoded)-p.head && encoded[len(encoded)-1-p.tail] < wildcards {
		p.tail++
	}
	return p
}

// match reports whether the pattern matches all of s. With fold, the pattern must be lower case and the case of ASCII
// letters of s does not matter.
func (p *pattern) match(s string, fold bool) bool {
	if p.head == len(p.text) {
		return s == p.text || fold && equalFold(s, p.text)
	}
	if len(s) < p.head+p.tail {
		return false
	}
	end, tail := len(s)-p.tail, len(p.text)-p.tail
	if fold {
		if !equalFold(s[:p.head], p.text[:p.head]) || !equalFold(s[end:], p.text[tail:]) {
			return false
		}
	} else if s[:p.head] != p.text[:p.head] || s[end:] != p.text[tail:] {
		return false
	}
	return globMatch(p.text[p.head:tail], s[p.head:end], fold)
}

// globMatch reports whether the encoded pattern matches all of s. With fold, the pattern must be lower case and ASCII
// letters of s are compared without regard to case.
//
// It goes back to the last star only, and to the last star that may cross colons when that one may not. Nothing is
// missed by that: a star that may not cross a colon, and the literal after it, leave no choice as to where the next
// colon of the pattern falls. Cost is at most the product of the lengths for patterns without such stars.
func globMatch(pattern, s string, fold bool) bool {
	const none = -1
	p, i := 0, 0
	starP, starI := none, 0   // after the last star of any sort, and where it now ends in s
	confined := false         // that star may not cross a colon
	outerP, outerI := none, 0 // the same for the last star that may
	for {
		if p < len(pattern) {
			switch c := pattern[p]; {
			case c == anyRun:
				p++
				if p == len(pattern) {
					return true
				}
				starP, starI, confined = p, i, false
				outerP, outerI = p, i
				continue
			case c == anyRunInARN:
				p++
				starP, starI, confined = p, i, true
				continue
			case i == len(s):
				return false
			case c == anyOne || c == anyOneInARN && s[i] != ':':
				p++
				i += unitLen(s, i)
				continue
			case c == s[i] || fold && c == lower(s[i]):
				p++
				i++
				continue
			}
		} else if i == len(s) {
			return true
		}
		// a mismatch: let a star take one character more
		switch {
		case starP != none && starI < len(s) && !(confined && s[starI] == ':'):
			starI += unitLen(s, starI)
			p, i = starP, starI
			if !confined {
				outerI = starI
			}
		case confined && outerP != none && outerI < len(s):
			outerI += unitLen(s, outerI)
			p, i = outerP, outerI
			starP, starI, confined = outerP, outerI, false
		default:
			return false
		}
	}
}

// unitLen returns the length in bytes of what a ? stands for at s[i:]: a character, half of one that UTF-16 has a pair
// for, as AWS counts, or a byte that is not UTF-8.
func unitLen(s string, i int) int {
	_, n := utf8.DecodeRuneInString(s[i:])
	if n == 1 && i >= 2 {
		_, n = utf8.DecodeRuneInString(s[i-2:])
		return 1 + n/4 // the second half
	}
	return min(n, 2+n%4)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowerASCII lowers the ASCII letters of s only: names of actions and services are ASCII.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// equalFold is strings.EqualFold for names that are ASCII: as fast as it gets for names that differ.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}
