package snippet_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.yaml.in/yaml/v3"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/usertest"
)

// awkward are functions and callers whose names are the same once they are in the characters of some form, or that some
// form does not take as they are.
func awkward() (grants []snippet.Grant) {
	for i, name := range []string{"a-b", "a_b", "aB", "AB", "a", "1st", "__", strings.Repeat("long", 16)} {
		for _, alias := range []string{"", "b", "b-c"} {
			for _, role := range []string{"b", "b-c", "b.c", strings.Repeat("role", 16)} {
				if i < 2 || role == "b" {
					grants = append(grants, grantIn("eu-central-1", name, alias, role))
				}
			}
			grants = append(grants, grantIn("us-east-1", name, alias, "b"))
		}
	}
	return append(grants, grantIn("eu-central-1", "a", strings.Repeat("prod", 32), "b"))
}

// alike are some of them.
func alike() []snippet.Grant {
	return []snippet.Grant{
		grantIn("eu-central-1", "a-b", "", "c"), grantIn("eu-central-1", "a_b", "", "c"),
		grantIn("us-east-1", "a-b", "", "c"), grantIn("eu-central-1", "a", "b", "c"),
	}
}

func grantIn(region, name, alias, role string) snippet.Grant {
	function := lambda.ARN{Region: region, Account: "123456789012", Name: name, Qualifier: alias}
	principal := lambda.PermissionPrincipal{AWS: "arn:aws:iam::123456789012:role/" + role}
	return snippet.Grant{
		Function: function, Permissions: permissions(principal, lambda.AuthIAM, ""),
		Inline: &snippet.InlinePolicy{
			Account: "123456789012", Owner: iam.Owner{Kind: iam.OfRole, Name: role},
			Name: "call-" + name + "." + alias + "." + region, Document: snippet.CallDocument(function),
		},
	}
}

// fragments are the texts for grants, each by itself, one behind the other.
func fragments(t *testing.T, form snippet.Form, grants []snippet.Grant) string {
	t.Helper()
	var all strings.Builder
	for _, grant := range grants {
		file := snippet.File{Form: form}
		file.Add(grant.Title(), grant.Parts()...)
		text, err := file.Text()
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(text)
	}
	return all.String()
}

// unique fails for names that are there twice, and for another number than there shall be.
func unique(t *testing.T, names []string, want int) {
	t.Helper()
	if len(names) != want {
		t.Errorf("%d names, want %d", len(names), want)
	}
	slices.Sort(names)
	if compact := slices.Compact(slices.Clone(names)); len(compact) != len(names) {
		t.Errorf("%d of %d names are there twice", len(names)-len(compact), len(names))
	}
}

func TestFragmentsOfTerraformStandTogether(t *testing.T) {
	grants := awkward()
	file, diagnostics := hclparse.NewParser().ParseHCL([]byte(fragments(t, snippet.Terraform, grants)), "main.tf")
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	var names []string
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		if block.Type != "resource" || !hclsyntax.ValidIdentifier(block.Labels[1]) {
			t.Errorf("block %s %q", block.Type, block.Labels)
		}
		names = append(names, strings.Join(block.Labels, "."))
	}
	unique(t, names, 3*len(grants))
}

