//go:build unix

package lambdaapi_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/furl-dev/furl/internal/runtime"
)

// must gives the value, or ends the test.
func must[V any](value V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// The AWS SDK for Go takes the server for AWS.
func TestTheSDKUnderstandsTheAPI(t *testing.T) {
	s := start(t)
	s.plane.SetTrueTime()
	client, ctx, name := s.client(), context.Background(), aws.String("books")

	created := must(client.CreateFunction(ctx, &awslambda.CreateFunctionInput{
		FunctionName: name, Role: aws.String(role), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &types.FunctionCode{ZipFile: []byte("PK")}, Timeout: aws.Int32(7), MemorySize: aws.Int32(256),
		Environment:   &types.Environment{Variables: map[string]string{"STAGE": "test"}},
		Architectures: []types.Architecture{types.ArchitectureArm64}, Tags: map[string]string{"team": "blue"},
	}))(t)
	if created.State != types.StatePending || created.StateReasonCode != types.StateReasonCodeCreating || aws.ToString(created.FunctionArn) != prefix+"books" {
		t.Errorf("created: %s %s %s", created.State, created.StateReasonCode, aws.ToString(created.FunctionArn))
	}
	if err := awslambda.NewFunctionActiveV2Waiter(client).Wait(ctx, &awslambda.GetFunctionInput{FunctionName: name}, 5*time.Second); err != nil {
		t.Error(err)
	}
	if err := awslambda.NewFunctionExistsWaiter(client).Wait(ctx, &awslambda.GetFunctionInput{FunctionName: name}, 5*time.Second); err != nil {
		t.Error(err)
	}
	got := must(client.GetFunction(ctx, &awslambda.GetFunctionInput{FunctionName: aws.String(prefix + "books")}))(t)
	if c := got.Configuration; aws.ToInt32(c.Timeout) != 7 || aws.ToInt32(c.MemorySize) != 256 || c.Architectures[0] != types.ArchitectureArm64 ||
		c.Environment.Variables["STAGE"] != "test" || c.PackageType != types.PackageTypeZip || got.Tags["team"] != "blue" || aws.ToString(got.Code.Location) == "" {
		t.Errorf("got %+v", got)
	}

	must(client.UpdateFunctionCode(ctx, &awslambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: []byte("PK2")}))(t)
	if err := awslambda.NewFunctionUpdatedV2Waiter(client).Wait(ctx, &awslambda.GetFunctionInput{FunctionName: name}, 5*time.Second); err != nil {
		t.Error(err)
	}
	updated := must(client.UpdateFunctionConfiguration(ctx, &awslambda.UpdateFunctionConfigurationInput{FunctionName: name, Description: aws.String("new")}))(t)
	if updated.LastUpdateStatus != types.LastUpdateStatusInProgress {
		t.Errorf("updated: %s", updated.LastUpdateStatus)
	}

	for i := range 5 {
		must(client.CreateFunction(ctx, &awslambda.CreateFunctionInput{
			FunctionName: aws.String(fmt.Sprintf("more-%d", i)), Role: aws.String(role), Runtime: types.RuntimeProvidedal2023,
			Handler: aws.String("bootstrap"), Code: &types.FunctionCode{ZipFile: []byte("PK")},
		}))(t)
	}
	var names []string
	for pages := awslambda.NewListFunctionsPaginator(client, &awslambda.ListFunctionsInput{MaxItems: aws.Int32(2)}); pages.HasMorePages(); {
		for _, f := range must(pages.NextPage(ctx))(t).Functions {
			names = append(names, aws.ToString(f.FunctionName))
		}
	}
	if want := []string{"books", "more-0", "more-1", "more-2", "more-3", "more-4"}; !slices.Equal(names, want) {
		t.Errorf("listed %q", names)
	}

	url := must(client.CreateFunctionUrlConfig(ctx, &awslambda.CreateFunctionUrlConfigInput{
		FunctionName: name, AuthType: types.FunctionUrlAuthTypeAwsIam,
		Cors: &types.Cors{AllowOrigins: []string{"*"}, MaxAge: aws.Int32(60)},
	}))(t)
	if !strings.HasSuffix(aws.ToString(url.FunctionUrl), ".lambda-url.eu-west-1.localhost:9000/") || aws.ToInt32(url.Cors.MaxAge) != 60 {
		t.Errorf("url: %+v", url)
	}
	must(client.UpdateFunctionUrlConfig(ctx, &awslambda.UpdateFunctionUrlConfigInput{FunctionName: name, InvokeMode: types.InvokeModeResponseStream}))(t)
	urls := must(awslambda.NewListFunctionUrlConfigsPaginator(client, &awslambda.ListFunctionUrlConfigsInput{FunctionName: name}).NextPage(ctx))(t)
	if len(urls.FunctionUrlConfigs) != 1 || urls.FunctionUrlConfigs[0].InvokeMode != types.InvokeModeResponseStream || urls.FunctionUrlConfigs[0].AuthType != types.FunctionUrlAuthTypeAwsIam {
		t.Errorf("urls: %+v", urls.FunctionUrlConfigs)
	}

	for action, input := range map[string]awslambda.AddPermissionInput{
		"lambda:InvokeFunctionUrl": {FunctionUrlAuthType: types.FunctionUrlAuthTypeAwsIam},
		"lambda:InvokeFunction":    {InvokedViaFunctionUrl: aws.Bool(true)},
	} {
		input.FunctionName, input.Action, input.Principal = name, aws.String(action), aws.String(role)
		input.StatementId = aws.String(strings.TrimPrefix(action, "lambda:"))
		must(client.AddPermission(ctx, &input))(t)
	}
	policy := must(client.GetPolicy(ctx, &awslambda.GetPolicyInput{FunctionName: name}))(t)
	must(client.RemovePermission(ctx, &awslambda.RemovePermissionInput{FunctionName: name, StatementId: aws.String("InvokeFunction"), RevisionId: policy.RevisionId}))(t)

	s.invoker.result = result{Payload: []byte(`{"ok":true}`), LogTail: []byte("log"), FunctionError: "Unhandled"}
	out := must(client.Invoke(ctx, &awslambda.InvokeInput{FunctionName: name, Payload: []byte(`{"a":1}`), LogType: types.LogTypeTail}))(t)
	if string(out.Payload) != `{"ok":true}` || aws.ToString(out.LogResult) != base64.StdEncoding.EncodeToString([]byte("log")) ||
		aws.ToString(out.FunctionError) != "Unhandled" || aws.ToString(out.ExecutedVersion) != "$LATEST" || out.StatusCode != 200 {
		t.Errorf("invoked: %+v", out)
	}
	if out := must(client.Invoke(ctx, &awslambda.InvokeInput{FunctionName: name, InvocationType: types.InvocationTypeEvent}))(t); out.StatusCode != 202 {
		t.Errorf("event: %d", out.StatusCode)
	}

	must(client.TagResource(ctx, &awslambda.TagResourceInput{Resource: aws.String(prefix + "books"), Tags: map[string]string{"cost": "low"}}))(t)
	must(client.UntagResource(ctx, &awslambda.UntagResourceInput{Resource: aws.String(prefix + "books"), TagKeys: []string{"team"}}))(t)
	if tags := must(client.ListTags(ctx, &awslambda.ListTagsInput{Resource: aws.String(prefix + "books")}))(t); len(tags.Tags) != 1 || tags.Tags["cost"] != "low" {
		t.Errorf("tags: %v", tags.Tags)
	}
	if settings := must(client.GetAccountSettings(ctx, &awslambda.GetAccountSettingsInput{}))(t); settings.AccountUsage.FunctionCount != 6 {
		t.Errorf("account: %+v", settings.AccountUsage)
	}

	must(client.DeleteFunctionUrlConfig(ctx, &awslambda.DeleteFunctionUrlConfigInput{FunctionName: name}))(t)
	must(client.DeleteFunction(ctx, &awslambda.DeleteFunctionInput{FunctionName: name}))(t)
}

