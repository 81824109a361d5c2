package snippet

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// template writes a CloudFormation template, or a SAM one, which differs in its transform only. JSON strings are used
// throughout, since YAML reads them as they are.
func (g grant) template(format Format) (string, error) {
	var t strings.Builder
	line := func(format string, arguments ...any) { fmt.Fprintf(&t, format+"\n", arguments...) }
	line("# %s.", g.title())
	if g.caller != "" {
		line("# Deploy it in account %s, region %s, and in account %s: each account makes its own part.", g.function.Account, g.function.Region, g.caller)
	}
	line("AWSTemplateFormatVersion: %s", quoted("2010-09-09"))
	if format == SAM {
		line("Transform: AWS::Serverless-2016-10-31")
	}
	line("Description: %s", quoted(g.title()))
	if len(g.wanted.Permissions) > 0 {
		g.templateParameter(line)
	}
	if g.caller != "" {
		line("Conditions:")
		line("  OwnsFunction: !Equals [!Ref AWS::AccountId, %s]", quoted(g.function.Account))
		line("  OwnsCaller: !Equals [!Ref AWS::AccountId, %s]", quoted(g.caller))
	}
	line("Resources:")
	for _, permission := range g.wanted.Permissions {
		g.templatePermission(line, permission)
	}
	if g.wanted.Inline != nil {
		if err := g.templatePolicy(line, *g.wanted.Inline); err != nil {
			return "", err
		}
	}
	return t.String(), nil
}

func (g grant) templateParameter(line func(string, ...any)) {
	line("Parameters:")
	line("  FunctionName:")
	line("    Type: String")
	if g.function.Qualifier == "" {
		line("    Description: %s", quoted("The function; in the template that defines it, use !Ref and its logical id instead"))
	} else {
		line("    Description: %s", quoted("The alias; in the template that defines it, use !Ref and its logical id instead"))
	}
	line("    Default: %s", quoted(g.function.String()))
}

func (g grant) templatePermission(line func(string, ...any), permission lambda.Permission) {
	line("  %s:", identifier(permission))
	line("    Type: AWS::Lambda::Permission")
	if g.caller != "" {
		line("    Condition: OwnsFunction")
	}
	line("    Properties:")
	line("      FunctionName: !Ref FunctionName")
	line("      Action: %s", permission.Action)
	line("      Principal: %s", quoted(principal(permission)))
	if permission.SourceARN != "" {
		line("      SourceArn: %s", quoted(permission.SourceARN))
	}
	if permission.FunctionURLAuthType != "" {
		line("      FunctionUrlAuthType: %s", permission.FunctionURLAuthType)
	}
	if permission.InvokedViaURL != nil {
		line("      InvokedViaFunctionUrl: %t", *permission.InvokedViaURL)
	}
}

func (g grant) templatePolicy(line func(string, ...any), policy setup.InlinePolicy) error {
	document, err := indented(policy.Document, "        ")
	if err != nil {
		return err
	}
	line("  CallerPolicy:")
	switch policy.Owner.Kind {
	case awsapi.OfRole:
		line("    Type: AWS::IAM::RolePolicy")
	case awsapi.OfUser:
		line("    Type: AWS::IAM::UserPolicy")
	default: // nobody in particular: a policy to attach to whoever is to call
		line("    Type: AWS::IAM::ManagedPolicy")
	}
	if g.caller != "" {
		line("    Condition: OwnsCaller")
	}
	line("    Properties:")
	switch policy.Owner.Kind {
	case awsapi.OfRole:
		line("      RoleName: %s", quoted(policy.Owner.Name))
		line("      PolicyName: %s", quoted(policy.Name))
	case awsapi.OfUser:
		line("      UserName: %s", quoted(policy.Owner.Name))
		line("      PolicyName: %s", quoted(policy.Name))
	default:
		line("      ManagedPolicyName: %s", quoted(policy.Name))
	}
	line("      PolicyDocument: %s", document)
	return nil
}
