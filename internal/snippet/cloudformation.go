package snippet

import (
	"fmt"
	"slices"
	"strings"
)

// lines builds a text of lines.
type lines struct{ strings.Builder }

// add adds a line.
func (l *lines) add(format string, arguments ...any) { fmt.Fprintf(l, format+"\n", arguments...) }

// text is the text without the end of its last line.
func (l *lines) text() string { return strings.TrimSuffix(l.String(), "\n") }

// template writes a CloudFormation template, or a SAM one, which differs in its transform only; a fragment is members of
// Resources. JSON strings are used throughout, since YAML reads them as they are.
func (f *File) template(t *lines, places []place) {
	indent := func(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
	if f.Head {
		for _, at := range places[min(1, len(places)):] {
			t.add("# Deploy it in %s, too: each place makes its own part.", at)
		}
		t.add("AWSTemplateFormatVersion: %s", quoted("2010-09-09"))
		if f.Form == SAM {
			t.add("Transform: AWS::Serverless-2016-10-31")
		}
		if len(f.groups) == 1 {
			t.add("Description: %s", quoted(f.groups[0].title))
		}
		if len(places) > 1 {
			t.add("Conditions:")
			for _, at := range places {
				t.add("  %s: !Equals [!Sub %s, %s]", at.condition(), quoted("${AWS::AccountId} ${AWS::Region}"),
					quoted(at.account+" "+at.region))
			}
		}
		t.add("Resources:")
	}
	f.each(t, places, "  #", func(part Part, at int) {
		condition := ""
		if f.Head && len(places) > 1 {
			condition = places[at].condition()
		}
		t.add("%s", indent(part.resource(logicalID(part), condition)))
	})
}

// condition is the name of the condition that a template is deployed in the place.
func (p place) condition() string { return "In" + p.account + LogicalID(p.region) }

// aboutName says what the name of a permission's function may be in the template that makes the function; "" where
// there is nothing to say.
func (f *File) aboutName(part Part) string {
	permission, ok := part.(Permission)
	if !ok || f.Form != SAM && f.Form != CloudFormation {
		return ""
	}
	what, made := "function", ""
	if alias := permission.Function.Qualifier; alias != "" {
		what = "alias"
		if f.Form == SAM { // PublicAliaslive is the alias live of the function Public in what SAM makes of a template
			made = ": with AutoPublishAlias, the function's logical id and Alias" +
				strings.Join(strings.FieldsFunc(alias, separates), "")
		}
	}
	return "In the template that makes the " + what + ", FunctionName is !Ref and the logical id" + made + "."
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

func (p Permission) resource(id, condition string) string {
	name := member{"FunctionName", p.Function.String(), word}
	return resource(id, "Lambda::Permission", condition, append([]member{name}, members(p.Permission)...))
}

func (p InlinePolicy) resource(id, condition string) string {
	kind, members := p.members("      ")
	return resource(id, "IAM::"+kind, condition, members)
}

func (p WholePolicy) resource(id, condition string) string {
	return resource(id, "Lambda::ResourcePolicy", condition, []member{
		{"ResourceArn", p.Function.String(), word}, {"PolicyDocument", indented(p.Document, "      "), raw},
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

// program writes a CDK program; a fragment is what stands in the constructor of a stack. It uses the constructs that are
// CloudFormation's resources, since those say what they do; addPermission of an imported function does nothing for
// functions of other stacks unless told more.
func (f *File) program(t *lines, places []place) {
	if f.Head {
		uses := func(is func(Part) bool) bool { return slices.ContainsFunc(slices.Collect(f.parts), is) }
		t.add("import * as cdk from 'aws-cdk-lib';")
		if uses(func(part Part) bool { _, ok := part.(InlinePolicy); return ok }) {
			t.add("import * as iam from 'aws-cdk-lib/aws-iam';")
		}
		if uses(func(part Part) bool { _, ok := part.(InlinePolicy); return !ok }) {
			t.add("import * as lambda from 'aws-cdk-lib/aws-lambda';")
		}
		t.add("\nconst app = new cdk.App();")
		for i, at := range places {
			t.add("const %s = new cdk.Stack(app, '%s', {", stackName("stack", i), stackName("FunctionUrlGrant", i))
			env := []string{"account: " + quoted(at.account)}
			if at.region != "" {
				env = append(env, "region: "+quoted(at.region))
			}
			t.add("  env: { %s },", strings.Join(env, ", "))
			t.add("});")
		}
		t.add("")
	}
	f.each(t, places, "//", func(part Part, at int) {
		stack := "this"
		if f.Head {
			stack = stackName("stack", at)
		}
		t.add("%s", part.construct(stack, logicalID(part)))
	})
}

// stackName is the name of one of several stacks.
func stackName(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprintf("%s%d", name, i+1)
}

func (p Permission) construct(stack, id string) string {
	name := member{"FunctionName", p.Function.String(), text}
	return construct("lambda.CfnPermission", stack, id, append([]member{name}, members(p.Permission)...))
}

func (p InlinePolicy) construct(stack, id string) string {
	kind, members := p.members("  ")
	return construct("iam.Cfn"+kind, stack, id, members)
}

func (p WholePolicy) construct(stack, id string) string {
	return construct("lambda.CfnResourcePolicy", stack, id, []member{
		{"ResourceArn", p.Function.String(), text}, {"PolicyDocument", indented(p.Document, "  "), raw},
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
