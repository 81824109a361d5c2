//go:build unix

package apply_test

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the plans into testdata")

const before = `Parameters:
  Password: {Type: String, NoEcho: true}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: ` + trust + `
      Policies:
        - PolicyName: read
          PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}
  Api:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: api
      Runtime: python3.13
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: {ZipFile: "def handler(event, context): return 1"}
      Environment: {Variables: {TABLE: items, DATABASE: !Sub "db://user:${Password}@db", API_TOKEN: abc, OLD: gone}}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Api, AuthType: NONE}
  Open:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Api, Action: lambda:InvokeFunctionUrl, Principal: "*", FunctionUrlAuthType: NONE}
  Old:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: old, Runtime: python3.13, Handler: app.handler, Role: !GetAtt Role.Arn, Code: {ZipFile: x}}
`

var after = strings.NewReplacer(
	"s3:GetObject", "s3:*", "items", "others", "NONE", "AWS_IAM", `Principal: "*"`, "Principal: !Ref AWS::AccountId",
	"FunctionName: old", "FunctionName: new", "Runtime: python3.13\n", "Runtime: python3.13\n      Timeout: 30\n", ", OLD: gone", "",
	"@db", "@other",
).Replace(before) + `  Caller:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: caller
      Runtime: nodejs22.x
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code: {ZipFile: "exports.handler = async () => 1"}
      Environment: {Variables: {URL: !GetAtt CallerUrl.FunctionUrl}}
      Layers: []
    DependsOn: CallerUrl
  CallerUrl:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref New, AuthType: AWS_IAM}
  New:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: newer, Runtime: python3.13, Handler: app.handler, Role: !GetAtt Role.Arn, Code: {ZipFile: x}}
`

// The plans that a person reads before anything is there, after a change, and at the end.
func TestDiff(t *testing.T) {
	w := newWorld(t)
	w.parameters = map[string]string{"Password": "hunter2secret"}
	for _, step := range []struct{ name, text string }{
		{"create", before}, {"change", after}, {"delete", "Resources:" + role},
	} {
		if step.name == "delete" {
			w.parameters = nil
		}
		got := w.plan(step.text).Diff()
		file := "testdata/" + step.name + ".txt"
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the plan is\n%s\nwant\n%s", step.name, got, want)
		}
		if strings.Contains(got, "hunter2secret") || strings.Contains(got, "abc") {
			t.Error("a secret is shown")
		}
		w.apply(step.text)
	}
}
