// Package snippet writes grants down in the forms in which people keep them. It writes text and changes nothing.
//
// A part of a grant, such as a Permission or an InlinePolicy, is by itself a command of the AWS CLI, IAM JSON, a
// CloudFormation resource (which SAM takes as it is), a Terraform one, or a construct of the CDK in TypeScript. A File
// has the parts of any number of grants: a fragment to append to a file, or a whole SAM or CloudFormation template,
// Terraform configuration, CDK program in TypeScript, or shell script. It makes no function and no URL.
package snippet

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
)

// Form is a way to write a grant down.
type Form string

// The forms.
const (
	CLI            Form = "cli"
	JSON           Form = "json"
	SAM            Form = "sam"
	CloudFormation Form = "cloudformation"
	Terraform      Form = "terraform"
	CDK            Form = "cdk"
)

// Forms are all forms.
func Forms() []Form { return []Form{CLI, JSON, SAM, CloudFormation, Terraform, CDK} }

// FormNames is a list of them in words.
func FormNames() string {
	var names []string
	for _, form := range Forms() {
		names = append(names, string(form))
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// Part is one half of a grant, which can be written down by itself.
type Part interface {
	// As writes the part in one of Forms.
	As(form Form) string

	key() string     // what tells it from all other parts
	words() []string // of its name
	place() place
	command() string // of the AWS CLI
	json() string
	resource(id, condition string) string       // of CloudFormation
	construct(stack, id string) string          // of the CDK
	block(name, provider, region string) string // of Terraform
}

// as writes a part by itself. A command without a region is for the one of the environment, where furl env puts it.
func as(part Part, form Form) string {
	switch form {
	case JSON:
		return part.json()
	case CloudFormation, SAM:
		return part.resource(logicalID(part), "")
	case CDK:
		return part.construct("this", logicalID(part))
	case Terraform:
		return part.block(resourceName(part), "", "")
	default:
		return part.command()
	}
}

// Permission is a statement of a function's resource-based policy.
type Permission struct {
	Function lambda.ARN // with the alias of the URL, if it has one
	lambda.Permission
}

var _ Part = Permission{}

// As writes the permission in the form.
func (p Permission) As(form Form) string {
	if form == CLI {
		p.Function.Region = ""
	}
	return as(p, form)
}

func (p Permission) json() string {
	return string(p.Statement(p.Function, func(principal string) string { return principal }))
}

// InlinePolicy is a policy that lets its owner call a function's URL.
type InlinePolicy struct {
	Account  string
	Owner    iam.Owner // a role or user; without a name: anybody of the account
	Name     string
	Document string // IAM JSON
}

var _ Part = InlinePolicy{}

// As writes the policy in the form.
func (p InlinePolicy) As(form Form) string { return as(p, form) }

func (p InlinePolicy) json() string { return p.Document }

// kind says how the value of a member is written.
type kind int

const (
	text kind = iota // in quotes
	word             // in quotes, but for YAML
	raw              // as it is: a boolean, or text in the language that it is for
)

// member is one member of a resource, by the name that AWS gives it. Other forms write the same name in other cases.
type member struct {
	name, value string
	kind        kind
}

// code is the value in a language whose words are in quotes.
func (m member) code(quote func(string) string) string {
	if m.kind == raw {
		return m.value
	}
	return quote(m.value)
}

// members are what a permission says beside its function and its id.
func members(permission lambda.Permission) []member {
	all := []member{
		{"Action", permission.Action, word},
		{"Principal", permission.Principal.String(), text},
		{"SourceArn", permission.SourceARN, text},
		{"SourceAccount", permission.SourceAccount, text},
		{"EventSourceToken", permission.EventSourceToken, text},
		{"PrincipalOrgID", permission.PrincipalOrgID, text},
		{"FunctionUrlAuthType", string(permission.FunctionURLAuthType), word},
	}
	if via := permission.InvokedViaURL; via != nil {
		all = append(all, member{"InvokedViaFunctionUrl", strconv.FormatBool(*via), raw})
	}
	return slices.DeleteFunc(all, func(m member) bool { return m.value == "" })
}

// members are the kind of the policy's resource, and what it has: a managed policy to attach to the caller, if it has
// no owner. The lines of the document stand behind the prefix.
func (p InlinePolicy) members(prefix string) (kind string, members []member) {
	switch p.Owner.Kind {
	case iam.OfRole:
		kind, members = "RolePolicy", []member{{"RoleName", p.Owner.Name, text}, {"PolicyName", p.Name, text}}
	case iam.OfUser:
		kind, members = "UserPolicy", []member{{"UserName", p.Owner.Name, text}, {"PolicyName", p.Name, text}}
	default:
		kind, members = "ManagedPolicy", []member{{"ManagedPolicyName", p.Name, text}}
	}
	return kind, append(members, member{"PolicyDocument", indented(p.Document, prefix), raw})
}

// capital is the beginning of a word within a name such as FunctionUrlAuthType.
var capital = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`([a-z])([A-Z])`) })

