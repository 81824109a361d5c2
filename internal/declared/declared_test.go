package declared_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/declared"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

const (
	account = "123456789012"
	region  = "eu-central-1"
)

func parse(t *testing.T, text string) *tree.Node {
	t.Helper()
	root, err := tree.Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func load(t *testing.T, root *tree.Node) *declared.World {
	t.Helper()
	stack, err := template.Load(root, template.Options{Stack: "demo", Account: account, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	world, err := declared.New([]*template.Stack{stack}, account, region)
	if err != nil {
		t.Fatal(err)
	}
	return world
}

// lint is what is found when each set of policies is read with the functions' policies.
func lint(world *declared.World) []declared.Finding {
	var common []policy.Named
	sets := world.Sets()
	for _, set := range sets {
		if set.Common {
			common = append(common, policy.Named{Name: set.Policies[0].Label, Document: set.Policies[0].Document})
		}
	}
	var linted []declared.Linted
	for _, set := range sets {
		named := slices.Clone(common)
		if !set.Common {
			for _, saved := range set.Policies {
				named = append(named, policy.Named{Name: saved.Label, Document: saved.Document})
			}
		}
		for _, f := range urllint.Lint(named...) {
			if slices.ContainsFunc(set.Policies, func(saved setup.SavedPolicy) bool { return saved.Document == f.Document }) {
				linted = append(linted, declared.Linted{Policy: f.Policy, Finding: f})
			}
		}
	}
	return slices.DeleteFunc(world.Findings(linted), func(f declared.Finding) bool {
		return f.Severity == urllint.SeveritySuggestion
	})
}

func shown(findings []declared.Finding) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, fmt.Sprintf("%d:%d %s %s", f.Pos.Line, f.Pos.Column, f.Resource.ID, f.Rule))
	}
	return strings.Join(lines, "\n")
}

// written writes a fix into the template as a person does who copies it.
func written(t *testing.T, root *tree.Node, f declared.Finding) {
	t.Helper()
	resources := root.Get("Resources")
	above, text, _ := strings.Cut(f.Code(), "    in Resources:\n")
	for line := range strings.Lines(above) {
		id, ok := strings.CutPrefix(strings.TrimSpace(line), "remove ")
		if !ok {
			t.Fatalf("the fix of %s has the line %q", f.Rule, line)
		}
		resources.Members = slices.DeleteFunc(resources.Members, func(m tree.Member) bool { return m.Name == id })
	}
	for _, m := range parse(t, text).Members {
		resources.Set(m.Name, m.Value)
	}
}

// cured writes the resources of a fix into the template as a program does.
func cured(t *testing.T, root *tree.Node, f declared.Finding) {
	t.Helper()
	resources := root.Get("Resources")
	for _, id := range slices.Sorted(maps.Keys(f.Resources)) {
		if string(f.Resources[id]) == "null" {
			resources.Members = slices.DeleteFunc(resources.Members, func(m tree.Member) bool { return m.Name == id })
			continue
		}
		resources.Set(id, parse(t, string(f.Resources[id])))
	}
}

// cure makes all fixes, until nothing is found, in both forms.
func cure(t *testing.T, text string) {
	t.Helper()
	cureBy(t, text, cured)
	cureBy(t, text, written)
}

func cureBy(t *testing.T, text string, mend func(*testing.T, *tree.Node, declared.Finding)) {
	t.Helper()
	root := parse(t, text)
	const most = 2 // a fix may show what was hidden
	for range most + 1 {
		found := lint(load(t, root))
		if len(found) == 0 {
			return
		}
		for _, f := range found {
			if len(f.Resources) == 0 {
				t.Fatalf("no resources are the fix of\n%s: %s", shown(found), f.Message)
			}
			mend(t, root, f)
		}
	}
	t.Fatalf("the fixes leave\n%s", shown(lint(load(t, root))))
}

