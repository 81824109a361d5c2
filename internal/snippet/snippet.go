// Package snippet writes grants down in the forms in which people keep them: as AWS CLI commands, as statements of IAM
// policies, as CloudFormation (which SAM takes as it is) and as Terraform. It writes text and changes nothing.
package snippet

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
)

// Form is a way to write a grant down.
type Form string

// The forms.
const (
	CLI            Form = "cli"
	JSON           Form = "json"
	CloudFormation Form = "cloudformation"
	Terraform      Form = "terraform"
)

// Forms are all forms.
var Forms = []Form{CLI, JSON, CloudFormation, Terraform}

// Grant is something that can be written down.
type Grant interface {
	// As writes the grant in the form.
	As(form Form) string
}

// Permission is a statement of a function's resource-based policy that lets a principal call its URL.
type Permission struct {
	Function  lambda.ARN // with the qualifier of the URL, if it has one
	ID        string     // statement id
	Action    string     // lambda.ActionInvokeURL or lambda.ActionInvoke
	Principal string     // ARN, account id or *
	AuthType  lambda.AuthType
}

var _ Grant = Permission{}

// As writes the permission in the form.
func (p Permission) As(form Form) string {
	switch form {
	case JSON:
		return p.json()
	case CloudFormation:
		return p.cloudFormation()
	case Terraform:
		return p.terraform()
	default:
		return p.cli()
	}
}

func (p Permission) cli() string {
	var command strings.Builder
	fmt.Fprintf(&command, "aws lambda add-permission --function-name %s", p.Function.Name)
	if p.Function.Qualifier != "" {
		fmt.Fprintf(&command, " --qualifier %s", p.Function.Qualifier)
	}
	condition := "--function-url-auth-type " + string(p.AuthType)
	if p.Action == lambda.ActionInvoke {
		condition = "--invoked-via-function-url"
	}
	fmt.Fprintf(&command, " --statement-id %s --action %s --principal %s %s", p.ID, p.Action, shellQuote(p.Principal), condition)
	return command.String()
}

func (p Permission) json() string {
	yes := true
	permission := lambda.Permission{StatementID: p.ID, Action: p.Action}
	switch {
	case p.Principal == "*":
		permission.Principal.Anyone = true
	case lambda.ValidAccount(p.Principal):
		permission.Principal.AWS = "arn:aws:iam::" + p.Principal + ":root"
	default:
		permission.Principal.AWS = p.Principal
	}
	if p.Action == lambda.ActionInvoke {
		permission.InvokedViaURL = &yes
	} else {
		permission.FunctionURLAuthType = p.AuthType
	}
	return string(permission.Statement(p.Function, func(principal string) string { return principal }))
}

func (p Permission) cloudFormation() string {
	condition := "FunctionUrlAuthType: " + string(p.AuthType)
	if p.Action == lambda.ActionInvoke {
		condition = "InvokedViaFunctionUrl: true"
	}
	return fmt.Sprintf(`%s:
  Type: AWS::Lambda::Permission
  Properties:
    FunctionName: %s
    Action: %s
    Principal: %q
    %s`, logicalName(p.ID), p.Function, p.Action, p.Principal, condition)
}

func (p Permission) terraform() string {
	lines := []string{
		fmt.Sprintf("  statement_id = %q", p.ID),
		fmt.Sprintf("  function_name = %q", p.Function.Name),
	}
	if p.Function.Qualifier != "" {
		lines = append(lines, fmt.Sprintf("  qualifier = %q", p.Function.Qualifier))
	}
	lines = append(lines, fmt.Sprintf("  action = %q", p.Action), fmt.Sprintf("  principal = %q", p.Principal))
	if p.Action == lambda.ActionInvoke {
		lines = append(lines, "  invoked_via_function_url = true")
	} else {
		lines = append(lines, fmt.Sprintf("  function_url_auth_type = %q", p.AuthType))
	}
	return fmt.Sprintf("resource \"aws_lambda_permission\" %q {\n%s\n}", strings.ReplaceAll(p.ID, "-", "_"), strings.Join(align(lines), "\n"))
}

// InlinePolicy is an inline policy of a role or user that lets it call a function's URL.
type InlinePolicy struct {
	User     bool   // of a user rather than a role
	Owner    string // name of the role or user
	Name     string // of the policy
	Resource string // ARN of the function
	Actions  []string
}

var _ Grant = InlinePolicy{}

// As writes the policy in the form.
func (p InlinePolicy) As(form Form) string {
	kind, resource := "role", "Role"
	if p.User {
		kind, resource = "user", "User"
	}
	document := p.document()
	switch form {
	case JSON:
		return document
	case CloudFormation:
		return fmt.Sprintf(`%s:
  Type: AWS::IAM::%sPolicy
  Properties:
    %sName: %s
    PolicyName: %s
    PolicyDocument: %s`, logicalName(p.Name), resource, resource, p.Owner, p.Name, document)
	case Terraform:
		lines := align([]string{
			fmt.Sprintf("  name = %q", p.Name), fmt.Sprintf("  %s = %q", kind, p.Owner), "  policy = jsonencode(" + document + ")",
		})
		return fmt.Sprintf("resource \"aws_iam_%s_policy\" %q {\n%s\n}", kind, strings.ReplaceAll(p.Name, "-", "_"), strings.Join(lines, "\n"))
	default:
		return fmt.Sprintf("aws iam put-%s-policy --%s-name %s --policy-name %s --policy-document '%s'", kind, kind, p.Owner, p.Name, document)
	}
}

func (p InlinePolicy) document() string {
	type statement struct {
		Effect   string
		Action   []string
		Resource string
	}
	text, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{{"Allow", p.Actions, p.Resource}}})
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}

// logicalName is a name as CloudFormation takes it: letters and digits.
func logicalName(id string) string {
	var name strings.Builder
	for word := range strings.FieldsFuncSeq(id, func(r rune) bool { return !isAlphanumeric(r) }) {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// align puts the equals signs of assignments below each other, as terraform fmt does.
func align(lines []string) []string {
	widest := 0
	for _, line := range lines {
		widest = max(widest, strings.Index(line, " = "))
	}
	aligned := make([]string, len(lines))
	for i, line := range lines {
		name, value, _ := strings.Cut(line, " = ")
		aligned[i] = fmt.Sprintf("%-*s = %s", widest, name, value)
	}
	return aligned
}

func shellQuote(word string) string {
	if strings.ContainsAny(word, "*?$ ") {
		return "'" + word + "'"
	}
	return word
}
