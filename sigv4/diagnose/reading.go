package diagnose

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// What to do about a body that is not the one that was signed.
const (
	newlineFix = "Hash the very bytes that are sent (curl: --data-binary, not -d; shell: printf, not echo)."
	asSentFix  = "Hash the very bytes that are sent: make the body once, sign it and send it."
	wayFix     = "Sign the body as it is sent, after everything that changes it, and have nothing on the way change it."
)

// readings are the bodies that a client may have hashed in place of this one, the likeliest first.
func (x *exam) readings(body []byte) []reading {
	small := len(body) <= maxVaried
	list := slices.Concat(x.ends(body), decompressions(body))
	if small {
		list = append(list, forms(body)...)
	} else if bytes.IndexByte(body, '=') >= 0 || bytes.IndexByte(body, '{') >= 0 {
		x.skip(bodyPart) // as a form, and JSON in another order
	}
	if json.Valid(body) {
		list = append(list, jsonReadings(body)...)
	}
	return slices.Concat(list, charsets(body), decodings64(body))
}

// decodings are the readings that undo one change of the body, after which there may be another.
func (x *exam) decodings(body []byte) []reading {
	list := slices.Concat(decompressions(body), charsets(body), decodings64(body))
	return slices.DeleteFunc(list, func(r reading) bool { return r.fault == PayloadBOM && !bytes.HasPrefix(body, bom) })
}

// write is a writer of readings that are there in any case.
func written(f func(w *bufio.Writer, body []byte)) func(*bufio.Writer, []byte) bool {
	return func(w *bufio.Writer, body []byte) bool {
		f(w, body)
		return true
	}
}

// replaced is the body with texts replaced by others.
func replaced(pairs ...string) func(*bufio.Writer, []byte) bool {
	r := strings.NewReplacer(pairs...)
	return written(func(w *bufio.Writer, body []byte) { r.WriteString(w, string(body)) }) //nolint:errcheck // w keeps it
}

// ends are the readings that differ at the end, and in the ends of lines.
func (x *exam) ends(body []byte) []reading {
	nothing := written(func(*bufio.Writer, []byte) {})
	without := func(end string) func(*bufio.Writer, []byte) bool {
		return written(func(w *bufio.Writer, body []byte) { w.Write(bytes.TrimSuffix(body, []byte(end))) })
	}
	with := func(end string) func(*bufio.Writer, []byte) bool {
		return written(func(w *bufio.Writer, body []byte) { w.Write(body); w.WriteString(end) })
	}
	list := []reading{
		{PayloadEmpty, true, nothing, "The request was signed as if it had no body.",
			"Hand the signer the body that is sent."},
	}
	if bytes.HasSuffix(body, []byte("\n")) {
		list = append(list,
			reading{PayloadNewline, true, without("\n"), "The body was signed without the newline at its end.", newlineFix},
			reading{PayloadNewline, false, without("\r\n"), "The body was signed without the line end at its end.", newlineFix})
	}
	list = append(list,
		reading{PayloadNewline, true, with("\n"), "The body was signed with a newline at its end that was not sent.",
			newlineFix},
		reading{PayloadNewline, false, with("\r\n"), "The body was signed with a line end that was not sent.", newlineFix})
	if trimmed := bytes.TrimSpace(body); len(trimmed) < len(body) {
		list = append(list, reading{PayloadNewline, false, written(func(w *bufio.Writer, _ []byte) { w.Write(trimmed) }),
			"The body was signed without the white space around it.", newlineFix})
	}
	if len(body) == 0 {
		for _, lost := range []string{"{}", "null", `""`, "[]", "undefined"} { // what serializers make of nothing
			list = append(list, reading{PayloadDropped, false, with(lost),
				"The request was signed with the body " + lost + ", which was not sent.",
				"Sign the body that is sent: without one, the hash is that of no bytes."})
		}
	}
	if !bytes.ContainsAny(body, "\r\n") {
		return list
	}
	return append(list,
		reading{PayloadLineEnds, false, replaced("\r\n", "\n"),
			"The body was signed with LF line ends but arrived with CRLF.", asSentFix},
		reading{PayloadLineEnds, false, replaced("\r\n", "\r\n", "\n", "\r\n"),
			"The body was signed with CRLF line ends but arrived with LF.", asSentFix},
		reading{PayloadLineEnds, false, replaced("\n", ""),
			"The body was signed without its line ends (curl's -d takes them out).", newlineFix},
		reading{PayloadLineEnds, false, replaced("\r", "", "\n", ""),
			"The body was signed without its line ends (curl's -d takes them out).", newlineFix},
		reading{PayloadLineEnds, false, replaced("\r\n", "\r", "\n", "\r"),
			"The body was signed with CR line ends but arrived with others.", asSentFix},
		reading{PayloadLineEnds, false, replaced("\r\n", "\n", "\r", "\n"),
			"The body was signed with LF line ends but arrived with CR.", asSentFix})
}

