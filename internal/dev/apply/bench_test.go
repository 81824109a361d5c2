//go:build unix

package apply_test

import (
	"fmt"
	"strings"
	"testing"
)

// many are that many functions, each with a role, a URL and both permissions.
func many(functions int) string {
	var text strings.Builder
	for i := range functions {
		fmt.Fprintf(&text, `
  Role%[1]d:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
      ManagedPolicyArns: [arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]
  F%[1]d:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Role: !GetAtt Role%[1]d.Arn
      Code: bin
      Environment: {Variables: {NUMBER: "%[1]d"}}
  Url%[1]d:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref F%[1]d, AuthType: AWS_IAM}
  Url%[1]dAllow:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref F%[1]d
      Action: lambda:InvokeFunctionUrl
      Principal: !Ref AWS::AccountId
      FunctionUrlAuthType: AWS_IAM
  Invoke%[1]dAllow:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref F%[1]d
      Action: lambda:InvokeFunction
      Principal: !Ref AWS::AccountId
      InvokedViaFunctionUrl: true`, i)
	}
	return text.String()
}

// BenchmarkPlanUnchanged plans 200 functions of which nothing has changed.
func BenchmarkPlanUnchanged(b *testing.B) {
	w := newWorld(b)
	w.executable("bin/bootstrap")
	stack := w.stack("demo", many(200))
	plan, err := w.applier.Plan(b.Context(), stack)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := plan.Apply(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		plan, err := w.applier.Plan(b.Context(), stack)
		if err != nil || !plan.IsEmpty() {
			b.Fatalf("%v\n%s", err, plan.Diff())
		}
	}
}

// BenchmarkFirstApply makes what a stack declares on an empty server with a data directory.
func BenchmarkFirstApply(b *testing.B) {
	for _, functions := range []int{2, 200} {
		b.Run(fmt.Sprint(functions), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := newWorld(b, onDisk(b))
				w.executable("bin/bootstrap")
				stack := w.stack("demo", many(functions))
				b.StartTimer()
				plan, err := w.applier.Plan(b.Context(), stack)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := plan.Apply(b.Context(), nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
