package event

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// hidden stands in place of a secret.
const hidden = "(hidden)"

// Shown is the event for a request whose secrets are hidden already, by [WithoutSecrets], [HideParameters] and [HideBody]:
// at most limit bytes of it. cut says that the body is only the beginning of one, and reports that there is more of the
// event. Where the body is what is too long, only its beginning is there, and the event is still JSON.
//
// Secrets are what is named like one: headers, cookies, parameters of the query, and members of a body that is JSON or a
// form, multipart ones included; besides them, values that say that they are credentials or a token whatever their name is.
func Shown(open *Request, cut bool, limit int) (shown []byte, isCut bool) {
	r := *open
	for ; ; cut = true {
		shown = Append(nil, &r)
		over := len(shown) - limit
		switch {
		case over <= 0:
			return shown, cut
		case len(r.Body) == 0:
			return shown[:limit], true
		}
		// Each byte of the body is at least one of the event.
		r.Body = beginning(r.Body, max(0, len(r.Body)-over))
	}
}

// beginning is at most limit bytes of a body, and of text whole characters.
func beginning(body []byte, limit int) []byte {
	if len(body) <= limit {
		return body
	}
	for back := 0; back < utf8.UTFMax && limit > 0 && !utf8.RuneStart(body[limit]); back++ {
		limit--
	}
	return body[:limit:limit]
}

// secretParts are what the name of a secret has in it, in lower case.
var secretParts = [...]string{
	"authoriz", "authentic", "cookie", "token", "secret", "passw", "passphrase", "passcode", "credential", "signature",
	"apikey", "accesskey", "privatekey", "jwt", "csrf", "xsrf", "assertion", "session",
}

// secretWords are whole words of the name of a secret: they are parts of other words as well.
var secretWords = [...]string{"auth", "key", "otp", "pin", "pwd", "pass", "sid", "sig"}

// isSecret reports whether something of this name is a secret.
func isSecret(name string) bool {
	switch name { // what nearly every request and answer has, only to be faster
	case "Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "User-Agent", "X-Amz-Date",
		"X-Amz-Content-Sha256", "X-Amzn-Trace-Id", "x-amzn-RequestId":
		return false
	}
	name = strings.ToLower(name)
	for _, part := range secretParts {
		if strings.Contains(name, part) {
			return true
		}
	}
	for word := range strings.FieldsFuncSeq(name, func(c rune) bool { return (c < 'a' || c > 'z') && c < utf8.RuneSelf }) {
		if slices.Contains(secretWords[:], word) {
			return true
		}
	}
	return false
}

// isCredential reports whether a value is a secret, whatever its name is: credentials with their scheme (RFC 9110, 11.4)
// or a JSON Web Token, which begins with {" in base64 (RFC 7519, 3.1).
func isCredential(value string) bool {
	scheme, rest, spaced := strings.Cut(value, " ")
	if spaced && rest != "" {
		switch strings.ToLower(scheme) {
		case "bearer", "basic", "digest", "negotiate", "ntlm", "dpop", "hoba", "mutual":
			return true
		}
		return strings.HasPrefix(scheme, "AWS4-")
	}
	return strings.HasPrefix(value, "eyJ") && strings.Count(value, ".") >= 2
}

// WithoutSecrets is the header with its secrets hidden. Without secrets it is the same header.
func WithoutSecrets(header http.Header) (open http.Header) {
	hid := false
	open = header
	for name, values := range header {
		shown := hideValues(name, values)
		if shown == nil {
			continue
		}
		if !hid {
			open, hid = maps.Clone(header), true
		}
		open[name] = shown
	}
	return open
}

// hideValues is the values of a header with the secrets among them hidden, nil if there is none.
func hideValues(name string, values []string) (shown []string) {
	for i, value := range values {
		if open := HideHeader(name, value); open != value {
			if shown == nil {
				shown = slices.Clone(values)
			}
			shown[i] = open
		}
	}
	return shown
}

// HideHeader is the value of a header with what is secret in it hidden.
func HideHeader(name, value string) string {
	switch {
	case strings.EqualFold(name, "Cookie"):
		pairs := strings.Split(value, ";")
		for i, pair := range pairs {
			if key, _, ok := strings.Cut(pair, "="); ok {
				pairs[i] = key + "=" + hidden
			} else if strings.TrimSpace(pair) != "" {
				pairs[i] = hidden
			}
		}
		return strings.Join(pairs, ";")
	case value != "" && (isSecret(name) || isCredential(value)):
		return hidden
	default:
		return HideParameters(value) // of the address that led here, for one
	}
}

// HideParameters hides the secrets in the query of a request target or an address, if the text is one.
func HideParameters(text string) string {
	path, query, ok := strings.Cut(text, "?")
	if !ok {
		return text
	}
	return path + "?" + hidePairs(query)
}