// decompressions undo the compression that clients and their libraries add when a request has been signed already
// (opensearch-project/opensearch-net#104, amazon-archives/aws-request-signing-apache-interceptor#10).
func decompressions(body []byte) (list []reading) {
	const fix = "Compress the body first, then sign it as it is sent: the hash is that of the compressed bytes."
	undo := func(name string, open func(io.Reader) (io.Reader, error)) {
		list = append(list, reading{PayloadCompressed, true, func(w *bufio.Writer, body []byte) bool {
			r, err := open(bytes.NewReader(body))
			if err == nil {
				_, err = io.Copy(w, r)
			}
			return err == nil
		}, "The body was signed first and compressed with " + name + " afterwards.", fix})
	}
	switch {
	case len(body) < 2:
	case body[0] == 0x1f && body[1] == 0x8b:
		undo("gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })
	case body[0]&15 == 8 && binary.BigEndian.Uint16(body)%31 == 0:
		undo("deflate (zlib)", func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) })
	case body[0]&7 != 7: // a block type that there is
		undo("deflate", func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil })
	}
	return list
}

// encodings are what was done to the body before it was signed and undone before it came: compressed as Go does it,
// encoded in base64.
func encodings() []reading {
	const explanation = "The body was signed compressed, and decompressed on the way."
	const encoded = "The body was signed in base64 and decoded afterwards."
	gzipped := func(level int) func(*bufio.Writer, []byte) bool {
		return written(func(w *bufio.Writer, body []byte) {
			z, _ := gzip.NewWriterLevel(w, level)
			z.Write(body)
			z.Close()
		})
	}
	deflated := written(func(w *bufio.Writer, body []byte) {
		z := zlib.NewWriter(w)
		z.Write(body)
		z.Close()
	})
	base := func(encoding *base64.Encoding, line int, end string) func(*bufio.Writer, []byte) bool {
		return written(func(w *bufio.Writer, body []byte) {
			for chunk := range slices.Chunk(body, line) {
				w.WriteString(encoding.EncodeToString(chunk))
				w.WriteString(end)
			}
		})
	}
	const whole = 3 << 10 // bytes at once; what ends each chunk is nothing
	return []reading{
		{PayloadBase64, false, base(base64.StdEncoding, whole, ""), encoded, wayFix},
		{PayloadBase64, false, base(base64.StdEncoding, 57, "\n"), encoded, wayFix}, // as the command base64 writes it
		{PayloadBase64, false, base(base64.StdEncoding, 57, "\r\n"), encoded, wayFix},
		{PayloadBase64, false, base(base64.URLEncoding, whole, ""), encoded, wayFix},
		{PayloadBase64, false, base(base64.RawURLEncoding, whole, ""), encoded, wayFix},
		{PayloadCompressed, true, gzipped(gzip.DefaultCompression), explanation, wayFix},
		{PayloadCompressed, false, gzipped(gzip.BestCompression), explanation, wayFix},
		{PayloadCompressed, false, gzipped(gzip.BestSpeed), explanation, wayFix},
		{PayloadCompressed, false, deflated, explanation, wayFix},
	}
}

// decodings64 undo base64, with or without padding and line ends.
func decodings64(body []byte) []reading {
	const most = 64 // of what is looked at first
	text := strings.TrimRight(string(body[:min(len(body), most)]), "=\r\n")
	if text == "" || strings.IndexFunc(text, func(c rune) bool {
		return c >= utf8.RuneSelf || c < '+' && c != '\r' && c != '\n' || strings.ContainsRune(`,.:;<>?@[\]^`+"`{|}~", c)
	}) >= 0 {
		return nil
	}
	return []reading{{PayloadBase64, true, func(w *bufio.Writer, body []byte) bool {
		encoding := base64.RawStdEncoding
		if bytes.ContainsAny(body, "-_") {
			encoding = base64.RawURLEncoding
		}
		_, err := io.Copy(w, base64.NewDecoder(encoding, bytes.NewReader(bytes.TrimRight(body, "=\r\n"))))
		return err == nil
	}, "The body was encoded in base64 after it had been signed.", wayFix}}
}