// TestRules: each rule finds its examples, and the fix that is printed leaves nothing to find.
func TestRules(t *testing.T) {
	for _, row := range declared.Rules() {
		for i, example := range row.Examples {
			t.Run(fmt.Sprintf("%s/%d", row.Rule, i), func(t *testing.T) {
				found := lint(load(t, parse(t, example)))
				if !slices.ContainsFunc(found, func(f declared.Finding) bool { return f.Rule == row.Rule }) {
					t.Errorf("not found, only\n%s", shown(found))
				}
				for _, f := range found {
					if f.Rule != row.Rule {
						t.Errorf("%s: found, too: %s", f.Rule, f.Message)
					}
					if f.Pos.File != "t.yaml" || f.Pos.Line < 2 {
						t.Errorf("%s is found at %s", f.Rule, f.Pos)
					}
				}
				cure(t, example)
			})
		}
	}
}

// head are two functions, with URLs of the two auth types on an alias and on the function, and a role.
var head = words(`Resources:
  Fn: {Type: AWS::Lambda::Function, Properties: {Role: !Sub 'arn:aws:iam::${AWS::AccountId}:role/f', <code>}}
  Url: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !GetAtt Fn.Arn, AuthType: AWS_IAM}}
  Public: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Role.Arn, <code>}}
  Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Public}}
  Alias: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref Public, FunctionVersion: '1', Name: live}}
  PublicUrl: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !Ref Alias, AuthType: NONE}}
  A: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Alias, Principal: '*', <url>}}
  B: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Alias, Principal: '*', <invoke>}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: <trust>}
`, "<code>", "Runtime: python3.13, Handler: index.f, Code: {ZipFile: x}", "<url>", "Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: NONE",
	"<invoke>", "Action: lambda:InvokeFunction, InvokedViaFunctionUrl: true",
	"<trust>", "{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}")

// words puts words of a template into their places.
func words(text string, places ...string) string { return strings.NewReplacer(places...).Replace(text) }

func permission(id, properties string) string {
	return "  " + id + ": {Type: AWS::Lambda::Permission, Properties: {" + properties + "}}\n"
}

