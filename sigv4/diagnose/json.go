package diagnose

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// style is how a library writes JSON.
type style struct {
	colon, comma string // what stands between members and around; no colon leaves all white space as it came
	indent       string // of a level, if each member stands on a line of its own
	escapes      *escapes
	numbers      bool   // are written as JavaScript does, 1 for 1.0
	end          string // what stands after the text
}

// escapes are the characters that a library does not write as they are, besides those that JSON demands.
type escapes struct {
	ascii bool   // all that are not ASCII
	lines bool   // U+2028 and U+2029, which ended lines in JavaScript
	short string // those with a backslash before them
	long  string // those as \u and four digits
	upper bool   // with large digits
}

// spacings are the white space of libraries: none of JavaScript and most others, that of Python, and what they write
// for people to read: JavaScript, Python and jq indent by two or four, PHP and Go by four or a tab, Jackson has a space
// before the colon.
var spacings = []style{
	{colon: ":", comma: ","}, {colon: ": ", comma: ", "}, {colon: ":", comma: ", "}, {colon: ": ", comma: ","},
	{colon: ": ", comma: ",", indent: "  "}, {colon: ": ", comma: ",", indent: "    "},
	{colon: ": ", comma: ",", indent: "\t"}, {colon: " : ", comma: ",", indent: "  "},
}

// escapings are the escapes of libraries: of JavaScript, Python, Java, PHP (which has three ways), Go and Rails, .NET,
// and Gson.
var escapings = []escapes{
	{}, {ascii: true}, {ascii: true, upper: true},
	{ascii: true, short: "/"}, {short: "/"}, {lines: true, long: "<>&"},
	{ascii: true, upper: true, long: "\"&'+<>`"}, {lines: true, long: "<>&='"},
}

// jsonReadings are the ways in which a library may have written the same JSON text. Between signing and sending, a text
// is often read and written anew: by a client that hands an object to its HTTP library (mhart/aws4#100), or by a proxy.
func jsonReadings(body []byte) (list []reading) {
	add := func(common bool, explanation string, s style) {
		list = append(list, reading{PayloadJSON, common,
			written(func(w *bufio.Writer, body []byte) { restyle(w, body, s) }), explanation, asSentFix})
	}
	const (
		spaces = "The JSON body was written anew, with other white space, after it had been signed."
		signs  = "The JSON body was written anew, with other characters escaped, after it had been signed."
		counts = "The JSON body was written anew, with its numbers in another form, after it had been signed."
	)
	for i, s := range spacings {
		add(i < 2, spaces, s)
	}
	escapable := bytes.ContainsAny(body, `\/<>&'+=`+"`") || bytes.ContainsFunc(body, func(c rune) bool { return c > 0x7e })
	for i := range escapings {
		for _, s := range []style{{}, spacings[0], spacings[1]} {
			if s.escapes = &escapings[i]; escapable {
				add(s.colon == "" && i < 2, signs, s)
			}
		}
	}
	for _, s := range spacings {
		s.end = "\n"
		add(false, spaces, s)
	}
	if !escapable && bytes.ContainsAny(body, ".eE") {
		for _, s := range []style{{numbers: true}, {colon: ":", comma: ",", numbers: true}} {
			add(false, counts, s)
		}
	}
	for i := range escapings[1:] {
		for _, s := range spacings[4:] {
			if s.escapes = &escapings[i+1]; escapable {
				add(false, signs, s)
			}
		}
	}
	if escapable {
		s := spacings[0]
		s.escapes, s.end = &escapings[5], "\n" // Go's Encoder
		add(false, signs, s)
	}
	const quoted = "The body was written as a JSON string, in quotes, either when it was signed or when it was sent."
	var text string
	if json.Unmarshal(body, &text) == nil {
		list = append(list, reading{PayloadJSON, true, written(func(w *bufio.Writer, _ []byte) { w.WriteString(text) }),
			quoted, asSentFix})
	}
	return append(list, reading{PayloadJSON, true, written(func(w *bufio.Writer, body []byte) {
		w.WriteByte('"')
		new(escapes).write(w, string(body))
		w.WriteByte('"')
	}), quoted, asSentFix})
}