// hidePairs hides the secrets of a query or a form.
func hidePairs(query string) string {
	var pairs []string
	at := 0
	for pair := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if ok && value != "" && isSecretParameter(name, value) {
			if pairs == nil { // without secrets nothing is allocated
				pairs = strings.Split(query, "&")
			}
			pairs[at] = name + "=" + hidden
		}
		at++
	}
	if pairs == nil {
		return query
	}
	return strings.Join(pairs, "&")
}

// isSecretParameter looks at name and value as they are written and with up to three layers of escapes removed: a client
// that signs wrongly may write names wrongly too. A value may itself be a presigned address.
func isSecretParameter(name, value string) bool {
	for range 4 {
		if isSecret(name) || isCredential(value) || strings.Contains(strings.ToLower(value), "x-amz-signature=") {
			return true
		}
		name, value = decode(name, true), decode(value, true)
	}
	return false
}

// HideBody is the beginning of a body, at most limit bytes of it, with its secrets hidden if it is JSON or a form. hidden
// reports that there are some; cut, that there is more of the body.
func HideBody(contentType string, body []byte, limit int) (shown []byte, cut, hidden bool) {
	start := beginning(body, limit)
	shown = hideInBody(contentType, start)
	hidden = !bytes.Equal(shown, start)
	return shown, len(start) < len(body), hidden
}

// hideInBody hides the secrets in a body, or the beginning of one, that is JSON or a form. The rest of it stays as it is.
func hideInBody(contentType string, body []byte) []byte {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), jsonSpace)
	switch {
	case len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '['):
		return hideMembers(body)
	case strings.Contains(strings.ToLower(contentType), "x-www-form-urlencoded"):
		if form := string(body); hidePairs(form) != form {
			return []byte(hidePairs(form))
		}
	case strings.HasPrefix(strings.ToLower(contentType), "multipart/"):
		return hideParts(body)
	}
	return body
}

// partName finds the name of a field in the headers of its part (RFC 7578, 4.2).
var partName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)[;\s]name\*?="?([^";\r\n]*)`)
})

// hideParts hides the fields of a multipart form that are secrets. The first line says what stands between the fields,
// also where the Content-Type does not.
func hideParts(body []byte) []byte {
	first, _, _ := bytes.Cut(body, []byte("\n"))
	if len(first) <= len("--\r") || !bytes.HasPrefix(first, []byte("--")) {
		return body
	}
	mark := append([]byte("\r\n"), bytes.TrimRight(first, "\r")...)
	parts, hid := bytes.Split(body, mark), false
	for i, part := range parts {
		head, value, ok := bytes.Cut(part, []byte("\r\n\r\n"))
		name := partName().FindSubmatch(head)
		if !ok || len(value) == 0 || name == nil || !isSecret(string(name[1])) && !isCredential(string(value)) {
			continue
		}
		parts[i], hid = slices.Concat(head, []byte("\r\n\r\n"+hidden)), true
	}
	if !hid {
		return body
	}
	return bytes.Join(parts, mark)
}

// hideMembers hides the values of the members of JSON that are secrets. It reads what may break off anywhere.
func hideMembers(text []byte) []byte {
	var open []byte
	var secrets map[string]bool // names, many of which come again in each element of a list
	isSecretName := func(quoted []byte) bool {
		secret, known := secrets[string(quoted)]
		if !known {
			if secrets == nil {
				secrets = map[string]bool{}
			}
			name := unquoted(quoted)
			secret = isSecret(name) && name != "key"
			secrets[string(quoted)] = secret
		}
		return secret
	}
	done := 0 // so much of text is in open
	for i := 0; i < len(text); {
		if text[i] != '"' {
			i++
			continue
		}
		end := endOfString(text, i)
		value := afterSpace(text, end)
		if value >= len(text) || text[value] != ':' { // it is no name
			i = end
			continue
		}
		name := text[i:end]
		i = afterSpace(text, value+1)
		end = endOfValue(text, i)
		if end > i && (isSecretName(name) || text[i] == '"' && isCredential(unquoted(text[i:end]))) {
			open = append(append(open, text[done:i]...), `"`+hidden+`"`...)
			i, done = end, end
		}
	}
	if open == nil {
		return text
	}
	return append(open, text[done:]...)
}

// unquoted is the text of a JSON string, or as much of it as there is.
func unquoted(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(bytes.Trim(quoted, `"`))
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return string(bytes.Trim(quoted, `"`))
	}
	return text
}

func afterSpace(text []byte, i int) int {
	for i < len(text) && strings.IndexByte(jsonSpace, text[i]) >= 0 {
		i++
	}
	return i
}

// endOfString is where the string ends that begins at text[i].
func endOfString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// endOfValue is where the value ends that begins at text[i].
func endOfValue(text []byte, i int) int {
	for depth := 0; i < len(text); {
		switch text[i] {
		case '"':
			if i = endOfString(text, i); depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			} else if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(text)
}
