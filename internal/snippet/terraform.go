package snippet

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
)

// firstProvider is the version of the AWS provider that first had invoked_via_function_url
// (hashicorp/terraform-provider-aws#44858).
const firstProvider = "6.29.0"

// configuration writes Terraform configuration.
func (g Grant) configuration() string {
	var t strings.Builder
	caller, provider := g.caller(), ""
	first := "the first with invoked_via_function_url"
	whole, isWhole := g.whole()
	if isWhole { // hashicorp/terraform-provider-aws#49866, of September 2026
		first = "and one that has aws_lambda_resource_policy, of September 2026 or later"
	}
	fmt.Fprintf(&t, "# %s.\n", g.title())
	fmt.Fprintf(&t, `terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= %s" # %s
    }
  }
}
`, firstProvider, first)
	if caller != "" {
		provider = "aws.caller"
		fmt.Fprintf(&t, `
# Give each of the two providers credentials of its account.
provider "aws" {
  region              = %s
  allowed_account_ids = [%s]
}

provider "aws" {
  alias               = "caller"
  region              = %s
  allowed_account_ids = [%s]
}
`, hcl(g.Function.Region), hcl(g.Function.Account), hcl(g.Function.Region), hcl(caller))
	}
	if isWhole {
		fmt.Fprintf(&t, "\n%s\n", whole.block("function_policy"))
	} else {
		for _, permission := range g.Permissions {
			name := "call_function_url"
			if permission.Action == lambda.ActionInvoke {
				name = "invoke_via_function_url"
			}
			fmt.Fprintf(&t, "\n%s\n", permissionBlock(name, g.Function, permission))
		}
	}
	if g.Inline != nil {
		fmt.Fprintf(&t, "\n%s\n", policyBlock("caller", provider, *g.Inline))
	}
	return t.String()
}

// permissionBlock is a permission as a resource.
func permissionBlock(name string, function lambda.ARN, permission lambda.Permission) string {
	attributes := []member{
		{"statement_id", permission.StatementID, text},
		{"function_name", function.Name, text},
		{"qualifier", function.Qualifier, text},
	}
	return block("aws_lambda_permission", name, append(attributes, members(permission)...))
}

// policyBlock is a policy as a resource: a managed one to attach to the caller, if it has no owner. provider
// is the one to use, if not the default.
func policyBlock(name, provider string, policy InlinePolicy) string {
	kind, attributes := "aws_iam_policy", []member{{"provider", provider, raw}, {"name", policy.Name, text}}
	switch owner := policy.Owner; owner.Kind {
	case iam.OfRole, iam.OfUser:
		kind = "aws_iam_" + string(owner.Kind) + "_policy"
		attributes = append(attributes, member{string(owner.Kind), owner.Name, text})
	}
	document := escapeTemplate(spaceColons(indented(policy.Document, "  ")))
	return block(kind, name, append(attributes, member{"policy", "jsonencode(" + document + ")", raw}))
}

// block is the policy as a resource of Terraform (hashicorp/terraform-provider-aws#49866).
func (p wholePolicy) block(name string) string {
	document := escapeTemplate(spaceColons(indented(p.document, "  ")))
	return block("aws_lambda_resource_policy", name, []member{
		{"resource_arn", p.function.String(), text}, {"policy", "jsonencode(" + document + ")", raw},
	})
}

// block is a resource with the members that are not empty, its equals signs below each other as terraform fmt has them.
func block(kind, name string, members []member) string {
	width := 0
	for _, m := range members {
		if m.value != "" && !strings.Contains(m.value, "\n") { // terraform fmt aligns what stands on one line
			width = max(width, len(delimited(m.name, "_")))
		}
	}
	var b lines
	b.add("resource %q %q {", kind, name)
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