// delimited is a name in lower case, with the delimiter between its words.
func delimited(name, delimiter string) string {
	return strings.ToLower(capital().ReplaceAllString(name, "${1}"+delimiter+"${2}"))
}

// StatementName is a name in the characters that the id of a statement may have.
func StatementName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || isAlphanumeric(r) {
			return r
		}
		return '-'
	}, name)
}

// CallDocument is the identity-based policy that lets its owner call the function's URL and nothing else.
func CallDocument(function lambda.ARN) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[`+
		`{"Sid":"CallFunctionUrl","Effect":"Allow","Action":%q,"Resource":%q,`+
		`"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":%q}}},`+
		`{"Sid":"InvokeViaFunctionUrl","Effect":"Allow","Action":%q,"Resource":%[2]q,`+
		`"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}]}`,
		lambda.ActionInvokeURL, function, lambda.AuthIAM, lambda.ActionInvoke)
}

// Grant is everything that lets somebody call a function's URL, or what is missing of it.
type Grant struct {
	Function    lambda.ARN          // with the alias
	Permissions []lambda.Permission // of the function's resource-based policy; none if the caller's own policy is enough
	Policy      string              // the whole policy with them, to be written in their place; "" to write each by itself
	Inline      *InlinePolicy       // nil if the resource-based policy is enough
}

// Wholes are the forms of a File that declare resources.
func Wholes() []Form { return []Form{SAM, CloudFormation, Terraform, CDK} }

// Parts are those of the grant.
func (g Grant) Parts() (parts []Part) {
	if g.Policy != "" && len(g.Permissions) > 0 {
		parts = append(parts, WholePolicy{g.Function, g.Policy})
	} else {
		for _, permission := range g.Permissions {
			parts = append(parts, Permission{g.Function, permission})
		}
	}
	if g.Inline != nil {
		parts = append(parts, *g.Inline)
	}
	return parts
}

// Title says what the grant is for, in one line.
func (g Grant) Title() string {
	if len(g.Permissions) > 0 {
		return fmt.Sprintf("Lets %s call the URL of %s", g.Permissions[0].Principal, g.Function)
	}
	if g.Inline != nil && g.Inline.Owner.Name != "" {
		return fmt.Sprintf("Lets %s call the URL of %s", g.Inline.Owner, g.Function)
	}
	return fmt.Sprintf("Lets callers call the URL of %s", g.Function)
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

// indented is a policy document over several lines, all but the first behind the prefix.
func indented(document, prefix string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, "  ")
	if err := encoder.Encode(json.RawMessage(document)); err != nil {
		panic(fmt.Errorf("policy document %s: %w", document, err)) // furl wrote it itself
	}
	return strings.TrimRight(out.String(), "\n")
}
