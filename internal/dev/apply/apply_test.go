//go:build unix

package apply_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/dev/apply"
)

const trust = `{Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]}`

// role is a role that Lambda may assume.
const role = `
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: ` + trust + `}`

// api is a function with a URL and the two permissions that a caller needs.
const api = role + `
  Api:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: src
      Environment: {Variables: {TABLE: items}}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Api, AuthType: AWS_IAM}
  AllowUrl:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Api
      Action: lambda:InvokeFunctionUrl
      Principal: !Ref AWS::AccountId
      FunctionUrlAuthType: AWS_IAM
  AllowInvoke:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Api, Action: lambda:InvokeFunction, Principal: !Ref AWS::AccountId, InvokedViaFunctionUrl: true}`

func TestStackIsMadeAndGoesAgain(t *testing.T) {
	w := newWorld(t)
	result := w.apply(api)
	if len(result.URLs) != 1 {
		t.Fatalf("the URLs are %+v", result.URLs)
	}
	url := result.URLs[0]
	if url.LogicalID != "Api" || url.AuthType != "AWS_IAM" || url.InvokeMode != "BUFFERED" || url.Qualifier != "" ||
		!strings.HasPrefix(url.Function, "demo-Api-") {
		t.Errorf("the URL is %+v", url)
	}
	got, err := w.lambda.GetFunctionUrlConfig(t.Context(), &awslambda.GetFunctionUrlConfigInput{FunctionName: &url.Function})
	if err != nil || aws.ToString(got.FunctionUrl) != url.Address {
		t.Errorf("the server has %s, not %s, %v", aws.ToString(got.FunctionUrl), url.Address, err)
	}
	if want := []apply.Function{{Name: url.Function, LogicalID: "Api", Dir: w.dir + "/src"}}; !slices.Equal(result.Functions, want) {
		t.Errorf("the functions are %+v", result.Functions)
	}

	// The address stays the same in the next session.
	w.restart(nil)
	if again := w.apply(api); again.URLs[0] != url {
		t.Errorf("the URL has become %+v", again.URLs[0])
	}
	w.apply(role)
	if names := w.functions(); names != nil {
		t.Errorf("there still are functions: %q", names)
	}
	if _, err := w.lambda.GetFunctionUrlConfig(t.Context(), &awslambda.GetFunctionUrlConfigInput{FunctionName: &url.Function}); err == nil {
		t.Error("the URL is still there")
	}
}

// functions are the names of all functions.
func (w *world) functions() (names []string) {
	w.Helper()
	pages := awslambda.NewListFunctionsPaginator(w.lambda, &awslambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		for _, f := range page.Functions {
			names = append(names, aws.ToString(f.FunctionName))
		}
	}
	return names
}

