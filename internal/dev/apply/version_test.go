//go:build unix

package apply_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/dev/apply"
)

const published = role + `
  Api:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: api, Runtime: python3.13, Handler: app.handler, Role: !GetAtt Role.Arn, Code: one.zip}
  V1:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !Ref Api, Description: first}
  Live:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref Api, Name: live, FunctionVersion: !GetAtt V1.Version}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Live, AuthType: AWS_IAM}
  Allow:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Live, Action: lambda:InvokeFunctionUrl, Principal: "*", FunctionUrlAuthType: AWS_IAM}`

// versions are the numbers of the versions of the function "api".
func (w *world) versions() (numbers []string) {
	w.Helper()
	got, err := w.lambda.ListVersionsByFunction(w.Context(), &awslambda.ListVersionsByFunctionInput{FunctionName: aws.String("api")})
	if err != nil {
		w.Fatal(err)
	}
	for _, v := range got.Versions[1:] {
		numbers = append(numbers, aws.ToString(v.Version))
	}
	return numbers
}

// target is the version that the alias "live" points at.
func (w *world) target() string {
	w.Helper()
	got, err := w.lambda.GetAlias(w.Context(), &awslambda.GetAliasInput{FunctionName: aws.String("api"), Name: aws.String("live")})
	if err != nil {
		w.Fatal(err)
	}
	return aws.ToString(got.FunctionVersion)
}

func (w *world) wantVersions(alias string, numbers ...string) {
	w.Helper()
	if got := w.versions(); !slices.Equal(got, numbers) {
		w.Errorf("the versions are %q, not %q", got, numbers)
	}
	if got := w.target(); got != alias {
		w.Errorf("the alias points at %s, not at %s", got, alias)
	}
}

// A version is published when it is declared newly, by its logical id as CloudFormation does it, and when the code of the
// function has become another. The alias goes along, and the version that nothing declares any more goes after it.
func TestVersionsAndAliases(t *testing.T) {
	w := newWorld(t)
	w.zip("one.zip", "app.py", "one")
	result := w.apply(published)
	w.wantVersions("1", "1")
	if url := result.URLs[0]; url.Qualifier != "live" || url.LogicalID != "Api" {
		t.Errorf("the URL is %+v", url)
	}
	w.restart(nil)
	if plan := w.plan(published); !plan.IsEmpty() {
		t.Errorf("there is to do\n%s", plan.Diff())
	}

	w.zip("one.zip", "app.py", "two")
	plan := w.plan(published)
	want := []string{"change function api", "replace version api V1", "change alias api:live", "delete version 1 of function api"}
	if got := steps(plan); !slices.Equal(got, want) {
		t.Errorf("the steps are %q", got)
	}
	again := w.apply(published)
	w.wantVersions("2", "2")
	if again.URLs[0].Address != result.URLs[0].Address {
		t.Error("the address of the alias's URL has changed")
	}

	// Another logical id and nothing else: Lambda has nothing new to publish, and the version stays.
	renamed := strings.ReplaceAll(published, "V1", "V2")
	w.apply(renamed)
	w.wantVersions("2", "2")
	w.zip("one.zip", "app.py", "three")
	w.apply(strings.ReplaceAll(published, "V1", "V3"))
	w.wantVersions("3", "3")

	// Both.
	w.apply(strings.ReplaceAll(published, "V1", "V3") + `
  V4:
    Type: AWS::Lambda::Version
    DependsOn: V3
    Properties: {FunctionName: !Ref Api}`)
	w.wantVersions("3", "3")

	// Another configuration makes a version, be it declared newly or not, and tags do not.
	tagged := strings.ReplaceAll(published, "V1", "V3")
	tagged = strings.ReplaceAll(tagged, "Code: one.zip", "Code: one.zip, Tags: [{Key: a, Value: b}], ReservedConcurrentExecutions: 2")
	w.apply(tagged)
	w.wantVersions("3", "3")
	w.apply(strings.ReplaceAll(strings.ReplaceAll(published, "V1", "V5"), "Code: one.zip", "Code: one.zip, MemorySize: 256"))
	w.wantVersions("4", "4")
	w.apply(strings.ReplaceAll(strings.ReplaceAll(published, "V1", "V5"), "Code: one.zip", "Code: one.zip, MemorySize: 512"))
	w.wantVersions("5", "5")
	w.apply(published[:strings.Index(published, "\n  V1")])
	if got := w.versions(); got != nil {
		t.Errorf("the versions are %q", got)
	}
}

// What the session gives to all functions reaches the URL of an alias, too, and goes again.
func TestVersionsHaveTheEnvironmentOfTheSession(t *testing.T) {
	w := newWorld(t)
	w.zip("one.zip", "app.py", "one")
	w.apply(published)
	for i, given := range []map[string]string{{"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"}, nil} {
		number := strconv.Itoa(i + 2)
		w.restart(func(c *apply.Config) { c.Environment = given })
		w.apply(published)
		got, err := w.lambda.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{
			FunctionName: aws.String("api"), Qualifier: aws.String("live"),
		})
		if err != nil {
			t.Fatal(err)
		}
		var variables map[string]string
		if got.Environment != nil {
			variables = got.Environment.Variables
		}
		if !maps.Equal(variables, given) || aws.ToString(got.Version) != number {
			t.Errorf("version %s has %v, and version %s was to have %v", aws.ToString(got.Version), variables, number, given)
		}
		if plan := w.plan(published); !plan.IsEmpty() {
			t.Errorf("there is to do\n%s", plan.Diff())
		}
	}
}

