package wire_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/google/go-cmp/cmp"
)

// TestModels reads the models and compiles each pattern. Go cannot look around: the patterns that do are those of
// operations that furl does not have, or an overlay line says what they exclude.
func TestModels(t *testing.T) {
	for api, want := range map[string][]string{
		"iam":    {"accountAliasType"},
		"lambda": {"CollectionName", "S3Bucket"},
		"sts":    nil,
	} {
		if diff := cmp.Diff(want, wire.LookAround(api)); diff != "" {
			t.Errorf("%s: %s", api, diff)
		}
	}
}

const jsonModel = `api test 2026-01-01 rest-json
op Take POST /take 200 Input -
structure Input
 Text Text
 Number Number
 Truth Boolean
 Blob Blob
 List Names
 Map Map
 Inner Inner
string Text max=3
integer Number min=1 max=9
boolean Boolean
blob Blob
list Names member=Text
map Map key=Text value=Text
structure Inner
 Needed! Text
 Names Names
 Map Map
 Truth Boolean
`

type jsonInput struct {
	Text   *string
	Number *int
	Truth  *bool
	Blob   []byte
	List   []string
	Map    map[string]string
	Inner  *struct{ Needed string }
}

// TestJSON holds a body against a model. The texts for values of a wrong type are AWS's.
func TestJSON(t *testing.T) {
	api := wire.NewWithModel(wire.Config{Service: "test", Invalid: "ValidationException", Refused: "Invalid"}, jsonModel, "")
	one, text := 1, "é"
	for body, want := range map[string]struct {
		in    *jsonInput
		error string
	}{
		`{}`: {in: &jsonInput{}},
		`{"Text":null,"Blob":null,"List":null,"Map":null,"Inner":null}`: {in: &jsonInput{}},
		`{"Text":"\u00e9","Number":1,"Nobody":[{}]}`:                    {in: &jsonInput{Text: &text, Number: &one}},
		`{"text":"a","Blob":"aGk=","List":["a"],"Map":{"a":"b"},"Inner":{"Needed":"x"}}`: {in: &jsonInput{
			Blob: []byte("hi"), List: []string{"a"}, Map: map[string]string{"a": "b"}, Inner: &struct{ Needed string }{"x"}}},
		`{"Blob":"aGk\u003d"}`: {in: &jsonInput{Blob: []byte("hi")}},
		`{"Inner":{"Needed":"x","Names":[],"Map":{},"Truth":false}}`: {in: &jsonInput{Inner: &struct{ Needed string }{"x"}}},
		`{"Inner":{"Needed":"x","Names":["a"]}}`:                     {error: "Invalid: furl does not support Inner.Names: leave it out."},
		`{"Inner":{"Needed":"x","Map":{"a":"b"}}}`:                   {error: "Invalid: furl does not support Inner.Map: leave it out."},
		`{"Inner":{}}`:                {error: "ValidationException: 1 validation error detected: Value null at 'inner.needed' failed to satisfy constraint: Member must not be null"},
		`{"Text":"abcd","Number":10}`: {error: "ValidationException: 2 validation errors detected: Value 'abcd' at 'text' failed to satisfy constraint: Member must have length less than or equal to 3; Value '10' at 'number' failed to satisfy constraint: Member must have value less than or equal to 9"},
		`{"List":["a",null]}`:         {error: "ValidationException: 1 validation error detected: Value '[a, null]' at 'list' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 3, Member must not be null]"},
		`{"Map":{"abcd":"b"}}`:        {error: "ValidationException: 1 validation error detected: Value at 'map' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 3, Member must not be null]"},
		`{"Map":{"a":null}}`:          {error: "ValidationException: 1 validation error detected: Value at 'map' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 3, Member must not be null]"},
		`{"Text":1}`:                  {error: "SerializationException: NUMBER_VALUE can not be converted to a String"},
		`{"Text":true}`:               {error: "SerializationException: TRUE_VALUE can not be converted to a String"},
		`{"Text":{}}`:                 {error: "SerializationException: Start of structure or map found where not expected."},
		`{"Text":[]}`:                 {error: "SerializationException: Start of list found where not expected"},
		`{"Number":"1"}`:              {error: "SerializationException: STRING_VALUE can not be converted to an Integer"},
		`{"Number":1.5}`:              {error: "SerializationException: NUMBER_VALUE can not be converted to an Integer"},
		`{"Truth":"true"}`:            {error: "SerializationException: STRING_VALUE can not be converted to a Boolean"},
		`{"Blob":false}`:              {error: "SerializationException: FALSE_VALUE can not be converted to a ByteBuffer"},
		`{"Blob":"!"}`:                {error: "SerializationException: A blob is not valid base64: illegal base64 data at input byte 0"},
		`{"List":"a"}`:                {error: "SerializationException: Expected list or null"},
		`{"List":{}}`:                 {error: "SerializationException: Start of structure or map found where not expected."},
		`{"Map":"a"}`:                 {error: "SerializationException: Expected structure or null"},
		`{"Inner":[]}`:                {error: "SerializationException: Start of list found where not expected"},
		`[]`:                          {error: "SerializationException: Start of list found where not expected"},
		`{"Text":`:                    {error: "SerializationException: The request body is not valid JSON: unexpected end of JSON input"},
	} {
		in, absent, err := wire.DecodeJSON[jsonInput](api, "Take", body)
		if err == nil {
			err = absent
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want.error {
			t.Errorf("%s:\ngot  %s\nwant %s", body, got, want.error)
		}
		if diff := cmp.Diff(want.in, in); want.in != nil && diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}

// TestBlobsAreNotCopied: a package of 50 MB is decoded from the body itself.
func TestBlobsAreNotCopied(t *testing.T) {
	api := wire.NewWithModel(wire.Config{Service: "test"}, jsonModel, "")
	body := `{"Blob":"` + strings.Repeat("aGkh", 1<<18) + `"}`
	bytes := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, _, err := wire.DecodeJSON[jsonInput](api, "Take", body); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if most := int64(len(body) * 2); bytes > most { // the body of the test, and the blob
		t.Errorf("decoding %d bytes allocated %d, more than %d", len(body), bytes, most)
	}
}
