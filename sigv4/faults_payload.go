package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// maxVaried is the longest body whose variants are hashed: a dozen of them must fit into a diagnosis' time.
const maxVaried = 64 << 10

// payloads: what else a client may have hashed.
func (x *exam) payloads(yield yields) bool {
	set := func(p string) func(*attempt) { return func(a *attempt) { a.payload = p } }
	const unsigned = "Lambda accepts no unsigned payload: sign the SHA-256 of the body, that of no bytes if there is none."
	for _, value := range []string{"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"} {
		if !yield(hypothesis{FaultPayloadUnsigned, inPayload, value == "UNSIGNED-PAYLOAD",
			"The payload was signed as " + value + ".", unsigned, set(value)}) {
			return false
		}
	}
	if declared := x.ev.Request.Header[keyContentSHA256]; len(declared) == 1 && declared[0] != x.base.payload {
		if !yield(hypothesis{FaultPayloadStale, inPayload, true,
			"x-amz-content-sha256 is not the SHA-256 of the body that arrived, but it is what was signed.",
			"Compute x-amz-content-sha256 from the bytes that are sent, or leave the header out.", set(declared[0])}) {
			return false
		}
	}
	if !yield(hypothesis{FaultPayloadHashCase, inPayload, false,
		"The hash of the payload was signed in upper-case hexadecimal.", "Write hashes in lower-case hexadecimal.",
		set(strings.ToUpper(x.base.payload))}) {
		return false
	}
	if !x.known {
		return true
	}
	if len(x.body) > 0 && !yield(hypothesis{FaultPayloadEmpty, inPayload, true,
		"The request was signed as if it had no body.", "Hand the signer the body that is sent.", set(hashText(nil))}) {
		return false
	}
	if len(x.body) > maxVaried {
		return true
	}
	seen := map[string]bool{string(x.body): true, "": true}
	for _, v := range x.variants() {
		if seen[string(v.body)] {
			continue
		}
		seen[string(v.body)] = true
		if !yield(hypothesis{v.fault, inPayload, v.common, v.explanation, v.fix, set(hashText(v.body))}) {
			return false
		}
	}
	return true
}

func hashText(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

type variant struct {
	fault       Fault
	common      bool
	body        []byte
	explanation string
	fix         string
}

// variants are bodies a client may have hashed instead of the one that came.
func (x *exam) variants() []variant {
	const (
		newline = "Hash the very bytes that are sent (curl: --data-binary, not -d; shell: printf, not echo)."
		asSent  = "Hash the very bytes that are sent: make the body once, sign it and send it."
	)
	unix := bytes.ReplaceAll(x.body, []byte("\r\n"), []byte("\n"))
	dos := bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n"))
	list := []variant{
		{FaultPayloadNewline, true, bytes.TrimSuffix(x.body, []byte("\n")), "The body was signed without the newline at its end.", newline},
		{FaultPayloadNewline, false, bytes.TrimSuffix(x.body, []byte("\r\n")), "The body was signed without the line end at its end.", newline},
		{FaultPayloadNewline, true, append(bytes.Clone(x.body), '\n'), "The body was signed with a newline at its end that was not sent.", newline},
		{FaultPayloadNewline, false, append(bytes.Clone(x.body), "\r\n"...), "The body was signed with a line end that was not sent.", newline},
		{FaultPayloadLineEnds, false, unix, "The body was signed with LF line ends but arrived with CRLF.", asSent},
		{FaultPayloadLineEnds, false, dos, "The body was signed with CRLF line ends but arrived with LF.", asSent},
		{FaultPayloadLineEnds, false, bytes.ReplaceAll(x.body, []byte("\n"), nil), "The body was signed without its line ends (curl's -d takes them out).", newline},
		{FaultPayloadForm, false, bytes.ReplaceAll(x.body, []byte("%20"), []byte("+")), "Spaces in the form were signed as '+' but sent as %20.", asSent},
		{FaultPayloadForm, false, bytes.ReplaceAll(x.body, []byte("+"), []byte("%20")), "Spaces in the form were signed as %20 but sent as '+'.", asSent},
		{FaultPayloadForm, false, appendForm(nil, x.body, true), "The body was form-encoded before it was signed, but not when it was sent.", asSent},
		{FaultPayloadForm, false, appendForm(nil, x.body, false), "The body was form-encoded before it was signed, but not when it was sent.", asSent},
	}
	if checkEscapes(string(x.body)) == "" {
		list = append(list,
			variant{FaultPayloadForm, false, []byte(unescape(string(x.body))), "The body was signed before it was percent-encoded.", asSent},
			variant{FaultPayloadForm, false, []byte(unescape(strings.ReplaceAll(string(x.body), "+", " "))), "The body was signed before it was form-encoded.", asSent})
	}
	for _, space := range []string{"+", "%20"} {
		if form, ok := formOf(x.body, space); ok {
			list = append(list, variant{FaultPayloadForm, false, form, "The members of the JSON body were signed as a form.",
				"Write the JSON text once, sign it and send it (botocore: data=json.dumps(data), not data=data)."})
		}
	}
	if object, ok := objectOf(x.body); ok {
		for _, signed := range [][]byte{object, spaced(object, ": ", ", ")} {
			list = append(list, variant{FaultPayloadForm, false, signed, "The fields of the form were signed as a JSON object.",
				"Write the JSON text once, sign it and send it (requests: data=text, not data=fields)."})
		}
	}
	for _, colon := range []string{":", ": "} {
		for _, comma := range []string{",", ", "} {
			if other, ok := respace(x.body, colon, comma); ok {
				list = append(list, variant{FaultPayloadJSON, colon == ":" && comma == ",", other,
					"The JSON body was written anew, with other white space, after it had been signed.", asSent})
			}
		}
	}
	return list
}

// appendForm encodes a body as one form value, keeping = and & if it is a form already.
func appendForm(dst, body []byte, keep bool) []byte {
	for _, c := range body {
		switch {
		case keep && (c == '=' || c == '&'):
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, '+')
		default:
			dst = appendEscapedByte(dst, c)
		}
	}
	return dst
}

// formOf writes the members of a JSON object as a form, which is what botocore and others sign when they are given the
// object itself. There is none of an object that holds more than texts and numbers.
func formOf(body []byte, space string) (form []byte, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if open, _ := d.Token(); open != json.Delim('{') {
		return nil, false
	}
	encode := func(text string) []byte {
		return bytes.ReplaceAll(appendEscaped(nil, text), []byte("%20"), []byte(space))
	}
	for d.More() {
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
// HTTP library was given the fields. There is none of a body that is no form.
func objectOf(body []byte) (object []byte, ok bool) {
	object = []byte{'{'}
	for field := range bytes.SplitSeq(body, []byte("&")) {
		key, text, ok := strings.Cut(strings.ReplaceAll(string(field), "+", " "), "=")
		if !ok || strings.ContainsAny(key, `{["`) {
			return nil, false
		}
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = appendJSON(append(appendJSON(object, lenient(key)), ':'), lenient(text))
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

// respace writes JSON with these separators.
func respace(body []byte, colon, comma string) ([]byte, bool) {
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil {
		return nil, false
	}
	return spaced(compact.Bytes(), colon, comma), true
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