// A resource needs others that it names in words only, and those are made before it, wherever they stand.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	const backwards = `
  Membership:
    Type: AWS::IAM::UserToGroupAddition
    Properties: {GroupName: team, Users: [alice]}
  Statement:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: "api:live", Action: lambda:InvokeFunctionUrl, Principal: "arn:aws:iam::123456789012:user/alice", FunctionUrlAuthType: AWS_IAM}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: api, Qualifier: live, AuthType: AWS_IAM}
  Live:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: api, Name: live, FunctionVersion: $LATEST}
  Inline:
    Type: AWS::IAM::Policy
    Properties: {PolicyName: own, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}, Roles: [execution], Groups: [team]}
  Api:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: api, Runtime: python3.13, Handler: app.handler, Role: "arn:aws:iam::123456789012:role/execution", Code: src}
  Execution:
    Type: AWS::IAM::Role
    Properties: {RoleName: execution, AssumeRolePolicyDocument: ` + trust + `, ManagedPolicyArns: ["arn:aws:iam::123456789012:policy/shared"]}
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: shared, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}
  Team:
    Type: AWS::IAM::Group
    Properties: {GroupName: team}
  Alice:
    Type: AWS::IAM::User
    Properties: {UserName: alice}`
	w.apply(backwards)
	plan := w.plan("\n  Alice:\n    Type: AWS::IAM::User\n    Properties: {UserName: alice}")
	want := []string{
		"delete membership in group team of user alice", "delete function api", "delete role execution",
		"delete group team", "delete managed policy shared",
	}
	if diff := cmp.Diff(want, steps(plan)); diff != "" {
		t.Error(diff)
	}
	if _, err := plan.Apply(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// Two stacks of one server know nothing of each other, also where one has a statement in the policy of the other's
// function.
func TestTwoStacks(t *testing.T) {
	w := newWorld(t)
	w.applyAs("one", api)
	const second = `
  Statement:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: %s, Action: lambda:InvokeFunction, Principal: sns.amazonaws.com}`
	name := w.functions()[0]
	w.applyAs("two", strings.ReplaceAll(second, "%s", name))
	w.applyAs("three", role)
	for _, stack := range []string{"one", "two", "three"} {
		text := map[string]string{"one": api, "two": strings.ReplaceAll(second, "%s", name), "three": role}[stack]
		plan, err := w.applier.Plan(t.Context(), w.stack(stack, text))
		if err != nil || !plan.IsEmpty() {
			t.Errorf("%s has still to do: %v\n%s", stack, err, plan.Diff())
		}
	}
	w.applyAs("two", role)
	got, err := w.lambda.GetPolicy(t.Context(), &awslambda.GetPolicyInput{FunctionName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if text := aws.ToString(got.Policy); strings.Contains(text, "sns.amazonaws.com") || strings.Count(text, `"Sid"`) != 2 {
		t.Errorf("the policy is %s", text)
	}
	w.applyAs("one", role)
	plan, err := w.applier.Plan(t.Context(), w.stack("three", role))
	if err != nil || !plan.IsEmpty() {
		t.Errorf("three has still to do: %v\n%s", err, plan.Diff())
	}
}

// A stack knows what those that were planned before it export, also what is known only once it is made.
func TestExportsOfOtherStacks(t *testing.T) {
	w := newWorld(t)
	exporting := "Resources:" + api + `
Outputs:
  Url: {Value: !GetAtt Url.FunctionUrl, Export: {Name: api-url}}
  Name: {Value: !Ref Api, Export: {Name: api-name}}