func TestFragmentsOfCloudFormationStandTogether(t *testing.T) {
	grants := awkward()
	// YAML refuses an object with one name twice.
	for _, form := range []snippet.Form{snippet.CloudFormation, snippet.SAM} {
		var template struct {
			Resources map[string]struct {
				Type       string         `yaml:"Type"`
				Properties map[string]any `yaml:"Properties"`
			} `yaml:"Resources"`
		}
		text := "Resources:\n" + fragments(t, form, grants)
		if err := yaml.Unmarshal([]byte(text), &template); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for id := range template.Resources {
			if !regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`).MatchString(id) { // CloudFormation User Guide, "Resources"
				t.Errorf("logical id %s", id)
			}
			ids = append(ids, id)
		}
		unique(t, ids, 3*len(grants))
	}
}

func TestFragmentsOfTheCDKStandTogether(t *testing.T) {
	grants := awkward()
	text := fragments(t, snippet.CDK, grants)
	var ids []string
	for _, found := range regexp.MustCompile(`(?m)^new [a-z]+\.\w+\(this, '(\w+)', \{$`).FindAllStringSubmatch(text, -1) {
		ids = append(ids, found[1])
	}
	unique(t, ids, 3*len(grants))
	if strings.Contains(text, "import") {
		t.Error("a fragment imports something")
	}
	check := exec.Command(usertest.Program(t, "node"), "--check", "--input-type=module", "-")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestFragmentsOfCommandsStandTogether(t *testing.T) {
	text := fragments(t, snippet.CLI, awkward())
	check := exec.Command(usertest.Program(t, "bash"), "-n")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	commands := slices.Collect(strings.Lines(text))
	commands = slices.DeleteFunc(commands, func(line string) bool { return strings.HasPrefix(line, "#") })
	slices.Sort(commands)
	unique(t, commands, 3*len(awkward()))
}

// One file for all has what a file has once, and is the same each time.
func TestFileOfManyGrants(t *testing.T) {
	for form, once := range map[snippet.Form][]string{
		snippet.Terraform:      {"terraform {", "required_providers {"},
		snippet.CloudFormation: {"AWSTemplateFormatVersion:", "\nResources:"},
		snippet.SAM:            {"AWSTemplateFormatVersion:", "Transform: AWS::Serverless-2016-10-31", "\nResources:"},
		snippet.CDK:            {"import * as cdk ", "import * as iam ", "import * as lambda ", "new cdk.App()"},
		snippet.CLI:            {"#!/bin/sh"},
	} {
		write := func() string {
			file := snippet.File{Form: form, Head: true}
			for _, grant := range awkward() {
				file.Add(grant.Title(), grant.Parts()...)
				file.Add(grant.Title(), grant.Parts()...) // what is there already is left out
			}
			text, err := file.Text()
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		text := write()
		for _, part := range once {
			if n := strings.Count(text, part); n != 1 {
				t.Errorf("%s: %d times %q", form, n, part)
			}
		}
		if diff := cmp.Diff(text, write()); diff != "" {
			t.Errorf("%s: another text the second time: %s", form, diff)
		}
		switch form {
		case snippet.Terraform:
			_, diagnostics := hclparse.NewParser().ParseHCL([]byte(text), "main.tf")
			if diagnostics.HasErrors() {
				t.Error(diagnostics)
			}
		case snippet.SAM, snippet.CloudFormation:
			if err := yaml.Unmarshal([]byte(text), &map[string]any{}); err != nil {
				t.Error(err)
			}
		}
	}
}

// A fragment for one account has what another account has to do as a comment, also where that is several lines.
func TestFragmentForTwoAccounts(t *testing.T) {
	grant := snippet.Grant{
		Function:    books,
		Permissions: permissions(lambda.PermissionPrincipal{AWS: "arn:aws:iam::210987654321:role/far"}, lambda.AuthIAM, ""),
		Inline:      inline("210987654321", iam.Owner{Kind: iam.OfRole, Name: "far"}),
	}
	grant.Inline.Document = "{\n}"
	for form, comment := range map[snippet.Form]string{
		snippet.Terraform: "# ", snippet.CloudFormation: "  # ", snippet.SAM: "  # ", snippet.CDK: "// ",
	} {
		want := fmt.Sprintf("%sIn account 210987654321: aws iam put-role-policy --role-name far --policy-name %s "+
			"--policy-document '{\n%[1]s}'\n", comment, grant.Inline.Name)
		if text := fragments(t, form, []snippet.Grant{grant}); !strings.Contains(text, want) {
			t.Errorf("%s: %q is not in\n%s", form, want, text)
		}
	}
}

// The policies of one function for two callers are one policy.
func TestWholePoliciesBecomeOne(t *testing.T) {
	statement := func(sid string) string {
		return `{"Sid":"` + sid + `","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"x"}`
	}
	const there = `{"Version":"2012-10-17","Id":"default","Statement":[`
	file := snippet.File{Form: snippet.Terraform}
	file.Add("one", snippet.WholePolicy{Function: books, Document: there + statement("there") + "," + statement("one") + "]}"})
	file.Add("two", snippet.WholePolicy{Function: books, Document: there + statement("there") + ",\n" + statement("two") + "]}"})
	text, err := file.Text()
	if err != nil {
		t.Fatal(err)
	}
	parsed, diagnostics := hclsyntax.ParseConfig([]byte(text), "main.tf", hcl.InitialPos)
	if diagnostics.HasErrors() || len(parsed.Body.(*hclsyntax.Body).Blocks) != 1 {
		t.Errorf("%v, %s", diagnostics, text)
	}
	for _, sid := range []string{"there", "one", "two"} {
		if n := strings.Count(text, `"Sid" : "`+sid+`"`); n != 1 {
			t.Errorf("%d times %s: %s", n, sid, text)
		}
	}
}
