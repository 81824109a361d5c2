package wire_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/google/go-cmp/cmp"
)

// parse parses a form as a POST request brings it.
func parse(body string) (wire.Form, error) {
	r := &http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/"},
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
	}
	return wire.ParseForm(r, []byte(body))
}

// formModel is the model of an API with one operation that has a member of every kind.
const formModel = `api test 2011-06-15 query
op Take POST / 200 Input -
structure Input
 Name Name
 Role Role
 Text String
 Status Status
 Seconds Seconds
 Default Boolean
 Explicit Boolean
 Keys Keys
 Tags Tags
 Nested Nested
 Newer Structure
 arn! String
string String
boolean Boolean
string Name min=2 max=8 pattern=[\w+=,.@-]*
string Role max=8 pattern=[\w+=,.@-]+
string Status enum=Active|Inactive
integer Seconds min=900 max=43200
list Keys member=Key max=3
string Key min=1 max=5 pattern=[\p{L}\p{Z}\p{N}_.:/=+\-@]+
list Tags member=Tag max=2
structure Tag
 Key! Key
 Value! Value
string Value max=5 pattern=[\p{L}\p{Z}\p{N}_.:/=+\-@]*
list Nested member=Structure
structure Structure
 Names Names
list Names member=String
`

const formOverlay = `api test
words [\w+=,.@-]+
 The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-
`

type tagInput struct{ Key, Value string }

type input struct {
	Name     string
	Role     string
	Text     *string
	Status   string
	Seconds  *int
	Default  bool
	Explicit *bool
	Keys     []string
	Tags     []tagInput
	Nested   []struct{ Names []string }
	embedded
}

type embedded struct{ Arn string }

// formAPI is an API in the Query protocol with the model above.
func formAPI(quiet bool) *wire.API {
	return wire.NewWithModel(wire.Config{
		Service: "test", Namespace: namespace, Invalid: "ValidationError", Refused: "InvalidInput", Quiet: quiet,
		Absent: map[string]string{"Newer": "it is too new."},
	}, formModel, formOverlay)
}

// decode reads a form as the operation does.
func decode(form wire.Form, quiet bool) (*input, error) {
	in, absent, err := wire.DecodeForm[input](formAPI(quiet), "Take", form)
	return in, errors.Join(absent, err)
}

