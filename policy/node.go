package policy

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a document. The deepest value of the grammar, one of a condition's, lies seven deep.
const maxDepth = 16

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeString
	nodeArray
	nodeObject
)

// String names the JSON type for messages.
func (k nodeKind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// node is a JSON value with its place in the text. encoding/json keeps neither places nor repeated keys, and both are
// needed to report faults.
type node struct {
	kind       nodeKind
	start, end int      // byte offsets of the value
	text       string   // a string's content; the literal of a number or boolean
	members    []member // of an object, in order, repeated keys included
	items      []node   // of an array
}

type member struct {
	key   string
	start int // byte offset of the end of the key
	value node
}

// syntaxError is text that is not JSON.
type syntaxError struct {
	offset  int
	message string
}

// readJSON reads one JSON text (RFC 8259), which must be UTF-8.
func readJSON(source string) (node, *syntaxError) {
	r := reader{source: source}
	r.space()
	n := r.value(0)
	if r.err == nil {
		if r.space(); r.at < len(source) {
			r.fail("text after the document")
		}
	}
	return n, r.err
}

type reader struct {
	source string
	at     int
	err    *syntaxError // the first; reading goes on to nothing after it

	// members and items of the values being read, so that each value's own list is made once, at its size
	members []member
	items   []node
}

func (r *reader) fail(message string) {
	if r.err == nil {
		r.err = &syntaxError{r.at, "not JSON: " + message}
	}
}

func (r *reader) space() {
	for r.at < len(r.source) && strings.IndexByte(" \t\r\n", r.source[r.at]) >= 0 {
		r.at++
	}
}

// next skips white space and returns the byte there, 0 at the end of the text.
func (r *reader) next() byte {
	r.space()
	if r.at == len(r.source) {
		return 0
	}
	return r.source[r.at]
}

func (r *reader) value(depth int) node {
	n := node{start: r.at}
	switch c := r.next(); {
	case depth > maxDepth:
		r.fail("nested too deeply")
	case c == '{':
		n.kind = nodeObject
		r.object(&n, depth)
	case c == '[':
		n.kind = nodeArray
		r.array(&n, depth)
	case c == '"':
		n.kind = nodeString
		n.text = r.str()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = nodeNumber
		n.text = r.word()
	case r.at == len(r.source):
		r.fail("the text ends where a value should be")
	default:
		switch n.text = r.word(); n.text {
		case "true", "false":
			n.kind = nodeBool
		case "null":
			n.kind = nodeNull
		default:
			r.at = n.start
			r.fail("expected a value")
		}
	}
	n.end = r.at
	return n
}

func (r *reader) object(n *node, depth int) {
	outer := len(r.members)
	r.elements('}', func() {
		if r.next() != '"' {
			r.fail("expected a quoted name")
			return
		}
		m := member{key: r.str()}
		m.start = r.at
		if r.next() != ':' {
			r.fail("expected a colon after a name")
			return
		}
		r.at++
		r.space()
		m.value = r.value(depth + 1)
		r.members = append(r.members, m)
	})
	n.members = slices.Clone(r.members[outer:])
	r.members = r.members[:outer]
}

func (r *reader) array(n *node, depth int) {
	outer := len(r.items)
	r.elements(']', func() { r.items = append(r.items, r.value(depth+1)) })
	n.items = slices.Clone(r.items[outer:])
	r.items = r.items[:outer]
}

// elements reads what stands between two brackets, each element with read, which begins at one.
func (r *reader) elements(closing byte, read func()) {
	r.at++
	if r.next() == closing {
		r.at++
		return
	}
	for r.err == nil {
		r.space()
		read()
		if r.more(closing) {
			return
		}
	}
}

// more steps over a comma, or over the closing bracket, which it reports.
func (r *reader) more(closing byte) (closed bool) {
	switch r.next() {
	case closing:
		r.at++
		return true
	case ',':
		r.at++
	default:
		r.fail("expected a comma or " + strconv.QuoteRune(rune(closing)))
	}
	return false
}

// word reads a literal: a number, or a bare word.
func (r *reader) word() string {
	start := r.at
	for r.at < len(r.source) && isWord(r.source[r.at]) {
		r.at++
	}
	word := r.source[start:r.at]
	if !json.Valid([]byte(word)) {
		r.at = start
		r.fail("expected a value")
	}
	return word
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.'
}

// str reads a string and returns its content, sharing memory with the text unless there are escapes.
func (r *reader) str() string {
	start := r.at
	escaped := false
	for r.at++; r.at < len(r.source); r.at++ {
		switch c := r.source[r.at]; {
		case c == '"':
			r.at++
			content := r.source[start+1 : r.at-1]
			if !utf8.ValidString(content) {
				r.at = start
				r.fail("a string that is not UTF-8")
			}
			if escaped {
				return r.unescape(start)
			}
			return content
		case c == '\\':
			escaped = true
			r.at++
		case c < ' ':
			r.fail("a control character in a string")
			return ""
		}
	}
	r.at = start
	r.fail("a string without its closing quote")
	return ""
}

func (r *reader) unescape(start int) string {
	var s string
	if err := json.Unmarshal([]byte(r.source[start:r.at]), &s); err != nil {
		r.at = start
		r.fail("a string with a wrong escape")
	}
	return s
}

// has reports whether the object has a member with one of the names.
func (n *node) has(names ...string) bool {
	return slices.ContainsFunc(n.members, func(m member) bool { return slices.Contains(names, m.key) })
}

// each calls visit for the values of the object's members with one of the names, or for their items where they are
// lists, in the order of the text.
func (n *node) each(visit func(*node), names ...string) {
	for i := range n.members {
		m := &n.members[i]
		switch {
		case !slices.Contains(names, m.key):
		case m.value.kind != nodeArray:
			visit(&m.value)
		default:
			for j := range m.value.items {
				visit(&m.value.items[j])
			}
		}
	}
}

// path describes the element at a byte offset, such as `Statement[1].Action[0]`.
func (n *node) path(offset int) string {
	for i := range n.members {
		m := &n.members[i]
		if offset < m.start || offset >= m.value.end {
			continue
		}
		rest := ""
		if offset >= m.value.start {
			rest = m.value.path(offset)
		}
		return joinPath(pathKey(m.key), rest)
	}
	for i := range n.items {
		item := &n.items[i]
		if offset >= item.start && offset < item.end {
			return joinPath("["+strconv.Itoa(i)+"]", item.path(offset))
		}
	}
	return ""
}

// pathKey writes an object's key as a path element: bare where it reads as a name, else quoted in brackets.
func pathKey(key string) string {
	for i := range len(key) {
		if c := key[i]; !isWord(c) || c == '.' {
			return "[" + strconv.Quote(key) + "]"
		}
	}
	return key
}

func joinPath(a, b string) string {
	if b == "" || b[0] == '[' {
		return a + b
	}
	return a + "." + b
}
