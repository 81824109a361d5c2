package template_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/furl-dev/furl/internal/template"
)

// shown is a value as JSON without the fields that are zero. A pointer to a zero is not.
func shown(t *testing.T, value any) string {
	t.Helper()
	var plain func(v reflect.Value) any
	plain = func(v reflect.Value) any {
		switch v.Kind() {
		case reflect.Pointer:
			return plain(v.Elem())
		case reflect.Struct:
			out := map[string]any{}
			for i := range v.NumField() {
				if field := v.Field(i); !field.IsZero() {
					out[v.Type().Field(i).Name] = plain(field)
				}
			}
			return out
		case reflect.Slice:
			out := []any{}
			for i := range v.Len() {
				out = append(out, plain(v.Index(i)))
			}
			return out
		}
		return v.Interface()
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(plain(reflect.ValueOf(value))); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// described is all of a stack.
func described(t *testing.T, stack *template.Stack, known template.Attributes) string {
	t.Helper()
	var out strings.Builder
	for _, r := range stack.Resources {
		value, err := stack.Value(r, known)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s: %s", r.Pos, r.ID)
		if r.Origin != r.ID {
			fmt.Fprintf(&out, " of %s", r.Origin)
		}
		if len(r.Needs) > 0 {
			fmt.Fprintf(&out, " needs %s", strings.Join(r.Needs, ", "))
		}
		fmt.Fprintf(&out, "\n%T %s", value, shown(t, value))
	}
	for _, n := range stack.NotRun {
		fmt.Fprintf(&out, "%s: not run here: %s %s\n", n.Pos, n.Type, n.ID)
	}
	for _, n := range stack.Notices {
		fmt.Fprintf(&out, "%s: %s\n", n.Pos, n.Text)
	}
	outputs, err := stack.Outputs(known)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outputs {
		fmt.Fprintf(&out, "%s: output %s %q", o.Pos, o.Name, o.Value)
		if o.Export != "" {
			fmt.Fprintf(&out, " as %s", o.Export)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// TestStacks: the templates in testdata/stack are what the files say, with nothing known and then with what is made.
func TestStacks(t *testing.T) {
	files, err := filepath.Glob("testdata/stack/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			stack, err := load(string(archive.Files[0].Data))
			if err != nil {
				t.Fatal(err)
			}
			got := described(t, stack, nil)
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// inFunction is a template with a function, whose variable X has a value, and what the value may refer to.
func inFunction(t testing.TB, value string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/value.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(text), "VALUE", value, 1)
}

// TestIntrinsics: a variable of a function is what CloudFormation would make of its value.
func TestIntrinsics(t *testing.T) {
	known := template.Attributes{}
	known.Set("Url", "FunctionUrl", "http://abc.lambda-url.us-east-1.localhost:9000/")
	known.Set("Version", "Ref", "arn:aws:lambda:us-east-1:123456789012:function:other:3")
	known.Set(template.Import, "later", "known by now")
	for _, test := range []struct{ value, want, after string }{
		{"plain", "plain", ""},
		{"12", "12", ""},
		{"true", "true", ""},
		{"2012-10-17", "2012-10-17", ""},
		{"!Ref Given", "given", ""},
		{"!Ref Count", "08", ""},
		{"!Ref Flag", "true", ""},
		{"!Ref SSM", "from SSM", ""},
		{"!Ref 'AWS::AccountId'", "123456789012", ""},
		{"!Ref 'AWS::Region'", "us-east-1", ""},
		{"!Ref 'AWS::Partition'", "aws", ""},
		{"!Ref 'AWS::StackName'", "demo", ""},
		{"!Ref 'AWS::URLSuffix'", "amazonaws.com", ""},
		{"!Ref 'AWS::StackId'",
			"arn:aws:cloudformation:us-east-1:123456789012:stack/demo/2a97516c-354b-6884-8cdb-d8f54a226a0a", ""},
		{"!Join ['', !Ref 'AWS::NotificationARNs']", "", ""},
		{"!Join ['-', [a, !Ref 'AWS::NoValue', !Ref Name, 3]]", "a-demo-3", ""},
		{"!Join [',', !Ref Names]", "a,b,c", ""},
		{"!Join ['+', !Ref Numbers]", "1+2", ""},
		{"!Select [1, !Ref Names]", "b", ""},
		{"!Select ['0', [x, y]]", "x", ""},
		{"!Select [!Select [0, [1]], !Ref Subnets]", "subnet-2", ""},
		{"!Select [2, !Split ['/', 'https://host/path']]", "host", ""},
		{"!Join ['.', !Split ['-', !Ref 'AWS::Region']]", "us.east.1", ""},
		{"!Sub '${Name}-${AWS::Region}'", "demo-us-east-1", ""},
		{"!Sub '${!Name} ${!x.y} $ {a} ${open'", "${Name} ${x.y} $ {a} ${open", ""},
		{"!Sub '$${Name}'", "$demo", ""},
		{"!Sub ['${a}-${Name}-${b}', {a: !Ref Given, b: {'Fn::Sub': '${Name}!'}, Name: own}]", "given-own-demo!", ""},
		{"!Sub 'arn:${AWS::Partition}:s3:::${Bucket}/*'", "arn:aws:s3:::demo-bucket-526mjqqr/*", ""},
		{"!Sub '${Other.Arn}:*'", "arn:aws:lambda:us-east-1:123456789012:function:other:*", ""},
		{"{'Fn::Sub': 12}", "12", ""},
		{"!If [IsDemo, a, b]", "a", ""},
		{"!If [IsOther, a, !If [IsBoth, b, c]]", "b", ""},
		{"!If [IsEither, a, b]", "a", ""},
		{"!If [IsTrue, a, b]", "a", ""},
		{"!If [IsList, a, b]", "a", ""},
		{"!If [IsJoined, a, b]", "a", ""},
		{"!FindInMap [Regions, !Ref 'AWS::Region', Name]", "Virginia", ""},
		{"!FindInMap [Regions, !Ref 'AWS::AccountId', Name]", "mine", ""},
		{"!Select [1, !FindInMap [Regions, us-east-1, Zones]]", "b", ""},
		{"{'Fn::Base64': !Sub 'hi ${Name}'}", "aGkgZGVtbw==", ""},
		{"!Select [0, !GetAZs '']", "us-east-1a", ""},
		{"!Select [2, {'Fn::GetAZs': !Ref 'AWS::Region'}]", "us-east-1c", ""},
		{"!Join [' ', !Cidr [10.0.0.0/16, 3, 8]]", "10.0.0.0/24 10.0.1.0/24 10.0.2.0/24", ""},
		{"!Join [' ', !Cidr [10.1.2.3/24, 2, '5']]", "10.1.2.0/27 10.1.2.32/27", ""},
		{"!Select [1, !Cidr ['2001:db8::/56', 2, 64]]", "2001:db8:0:1::/64", ""},
		{"!ImportValue shared-name", "a value of another stack", ""},
		{"!ImportValue {'Fn::Sub': ['shared-${x}', {x: name}]}", "a value of another stack", ""},
		{"!ImportValue later", template.Unknown, "known by now"},

		// Attributes.
		{"!Ref Role", "demo-Role-IF7LJD7S", ""},
		{"!GetAtt Role.Arn", "arn:aws:iam::123456789012:role/service/demo-Role-IF7LJD7S", ""},
		{"!GetAtt [Role, RoleId]", template.Unknown, ""},
		{"!Ref Other", "other", ""},
		{"!GetAtt Other.Arn", "arn:aws:lambda:us-east-1:123456789012:function:other", ""},
		{"!Ref Url", "arn:aws:lambda:us-east-1:123456789012:function:other", ""},
		{"!GetAtt Url.FunctionUrl", template.Unknown, "http://abc.lambda-url.us-east-1.localhost:9000/"},
		{"!GetAtt AliasUrl.FunctionArn", "arn:aws:lambda:us-east-1:123456789012:function:other:live", ""},
		{"!Sub 'see ${Url.FunctionUrl}x'", template.Unknown, "see http://abc.lambda-url.us-east-1.localhost:9000/x"},
		{"!Select [2, !Split ['/', !GetAtt Url.FunctionUrl]]", template.Unknown, "abc.lambda-url.us-east-1.localhost:9000"},
		{"!Join ['', [a, !GetAtt Url.FunctionUrl]]", template.Unknown, "ahttp://abc.lambda-url.us-east-1.localhost:9000/"},
		{"{'Fn::Base64': !GetAtt Version.Version}", template.Unknown, template.Unknown},
		{"!Ref Version", template.Unknown, "arn:aws:lambda:us-east-1:123456789012:function:other:3"},
		{"!Ref Alias", "arn:aws:lambda:us-east-1:123456789012:function:other:live", ""},
		{"!GetAtt Alias.AliasArn", "arn:aws:lambda:us-east-1:123456789012:function:other:live", ""},
		{"!Ref Layer", template.Unknown, ""},
		{"!GetAtt Layer.LayerVersionArn", template.Unknown, ""},
		{"!Ref User", "alice", ""},
		{"!GetAtt User.Arn", "arn:aws:iam::123456789012:user/alice", ""},
		{"!GetAtt Group.Arn", "arn:aws:iam::123456789012:group/demo-Group-5E4OXQX3", ""},
		{"!Ref Key", template.Unknown, ""},
		{"!GetAtt Key.SecretAccessKey", template.Unknown, ""},
		{"!Ref Managed", "arn:aws:iam::123456789012:policy/demo-Managed-LD52RQVH", ""},
		{"!GetAtt Managed.PolicyArn", "arn:aws:iam::123456789012:policy/demo-Managed-LD52RQVH", ""},
		{"!GetAtt Allowed.Id", "demo-Allowed-2FKMWYBX", ""},

		// Of what is not run here.
		{"!Ref Bucket", "demo-bucket-526mjqqr", ""},
		{"!GetAtt Bucket.Arn", "arn:aws:s3:::demo-bucket-526mjqqr", ""},
		{"!GetAtt Bucket.RegionalDomainName", "demo-bucket-526mjqqr.s3.us-east-1.amazonaws.com", ""},
		{"!Ref Table", "demo-items", ""},
		{"!GetAtt Table.Arn", "arn:aws:dynamodb:us-east-1:123456789012:table/demo-items", ""},
		{"!Ref Queue", "https://sqs.us-east-1.amazonaws.com/123456789012/demo-Queue-GSAUP5DZ", ""},
		{"!GetAtt Queue.Arn", "arn:aws:sqs:us-east-1:123456789012:demo-Queue-GSAUP5DZ", ""},
		{"!GetAtt Queue.QueueName", "demo-Queue-GSAUP5DZ", ""},
		{"!Ref Topic", "arn:aws:sns:us-east-1:123456789012:demo-Topic-S4QRFH6F", ""},
		{"!Ref Distribution", "EBABHPOHWEHWFO", ""},
		{"!GetAtt Distribution.Arn", "arn:aws:cloudfront::123456789012:distribution/EBABHPOHWEHWFO", ""},
		{"!Ref Secret", "arn:aws:secretsmanager:us-east-1:123456789012:secret:demo-Secret-XENXOQWY-XENXOQ", ""},
		{"!GetAtt HostedKey.Arn", "arn:aws:kms:us-east-1:123456789012:key/a2230c0b-2d18-4557-a2ce-589fd0495c35", ""},
		{"!GetAtt Custom.Anything.At.All", "demo-Custom-JPGJZOCV-Anything.At.All", ""},
		{"!GetAtt Nested.Outputs.Url", "demo-Nested-5PTFJUV7-Outputs.Url", ""},
		{"!Ref Unknown", "demo-Unknown-OLW4NKH5", ""},
		{"!GetAtt Unknown.Arn", "arn:aws:newservice:us-east-1:123456789012:demo-Unknown-OLW4NKH5", ""},
		{"!Select [9, !Split [':', !GetAtt Queue.Arn]]", "demo-Queue-GSAUP5DZ", ""},
		{"!Select [1, !GetAtt Custom.List]", "demo-Custom-JPGJZOCV-List", ""},
		{"!Join ['', [!GetAtt Queue.Arn, !GetAtt Url.FunctionUrl]]", template.Unknown,
			"arn:aws:sqs:us-east-1:123456789012:demo-Queue-GSAUP5DZhttp://abc.lambda-url.us-east-1.localhost:9000/"},
	} {
		t.Run(test.value, func(t *testing.T) {
			stack, err := load(inFunction(t, test.value))
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct {
				known template.Attributes
				want  string
			}{{nil, test.want}, {known, test.after}} {
				if step.want == "" && step.known != nil {
					step.want = test.want
				}
				value, err := stack.Value(resource(t, stack, "F"), step.known)
				if err != nil {
					t.Fatal(err)
				}
				if got := value.(*template.Function).Environment["X"]; got != step.want {
					t.Errorf("%q, expected %q", got, step.want)
				}
			}
		})
	}
}

func resource(t *testing.T, stack *template.Stack, id string) *template.Resource {
	t.Helper()
	for _, r := range stack.Resources {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("there is no resource %s", id)
	return nil
}
