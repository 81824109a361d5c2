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

// The functions in this file take a payload apart that json.Valid has accepted: they look for where things end, and
// rely on there being an end. A six megabyte body is so looked at twice, not once for every layer it is nested in,
// and member names stay case-sensitive, which they are not for a struct in encoding/json.

// jsonSpace is the white space of JSON.
const jsonSpace = " \t\r\n"

// members yields the members of a valid JSON object: the quoted name and the value, both as they stand there.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for rest := next(object[1:]); rest[0] != '}'; {
			size := valueLength(rest)
			name := plainName(rest[:size])
			rest = next(rest[size:]) // at the colon
			rest = next(rest[1:])    // at the value
			size = valueLength(rest)
			if !yield(name, rest[:size]) {
				return
			}
			if rest = next(rest[size:]); rest[0] == ',' {
				rest = next(rest[1:])
			}
		}
	}
}

// elements yields the elements of a valid JSON array as they stand there.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := next(array[1:]); rest[0] != ']'; {
			size := valueLength(rest)
			if !yield(rest[:size]) {
				return
			}
			if rest = next(rest[size:]); rest[0] == ',' {
				rest = next(rest[1:])
			}
		}
	}
}

func next(rest []byte) []byte { return bytes.TrimLeft(rest, jsonSpace) }

// plainName is a member's quoted name without escapes, so that "status\u0043ode" is found too.
func plainName(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted
	}
	name, err := unquote(quoted)
	if err != nil {
		return quoted
	}
	return appendString(nil, name)
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

// isEscaped says whether what follows before is escaped: whether before ends with an odd number of backslashes.
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
	var syntax *json.SyntaxError
	err := json.Unmarshal(payload, new(json.RawMessage))
	switch {
	case len(bytes.TrimLeft(payload, jsonSpace)) == 0:
		return "it is empty"
	case errors.As(err, &syntax):
		return fmt.Sprintf("%v at byte %d of %s", syntax, syntax.Offset, strconv.Quote(clip(payload)))
	}
	return "it can not be parsed"
}
