package event

import (
	"slices"
	"strconv"
	"strings"
)

// parameter is one decoded key and value of a query.
type parameter struct{ key, value string }

// appendQueryParameters appends the "queryStringParameters" member, which is absent without parameters: keys in
// order, the values of a repeated key joined by commas.
func appendQueryParameters(dst []byte, query string) []byte {
	var space [16]parameter
	parameters := parseQuery(space[:0], query)
	if len(parameters) == 0 {
		return dst
	}
	slices.SortStableFunc(parameters, func(a, b parameter) int { return strings.Compare(a.key, b.key) })

	dst = append(dst, `,"queryStringParameters":`...)
	for i, p := range parameters {
		switch {
		case i == 0:
			dst = append(dst, '{')
		case p.key == parameters[i-1].key:
			// The string of the previous value goes on: its closing quote gives way to the comma.
			dst = append(dst[:len(dst)-1], ',')
			dst = appendEscaped(dst, p.value)
			dst = append(dst, '"')
			continue
		default:
			dst = append(dst, ',')
		}
		dst = AppendString(dst, p.key)
		dst = append(dst, ':')
		dst = AppendString(dst, p.value)
	}
	return append(dst, '}')
}

func parseQuery(parameters []parameter, query string) []parameter {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		parameters = append(parameters, parameter{validUTF8(decode(key, true)), decode(value, true)})
	}
	return parameters
}

// validUTF8 makes keys comparable as they will appear in the event, in which two different broken byte sequences
// look the same.
func validUTF8(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// decode undoes percent-encoding, and turns "+" into a space if plus is set. An incomplete escape stays as it is:
// function URLs pass on "/pa2%Fth" unchanged.
func decode(s string, plus bool) string {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s
	}
	var decoded strings.Builder
	decoded.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+' && plus:
			c = ' '
		case c == '%' && i+2 < len(s):
			if b, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				c = byte(b)
				i += 2
			}
		}
		decoded.WriteByte(c)
	}
	return decoded.String()
}
