//go:build unix

package interop_test

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

	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
)

// schema is what CloudFormation's registry says of a type.
type schema struct {
	Properties         map[string]any
	Required           []string
	ReadOnlyProperties []string
}

// TestResourceSchemas holds the properties and the attributes of the types that furl runs to CloudFormation's registry,
// which comes with cfn-lint: furl knows each of them, and no other.
func TestResourceSchemas(t *testing.T) {
	need(t, "python")
	found, err := filepath.Glob(installed(t, "python", "lib", "python*", "site-packages", "cfnlint", "data", "schemas"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the schemas of cfn-lint are in %q, %v", found, err)
	}
	read := func(into any, name ...string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(found[0], filepath.Join(name...)))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	var files map[string]string
	read(&files, "providers", "us-east-1.json")
	count := 0
	for _, kind := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(kind, "AWS::Lambda::") && !strings.HasPrefix(kind, "AWS::IAM::") {
			continue
		}
		var theirs schema
		read(&theirs, "resources", files[kind]+".json")
		properties, required, attributes, isRun := asked(t, kind)
		if !isRun {
			continue
		}
		count++
		t.Run(kind, func(t *testing.T) {
			var own, given []string
			for _, path := range theirs.ReadOnlyProperties {
				given = append(given, strings.ReplaceAll(strings.TrimPrefix(path, "/properties/"), "/", "."))
			}
			for name := range theirs.Properties {
				if !slices.Contains(given, name) {
					own = append(own, name)
				}
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(own)), properties); diff != "" {
				t.Errorf("properties (-registry +furl):\n%s", diff)
			}
			for _, name := range theirs.Required {
				if !slices.Contains(required, name) {
					t.Errorf("furl does not ask for %s, which must be there", name)
				}
			}
			// The whole of SnapStartResponse is a map, which nothing takes.
			given = slices.DeleteFunc(given, func(name string) bool { return name == "SnapStartResponse" })
			if diff := cmp.Diff(slices.Sorted(slices.Values(given)), attributes); diff != "" {
				t.Errorf("attributes (-registry +furl):\n%s", diff)
			}
		})
	}
	if count < 18 {
		t.Errorf("furl runs %d of the types", count)
	}
}

// asked are the names that furl's errors give for a resource of a type with nothing that it must have.
func asked(t *testing.T, kind string) (properties, required, attributes []string, isRun bool) {
	t.Helper()
	const wrong = "Qqqqqqqq"
	text := fmt.Sprintf("Resources: {X: {Type: '%s', Properties: {%s: 1}}}\n"+
		"Outputs: {O: {Value: !GetAtt X.%[2]s}}\n", kind, wrong)
	root, err := tree.Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = template.Load(root, template.Options{Stack: "demo", Account: "123456789012", Region: "us-east-1"})
	if err == nil {
		return nil, nil, nil, false
	}
	namesIn := func(text string) []string {
		_, list, _ := strings.Cut(text, ", expected ")
		names := strings.Split(strings.ReplaceAll(list, " or ", ", "), ", ")
		return slices.Sorted(slices.Values(slices.DeleteFunc(names, func(name string) bool { return name == "" })))
	}
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(line)
		_, what, _ := strings.Cut(line, ": ")
		switch {
		case strings.HasPrefix(what, "X has no property"):
			properties = namesIn(what)
		case strings.Contains(what, "has no attribute"):
			attributes = namesIn(what)
		case strings.HasSuffix(what, ", expected one"):
			name, _, _ := strings.Cut(strings.TrimPrefix(what, "X has no "), ",")
			required = append(required, name)
		}
	}
	return properties, required, attributes, len(properties)+len(attributes) > 0
}
