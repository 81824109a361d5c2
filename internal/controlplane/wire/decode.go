package wire

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// members finds the members of a structure in a request. It never returns nil.
type members func(*member) node

// decode reads a request into a new value of the input's type, which it returns as a pointer. The error is either a
// value that is not of its member's type, at once, or all violations of the model together, as AWS tells them. Values
// that break a rule that the API has its own words for come after those, and the first of them is named. absent is
// the refusal of members that the request has and furl does not.
func (a *API) decode(op *operation, in members, kind reflect.Type) (input any, absent, err error) {
	into := reflect.New(kind)
	d := decoder{api: a, m: a.model()}
	if op.input != nil {
		if err := d.structure(op.input, in, into.Elem(), ""); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case len(d.violations) == 1:
		return nil, nil, a.invalid("1 validation error detected: " + d.violations[0])
	case len(d.violations) > 1:
		return nil, nil, a.invalid(fmt.Sprintf("%d validation errors detected: %s", len(d.violations), strings.Join(d.violations, "; ")))
	case d.worded != "":
		return nil, nil, a.invalid(d.worded)
	case d.absent != "":
		absent = a.refuseMember(d.absent)
	}
	return into.Interface(), absent, nil
}

// decoder gathers what is wrong with a request's members.
type decoder struct {
	api        *API
	m          *model
	violations []string
	worded     string
	absent     string // the first member that furl does not have
}

// maxViolations bounds the text of an error; a list of bad values has one for each.
const maxViolations = 50

// null is how a violation writes a member that is missing.
const null = "null"

func (d *decoder) violation(shown, path, constraint string) {
	if shown != "" {
		shown += " "
	}
	d.complain("Value " + shown + "at '" + path + "' failed to satisfy constraint: " + constraint)
}

func (d *decoder) complain(text string) {
	if len(d.violations) < maxViolations {
		d.violations = append(d.violations, text)
	}
}

// show is a value as a violation repeats it. Some are not for the logs of clients, and IAM repeats none.
func (d *decoder) show(s *shape, value string) string {
	if s.sensitive || d.api.config.Quiet {
		return ""
	}
	return "'" + cut(value) + "'"
}

// cut bounds how much of a value an error repeats.
func cut(value string) string {
	const most = 4096 // characters: twice the longest ARN
	if utf8.RuneCountInString(value) <= most {
		return value
	}
	return string([]rune(value)[:most]) + "…"
}

func (d *decoder) structure(s *shape, find members, into reflect.Value, prefix string) error {
	fields := fieldsOf(into.Type())
	order := s.members
	if d.api.query() {
		// A refusal that names several parameters names them in this order (recorded answers of IAM); Lambda's has the
		// order of the model.
		order = slices.SortedFunc(slices.Values(order), func(a, b member) int { return strings.Compare(a.name, b.name) })
	}
	for i := range order {
		m := &order[i]
		value, path := find(m), prefix+lowerFirst(m.name)
		index, ok := fields[m.field()]
		switch {
		case value.absent():
			if m.required {
				d.violation(null, path, "Member must not be null")
			}
		case ok:
			if err := d.value(m.shape, value, into.FieldByIndex(index), path); err != nil {
				return err
			}
		default:
			nothing, err := meansNothing(m.shape, value)
			if err != nil {
				return err
			}
			if !nothing && d.absent == "" {
				d.absent = spelled(prefix + m.name)
			}
		}
	}
	return nil
}

// spelled is a violation's path with its members as the model spells them.
func spelled(path string) string {
	segments := strings.Split(path, ".")
	for i, segment := range segments {
		if segment != "member" {
			segments[i] = mapFirst(unicode.ToUpper, segment)
		}
	}
	return strings.Join(segments, ".")
}

func (d *decoder) value(s *shape, in node, into reflect.Value, path string) error {
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	switch s.kind {
	case "string", "timestamp":
		text, err := in.text()
		if err != nil {
			return err
		}
		into.SetString(text)
		d.text(s, text, path)
	case "boolean":
		truth, err := in.truth()
		if err != nil {
			return err
		}
		into.SetBool(truth)
	case "blob":
		bytes, err := in.bytes()
		if err != nil {
			return err
		}
		into.SetBytes(bytes)
	case "integer", "long":
		number, err := in.number()
		if bad, ok := err.(*notNumber); ok {
			d.violation(d.show(s, bad.text), path, "Member must be a number")
			return nil
		}
		if err != nil {
			return err
		}
		into.SetInt(int64(number))
		d.number(s, number, path)
	case "structure":
		find, err := in.structure()
		if err != nil {
			return err
		}
		return d.structure(s, find, into, path+".")
	case "list":
		return d.list(s, in, into, path)
	case "map":
		return d.mapping(s, in, into, path)
	default:
		panic("wire: no field can take a " + s.kind)
	}
	return nil
}