// restyle writes a JSON text in another style. It keeps nothing of it, since the text may be large.
func restyle(w *bufio.Writer, text []byte, s style) {
	depth := 0
	line := func(change int) {
		if depth += change; s.indent != "" {
			w.WriteByte('\n')
			for range depth {
				w.WriteString(s.indent)
			}
		}
	}
	for len(text) > 0 {
		size := 1
		switch c := text[0]; {
		case c == '"':
			size = stringSize(text)
			s.text(w, text[:size])
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if s.colon == "" {
				w.WriteByte(c)
			}
		case s.colon == "" && strings.IndexByte("{}[]:,", c) >= 0:
			w.WriteByte(c)
		case c == '{' || c == '[':
			w.WriteByte(c)
			rest := bytes.TrimLeft(text[1:], " \t\r\n")
			if rest[0] == '}' || rest[0] == ']' {
				w.WriteByte(rest[0])
				size = len(text) - len(rest) + 1
			} else {
				line(1)
			}
		case c == '}' || c == ']':
			line(-1)
			w.WriteByte(c)
		case c == ':':
			w.WriteString(s.colon)
		case c == ',':
			w.WriteString(s.comma)
			line(0)
		default: // a number or a word
			for size < len(text) && strings.IndexByte(",]} \t\r\n", text[size]) < 0 {
				size++
			}
			w.WriteString(s.number(string(text[:size])))
		}
		text = text[size:]
	}
	w.WriteString(s.end)
}