`
	const importing = role + `
  Caller:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: caller
      Runtime: python3.13
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: src
      Environment: {Variables: {URL: !ImportValue api-url}}
  Allow:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !ImportValue api-name, Action: lambda:InvokeFunction, Principal: !GetAtt Role.Arn}`
	url := w.applyAs("one", exporting).URLs[0]
	w.applyAs("two", importing)
	got, err := w.lambda.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String("caller")})
	if err != nil || got.Environment.Variables["URL"] != url.Address {
		t.Errorf("the environment is %v, %v", got.Environment, err)
	}
	w.restart(nil)
	for name, text := range map[string]string{"one": exporting} {
		if plan, err := w.applier.Plan(t.Context(), w.stack(name, text)); err != nil || !plan.IsEmpty() {
			t.Errorf("%s has still to do: %v\n%s", name, err, plan.Diff())
		}
	}
	if plan, err := w.applier.Plan(t.Context(), w.stack("two", importing)); err != nil || !plan.IsEmpty() {
		t.Errorf("two has still to do: %v\n%s", err, plan.Diff())
	}
}

// A plan can be made before what it needs of another stack is known.
func TestPlanWithUnknownImports(t *testing.T) {
	w := newWorld(t)
	plan := w.plan(role + `
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !ImportValue api-name, AuthType: AWS_IAM}
  Other:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !ImportValue api-url, AuthType: AWS_IAM}
  Allow:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !ImportValue api-name, Action: lambda:InvokeFunction, Principal: !GetAtt Role.Arn, SourceArn: !Sub "arn:aws:sns:us-east-1:123456789012:${Role.RoleId}"}`)
	if len(plan.Steps) != 4 || !strings.Contains(plan.Diff(), "(known after apply)") {
		t.Errorf("the plan is\n%s", plan.Diff())
	}
	_, err := plan.Apply(t.Context(), nil)
	var failed *apply.Failure
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "an attribute that it needs is still not known") {
		t.Errorf("the error is %v", err)
	}
}

// What others have made under a declared name is an error that says whose it is and how to get rid of it.
func TestNamesOfOthers(t *testing.T) {
	w := newWorld(t)
	w.applyAs("other", strings.ReplaceAll(`
  Role:
    Type: AWS::IAM::Role
    Properties: {RoleName: caller, AssumeRolePolicyDocument: TRUST}
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: shared, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}`, "TRUST", trust))
	if _, err := w.iam.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: aws.String("alice")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.iam.CreateGroup(t.Context(), &awsiam.CreateGroupInput{GroupName: aws.String("team")}); err != nil {
		t.Fatal(err)
	}
	got := w.refuse(strings.ReplaceAll(`
  Caller:
    Type: AWS::IAM::Role
    Properties: {RoleName: caller, AssumeRolePolicyDocument: TRUST}
  Alice:
    Type: AWS::IAM::User
    Properties: {UserName: alice}
  Team:
    Type: AWS::IAM::Group
    Properties: {GroupName: team}
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: shared, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}
  Statement:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: nowhere, Action: lambda:InvokeFunction, Principal: sns.amazonaws.com}`, "TRUST", trust))
	for _, want := range []string{
		"template.yaml:2:3: Caller: there is a role caller already, made by the stack other: give this one another name, or " +
			"delete the other first (aws iam delete-role --role-name caller)",
		"Alice: there is a user alice already, made by somebody who did not use furl dev",
		"Team: there is a group team already, made by somebody",
		"Shared: there is a managed policy shared already, made by the stack other: give this one another name, or delete the " +
			"other first (aws iam delete-policy --policy-arn arn:aws:iam::123456789012:policy/shared)",
		"Statement: the function nowhere is neither declared nor on the server",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the error lacks %q:\n%s", want, got)
		}
	}
}

// What others add to the things of a stack stays as well.
func TestOthersAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.apply(api)
	name := w.functions()[0]
	roles, err := w.iam.ListRoles(t.Context(), &awsiam.ListRolesInput{})
	if err != nil {
		t.Fatal(err)
	}
	execution := roles.Roles[0].RoleName
	for _, err := range []error{
		second(w.lambda.AddPermission(t.Context(), &awslambda.AddPermissionInput{
			FunctionName: &name, StatementId: aws.String("demo-Mine-ABCD2345"), Action: aws.String("lambda:InvokeFunction"),
			Principal: aws.String("sns.amazonaws.com"),
		})),
		second(w.iam.PutRolePolicy(t.Context(), &awsiam.PutRolePolicyInput{
			RoleName: execution, PolicyName: aws.String("mine"),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`),
		})),
		second(w.iam.AttachRolePolicy(t.Context(), &awsiam.AttachRolePolicyInput{
			RoleName: execution, PolicyArn: aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"),
		})),
		second(w.lambda.CreateAlias(t.Context(), &awslambda.CreateAliasInput{
			FunctionName: &name, Name: aws.String("mine"), FunctionVersion: aws.String("$LATEST"),
		})),
		second(w.lambda.PublishVersion(t.Context(), &awslambda.PublishVersionInput{FunctionName: &name})),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if plan := w.plan(api); !plan.IsEmpty() {
		t.Errorf("there is to do:\n%s", plan.Diff())
	}
	// The stack has no permissions any more, and none of the others' goes.
	less := api[:strings.Index(api, "\n  AllowUrl")]
	plan := w.plan(less)
	if got := steps(plan); len(got) != 2 || !strings.HasPrefix(got[0], "delete statement demo-Allow") {
		t.Errorf("the steps are %q", got)
	}
	w.apply(less)
	got, err := w.lambda.GetPolicy(t.Context(), &awslambda.GetPolicyInput{FunctionName: &name})
	if err != nil || strings.Count(aws.ToString(got.Policy), `"Sid"`) != 1 {
		t.Errorf("the policy is %s, %v", aws.ToString(got.Policy), err)
	}
}

