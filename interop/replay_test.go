//go:build unix

package interop_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
)

// recordedCalls are the calls that Terraform's AWS provider 5.100 was recorded to make for a function with a URL, and the
// status that each must have. The recording lives beside the repository.
func recordedCalls(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "shared", "declarations", "ops-terraform.txt"))
	if err != nil {
		skip(t, "the recorded calls are not here: %v", err)
	}
	calls := map[string]int{}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "us-east-1", region)) {
		fields := strings.Fields(line) // COUNT SERVICE ACTION STATUS …, and for Lambda the method and the path
		if len(fields) < 4 || fields[1] == "=====" {
			continue
		}
		at := 3
		if fields[1] == "lambda" {
			at = 4
		}
		status, err := strconv.Atoi(fields[at])
		if err != nil {
			t.Fatalf("not a recorded call: %s", line)
		}
		if len(fields) > at+1 && fields[at+1] == "SHIMMED" { // somebody answered in the place of a server that did not
			status = http.StatusOK
		}
		calls[strings.Join(append(fields[1:at], strconv.Itoa(status)), " ")]++
	}
	return calls
}

// callLog is the transport of clients, and writes their calls down in the form of the recording.
type callLog struct {
	mu    sync.Mutex
	calls map[string]int
}

var scope = regexp.MustCompile(`Credential=[^/]+/\d+/[^/]+/([a-z]+)/`)

func (l *callLog) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	call := []string{"", "", strconv.Itoa(response.StatusCode)}
	if service := scope.FindStringSubmatch(request.Header.Get("Authorization")); service != nil {
		call[0] = service[1]
	}
	if call[0] == "lambda" {
		call[1] = request.Method + " " + strings.TrimSuffix(request.URL.EscapedPath(), "/")
	} else if form, err := url.ParseQuery(string(body)); err == nil {
		call[1] = form.Get("Action")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[strings.Join(call, " ")]++
	return response, nil
}