func TestVersionThatOthersUseStays(t *testing.T) {
	w := newWorld(t)
	w.zip("one.zip", "app.py", "one")
	w.apply(published)
	if _, err := w.lambda.CreateAlias(t.Context(), &awslambda.CreateAliasInput{
		FunctionName: aws.String("api"), Name: aws.String("mine"), FunctionVersion: aws.String("1"),
	}); err != nil {
		t.Fatal(err)
	}
	w.zip("one.zip", "app.py", "two")
	w.apply(published)
	w.wantVersions("2", "1", "2")
}

func TestAliasProperties(t *testing.T) {
	w := newWorld(t)
	w.zip("one.zip", "app.py", "one")
	w.apply(published)
	with := func(more string) string {
		return strings.Replace(published, "FunctionVersion: !GetAtt V1.Version", "FunctionVersion: !GetAtt V1.Version, "+more, 1)
	}
	if _, err := w.lambda.UpdateFunctionConfiguration(t.Context(), &awslambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("api"), MemorySize: aws.Int32(512),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.lambda.PublishVersion(t.Context(), &awslambda.PublishVersionInput{FunctionName: aws.String("api")}); err != nil {
		t.Fatal(err)
	}
	w.apply(with("RoutingConfig: {AdditionalVersionWeights: [{FunctionVersion: '2', FunctionWeight: 0.25}]}"))
	got, err := w.lambda.GetAlias(t.Context(), &awslambda.GetAliasInput{FunctionName: aws.String("api"), Name: aws.String("live")})
	if err != nil || got.RoutingConfig.AdditionalVersionWeights["2"] != 0.25 {
		t.Errorf("the alias is %+v, %v", got, err)
	}
	w.apply(with("Description: x"))
	w.apply(with("ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}"))
	w.apply(with("ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}"))
	w.apply(published)
	provisioned, err := w.lambda.ListProvisionedConcurrencyConfigs(t.Context(), &awslambda.ListProvisionedConcurrencyConfigsInput{FunctionName: aws.String("api")})
	if err != nil || len(provisioned.ProvisionedConcurrencyConfigs) != 0 {
		t.Errorf("provisioned is %+v, %v", provisioned, err)
	}
	w.apply(strings.Replace(published, "Description: first", "ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}", 1))
	w.apply(published)
	w.apply(published + `
  Async:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Api, Qualifier: live, MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60}`)
	w.apply(published + `
  Async:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Api, Qualifier: $LATEST, MaximumRetryAttempts: 1}`)
	w.apply(published + `
  Async:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Api, Qualifier: $LATEST, DestinationConfig: {OnFailure: {Destination: "arn:aws:sqs:us-east-1:123456789012:lost"}}}`)
	w.apply(published)
	events, err := w.lambda.ListFunctionEventInvokeConfigs(t.Context(), &awslambda.ListFunctionEventInvokeConfigsInput{FunctionName: aws.String("api")})
	if err != nil || len(events.FunctionEventInvokeConfigs) != 0 {
		t.Errorf("event invoke configurations are %+v, %v", events, err)
	}
}

// A layer is published anew when its content or what is said of it changes, and functions get the new version.
func TestLayers(t *testing.T) {
	w := newWorld(t)
	w.write("layer/python/shared.py", "one")
	const layered = role + `
  Layer:
    Type: AWS::Lambda::LayerVersion
    Properties: {LayerName: shared, Content: layer, Description: modules, CompatibleRuntimes: [python3.13]}
  Api:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: api, Runtime: python3.13, Handler: app.handler, Role: !GetAtt Role.Arn, Code: src, Layers: [!Ref Layer]}`
	layers := func(want ...string) {
		t.Helper()
		got, err := w.lambda.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String("api")})
		if err != nil {
			t.Fatal(err)
		}
		var arns []string
		for _, l := range got.Layers {
			arns = append(arns, strings.TrimPrefix(aws.ToString(l.Arn), "arn:aws:lambda:us-east-1:123456789012:layer:"))
		}
		listed, err := w.lambda.ListLayerVersions(t.Context(), &awslambda.ListLayerVersionsInput{LayerName: aws.String("shared")})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(arns, want) || len(listed.LayerVersions) != len(want) {
			t.Errorf("the function has %q and there are %d versions; want %q", arns, len(listed.LayerVersions), want)
		}
	}
	w.apply(layered)
	layers("shared:1")
	w.restart(nil)
	if plan := w.plan(layered); !plan.IsEmpty() {
		t.Errorf("there is to do\n%s", plan.Diff())
	}
	w.write("layer/python/shared.py", "two")
	want := []string{"replace layer shared", "change function api", "delete layer shared:1"}
	if got := steps(w.plan(layered)); !slices.Equal(got, want) {
		t.Errorf("the steps are %q", got)
	}
	w.apply(layered)
	layers("shared:2")
	w.apply(strings.Replace(layered, "modules", strings.Repeat("much ", 50), 1))
	layers("shared:3")
	w.zip("layer.zip", "python/shared.py", "three")
	w.apply(strings.Replace(layered, "Content: layer", "Content: layer.zip", 1))
	layers("shared:4")
	w.apply(one(basic))
	layers()
}
