package learn_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.yaml.in/yaml/v3"

	"github.com/furl-dev/furl/internal/learn"
	"github.com/furl-dev/furl/internal/snippet"
)

// TestForms: what was called by callers whose names are alike, of functions whose names are alike, is one text in each
// form, with names that are there once.
func TestForms(t *testing.T) {
	seen := learn.Seen{}
	for _, function := range []string{web, shop, web + "-b", web + "_b", web + ":live"} {
		for _, caller := range []learn.Caller{
			user(own, "a.b"), user(own, "a-b"), asRole(own, "a-b"), user(other, "a.b"), user(other, "a-b"), asRole(other, "a-b"), root(other),
		} {
			seen.Calls = append(seen.Calls, url(caller, function, "AWS_IAM")...)
		}
		seen.Calls = append(seen.Calls, url(learn.Caller{Kind: learn.Everyone}, function, "NONE")...)
	}
	const identities, permissions = 6, 5 * 2 * 5 // a policy for each user and role; two for each caller from elsewhere and everyone
	learned, err := learn.Learn(seen, learn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write := func(form snippet.Form) string {
		text, err := learned.File(form, form != snippet.CLI)
		if err != nil {
			t.Fatal(err)
		}
		again, err := learned.File(form, form != snippet.CLI)
		if err != nil || again != text {
			t.Errorf("%s: %v, or another text", form, err)
		}
		return text
	}
	names := map[string]bool{}

	file, diagnostics := hclparse.NewParser().ParseHCL([]byte(write(snippet.Terraform)), "main.tf")
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		if block.Type == "resource" {
			names[strings.Join(block.Labels, ".")] = true
		}
	}
	if len(names) != identities+permissions {
		t.Errorf("terraform: %d resources", len(names))
	}
	for _, form := range []snippet.Form{snippet.SAM, snippet.CloudFormation} {
		var template struct {
			Resources map[string]struct{ Type string } `yaml:"Resources"`
		}
		if err := yaml.Unmarshal([]byte(write(form)), &template); err != nil || len(template.Resources) != identities+permissions {
			t.Errorf("%s: %v, %d resources", form, err, len(template.Resources))
		}
	}
	clear(names)
	for _, id := range regexp.MustCompile(`(?m)^new \S+\(stack\d*, '(\w+)'`).FindAllStringSubmatch(write(snippet.CDK), -1) {
		names[id[1]] = true
	}
	if len(names) != identities+permissions {
		t.Errorf("cdk: %d constructs", len(names))
	}
	commands := write(snippet.CLI)
	if n := len(regexp.MustCompile(`(?m)^aws `).FindAllString(commands, -1)); n != identities+permissions {
		t.Errorf("cli: %d commands", n)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-n")
	shell.Stdin = strings.NewReader(commands)
	if out, err := shell.CombinedOutput(); err != nil {
		t.Error(fmt.Errorf("%w: %s", err, out))
	}
	if learned.Accounts() != 2 {
		t.Errorf("%d accounts", learned.Accounts())
	}
}
