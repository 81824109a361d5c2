package snippet

import (
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
)

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
		t.add("")
		permissionConstruct(&t, g.Function, permission)
	}
	if g.Inline != nil {
		t.add("")
		policyConstruct(&t, owner, *g.Inline)
	}
	return t.String()
}

func permissionConstruct(t *lines, function lambda.ARN, permission lambda.Permission) {
	t.add("new lambda.CfnPermission(stack, '%s', {", identifier(permission))
	t.add("  functionName: %s,", quoted(function.String()))
	t.add("  action: %s,", quoted(permission.Action))
	t.add("  principal: %s,", quoted(permission.Principal.String()))
	if permission.SourceARN != "" {
		t.add("  sourceArn: %s,", quoted(permission.SourceARN))
	}
	if permission.FunctionURLAuthType != "" {
		t.add("  functionUrlAuthType: %s,", quoted(string(permission.FunctionURLAuthType)))
	}
	if permission.InvokedViaURL != nil {
		t.add("  invokedViaFunctionUrl: %t,", *permission.InvokedViaURL)
	}
	t.add("});")
}

func policyConstruct(t *lines, stack string, policy InlinePolicy) {
	switch policy.Owner.Kind {
	case iam.OfRole:
		t.add("new iam.CfnRolePolicy(%s, 'CallerPolicy', {", stack)
		t.add("  roleName: %s,", quoted(policy.Owner.Name))
		t.add("  policyName: %s,", quoted(policy.Name))
	case iam.OfUser:
		t.add("new iam.CfnUserPolicy(%s, 'CallerPolicy', {", stack)
		t.add("  userName: %s,", quoted(policy.Owner.Name))
		t.add("  policyName: %s,", quoted(policy.Name))
	default: // to attach to the caller
		t.add("new iam.CfnManagedPolicy(%s, 'CallerPolicy', {", stack)
		t.add("  managedPolicyName: %s,", quoted(policy.Name))
	}
	t.add("  policyDocument: %s,", indented(policy.Document, "  "))
	t.add("});")
}
