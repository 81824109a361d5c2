package record

import (
	"bytes"
	"hash/maphash"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/iam"
)

// Reader decodes many records, one after the other. It reads what Encode writes straight into values of the domain, and
// leaves everything else to encoding/json, which also has the words for what is wrong. Values that it reads share the
// texts that they have in common, and equal policies. The zero Reader is ready for use by one goroutine.
type Reader struct {
	text     []byte // not read yet
	version  int
	words    [512]string     // that were read lately, each in the place of its hash
	policies [256]iam.Policy // likewise
	scratch  []byte          // a string without its escapes
	chunk    strings.Builder // what strings are cut from
}

const (
	maxWord   = 64   // longer strings are hardly the same
	chunkSize = 4096 // a chunk lives as long as a string of it, so it is not large
)

var seed = maphash.MakeSeed()

// read reads a record into a value of the domain. It reports false for all that Encode does not write, such as a record
// that has to be upgraded.
func (r *Reader) read(value, record reflect.Type, body []byte, newest int) (reflect.Value, bool) {
	step := stepOf(value.Elem(), record)
	if step == nil {
		return reflect.Value{}, false
	}
	r.text, r.version = body, 0
	made := reflect.New(value.Elem())
	done := step(r, made.Elem()) && len(r.text) == 0 && r.version >= 0 && r.version <= newest
	if r.version < newest && reflect.PointerTo(record).Implements(reflect.TypeFor[upgrader]()) {
		done = false
	}
	r.text = nil
	return made, done
}

// A step reads one JSON value.
type step func(r *Reader, to reflect.Value) bool

// steps are the steps of pairs of types.
var steps sync.Map // of [2]reflect.Type

// stepOf is the step into a type of the domain from the JSON of a type of records; nil if there is none.
func stepOf(to, from reflect.Type) step {
	if known, ok := steps.Load([2]reflect.Type{to, from}); ok {
		return known.(step)
	}
	made := makeStep(to, from)
	steps.Store([2]reflect.Type{to, from}, made)
	return made
}

func makeStep(to, from reflect.Type) step {
	switch {
	case to == reflect.TypeFor[iam.Policy]():
		return (*Reader).policy
	case from == reflect.TypeFor[time.Time]():
		return (*Reader).time
	case from.Kind() == reflect.Pointer:
		return stepOf(to, from.Elem())
	case to.Kind() == reflect.Pointer:
		return pointerStep(to, stepOf(to.Elem(), from))
	}
	switch from.Kind() {
	case reflect.String:
		return (*Reader).string
	case reflect.Bool:
		return (*Reader).bool
	case reflect.Int, reflect.Int64:
		return (*Reader).int
	case reflect.Slice:
		return sliceStep(to, stepOf(to.Elem(), from.Elem()))
	case reflect.Map:
		return mapStep(to, stepOf(to.Elem(), from.Elem()))
	case reflect.Struct:
		return structStep(fieldsOf(to, from))
	default:
		return nil
	}
}

func pointerStep(to reflect.Type, inner step) step {
	if inner == nil {
		return nil
	}
	return func(r *Reader, value reflect.Value) bool {
		made := reflect.New(to.Elem())
		value.Set(made)
		return inner(r, made.Elem())
	}
}

func sliceStep(to reflect.Type, inner step) step {
	if inner == nil {
		return nil
	}
	return func(r *Reader, value reflect.Value) bool {
		n, ok := r.elements()
		if !ok {
			return false
		}
		made := reflect.MakeSlice(to, n, n)
		for i := range n {
			if i > 0 && !r.skip(',') || !inner(r, made.Index(i)) {
				return false
			}
		}
		value.Set(made)
		return r.skip(']')
	}
}

func mapStep(to reflect.Type, inner step) step {
	if inner == nil {
		return nil
	}
	return func(r *Reader, value reflect.Value) bool {
		made := reflect.MakeMap(to)
		key, element := reflect.New(to.Key()).Elem(), reflect.New(to.Elem()).Elem()
		value.Set(made)
		return r.object(func(name []byte) bool {
			key.SetString(r.keep(name))
			element.SetZero()
			if !inner(r, element) || made.MapIndex(key).IsValid() {
				return false
			}
			made.SetMapIndex(key, element)
			return true
		})
	}
}

