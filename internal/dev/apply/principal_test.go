//go:build unix

package apply_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/furl-dev/furl/internal/dev/apply"
)

const (
	readPolicy  = `{Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}`
	writePolicy = `{Version: 2012-10-17, Statement: [{Effect: Allow, Action: ["s3:PutObject"], Resource: "*"}]}`
)

// The variants of each resource follow each other: each is made of the one before it in one step.
func TestPrincipalProperties(t *testing.T) {
	roleOf := func(more string) string {
		return "\n  Caller:\n    Type: AWS::IAM::Role\n    Properties: {RoleName: caller, AssumeRolePolicyDocument: " + trust + more + "}"
	}
	userOf := func(more string) string {
		return "\n  Alice:\n    Type: AWS::IAM::User\n    Properties: {UserName: alice" + more + "}"
	}
	groupOf := func(more string) string {
		return "\n  Team:\n    Type: AWS::IAM::Group\n    Properties: {GroupName: team" + more + "}"
	}
	policyOf := func(document, more string) string {
		return userOf("") + groupOf("") + "\n  Shared:\n    Type: AWS::IAM::ManagedPolicy\n    Properties: {ManagedPolicyName: shared, PolicyDocument: " + document + more + "}"
	}
	const basicExecution = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
	for name, variants := range map[string][]string{
		"role": {
			roleOf(""), roleOf(", Description: x"), roleOf(", MaxSessionDuration: 7200"), roleOf(", Path: /team/"), roleOf(""),
			roleOf(", Policies: [{PolicyName: p, PolicyDocument: " + readPolicy + "}]"),
			roleOf(", Policies: [{PolicyName: p, PolicyDocument: " + writePolicy + "}]"),
			roleOf(", Policies: [{PolicyName: q, PolicyDocument: " + writePolicy + "}]"),
			roleOf(", ManagedPolicyArns: [" + basicExecution + "]"), roleOf(", PermissionsBoundary: " + basicExecution),
			roleOf(", Tags: [{Key: team, Value: red}]"), roleOf(""),
			strings.Replace(roleOf(""), "Service: lambda.amazonaws.com", `AWS: "123456789012"`, 1),
			strings.Replace(roleOf(""), "Effect: Allow, Principal", `Effect: Deny, Principal`, 1),
		},
		"user": {
			userOf(""), userOf(", Path: /team/"), userOf(", Policies: [{PolicyName: p, PolicyDocument: " + readPolicy + "}]"),
			userOf(", ManagedPolicyArns: [" + basicExecution + "]"), userOf(", PermissionsBoundary: " + basicExecution),
			userOf(", Tags: [{Key: team, Value: red}]"), userOf(""), userOf(", Groups: [team]") + groupOf(""), userOf("") + groupOf(""),
			userOf("") + groupOf("") + "\n  Members:\n    Type: AWS::IAM::UserToGroupAddition\n    Properties: {GroupName: team, Users: [!Ref Alice]}",
			groupOf(""),
		},
		"group": {
			groupOf(""), groupOf(", Path: /team/"), groupOf(", Policies: [{PolicyName: p, PolicyDocument: " + readPolicy + "}]"),
			groupOf(", ManagedPolicyArns: [" + basicExecution + "]"), groupOf(""),
		},
		"policy": {
			policyOf(readPolicy, ""), policyOf(writePolicy, ""), policyOf(readPolicy, ""), policyOf(writePolicy, ""),
			policyOf(readPolicy, ""), policyOf(writePolicy, ""), policyOf(readPolicy, ""), // more than five versions
			policyOf(readPolicy, ", Users: [!Ref Alice]"), policyOf(readPolicy, ", Groups: [!Ref Team]"),
			policyOf(readPolicy, ", Groups: [!Ref Team], Description: x"), policyOf(readPolicy, ", Groups: [!Ref Team], Path: /team/"),
			policyOf(readPolicy, ""), userOf("") + groupOf(""),
		},
		"inline": {
			roleOf("") + userOf(""),
			roleOf("") + userOf("") + "\n  Own:\n    Type: AWS::IAM::Policy\n    Properties: {PolicyName: own, PolicyDocument: " + readPolicy + ", Roles: [!Ref Caller]}",
			roleOf("") + userOf("") + "\n  Own:\n    Type: AWS::IAM::Policy\n    Properties: {PolicyName: own, PolicyDocument: " + writePolicy + ", Roles: [!Ref Caller], Users: [!Ref Alice]}",
			roleOf("") + userOf("") + "\n  Own:\n    Type: AWS::IAM::UserPolicy\n    Properties: {PolicyName: own, PolicyDocument: " + writePolicy + ", UserName: !Ref Alice}",
			roleOf("") + userOf(""),
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, variant := range variants {
				w.apply(variant)
			}
		})
	}
}

