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
	fmt.Fprintf(&t, "# %s.\n", g.title())
	fmt.Fprintf(&t, `terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= %s" # the first with invoked_via_function_url
    }
  }
}
`, firstProvider)
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
	for _, permission := range g.Permissions {
		name := "call_function_url"
		if permission.Action == lambda.ActionInvoke {
			name = "invoke_via_function_url"
		}
		fmt.Fprintf(&t, "\n%s\n", permissionBlock(name, g.Function, permission))
	}
	if g.Inline != nil {
		fmt.Fprintf(&t, "\n%s\n", policyBlock("caller", provider, *g.Inline))
	}
	return t.String()
}

// permissionBlock is a permission as a resource.
func permissionBlock(name string, function lambda.ARN, permission lambda.Permission) string {
	attributes := [][2]string{
		{"statement_id", hcl(permission.StatementID)},
		{"function_name", hcl(function.Name)},
	}
	add := func(name, value string) { attributes = append(attributes, [2]string{name, value}) }
	if function.Qualifier != "" {
		add("qualifier", hcl(function.Qualifier))
	}
	add("action", hcl(permission.Action))
	add("principal", hcl(permission.Principal.String()))
	if permission.SourceARN != "" {
		add("source_arn", hcl(permission.SourceARN))
	}
	if permission.FunctionURLAuthType != "" {
		add("function_url_auth_type", hcl(string(permission.FunctionURLAuthType)))
	}
	if permission.InvokedViaURL != nil {
		add("invoked_via_function_url", fmt.Sprint(*permission.InvokedViaURL))
	}
	return block("aws_lambda_permission", name, attributes)
}

// policyBlock is a policy as a resource: a managed one to attach to the caller, if it has no owner. provider
// is the one to use, if not the default.
func policyBlock(name, provider string, policy InlinePolicy) string {
	var attributes [][2]string
	if provider != "" {
		attributes = append(attributes, [2]string{"provider", provider})
	}
	attributes = append(attributes, [2]string{"name", hcl(policy.Name)})
	kind := "aws_iam_policy"
	switch policy.Owner.Kind {
	case iam.OfRole:
		kind = "aws_iam_role_policy"
		attributes = append(attributes, [2]string{"role", hcl(policy.Owner.Name)})
	case iam.OfUser:
		kind = "aws_iam_user_policy"
		attributes = append(attributes, [2]string{"user", hcl(policy.Owner.Name)})
	}
	document := escapeTemplate(spaceColons(indented(policy.Document, "  ")))
	attributes = append(attributes, [2]string{"policy", "jsonencode(" + document + ")"})
	return block(kind, name, attributes)
}

// block is a resource, with its equals signs below each other as terraform fmt has them.
func block(kind, name string, attributes [][2]string) string {
	width := 0
	for _, attribute := range attributes {
		if !strings.Contains(attribute[1], "\n") { // terraform fmt aligns what stands on one line
			width = max(width, len(attribute[0]))
		}
	}
	var b lines
	b.add("resource %q %q {", kind, name)
	for _, attribute := range attributes {
		if strings.Contains(attribute[1], "\n") {
			b.add("  %s = %s", attribute[0], attribute[1])
			continue
		}
		b.add("  %-*s = %s", width, attribute[0], attribute[1])
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
