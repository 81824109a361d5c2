//go:build unix

package lambdaapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// payloadFault is what is wrong with a payload that is not JSON, as Lambda's parser says it: Jackson, whose messages two
// recorded answers show (LocalStack's snapshots of test_lambda_invoke_payload_encoding_error, of 2025-11-24; those of
// 2022 repeated the payload). The others are those that Jackson has in the same place (FasterXML/jackson-core,
// UTF8StreamJsonParser); that Lambda has them too is assumed. An unexpected character is told with its own column since
// Jackson 2.17 (FasterXML/jackson-core#1173), anything else with the column after it. It is "" for a fault whose message
// in Jackson is not known.
func payloadFault(payload []byte, err error) string {
	fault, ok := errors.AsType[*json.SyntaxError](err)
	if !ok || fault.Offset < 1 || int(fault.Offset) > len(payload) {
		return ""
	}
	at := int(fault.Offset) - 1
	text, end := "", at
	switch found := fault.Error(); {
	case strings.HasPrefix(found, "unexpected end"):
		return ""
	case strings.HasSuffix(found, "looking for beginning of value"):
		text, end = unexpectedValue(payload, at, at)
	case strings.Contains(found, " in literal "):
		text, end = unexpectedValue(payload, literalStart(payload, at), at)
	case strings.HasSuffix(found, "looking for beginning of object key string"):
		text = unexpected(payload[at], "was expecting double-quote to start field name")
	case strings.HasSuffix(found, "after object key"):
		text = unexpected(payload[at], "was expecting a colon to separate field name and value")
	case strings.HasSuffix(found, "after object key:value pair"):
		text = unexpected(payload[at], "was expecting comma to separate Object entries")
	case strings.HasSuffix(found, "after array element"):
		text = unexpected(payload[at], "was expecting comma to separate Array entries")
	default:
		return ""
	}
	line := 1 + strings.Count(string(payload[:end]), "\n")
	column := end - strings.LastIndexByte(string(payload[:end]), '\n')
	const source = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
	return fmt.Sprintf("%s\n at [Source: %s; line: %d, column: %d]", text, source, line, column)
}

const validValue = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

// unexpectedValue is for a text that begins like no value, and up to at, like a word. The end is the byte whose column
// the parser tells.
func unexpectedValue(payload []byte, start, at int) (text string, end int) {
	first := payload[start]
	switch {
	case strings.IndexByte("]},", first) >= 0:
		return unexpected(first, "expected a value"), start
	case first >= utf8.RuneSelf || !isIdentifier(rune(first)) || unicode.IsDigit(rune(first)):
		return unexpected(first, "expected a valid value "+validValue), start
	}
	word := string(payload[start:max(at, start+1)])
	for end = start + len(word); end < len(payload); {
		r, size := utf8.DecodeRune(payload[end:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Sprintf("Invalid UTF-8 start byte 0x%02x", payload[end]), end + 1
		}
		end += size
		if !isIdentifier(r) {
			break
		}
		word += string(r)
	}
	return "Unrecognized token '" + word + "': was expecting " + validValue, end
}

// isIdentifier reports whether Java takes the character for a part of an identifier.
func isIdentifier(r rune) bool {
	return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// literalStart is where the word begins in which a literal is not spelled as it should be.
func literalStart(payload []byte, at int) int {
	for at > 0 && 'a' <= payload[at-1] && payload[at-1] <= 'z' {
		at--
	}
	return at
}

func unexpected(c byte, expected string) string {
	shown := fmt.Sprintf("'%c' (code %d)", c, c)
	if c < ' ' || 0x7f <= c && c < 0xa0 {
		shown = fmt.Sprintf("(CTRL-CHAR, code %d)", c)
	}
	return "Unexpected character (" + shown + "): " + expected
}
