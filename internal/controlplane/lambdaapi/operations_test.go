//go:build unix

package lambdaapi_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
)

func TestUnknownOperations(t *testing.T) {
	s := start(t)
	for _, test := range []struct{ method, path string }{
		{"GET", "/"},
		{"GET", "/2015-03-31"},
		{"GET", "/2015-03-31/function"},
		{"PATCH", "/2015-03-31/functions"},
		{"HEAD", "/2015-03-31/functions/books"},
		{"GET", "/2015-03-31/functions//configuration"},
		{"GET", "//2015-03-31/functions"},
		{"GET", "/2015-03-31/functions/../functions"},
		{"DELETE", "/2015-03-31/functions/"},
		{"GET", "/2015-03-31/functions/a/b/c/d"},
		{"POST", "/2015-03-31/functions/books/invocations/again"},
		{"GET", "/2017-03-31/tags/"},
		{"OPTIONS", "/2021-10-31/functions/books/url"},
	} {
		got := s.do(request{method: test.method, path: test.path})
		if got.status != 404 || got.name != "UnknownOperationException" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d %s %s", test.method, test.path, got.status, got.name, got.header)
		}
		why := "it is not in the API model of botocore 1.44.8. AWS may have it in a newer one."
		if !strings.HasPrefix(test.path, "/20") {
			why = "the paths of its operations begin with a date. furl url list shows the addresses of function URLs."
		}
		want := `{"Message":"furl knows no Lambda operation ` + test.method + " " + test.path +
			`: ` + why + `"}`
		if test.method != "HEAD" && got.body != want {
			t.Errorf("%s %s: %s", test.method, test.path, got.body)
		}
	}
}

func TestOperationsListsWhatThereIs(t *testing.T) {
	want := []string{
		"CreateFunction", "GetFunction", "GetFunctionConfiguration", "UpdateFunctionCode", "UpdateFunctionConfiguration",
		"DeleteFunction", "ListFunctions", "PublishVersion", "ListVersionsByFunction", "CreateAlias", "GetAlias", "UpdateAlias",
		"DeleteAlias", "ListAliases", "CreateFunctionUrlConfig", "GetFunctionUrlConfig", "UpdateFunctionUrlConfig",
		"DeleteFunctionUrlConfig", "ListFunctionUrlConfigs", "AddPermission", "GetPolicy", "RemovePermission",
		"PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy", "Invoke", "InvokeWithResponseStream",
		"TagResource", "UntagResource", "ListTags", "GetAccountSettings",
		"GetFunctionCodeSigningConfig", "DeleteFunctionCodeSigningConfig",
		"PutFunctionConcurrency", "GetFunctionConcurrency", "DeleteFunctionConcurrency", "PutProvisionedConcurrencyConfig",
		"GetProvisionedConcurrencyConfig", "DeleteProvisionedConcurrencyConfig", "ListProvisionedConcurrencyConfigs",
		"PutFunctionRecursionConfig", "GetFunctionRecursionConfig", "PutRuntimeManagementConfig", "GetRuntimeManagementConfig",
		"GetFunctionScalingConfig",
		"PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig", "GetFunctionEventInvokeConfig",
		"DeleteFunctionEventInvokeConfig", "ListFunctionEventInvokeConfigs", "ListEventSourceMappings", "GetEventSourceMapping",
		"ListCodeSigningConfigs", "GetCodeSigningConfig", "ListFunctionsByCodeSigningConfig",
		"ListCapacityProviders",
		"PublishLayerVersion", "GetLayerVersion", "GetLayerVersionByArn", "ListLayers", "ListLayerVersions", "DeleteLayerVersion",
		"AddLayerVersionPermission", "GetLayerVersionPolicy", "RemoveLayerVersionPermission",
	}
	var got []string
	for _, op := range lambdaapi.Operations() {
		got = append(got, op.Name)
		if !strings.HasPrefix(op.Action, "lambda:") || op.Method == "" || !strings.HasPrefix(op.Path, "/20") {
			t.Errorf("%+v is not documented in full", op)
		}
	}
	if !slices.Equal(want, got) {
		t.Errorf("got %q", got)
	}
}

func TestNewWantsAllItWorksWith(t *testing.T) {
	if _, err := lambdaapi.New(lambdaapi.Config{Code: &fakeCode{}}); err == nil || err.Error() != "lambdaapi: Config.Links is not set" {
		t.Error(err)
	}
}

// client is the AWS SDK's client of the server.
func (s *server) client() *awslambda.Client {
	who := s.plane.Root(account)
	return awslambda.New(awslambda.Options{
		Region:       region,
		BaseEndpoint: aws.String(s.plane.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(who.AccessKeyID, who.Secret.Reveal(), ""),
		Retryer:      aws.NopRetryer{},
	})
}

// Every operation that the SDK knows is one that furl has or one that it says it does not have.
func TestEveryOperationOfTheSDKIsKnown(t *testing.T) {
	s := start(t)
	s.plane.SetTrueTime()
	client := reflect.ValueOf(s.client())
	have := map[string]bool{}
	for _, op := range lambdaapi.Operations() {
		have[op.Name] = true
	}
	seen := 0
	for i := range client.NumMethod() {
		name := client.Type().Method(i).Name
		method := client.Method(i)
		if method.Type().NumIn() != 3 || method.Type().NumOut() != 2 {
			continue // Options
		}
		seen++
		input := reflect.New(method.Type().In(1).Elem())
		fill(input.Elem())
		out := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), input})
		err, _ := out[1].Interface().(error)
		var answer smithy.APIError
		switch {
		case have[name] && err == nil: // ListFunctions and the like
		case !errors.As(err, &answer):
			t.Errorf("%s: %v", name, err)
		case have[name]:
			if strings.HasPrefix(answer.ErrorCode(), "Un") || answer.ErrorFault() == smithy.FaultServer {
				t.Errorf("%s: %v", name, err)
			}
		default:
			want := "furl does not have the Lambda operation " + name + ". docs/compatibility.md lists what it has."
			if answer.ErrorCode() != "UnsupportedOperationException" || answer.ErrorMessage() != want {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if seen < 80 {
		t.Errorf("only %d operations were tried", seen)
	}
}

// fill gives every string member of an SDK's input a value, so that it can be sent.
func fill(value reflect.Value) {
	for i := range value.NumField() {
		field := value.Field(i)
		if !field.CanSet() {
			continue
		}
		switch {
		case field.Type() == reflect.TypeFor[*string]():
			field.Set(reflect.ValueOf(aws.String("books")))
		case field.Type() == reflect.TypeFor[*int64]():
			field.Set(reflect.ValueOf(aws.Int64(1)))
		case field.Type() == reflect.TypeFor[*int32]():
			field.Set(reflect.ValueOf(aws.Int32(1)))
		case field.Type() == reflect.TypeFor[[]string]():
			field.Set(reflect.ValueOf([]string{"books"}))
		case field.Type() == reflect.TypeFor[map[string]string]():
			field.Set(reflect.ValueOf(map[string]string{"books": "books"}))
		case field.Type() == reflect.TypeFor[io.Reader]():
			field.Set(reflect.ValueOf(strings.NewReader("{}")))
		case field.Kind() == reflect.String:
			field.SetString("NONE")
		case field.Kind() == reflect.Pointer && field.Type().Elem().Kind() == reflect.Struct:
			inner := reflect.New(field.Type().Elem())
			fill(inner.Elem())
			field.Set(inner)
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			field.Set(reflect.MakeSlice(field.Type(), 0, 0))
		}
	}
}
