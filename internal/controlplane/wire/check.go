package wire

import (
	"reflect"
	"slices"
)

// Check holds an API's table against its model, for the API's tests. The faults are rows without an operation in the
// model, fields that no operation of the input has a member for, fields that cannot take their member, and required
// members without a field. refused lists the members that no field takes, as OPERATION.MEMBER.
func (a *API) Check() (faults, refused []string) {
	c := checker{used: map[string]bool{}}
	for name, row := range a.table {
		op, ok := a.model().operations[name]
		if !ok {
			c.faults = append(c.faults, name+": no such operation in the model")
			continue
		}
		if op.input == nil {
			op = &operation{input: &shape{kind: "structure"}}
		}
		c.walk(row.Handler.input, op.input, name)
	}
	for field, used := range c.used {
		if !used {
			c.faults = append(c.faults, field+": no member for the field")
		}
	}
	slices.Sort(c.faults)
	slices.Sort(c.refused)
	return c.faults, c.refused
}

type checker struct {
	faults, refused []string
	used            map[string]bool // whether a member is for the field of a type
}

func (c *checker) walk(kind reflect.Type, s *shape, path string) {
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if !slices.Contains(kindsOf[s.kind], kind.Kind()) {
		c.faults = append(c.faults, path+": "+kind.String()+" does not take a member of type "+s.kind)
		return
	}
	switch s.kind {
	case "list":
		c.walk(kind.Elem(), s.member, path)
	case "map":
		c.walk(kind.Elem(), s.value, path)
	case "structure":
		c.structure(kind, s, path)
	}
}

// kindsOf are the kinds of fields that take a member of a type.
var kindsOf = map[string][]reflect.Kind{
	"string": {reflect.String}, "timestamp": {reflect.String}, "boolean": {reflect.Bool}, "blob": {reflect.Slice},
	"integer": {reflect.Int, reflect.Int64}, "long": {reflect.Int, reflect.Int64},
	"double": {reflect.Float64}, "list": {reflect.Slice}, "map": {reflect.Map}, "structure": {reflect.Struct},
}

func (c *checker) structure(kind reflect.Type, s *shape, path string) {
	fields := fieldsOf(kind)
	for name, index := range fields {
		field := declared(kind, index) + "." + name
		if !c.used[field] {
			c.used[field] = false // it is known from now on
		}
	}
	for _, m := range s.members {
		index, ok := fields[m.field()]
		switch {
		case ok:
			c.used[declared(kind, index)+"."+m.field()] = true
			c.walk(kind.FieldByIndex(index).Type, m.shape, path+"."+m.name)
		case m.required:
			c.faults = append(c.faults, path+"."+m.name+": no field for the required member")
		default:
			c.refused = append(c.refused, path+"."+m.name)
		}
	}
}

// declared is the type that declares a field: inputs share those that they embed.
func declared(kind reflect.Type, index []int) string {
	for _, i := range index[:len(index)-1] {
		kind = kind.Field(i).Type
	}
	return kind.String()
}
