//go:build unix

package interop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/template/sam"
	"github.com/furl-dev/furl/internal/template/tree"
)

// TestSAMTransform holds furl's SAM transform to AWS's own, aws-sam-translator: of each template in testdata/sam, both
// make the same resources with the same logical ids, properties and attributes, of all types that furl runs; and both
// refuse the same templates. A comment "# parameter NAME=VALUE" in a template gives it a parameter.
func TestSAMTransform(t *testing.T) {
	need(t, "sam")
	files, err := filepath.Glob("testdata/sam/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	var jobs bytes.Buffer
	parameters := make([]map[string]string, len(files))
	for i, file := range files {
		parameters[i] = map[string]string{}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if given, ok := strings.CutPrefix(line, "# parameter "); ok {
				name, value, _ := strings.Cut(strings.TrimSpace(given), "=")
				parameters[i][name] = value
			}
		}
		if err := json.NewEncoder(&jobs).Encode(map[string]any{"file": file, "parameters": parameters[i]}); err != nil {
			t.Fatal(err)
		}
	}
	env := append(baseEnv(t.TempDir()), "AWS_DEFAULT_REGION="+region)
	done := run(t, env, &jobs, installed(t, "sam", "bin", "python"), "python/samtransform.py")
	answers := strings.Split(strings.TrimSpace(done.stdout), "\n")
	if done.code != 0 || len(answers) != len(files) {
		t.Fatalf("exit %d, %d answers: %s", done.code, len(answers), done.stderr)
	}
	for i, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			theirs := decode[struct {
				Template map[string]any
				Error    string
			}](t, answers[i])
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			root, err := tree.Parse(file, text)
			if err != nil {
				t.Fatal(err)
			}
			given := map[string]string{"AWS::Region": region, "AWS::Partition": "aws"}
			maps.Copy(given, parameters[i])
			out, _, err := sam.Transform(root, given)
			if (err != nil) != (theirs.Error != "") {
				t.Fatalf("furl says %v, the translator %q", err, theirs.Error)
			}
			if strings.HasPrefix(filepath.Base(file), "refused") != (err != nil) {
				t.Fatalf("a template named for what is refused: %v", err)
			}
			if err != nil {
				return
			}
			ours := value(out).(map[string]any)
			if declared := root.Get("Parameters"); declared != nil {
				for _, parameter := range declared.Members {
					if value := parameter.Value.Get("Default"); value != nil && given[parameter.Name] == "" {
						given[parameter.Name] = value.Text
					}
				}
			}
			n := normalizer(given)
			for _, section := range []string{"Conditions", "Outputs", "Parameters", "Mappings"} {
				if diff := cmp.Diff(n.of(theirs.Template[section]), n.of(ours[section])); diff != "" {
					t.Errorf("%s (-theirs +ours):\n%s", section, diff)
				}
			}
			// The permissions of events are missing, as the events are.
			if strings.Contains(string(text), "Events:") {
				maps.DeleteFunc(theirs.Template["Resources"].(map[string]any), func(id string, resource any) bool {
					return strings.Contains(fmt.Sprint(resource), "SourceArn")
				})
			}
			if diff := cmp.Diff(n.resources(theirs.Template), n.resources(ours)); diff != "" {
				t.Errorf("resources (-theirs +ours):\n%s", diff)
			}
		})
	}
}

// value is a node as encoding/json would read it.
func value(node *tree.Node) any {
	switch node.Kind {
	case tree.String:
		return node.Text
	case tree.Bool:
		return strings.EqualFold(node.Text, "true")
	case tree.Number:
		if whole, err := strconv.ParseInt(node.Text, 0, 64); err == nil {
			return float64(whole)
		}
		number, err := strconv.ParseFloat(node.Text, 64)
		if err != nil {
			return node.Text
		}
		return number
	case tree.List:
		out := []any{}
		for _, item := range node.Items {
			out = append(out, value(item))
		}
		return out
	case tree.Map:
		out := map[string]any{}
		for _, member := range node.Members {
			out[member.Name] = value(member.Value)
		}
		return out
	}
	return nil
}

// normalizer brings two results to one form where they say the same. It has the values of the parameters, since the
// translator puts them into what it makes hashes of, here and there.
type normalizer map[string]string

// resources are those of the types that furl runs.
func (n normalizer) resources(template map[string]any) map[string]any {
	types := []string{
		"AWS::Lambda::Function", "AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::Url",
		"AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::LayerVersion", "AWS::IAM::Role",
		"AWS::IAM::ManagedPolicy", "AWS::SQS::Queue", "AWS::SNS::Topic",
	}
	out := map[string]any{}
	for id, resource := range template["Resources"].(map[string]any) {
		// CodeDeploy is not run here.
		if id != "CodeDeployServiceRole" && slices.Contains(types, fmt.Sprint(resource.(map[string]any)["Type"])) {
			out[id] = n.of(resource)
		}
	}
	return out
}

func (n normalizer) of(of any) any {
	switch of := of.(type) {
	case []any:
		out := make([]any, len(of))
		for i, item := range of {
			out[i] = n.of(item)
		}
		return out
	case map[string]any:
		if name, ok := of["Ref"].(string); ok && len(of) == 1 {
			if value, ok := n[name]; ok {
				return value
			}
		}
		if sub, ok := of["Fn::Sub"].(string); ok {
			for name, value := range n {
				sub = strings.ReplaceAll(sub, "${"+name+"}", value)
			}
			return map[string]any{"Fn::Sub": sub}
		}
		// A pair of strings is the same as one with a dot.
		if pair, ok := of["Fn::GetAtt"].([]any); ok && len(pair) == 2 {
			return fmt.Sprintf("GetAtt %v.%v", pair[0], pair[1])
		}
		if text, ok := of["Fn::GetAtt"].(string); ok {
			return "GetAtt " + text
		}
		out := map[string]any{}
		for name, item := range of {
			// A path is what packaging puts an address in S3 in place of.
			if path, ok := item.(string); ok && (name == "Code" || name == "Content") {
				key := strings.Trim(strings.TrimPrefix(path, "./"), "/")
				item = map[string]any{"S3Bucket": "bucket", "S3Key": key}
			}
			// Alone or in a list, an action or a resource is the same to IAM.
			if item = n.of(item); name == "Action" || name == "Resource" || name == "DependsOn" {
				if list, ok := item.([]any); ok && len(list) == 1 {
					item = list[0]
				}
			}
			// The translator writes {Condition: {Condition: X}} into Fn::And, which CloudFormation does not take.
			if twice, ok := item.(map[string]any); ok && name == "Condition" && len(twice) == 1 && twice[name] != nil {
				item = twice[name]
			}
			if name == "UpdatePolicy" { // CodeDeploy's
				continue
			}
			// An event invoke config without destinations has an empty map of them.
			if empty, ok := item.(map[string]any); ok && len(empty) == 0 && name == "DestinationConfig" {
				continue
			}
			out[name] = item
		}
		return out
	case nil, string, bool, float64:
		return of
	}
	return of
}