// stringSize is the length of the JSON string that a text begins with, with its quotes.
func stringSize(text []byte) int {
	for i := 1; ; i++ { // what is read is valid
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// number is a number, or a word, as a library writes it.
func (s style) number(text string) string {
	value, err := strconv.ParseFloat(text, 64)
	if !s.numbers || err != nil || math.Abs(value) >= 1e21 || value != 0 && math.Abs(value) < 1e-6 {
		return text
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}

// text writes a JSON string with the escapes of the style.
func (s style) text(w *bufio.Writer, quoted []byte) {
	if s.escapes == nil {
		w.Write(quoted)
		return
	}
	plain := string(quoted[1 : len(quoted)-1])
	if strings.IndexByte(plain, '\\') >= 0 {
		_ = json.Unmarshal(quoted, &plain) // the text is valid
	}
	w.WriteByte('"')
	s.escapes.write(w, plain)
	w.WriteByte('"')
}

// shortEscapes are the letters that stand for characters after a backslash.
const shortEscapes = "\"\"\\\\\bb\ff\nn\rr\tt"

// write writes a text that is not escaped.
func (e *escapes) write(w *bufio.Writer, text string) {
	digits := "0123456789abcdef"
	if e.upper {
		digits = "0123456789ABCDEF"
	}
	unit := func(c rune) {
		w.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			w.WriteByte(digits[c>>shift&15])
		}
	}
	for _, c := range text {
		switch {
		case c < utf8.RuneSelf && strings.IndexByte(e.long, byte(c)) >= 0 || e.lines && c&^1 == '\u2028':
			unit(c)
		case c == '/' && e.short != "":
			w.WriteString(`\/`)
		case c < ' ' || c == '"' || c == '\\':
			if i := strings.IndexByte(shortEscapes, byte(c)); i >= 0 && i%2 == 0 {
				w.WriteByte('\\')
				w.WriteByte(shortEscapes[i+1])
			} else {
				unit(c)
			}
		case c >= utf8.RuneSelf && e.ascii:
			if high, low := utf16.EncodeRune(c); high != utf8.RuneError {
				unit(high)
				c = low
			}
			unit(c)
		default:
			w.WriteRune(c)
		}
	}
}

// value is a piece of JSON. Of what is neither object nor array only its text is known.
type value struct {
	text    []byte
	open    byte
	members []member
}

// member is one of an object, or of an array, which has no key.
type member struct {
	key   []byte
	value *value
}

// maxDepth bounds how deep JSON may be nested for its members to be put into another order.
const maxDepth = 32

// parse reads a value of a compact JSON text, and reports what is left of it.
func parse(text []byte, depth int, objects *[]*value) (v *value, rest []byte) {
	open := text[0]
	if open != '{' && open != '[' || depth == 0 {
		n := scalarSize(text)
		return &value{text: text[:n]}, text[n:]
	}
	v = &value{open: open}
	for text = text[1:]; text[0] != '}' && text[0] != ']'; {
		if text[0] == ',' {
			text = text[1:]
		}
		var m member
		if open == '{' {
			n := stringSize(text)
			m.key, text = text[:n], text[n+1:]
		}
		m.value, text = parse(text, depth-1, objects)
		v.members = append(v.members, m)
	}
	if open == '{' && len(v.members) > 1 {
		*objects = append(*objects, v)
	}
	return v, text[1:]
}

// scalarSize is the length of the value that a compact text begins with, whatever is in it.
func scalarSize(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringSize(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// appendTo appends the value as compact JSON.
func (v *value) appendTo(dst []byte) []byte {
	if v.open == 0 {
		return append(dst, v.text...)
	}
	dst = append(dst, v.open)
	for i, m := range v.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		if m.key != nil {
			dst = append(append(dst, m.key...), ':')
		}
		dst = m.value.appendTo(dst)
	}
	return append(dst, v.open+2) // in ASCII the closing one is the next but one
}

// members: JSON whose members were signed in another order, by a client or a proxy that keeps them in a map. All orders
// are tried of what has few members, else the usual ones.
func (x *exam) members(try tries) {
	if !x.known || len(x.body) > maxVaried || !json.Valid(x.body) {
		return
	}
	compact := styled(x.body, spacings[0])
	var objects []*value
	root, _ := parse(compact, maxDepth, &objects)
	written := []style{spacings[0], spacings[1]}
	for _, s := range slices.Concat(spacings, []style{{colon: ": ", comma: ",", indent: "  ", end: "\n"}}) {
		if bytes.Equal(styled(compact, s), x.body) {
			written = slices.Insert(written, 0, s)
		}
	}
	if bytes.ContainsFunc(x.body, func(c rune) bool { return c >= utf8.RuneSelf }) {
		written = append(written, style{colon: ": ", comma: ", ", escapes: &escapings[1]})
	}
	if ordersOf(objects) > maxOrders {
		x.skip(bodyPart)
	}
	usual := 2 // orders, in whatever style
	for text := range reordered(root, objects) {
		styles := written
		if usual--; usual >= 0 {
			styles = slices.Concat(written, spacings[4:], []style{{colon: ": ", comma: ",", indent: "  ", end: "\n"}})
		}
		for _, s := range styles {
			x.each(x.body, []reading{{PayloadJSON, false,
				func(w *bufio.Writer, _ []byte) bool { restyle(w, text, s); return true },
				"The JSON body was written anew, with its members in another order, after it had been signed.", asSentFix}},
				func(h hypothesis) { try(h) })
		}
		if !x.left() {
			return
		}
	}
}

// styled is a JSON text in another style.
func styled(text []byte, s style) []byte {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	restyle(w, text, s)
	w.Flush()
	return out.Bytes()
}

// ordersOf is in how many orders the members of the objects may stand; above maxOrders any larger number will do.
func ordersOf(objects []*value) int {
	total := 1
	for _, o := range objects {
		total = min(total*factorial(len(o.members)), maxOrders+1)
	}
	return total
}

// reordered are the compact texts of a value with the members of its objects in other orders.
func reordered(root *value, objects []*value) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		total := ordersOf(objects)
		sent := make([][]member, len(objects))
		for i, o := range objects {
			sent[i] = slices.Clone(o.members)
		}
		for _, order := range []func([]member){
			func(m []member) {
				slices.SortStableFunc(m, func(a, b member) int { return bytes.Compare(a.key, b.key) })
			},
			slices.Reverse[[]member],
		} {
			for _, o := range objects {
				order(o.members)
			}
			if !yield(root.appendTo(nil)) {
				return
			}
			for i, o := range objects {
				copy(o.members, sent[i])
			}
		}
		for n := 1; n < total && total <= maxOrders; n++ {
			rest := n
			for i, o := range objects {
				orders := factorial(len(o.members))
				o.members = permuted(sent[i], rest%orders)
				rest /= orders
			}
			if !yield(root.appendTo(nil)) {
				return
			}
		}
	}
}