// bom is the byte order mark that Windows programs put before UTF-8.
var bom = []byte("\ufeff")

// charsets are the same text in other characters sets. Java before version 18 and PowerShell 5 use that of the machine
// if they are not told otherwise (amzn/amazon-pay-api-sdk-java#16).
func charsets(body []byte) []reading {
	const fix = "Encode the text once, sign those bytes and send them; name its charset in Content-Type."
	const mark = "Write UTF-8 without a byte order mark (PowerShell: -Encoding utf8NoBOM)."
	list := []reading{{PayloadBOM, true, written(func(w *bufio.Writer, body []byte) { w.Write(bom); w.Write(body) }),
		"The body was signed with a byte order mark at its beginning that was not sent.", mark}}
	if rest, ok := bytes.CutPrefix(body, bom); ok {
		list = []reading{{PayloadBOM, true, written(func(w *bufio.Writer, _ []byte) { w.Write(rest) }),
			"The body was signed without the byte order mark at its beginning.", mark}}
	}
	from, ok := charsetOf(body)
	for _, to := range []charset{utf8Text, latin1, windows1252, utf16LE, utf16BE, utf16LEMark, utf16BEMark} {
		if !ok || to == from || from == latin1 && to == windows1252 && !ok {
			continue
		}
		list = append(list, reading{PayloadCharset, to == utf8Text || to == latin1 && from == utf8Text,
			func(w *bufio.Writer, body []byte) bool { return recode(w, body, from, to) },
			"The body was signed in " + to.name() + " but arrived in " + from.name() + ".", fix})
	}
	if from == latin1 { // or its superset
		list = append(list, reading{PayloadCharset, true,
			func(w *bufio.Writer, body []byte) bool { return recode(w, body, windows1252, utf8Text) },
			"The body was signed in UTF-8 but arrived in windows-1252.", fix})
	}
	return list
}

// charset is a way to write text as bytes.
type charset uint8

const (
	utf8Text charset = iota
	latin1
	windows1252
	utf16LE
	utf16BE
	utf16LEMark // with a byte order mark
	utf16BEMark
)

func (c charset) name() string {
	return [...]string{"UTF-8", "ISO-8859-1", "windows-1252", "UTF-16 (little endian)", "UTF-16 (big endian)",
		"UTF-16 (little endian, with a byte order mark)", "UTF-16 (big endian, with a byte order mark)"}[c]
}

// charsetOf is the charset that a text is most likely in; ok is false if it is no text.
func charsetOf(body []byte) (from charset, ok bool) {
	switch {
	case len(body) >= 2 && len(body)%2 == 0 && body[0] == 0xff && body[1] == 0xfe:
		return utf16LEMark, true
	case len(body) >= 2 && len(body)%2 == 0 && body[0] == 0xfe && body[1] == 0xff:
		return utf16BEMark, true
	case len(body) >= 2 && len(body)%2 == 0 && body[1] == 0 && body[0] != 0:
		return utf16LE, true
	case len(body) >= 2 && len(body)%2 == 0 && body[0] == 0 && body[1] != 0:
		return utf16BE, true
	case bytes.IndexByte(body, 0) >= 0:
		return 0, false
	case utf8.Valid(body):
		return utf8Text, len(body) > 0
	}
	return latin1, true
}

// cp1252 is what windows-1252 has where ISO-8859-1 has control characters, from 0x80.
var cp1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