// What is attached to a policy by others is attached to the one that replaces it.
func TestReplacedPolicyStaysAttached(t *testing.T) {
	w := newWorld(t)
	const policy = "\n  Shared:\n    Type: AWS::IAM::ManagedPolicy\n    Properties: {ManagedPolicyName: shared, PolicyDocument: " + readPolicy + "}"
	w.apply(policy)
	if _, err := w.iam.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: aws.String("mine")}); err != nil {
		t.Fatal(err)
	}
	arn := aws.String("arn:aws:iam::123456789012:policy/shared")
	if _, err := w.iam.AttachUserPolicy(t.Context(), &awsiam.AttachUserPolicyInput{UserName: aws.String("mine"), PolicyArn: arn}); err != nil {
		t.Fatal(err)
	}
	w.apply(strings.Replace(policy, "ManagedPolicyName", "Description: x, ManagedPolicyName", 1))
	got, err := w.iam.ListAttachedUserPolicies(t.Context(), &awsiam.ListAttachedUserPoliciesInput{UserName: aws.String("mine")})
	if err != nil || len(got.AttachedPolicies) != 1 {
		t.Errorf("attached is %+v, %v", got, err)
	}
}

const keyed = role + `
  Alice:
    Type: AWS::IAM::User
    Properties: {UserName: alice}
  Key:
    Type: AWS::IAM::AccessKey
    Properties: {UserName: !Ref Alice}
  Api:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: api
      Runtime: python3.13
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: src
      Environment: {Variables: {ID: !Ref Key, TEXT: !GetAtt Key.SecretAccessKey}}`

// The secret of an access key is told once, kept in a file for its user only, and never shown.
func TestAccessKeys(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "keys.json")
	kept := func(c *apply.Config) { c.KeyFile = file }
	w.restart(kept)
	w.apply(keyed)
	environment := func() map[string]string {
		t.Helper()
		got, err := w.lambda.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String("api")})
		if err != nil {
			t.Fatal(err)
		}
		return got.Environment.Variables
	}
	works := func(variables map[string]string) {
		t.Helper()
		config := w.aws(account)
		config.Credentials = credentials.NewStaticCredentialsProvider(variables["ID"], variables["TEXT"], "")
		got, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), nil)
		if err != nil || aws.ToString(got.Arn) != "arn:aws:iam::123456789012:user/alice" {
			t.Errorf("the key is that of %+v, %v", got, err)
		}
	}
	made := environment()
	works(made)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	w.restart(kept)
	if plan := w.plan(keyed); !plan.IsEmpty() {
		t.Errorf("there is to do\n%s", plan.Diff())
	}
	changed := strings.Replace(keyed, "ID: !Ref Key", "ID: !Ref Key, MORE: !Sub 'x-${Key.SecretAccessKey}'", 1)
	if text := w.plan(changed).Diff(); strings.Contains(text, made["TEXT"]) || !strings.Contains(text, "x-(hidden)") {
		t.Errorf("the plan is\n%s", text)
	}
	w.apply(strings.Replace(keyed, "UserName: !Ref Alice", "UserName: !Ref Alice, Status: Inactive", 1))
	w.apply(keyed)

	// Without the file there is another key, and the one before is deleted.
	w.restart(nil)
	w.apply(keyed)
	again := environment()
	works(again)
	got, err := w.iam.ListAccessKeys(t.Context(), &awsiam.ListAccessKeysInput{UserName: aws.String("alice")})
	if err != nil || len(got.AccessKeyMetadata) != 1 || again["ID"] == made["ID"] {
		t.Errorf("the keys are %+v, %v", got, err)
	}
	w.apply(role)
}

func TestResourcePolicies(t *testing.T) {
	w := newWorld(t)
	const document = `{Version: 2012-10-17, Statement: [{Sid: all, Effect: Allow, Principal: {AWS: "123456789012"}, Action: "lambda:InvokeFunctionUrl", Resource: "*"}]}`
	whole := func(document string) string {
		return one(basic) + "\n  Policy:\n    Type: AWS::Lambda::ResourcePolicy\n    Properties: {ResourceArn: !GetAtt Api.Arn, PolicyDocument: " + document + "}"
	}
	statement := func(action string) string {
		return one(basic) + "\n  Statement:\n    Type: AWS::Lambda::Permission\n    Properties: {FunctionName: !Ref Api, Action: " + action + ", Principal: sns.amazonaws.com}"
	}
	for _, variant := range []string{
		whole(document), whole(strings.Replace(document, "Allow", "Deny", 1)), statement("lambda:InvokeFunction"),
		statement("lambda:GetFunction"), whole(document), one(basic), whole(document), statement("lambda:InvokeFunction"), one(basic),
	} {
		w.apply(variant)
	}
	if _, err := w.lambda.GetPolicy(t.Context(), &awslambda.GetPolicyInput{FunctionName: aws.String("api")}); err == nil {
		t.Error("there still is a policy")
	}
}

