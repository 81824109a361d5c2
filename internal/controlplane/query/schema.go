package query

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// schema is how an input type is read from a form. A field takes the parameter of its own name, or of the one in its
// tag `name`. Its type is string, bool, *bool, *int, *string (where absent and empty differ) or a list of strings or
// structs; its tags say what values are legal:
//
//	`query:"required,min=1,max=64,pattern=name,enum=Active|Inactive"`   of the value: length, number or list length
//	`member:"min=1,max=128,pattern=tagKey"`                             of each string in a list
type schema struct {
	kind   reflect.Type
	fields []field
}

type field struct {
	name     string // of the field
	key      string // of the parameter
	required bool
	limits   limits
	member   limits  // of a list's strings
	element  *schema // of a list's structs, nil for strings
}

// limits are the constraints on one value.
type limits struct {
	min, max int // max 0 is none
	pattern  string
	enum     []string
}

// newSchema reads the tags of an input type. A tag that makes no sense is a mistake in the program.
func newSchema(kind reflect.Type) *schema {
	s := &schema{kind: kind}
	for i := range kind.NumField() {
		structField := kind.Field(i)
		if structField.Anonymous {
			s.fields = append(s.fields, newSchema(structField.Type).fields...)
			continue
		}
		f := field{name: structField.Name, key: structField.Name}
		if key := structField.Tag.Get("name"); key != "" {
			f.key = key
		}
		f.limits, f.required = parseLimits(structField.Tag.Get("query"))
		f.member, _ = parseLimits(structField.Tag.Get("member"))
		if structField.Type.Kind() == reflect.Slice && structField.Type.Elem().Kind() == reflect.Struct {
			f.element = newSchema(structField.Type.Elem())
		}
		s.fields = append(s.fields, f)
	}
	// A refusal that names several parameters names them in this order (recorded answers of IAM).
	slices.SortFunc(s.fields, func(a, b field) int { return strings.Compare(a.key, b.key) })
	return s
}

func parseLimits(tag string) (l limits, required bool) {
	for part := range strings.SplitSeq(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "":
		case "required":
			required = true
		case "min":
			l.min = mustNumber(value)
		case "max":
			l.max = mustNumber(value)
		case "enum":
			l.enum = strings.Split(value, "|")
		case "pattern":
			if _, ok := patterns[value]; !ok {
				panic(fmt.Sprintf("query: tag %q names no pattern", tag))
			}
			l.pattern = value
		default:
			panic(fmt.Sprintf("query: tag %q has the unknown key %q", tag, key))
		}
	}
	return l, required
}

func mustNumber(text string) int {
	number, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Sprintf("query: %q in a tag is not a number", text))
	}
	return number
}