// recode writes a text in another charset. It reports false if that cannot be.
func recode(w *bufio.Writer, body []byte, from, to charset) bool {
	put := w.WriteRune
	order := binary.AppendByteOrder(binary.LittleEndian)
	if to == utf16BE || to == utf16BEMark {
		order = binary.BigEndian
	}
	unit := func(c uint16) { w.Write(order.AppendUint16(w.AvailableBuffer(), c)) }
	good := true
	switch to {
	case utf16LEMark, utf16BEMark:
		unit(0xfeff)
		fallthrough
	case utf16LE, utf16BE:
		put = func(c rune) (int, error) {
			if high, low := utf16.EncodeRune(c); high != utf8.RuneError {
				unit(uint16(high))
				c = low
			}
			unit(uint16(c))
			return 0, nil
		}
	case latin1, windows1252:
		put = func(c rune) (int, error) {
			if i := slices.Index(cp1252, c); to == windows1252 && i >= 0 {
				c = 0x80 + rune(i)
			}
			good = good && c <= 0xff
			return 0, w.WriteByte(byte(c))
		}
	}
	switch from {
	case utf8Text:
		for _, c := range string(body) {
			put(c)
		}
	case latin1, windows1252:
		for _, c := range body {
			char := rune(c)
			if from == windows1252 && c >= 0x80 && c < 0xa0 {
				char = cp1252[c-0x80]
			}
			put(char)
		}
	default:
		order := binary.ByteOrder(binary.LittleEndian)
		if from == utf16BE || from == utf16BEMark {
			order = binary.BigEndian
		}
		if from == utf16LEMark || from == utf16BEMark {
			body = body[2:]
		}
		var high rune
		for len(body) > 0 {
			c := rune(order.Uint16(body))
			body = body[2:]
			switch {
			case high != 0:
				put(utf16.DecodeRune(high, c))
				high = 0
			case c >= 0xd800 && c < 0xdc00:
				high = c
			default:
				put(c)
			}
		}
	}
	return good
}

// spoiled is what a body that arrived shows about its changes, though what it was before is lost; no fault if it shows
// nothing.
func (x *exam) spoiled() (h hypothesis) {
	switch {
	case x.decompressed():
		h.fault, h.fix = PayloadCompressed, wayFix
		h.explanation = "Content-Encoding says that the body is compressed, but it is not: something on the way has " +
			"decompressed it, most likely after it was signed compressed."
	case bytes.Contains(x.body, []byte("\ufffd")):
		h.fault, h.fix = PayloadCharset, "Encode the text once, sign those bytes and send them; name its charset in Content-Type."
		h.explanation = "The body that arrived has U+FFFD in it, the character that stands for what could not be decoded: " +
			"most likely it was signed in another charset, and something read it as UTF-8 afterwards."
	case x.cutOff():
		h.fault, h.fix = LengthCharacters, "Count the length of the body in bytes, after it has been encoded."
		h.explanation = "The body that arrived has an end missing, and characters of several bytes: its length was most " +
			"likely counted in characters."
	}
	return h
}

// decompressed reports whether the body is not compressed though Content-Encoding, which was signed, says so.
func (x *exam) decompressed() bool {
	i, ok := find(x.base.headers, "content-encoding")
	if !ok || !x.known || len(x.body) == 0 {
		return false
	}
	switch x.base.headers[i].value {
	case "gzip", "x-gzip":
		return !bytes.HasPrefix(x.body, []byte{0x1f, 0x8b})
	case "deflate", "br", "zstd":
		return json.Valid(x.body)
	}
	return false
}

// cutOff reports whether the body looks like one whose length was counted in characters: JSON that does not end, or
// half a character, and others that take several bytes (aws/aws-sdk-js#2776).
func (x *exam) cutOff() bool {
	last := x.body[max(0, len(x.body)-utf8.UTFMax+1):]
	for i := range last {
		if utf8.RuneStart(last[i]) && !utf8.FullRune(last[i:]) {
			return true
		}
	}
	ascii := !slices.ContainsFunc(x.body, func(c byte) bool { return c >= utf8.RuneSelf })
	return !ascii && utf8.Valid(x.body) && (x.body[0] == '{' || x.body[0] == '[') && !json.Valid(x.body)
}

