package wire_test

import (
	"testing"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/google/go-cmp/cmp"
)

// Check finds what would fail on the first request otherwise, and names what is refused.
func TestCheck(t *testing.T) {
	const model = `api test 2026-01-01 query
op Good POST / 200 Input -
op Bad POST / 200 Input -
op Empty POST / 200 - -
structure Input
 Needed! Text
 Number Number
 List Inners
 Texts Texts
 Map Map
 Other Text
string Text
integer Number
list Inners member=Inner
list Texts member=Text
map Map key=Text value=Text
structure Inner
 Key! Text
 Value Text
`
	type shared struct{ Needed, Elsewhere string }
	type good struct {
		shared
		Number *int
		List   []struct{ Key string }
		Texts  []string
		Map    map[string]string
	}
	type bad struct {
		Number string
		List   []string
		Texts  []int
		Map    map[string]bool
		Typo   string
	}
	type empty struct{ Unknown bool }
	api := wire.NewWithModel(wire.Config{Service: "test", Namespace: "x", Table: []wire.Operation{
		{Name: "Good", Handler: wire.Run(wire.Nothing, func(*wire.Request, *good) (any, error) { return nil, nil })},
		{Name: "Bad", Handler: wire.Run(wire.Nothing, func(*wire.Request, *bad) (any, error) { return nil, nil })},
		{Name: "Empty", Handler: wire.Run(wire.Nothing, func(*wire.Request, *empty) (any, error) { return nil, nil })},
		{Name: "Missing", Handler: wire.Run(wire.Nothing, func(*wire.Request, *good) (any, error) { return nil, nil })},
	}}, model, "")
	faults, refused := api.Check()
	if diff := cmp.Diff([]string{
		"Bad.List: string does not take a member of type structure",
		"Bad.Map: bool does not take a member of type string",
		"Bad.Needed: no field for the required member",
		"Bad.Number: string does not take a member of type integer",
		"Bad.Texts: int does not take a member of type string",
		"Missing: no such operation in the model",
		"wire_test.bad.Typo: no member for the field",
		"wire_test.empty.Unknown: no member for the field",
		"wire_test.shared.Elsewhere: no member for the field",
	}, faults); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Bad.Other", "Good.List.Value", "Good.Other"}, refused); diff != "" {
		t.Error(diff)
	}
}
