// Package snippet writes a grant as code: a whole SAM or CloudFormation template, Terraform configuration or CDK
// program in TypeScript that says what furl grant would do.
//
//	text, err := snippet.Write(snippet.Terraform, plan.Function, plan.Wanted)
//
// The code is for the grant as a whole, whatever of it is there already. For a caller in another account it covers
// both sides. It makes no function and no URL, which belong to whoever has them.
package snippet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
)

// Format is a language to write in.
type Format string

// The formats.
const (
	SAM            Format = "sam"
	CloudFormation Format = "cloudformation"
	Terraform      Format = "terraform"
	CDK            Format = "cdk"
)

// Formats are all formats.
func Formats() []Format { return []Format{SAM, CloudFormation, Terraform, CDK} }

// Write writes the grant in the format. A format that is not one of Formats is an error.
func Write(format Format, function lambda.ARN, wanted setup.Wanted) (string, error) {
	if !slices.Contains(Formats(), format) {
		return "", fmt.Errorf("%q is none of %v", format, Formats())
	}
	g := grant{function: function, wanted: wanted}
	if wanted.Inline != nil && wanted.Inline.Account != function.Account && len(wanted.Permissions) > 0 {
		g.caller = wanted.Inline.Account
	}
	switch format {
	case SAM, CloudFormation:
		return g.template(format)
	case Terraform:
		return g.terraform()
	default:
		return g.cdk()
	}
}

// grant is what is written.
type grant struct {
	function lambda.ARN
	wanted   setup.Wanted
	caller   string // account of the caller, if it has another than the function and both sides are written
}

// title says what the code is, in one line.
func (g grant) title() string {
	if len(g.wanted.Permissions) > 0 {
		return fmt.Sprintf("Lets %s call the URL of %s", principal(g.wanted.Permissions[0]), g.function)
	}
	return fmt.Sprintf("Lets %s call the URL of %s", g.wanted.Inline.Owner, g.function)
}

// identifier are the names of the statements of a grant within the code.
func identifier(permission lambda.Permission) string {
	if permission.Action == lambda.ActionInvoke {
		return "InvokeViaFunctionUrl"
	}
	return "CallFunctionUrl"
}

// principal is the principal as Lambda's permissions take it in all of these languages.
func principal(permission lambda.Permission) string {
	switch p := permission.Principal; {
	case p.Anyone:
		return "*"
	case p.Service != "":
		return p.Service
	case strings.HasSuffix(p.AWS, ":root"):
		return strings.TrimSuffix(strings.TrimPrefix(p.AWS, "arn:aws:iam::"), ":root")
	default:
		return p.AWS
	}
}

// quoted is a JSON string, which is a string of YAML and of TypeScript too.
func quoted(text string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // a string can always be written
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// indented is a JSON text over several lines, all but the first behind the prefix.
func indented(text, prefix string) (string, error) {
	var out strings.Builder
	var value json.RawMessage = []byte(text)
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, "  ")
	if err := encoder.Encode(value); err != nil {
		return "", fmt.Errorf("policy document: %w", err)
	}
	return strings.TrimRight(out.String(), "\n"), nil
}
