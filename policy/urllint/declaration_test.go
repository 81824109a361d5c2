package urllint_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

const declarations = "../../../shared/declarations/"

// TestDeclarations lints the policies in the templates that SAM, CDK and Serverless write for function URLs: the
// permissions of each function together, and the policies of each role or user together.
func TestDeclarations(t *testing.T) {
	want := map[string][]urllint.Rule{
		// Serverless 3 is older than the second action: the finding is what its users need.
		"serverless-3.cloudformation-update.json": {urllint.RuleMissingAction},
	}
	files, err := filepath.Glob(declarations + "*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		if os.Getenv("FURL_STRICT") != "" {
			t.Fatal("there are no samples of declarations beside the work tree")
		}
		t.Skip("there are no samples of declarations beside the work tree")
	}
	policies := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var rules []urllint.Rule
		for owner, documents := range documentsOf(t, text) {
			policies += len(documents)
			for _, finding := range lint(documents...) {
				t.Logf("%s: %s: %s", filepath.Base(file), owner, finding.Message)
				rules = append(rules, finding.Rule)
			}
		}
		if diff := cmp.Diff(want[filepath.Base(file)], rules); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filepath.Base(file), diff)
		}
	}
	if policies < 15 {
		t.Errorf("only %d policies in the samples", policies)
	}
}

// documentsOf are the policies of a CloudFormation template, by their owner.
func documentsOf(t *testing.T, template []byte) map[string][]*policy.Document {
	t.Helper()
	var parsed struct {
		Resources map[string]struct {
			Type       string
			Properties json.RawMessage
		}
	}
	if err := json.Unmarshal(template, &parsed); err != nil {
		t.Fatal(err)
	}
	documents, permissions := map[string][]*policy.Document{}, map[string][]string{}
	for id, resource := range parsed.Resources {
		var in any
		if len(resource.Properties) > 0 {
			if err := json.Unmarshal(resource.Properties, &in); err != nil {
				t.Fatal(err)
			}
		}
		text, err := json.Marshal(resolve(in))
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Action, FunctionName, FunctionUrlAuthType, Principal, PrincipalOrgID, SourceArn string
			InvokedViaFunctionUrl                                                           bool
			PolicyDocument, AssumeRolePolicyDocument                                        json.RawMessage
			Policies                                                                        []struct{ PolicyDocument json.RawMessage }
			Roles, Users                                                                    []string
		}
		switch resource.Type {
		case "AWS::Lambda::Permission", "AWS::IAM::Role", "AWS::IAM::Policy":
			if err := json.Unmarshal(text, &p); err != nil {
				t.Fatal(err)
			}
		default:
			continue
		}
		add := func(owner string, kind policy.Kind, text json.RawMessage) {
			if text != nil {
				documents[owner] = append(documents[owner], mustParse(t, kind, string(text)))
			}
		}
		add(id+" trust", policy.Trust, p.AssumeRolePolicyDocument)
		for _, inline := range p.Policies {
			add(id, policy.Identity, inline.PolicyDocument)
		}
		for _, owner := range append(p.Roles, p.Users...) {
			add(owner, policy.Identity, p.PolicyDocument)
		}
		if resource.Type != "AWS::Lambda::Permission" {
			continue
		}
		function := "arn:aws:lambda:eu-west-1:111122223333:function:" + p.FunctionName[strings.LastIndex(p.FunctionName,
			":")+1:]
		principal := map[string]any{"AWS": p.Principal}
		if strings.HasSuffix(p.Principal, ".amazonaws.com") {
			principal = map[string]any{"Service": p.Principal}
		}
		conditions := map[string]map[string]string{}
		set := func(operator, key, value string) {
			if value != "" && conditions[operator] == nil {
				conditions[operator] = map[string]string{}
			}
			if value != "" {
				conditions[operator][key] = value
			}
		}
		set("StringEquals", "lambda:FunctionUrlAuthType", p.FunctionUrlAuthType)
		set("StringEquals", "aws:PrincipalOrgID", p.PrincipalOrgID)
		set("ArnLike", "AWS:SourceArn", p.SourceArn)
		if p.InvokedViaFunctionUrl {
			set("Bool", "lambda:InvokedViaFunctionUrl", "true")
		}
		made := map[string]any{"Effect": "Allow", "Principal": principal, "Action": p.Action, "Resource": function}
		if len(conditions) > 0 {
			made["Condition"] = conditions
		}
		statement, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		permissions[function] = append(permissions[function], string(statement))
	}
	for function, statements := range permissions {
		documents[function] = append(documents[function], mustParse(t, policy.Resource,
			`{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`))
	}
	return documents
}

var pseudo = strings.NewReplacer("AWS::Partition", "aws", "AWS::AccountId", "111122223333", "AWS::Region", "eu-west-1")

// resolve replaces intrinsic functions by what they might come to.
func resolve(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = resolve(value[i])
		}
	case map[string]any:
		for name, argument := range value {
			if len(value) == 1 {
				switch name {
				case "Ref":
					return pseudo.Replace(argument.(string))
				case "Fn::GetAtt":
					return "arn:aws:lambda:eu-west-1:111122223333:function:" + argument.([]any)[0].(string)
				case "Fn::Sub":
					return strings.NewReplacer("${", "", "}", "").Replace(pseudo.Replace(argument.(string)))
				case "Fn::Join":
					var parts []string
					for _, part := range resolve(argument.([]any)[1]).([]any) {
						parts = append(parts, part.(string))
					}
					return strings.Join(parts, argument.([]any)[0].(string))
				}
			}
			value[name] = resolve(argument)
		}
	}
	return value
}
