package record_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state/record"
)

// kind is a kind of records.
type kind struct {
	read   func(*record.Reader, []byte) (any, bool)
	decode func(key string, body []byte) (any, error)
}

func kindOf[D record.Value, R record.Record]() kind {
	return kind{
		func(r *record.Reader, body []byte) (any, bool) { return record.ReadOnly[D, R](r, body) },
		func(key string, body []byte) (any, error) { return record.Decode[D, R](key, body) },
	}
}

// kinds are by the names of their golden files. An alias has weights, which a Reader leaves to Decode.
var kinds = map[string]kind{
	"user": kindOf[*iam.User, record.User](), "role": kindOf[*iam.Role, record.Role](),
	"group": kindOf[*iam.Group, record.Group](), "policy": kindOf[*iam.ManagedPolicy, record.ManagedPolicy](),
	"oidc-provider": kindOf[*iam.Provider, record.Provider](), "session": kindOf[*iam.Session, record.Session](),
	"function": kindOf[*lambda.Function, record.Function](), "version": kindOf[*lambda.Version, record.Version](), "layer": kindOf[*lambda.Layer, record.Layer](),
}

// golden is the record in a golden file, as it is stored.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	if err := json.Compact(&body, text); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

// agree expects that what a Reader reads is what Decode makes of it.
func (k kind) agree(t *testing.T, r *record.Reader, body []byte) (read bool) {
	t.Helper()
	got, ok := k.read(r, body)
	if !ok {
		return false
	}
	want, err := k.decode(got.(record.Value).Key(), body)
	if err != nil {
		t.Fatalf("%s was read, and is refused: %v", body, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: read %+v, want %+v", body, got, want)
	}
	return true
}

// Large worlds consist of these kinds. If one of them takes the long way, their start does.
func TestReadersReadWhatIsStored(t *testing.T) {
	var r record.Reader
	for name, k := range kinds {
		for range 2 { // the second time, its texts are known
			if !k.agree(t, &r, golden(t, name)) {
				t.Errorf("%s is left to Decode", name)
			}
		}
	}
}

// One Reader reads records with texts of all kinds, one after the other, and mixes nothing up.
func TestReadersReadTexts(t *testing.T) {
	var r record.Reader
	for _, name := range []string{
		"", "a", `\"quoted\" \\ \/`, `\u003cb\u003e \u0026`, "ünïcode", `\u00fc`, "日本", strings.Repeat("long ", 1000), "a",
	} {
		body := bytes.Replace(golden(t, "role"), []byte(`"Description":"`), []byte(`"Description":"`+name), 1)
		if !kinds["role"].agree(t, &r, body) {
			t.Errorf("a description with %.20s is left to Decode", name)
		}
	}
}

// What Encode does not write is left to Decode, which refuses some of it.
func TestReadersLeaveTheRestToDecode(t *testing.T) {
	body := string(golden(t, "user"))
	for _, change := range [][2]string{
		{`"Name":`, `"Name" :`}, {`"Name":`, `"name":`}, {`"Name":`, `"Other":`}, {`"Name":`, `"Name":"twice","Name":`},
		{`"Name":"`, `"Name":"\ud83d\ude00`}, {`"Name":"`, "\"Name\":\"\xff"}, {`"Name":"`, "\"Name\":\"\n"},
		{`"Name":"`, `"Name":"\x`}, {`"Inactive":true`, `"Inactive":null`}, {`"Inactive":true`, `"Inactive":truer`},
		{`"version":1`, `"version":2`}, {`"version":1`, `"version":-1`}, {`"version":1`, `"version":01`},
		{`"version":1`, `"version":1.0`}, {`"Tags":{`, `"Tags":{"x":"1","x":"2",`}, {`"Keys":[`, `"Keys":[,`},
	} {
		changed := strings.Replace(body, change[0], change[1], 1)
		if changed == body {
			t.Fatalf("the record has no %s", change[0])
		}
		if _, ok := kinds["user"].read(&record.Reader{}, []byte(changed)); ok {
			t.Errorf("%s is read", change[1])
		}
	}
	function := string(golden(t, "function"))
	older := strings.Replace(function, `"version":5`, `"version":3`, 1)
	if older == function {
		t.Fatal("the record of a function has another version")
	}
	if _, ok := kinds["function"].read(&record.Reader{}, []byte(older)); ok {
		t.Error("a function of version 3, which has to be upgraded, is read")
	}
	for n := range len(body) {
		if _, ok := kinds["user"].read(&record.Reader{}, []byte(body[:n])); ok {
			t.Errorf("the first %d bytes are taken for a whole", n)
		}
	}
	if _, ok := kinds["user"].read(&record.Reader{}, []byte(body+" ")); ok {
		t.Error("something behind it is ignored")
	}
}

func FuzzReader(f *testing.F) {
	for name := range kinds {
		f.Add(name, golden(f, name))
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		if k, ok := kinds[name]; ok {
			var r record.Reader
			k.agree(t, &r, body)
			k.agree(t, &r, body)
		}
	})
}