func second[T any](_ T, err error) error { return err }

// A step that fails says where and what, what was done before it stays, and the next plan goes on from there.
func TestFailureInTheMiddle(t *testing.T) {
	w := newWorld(t)
	broken := strings.ReplaceAll(api, "Principal: !Ref AWS::AccountId, InvokedVia", "Principal: AIDAABCDEFGHIJKLMNOPQ, InvokedVia")
	plan := w.plan(broken)
	_, err := plan.Apply(t.Context(), nil)
	var failed *apply.Failure
	if !errors.As(err, &failed) {
		t.Fatalf("the error is %v", err)
	}
	if failed.Failed.LogicalID != "AllowInvoke" || failed.Failed.Pos.Line == 0 ||
		!strings.Contains(err.Error(), "AddPermission answered InvalidParameterValueException: The provided principal was invalid") ||
		!strings.HasPrefix(err.Error(), "template.yaml:") {
		t.Errorf("the error is %v", err)
	}
	if len(failed.Done)+len(failed.Left)+1 != len(plan.Steps) {
		t.Errorf("of %d steps %d are done and %d left", len(plan.Steps), len(failed.Done), len(failed.Left))
	}
	w.restart(nil)
	if got := steps(w.plan(api)); len(got) < 1 || len(got) > 3 {
		t.Errorf("there is left to do: %q", got)
	}
	w.apply(api)
	w.apply(role)
}

// TestOnlyFurlServers: nothing else is sent a call of an API.
func TestOnlyFurlServers(t *testing.T) {
	var calls []string
	mock := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.Method+" "+r.URL.Path)
		w.WriteHeader(http.StatusOK) // as some emulators answer everything
	}))
	defer mock.Close()
	w := newWorld(t)
	for endpoint, why := range map[string]string{
		mock.URL:                                 "answers 200 OK and no proof",
		"":                                       "AWS is not a furl server (no endpoint is given): furl dev applies to furl servers only",
		"https://lambda.us-east-1.amazonaws.com": "that is an address of AWS",
		"https://lambda.cn-north-1.amazonaws.com.cn": "that is an address of AWS",
		"http://": "not the address of a server",
	} {
		w.restart(func(c *apply.Config) {
			c.AWS.BaseEndpoint = nil
			if endpoint != "" {
				c.AWS.BaseEndpoint = &endpoint
			}
		})
		_, err := w.applier.Plan(t.Context(), w.stack("demo", role))
		var foreign *apply.ForeignError
		if !errors.As(err, &foreign) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	if !slices.Equal(calls, []string{"GET /_furl/health"}) {
		t.Errorf("the other server got %q", calls)
	}
	w.restart(func(c *apply.Config) { c.Secret = "of another server" })
	if got := w.refuse(role); !strings.Contains(got, "another server answers there") {
		t.Error(got)
	}
}

// A server with --faithful-states refuses changes for two seconds after one; they are made all the same.
func TestFaithfulStates(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.FaithfulStates = true })
	const published = api + `
  V1:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !Ref Api}`
	w.zip("one.zip", "app.py", "one")
	w.apply(published)
	w.apply(strings.ReplaceAll(strings.ReplaceAll(published, "Code: src", "Code: one.zip"), "TABLE: items", "TABLE: others"))
}

