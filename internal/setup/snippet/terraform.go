package snippet

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// firstProvider is the version of the AWS provider that first had invoked_via_function_url
// (hashicorp/terraform-provider-aws#44858).
const firstProvider = "6.29.0"

// terraform writes Terraform configuration.
func (g grant) terraform() (string, error) {
	var t strings.Builder
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
	if g.caller != "" {
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
`, hcl(g.function.Region), hcl(g.function.Account), hcl(g.function.Region), hcl(g.caller))
	}
	for _, permission := range g.wanted.Permissions {
		g.terraformPermission(&t, permission)
	}
	if g.wanted.Inline != nil {
		if err := g.terraformPolicy(&t, *g.wanted.Inline); err != nil {
			return "", err
		}
	}
	return t.String(), nil
}

func (g grant) terraformPermission(t *strings.Builder, permission lambda.Permission) {
	attributes := [][2]string{
		{"statement_id", hcl(permission.StatementID)},
		{"function_name", hcl(g.function.Name)},
	}
	add := func(name, value string) { attributes = append(attributes, [2]string{name, value}) }
	if g.function.Qualifier != "" {
		add("qualifier", hcl(g.function.Qualifier))
	}
	add("action", hcl(permission.Action))
	add("principal", hcl(principal(permission)))
	if permission.SourceARN != "" {
		add("source_arn", hcl(permission.SourceARN))
	}
	if permission.FunctionURLAuthType != "" {
		add("function_url_auth_type", hcl(string(permission.FunctionURLAuthType)))
	}
	if permission.InvokedViaURL != nil {
		add("invoked_via_function_url", fmt.Sprint(*permission.InvokedViaURL))
	}
	name := "call_function_url"
	if permission.Action == lambda.ActionInvoke {
		name = "invoke_via_function_url"
	}
	writeBlock(t, "aws_lambda_permission", name, attributes)
}

func (g grant) terraformPolicy(t *strings.Builder, policy setup.InlinePolicy) error {
	var attributes [][2]string
	if g.caller != "" {
		attributes = append(attributes, [2]string{"provider", "aws.caller"})
	}
	attributes = append(attributes, [2]string{"name", hcl(policy.Name)})
	kind := "aws_iam_policy" // to attach to whoever is to call
	switch policy.Owner.Kind {
	case awsapi.OfRole:
		kind = "aws_iam_role_policy"
		attributes = append(attributes, [2]string{"role", hcl(policy.Owner.Name)})
	case awsapi.OfUser:
		kind = "aws_iam_user_policy"
		attributes = append(attributes, [2]string{"user", hcl(policy.Owner.Name)})
	}
	document, err := indented(policy.Document, "  ")
	if err != nil {
		return err
	}
	attributes = append(attributes, [2]string{"policy", "jsonencode(" + escapeTemplate(spaceColons(document)) + ")"})
	writeBlock(t, kind, "caller", attributes)
	return nil
}

// writeBlock writes a resource, with its equals signs below each other as terraform fmt has them.
func writeBlock(t *strings.Builder, kind, name string, attributes [][2]string) {
	width := 0
	for _, attribute := range attributes {
		if !strings.Contains(attribute[1], "\n") { // terraform fmt aligns what stands on one line
			width = max(width, len(attribute[0]))
		}
	}
	fmt.Fprintf(t, "\nresource %q %q {\n", kind, name)
	for _, attribute := range attributes {
		if strings.Contains(attribute[1], "\n") {
			fmt.Fprintf(t, "  %s = %s\n", attribute[0], attribute[1])
			continue
		}
		fmt.Fprintf(t, "  %-*s = %s\n", width, attribute[0], attribute[1])
	}
	t.WriteString("}\n")
}

var keyOfLine = regexp.MustCompile(`(?m)^(\s*"(?:[^"\\]|\\.)*"): `)

// spaceColons puts the spaces around the colons of an indented JSON object that terraform fmt wants.
func spaceColons(json string) string { return keyOfLine.ReplaceAllString(json, "$1 : ") }

// hcl is a string of Terraform's language.
func hcl(text string) string { return escapeTemplate(quoted(text)) }

// escapeTemplate keeps Terraform from taking parts of JSON strings for expressions.
func escapeTemplate(json string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(json)
}