// ok is the answer of a call that must succeed.
func ok[T any](answer T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

// absent fails unless a call was answered 404, as the provider expects of what it has deleted.
func absent[T any](t *testing.T, answer T, err error) {
	t.Helper()
	var refused interface{ HTTPStatusCode() int }
	if !errors.As(err, &refused) || refused.HTTPStatusCode() != http.StatusNotFound {
		t.Errorf("not gone: %+v, %v", answer, err)
	}
}

// provider makes the calls of Terraform's AWS provider for a role, a user, a layer and a function with all that it can
// have.
type provider struct {
	iam    *iam.Client
	lambda *lambda.Client
	sts    *sts.Client
}

var (
	appName  = aws.String("tf-app")
	liveName = aws.String("live")
	byCaller = aws.String("caller")
	logs     = aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
	version1 = "arn:aws:lambda:" + region + ":" + account + ":function:tf-app:1"
	layerOne = "arn:aws:lambda:" + region + ":" + account + ":layer:shared:1"
	provided = lambda.PutProvisionedConcurrencyConfigInput{FunctionName: appName, Qualifier: liveName}
)

// refresh makes every read of the provider, and returns the answers without the addresses of code, which are new each
// time and which it does not keep.
func (p provider) refresh(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	function := ok(p.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: appName}))(t)
	function.Code.Location = nil
	alias := ok(p.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: appName, Qualifier: liveName}))(t)
	alias.Code.Location = nil
	layer := ok(p.lambda.GetLayerVersion(ctx, &lambda.GetLayerVersionInput{LayerName: aws.String("shared"), VersionNumber: aws.Int64(1)}))(t)
	layer.Content.Location = nil
	answers := []any{
		ok(p.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))(t),
		ok(p.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: appName}))(t),
		ok(p.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: appName}))(t),
		ok(p.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: appName}))(t),
		ok(p.iam.GetUser(ctx, &iam.GetUserInput{UserName: byCaller}))(t),
		function, alias, layer,
		ok(p.lambda.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: appName}))(t),
		ok(p.lambda.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: appName}))(t),
		ok(p.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: appName, Name: liveName}))(t),
		ok(p.lambda.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: appName}))(t),
		ok(p.lambda.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: appName, Qualifier: liveName}))(t),
		ok(p.lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: appName}))(t),
		ok(p.lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: appName, Qualifier: liveName}))(t),
		ok(p.lambda.GetResourcePolicy(ctx, &lambda.GetResourcePolicyInput{ResourceArn: aws.String(version1)}))(t),
		ok(p.lambda.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: appName}))(t),
		ok(p.lambda.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: appName, Qualifier: liveName}))(t),
		ok(p.lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: appName, Qualifier: liveName}))(t),
		ok(p.lambda.GetFunctionRecursionConfig(ctx, &lambda.GetFunctionRecursionConfigInput{FunctionName: appName}))(t),
		ok(p.lambda.GetRuntimeManagementConfig(ctx, &lambda.GetRuntimeManagementConfigInput{FunctionName: appName}))(t),
		ok(p.lambda.GetLayerVersionPolicy(ctx, &lambda.GetLayerVersionPolicyInput{LayerName: aws.String("shared"), VersionNumber: aws.Int64(1)}))(t),
		ok(p.lambda.ListTags(ctx, &lambda.ListTagsInput{Resource: function.Configuration.FunctionArn}))(t),
	}
	text, err := json.MarshalIndent(answers, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settle waits as the provider does after each change of a function and of its provisioned concurrency.
func (p provider) settle(t *testing.T) {
	t.Helper()
	const patience = time.Minute
	input := &lambda.GetFunctionInput{FunctionName: appName}
	active := lambda.NewFunctionActiveV2Waiter(p.lambda, func(o *lambda.FunctionActiveV2WaiterOptions) { o.MinDelay = 50 * time.Millisecond })
	updated := lambda.NewFunctionUpdatedV2Waiter(p.lambda, func(o *lambda.FunctionUpdatedV2WaiterOptions) { o.MinDelay = 50 * time.Millisecond })
	if err := errors.Join(active.Wait(t.Context(), input, patience), updated.Wait(t.Context(), input, patience)); err != nil {
		t.Fatal(err)
	}
}

func (p provider) provision(t *testing.T, environments int32) {
	t.Helper()
	input := provided
	input.ProvisionedConcurrentExecutions = aws.Int32(environments)
	ok(p.lambda.PutProvisionedConcurrencyConfig(t.Context(), &input))(t)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		got := ok(p.lambda.GetProvisionedConcurrencyConfig(t.Context(),
			&lambda.GetProvisionedConcurrencyConfigInput{FunctionName: appName, Qualifier: liveName}))(t)
		if got.Status == types.ProvisionedConcurrencyStatusEnumReady {
			return
		}
		if got.Status == types.ProvisionedConcurrencyStatusEnumFailed || time.Now().After(deadline) {
			t.Fatalf("provisioned concurrency: %s %s", got.Status, aws.ToString(got.StatusReason))
		}
	}
}

func (p provider) permit(t *testing.T, statement, action string, qualifier *string) {
	t.Helper()
	input := &lambda.AddPermissionInput{
		FunctionName: appName, Qualifier: qualifier, StatementId: aws.String(statement), Action: aws.String(action),
		Principal: aws.String("arn:aws:iam::" + account + ":user/caller"),
	}
	if action == "lambda:InvokeFunctionUrl" {
		input.FunctionUrlAuthType = types.FunctionUrlAuthTypeAwsIam
	}
	ok(p.lambda.AddPermission(t.Context(), input))(t)
}

func (p provider) putPolicy(t *testing.T, source string) {
	t.Helper()
	ok(p.lambda.PutResourcePolicy(t.Context(), &lambda.PutResourcePolicyInput{ResourceArn: aws.String(version1), Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Sid":"net","Effect":"Deny","Principal":"*","Action":"lambda:InvokeFunction",` +
			`"Resource":"` + version1 + `","Condition":{"IpAddress":{"aws:SourceIp":"` + source + `"}}}]}`)}))(t)
}

