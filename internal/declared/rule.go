package declared

import (
	"slices"

	"github.com/furl-dev/furl/policy/urllint"
)

// The rules about what a project declares. Their ids never change their meaning.
const (
	RuleDirectOnly urllint.Rule = "direct-invoke-only"
	RuleAuthType   urllint.Rule = "url-auth-type"
	RuleQualifier  urllint.Rule = "url-qualifier"
	RuleNotPublic  urllint.Rule = "url-not-public"
)

// Row is a rule about what a project declares.
type Row struct {
	Rule     urllint.Rule
	Severity urllint.Severity
	Finds    string // what is wrong, and why AWS behaves so
	Fix      string // what to do about it
	Examples []string
}

// Rules are the rules, beside those of urllint.
func Rules() []Row { return slices.Clone(table) }

func severityOf(rule urllint.Rule) urllint.Severity {
	return table[slices.IndexFunc(table, func(r Row) bool { return r.Rule == rule })].Severity
}

// That neither connectors nor policy templates have lambda:InvokeFunctionUrl: aws-sam-translator 1.115.0, its profiles
// of connectors and its policy_templates.json.
var table = []Row{{
	Rule: RuleDirectOnly, Severity: urllint.SeverityWarning,
	Finds: "The execution role of a function may invoke another one with lambda:InvokeFunction, and that function has a " +
		"URL of auth type AWS_IAM, which the role may not call: lambda:InvokeFunctionUrl is missing. A SAM connector " +
		"between functions and the policy template LambdaInvokePolicy grant no more than direct invocation.",
	Fix: "Grant both actions on the function, unless the function is only invoked directly.",
	Examples: []string{`Transform: AWS::Serverless-2016-10-31
Resources:
  Web:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: web
      FunctionUrlConfig: {AuthType: AWS_IAM}
  Caller:
    Type: AWS::Serverless::Function
    Connectors:
      Web: {Properties: {Destination: {Id: Web}, Permissions: [Write]}}
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: caller
`, `Transform: AWS::Serverless-2016-10-31
Resources:
  Web:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: web
      AutoPublishAlias: live
      FunctionUrlConfig: {AuthType: AWS_IAM}
  Caller:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: caller
      Policies:
        - LambdaInvokePolicy: {FunctionName: !Ref Web}
`},
}, {
	Rule: RuleAuthType, Severity: urllint.SeverityError,
	Finds: "A permission is for calls of one auth type, and the URL that it is about has the other one, so that it never " +
		"matches.",
	Fix: "Write the auth type of the URL, or remove the permission.",
	Examples: []string{`Transform: AWS::Serverless-2016-10-31
Resources:
  Web:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: web
      FunctionUrlConfig: {AuthType: AWS_IAM}
  CallUrl:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Web
      Action: lambda:InvokeFunctionUrl
      Principal: arn:aws:iam::111122223333:role/partner
      FunctionUrlAuthType: NONE
  InvokeViaUrl:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Web
      Action: lambda:InvokeFunction
      Principal: arn:aws:iam::111122223333:role/partner
      InvokedViaFunctionUrl: true
`},
}, {
	Rule: RuleQualifier, Severity: urllint.SeverityError,
	Finds: "A permission for calls of a URL is on the function, and the URL is that of an alias, or the other way. The " +
		"function and each alias have policies of their own, and a URL asks only the one that it belongs to. In SAM, a " +
		"function with AutoPublishAlias has the URL on its alias.",
	Fix: "Write the alias or the function that the URL belongs to.",
	Examples: []string{`Transform: AWS::Serverless-2016-10-31
Resources:
  Web:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: web
      AutoPublishAlias: live
      FunctionUrlConfig: {AuthType: AWS_IAM}
  CallUrl:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Web
      Action: lambda:InvokeFunctionUrl
      Principal: arn:aws:iam::111122223333:role/partner
      FunctionUrlAuthType: AWS_IAM
  InvokeViaUrl:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Web
      Action: lambda:InvokeFunction
      Principal: arn:aws:iam::111122223333:role/partner
      InvokedViaFunctionUrl: true
`},
}, {
	Rule: RuleNotPublic, Severity: urllint.SeverityError,
	Finds: "A URL of auth type NONE asks nobody who they are, and still needs both actions granted to everyone. SAM " +
		"adds these permissions for FunctionUrlConfig; an AWS::Lambda::Url has none by itself.",
	Fix: "Grant both actions to everyone, or write the auth type AWS_IAM.",
	Examples: []string{`Resources:
  Web:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: arn:aws:iam::111122223333:role/web
      Code: {ZipFile: "def handler(event, context): return 'open'"}
  WebUrl:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !GetAtt Web.Arn, AuthType: NONE}
`},
}}
