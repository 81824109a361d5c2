package template_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
)

const samples = "../../../shared/declarations/"

var options = template.Options{Stack: "demo", Account: "123456789012", Region: "us-east-1"}

// TestSamples loads what CDK, SAM and Serverless wrote, each resource of a type that furl runs.
func TestSamples(t *testing.T) {
	want := map[string][]string{
		"cdk.FurlDemo.template.json":              nil,
		"cdk-oac.template.json":                   {"DOrigin1FunctionUrlOriginAccessControlF45988EC", "DCB28BBFE"},
		"sam-template.translated-1.115.json":      nil,
		"sam-template.yaml":                       nil,
		"sam-build.template.yaml":                 nil,
		"osls-4.3.1.cloudformation-update.json":   serverlessNotRun,
		"serverless-3.cloudformation-update.json": serverlessNotRun,
	}
	for name, notRun := range want {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(samples, name))
			if err != nil {
				if os.Getenv("FURL_STRICT") != "" {
					t.Fatal(err)
				}
				t.Skip("there are no samples of declarations beside the work tree")
			}
			root, err := tree.Parse(name, text)
			if err != nil {
				t.Fatal(err)
			}
			stack, err := template.Load(root, options)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range stack.NotRun {
				got = append(got, n.ID)
			}
			if diff := cmp.Diff(notRun, got); diff != "" {
				t.Errorf("not run (-want +got):\n%s", diff)
			}
			for _, member := range root.Get("Resources").Members {
				isIn := func(r *template.Resource) bool { return r.ID == member.Name || r.Origin == member.Name }
				if !slices.ContainsFunc(stack.Resources, isIn) && !slices.Contains(append(notRun, "CDKMetadata"), member.Name) {
					t.Errorf("%s is not there", member.Name)
				}
			}
			for _, r := range stack.Resources {
				if value, err := stack.Value(r, nil); err != nil || value == nil {
					t.Errorf("%s is %v, %v", r.ID, value, err)
				}
			}
		})
	}
}

var serverlessNotRun = []string{
	"ServerlessDeploymentBucket", "ServerlessDeploymentBucketPolicy", "AppLogGroup", "PublicLogGroup",
}