// member is a member of a JSON object.
type member struct {
	name string
	path []int // of the field; nil for the version of the record
	step step
}

// fieldsOf are the members of a struct's JSON; none if one of them has no step.
func fieldsOf(to, from reflect.Type) []member {
	var all []member
	for i := range from.NumField() {
		field := from.Field(i)
		if field.Type == reflect.TypeFor[header]() {
			name, _, _ := strings.Cut(field.Type.Field(0).Tag.Get("json"), ",")
			all = append(all, member{name: name})
			continue
		}
		target, ok := to.FieldByName(field.Name)
		if !ok && field.Anonymous {
			continue // what only older records have
		}
		if !ok {
			return nil
		}
		if field.Anonymous {
			inner := fieldsOf(target.Type, field.Type)
			if inner == nil {
				return nil
			}
			for _, m := range inner {
				m.path = append([]int{target.Index[0]}, m.path...)
				all = append(all, m)
			}
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		m := member{name, target.Index, stepOf(target.Type, field.Type)}
		if m.step == nil {
			return nil
		}
		all = append(all, m)
	}
	return all
}

func structStep(members []member) step {
	if len(members) == 0 || len(members) > 64 {
		return nil
	}
	return func(r *Reader, value reflect.Value) bool {
		next, seen := 0, uint64(0)
		return r.object(func(name []byte) bool {
			for n := range members { // they come in order, so that mostly the first one is it
				i := (next + n) % len(members)
				m := &members[i]
				if m.name != string(name) {
					continue
				}
				if seen&(1<<i) != 0 {
					return false
				}
				next, seen = i+1, seen|1<<i
				if m.path == nil {
					n, ok := r.number()
					r.version = int(n)
					return ok
				}
				field := value
				for _, k := range m.path {
					field = field.Field(k)
				}
				return m.step(r, field)
			}
			return false
		})
	}
}

// skip reads one character.
func (r *Reader) skip(c byte) bool {
	if len(r.text) == 0 || r.text[0] != c {
		return false
	}
	r.text = r.text[1:]
	return true
}

// object reads an object. The name of a member is good until the next string is read.
func (r *Reader) object(value func(name []byte) bool) bool {
	if !r.skip('{') {
		return false
	}
	if r.skip('}') {
		return true
	}
	for {
		name, ok := r.quoted()
		if !ok || !r.skip(':') || !value(name) {
			return false
		}
		if r.skip('}') {
			return true
		}
		if !r.skip(',') {
			return false
		}
	}
}

// elements counts the elements of the list that begins here, and reads its bracket.
func (r *Reader) elements() (n int, ok bool) {
	if !r.skip('[') || len(r.text) == 0 {
		return 0, false
	}
	if r.text[0] == ']' {
		return 0, true
	}
	n = 1
	depth := 0
	for i := 0; i < len(r.text); i++ {
		switch r.text[i] {
		case '"':
			for i++; i < len(r.text) && r.text[i] != '"'; i++ {
				if r.text[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			depth++
		case ',':
			if depth == 0 {
				n++
			}
		case ']', '}':
			if depth == 0 {
				return n, true
			}
			depth--
		}
	}
	return 0, false
}

// quoted reads a string. It is good until the next one is read.
func (r *Reader) quoted() ([]byte, bool) {
	if !r.skip('"') {
		return nil, false
	}
	ascii := true
	for i, c := range r.text {
		switch {
		case c == '"':
			text := r.text[:i]
			r.text = r.text[i+1:]
			return text, ascii || utf8.Valid(text)
		case c == '\\':
			return r.unescaped(i)
		case c < ' ':
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

// unescaped is quoted for a string whose first escape is at i.
func (r *Reader) unescaped(i int) ([]byte, bool) {
	r.scratch = r.scratch[:0]
	for ; i >= 0; i = bytes.IndexAny(r.text, `"\`) {
		r.scratch = append(r.scratch, r.text[:i]...)
		if r.text[i] == '"' {
			r.text = r.text[i+1:]
			return r.scratch, utf8.Valid(r.scratch) && bytes.IndexFunc(r.scratch, isControl) < 0
		}
		if i+1 == len(r.text) {
			break
		}
		c := r.text[i+1]
		r.text = r.text[i+2:]
		switch c {
		case '"', '\\', '/':
			r.scratch = append(r.scratch, c)
		case 'u':
			if len(r.text) < 4 {
				return nil, false
			}
			n, err := strconv.ParseUint(string(r.text[:4]), 16, 16)
			if err != nil || n < ' ' || utf8.RuneLen(rune(n)) < 0 {
				return nil, false
			}
			r.scratch = utf8.AppendRune(r.scratch, rune(n))
			r.text = r.text[4:]
		default:
			return nil, false // line breaks and the like are rare
		}
	}
	return nil, false
}

func isControl(c rune) bool { return c < ' ' }

// keep is a text as a string, the same one as the last time if it was read lately.
func (r *Reader) keep(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if len(text) > maxWord {
		return r.cut(text)
	}
	place := &r.words[maphash.Bytes(seed, text)%uint64(len(r.words))]
	if *place != string(text) {
		*place = r.cut(text)
	}
	return *place
}

// cut is a text as a string. Strings share memory, since one for each takes more.
func (r *Reader) cut(text []byte) string {
	if len(text) > chunkSize/4 {
		return string(text)
	}
	if r.chunk.Cap()-r.chunk.Len() < len(text) {
		r.chunk.Reset()
		r.chunk.Grow(chunkSize)
	}
	from := r.chunk.Len()
	r.chunk.Write(text)
	return r.chunk.String()[from:]
}

func (r *Reader) string(to reflect.Value) bool {
	text, ok := r.quoted()
	if ok {
		to.SetString(r.keep(text))
	}
	return ok
}

func (r *Reader) bool(to reflect.Value) bool {
	rest, ok := bytes.CutPrefix(r.text, []byte("true"))
	to.SetBool(ok)
	if !ok {
		rest, ok = bytes.CutPrefix(r.text, []byte("false"))
	}
	r.text = rest
	return ok
}

func (r *Reader) int(to reflect.Value) bool {
	n, ok := r.number()
	if !ok || to.OverflowInt(n) {
		return false
	}
	to.SetInt(n)
	return true
}

// number reads a whole number.
func (r *Reader) number() (int64, bool) {
	end := 0
	for end < len(r.text) && (r.text[end] == '-' || '0' <= r.text[end] && r.text[end] <= '9') {
		end++
	}
	n, err := strconv.ParseInt(string(r.text[:end]), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != string(r.text[:end]) {
		return 0, false
	}
	r.text = r.text[end:]
	return n, true
}

func (r *Reader) time(to reflect.Value) bool {
	text, ok := r.quoted()
	return ok && to.Addr().Interface().(*time.Time).UnmarshalText(text) == nil
}

// policy reads a Policy, and checks it unless it was read lately.
func (r *Reader) policy(to reflect.Value) bool {
	var p Policy
	place := (*iam.Policy)(nil)
	done := r.object(func(name []byte) bool {
		switch {
		case string(name) == "Text" && place == nil:
			text, ok := r.quoted()
			place = &r.policies[maphash.Bytes(seed, text)%uint64(len(r.policies))]
			if p.Text = place.Text; p.Text != string(text) {
				p.Text = r.cut(text)
			}
			return ok
		case string(name) == "Kind" && place != nil:
			return r.int(reflect.ValueOf(&p.Kind).Elem())
		default:
			return false
		}
	})
	if !done || place == nil {
		return false
	}
	if place.Text != p.Text || place.Kind != p.Kind {
		policy, err := taken(p)
		if err != nil {
			return false
		}
		*place = policy
	}
	*to.Addr().Interface().(*iam.Policy) = *place
	return true
}
