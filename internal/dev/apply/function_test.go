//go:build unix

package apply_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/dev/apply"
)

// one is a function named "api" with more properties.
func one(properties string) string {
	return role + `
  Other:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: ` + trust + `}
  Api:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: api, ` + properties + `}`
}

const basic = "Runtime: python3.13, Handler: app.handler, Role: !GetAtt Role.Arn, Code: src"

// Each property of a function can be set, changed and taken away, and each change is one step.
func TestFunctionProperties(t *testing.T) {
	w := newWorld(t)
	w.write("more/app.py", "")
	w.zip("one.zip", "app.py", "one")
	w.apply(one(basic))
	for _, test := range []struct{ name, properties string }{
		{"Description", "Description: first"},
		{"Description", "Description: second"},
		{"Timeout", "Timeout: 30"},
		{"MemorySize", "MemorySize: 256"},
		{"EphemeralStorage", "EphemeralStorage: {Size: 1024}"},
		{"Architectures", "Architectures: [arm64]"},
		{"Environment.AB", "Environment: {Variables: {AB: b}}"},
		{"Environment.AB", "Environment: {Variables: {AB: ''}}"},
		{"Tags.team", "Tags: [{Key: team, Value: red}]"},
		{"Tags.team", "Tags: [{Key: team, Value: blue}]"},
		{"ReservedConcurrentExecutions", "ReservedConcurrentExecutions: 0"},
		{"ReservedConcurrentExecutions", "ReservedConcurrentExecutions: 5"},
		{"TracingConfig", "TracingConfig: {Mode: Active}"},
		{"LogFormat", "LoggingConfig: {LogFormat: JSON, SystemLogLevel: WARN}"},
		{"LogGroup", "LoggingConfig: {LogGroup: mine}"},
	} {
		properties := basic + ", " + test.properties
		plan := w.plan(one(properties))
		if len(plan.Steps) != 1 || plan.Steps[0].Action != apply.Alter || plan.Steps[0].LogicalID != "Api" ||
			!slices.ContainsFunc(plan.Steps[0].Changes, func(c apply.Change) bool { return c.Name == test.name }) {
			t.Errorf("%s: the plan is\n%s", test.properties, plan.Diff())
		}
		w.apply(one(properties))
	}
	w.apply(one(basic))
	for _, changed := range []string{
		strings.Replace(basic, "Code: src", "Code: more", 1), strings.Replace(basic, "Code: src", "Code: one.zip", 1),
		strings.Replace(basic, "app.handler", "app.other", 1), strings.Replace(basic, "python3.13", "python3.12", 1),
		strings.Replace(basic, "Role.Arn", "Other.Arn", 1),
		strings.Replace(basic, "Code: src", "Code: {ZipFile: 'def handler(e, c): pass'}", 1),
	} {
		plan := w.plan(one(changed))
		if len(plan.Steps) != 1 || plan.Steps[0].Action != apply.Alter {
			t.Errorf("%s: the plan is\n%s", changed, plan.Diff())
		}
		w.apply(one(changed))
	}
}

// The content of a .zip file counts, not its time; that of a directory is read by the server itself.
func TestCodeThatChanges(t *testing.T) {
	w := newWorld(t)
	zipped := one(strings.Replace(basic, "Code: src", "Code: one.zip", 1))
	w.zip("one.zip", "app.py", "one")
	w.apply(zipped)
	w.zip("one.zip", "app.py", "one")
	if plan := w.plan(zipped); !plan.IsEmpty() {
		t.Errorf("the same content is\n%s", plan.Diff())
	}
	w.zip("one.zip", "app.py", "two")
	if got := steps(w.plan(zipped)); !slices.Equal(got, []string{"change function api"}) {
		t.Errorf("other content is %q", got)
	}
	w.apply(zipped)
	w.apply(one(basic))
	w.write("src/app.py", "changed")
	if plan := w.plan(one(basic)); !plan.IsEmpty() {
		t.Errorf("a file of a directory is\n%s", plan.Diff())
	}
}

// A runtime that starts an executable needs it in the code, before and as long as the function has the runtime.
func TestRuntimesThatNeedABootstrap(t *testing.T) {
	w := newWorld(t)
	w.executable("go/bootstrap")
	w.apply(one(basic))
	w.apply(one("Runtime: provided.al2023, Handler: bootstrap, Role: !GetAtt Role.Arn, Code: go"))
	w.apply(one("Runtime: provided.al2, Handler: bootstrap, Role: !GetAtt Role.Arn, Code: go"))
	w.apply(one(basic))
}

// A function with another name is made before the one that it replaces is deleted, with all that belongs to it.
func TestRenamedFunction(t *testing.T) {
	w := newWorld(t)
	w.apply(strings.Replace(api, "Runtime:", "FunctionName: before\n      Runtime:", 1))
	after := strings.Replace(api, "Runtime:", "FunctionName: after\n      Runtime:", 1)
	plan := w.plan(after)
	got := steps(plan)
	if len(got) != 5 || got[0] != "replace function after" || got[4] != "delete function before" {
		t.Errorf("the steps are %q", got)
	}
	w.apply(after)
	if names := w.functions(); !slices.Equal(names, []string{"after"}) {
		t.Errorf("the functions are %q", names)
	}
}

// A function whose logical id changes and whose name stays is the same one.
func TestRenamedResource(t *testing.T) {
	w := newWorld(t)
	w.apply(one(basic))
	w.apply(strings.Replace(one(basic), "\n  Api:", "\n  Renamed:", 1))
	got, err := w.lambda.GetFunction(t.Context(), &awslambda.GetFunctionInput{FunctionName: aws.String("api")})
	if err != nil || got.Tags["furl:logical-id"] != "Renamed" || got.Tags["furl:stack"] != "demo" {
		t.Errorf("the tags are %v, %v", got.Tags, err)
	}
}