// TestPermissions: what is wrong with permissions is found at the resource or the property, and its fix cures.
func TestPermissions(t *testing.T) {
	if found := lint(load(t, parse(t, head))); len(found) > 0 {
		t.Fatalf("found without a fault:\n%s", shown(found))
	}
	const (
		url    = "Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: AWS_IAM"
		invoke = "Action: lambda:InvokeFunction, InvokedViaFunctionUrl: true"
		to     = "Principal: !GetAtt Role.Arn, FunctionName: !Ref Fn, "
		other  = "Principal: '999988887777', FunctionName: !GetAtt Fn.Arn, "
	)
	for _, test := range []struct{ name, text, want string }{
		{"the first action alone", permission("X", to+url), "14:3 X missing-action"},
		{"the second action alone", permission("X", to+invoke), "14:3 X missing-action"},
		{"of an account", permission("X", other+url), "14:3 X missing-action"},
		{"of CloudFront", permission("X", "Principal: cloudfront.amazonaws.com, SourceArn: !Sub "+
			"'arn:aws:cloudfront::${AWS::AccountId}:distribution/E1', FunctionName: !Ref Fn, Action: lambda:InvokeFunctionUrl"),
			"14:3 X missing-action"},
		{"of an organization", permission("X", "Principal: '*', PrincipalOrgID: o-a1b2c3d4e5, FunctionName: !Ref Fn, "+url),
			"14:3 X missing-action"},
		{"the second action for direct invocation", permission("X", to+url) +
			permission("Y", to+"Action: lambda:InvokeFunction"), "15:3 Y direct-invoke"},
		{"a service that never calls", permission("X", "Principal: events.amazonaws.com, FunctionName: !Ref Fn, "+url) +
			permission("Y", "Principal: events.amazonaws.com, FunctionName: !Ref Fn, "+invoke),
			"14:3 X service-never-signs\n15:3 Y service-never-signs"},
		{"an auth type that the URL has not", permission("X", to+strings.Replace(url, "AWS_IAM", "NONE", 1)) +
			permission("Y", to+invoke), "14:158 X url-auth-type"},
		{"everyone for a URL that asks who calls",
			permission("X", "Principal: '*', FunctionName: !Ref Fn, "+strings.Replace(url, "AWS_IAM", "NONE", 1)) +
				permission("Y", "Principal: '*', FunctionName: !Ref Fn, "+invoke), "14:145 X url-auth-type"},
		{"a role for a URL that asks nobody", permission("X", "Principal: !GetAtt Role.Arn, FunctionName: !Ref Alias, "+url) +
			permission("Y", "Principal: !GetAtt Role.Arn, FunctionName: !Ref Alias, "+invoke), "14:161 X url-auth-type"},
		{"everyone without a condition", permission("X",
			"Principal: '*', FunctionName: !Ref Fn, Action: lambda:InvokeFunctionUrl") +
			permission("Y", "Principal: '*', FunctionName: !Ref Fn, "+invoke), "14:3 X public"},
		{"everyone of all accounts", permission("X", "Principal: '*', FunctionName: !Ref Fn, "+url) +
			permission("Y", "Principal: '*', FunctionName: !Ref Fn, "+invoke), "14:3 X any-account"},
		{"everyone, directly, too", permission("X",
			"Principal: '*', FunctionName: !Ref Alias, Action: lambda:InvokeFunction"), "14:3 X public"},
		{"a service for anyone", permission("X",
			"Principal: s3.amazonaws.com, FunctionName: !Ref Fn, Action: lambda:InvokeFunction"),
			"14:3 X restrict-access-to-service-principal"},
		{"AWS's policy for direct invocation",
			"      ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaRole']\n",
			"14:26 Role direct-invoke-only"},
		{"on an alias, and the URL is the function's",
			"  Live: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref Fn, FunctionVersion: '1', Name: live}}\n" +
				permission("X", "Principal: !GetAtt Role.Arn, FunctionName: !Ref Live, "+url) +
				permission("Y", "Principal: !GetAtt Role.Arn, FunctionName: !Ref Live, "+invoke),
			"15:94 X url-qualifier\n16:94 Y url-qualifier"},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := lint(load(t, parse(t, head+test.text)))
			if diff := cmp.Diff(test.want, shown(found)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			cure(t, head+test.text)
		})
	}
}

// TestIdentityPolicy: a statement of a role's policy has its own place, and its fix refers to the template's resources.
func TestIdentityPolicy(t *testing.T) {
	found := lint(load(t, parse(t, head+`      Policies:
        - PolicyName: call
          PolicyDocument:
            Version: 2012-10-17
            Statement:
              - {Effect: Allow, Action: 's3:GetObject', Resource: '*'}
              - Effect: Allow
                Action: lambda:InvokeFunctionUrl
                Resource: !Sub '${Fn.Arn}:live'
`)))
	if got, want := shown(found), "20:17 Role missing-action"; got != want {
		t.Fatalf("found\n%s\nwant\n%s", got, want)
	}
	const resource = `"Resource":{"Fn::Sub":"${Fn.Arn}:live"}`
	for _, statement := range found[0].Instead {
		if !strings.Contains(string(statement), resource) || !json.Valid(statement) {
			t.Errorf("%s lacks %s", statement, resource)
		}
	}
}

