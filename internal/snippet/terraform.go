package snippet

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/iam"
)

// firstProvider is the version of the AWS provider that first had invoked_via_function_url
// (hashicorp/terraform-provider-aws#44858).
const firstProvider = "6.29.0"

// configuration writes Terraform configuration; a fragment is resources.
func (f *File) configuration(t *lines, places []place) {
	accounts := f.Accounts()
	if f.Head {
		f.providers(t, places, accounts)
	}
	f.each(t, places, "#", func(part Part, _ int) {
		provider := ""
		if at := part.place(); at.account != accounts[0] {
			provider = "aws." + providerName(at.account)
		}
		// The region of each resource, which providers have since version 6, lets fragments of several stand together
		// (babbel/terraform-aws-lambda-with-inline-code#42).
		t.add("%s\n", part.block(resourceName(part), provider, part.place().region))
	})
	if text := strings.TrimRight(t.String(), "\n"); text != "" {
		t.Reset()
		t.add("%s", text)
	}
}

// providers writes what a configuration has once.
func (f *File) providers(t *lines, places []place, accounts []string) {
	first := "the first with invoked_via_function_url"
	for part := range f.parts {
		if _, isWhole := part.(WholePolicy); isWhole { // hashicorp/terraform-provider-aws#49866, of September 2026
			first = "and one that has aws_lambda_resource_policy, of September 2026 or later"
		}
	}
	t.add(`terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= %s" # %s
    }
  }
}
`, firstProvider, first)
	if len(accounts) == 1 {
		return
	}
	t.add("# Give each of the providers credentials of its account.")
	for i, account := range accounts {
		alias := []member{{"region", places[0].region, text}, {"allowed_account_ids", "[" + hcl(account) + "]", raw}}
		if i > 0 {
			alias = append([]member{{"alias", providerName(account), text}}, alias...)
		}
		t.add("provider \"aws\" %s\n", body(alias))
	}
}

// providerName is the alias of the provider for an account that is not the first.
func providerName(account string) string { return "account_" + account }

func (p Permission) block(name, provider, region string) string {
	attributes := []member{
		{"provider", provider, raw},
		{"region", region, text},
		{"statement_id", p.StatementID, text},
		{"function_name", p.Function.Name, text},
		{"qualifier", p.Function.Qualifier, text},
	}
	return block("aws_lambda_permission", name, append(attributes, members(p.Permission)...))
}

// block is a managed policy to attach to the caller, if the policy has no owner.
func (p InlinePolicy) block(name, provider, _ string) string {
	kind, attributes := "aws_iam_policy", []member{{"provider", provider, raw}, {"name", p.Name, text}}
	switch p.Owner.Kind {
	case iam.OfRole, iam.OfUser:
		kind = "aws_iam_" + string(p.Owner.Kind) + "_policy"
		attributes = append(attributes, member{string(p.Owner.Kind), p.Owner.Name, text})
	}
	document := escapeTemplate(spaceColons(indented(p.Document, "  ")))
	return block(kind, name, append(attributes, member{"policy", "jsonencode(" + document + ")", raw}))
}

// block is a resource of the provider's (hashicorp/terraform-provider-aws#49866).
func (p WholePolicy) block(name, provider, region string) string {
	document := escapeTemplate(spaceColons(indented(p.Document, "  ")))
	return block("aws_lambda_resource_policy", name, []member{
		{"provider", provider, raw}, {"region", region, text},
		{"resource_arn", p.Function.String(), text}, {"policy", "jsonencode(" + document + ")", raw},
	})
}

// block is a resource.
func block(kind, name string, members []member) string {
	return fmt.Sprintf("resource %q %q %s", kind, name, body(members))
}

// body is the members that are not empty, their equals signs below each other as terraform fmt has them.
func body(members []member) string {
	width := 0
	for _, m := range members {
		if m.value != "" && !strings.Contains(m.value, "\n") { // terraform fmt aligns what stands on one line
			width = max(width, len(delimited(m.name, "_")))
		}
	}
	var b lines
	b.add("{")
	for _, m := range members {
		switch {
		case m.value == "":
		case strings.Contains(m.value, "\n"):
			b.add("  %s = %s", m.name, m.code(hcl))
		default:
			b.add("  %-*s = %s", width, delimited(m.name, "_"), m.code(hcl))
		}
	}
	b.add("}")
	return b.text()
}

var keyOfLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(\s*"(?:[^"\\]|\\.)*"): `)
})

// spaceColons puts the spaces around the colons of an indented JSON object that terraform fmt wants.
func spaceColons(json string) string { return keyOfLine().ReplaceAllString(json, "$1 : ") }

// underscored is a name as Terraform's resources commonly have it.
func underscored(name string) string { return strings.ReplaceAll(name, "-", "_") }

// hcl is a string of Terraform's language.
func hcl(text string) string { return escapeTemplate(quoted(text)) }

// escapeTemplate keeps Terraform from taking parts of JSON strings for expressions.
func escapeTemplate(json string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(json)
}
