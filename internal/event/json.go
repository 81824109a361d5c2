package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"
)

// text is what AppendString takes, so that it can quote a body without a copy.
type text interface{ ~string | ~[]byte }

// AppendString appends s as a JSON string. It escapes only what JSON demands: a function that looks at the raw bytes of
// its event expects "&" and "<" as they are, and encoding/json escapes them by default.
func AppendString[T text](dst []byte, s T) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s)
	return append(dst, '"')
}

// AppendMember appends what stands before a string, such as a comma and the member's name, and the string.
func AppendMember[T text](dst []byte, before string, s T) []byte {
	return AppendString(append(dst, before...), s)
}

// appendLowerString is AppendString with A to Z in lower case. The escapes it writes are lower case already.
func appendLowerString(dst []byte, s string) []byte {
	start := len(dst)
	dst = AppendString(dst, s)
	lowerASCII(dst[start:])
	return dst
}

func lowerASCII(text []byte) {
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			text[i] = c | 0x20
		}
	}
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

// asRead is what a reader of the JSON gets for s.
func asRead(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s)) // each byte that is not UTF-8 becomes a U+FFFD, as in appendEscaped
}

// runeLength is the length of the rune at s[i], 0 if there is none.
func runeLength[T text](s T, i int) int {
	r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
	if r == utf8.RuneError && size == 1 {
		return 0
	}
	return size
}

// appendEscape appends the escape for one byte that cannot stand for itself.
func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	if i := strings.IndexByte("\"\\\b\f\n\r\t", c); i >= 0 {
		return append(dst, '\\', `"\bfnrt`[i])
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\ufffd"...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// The functions below take apart a payload that json.Valid has accepted: they look for the ends of values, and rely on
// it that there are some. So they read a body of six megabytes twice, not once for each level of nesting, and member
// names stay case-sensitive, which they are not for a struct in encoding/json.

// jsonSpace is the white space of JSON.
const jsonSpace = " \t\r\n"

// members yields the members of a valid JSON object: the quoted name and the value, both as they stand there. Of a valid
// array it yields the elements, which have no names.
func members(value []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		isObject := value[0] == '{'
		for rest := trimSpace(value[1:]); rest[0] != '}' && rest[0] != ']'; {
			var name []byte
			if isObject {
				size := valueLength(rest)
				name = plainName(rest[:size])
				rest = trimSpace(rest[size:]) // at the colon
				rest = trimSpace(rest[1:])    // at the value
			}
			size := valueLength(rest)
			if !yield(name, rest[:size]) {
				return
			}
			if rest = trimSpace(rest[size:]); rest[0] == ',' {
				rest = trimSpace(rest[1:])
			}
		}
	}
}

// trimSpace is the text without the white space at its beginning.
func trimSpace(text []byte) []byte {
	for len(text) > 0 && strings.IndexByte(jsonSpace, text[0]) >= 0 {
		text = text[1:]
	}
	return text
}

// plainName is a member's quoted name without escapes, so that "status\u0043ode" is found too.
func plainName(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted
	}
	name, err := unquote(quoted)
	if err != nil {
		return quoted
	}
	return AppendString(nil, name)
}

// valueLength is the length of the JSON value that rest begins with.
func valueLength(rest []byte) int {
	switch rest[0] {
	case '"':
		return stringLength(rest)
	case '{', '[':
		return nestLength(rest)
	}
	if end := bytes.IndexAny(rest, ",]}"+jsonSpace); end >= 0 {
		return end
	}
	return len(rest)
}

func stringLength(rest []byte) int {
	for i := 1; ; i++ {
		i += bytes.IndexByte(rest[i:], '"')
		if !isEscaped(rest[:i]) {
			return i + 1
		}
	}
}

// isEscaped reports whether what follows is escaped: whether before ends with an odd number of backslashes.
func isEscaped(before []byte) bool {
	return (len(before)-len(bytes.TrimRight(before, `\`)))%2 == 1
}

func nestLength(rest []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch rest[i] {
		case '"':
			i += stringLength(rest[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// unquote is the text of a JSON string. It shares the string's memory if nothing in it needs changing.
func unquote(quoted []byte) ([]byte, error) {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return inner, nil
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil, fmt.Errorf("string in the answer: %w", err)
	}
	return []byte(text), nil
}

func isNull(value []byte) bool { return value == nil || value[0] == 'n' }

// scalar is the text of a string, a number or a boolean; nothing for null. The error reads after the value's name.
func scalar(value []byte) ([]byte, error) {
	if isNull(value) {
		return nil, nil
	}
	switch value[0] {
	case '{', '[':
		return nil, errors.New("is " + kind(value))
	case '"':
		return unquote(value)
	}
	return value, nil
}

// boolean is the truth of true, "true" and a number other than 0. The error reads after the value's name.
func boolean(value []byte) (bool, error) {
	text, err := scalar(value)
	if err != nil {
		return false, err
	}
	switch {
	case len(text) == 0 || strings.EqualFold(string(text), "false"):
		return false, nil
	case strings.EqualFold(string(text), "true"):
		return true, nil
	}
	number, err := strconv.ParseFloat(string(text), 64)
	if err != nil || value[0] == '"' {
		return false, fmt.Errorf("is %s", clip(value))
	}
	return number != 0, nil
}

// kind names a value's JSON type with its article.
func kind(value []byte) string {
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// clip is the beginning of a value, fit for an error message.
func clip(value []byte) string {
	const most = 40
	if len(value) <= most {
		return string(value)
	}
	return strings.ToValidUTF8(string(value[:most]), "") + "…"
}

// syntaxError says where payload stops being JSON.
func syntaxError(payload []byte) string {
	if len(trimSpace(payload)) == 0 {
		return "it is empty"
	}
	err := json.Unmarshal(payload, new(json.RawMessage))
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("%v at byte %d of %s", syntax, syntax.Offset, strconv.Quote(clip(payload)))
	}
	return "it cannot be parsed"
}