// TestAudit: who may call as declared, by the statements that let them.
func TestAudit(t *testing.T) {
	const role = "arn:aws:iam::" + account + ":role/"
	both := func(on, to string) string {
		return permission("X", "FunctionName: "+on+", Principal: "+to+
			", Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: AWS_IAM") +
			permission("Y", "FunctionName: "+on+", Principal: "+to+
				", Action: lambda:InvokeFunction, InvokedViaFunctionUrl: true")
	}
	policyOf := func(statements string) string {
		return "      Policies: [{PolicyName: p, PolicyDocument: {Version: 2012-10-17, Statement: [" + statements + "]}}]\n"
	}
	const (
		url    = "{Effect: Allow, Action: 'lambda:InvokeFunctionUrl', Resource: !GetAtt Fn.Arn}"
		invoke = "{Effect: Allow, Action: 'lambda:InvokeFunction', Resource: !GetAtt Fn.Arn, " +
			"Condition: {Bool: {'lambda:InvokedViaFunctionUrl': true}}}"
	)
	for _, test := range []struct {
		name, text string
		status     check.Status
		by         int // statements that let callers in
		says       string
	}{
		{"nothing", "", check.Depends, 0, "callers need both actions"},
		{"a role by the function's policy", both("!Ref Fn", "!GetAtt Role.Arn"), check.OK, 2, "both actions are granted"},
		{"a role by its own policy", policyOf(url + ", " + invoke), check.OK, 2, "both actions are granted"},
		{"half by each side", permission("X", "FunctionName: !Ref Fn, Principal: !GetAtt Role.Arn, "+
			"Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: AWS_IAM") + policyOf(""), check.Problem, 0, "granted alone"},
		{"the first action alone", policyOf(url), check.Problem, 0, "granted alone"},
		{"another account", both("!Ref Fn", "'999988887777'"), check.Depends, 2, "policies of that account"},
		{"the account itself", both("!Ref Fn", "!Ref AWS::AccountId"), check.Depends, 0, "callers need both actions"},
		{"another qualifier", "  Live: {Type: AWS::Lambda::Alias, Properties: " +
			"{FunctionName: !Ref Fn, FunctionVersion: '1', Name: live}}\n" + both("!Ref Live", "!GetAtt Role.Arn"),
			check.Problem, 0, "another qualifier"},
		{"known once it is made", both("!Ref Fn", "!GetAtt Role.RoleId"), check.Unknown, 0, "known only once it is made"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := head + test.text
			if i := strings.Index(test.text, "      Policies:"); i > 0 { // belongs to the role
				text = head + test.text[i:] + test.text[:i]
			}
			if test.name == "half by each side" {
				text = head + test.text[:strings.Index(test.text, "      Policies:")]
			}
			audit, err := load(t, parse(t, text)).Audit(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			f := audit.Functions[0]
			if f.Status != test.status || len(f.AllowedBy) != test.by || !strings.Contains(f.Summary, test.says) ||
				f.File != "t.yaml" || f.Line != 3 {
				t.Errorf("%s (%d statements): %s at %s; want %s, %d, %s", f.Status, len(f.AllowedBy), f.Summary, f.Place,
					test.status, test.by, test.says)
			}
			for _, by := range f.AllowedBy {
				if by.Line < 10 || by.File != "t.yaml" || !strings.HasPrefix(by.Principal, role) && by.Principal == "" {
					t.Errorf("%+v", by)
				}
			}
			if public := audit.Functions[1]; public.Status != check.OK || len(public.AllowedBy) != 2 {
				t.Errorf("the public URL: %s, %s", public.Status, public.Summary)
			}
		})
	}
}

// TestSamples: what the tools write is right, but for the permission that Serverless 3 leaves out, and the samples of a
// connector beside the role's own policy.
func TestSamples(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "declarations")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("FURL_STRICT") != "" {
			t.Fatalf("%v, and FURL_STRICT is set", err)
		}
		t.Skip("SKIPPED: there are no samples of declarations beside the work tree")
	}
	for name, want := range map[string]string{
		"sam-template.yaml": "", "sam-build.template.yaml": "", "cdk.FurlDemo.template.json": "", "cdk-oac.template.json": "",
		"osls-4.3.1.cloudformation-update.json":   "",
		"serverless-3.cloudformation-update.json": "274:5 PublicLambdaPermissionFnUrl missing-action",
		"sam-template.translated-1.115.json":      "",
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, shown(lint(load(t, parse(t, string(text)))))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			cure(t, string(text))
		})
	}
}
