package query

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// decode reads the form into a new value of the schema's type, which it returns as a pointer. The error tells all
// violations of the API model at once, as AWS does; values that break one of IAM's own rules come after those, and
// the first of them is named. STS repeats a bad value, IAM does not (recorded answers in LocalStack's test snapshots
// of 2026), which is what quiet is for.
func (s *schema) decode(form *Form, quiet bool) (reflect.Value, error) {
	into := reflect.New(s.kind)
	d := decoder{quiet: quiet}
	if err := d.structure(s, form, into.Elem(), ""); err != nil {
		return reflect.Value{}, err
	}
	switch {
	case len(d.violations) == 1:
		return reflect.Value{}, ValidationErrorf("1 validation error detected: %s", d.violations[0])
	case len(d.violations) > 1:
		return reflect.Value{}, ValidationErrorf("%d validation errors detected: %s", len(d.violations), strings.Join(d.violations, "; "))
	case d.invalid != "":
		return reflect.Value{}, ValidationErrorf("%s", d.invalid)
	}
	return into, nil
}

// decoder gathers what is wrong with a request's parameters.
type decoder struct {
	quiet      bool
	violations []string
	invalid    string
}

// maxViolations bounds the text of an error; a list of bad values has one for each.
const maxViolations = 50

// null is how a violation writes a parameter that is missing.
const null = "null"

func (d *decoder) violation(value, path, constraint string) {
	if len(d.violations) == maxViolations {
		return
	}
	if d.quiet && value != null {
		value = ""
	} else {
		value += " "
	}
	d.violations = append(d.violations, fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: Member must %s", value, path, constraint))
}

func (d *decoder) structure(s *schema, form *Form, into reflect.Value, prefix string) error {
	for i := range s.fields {
		f := &s.fields[i]
		path := prefix + lowerFirst(f.key)
		given := form.children[f.key]
		if given == nil || !given.present && given.children == nil {
			if f.required {
				d.violation(null, path, "not be null")
			}
			continue
		}
		target := into.FieldByName(f.name)
		if err := d.value(f, given, target, path); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) value(f *field, given *Form, target reflect.Value, path string) error {
	switch target.Interface().(type) {
	case string:
		target.SetString(given.value)
		d.text(f.limits, given.value, path)
	case *string:
		target.Set(reflect.ValueOf(&given.value))
		d.text(f.limits, given.value, path)
	case *int:
		number, err := parseInt(given.value)
		if err != nil {
			return err
		}
		target.Set(reflect.ValueOf(&number))
		d.number(f.limits, number, path)
	case bool, *bool:
		truth, err := parseBool(given.value)
		if err != nil {
			return err
		}
		if target.Kind() == reflect.Bool {
			target.SetBool(truth)
		} else {
			target.Set(reflect.ValueOf(&truth))
		}
	default:
		return d.list(f, given, target, path)
	}
	return nil
}

func (d *decoder) list(f *field, given *Form, target reflect.Value, path string) error {
	items, err := given.list()
	if err != nil {
		return err
	}
	list := reflect.MakeSlice(target.Type(), len(items), len(items))
	var values []string
	sound := true
	for i, item := range items {
		if f.element != nil {
			prefix := path + "." + strconv.Itoa(item.number) + ".member."
			if err := d.structure(f.element, item.form, list.Index(i), prefix); err != nil {
				return err
			}
			continue
		}
		list.Index(i).SetString(item.form.value)
		values = append(values, item.form.value)
		sound = sound && f.member.allow(item.form.value)
	}
	target.Set(list)
	shown := "'[" + cut(strings.Join(values, ", ")) + "]'"
	d.length(f.limits, len(items), shown, path)
	if !sound {
		d.violation(shown, path, "satisfy constraint: ["+f.member.describe()+"]")
	}
	return nil
}

func (d *decoder) text(l limits, value, path string) {
	quoted := "'" + cut(value) + "'"
	if l.pattern != "" {
		p := patterns[l.pattern]
		switch {
		case p.matches(value):
		case p.message == "":
			d.violation(quoted, path, "satisfy regular expression pattern: "+p.text)
		case d.invalid == "" && value != "": // an empty value is a violation of the length
			d.invalid = fmt.Sprintf(p.message, path)
		}
	}
	d.length(l, utf8.RuneCountInString(value), quoted, path)
	if l.enum != nil && !slices.Contains(l.enum, value) {
		d.violation(quoted, path, "satisfy enum value set: ["+strings.Join(l.enum, ", ")+"]")
	}
}

func (d *decoder) length(l limits, length int, value, path string) {
	if length < l.min {
		d.violation(value, path, "have length greater than or equal to "+strconv.Itoa(l.min))
	}
	if l.max > 0 && length > l.max {
		d.violation(value, path, "have length less than or equal to "+strconv.Itoa(l.max))
	}
}

func (d *decoder) number(l limits, number int, path string) {
	value := "'" + strconv.Itoa(number) + "'"
	if number < l.min {
		d.violation(value, path, "have value greater than or equal to "+strconv.Itoa(l.min))
	}
	if l.max > 0 && number > l.max {
		d.violation(value, path, "have value less than or equal to "+strconv.Itoa(l.max))
	}
}

// allow reports whether a string of a list is within the limits.
func (l limits) allow(value string) bool {
	length := utf8.RuneCountInString(value)
	return length >= l.min && (l.max == 0 || length <= l.max) &&
		(l.pattern == "" || patterns[l.pattern].matches(value)) &&
		(l.enum == nil || slices.Contains(l.enum, value))
}

// describe lists the limits as AWS does for a list with a bad string in it, whichever limit that breaks.
func (l limits) describe() string {
	var constraints []string
	add := func(constraint string) { constraints = append(constraints, "Member must "+constraint) }
	if l.max > 0 {
		add("have length less than or equal to " + strconv.Itoa(l.max))
	}
	if l.min > 0 {
		add("have length greater than or equal to " + strconv.Itoa(l.min))
	}
	if l.pattern != "" {
		add("satisfy regular expression pattern: " + patterns[l.pattern].text)
	}
	if l.enum != nil {
		add("satisfy enum value set: [" + strings.Join(l.enum, ", ") + "]")
	}
	if l.pattern != "" { // and not otherwise, whyever that is
		add("not be null")
	}
	return strings.Join(constraints, ", ")
}

// parseInt reads a number as STS was seen to: 32 bits, a sign and leading zeros allowed.
func parseInt(text string) (int, error) {
	if text == "" {
		return 0, malformedInput("missing value for decimal type")
	}
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, malformedInput("")
	}
	return int(number), nil
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, malformedInput("")
	}
}

// cut bounds how much of a value an error repeats.
func cut(value string) string {
	const most = 4096 // characters: twice the longest ARN
	if utf8.RuneCountInString(value) <= most {
		return value
	}
	return string([]rune(value)[:most]) + "…"
}

// lowerFirst is a parameter's name as violations spell it.
func lowerFirst(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}
