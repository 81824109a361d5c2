package wire

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Results are written by these rules, which are those of the AWS Query protocol: the fields of a struct are elements
// of the same name in the same order; a list holds "member" elements; a map holds "entry" elements with "key" and
// "value", sorted by key; times are UTC with whole seconds. Empty elements are written as <Name/>. Nil pointers and
// zero times are left out, and so is whatever is zero in a field tagged `xml:",omitempty"`: a list that is empty
// is otherwise written, since clients look for the lists that AWS always sends.

// child is an element below the root of a response.
type child struct {
	name  string
	value any
}

// document is a whole response: the root element with its namespace, two spaces of indentation for each level and a
// line feed at the end, as AWS writes it.
func document(root, namespace string, children ...child) []byte {
	var e encoder
	fmt.Fprintf(&e.out, "<%s xmlns=%q>\n", root, namespace)
	for _, c := range children {
		e.element(c.name, reflect.ValueOf(c.value), 1)
	}
	fmt.Fprintf(&e.out, "</%s>\n", root)
	return e.out.Bytes()
}

type encoder struct{ out bytes.Buffer }

// element writes an element, unless the value is one that is left out.
func (e *encoder) element(name string, value reflect.Value, depth int) {
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface {
		if value.IsNil() {
			return
		}
		value = value.Elem()
	}
	if at, ok := value.Interface().(time.Time); ok {
		if !at.IsZero() {
			e.text(name, at.UTC().Format("2006-01-02T15:04:05Z"), depth)
		}
		return
	}
	switch value.Kind() {
	case reflect.String:
		e.text(name, value.String(), depth)
	case reflect.Bool:
		e.text(name, strconv.FormatBool(value.Bool()), depth)
	case reflect.Int:
		e.text(name, strconv.FormatInt(value.Int(), 10), depth)
	default:
		e.parent(name, value, depth)
	}
}

func (e *encoder) text(name, text string, depth int) {
	if text == "" {
		e.empty(name, depth)
		return
	}
	fmt.Fprintf(&e.out, "%s<%s>%s</%s>\n", indent(depth), name, escape(text), name)
}

// parent writes an element that has elements of its own.
func (e *encoder) parent(name string, value reflect.Value, depth int) {
	start := e.out.Len()
	e.open(name, depth)
	opened := e.out.Len()
	e.content(value, depth+1)
	if e.out.Len() == opened {
		e.out.Truncate(start)
		e.empty(name, depth)
		return
	}
	e.close(name, depth)
}

func (e *encoder) open(name string, depth int) { fmt.Fprintf(&e.out, "%s<%s>\n", indent(depth), name) }
func (e *encoder) close(name string, depth int) {
	fmt.Fprintf(&e.out, "%s</%s>\n", indent(depth), name)
}
func (e *encoder) empty(name string, depth int) {
	fmt.Fprintf(&e.out, "%s<%s/>\n", indent(depth), name)
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

// content writes the elements below a struct, list or map. Other kinds do not occur in the wire types, which the
// tests encode one and all.
func (e *encoder) content(value reflect.Value, depth int) {
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if field.Tag.Get("xml") == ",omitempty" && isEmpty(value.Field(i)) {
				continue
			}
			if field.Anonymous {
				e.content(value.Field(i), depth)
				continue
			}
			e.element(field.Name, value.Field(i), depth)
		}
	case reflect.Slice:
		for i := range value.Len() {
			e.element("member", value.Index(i), depth)
		}
	case reflect.Map:
		keys := value.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			e.open("entry", depth)
			e.text("key", key.String(), depth+1)
			e.element("value", value.MapIndex(key), depth+1)
			e.close("entry", depth)
		}
	default:
		panic(fmt.Sprintf("wire: no XML for %s", value.Type()))
	}
}

func isEmpty(value reflect.Value) bool {
	if value.Kind() == reflect.Slice || value.Kind() == reflect.Map {
		return value.Len() == 0
	}
	return value.IsZero()
}

// escape makes text safe between two tags. AWS was seen to leave quotes as they are there. What XML cannot hold at
// all, such as control characters, becomes U+FFFD.
func escape(text string) string {
	var escaped strings.Builder
	for _, r := range text {
		switch {
		case r == '&':
			escaped.WriteString("&amp;")
		case r == '<':
			escaped.WriteString("&lt;")
		case r == '>':
			escaped.WriteString("&gt;")
		case r == '\r':
			escaped.WriteString("&#xD;")
		case r < ' ' && r != '\t' && r != '\n', r == '\uFFFE', r == '\uFFFF':
			escaped.WriteRune('\uFFFD')
		default:
			escaped.WriteRune(r)
		}
	}
	return escaped.String()
}
