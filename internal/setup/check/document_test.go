package check_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/setup/check"
)

// fields are the names of all members in the JSON of a type.
func fields(of reflect.Type) (names []string) {
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous {
			name = ""
		}
		if field.IsExported() && name != "-" {
			if name != "" {
				names = append(names, name)
			}
			names = append(names, fields(field.Type)...)
		}
	}
	return names
}

// docs/ci.md is the contract of the JSON: it has each member.
func TestDocumentedJSON(t *testing.T) {
	document, err := os.ReadFile("../../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	names := append(fields(reflect.TypeFor[check.Audit]()), fields(reflect.TypeFor[check.Report]())...)
	if len(names) < 40 {
		t.Errorf("only %d members: %q", len(names), names)
	}
	for _, name := range names {
		if !strings.Contains(string(document), "`"+name+"`") {
			t.Errorf("docs/ci.md does not have %s", name)
		}
	}
	for _, rule := range check.Rules() {
		if !strings.Contains(string(document), "| `"+rule.ID+"` |") {
			t.Errorf("docs/ci.md does not have the rule %s", rule.ID)
		}
	}
}
