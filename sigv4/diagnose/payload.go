package diagnose

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// unsignedPayloads are what S3 takes in place of a hash.
var unsignedPayloads = []string{"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
	"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}

// payloads: what else a client may have hashed.
func (x *exam) payloads(try tries) {
	set := func(p string) func(*attempt) { return func(a *attempt) { a.payload = p } }
	const unsigned = "Lambda accepts no unsigned payload: sign the SHA-256 of the body, that of no bytes if there is none."
	for _, value := range unsignedPayloads {
		try(hypothesis{PayloadUnsigned, inPayload, value == "UNSIGNED-PAYLOAD",
			"The payload was signed as " + value + ".", unsigned, set(value)})
	}
	x.declared(try, set)
	try(hypothesis{PayloadHashCase, inPayload, false,
		"The hash of the payload was signed in upper-case hexadecimal.", "Write hashes in lower-case hexadecimal.",
		set(strings.ToUpper(x.base.payload))})
	if !x.known {
		return
	}
	if len(x.body) > 0 {
		try(hypothesis{PayloadEmpty, inPayload, true,
			"The request was signed as if it had no body.", "Hand the signer the body that is sent.", set(hashText(nil))})
	}
	if len(x.body) > maxVaried {
		x.skip("body")
		return
	}
	x.guesses(try, inPayload, map[string]bool{x.base.payload: true, hashText(nil): true, "": true}, set, x.variants())
}

// declared: x-amz-content-sha256 is not that of the body. Either what it says was signed in place of the body's hash,
// or the signature is right but for it.
func (x *exam) declared(try tries, set func(string) func(*attempt)) {
	values := x.claim.Declared
	if len(values) != 1 || values[0] == x.base.payload || len(values[0]) > maxQuoted {
		return
	}
	const fix = "Compute x-amz-content-sha256 from the bytes that are sent, or leave the header out."
	if !slices.Contains(unsignedPayloads, values[0]) {
		try(hypothesis{PayloadStale, inPayload, true,
			"x-amz-content-sha256 is not the SHA-256 of the body that arrived, but it is what was signed.", fix, set(values[0])})
	}
	if x.known {
		try(hypothesis{PayloadStale, inPayload, false,
			"The body that arrived is what was signed, but x-amz-content-sha256 is " + quote(values[0]) +
				", which is not its SHA-256.", fix, set(x.base.payload)})
	}
}

func hashText(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// variants are the hashes of bodies a client may have hashed instead of the one that came, "" where there is none.
func (x *exam) variants() []guess {
	const (
		newline = "Hash the very bytes that are sent (curl: --data-binary, not -d; shell: printf, not echo)."
		asSent  = "Hash the very bytes that are sent: make the body once, sign it and send it."
		members = "Write the JSON text once, sign it and send it (botocore: data=json.dumps(data), not data=data)."
		fields  = "Write the JSON text once, sign it and send it (requests: data=text, not data=fields)."
		anew    = "The JSON body was written anew, with other white space, after it had been signed."
	)
	hash := func(body []byte, ok bool) string {
		if !ok {
			return ""
		}
		return hashText(body)
	}
	without := func(end string) func() string {
		return func() string { return hashText(bytes.TrimSuffix(x.body, []byte(end))) }
	}
	with := func(end string) func() string {
		return func() string { return hashText(append(bytes.Clone(x.body), end...)) }
	}
	swapped := func(pairs ...string) func() string {
		return func() string {
			body := x.body
			for pair := range slices.Chunk(pairs, 2) {
				body = bytes.ReplaceAll(body, []byte(pair[0]), []byte(pair[1]))
			}
			return hashText(body)
		}
	}
	encoded := func(keep bool) func() string {
		return func() string { return hashText(appendForm(nil, x.body, keep)) }
	}
	decoded := func(plus string) func() string {
		return func() string {
			text := string(x.body)
			return hash([]byte(canonical.Unescape(strings.ReplaceAll(text, "+", plus))), canonical.CheckEscapes(text) == "")
		}
	}
	form := func(space string) func() string {
		return func() string { return hash(formOf(x.body, space)) }
	}
	object := func(colon, comma string) func() string {
		return func() string {
			compact, ok := objectOf(x.body)
			return hash(spaced(compact, colon, comma), ok)
		}
	}
	respaced := func(colon, comma string) func() string {
		return func() string {
			var compact bytes.Buffer
			err := json.Compact(&compact, x.body)
			return hash(spaced(compact.Bytes(), colon, comma), err == nil)
		}
	}
	return []guess{
		{PayloadNewline, true, without("\n"), "The body was signed without the newline at its end.", newline},
		{PayloadNewline, false, without("\r\n"), "The body was signed without the line end at its end.", newline},
		{PayloadNewline, true, with("\n"), "The body was signed with a newline at its end that was not sent.", newline},
		{PayloadNewline, false, with("\r\n"), "The body was signed with a line end that was not sent.", newline},
		{PayloadLineEnds, false, swapped("\r\n", "\n"), "The body was signed with LF line ends but arrived with CRLF.",
			asSent},
		{PayloadLineEnds, false, swapped("\r\n", "\n", "\n", "\r\n"),
			"The body was signed with CRLF line ends but arrived with LF.", asSent},
		{PayloadLineEnds, false, swapped("\n", ""), "The body was signed without its line ends (curl's -d takes them out).",
			newline},
		{PayloadForm, false, swapped("%20", "+"), "Spaces in the form were signed as '+' but sent as %20.", asSent},
		{PayloadForm, false, swapped("+", "%20"), "Spaces in the form were signed as %20 but sent as '+'.", asSent},
		{PayloadForm, false, encoded(true), "The body was form-encoded before it was signed, but not when it was sent.",
			asSent},
		{PayloadForm, false, encoded(false), "The body was form-encoded before it was signed, but not when it was sent.",
			asSent},
		{PayloadForm, false, decoded("+"), "The body was signed before it was percent-encoded.", asSent},
		{PayloadForm, false, decoded(" "), "The body was signed before it was form-encoded.", asSent},
		{PayloadForm, false, form("+"), "The members of the JSON body were signed as a form.", members},
		{PayloadForm, false, form("%20"), "The members of the JSON body were signed as a form.", members},
		{PayloadForm, false, object(":", ","), "The fields of the form were signed as a JSON object.", fields},
		{PayloadForm, false, object(": ", ", "), "The fields of the form were signed as a JSON object.", fields},
		{PayloadJSON, true, respaced(":", ","), anew, asSent},
		{PayloadJSON, false, respaced(":", ", "), anew, asSent},
		{PayloadJSON, false, respaced(": ", ","), anew, asSent},
		{PayloadJSON, false, respaced(": ", ", "), anew, asSent},
	}
}

// appendForm encodes a body as one form value, keeping = and & if it is a form already.
func appendForm(dst, body []byte, keep bool) []byte {
	for i, c := range body {
		switch {
		case keep && (c == '=' || c == '&'):
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, '+')
		default:
			dst = canonical.AppendEscaped(dst, string(body[i:i+1]))
		}
	}
	return dst
}

// formOf writes the members of a JSON object as a form, which is what botocore and others sign when they are given the
// object itself. There is none of an object that holds more than texts and numbers, or very many of them.
func formOf(body []byte, space string) (form []byte, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if open, _ := d.Token(); open != json.Delim('{') {
		return nil, false
	}
	encode := func(text string) []byte {
		return bytes.ReplaceAll(canonical.AppendEscaped(nil, text), []byte("%20"), []byte(space))
	}
	for members := 0; d.More(); members++ {
		if members == maxParts {
			return nil, false
		}
		key, _ := d.Token() // what is not JSON shows in the value: no token is a text or a number then
		name, _ := key.(string)
		var text string
		switch value, _ := d.Token(); value := value.(type) {
		case string:
			text = value
		case json.Number:
			text = value.String()
		default:
			return nil, false
		}
		if len(form) > 0 {
			form = append(form, '&')
		}
		form = append(append(append(form, encode(name)...), '='), encode(text)...)
	}
	return form, true
}

// objectOf writes the fields of a form as the compact JSON object of texts that a client may have signed before its
// HTTP library was given the fields. There is none of a body that is no form, or has very many fields.
func objectOf(body []byte) (object []byte, ok bool) {
	if bytes.Count(body, []byte("&")) >= maxParts {
		return nil, false
	}
	object = []byte{'{'}
	for field := range bytes.SplitSeq(body, []byte("&")) {
		key, text, ok := strings.Cut(strings.ReplaceAll(string(field), "+", " "), "=")
		if !ok || strings.ContainsAny(key, `{["`) {
			return nil, false
		}
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = appendJSON(append(appendJSON(object, canonical.Unescape(key)), ':'), canonical.Unescape(text))
	}
	return append(object, '}'), true
}

// appendJSON appends text as JSON, with no more escaped than JSON demands.
func appendJSON(dst []byte, text string) []byte {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text always encodes
	return append(dst, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
}

// spaced writes compact JSON with these separators, as the JSON libraries of JavaScript (":" and ",") and Python (": "
// and ", ") do.
func spaced(compact []byte, colon, comma string) []byte {
	var out []byte
	quoted, escaped := false, false
	for _, c := range compact {
		switch {
		case quoted:
			quoted = c != '"' || escaped
			escaped = c == '\\' && !escaped
			out = append(out, c)
		case c == ':':
			out = append(out, colon...)
		case c == ',':
			out = append(out, comma...)
		default:
			quoted = c == '"'
			out = append(out, c)
		}
	}
	return out
}