func (p provider) create(t *testing.T, code, layer []byte) {
	ctx := t.Context()
	role := ok(p.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: appName, AssumeRolePolicyDocument: aws.String(lambdaMayAssume)}))(t)
	ok(p.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: appName, PolicyArn: logs}))(t)
	ok(p.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: byCaller}))(t)
	ok(p.lambda.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("shared"), Content: &types.LayerVersionContentInput{ZipFile: layer}}))(t)
	ok(p.lambda.AddLayerVersionPermission(ctx, &lambda.AddLayerVersionPermissionInput{LayerName: aws.String("shared"), VersionNumber: aws.Int64(1),
		StatementId: aws.String("partner"), Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String("210987654321")}))(t)
	ok(p.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: appName, Role: role.Role.Arn, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Publish: true,
		Code: &types.FunctionCode{ZipFile: code}, Layers: []string{layerOne}, MemorySize: aws.Int32(256), Timeout: aws.Int32(7),
		Environment: &types.Environment{Variables: map[string]string{"STAGE": "prod"}}, Tags: map[string]string{"a": "b"},
	}))(t)
	p.settle(t)
	ok(p.lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: appName, ReservedConcurrentExecutions: aws.Int32(5)}))(t)
	ok(p.lambda.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: appName, Name: liveName, FunctionVersion: aws.String("1")}))(t)
	for _, qualifier := range []*string{nil, liveName} {
		ok(p.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
			FunctionName: appName, Qualifier: qualifier, AuthType: types.FunctionUrlAuthTypeAwsIam,
			Cors: &types.Cors{AllowOrigins: []string{"*"}, AllowMethods: []string{"GET", "POST"}},
		}))(t)
		p.permit(t, "url", "lambda:InvokeFunctionUrl", qualifier)
		p.permit(t, "function", "lambda:InvokeFunction", qualifier)
	}
	ok(p.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: appName, Qualifier: liveName, MaximumRetryAttempts: aws.Int32(1)}))(t)
	ok(p.lambda.PutFunctionRecursionConfig(ctx, &lambda.PutFunctionRecursionConfigInput{FunctionName: appName, RecursiveLoop: types.RecursiveLoopAllow}))(t)
	p.provision(t, 1)
	p.putPolicy(t, "192.0.2.0/24")
}

// update changes everything that can be changed in place, in the provider's order.
func (p provider) update(t *testing.T, code []byte) {
	ctx := t.Context()
	ok(p.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: appName, StatementId: aws.String("function")}))(t)
	p.permit(t, "function2", "lambda:InvokeFunction", nil)
	arn := aws.String("arn:aws:lambda:" + region + ":" + account + ":function:tf-app")
	ok(p.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: arn, Tags: map[string]string{"a": "c"}}))(t)
	ok(p.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: appName, Timeout: aws.Int32(9)}))(t)
	p.settle(t)
	ok(p.lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: appName, ZipFile: code}))(t)
	p.settle(t)
	ok(p.lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: appName, ReservedConcurrentExecutions: aws.Int32(7)}))(t)
	published := ok(p.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: appName}))(t)
	got := ok(p.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: published.FunctionArn, Qualifier: published.Version}))(t)
	if aws.ToString(got.Version) != "2" || got.State != types.StateActive || got.LastUpdateStatus != types.LastUpdateStatusSuccessful {
		t.Errorf("published %s %s %s", aws.ToString(got.Version), got.State, got.LastUpdateStatus)
	}
	ok(p.lambda.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: appName, Name: liveName, FunctionVersion: published.Version,
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{}}}))(t)
	for _, qualifier := range []*string{nil, liveName} {
		ok(p.lambda.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: appName, Qualifier: qualifier, Cors: &types.Cors{}}))(t)
	}
	ok(p.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: appName, Qualifier: liveName, MaximumRetryAttempts: aws.Int32(0)}))(t)
	p.provision(t, 2)
	p.putPolicy(t, "198.51.100.0/24")
}

