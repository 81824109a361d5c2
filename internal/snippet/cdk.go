package snippet

import "strings"

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
	for _, permission := range g.Permissions {
		function := member{"FunctionName", g.Function.String(), text}
		construct(&t, "lambda.CfnPermission", "stack", identifier(permission), append([]member{function}, members(permission)...))
	}
	if g.Inline != nil {
		kind, members := g.Inline.resource("  ")
		construct(&t, "iam.Cfn"+kind, owner, "CallerPolicy", members)
	}
	return t.String()
}

func construct(t *lines, class, stack, id string, members []member) {
	t.add("")
	t.add("new %s(%s, '%s', {", class, stack, id)
	for _, m := range members {
		name := strings.ReplaceAll(strings.ToLower(m.name[:1])+m.name[1:], "ID", "Id")
		t.add("  %s: %s,", name, m.code(quoted))
	}
	t.add("});")
}