// forms are the readings of a body that is a form, or was one.
func forms(body []byte) (list []reading) {
	const (
		members = "Write the JSON text once, sign it and send it (botocore: data=json.dumps(data), not data=data)."
		fields  = "Write the JSON text once, sign it and send it (requests: data=text, not data=fields)."
		encoded = "The body was form-encoded before it was signed, but not when it was sent."
		asJSON  = "The fields of the form were signed as a JSON object."
		asForm  = "The members of the JSON body were signed as a form."
		anew    = "The form was encoded anew, with other characters escaped, after it had been signed."
		order   = "The fields of the form were signed in the order of their names, and sent in another."
	)
	add := func(explanation, fix string, write func(body []byte) ([]byte, bool)) {
		list = append(list, reading{PayloadForm, false, func(w *bufio.Writer, body []byte) bool {
			text, ok := write(body)
			w.Write(text)
			return ok
		}, explanation, fix})
	}
	swap := func(explanation, from, to string) {
		list = append(list, reading{PayloadForm, false, replaced(from, to), explanation, asSentFix})
	}
	swap("Spaces in the form were signed as '+' but sent as %20.", "%20", "+")
	swap("Spaces in the form were signed as %20 but sent as '+'.", "+", "%20")
	for _, keep := range []bool{true, false} {
		add(encoded, asSentFix, func(body []byte) ([]byte, bool) { return appendForm(nil, body, keep), true })
	}
	decode := func(explanation, plus string) {
		add(explanation, asSentFix, func(body []byte) ([]byte, bool) {
			text := string(body)
			return []byte(canonical.Unescape(strings.ReplaceAll(text, "+", plus))), canonical.CheckEscapes(text) == ""
		})
	}
	decode("The body was signed before it was percent-encoded.", "+")
	decode("The body was signed before it was form-encoded.", " ")
	for _, space := range []string{"+", "%20"} {
		add(asForm, members, func(body []byte) ([]byte, bool) { return formOf(body, space) })
	}
	for _, space := range []string{"", " "} {
		add(asJSON, fields, func(body []byte) ([]byte, bool) {
			object, ok := objectOf(body)
			return styled(object, style{colon: ":" + space, comma: "," + space}), ok
		})
	}
	args, _ := splitQuery(string(body), false)
	if len(args) == 0 || len(args) > maxParts || !bytes.ContainsRune(body, '=') || bytes.ContainsAny(body, "{\n<") {
		return list
	}
	plus := func(encode func(string) string) func(string) string {
		return func(raw string) string { return strings.ReplaceAll(encode(raw), "%20", "+") }
	}
	tilde := func(encode func(string) string) func(string) string {
		return func(raw string) string { return strings.ReplaceAll(encode(raw), "~", "%7E") }
	}
	// As they came; Python's and Go's; strict; JavaScript's encodeURIComponent; Java's, and URLSearchParams of browsers;
	// PHP's; with small letters.
	encoders := []func(string) string{
		same, plus(strict), strict, sparing("!'()*"), plus(tilde(sparing("*"))), plus(tilde(strict)),
		func(raw string) string { return escapeCase(raw, strings.ToLower) },
		func(raw string) string { return escapeCase(raw, strings.ToUpper) },
	}
	for i, encode := range encoders {
		if i > 0 {
			add(anew, asSentFix, func([]byte) ([]byte, bool) { return []byte(writeQuery(args, encode, nil, true)), true })
		}
	}
	for _, encode := range encoders {
		add(order, asSentFix, func([]byte) ([]byte, bool) { return []byte(writeQuery(args, encode, byKeyValue, true)), true })
	}
	return list
}

// fields: a form whose fields were signed in another order than the usual ones.
func (x *exam) fields(try tries) {
	args, _ := splitQuery(string(x.body[:min(len(x.body), maxVaried)]), false)
	if !x.known || len(x.body) > maxVaried || len(args) > maxParts || bytes.ContainsAny(x.body, "{\n<") {
		return
	}
	if factorial(len(args)) > maxOrders {
		x.skip(bodyPart)
	}
	spaced := func(raw string) string { return strings.ReplaceAll(strict(raw), "%20", "+") }
	for ordered := range orders(args) {
		for _, encode := range []func(string) string{same, spaced} {
			x.each(x.body, []reading{{PayloadForm, false,
				func(w *bufio.Writer, _ []byte) bool {
					w.WriteString(writeQuery(ordered, encode, nil, true))
					return true
				},
				"The fields of the form were signed in another order than they were sent in.", asSentFix}},
				func(h hypothesis) { try(h) })
		}
		if !x.left() {
			return
		}
	}
}

// maxOrders is how many orders of some things are tried: all of six.
const maxOrders = 720

// orders are the other orders of a list: all of a short one, else that from its end.
func orders[T any](list []T) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		reversed := slices.Clone(list)
		slices.Reverse(reversed)
		if len(list) < 2 || !yield(reversed) || factorial(len(list)) > maxOrders {
			return
		}
		for n := 1; n < factorial(len(list)) && yield(permuted(list, n)); n++ {
		}
	}
}

// factorial is the number of orders of so many things; above maxOrders any larger number will do.
func factorial(n int) int {
	orders := 1
	for i := 2; i <= n && orders <= maxOrders; i++ {
		orders *= i
	}
	return orders
}

// permuted is the nth order of a list, from 0, which is its own.
func permuted[T any](list []T, n int) []T {
	list = slices.Clone(list)
	for i := range list {
		rest := factorial(len(list) - 1 - i)
		at := i + n/rest
		n %= rest
		next := list[at]
		copy(list[i+1:at+1], list[i:at])
		list[i] = next
	}
	return list
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