// destroy deletes everything, and looks for it where the provider does.
func (p provider) destroy(t *testing.T) {
	ctx := t.Context()
	for _, statement := range []struct{ id, qualifier *string }{
		{aws.String("url"), nil}, {aws.String("function2"), nil}, {aws.String("url"), liveName}, {aws.String("function"), liveName},
	} {
		ok(p.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: appName, Qualifier: statement.qualifier, StatementId: statement.id}))(t)
	}
	for _, qualifier := range []*string{nil, liveName} {
		policy, err := p.lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: appName, Qualifier: qualifier})
		absent(t, policy, err)
		ok(p.lambda.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: appName, Qualifier: qualifier}))(t)
		address, err := p.lambda.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: appName, Qualifier: qualifier})
		absent(t, address, err)
	}
	ok(p.lambda.DeleteResourcePolicy(ctx, &lambda.DeleteResourcePolicyInput{ResourceArn: aws.String(version1)}))(t)
	policy, err := p.lambda.GetResourcePolicy(ctx, &lambda.GetResourcePolicyInput{ResourceArn: aws.String(version1)})
	absent(t, policy, err)
	ok(p.lambda.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: appName, Qualifier: liveName}))(t)
	provisioned, err := p.lambda.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: appName, Qualifier: liveName})
	absent(t, provisioned, err)
	ok(p.lambda.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: appName, Qualifier: liveName}))(t)
	events, err := p.lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: appName, Qualifier: liveName})
	absent(t, events, err)
	ok(p.lambda.PutFunctionRecursionConfig(ctx, &lambda.PutFunctionRecursionConfigInput{FunctionName: appName, RecursiveLoop: types.RecursiveLoopTerminate}))(t)
	ok(p.lambda.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: appName, Name: liveName}))(t)
	alias, err := p.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: appName, Name: liveName})
	absent(t, alias, err)
	ok(p.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: appName}))(t)
	function, err := p.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: appName})
	absent(t, function, err)
	ok(p.lambda.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: aws.String("shared"), VersionNumber: aws.Int64(1)}))(t)
	layer, err := p.lambda.GetLayerVersion(ctx, &lambda.GetLayerVersionInput{LayerName: aws.String("shared"), VersionNumber: aws.Int64(1)})
	absent(t, layer, err)
	ok(p.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: appName, PolicyArn: logs}))(t)
	ok(p.iam.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: appName}))(t)
	ok(p.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: appName}))(t)
	ok(p.iam.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: byCaller}))(t)
	ok(p.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: byCaller}))(t)
}

// TestTerraformReplay makes the calls of Terraform's AWS provider with the SDK that it uses. Two reads in a row tell the
// same, which is what keeps plans free of drift, and every recorded call is answered as it must be.
func TestTerraformReplay(t *testing.T) {
	recorded := recordedCalls(t)
	s := startServer(t)
	log := &callLog{calls: map[string]int{}}
	config := s.config()
	config.HTTPClient = &http.Client{Transport: log}
	p := provider{iam.NewFromConfig(config), lambda.NewFromConfig(config), sts.NewFromConfig(config)}
	content := func(zip string) []byte { return ok(os.ReadFile(zip))(t) }
	code := content(echoZip(t))

	p.create(t, code, content(writeZip(t, nil, map[string]string{"shared.txt": "testdata/operations.json"})))
	created := p.refresh(t)
	if diff := cmp.Diff(created, p.refresh(t)); diff != "" {
		t.Errorf("drift after creation:\n%s", diff)
	}
	p.update(t, content(writeZip(t, nil, map[string]string{"bootstrap": must(t, buildEcho), "more.txt": "testdata/operations.json"})))
	updated := p.refresh(t)
	if diff := cmp.Diff(updated, p.refresh(t)); diff != "" {
		t.Errorf("drift after the update:\n%s", diff)
	}
	if updated == created {
		t.Error("the update changed nothing")
	}
	p.destroy(t)

	for call := range recorded {
		if log.calls[call] == 0 {
			t.Errorf("%s was recorded, and is not among the calls made", call)
		}
	}
	if len(recorded) < 25 {
		t.Errorf("the recording has %d calls", len(recorded))
	}
}