// A URL, an alias and an inline policy can be declared for what others have made. They go again, and nothing else does;
// what is there already is left to those who made it.
func TestPartsOfWhatOthersMade(t *testing.T) {
	w := newWorld(t)
	w.applyAs("other", api)
	name := w.functions()[0]
	roles, err := w.iam.ListRoles(t.Context(), &awsiam.ListRolesInput{})
	if err != nil {
		t.Fatal(err)
	}
	execution := aws.ToString(roles.Roles[0].RoleName)
	for _, group := range []string{"theirs"} {
		if _, err := w.iam.CreateGroup(t.Context(), &awsiam.CreateGroupInput{GroupName: &group}); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.NewReplacer("FUNCTION", name, "ROLE", execution).Replace(`
  Live:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: FUNCTION, Name: live, FunctionVersion: $LATEST}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: FUNCTION, Qualifier: live, AuthType: AWS_IAM}
  Own:
    Type: AWS::IAM::Policy
    Properties: {PolicyName: own, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}, Roles: [ROLE], Groups: [theirs]}
  V1:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: FUNCTION}`)
	w.apply(text)
	if plan, err := w.applier.Plan(t.Context(), w.stack("other", api)); err != nil || !plan.IsEmpty() {
		t.Errorf("the other stack has to do: %v\n%s", err, plan.Diff())
	}
	got := w.refuse(strings.ReplaceAll(`
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: FUNCTION, AuthType: NONE}`, "FUNCTION", name))
	if !strings.Contains(got, "Url: there is a function URL of function "+name+" already, made by the stack other") {
		t.Error(got)
	}
	w.apply("\n  Nobody:\n    Type: AWS::IAM::User\n    Properties: {UserName: nobody}")
	function, err := w.lambda.GetFunction(t.Context(), &awslambda.GetFunctionInput{FunctionName: &name})
	if err != nil {
		t.Fatal(err)
	}
	for tag := range function.Tags {
		if strings.Contains(tag, "@") || strings.HasPrefix(tag, "furl:version:") {
			t.Errorf("the tag %s is left", tag)
		}
	}
	group, err := w.iam.ListGroupPolicies(t.Context(), &awsiam.ListGroupPoliciesInput{GroupName: aws.String("theirs")})
	if err != nil || len(group.PolicyNames) != 0 {
		t.Errorf("the group has %+v, %v", group, err)
	}
	if plan, err := w.applier.Plan(t.Context(), w.stack("other", api)); err != nil || !plan.IsEmpty() {
		t.Errorf("the other stack has to do: %v\n%s", err, plan.Diff())
	}
}

// More permissions than one tag has room for.
func TestManyParts(t *testing.T) {
	w := newWorld(t)
	text := one(basic)
	for i := range 60 {
		text += fmt.Sprintf("\n  P%d:\n    Type: AWS::Lambda::Permission\n    Properties: {FunctionName: !Ref Api, Action: lambda:InvokeFunction, Principal: sns.amazonaws.com}", i)
	}
	w.apply(text)
	w.restart(nil)
	w.apply(text)
	w.apply(one(basic))
	got, err := w.lambda.GetFunction(t.Context(), &awslambda.GetFunctionInput{FunctionName: aws.String("api")})
	if err != nil || len(got.Tags) != 2 {
		t.Errorf("the tags are %v, %v", got.Tags, err)
	}
}

// Lambda's answer to an environment that is too long has all of it, and the error has none.
func TestErrorsHideSecrets(t *testing.T) {
	w := newWorld(t)
	w.restart(func(c *apply.Config) {
		c.Environment = map[string]string{"PASS": "hun\"ter2", "PIN": "123", "LONG": strings.Repeat("x", 5000)}
		c.Environments = map[string]map[string]string{"api": {"OWN": "sesame", "COPY": "123"}}
	})
	plan := w.plan(one(basic))
	if diff := plan.Diff(); strings.Contains(diff, "123\n") || strings.Contains(diff, "ter2") || strings.Contains(diff, "sesame") {
		t.Errorf("the plan shows a secret:\n%s", diff)
	}
	_, err := plan.Apply(t.Context(), nil)
	if err == nil || strings.Contains(err.Error(), "ter2") || strings.Contains(err.Error(), `"PIN"`) ||
		!strings.Contains(err.Error(), "exceeded the 4KB limit. String measured: (hidden)") {
		t.Errorf("the error is %v", err)
	}
}

// A session that is ended in the middle says so, and the next one goes on.
func TestEndedInTheMiddle(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.plan(api).Apply(ctx, func(apply.Step) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	w.apply(api)
}