func TestDecode(t *testing.T) {
	form, err := parse("arn=a&Name=cafe&Name=second&Role=r&Text=&Seconds=%2B0900&Default=TRUE&Explicit=false" +
		"&Keys.member.10=c&Keys.member.2=b&Keys.member.1=a&Tags.member.1.Value=&Tags.member.1.Key=k" +
		"&Nested.member.1.Names.member.1=x&Nested.member.3.Names.member.1=z&Unknown=1&&Status=Active")
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(form, false)
	if err != nil {
		t.Fatal(err)
	}
	want := &input{
		Name: "cafe", Role: "r", Text: new(string), Status: "Active", Seconds: pointer(900), Default: true, Explicit: new(bool),
		Keys: []string{"a", "b", "c"}, Tags: []tagInput{{Key: "k"}},
		Nested:   []struct{ Names []string }{{[]string{"x"}}, {[]string{"z"}}},
		embedded: embedded{Arn: "a"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(input{})); diff != "" {
		t.Error(diff)
	}
}

func TestAbsentIsNotEmpty(t *testing.T) {
	form, err := parse("arn=a&Keys=")
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(form, false)
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != nil || got.Seconds != nil || got.Explicit != nil {
		t.Errorf("absent parameters were set: %+v", got)
	}
	if got.Keys == nil || len(got.Keys) != 0 {
		t.Errorf("an empty list is %#v", got.Keys)
	}
}

func TestViolations(t *testing.T) {
	for _, test := range []struct {
		name, form string
		quiet      bool
		want       string
	}{
		{name: "missing", form: "", want: "ValidationError: 1 validation error detected: Value null at 'arn' failed to satisfy constraint: Member must not be null"},
		{name: "missing, quiet", form: "", quiet: true, want: "ValidationError: 1 validation error detected: Value null at 'arn' failed to satisfy constraint: Member must not be null"},
		{name: "short", form: "arn=a&Name=s", want: "ValidationError: 1 validation error detected: Value 's' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		{name: "short, quiet", form: "arn=a&Name=s", quiet: true, want: "ValidationError: 1 validation error detected: Value at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		{name: "long in characters", form: "arn=a&Text=x&Name=ab%C3%A9", want: "ValidationError: 1 validation error detected: Value 'abé' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"},
		{name: "pattern, then length", form: "arn=a&Name=aaaaaaaa!", want: "ValidationError: 2 validation errors detected: " +
			"Value 'aaaaaaaa!' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*; " +
			"Value 'aaaaaaaa!' at 'name' failed to satisfy constraint: Member must have length less than or equal to 8"},
		{name: "IAM's own words", form: "arn=a&Role=a/b", want: "ValidationError: The specified value for role is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
		{name: "IAM's own words come last", form: "Role=a/b", want: "ValidationError: 1 validation error detected: Value null at 'arn' failed to satisfy constraint: Member must not be null"},
		{name: "enum", form: "arn=a&Status=active", want: "ValidationError: 1 validation error detected: Value 'active' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]"},
		{name: "number too small", form: "arn=a&Seconds=-1", want: "ValidationError: 1 validation error detected: Value '-1' at 'seconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{name: "number too large", form: "arn=a&Seconds=2147483647", want: "ValidationError: 1 validation error detected: Value '2147483647' at 'seconds' failed to satisfy constraint: Member must have value less than or equal to 43200"},
		{name: "number of more than 32 bits", form: "arn=a&Seconds=2147483648", want: "MalformedInput: "},
		{name: "no number", form: "arn=a&Seconds=abc", want: "MalformedInput: "},
		{name: "decimal", form: "arn=a&Seconds=900.0", want: "MalformedInput: "},
		{name: "empty number", form: "arn=a&Seconds=", want: "MalformedInput: missing value for decimal type"},
		{name: "no boolean", form: "arn=a&Default=yes", want: "MalformedInput: "},
		{name: "string in a list", form: "arn=a&Keys.member.1=a!", want: "ValidationError: 1 validation error detected: Value '[a!]' at 'keys' failed to satisfy constraint: Member must satisfy constraint: " +
			"[Member must have length less than or equal to 5, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+, Member must not be null]"},
		{name: "list too long", form: "arn=a&Keys.member.1=a&Keys.member.2=b&Keys.member.3=c&Keys.member.4=d", quiet: true, want: "ValidationError: 1 validation error detected: Value at 'keys' failed to satisfy constraint: Member must have length less than or equal to 3"},
		{name: "struct in a list", form: "arn=a&Tags.member.7.Key=toolong", want: "ValidationError: 2 validation errors detected: " +
			"Value 'toolong' at 'tags.7.member.key' failed to satisfy constraint: Member must have length less than or equal to 5; " +
			"Value null at 'tags.7.member.value' failed to satisfy constraint: Member must not be null"},
		{name: "member without a number", form: "arn=a&Keys.member.x=a", want: `MalformedQueryString: "x" is not the number of a list's member`},
		{name: "member 0", form: "arn=a&Keys.member.0=a", want: `MalformedQueryString: "0" is not the number of a list's member`},
		{name: "member with a leading zero", form: "arn=a&Keys.member.01=a", want: `MalformedQueryString: "01" is not the number of a list's member`},
	} {
		t.Run(test.name, func(t *testing.T) {
			form, err := parse(test.form)
			if err != nil {
				t.Fatal(err)
			}
			_, err = decode(form, test.quiet)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestLongValuesAreCut(t *testing.T) {
	form, err := parse("arn=a&Name=" + strings.Repeat("x", 1_000_000))
	if err != nil {
		t.Fatal(err)
	}
	_, err = decode(form, false)
	if err == nil || len(err.Error()) > 10_000 {
		t.Errorf("the refusal of a million characters has %d", len(err.Error()))
	}
}

func TestParseFormRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"bad escape in a name":    "%zz=1",
		"bad escape in a value":   "a=%4",
		"not UTF-8":               "a=%ff",
		"name not UTF-8":          "%ff=a",
		"too many parameters":     strings.Repeat("a=1&", wire.MaxParameters+1),
		"name too long":           strings.Repeat("a", wire.MaxName+1) + "=1",
		"name nested too deeply":  "a.b.c.d.e.f.g.h.i.j.k.l.m=1",
		"empty names all the way": strings.Repeat(".", 200),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(body)
			var refusal *wire.Error
			if !errors.As(err, &refusal) || refusal.Code != "MalformedQueryString" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestFormOfOtherContentTypeIsNotRead(t *testing.T) {
	for _, contentType := range []string{"", "application/json", "text/plain; charset=utf-8", ";;"} {
		r := &http.Request{URL: &url.URL{RawQuery: "a=1"}, Header: http.Header{"Content-Type": {contentType}}}
		form, err := wire.ParseForm(r, []byte("b=2"))
		if err != nil {
			t.Fatal(err)
		}
		if value, _ := form.Lookup("a"); value != "1" {
			t.Errorf("%q: the query was not read", contentType)
		}
		if _, ok := form.Lookup("b"); ok {
			t.Errorf("%q: the body was read", contentType)
		}
	}
}

func FuzzParseForm(f *testing.F) {
	f.Add("Action=GetUser&Version=2010-05-08")
	f.Add("arn=a&Tags.member.1.Key=k&Tags.member.1.Value=v&Keys.member.3=x&Seconds=900")
	f.Add("Keys=&Tags.member=1&Keys.member.1.x=2&%2e=.&..&=&a=%zz&+=%20")
	f.Add("Nested.member.1.Names.member.2=%C3%A9")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := parse(body)
		if err != nil {
			return
		}
		got, err := decode(form, false)
		if err != nil {
			var refusal *wire.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		// What was accepted is within the constraints, whatever the form looked like.
		if len(got.Keys) > 3 || len(got.Tags) > 2 || got.Arn == "" && !strings.Contains(body, "arn") {
			t.Errorf("accepted %+v", got)
		}
		for _, tag := range got.Tags {
			if tag.Key == "" || len([]rune(tag.Key)) > 5 {
				t.Errorf("accepted the tag %+v", tag)
			}
		}
		if got.Seconds != nil && (*got.Seconds < 900 || *got.Seconds > 43200) {
			t.Errorf("accepted %d seconds", *got.Seconds)
		}
		// Every first value that url.ParseQuery sees without nesting is the one that the form has.
		if values, err := url.ParseQuery(body); err == nil && !strings.Contains(body, ";") {
			for name := range values {
				if value, ok := form.Lookup(name); ok && value != values.Get(name) {
					t.Errorf("%q is %q, want %q", name, value, values.Get(name))
				}
			}
		}
	})
}

func pointer[T any](value T) *T { return &value }

// TestNewerMembersAreRefused: what AWS knows and furl does not is never ignored, unless it means nothing.
func TestNewerMembersAreRefused(t *testing.T) {
	const refusal = "InvalidInput: furl does not support Newer: it is too new."
	for form, want := range map[string]string{
		"arn=a&Newer.Names.member.1=x":  refusal,
		"arn=a&Newer.Names.member.1=":   "",
		"arn=a&Newer=":                  "",
		"arn=a&Newer.Names=":            "",
		"arn=a&Nobody.Knows.member.1=x": "",
		"arn=a&Tags.member.1.Key=k&Tags.member.1.Value=v&Tags.member.1.Nobody=x": "",
	} {
		parsed, err := parse(form)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := decode(parsed, false); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", form, got, want)
		}
	}
}