// TestTheSDKUnderstandsLayers is the same for the operations on layers, and for functions that have some.
func TestTheSDKUnderstandsLayers(t *testing.T) {
	s := start(t)
	s.plane.SetTrueTime()
	s.create("books")
	client, ctx, name, first := s.client(), context.Background(), aws.String("layer"), aws.Int64(1)
	published := must(client.PublishLayerVersion(ctx, &awslambda.PublishLayerVersionInput{
		LayerName: name, Description: name, LicenseInfo: aws.String("MIT"),
		Content:            &types.LayerVersionContentInput{ZipFile: []byte("PK")},
		CompatibleRuntimes: []types.Runtime{types.RuntimePython312}, CompatibleArchitectures: []types.Architecture{types.ArchitectureArm64},
	}))(t)
	got := must(client.GetLayerVersion(ctx, &awslambda.GetLayerVersionInput{LayerName: name, VersionNumber: first}))(t)
	same := must(client.GetLayerVersionByArn(ctx, &awslambda.GetLayerVersionByArnInput{Arn: published.LayerVersionArn}))(t)
	for _, arn := range []*string{got.LayerVersionArn, same.LayerVersionArn} {
		if aws.ToString(arn) != layerPrefix+"layer:1" {
			t.Errorf("ARN %s", aws.ToString(arn))
		}
	}
	if got.Version != 1 || got.Content.CodeSize != 2 || got.CompatibleRuntimes[0] != types.RuntimePython312 ||
		got.CompatibleArchitectures[0] != types.ArchitectureArm64 || aws.ToString(got.LicenseInfo) != "MIT" || aws.ToString(got.Content.Location) == "" {
		t.Errorf("got %+v", got)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000-0700", aws.ToString(got.CreatedDate)); err != nil {
		t.Error(err)
	}
	layers := must(client.ListLayers(ctx, &awslambda.ListLayersInput{CompatibleRuntime: types.RuntimePython312}))(t)
	if len(layers.Layers) != 1 || layers.Layers[0].LatestMatchingVersion.Version != 1 {
		t.Errorf("layers: %+v", layers.Layers)
	}
	if versions := must(client.ListLayerVersions(ctx, &awslambda.ListLayerVersionsInput{LayerName: name}))(t); len(versions.LayerVersions) != 1 {
		t.Errorf("versions: %+v", versions.LayerVersions)
	}
	added := must(client.AddLayerVersionPermission(ctx, &awslambda.AddLayerVersionPermissionInput{
		LayerName: name, VersionNumber: first, StatementId: name, Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String("*"),
	}))(t)
	shown := must(client.GetLayerVersionPolicy(ctx, &awslambda.GetLayerVersionPolicyInput{LayerName: name, VersionNumber: first}))(t)
	if aws.ToString(shown.RevisionId) != aws.ToString(added.RevisionId) || !strings.Contains(aws.ToString(shown.Policy), aws.ToString(added.Statement)) {
		t.Errorf("the policy: %+v", shown)
	}
	must(client.RemoveLayerVersionPermission(ctx, &awslambda.RemoveLayerVersionPermissionInput{
		LayerName: name, VersionNumber: first, StatementId: name, RevisionId: shown.RevisionId,
	}))(t)
	updated := must(client.UpdateFunctionConfiguration(ctx, &awslambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("books"), Layers: []string{layerPrefix + "layer:1"},
	}))(t)
	if len(updated.Layers) != 1 || aws.ToString(updated.Layers[0].Arn) != layerPrefix+"layer:1" || updated.Layers[0].CodeSize != 2 {
		t.Errorf("layers of the function: %+v", updated.Layers)
	}
	must(client.DeleteLayerVersion(ctx, &awslambda.DeleteLayerVersionInput{LayerName: name, VersionNumber: first}))(t)
	var notFound *types.ResourceNotFoundException
	_, err := client.GetLayerVersion(ctx, &awslambda.GetLayerVersionInput{LayerName: name, VersionNumber: first})
	if !errors.As(err, &notFound) || notFound.ErrorMessage() != "The resource you requested does not exist." {
		t.Error(err)
	}
}