func (d *decoder) list(s *shape, in node, into reflect.Value, path string) error {
	items, err := in.list()
	if err != nil {
		return err
	}
	list := reflect.MakeSlice(into.Type(), len(items), len(items))
	values := make([]string, len(items))
	sound := true
	for i, item := range items {
		if s.member.kind == "structure" {
			if err := d.value(s.member, item.value, list.Index(i), path+"."+item.label+".member"); err != nil {
				return err
			}
			continue
		}
		values[i] = null
		if item.value.absent() {
			sound = false
			continue
		}
		if values[i], err = item.value.text(); err != nil {
			return err
		}
		list.Index(i).SetString(values[i])
		sound = sound && d.allows(s.member, values[i])
	}
	into.Set(list)
	shown := d.show(s, "["+strings.Join(values, ", ")+"]")
	if !sound {
		d.violation(shown, path, "Member must satisfy constraint: ["+s.member.describe(!d.api.query())+"]")
	}
	d.length(s, len(items), shown, path)
	return nil
}

func (d *decoder) mapping(s *shape, in node, into reflect.Value, path string) error {
	entries, err := in.entries()
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b item) int { return strings.Compare(a.label, b.label) })
	values := reflect.MakeMapWithSize(into.Type(), len(entries))
	soundKeys, soundValues := true, true
	var numbers []string
	for _, entry := range entries {
		soundKeys = soundKeys && d.allows(s.key, entry.label)
		value, nullable := reflect.New(into.Type().Elem()).Elem(), into.Type().Elem().Kind() == reflect.Pointer
		switch {
		case entry.value.absent():
			soundValues = soundValues && nullable
		case s.value.kind == "double":
			number, err := entry.value.fraction()
			if err != nil {
				return err
			}
			soundValues = soundValues && !s.value.min.below(number) && !s.value.max.above(number)
			numbers = append(numbers, entry.label+"="+fraction(number))
			value.SetFloat(number)
		default:
			text, err := entry.value.text()
			if err != nil {
				return err
			}
			soundValues = soundValues && d.allows(s.value, text)
			if nullable {
				value.Set(reflect.ValueOf(&text))
			} else {
				value.SetString(text)
			}
		}
		values.SetMapIndex(reflect.ValueOf(entry.label), value)
	}
	into.Set(values)
	shown := "" // maps of texts hold secrets
	if numbers != nil {
		shown = d.show(s, "{"+strings.Join(numbers, ", ")+"}")
	}
	if !soundKeys {
		d.violation(shown, path, "Map keys must satisfy constraint: ["+s.key.describe(true)+"]")
	}
	if !soundValues {
		d.violation(shown, path, "Map value must satisfy constraint: ["+s.value.describe(true)+"]")
	}
	return nil
}

// fraction is a number as Java writes a double.
func fraction(number float64) string {
	text := strconv.FormatFloat(number, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func (d *decoder) text(s *shape, value, path string) {
	shown := d.show(s, value)
	if d.api.query() { // IAM and STS name the pattern first, Lambda last
		d.pattern(s, value, shown, path)
	}
	d.length(s, utf8.RuneCountInString(value), shown, path)
	if !d.api.query() {
		d.pattern(s, value, shown, path)
	}
	if s.enum != nil && !slices.Contains(s.enum, value) {
		d.violation(shown, path, "Member must satisfy enum value set: ["+strings.Join(s.enum, ", ")+"]")
	}
}

func (d *decoder) pattern(s *shape, value, shown, path string) {
	if s.fits(value) {
		return
	}
	words, ok := d.m.words[s.pattern.text]
	switch {
	case !ok:
		d.violation(shown, path, "Member must satisfy regular expression pattern: "+s.pattern.text)
	case d.worded == "" && value != "": // an empty value is a violation of the length
		d.worded = fmt.Sprintf(words, path)
	}
}

// fits reports whether a value has the form that the shape wants.
func (s *shape) fits(value string) bool {
	return (s.pattern == nil || s.pattern.matches(value)) && (s.not == nil || !s.not.matches(value))
}

func (d *decoder) length(s *shape, length int, shown, path string) {
	if s.min.below(float64(length)) {
		d.violation(shown, path, "Member must have length greater than or equal to "+s.min.text)
	}
	if s.max.above(float64(length)) {
		d.violation(shown, path, "Member must have length less than or equal to "+s.max.text)
	}
}

func (d *decoder) number(s *shape, number int, path string) {
	shown := d.show(s, strconv.Itoa(number))
	if s.min.below(float64(number)) {
		d.violation(shown, path, "Member must have value greater than or equal to "+s.min.text)
	}
	if s.max.above(float64(number)) {
		d.violation(shown, path, "Member must have value less than or equal to "+s.max.text)
	}
}

// allows reports whether a string of a list or map is within the limits.
func (d *decoder) allows(s *shape, value string) bool {
	length := float64(utf8.RuneCountInString(value))
	return !s.min.below(length) && !s.max.above(length) && s.fits(value) && (s.enum == nil || slices.Contains(s.enum, value))
}

// meansNothing reports whether a member is empty, false, or made of nothing but such: clients send these for what
// their users did not ask for. The error is that of a value which is not of the member's type.
func meansNothing(s *shape, in node) (bool, error) {
	var err error
	switch s.kind {
	case "boolean":
		truth, err := in.truth()
		return !truth, err
	case "string":
		_, err = in.text()
	case "integer":
		_, err = in.number()
	}
	return in.empty(), err
}