func TestURLProperties(t *testing.T) {
	w := newWorld(t)
	w.apply(api)
	with := func(more string) string {
		return strings.Replace(api, "AuthType: AWS_IAM}", "AuthType: "+more+"}", 1)
	}
	address := w.apply(api).URLs[0].Address
	for _, more := range []string{
		"NONE", "AWS_IAM, InvokeMode: RESPONSE_STREAM", "AWS_IAM, InvokeMode: BUFFERED", "AWS_IAM, Cors: {AllowOrigins: ['https://a.example'], MaxAge: 60, AllowCredentials: true}",
		"AWS_IAM, Cors: {AllowOrigins: ['*'], AllowMethods: [GET, POST], AllowHeaders: [x-a], ExposeHeaders: [x-b]}", "AWS_IAM",
	} {
		if got := steps(w.plan(with(more))); len(got) > 1 {
			t.Errorf("%s: %q", more, got)
		}
		if result := w.apply(with(more)); result.URLs[0].Address != address {
			t.Errorf("%s: the address is %s", more, result.URLs[0].Address)
		}
	}
}

// The address of a URL is known after the function is made that it is of, and given to another one.
func TestLateAttributes(t *testing.T) {
	w := newWorld(t)
	late := api + `
  Caller:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: caller
      Runtime: python3.13
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: src
      Environment: {Variables: {URL: !GetAtt Url.FunctionUrl, TEXT: !Sub "${Url.FunctionUrl}items"}}`
	if text := w.plan(late).Diff(); !strings.Contains(text, "Environment.URL = (known after apply)\n") {
		t.Errorf("the plan is\n%s", text)
	}
	url := w.apply(late).URLs[0].Address
	got, err := w.lambda.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String("caller")})
	want := map[string]string{"URL": url, "TEXT": url + "items"}
	if err != nil || !maps.Equal(got.Environment.Variables, want) {
		t.Errorf("the environment is %v, %v", got.Environment, err)
	}
	w.restart(nil)
	if plan := w.plan(late); !plan.IsEmpty() {
		t.Errorf("there is still to do\n%s", plan.Diff())
	}
	// The function is replaced, and its URL with it.
	renamed := strings.Replace(late, "Runtime:", "FunctionName: renamed\n      Runtime:", 1)
	changed := w.apply(renamed).URLs[0].Address
	got, err = w.lambda.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String("caller")})
	if err != nil || changed == url || got.Environment.Variables["URL"] != changed {
		t.Errorf("the environment is %v, %v", got.Environment, err)
	}
}

func TestEnvironmentOfTheSession(t *testing.T) {
	w := newWorld(t)
	stack := one(basic + ", Environment: {Variables: {TABLE: declared, KEPT: kept}}")
	w.restart(func(c *apply.Config) {
		c.Environment = map[string]string{"TABLE": "given-by-file", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"}
	})
	if text := w.plan(stack).Diff(); strings.Contains(text, "given-by-file") || strings.Contains(text, "declared") || !strings.Contains(text, "TABLE = (hidden)") {
		t.Errorf("the plan is\n%s", text)
	}
	w.apply(stack)
	got, err := w.lambda.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String("api")})
	want := map[string]string{"TABLE": "given-by-file", "KEPT": "kept", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"}
	if err != nil || !maps.Equal(got.Environment.Variables, want) {
		t.Errorf("the environment is %v, %v", got.Environment, err)
	}
	w.restart(func(c *apply.Config) {
		c.Environment = map[string]string{"TABLE": "given-by-file"}
		c.Environments = map[string]map[string]string{"api": {"TABLE": "of-the-function"}, "other": {"KEPT": "no"}}
	})
	w.apply(stack)
	got, err = w.lambda.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String("api")})
	want = map[string]string{"TABLE": "of-the-function", "KEPT": "kept"}
	if err != nil || !maps.Equal(got.Environment.Variables, want) {
		t.Errorf("the environment is %v, %v", got.Environment, err)
	}
	// Without the file the old value is not shown either.
	w.restart(nil)
	if text := w.plan(stack).Diff(); strings.Contains(text, "given-by-file") || !strings.Contains(text, "TABLE = (hidden) → declared") {
		t.Errorf("the plan is\n%s", text)
	}
}

func TestWebServersAndPlacesInTheTemplate(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.HTTPUpstreams = []string{"http://127.0.0.1:8000"} })
	stack := one("Runtime: provided.al2023, Handler: x, Role: !GetAtt Role.Arn, " +
		"Code: {S3Bucket: http-server, S3Key: 'http://127.0.0.1:8000'}")
	result := w.apply(stack)
	if want := (apply.Function{Name: "api", LogicalID: "Api", Upstream: "http://127.0.0.1:8000"}); result.Functions[0] != want {
		t.Errorf("the function is %+v", result.Functions)
	}
	w.apply(one("Runtime: python3.13, Handler: app.handler, Role: !GetAtt Role.Arn, Code: {S3Bucket: hot-reload, S3Key: '" + w.dir + "/src'}"))
}

// All that is wrong with the code of a template is told at once, with the place.
func TestCodeThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	got := w.refuse(one(strings.Replace(basic, "Code: src", "Code: nowhere", 1)) + `
  Layer:
    Type: AWS::Lambda::LayerVersion
    Properties: {Content: neither}`)
	for _, want := range []string{"template.yaml:8:3: Api: ", "nowhere: no such file or directory", "Layer: ", "neither: no such file"} {
		if !strings.Contains(got, want) {
			t.Errorf("the error lacks %q:\n%s", want, got)
		}
	}
}