// The SDK makes its own types of the errors, and finds their message whichever way it is spelled.
func TestTheSDKUnderstandsTheErrors(t *testing.T) {
	s := start(t)
	s.plane.SetTrueTime()
	s.create("books")
	client, ctx, name := s.client(), context.Background(), aws.String("books")

	var notFound *types.ResourceNotFoundException
	_, err := client.GetFunction(ctx, &awslambda.GetFunctionInput{FunctionName: aws.String("none")})
	if !errors.As(err, &notFound) || notFound.ErrorMessage() != "Function not found: "+prefix+"none" || aws.ToString(notFound.Type) != "User" {
		t.Error(err)
	}
	var bad *types.InvalidParameterValueException
	_, err = client.AddPermission(ctx, &awslambda.AddPermissionInput{FunctionName: name, StatementId: name, Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("nobody")})
	if !errors.As(err, &bad) || bad.ErrorMessage() != "The provided principal was invalid. Please check the principal and try again." {
		t.Error(err)
	}
	var stale *types.PreconditionFailedException
	_, err = client.UpdateFunctionConfiguration(ctx, &awslambda.UpdateFunctionConfigurationInput{FunctionName: name, RevisionId: name})
	if !errors.As(err, &stale) {
		t.Error(err)
	}
	var exists *types.ResourceConflictException
	_, err = client.CreateFunction(ctx, &awslambda.CreateFunctionInput{
		FunctionName: name, Role: aws.String(role), Runtime: types.RuntimeProvidedal2023, Handler: name, Code: &types.FunctionCode{ZipFile: []byte("PK")},
	})
	if !errors.As(err, &exists) || exists.ErrorMessage() != "Function already exist: books" {
		t.Error(err)
	}
	s.invoker.err = runtime.ErrBusy
	var busy *types.TooManyRequestsException
	_, err = client.Invoke(ctx, &awslambda.InvokeInput{FunctionName: name})
	if !errors.As(err, &busy) || busy.Reason != types.ThrottleReasonConcurrentInvocationLimitExceeded {
		t.Error(err)
	}
}
