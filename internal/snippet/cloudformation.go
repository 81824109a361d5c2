package snippet

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
)

// lines builds a text of lines.
type lines struct{ strings.Builder }

// add adds a line.
func (l *lines) add(format string, arguments ...any) { fmt.Fprintf(l, format+"\n", arguments...) }

// text is the text without the end of its last line.
func (l *lines) text() string { return strings.TrimSuffix(l.String(), "\n") }

// template writes a CloudFormation template, or a SAM one, which differs in its transform only. JSON strings are used
// throughout, since YAML reads them as they are.
func (g Grant) template(form Form) string {
	var t lines
	caller := g.caller()
	t.add("# %s.", g.title())
	if caller != "" {
		t.add("# Deploy it in account %s, region %s, and in account %s: each account makes its own part.",
			g.Function.Account, g.Function.Region, caller)
	}
	t.add("AWSTemplateFormatVersion: %s", quoted("2010-09-09"))
	if form == SAM {
		t.add("Transform: AWS::Serverless-2016-10-31")
	}
	t.add("Description: %s", quoted(g.title()))
	whole, isWhole := g.whole()
	if len(g.Permissions) > 0 && !isWhole {
		g.templateParameter(&t, form)
	}
	ownsFunction, ownsCaller := "", ""
	if caller != "" {
		ownsFunction, ownsCaller = "OwnsFunction", "OwnsCaller"
		t.add("Conditions:")
		t.add("  %s: !Equals [!Ref AWS::AccountId, %s]", ownsFunction, quoted(g.Function.Account))
		t.add("  %s: !Equals [!Ref AWS::AccountId, %s]", ownsCaller, quoted(caller))
	}
	t.add("Resources:")
	add := func(text string) { t.add("  %s", strings.ReplaceAll(text, "\n", "\n  ")) }
	if isWhole {
		add(whole.resource(wholeID, ownsFunction))
	} else {
		for _, permission := range g.Permissions {
			add(permissionResource(identifier(permission), ownsFunction, "!Ref FunctionName", permission))
		}
	}
	if g.Inline != nil {
		add(policyResource("CallerPolicy", ownsCaller, *g.Inline))
	}
	return t.String()
}

func (g Grant) templateParameter(t *lines, form Form) {
	what, made := "function", ""
	if alias := g.Function.Qualifier; alias != "" {
		what = "alias"
		if form == SAM { // PublicAliaslive is the alias live of the function Public in what SAM makes of a template
			made = "; with AutoPublishAlias that is the function's logical id and Alias" + strings.Join(strings.FieldsFunc(alias, separates), "")
		}
	}
	t.add("Parameters:")
	t.add("  FunctionName:")
	t.add("    Type: String")
	t.add("    Description: %s", quoted("The "+what+"; in the template that defines it, use !Ref and its logical id instead"+made))
	t.add("    Default: %s", quoted(g.Function.String()))
}

// resource writes a resource, under a condition of the template if one is named.
func resource(id, kind, condition string, members []member) string {
	var r lines
	r.add("%s:", id)
	r.add("  Type: AWS::%s", kind)
	if condition != "" {
		r.add("  Condition: %s", condition)
	}
	r.add("  Properties:")
	for _, m := range members {
		value := m.value
		if m.kind == text {
			value = quoted(value)
		}
		r.add("    %s: %s", m.name, value)
	}
	return r.text()
}

// permissionResource is a permission as a resource. function is its name as YAML.
func permissionResource(id, condition, function string, permission lambda.Permission) string {
	name := member{"FunctionName", function, word}
	return resource(id, "Lambda::Permission", condition, append([]member{name}, members(permission)...))
}

// policyResource is a policy as a resource.
func policyResource(id, condition string, policy InlinePolicy) string {
	kind, members := policy.resource("      ")
	return resource(id, "IAM::"+kind, condition, members)
}

// wholeID is the name of a whole policy within the code for a grant.
const wholeID = "FunctionPolicy"

// resource is the policy as a resource of CloudFormation.
func (p wholePolicy) resource(id, condition string) string {
	return resource(id, "Lambda::ResourcePolicy", condition, []member{
		{"ResourceArn", p.function.String(), word}, {"PolicyDocument", indented(p.document, "      "), raw},
	})
}

// LogicalID is a name as CloudFormation takes it: letters and digits.
func LogicalID(name string) string {
	var id strings.Builder
	for word := range strings.FieldsFuncSeq(name, separates) {
		id.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return id.String()
}

func separates(r rune) bool { return !isAlphanumeric(r) }

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// program writes a CDK program. It uses the constructs that are CloudFormation's resources, since those say what they
// do; addPermission of an imported function does nothing for functions of other stacks unless told more.
func (g Grant) program() string {
	var t lines
	t.add("// %s.", g.title())
	t.add("import * as cdk from 'aws-cdk-lib';")
	if g.Inline != nil {
		t.add("import * as iam from 'aws-cdk-lib/aws-iam';")
	}
	if len(g.Permissions) > 0 {
		t.add("import * as lambda from 'aws-cdk-lib/aws-lambda';")
	}
	t.add("")
	t.add("const app = new cdk.App();")
	stack := func(variable, name, account string) {
		t.add("const %s = new cdk.Stack(app, '%s', {", variable, name)
		t.add("  env: { account: %s, region: %s },", quoted(account), quoted(g.Function.Region))
		t.add("});")
	}
	if len(g.Permissions) > 0 {
		stack("stack", "FunctionUrlGrant", g.Function.Account)
	} else {
		stack("stack", "FunctionUrlGrant", g.Inline.Account)
	}
	owner := "stack"
	if caller := g.caller(); caller != "" {
		owner = "callerStack"
		stack(owner, "FunctionUrlCaller", caller)
	}
	if whole, ok := g.whole(); ok {
		t.add("\n%s", whole.construct("stack", wholeID))
	} else {
		for _, permission := range g.Permissions {
			t.add("\n%s", permissionConstruct("stack", identifier(permission), g.Function, permission))
		}
	}
	if g.Inline != nil {
		t.add("\n%s", policyConstruct(owner, "CallerPolicy", *g.Inline))
	}
	return t.String()
}

// permissionConstruct is a permission as a construct.
func permissionConstruct(stack, id string, function lambda.ARN, permission lambda.Permission) string {
	name := member{"FunctionName", function.String(), text}
	return construct("lambda.CfnPermission", stack, id, append([]member{name}, members(permission)...))
}

// policyConstruct is a policy as a construct.
func policyConstruct(stack, id string, policy InlinePolicy) string {
	kind, members := policy.resource("  ")
	return construct("iam.Cfn"+kind, stack, id, members)
}

// construct is the policy as a construct of the CDK.
func (p wholePolicy) construct(stack, id string) string {
	return construct("lambda.CfnResourcePolicy", stack, id, []member{
		{"ResourceArn", p.function.String(), text}, {"PolicyDocument", indented(p.document, "  "), raw},
	})
}

func construct(class, stack, id string, members []member) string {
	var t lines
	t.add("new %s(%s, '%s', {", class, stack, id)
	for _, m := range members {
		name := strings.ReplaceAll(strings.ToLower(m.name[:1])+m.name[1:], "ID", "Id")
		t.add("  %s: %s,", name, m.code(quoted))
	}
	t.add("});")
	return t.text()
}
