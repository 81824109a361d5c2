package snippet

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// cdk writes a CDK program. It uses the constructs that are CloudFormation's resources, since those say what they do;
// addPermission of an imported function does nothing for functions of other stacks unless told more.
func (g grant) cdk() (string, error) {
	var t strings.Builder
	line := func(format string, arguments ...any) { fmt.Fprintf(&t, format+"\n", arguments...) }
	line("// %s.", g.title())
	line("import * as cdk from 'aws-cdk-lib';")
	if g.wanted.Inline != nil {
		line("import * as iam from 'aws-cdk-lib/aws-iam';")
	}
	if len(g.wanted.Permissions) > 0 {
		line("import * as lambda from 'aws-cdk-lib/aws-lambda';")
	}
	line("")
	line("const app = new cdk.App();")
	stack := func(variable, name, account string) {
		line("const %s = new cdk.Stack(app, '%s', {", variable, name)
		line("  env: { account: %s, region: %s },", quoted(account), quoted(g.function.Region))
		line("});")
	}
	if len(g.wanted.Permissions) > 0 {
		stack("stack", "FunctionUrlGrant", g.function.Account)
	} else {
		stack("stack", "FunctionUrlGrant", g.wanted.Inline.Account)
	}
	owner := "stack"
	if g.caller != "" {
		owner = "callerStack"
		stack(owner, "FunctionUrlCaller", g.caller)
	}
	for _, permission := range g.wanted.Permissions {
		line("")
		g.cdkPermission(line, permission)
	}
	if g.wanted.Inline != nil {
		line("")
		if err := g.cdkPolicy(line, owner, *g.wanted.Inline); err != nil {
			return "", err
		}
	}
	return t.String(), nil
}

func (g grant) cdkPermission(line func(string, ...any), permission lambda.Permission) {
	line("new lambda.CfnPermission(stack, '%s', {", identifier(permission))
	line("  functionName: %s,", quoted(g.function.String()))
	line("  action: %s,", quoted(permission.Action))
	line("  principal: %s,", quoted(principal(permission)))
	if permission.SourceARN != "" {
		line("  sourceArn: %s,", quoted(permission.SourceARN))
	}
	if permission.FunctionURLAuthType != "" {
		line("  functionUrlAuthType: %s,", quoted(string(permission.FunctionURLAuthType)))
	}
	if permission.InvokedViaURL != nil {
		line("  invokedViaFunctionUrl: %t,", *permission.InvokedViaURL)
	}
	line("});")
}

func (g grant) cdkPolicy(line func(string, ...any), stack string, policy setup.InlinePolicy) error {
	document, err := indented(policy.Document, "  ")
	if err != nil {
		return err
	}
	switch policy.Owner.Kind {
	case awsapi.OfRole:
		line("new iam.CfnRolePolicy(%s, 'CallerPolicy', {", stack)
		line("  roleName: %s,", quoted(policy.Owner.Name))
		line("  policyName: %s,", quoted(policy.Name))
	case awsapi.OfUser:
		line("new iam.CfnUserPolicy(%s, 'CallerPolicy', {", stack)
		line("  userName: %s,", quoted(policy.Owner.Name))
		line("  policyName: %s,", quoted(policy.Name))
	default: // to attach to whoever is to call
		line("new iam.CfnManagedPolicy(%s, 'CallerPolicy', {", stack)
		line("  managedPolicyName: %s,", quoted(policy.Name))
	}
	line("  policyDocument: %s,", document)
	line("});")
	return nil
}
