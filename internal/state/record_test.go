package state_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/token"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/state/record"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/policy"
)

var writeGolden = flag.Bool("update", false, "write the golden files instead of comparing with them")

// A record keeps every exported field of its domain type, in a form that only a new version may change. Where this
// test fails, a field of a domain type is not stored, or a type in record has changed: then write the new record to
// the golden file if databases with the old one still load, with a new version if an older furl would lose something.
func TestRecordsKeepEverything(t *testing.T) {
	for _, c := range state.Collections() {
		t.Run(c.Kind, func(t *testing.T) {
			want := full(t, c.Type)
			body, err := c.Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Decode(want.Key(), body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, exported); diff != "" {
				t.Errorf("what was stored is not what is read (-want +got):\n%s", diff)
			}
			if *writeGolden {
				if err := os.WriteFile(goldenName(c.Kind), []byte(indented(t, body)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(golden(t, c.Kind), indented(t, body)); diff != "" {
				t.Errorf("the record (-golden +now):\n%s", diff)
			}
		})
	}
}

func TestEveryGoldenFileIsOfAKind(t *testing.T) {
	files, err := filepath.Glob("record/testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, c := range state.Collections() {
		want = append(want, goldenName(c.Kind))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("golden files (-kinds +files):\n%s", diff)
	}
}

// An empty value stays empty: what is nil does not become something else.
func TestRecordsOfEmptyValues(t *testing.T) {
	for _, c := range state.Collections() {
		want := reflect.New(c.Type.Elem()).Interface().(record.Value)
		body, err := c.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Decode(want.Key(), body)
		if err != nil {
			t.Errorf("%s: %v", c.Kind, err)
		}
		if diff := cmp.Diff(want, got, exported); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Kind, diff)
		}
	}
}

// TestEmptyEnvironmentIsKept: a function that was given an empty environment shows it after a restart too.
func TestEmptyEnvironmentIsKept(t *testing.T) {
	for _, want := range []map[string]string{nil, {}, {"A": "1"}} {
		function := &lambda.Function{ARN: lambda.ARN{Region: "r", Account: "a", Name: "n"}, Configuration: lambda.Configuration{Environment: want}}
		body, err := record.Encode[*lambda.Function, record.Function](function)
		if err != nil {
			t.Fatal(err)
		}
		got, err := record.Decode[*lambda.Function, record.Function](function.Key(), body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Environment); diff != "" {
			t.Errorf("%s:\n%s", body, diff)
		}
	}
}

var version = regexp.MustCompile(`"version": \d+`)

func TestRecordsThatWouldLoseSomethingAreRefused(t *testing.T) {
	for _, c := range state.Collections() {
		key, body := full(t, c.Type).Key(), golden(t, c.Kind)
		for name, test := range map[string]struct{ key, body, want string }{
			"unknown member":   {key, strings.Replace(body, "{", `{"Unheard": 1,`, 1), `unknown field "Unheard"`},
			"text after it":    {key, body + "{}", "after the end"},
			"newer version":    {key, version.ReplaceAllString(body, `"version": 99`), "version 99, and this furl"},
			"newer, unknown":   {key, `{"version": 99, "Unheard": 1}`, "version 99, and this furl"},
			"negative version": {key, version.ReplaceAllString(body, `"version": -1`), "version -1"},
			"version is text":  {key, version.ReplaceAllString(body, `"version": "1"`), "version"},
			"another key":      {key + "x", body, "it is the record of"},
			"null":             {key, "null", "it is the record of"},
			"empty object":     {key, "{}", "it is the record of"},
			"empty":            {key, "", "EOF"},
			"half":             {key, body[:len(body)/2], "EOF"},
			"a list":           {key, "[]", "cannot unmarshal"},
		} {
			_, err := c.Decode(test.key, []byte(test.body))
			if err == nil {
				t.Errorf("%s, %s: no error", c.Kind, name)
				continue
			}
			for _, want := range []string{c.Kind + " " + test.key, test.want, "the furl that wrote it"} {
				if !strings.Contains(strings.Replace(err.Error(), "newer furl", "furl", 1), want) {
					t.Errorf("%s, %s: the error does not say %q: %v", c.Kind, name, want, err)
				}
			}
			if strings.Contains(err.Error(), ".Secret") || strings.Contains(err.Error(), ".Token") {
				t.Errorf("%s, %s: the error shows what is in the record: %v", c.Kind, name, err)
			}
		}
	}
}

// What is inside a record is as strict as its top.
func TestUnknownMembersWithin(t *testing.T) {
	for kind, within := range map[string]string{
		"user": `"Keys": [`, "role": `"Trust": `, "group": `"key0": `, "policy": `"Versions": [`, "function": `"CORS": `,
	} {
		for _, c := range state.Collections() {
			if c.Kind != kind {
				continue
			}
			before, after, found := strings.Cut(golden(t, kind), within)
			if !found {
				t.Fatalf("the golden file of %s has no %s", kind, within)
			}
			damaged := before + within + strings.Replace(after, "{", `{"Unheard": 1,`, 1)
			_, err := c.Decode(full(t, c.Type).Key(), []byte(damaged))
			if err == nil || !strings.Contains(err.Error(), "Unheard") {
				t.Errorf("%s with an unknown member in %s: %v", kind, within, err)
			}
		}
	}
}

func TestPoliciesAreStoredAsText(t *testing.T) {
	const text = `{ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } }`
	parsed, err := iam.ParsePolicy(text, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	group := &iam.Group{Account: account, Name: "g", Grants: iam.Grants{Inline: map[string]iam.Policy{"all": parsed}}}
	body, err := record.Encode[*iam.Group, record.Group](group)
	if err != nil {
		t.Fatal(err)
	}
	read, err := record.Decode[*iam.Group, record.Group](group.Key(), body)
	if err != nil {
		t.Fatal(err)
	}
	if got := read.Inline["all"]; got.Text != text || got.Document().Len() != 1 {
		t.Errorf("read %+v", got)
	}
	damaged := strings.Replace(string(body), "Effect", "Affect", 1)
	_, err = record.Decode[*iam.Group, record.Group](group.Key(), []byte(damaged))
	if err == nil || !strings.Contains(err.Error(), "stored policy") {
		t.Errorf("a policy that is not one: %v", err)
	}
}

// testdata/schema-1.db.gz is a database from before records had versions and commits had revisions, with a record of
// each kind of then in which every member is set. It must load for ever, with everything in it.
func TestDatabaseFromBeforeVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, gunzip(t, "testdata/schema-1.db.gz"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := openStore(t, path)
	stored := map[string]store.Record{}
	_, err := db.Load(t.Context(), func(r store.Record) error {
		r.Body = bytes.Clone(r.Body)
		stored[r.Kind] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds := []string{"function", "group", "oidc-provider", "policy", "role", "session", "user"}
	if diff := cmp.Diff(kinds, slices.Sorted(maps.Keys(stored))); diff != "" {
		t.Fatalf("kinds (-want +got):\n%s", diff)
	}
	for range 2 { // once as they were, and once after they have been written again
		world, err := state.Load(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		var values []record.Value
		for _, c := range state.Collections() {
			was, ok := stored[c.Kind]
			if !ok {
				continue // a kind that came later
			}
			value, ok := c.Get(world.Now(), was.Key)
			if !ok {
				t.Fatalf("%s %s is gone", c.Kind, was.Key)
			}
			body, err := c.Encode(value)
			if err != nil {
				t.Fatal(err)
			}
			before := parsed(t, was.Body)
			if function, ok := value.(*lambda.Function); ok {
				keepsPermissions(t, before.(map[string]any), function)
			}
			survives(t, c.Kind, before, parsed(t, body))
			values = append(values, value)
		}
		update(t, world, func(tx *state.Tx) error {
			var faults []error
			for _, value := range values {
				faults = append(faults, tx.Put(value))
			}
			return errors.Join(faults...)
		})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = openStore(t, path)
	}
}

// keepsPermissions checks that the statements of an old record are those of the function's policies, and takes them out
// of the record.
func keepsPermissions(t *testing.T, record map[string]any, function *lambda.Function) {
	t.Helper()
	permissions := record["Permissions"].(map[string]any)
	if len(permissions) == 0 || len(permissions) != len(function.Policies) {
		t.Errorf("permissions of %d qualifiers became policies of %d", len(permissions), len(function.Policies))
	}
	for qualifier, list := range permissions {
		var want, got []string
		for _, permission := range list.([]any) {
			want = append(want, permission.(map[string]any)["StatementID"].(string))
		}
		var document struct{ Statement []struct{ Sid string } }
		if err := json.Unmarshal([]byte(function.Policies[qualifier].Text), &document); err != nil {
			t.Error(err)
		}
		for _, statement := range document.Statement {
			got = append(got, statement.Sid)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("statements of %q:\n%s", qualifier, diff)
		}
	}
	delete(record, "Permissions")
}

// testdata/function-3.json is a record from before policies were documents. The texts are those that GetPolicy answered
// for it, but for the unique id, which it showed as an ARN.
func TestPermissionsBecomePolicies(t *testing.T) {
	body, err := os.ReadFile("testdata/function-3.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := record.Decode[*lambda.Function, record.Function]("123456789012/eu-central-1/web", body)
	if err != nil {
		t.Fatal(err)
	}
	const arn = `"arn:aws:lambda:eu-central-1:123456789012:function:web`
	want := map[string]lambda.Policy{
		"": {Text: `{"Version":"2012-10-17","Id":"default","Statement":[` +
			`{"Sid":"role","Effect":"Allow","Principal":{"AWS":"AROAAAAAAAAAAAAAAAAA2"},"Action":"lambda:InvokeFunction","Resource":` + arn +
			`","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}},` +
			`{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":` + arn +
			`","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}}]}`},
		"live": {RevisionID: "11111111-2222-4333-8444-555555555555", Text: `{"Version":"2012-10-17","Id":"default","Statement":[` +
			`{"Sid":"all","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":` + arn +
			`:live","Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333","lambda:FunctionUrlAuthType":"NONE",` +
			`"aws:PrincipalOrgID":"o-abcdefghij"}}}]}`},
	}
	if diff := cmp.Diff(want, got.Policies); diff != "" {
		t.Error(diff)
	}
}

// survives checks that all members of was are in is.
func survives(t *testing.T, name string, was, is any) {
	t.Helper()
	switch was := was.(type) {
	case map[string]any:
		members, ok := is.(map[string]any)
		if !ok {
			t.Errorf("%s was an object and is %v", name, is)
		}
		for member, value := range was {
			if _, ok := members[member]; !ok {
				t.Errorf("%s.%s is gone", name, member)
				continue
			}
			survives(t, name+"."+member, value, members[member])
		}
	case []any:
		elements, ok := is.([]any)
		if !ok || len(elements) != len(was) {
			t.Errorf("%s was %v and is %v", name, was, is)
			return
		}
		for i := range was {
			survives(t, fmt.Sprint(name, i), was[i], elements[i])
		}
	default:
		if was != is {
			t.Errorf("%s was %v and is %v", name, was, is)
		}
	}
}

func parsed(t *testing.T, body []byte) (value any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func gunzip(t *testing.T, name string) []byte {
	t.Helper()
	packed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func openStore(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func goldenName(kind string) string { return "record/testdata/" + kind + ".json" }

func golden(t *testing.T, kind string) string {
	t.Helper()
	text, err := os.ReadFile(goldenName(kind))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func indented(t *testing.T, body []byte) string {
	t.Helper()
	var text bytes.Buffer
	if err := json.Indent(&text, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	return text.String() + "\n"
}

// exported compares exported fields only. What a policy compiles to follows from its text.
var exported = cmp.Options{
	cmp.FilterPath(func(path cmp.Path) bool {
		field, ok := path.Last().(cmp.StructField)
		return ok && !token.IsExported(field.Name())
	}, cmp.Ignore()),
	cmp.Comparer(func(a, b *policy.Document) bool { return (a == nil) == (b == nil) }),
}

// full is a value of a domain type in which every exported field, however deep, has a value of its own, which depends
// on nothing but the field's name.
func full(t *testing.T, pointer reflect.Type) record.Value {
	t.Helper()
	value := reflect.New(pointer.Elem())
	fill(t, value.Elem(), pointer.Elem().Name())
	return value.Interface().(record.Value)
}

func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	hash := fnv.New32a()
	hash.Write([]byte(name))
	number := int64(1 + hash.Sum32()%100_000)
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(moment.Add(time.Duration(number) * time.Millisecond)))
		return
	case iam.Policy:
		document, err := iam.ParsePolicy(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"P%d","Effect":"Allow",`+
			`"Principal":"*","Action":"sts:AssumeRole"}]}`, number), policy.Trust)
		if err != nil {
			t.Fatal(err)
		}
		v.Set(reflect.ValueOf(document))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("https://" + name) // the issuer of a provider is a URL
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(number)
	case reflect.Float64:
		v.SetFloat(float64(number) / 4)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), fmt.Sprint(name, i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for i := range 2 {
			element := reflect.New(v.Type().Elem()).Elem()
			fill(t, element, fmt.Sprint(name, i))
			v.SetMapIndex(reflect.ValueOf(fmt.Sprint("key", i)).Convert(v.Type().Key()), element)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				fill(t, v.Field(i), name+"."+field.Name)
			}
		}
	default:
		t.Fatalf("%s is a %s: say here what a value of it looks like", name, v.Type())
	}
}
