package template_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
)

// functions is a template of many functions, each with a role, a URL, two permissions and a policy to call the next.
func functions(t testing.TB, count int) []byte {
	t.Helper()
	one, err := os.ReadFile("testdata/function.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	out.WriteString("Parameters: {Stage: {Type: String, Default: dev}}\nResources:\n")
	for i := range count {
		fmt.Fprintf(&out, string(one), i, (i+1)%count)
	}
	return []byte(out.String())
}

// BenchmarkLoad reads a template of 200 functions and works out all its resources.
func BenchmarkLoad(b *testing.B) {
	text := functions(b, 200)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		root, err := tree.Parse("template.yaml", text)
		if err != nil {
			b.Fatal(err)
		}
		stack, err := template.Load(root, options)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range stack.Resources {
			if _, err := stack.Value(r, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestLarge: all functions of a large template are there, in the same order each time.
func TestLarge(t *testing.T) {
	var first []string
	for range 3 {
		root, err := tree.Parse("template.yaml", functions(t, 50))
		if err != nil {
			t.Fatal(err)
		}
		stack, err := template.Load(root, options)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range stack.Resources {
			for _, id := range r.Needs {
				if !slices.Contains(ids, id) {
					t.Errorf("%s is before %s, which it needs", r.ID, id)
				}
			}
			ids = append(ids, r.ID)
		}
		if len(ids) != 300 {
			t.Errorf("%d resources, expected 300", len(ids))
		}
		if first == nil {
			first = ids
		}
		if diff := cmp.Diff(first, ids); diff != "" {
			t.Errorf("another order (-first +now):\n%s", diff)
		}
	}
}

// TestNames: names that are left open are within the limits of their types, and those that are cut differ all the same.
func TestNames(t *testing.T) {
	long := strings.Repeat("VeryLongName", 20)
	const trust = "{AssumeRolePolicyDocument: {Statement: {Effect: Allow, Principal: '*', Action: sts:AssumeRole}}}"
	text := "Resources:\n"
	for id, what := range map[string]string{
		"Role%sA":      "IAM::Role, Properties: " + trust,
		"Role%sB":      "IAM::Role, Properties: " + trust,
		"Function%s":   "Lambda::Function, Properties: {Code: src, Handler: a.b, Runtime: python3.13, Role: 'arn:x'}",
		"Permission%s": "Lambda::Permission, Properties: {FunctionName: f, Action: lambda:InvokeFunction, Principal: '*'}",
		"Layer%s":      "Lambda::LayerVersion, Properties: {Content: src}",
		"Group%s":      "IAM::Group",
	} {
		text += "  " + fmt.Sprintf(id, long) + ": {Type: AWS::" + what + "}\n"
	}
	root, err := tree.Parse("template.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := options
	o.Stack = "my stack_" + long
	stack, err := template.Load(root, o)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range stack.Resources {
		value, err := stack.Value(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		name, limit := "", 0
		switch v := value.(type) {
		case *template.Role:
			name, limit = v.Name, 64
		case *template.Function:
			name, limit = v.Name, 64
		case *template.Permission:
			name, limit = v.StatementID, 100
		case *template.Layer:
			name, limit = v.Name, 140
		case *template.Group:
			name, limit = v.Name, 128
		}
		if len(name) != limit || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			t.Errorf("%q has %d characters, expected %d letters, digits and hyphens", name, len(name), limit)
		}
		if seen[name] {
			t.Errorf("%q is there twice", name)
		}
		seen[name] = true
	}
}

// TestBounds: what a template makes of itself is bounded, and said to be.
func TestBounds(t *testing.T) {
	double := "x"
	for range 24 {
		double = "{'Fn::Sub': ['${a}${a}', {a: " + double + "}]}"
	}
	var conditions strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&conditions, "  C%d: !Not [!Condition C%d]\n", i, i+1)
	}
	long := strings.Repeat("x", 1<<19)
	for name, test := range map[string]struct{ text, want string }{
		"a text that doubles": {inFunction(t, double), "a text of more than 1048576 bytes"},
		"many long texts": {
			"Parameters: {P: {Type: String, Default: " + long + "}}\nResources:\n" +
				"  G: {Type: AWS::S3::Bucket, Properties: {A: [" + strings.Repeat("!Sub '${P}x', ", 200) + "]}}\n",
			"more than 67108864 bytes in all",
		},
		"a long join": {
			inFunction(t, "!Join ['"+long+"', [a, b, c, d]]"), "a text of more than 1048576 bytes",
		},
		"deep conditions": {
			"Conditions:\n" + conditions.String() + "  C1000: !Equals [a, a]\nResources: {G: {Type: AWS::IAM::Group}}\n",
			"conditions are made of each other more than 200 deep",
		},
		"many resources": {
			"Resources:\n" + strings.Repeat("  G%d: {Type: AWS::IAM::Group}\n", 2001), "2001 resources, expected at most 2000",
		},
		"many faults": {
			"Resources:\n  G: {Type: AWS::IAM::Group, Properties: {ManagedPolicyArns: [" +
				strings.Repeat("!Ref 'AWS::Foo', ", 1000) + "]}}\n",
			"more than 200 things are wrong",
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := test.text
			for i := 0; strings.Contains(text, "%d"); i++ {
				text = strings.Replace(text, "%d", fmt.Sprint(i), 1)
			}
			_, err := load(text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%.300v, expected a fault with %q", err, test.want)
			}
		})
	}
}

// TestImportGiven: a value for an export that no stack here has is given as that of a parameter is.
func TestImportGiven(t *testing.T) {
	stack, err := load("# param shared:url=http://x/\nResources: {R: {Type: AWS::Lambda::ResourcePolicy, " +
		"Properties: {ResourceArn: !ImportValue 'shared:url', PolicyDocument: '{\"Statement\":{\"Effect\":\"Allow\"," +
		"\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\"}}'}}}\n")
	if err != nil {
		t.Fatal(err)
	}
	value, err := stack.Value(stack.Resources[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := value.(*template.ResourcePolicy).Function; got != "http://x/" {
		t.Errorf("%q", got)
	}
}

// TestRedact: values of parameters that have NoEcho are in no fault and can be taken out of any text.
func TestRedact(t *testing.T) {
	stack, err := load("# param A=hunter2\n# param B=hunter22\n" +
		"Parameters: {A: {Type: String, NoEcho: true}, B: {Type: String, NoEcho: 'true'},\n" +
		"  C: {Type: CommaDelimitedList, NoEcho: true, Default: 'xyzzy,swordfish'}}\n" +
		"Resources: {G: {Type: AWS::IAM::Group}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := stack.Redact("postgres://hunter2:hunter22@host/swordfish"); got != "postgres://****:****@host/****" {
		t.Errorf("%q", got)
	}
}

// TestRedactWhatIsMade: what functions, quotes and JSON make of a secret is as secret, also where a fault cuts it short.
func TestRedactWhatIsMade(t *testing.T) {
	long := strings.Repeat("0123456789", 9)
	text := "# param A=hunter2secret\n# param B=with\"quotes\n# param C=" + long + "\n" +
		"Parameters: {A: {Type: String, NoEcho: true}, B: {Type: String, NoEcho: true}, C: {Type: String, NoEcho: true}}\n" +
		"Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      FunctionName: f\n      Code: {ZipFile: x}\n" +
		"      Handler: app.handler\n      Runtime: python3.13\n      Role: arn:aws:iam::123456789012:role/r\n" +
		"      Description: !Select [1, !Split ['2', !Sub 'of ${A}']]\n" +
		"      Environment: {Variables: {ENCODED: {'Fn::Base64': !Sub 'user:${A}'}}}\n"
	stack, err := load(text)
	if err != nil {
		t.Fatal(err)
	}
	value, err := stack.Value(stack.Resources[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	f := value.(*template.Function)
	inJSON, err := json.Marshal(map[string]string{"a": `with"quotes`})
	if err != nil {
		t.Fatal(err)
	}
	for shown, want := range map[string]string{
		f.Description: "****", f.Environment["ENCODED"]: "****", string(inJSON): `{"a":"****"}`, `of "with\"quotes"`: `of "****"`,
		"x" + long[:40] + "…, expected": "x****…, expected", "cut…": "cut…",
	} {
		if got := stack.Redact(shown); got != want {
			t.Errorf("%s: %q, want %q", shown, got, want)
		}
	}
	_, err = load(strings.Replace(text, "python3.13", "!Sub 'python-${C}-${B}'", 1))
	if err == nil || strings.Contains(err.Error(), "0123") || !strings.Contains(err.Error(), `Runtime of F is "python-****…"`) {
		t.Errorf("%v", err)
	}
}

// TestLate: what only making a resource tells goes into names and ARNs that are made of it, and what is wrong with it
// is a fault with its place.
func TestLate(t *testing.T) {
	stack, err := load(`Resources:
  Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: f}}
  Group: {Type: AWS::IAM::Group, Properties: {GroupName: !Sub 'group-${Version.Version}'}}
  User: {Type: AWS::IAM::User, Properties: {Groups: [!Ref Group, !Select [1, !Split ['-', !GetAtt Group.Arn]]]}}
Outputs: {Arn: {Value: !GetAtt Group.Arn, Export: {Name: !Sub '${AWS::StackName}:arn'}}}
`)
	if err != nil {
		t.Fatal(err)
	}
	user := resource(t, stack, "User")
	for _, test := range []struct {
		known  template.Attributes
		groups []string
		output string
	}{
		{nil, []string{template.Unknown, template.Unknown}, template.Unknown},
		{template.Attributes{"Version": {"Version": template.Unknown}}, []string{template.Unknown, template.Unknown},
			template.Unknown},
		{template.Attributes{"Version": {"Version": "7"}}, []string{"group-7", "7"},
			"arn:aws:iam::123456789012:group/group-7"},
	} {
		value, err := stack.Value(user, test.known)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.groups, value.(*template.User).Groups); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		outputs, err := stack.Outputs(test.known)
		if err != nil || len(outputs) != 1 || outputs[0].Value != test.output || outputs[0].Export != "demo:arn" {
			t.Errorf("%+v, %v, expected %s", outputs, err, test.output)
		}
	}
	stack, err = load(`Resources:
  Url: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: f, AuthType: NONE}}
  Group: {Type: AWS::IAM::Group, Properties: {GroupName: !Select [9, !Split ['/', !GetAtt Url.FunctionUrl]]}}
`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = stack.Value(resource(t, stack, "Group"), template.Attributes{"Url": {"FunctionUrl": "http://x/"}})
	if want := "template.yaml:3:58: Fn::Select selects 9 of a list of 4, which counts from 0"; fmt.Sprint(err) != want {
		t.Errorf("%v, expected %s", err, want)
	}
}

// TestValueConcurrently: a stack does not change, so that several goroutines may work out its resources.
func TestValueConcurrently(t *testing.T) {
	stack, err := load(inFunction(t, "!GetAtt Url.FunctionUrl"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for _, r := range stack.Resources {
		go func() {
			_, err := stack.Value(r, template.Attributes{"Url": {"FunctionUrl": "http://x/"}})
			done <- err
		}()
	}
	for range stack.Resources {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// FuzzLoad: whatever stands in a template, it is read within bounds, in an order that serves each resource, and a stack
// without faults has values.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/fault/*.txtar", "testdata/stack/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(files, err)
		}
		for _, file := range files {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				f.Fatal(err)
			}
			for i := 0; i < len(archive.Files); i += 2 {
				f.Add(string(archive.Files[i].Data))
			}
		}
	}
	f.Add(inFunction(f, "!Sub '${Url.FunctionUrl}'"))
	f.Fuzz(func(t *testing.T, text string) {
		stack, err := load(text)
		if err != nil {
			if faults := err.(tree.Faults); len(faults) == 0 {
				t.Error("an error without faults")
			}
			return
		}
		made := map[string]bool{}
		for _, r := range stack.Resources {
			for _, id := range r.Needs {
				if !made[id] {
					t.Errorf("%s is before %s, which it needs", r.ID, id)
				}
			}
			made[r.ID] = true
			if value, err := stack.Value(r, nil); err != nil || value == nil {
				t.Errorf("%s is %v, %v", r.ID, value, err)
			}
			again, _ := stack.Value(r, nil)
			if value, _ := stack.Value(r, nil); !cmp.Equal(value, again) {
				t.Errorf("%s differs from time to time", r.ID)
			}
		}
	})
}