// Principals that nothing declares are made, so that a person can play them, and go when nothing names them any more.
func TestPlaceholders(t *testing.T) {
	w := newWorld(t)
	with := func(principal string) string {
		return one(basic) + `
  Statement:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Api, Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: AWS_IAM, Principal: "` + principal + `"}
  Whole:
    Type: AWS::IAM::Role
    Properties: {RoleName: whole, AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: ["` + principal + `"]}, Action: sts:AssumeRole}]}}`
	}
	there := func(account, kind, name string) bool {
		t.Helper()
		client := awsiam.NewFromConfig(w.aws(account))
		if kind == "user" {
			_, err := client.GetUser(t.Context(), &awsiam.GetUserInput{UserName: &name})
			return err == nil
		}
		_, err := client.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: &name})
		return err == nil
	}
	var last string
	for _, principal := range []string{
		"arn:aws:iam::210987654321:role/deploy/caller", "arn:aws:iam::210987654321:user/bob",
		"arn:aws:iam::123456789012:role/missing", "arn:aws:iam::123456789012:user/path/carol",
	} {
		account, rest := principal[13:25], principal[26:]
		kind, name := rest[:4], rest[strings.LastIndex(rest, "/")+1:]
		plan := w.plan(with(principal))
		if want := "create placeholder " + kind + " " + name + " of account " + account; steps(plan)[0] != want {
			t.Errorf("the steps are %q, not first %q", steps(plan), want)
		}
		w.apply(with(principal))
		if !there(account, kind, name) {
			t.Errorf("%s is not there", principal)
		}
		if last != "" && there(last[13:25], last[26:30], last[strings.LastIndex(last, "/")+1:]) {
			t.Errorf("%s is still there", last)
		}
		last = principal
	}
	// Somebody makes the real one in the meantime: it is left alone.
	if _, err := w.iam.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: aws.String("real")}); err != nil {
		t.Fatal(err)
	}
	w.apply(with("arn:aws:iam::123456789012:user/real"))
	w.apply(one(basic))
	if !there(account, "user", "real") || there(account, "user", "carol") {
		t.Error("the real user is gone, or the placeholder is there")
	}
}

// A person of the placeholder's account can play it, and may call the functions that the policies let it call.
func TestPlaceholdersCanBePlayed(t *testing.T) {
	w := newWorld(t)
	w.apply(one(basic) + `
  Statement:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Api, Action: lambda:InvokeFunction, Principal: "arn:aws:iam::210987654321:role/caller"}`)
	for _, who := range []string{account, other} {
		administrator := awsiam.NewFromConfig(w.aws(who))
		name := aws.String("administrator")
		_, err := administrator.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := administrator.PutUserPolicy(t.Context(), &awsiam.PutUserPolicyInput{UserName: name, PolicyName: name,
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}`)}); err != nil {
			t.Fatal(err)
		}
		made, err := administrator.CreateAccessKey(t.Context(), &awsiam.CreateAccessKeyInput{UserName: name})
		if err != nil {
			t.Fatal(err)
		}
		config := w.aws(who)
		config.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(made.AccessKey.AccessKeyId), aws.ToString(made.AccessKey.SecretAccessKey), "")
		got, err := sts.NewFromConfig(config).AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn: aws.String("arn:aws:iam::210987654321:role/caller"), RoleSessionName: aws.String("me"),
		})
		if err != nil {
			t.Errorf("as account %s: %v", who, err)
			continue
		}
		config.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(got.Credentials.AccessKeyId),
			aws.ToString(got.Credentials.SecretAccessKey), aws.ToString(got.Credentials.SessionToken))
		_, err = awslambda.NewFromConfig(config).Invoke(t.Context(), &awslambda.InvokeInput{
			FunctionName: aws.String("arn:aws:lambda:us-east-1:123456789012:function:api"), InvocationType: "DryRun",
		})
		if err != nil {
			t.Errorf("as account %s: %v", who, err)
		}
	}
}

// Without credentials for the account, a policy names the account as a whole, and a notice says how to change that.
func TestPrincipalsOfUnknownAccounts(t *testing.T) {
	w := newWorld(t)
	w.restart(func(c *apply.Config) { c.Others = nil })
	foreign := one(basic) + `
  Statement:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Api, Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: AWS_IAM, Principal: "arn:aws:iam::111122223333:role/caller"}`
	plan := w.plan(foreign)
	if len(plan.Notices) != 1 || !strings.Contains(plan.Notices[0].Text, "--account 111122223333") || plan.Notices[0].Pos.Line == 0 {
		t.Errorf("the notices are %+v", plan.Notices)
	}
	w.apply(foreign)
	got, err := w.lambda.GetPolicy(t.Context(), &awslambda.GetPolicyInput{FunctionName: aws.String("api")})
	if err != nil || !strings.Contains(aws.ToString(got.Policy), `{"AWS":"arn:aws:iam::111122223333:root"}`) {
		t.Errorf("the policy is %s, %v", aws.ToString(got.Policy), err)
	}
}

// A policy of AWS that the server does not have is left out, and a notice says so.
func TestUnknownPoliciesOfAWS(t *testing.T) {
	w := newWorld(t)
	text := strings.Replace(role, "Properties: {", "Properties: {ManagedPolicyArns: ['arn:aws:iam::aws:policy/NoSuchPolicyOfAWS', 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'], ", 1)
	plan := w.plan(text)
	if len(plan.Notices) != 1 || !strings.Contains(plan.Notices[0].Text, "goes without arn:aws:iam::aws:policy/NoSuchPolicyOfAWS") {
		t.Errorf("the notices are %+v", plan.Notices)
	}
	w.apply(text)
	if !slices.Equal(steps(w.plan(role)), nil) && len(steps(w.plan(role))) != 1 {
		t.Errorf("the steps are %q", steps(w.plan(role)))
	}
}

// What is only at AWS does not keep a function from running here: roles get placeholders, and policies, boundaries and
// layers are left out. Each has a notice, which strict mode makes a fault.
func TestWhatIsOnlyAtAWS(t *testing.T) {
	w := newWorld(t)
	const text = `
  Elsewhere:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: elsewhere, Runtime: python3.13, Handler: app.handler, Role: "arn:aws:iam::111122223333:role/service-role/execution", Code: src}
  Here:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: here
      Runtime: python3.13
      Handler: app.handler
      Role: arn:aws:iam::123456789012:role/execution-here
      Code: src
      Layers: ["arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-x86_64:7", "arn:aws:lambda:us-east-1:123456789012:layer:none:1"]
  Caller:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: ` + trust + `
      ManagedPolicyArns: ["arn:aws:iam::123456789012:policy/nowhere", "arn:aws:iam::111122223333:policy/elsewhere"]
      PermissionsBoundary: arn:aws:iam::123456789012:policy/boundary
  Url:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Here, Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: AWS_IAM, Principal: "arn:aws:iam::123456789012:role/execution-here"}`
	plan := w.plan(text)
	var notices string
	for _, n := range plan.Notices {
		notices += n.Pos.String() + ": " + n.Text + "\n"
	}
	for _, want := range []string{
		"template.yaml:2:3: the function elsewhere has a role of account 111122223333",
		"the role execution of the function elsewhere is neither declared nor on the server",
		"the role execution-here of the function here is neither", "AWSLambdaPowertoolsPythonV3", "layer:none:1",
		"policy/nowhere", "policy/elsewhere", "without its permissions boundary arn:aws:iam::123456789012:policy/boundary",
	} {
		if !strings.Contains(notices, want) {
			t.Errorf("the notices lack %q:\n%s", want, notices)
		}
	}
	w.apply(text)
	w.restart(func(c *apply.Config) { c.Strict = true })
	if got := w.refuse(text); strings.Count(got, "strict mode refuses it") != len(plan.Notices) {
		t.Errorf("strict mode says\n%s", got)
	}
	w.restart(nil)
	w.apply(role)
	if left := w.leftovers(w.aws(account)); len(left) != 1 {
		t.Errorf("there still are %q", left)
	}
}

// A role that somebody has deleted is made anew, and what has it gets the new one.
func TestDeletedRole(t *testing.T) {
	w := newWorld(t)
	text := strings.Replace(one(basic), "\n  Role:\n    Type: AWS::IAM::Role\n    Properties: {", "\n  Role:\n    Type: AWS::IAM::Role\n    Properties: {RoleName: execution, ", 1) + `
  Statement:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Api, Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: AWS_IAM, Principal: !GetAtt Role.Arn}`
	w.apply(text)
	if _, err := w.iam.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: aws.String("execution")}); err != nil {
		t.Fatal(err)
	}
	want := []string{"create role execution", "change function api", "change permission"}
	got := steps(w.plan(text))
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || !strings.HasPrefix(got[2], want[2]) {
		t.Errorf("the steps are %q", got)
	}
	w.apply(text)
	invoked, err := w.lambda.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("api")})
	if err != nil || string(invoked.Payload) != `"hello"` {
		t.Errorf("the function answers %+v, %v", invoked, err)
	}
}
