//go:build unix

package awsapi_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/setuptest"
)

const account = planetest.Account

func TestFunctionsAndTheirURLs(t *testing.T) {
	world := setuptest.New(t)
	role := world.AddRole(account, "/team/", "web-role", "")
	arn := world.AddFunction(account, "web", role)
	world.AddFunction(account, "other", role)
	api := world.Client(world.Root(account))

	function, err := api.Function(t.Context(), arn)
	if want := (awsapi.Function{ARN: arn, Role: "arn:aws:iam::" + account + ":role/team/web-role"}); err != nil || function != want {
		t.Fatalf("the function is %+v, %v; want %+v", function, err, want)
	}
	var listed []string
	for function, err := range api.Functions(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, function.ARN.Name)
	}
	if diff := cmp.Diff([]string{"other", "web"}, listed); diff != "" {
		t.Error(diff)
	}

	if _, err := api.URL(t.Context(), arn); awsapi.KindOf(err) != awsapi.NotFound {
		t.Errorf("a function without URL: %v", err)
	}
	age, yes := 60, true
	settings := awsapi.URLSettings{
		AuthType: lambda.AuthIAM,
		CORS:     &lambda.CORS{AllowCredentials: &yes, AllowHeaders: []string{"x-a"}, AllowMethods: []string{"GET"}, AllowOrigins: []string{"https://a.example"}, ExposeHeaders: []string{"x-b"}, MaxAge: &age},
	}
	created, err := api.CreateURL(t.Context(), arn, settings)
	if err != nil {
		t.Fatal(err)
	}
	if created.Function != arn || created.AuthType != lambda.AuthIAM || created.InvokeMode != lambda.Buffered ||
		!strings.HasPrefix(created.Address, "http://") || time.Since(created.Created) > time.Minute {
		t.Errorf("created %+v", created)
	}
	if diff := cmp.Diff(settings.CORS, created.CORS); diff != "" {
		t.Error(diff)
	}
	if _, err := api.CreateURL(t.Context(), arn, settings); awsapi.KindOf(err) != awsapi.Conflict {
		t.Errorf("a second URL: %v", err)
	}
	updated, err := api.UpdateURL(t.Context(), arn, awsapi.URLSettings{InvokeMode: lambda.ResponseStream, CORS: &lambda.CORS{}})
	if err != nil || updated.InvokeMode != lambda.ResponseStream || updated.AuthType != lambda.AuthIAM || updated.Modified.IsZero() {
		t.Errorf("updated %+v, %v", updated, err)
	}
	urls, err := api.URLs(t.Context(), arn)
	if err != nil || len(urls) != 1 || urls[0].Address != created.Address {
		t.Errorf("URLs are %+v, %v", urls, err)
	}
	if err := api.DeleteURL(t.Context(), arn); err != nil {
		t.Error(err)
	}
	if err := api.DeleteURL(t.Context(), arn); awsapi.KindOf(err) != awsapi.NotFound {
		t.Errorf("deleted again: %v", err)
	}
}

func TestPermissions(t *testing.T) {
	world := setuptest.New(t)
	named := world.AddFunction(account, "web", world.AddRole(account, "/", "web-role", ""))
	caller := world.AddRole(account, "/", "caller", "").ARN()
	api := world.Client(world.Root(account))

	if _, err := api.Policy(t.Context(), named); awsapi.KindOf(err) != awsapi.NotFound {
		t.Errorf("a function without policy: %v", err)
	}
	yes := true
	permissions := []lambda.Permission{
		{StatementID: "a", Action: lambda.ActionInvokeURL, Principal: lambda.PermissionPrincipal{AWS: caller}, FunctionURLAuthType: lambda.AuthIAM},
		{StatementID: "b", Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{AWS: arn.Root(planetest.Other).String()}, InvokedViaURL: &yes},
		{StatementID: "c", Action: lambda.ActionInvokeURL, Principal: lambda.PermissionPrincipal{Anyone: true}, FunctionURLAuthType: lambda.AuthNone, PrincipalOrgID: "o-1234567890"},
		{StatementID: "d", Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{Service: "cloudfront.amazonaws.com"}, SourceARN: "arn:aws:cloudfront::" + account + ":distribution/E1", SourceAccount: account},
	}
	for _, permission := range permissions {
		if err := api.AddPermission(t.Context(), named, permission); err != nil {
			t.Fatal(err)
		}
	}
	// What the API returns is what the domain says that AWS does.
	same := func(principal string) string { return principal }
	text, err := api.Policy(t.Context(), named)
	if err != nil || text != lambda.PolicyText(permissions, named, same) {
		t.Errorf("the policy is %s, %v", text, err)
	}
	if err := api.AddPermission(t.Context(), named, permissions[0]); awsapi.KindOf(err) != awsapi.Conflict {
		t.Errorf("added again: %v", err)
	}
	if err := api.RemovePermission(t.Context(), named, "a"); err != nil {
		t.Error(err)
	}
	if err := api.RemovePermission(t.Context(), named, "a"); awsapi.KindOf(err) != awsapi.NotFound {
		t.Errorf("removed again: %v", err)
	}
	nobody := permissions[0]
	nobody.Principal.AWS = "arn:aws:iam::" + account + ":role/nobody"
	if err := api.AddPermission(t.Context(), named, nobody); awsapi.KindOf(err) != awsapi.Invalid {
		t.Errorf("a role that does not exist: %v", err)
	}
}

func TestWholePolicies(t *testing.T) {
	world := setuptest.New(t)
	named := world.AddFunction(account, "web", world.AddRole(account, "/", "web-role", ""))
	api := world.Client(world.Root(account))
	if _, _, err := api.ResourcePolicy(t.Context(), named); awsapi.KindOf(err) != awsapi.NotFound {
		t.Errorf("a function without policy: %v", err)
	}
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"lambda:InvokeFunction","Resource":"*"}]}`
	if err := api.PutResourcePolicy(t.Context(), named, document, ""); err != nil {
		t.Fatal(err)
	}
	text, revision, err := api.ResourcePolicy(t.Context(), named)
	if err != nil || text != document || len(revision) != 36 {
		t.Errorf("the policy is %s, of revision %s, %v", text, revision, err)
	}
	if err := api.PutResourcePolicy(t.Context(), named, document, revision); err != nil {
		t.Error(err)
	}
	for _, text := range []string{document, ""} {
		if err := api.PutResourcePolicy(t.Context(), named, text, revision); awsapi.KindOf(err) != awsapi.Conflict {
			t.Errorf("%q, of an older revision: %v", text, err)
		}
	}
	if err := api.PutResourcePolicy(t.Context(), named, "{", ""); awsapi.KindOf(err) != awsapi.Invalid {
		t.Errorf("no policy: %v", err)
	}

	// Either of two permissions is enough to read it; without both, the error is about the older one.
	for denied, want := range map[string]awsapi.Kind{
		"lambda:GetPolicy": awsapi.Failed, "lambda:GetResourcePolicy": awsapi.Failed, "lambda:Get*": awsapi.Denied,
	} {
		key := world.AddUser(account, "reads-"+denied[len("lambda:Get"):len(denied)-1], `{"Effect":"Allow","Action":"lambda:*","Resource":"*"},{"Effect":"Deny","Action":"`+denied+`","Resource":"*"}`)
		text, err := world.Client(key).Policy(t.Context(), named)
		if awsapi.KindOf(err) != want || (err == nil) != (text == document) {
			t.Errorf("without %s: %s, %v", denied, text, err)
		}
		if action, ok := awsapi.DeniedAction(err); want == awsapi.Denied && (!ok || action != "lambda:GetPolicy") {
			t.Errorf("without %s: %v", denied, err)
		}
	}
	if err := api.PutResourcePolicy(t.Context(), named, "", ""); err != nil {
		t.Error(err)
	}
	if _, err := api.Policy(t.Context(), named); awsapi.KindOf(err) != awsapi.NotFound {
		t.Errorf("the policy is still there: %v", err)
	}
}

func TestPrincipalsAndTheirInlinePolicies(t *testing.T) {
	world := setuptest.New(t)
	role := world.AddRole(account, "/team/", "caller", "")
	world.AddUser(account, "alice", "")
	api := world.Client(world.Root(account))

	found, err := api.Principal(t.Context(), iam.Owner{Kind: iam.OfRole, Name: "caller"})
	if err != nil || found.ARN != role.ARN() || found.ID != role.ID {
		t.Errorf("the role is %+v, %v", found, err)
	}
	user, err := api.Principal(t.Context(), iam.Owner{Kind: iam.OfUser, Name: "alice"})
	if err != nil || user.ARN != "arn:aws:iam::"+account+":user/alice" {
		t.Errorf("the user is %+v, %v", user, err)
	}
	for _, lookUp := range []func() error{
		func() error {
			_, err := api.Principal(t.Context(), iam.Owner{Kind: iam.OfRole, Name: "nobody"})
			return err
		},
		func() error {
			_, err := api.Principal(t.Context(), iam.Owner{Kind: iam.OfUser, Name: "nobody"})
			return err
		},
	} {
		if err := lookUp(); awsapi.KindOf(err) != awsapi.NotFound {
			t.Errorf("nobody: %v", err)
		}
	}

	const spaced = `{ "Version":"2012-10-17", "Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::a+b%2f c"]}]}`
	for _, owner := range []iam.Owner{{Kind: iam.OfRole, Name: "caller"}, {Kind: iam.OfUser, Name: "alice"}} {
		if _, err := api.Inline(t.Context(), owner, "p"); awsapi.KindOf(err) != awsapi.NotFound {
			t.Errorf("%s has none: %v", owner, err)
		}
		if err := api.PutInline(t.Context(), owner, "p", spaced); err != nil {
			t.Fatal(err)
		}
		names, err := api.InlineNames(t.Context(), owner)
		if err != nil || !cmp.Equal(names, []string{"p"}) {
			t.Errorf("%s has %q, %v", owner, names, err)
		}
		text, err := api.Inline(t.Context(), owner, "p")
		if err != nil || text != spaced {
			t.Errorf("%s has %s, %v", owner, text, err)
		}
		if err := api.DeleteInline(t.Context(), owner, "p"); err != nil {
			t.Error(err)
		}
	}
	group := iam.Owner{Kind: iam.OfGroup, Name: "g"}
	if api.PutInline(t.Context(), group, "p", spaced) == nil || api.DeleteInline(t.Context(), group, "p") == nil {
		t.Error("a group's policy is changed")
	}
}

func TestIdentityAndClock(t *testing.T) {
	world := setuptest.New(t)
	api := world.Client(world.Root(account))
	identity, err := api.Identity(t.Context())
	if err != nil || identity.Account != account || identity.ARN != arn.Root(account).String() || identity.UserID != account {
		t.Fatalf("the identity is %+v, %v", identity, err)
	}
	if !identity.ClockKnown || identity.ClockAhead.Abs() > 5*time.Second {
		t.Errorf("the clock is %s ahead, known %v", identity.ClockAhead, identity.ClockKnown)
	}
	role := world.AddRole(account, "/", "caller", "")
	admin := world.AddUser(account, "admin", `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`)
	assumed, err := world.Client(admin).AssumeRole(t.Context(), role.ARN(), "me")
	if err != nil || assumed.SessionToken == "" || time.Until(assumed.Expires) > time.Hour {
		t.Fatalf("assumed until %s, %v", assumed.Expires, err)
	}
	config := world.Config(admin)
	config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return assumed, nil })
	identity, err = awsapi.New(config).Identity(t.Context())
	if err != nil || identity.ARN != arn.Session(account, "caller", "me").String() {
		t.Errorf("the identity is %+v, %v", identity, err)
	}
}

func TestDeniedCallsNameThePermission(t *testing.T) {
	world := setuptest.New(t)
	named := world.AddFunction(account, "web", world.AddRole(account, "/", "web-role", ""))
	api := world.Client(world.AddUser(account, "mallory", ""))
	role, user := iam.Owner{Kind: iam.OfRole, Name: "web-role"}, iam.Owner{Kind: iam.OfUser, Name: "mallory"}
	calls := map[string]func() error{
		"lambda:GetFunctionConfiguration": func() error { _, err := api.Function(t.Context(), named); return err },
		"lambda:ListFunctions": func() error {
			for _, err := range api.Functions(t.Context()) {
				return err
			}
			return nil
		},
		"lambda:GetFunctionUrlConfig":   func() error { _, err := api.URL(t.Context(), named); return err },
		"lambda:ListFunctionUrlConfigs": func() error { _, err := api.URLs(t.Context(), named); return err },
		"lambda:CreateFunctionUrlConfig": func() error {
			_, err := api.CreateURL(t.Context(), named, awsapi.URLSettings{AuthType: lambda.AuthIAM})
			return err
		},
		"lambda:UpdateFunctionUrlConfig": func() error { _, err := api.UpdateURL(t.Context(), named, awsapi.URLSettings{}); return err },
		"lambda:DeleteFunctionUrlConfig": func() error { return api.DeleteURL(t.Context(), named) },
		"lambda:GetPolicy":               func() error { _, err := api.Policy(t.Context(), named); return err },
		"lambda:AddPermission": func() error {
			return api.AddPermission(t.Context(), named, lambda.Permission{StatementID: "a", Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{Anyone: true}})
		},
		"lambda:RemovePermission": func() error { return api.RemovePermission(t.Context(), named, "a") },
		"iam:GetRole": func() error {
			_, err := api.Principal(t.Context(), iam.Owner{Kind: iam.OfRole, Name: "web-role"})
			return err
		},
		"iam:GetUser": func() error {
			_, err := api.Principal(t.Context(), iam.Owner{Kind: iam.OfUser, Name: "root"})
			return err
		},
		"iam:ListRolePolicies": func() error { _, err := api.InlineNames(t.Context(), role); return err },
		"iam:ListUserPolicies": func() error { _, err := api.InlineNames(t.Context(), user); return err },
		"iam:GetRolePolicy":    func() error { _, err := api.Inline(t.Context(), role, "p"); return err },
		"iam:GetUserPolicy":    func() error { _, err := api.Inline(t.Context(), user, "p"); return err },
		"iam:PutRolePolicy":    func() error { return api.PutInline(t.Context(), role, "p", "{}") },
		"iam:PutUserPolicy":    func() error { return api.PutInline(t.Context(), user, "p", "{}") },
		"iam:DeleteRolePolicy": func() error { return api.DeleteInline(t.Context(), role, "p") },
		"iam:DeleteUserPolicy": func() error { return api.DeleteInline(t.Context(), user, "p") },
		"sts:AssumeRole": func() error {
			_, err := api.AssumeRole(t.Context(), "arn:aws:iam::"+account+":role/web-role", "me")
			return err
		},
	}
	for action, call := range calls {
		err := call()
		var failed *awsapi.Error
		if !errors.As(err, &failed) || failed.Kind != awsapi.Denied || failed.Action != action ||
			!strings.Contains(err.Error(), action) || !strings.Contains(failed.Message, "not authorized") {
			t.Errorf("%s: %v", action, err)
		}
	}
}

// The codes are those of the services' API references.
func TestKindsOfFailure(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   awsapi.Kind
	}{
		{404, "ResourceNotFoundException", awsapi.NotFound},
		{409, "ResourceConflictException", awsapi.Conflict},
		{403, "AccessDeniedException", awsapi.Denied},
		{400, "InvalidParameterValueException", awsapi.Invalid},
		{400, "PolicyLengthExceededException", awsapi.Limit},
		{403, "ExpiredTokenException", awsapi.BadCredentials},
		{403, "InvalidSignatureException", awsapi.BadCredentials},
		{400, "UnsupportedOperationException", awsapi.Unsupported},
		{500, "ServiceException", awsapi.Failed},
		{404, "", awsapi.Failed},
	}
	for _, test := range tests {
		t.Run(test.code, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amzn-Errortype", test.code)
				w.WriteHeader(test.status)
				w.Write([]byte(`{"Message":"because"}`))
			}))
			defer server.Close()
			_, err := at(server.URL).Policy(t.Context(), lambda.ARN{Region: "r", Account: account, Name: "web"})
			if awsapi.KindOf(err) != test.want || !strings.Contains(err.Error(), "because") {
				t.Errorf("got kind %d, %v; want %d", awsapi.KindOf(err), err, test.want)
			}
		})
	}
}

// What stands in for AWS may not have an operation, and says so in its own way.
func TestAnswersThatAreNotAWSs(t *testing.T) {
	for status, want := range map[int]awsapi.Kind{404: awsapi.Unsupported, 501: awsapi.Unsupported, 500: awsapi.Failed} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			w.Write([]byte("<!doctype html>"))
		}))
		_, err := at(server.URL).URLs(t.Context(), lambda.ARN{Region: "r", Account: account, Name: "web"})
		if awsapi.KindOf(err) != want || !strings.Contains(err.Error(), "not as AWS does") {
			t.Errorf("%d: kind %d, %v", status, awsapi.KindOf(err), err)
		}
		server.Close()
	}
}

// An answer that lacks what was asked for is an error, not an empty policy or nobody.
func TestAnswersThatSayNothing(t *testing.T) {
	for name, ask := range map[string]func(*awsapi.Client) error{
		"policy": func(c *awsapi.Client) error {
			_, err := c.Policy(t.Context(), lambda.ARN{Region: "r", Account: account, Name: "web"})
			return err
		},
		"user": func(c *awsapi.Client) error {
			_, err := c.Principal(t.Context(), iam.Owner{Kind: iam.OfUser, Name: "alice"})
			return err
		},
		"role": func(c *awsapi.Client) error {
			_, err := c.Principal(t.Context(), iam.Owner{Kind: iam.OfRole, Name: "caller"})
			return err
		},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := "{}"
			if r.Method == http.MethodPost { // IAM
				body = "<Response><GetUserResult></GetUserResult><GetRoleResult></GetRoleResult></Response>"
			}
			w.Write([]byte(body))
		}))
		if err := ask(at(server.URL)); err == nil || awsapi.KindOf(err) != awsapi.Failed {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

func at(endpoint string) *awsapi.Client {
	return awsapi.New(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &endpoint, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "s"}, nil
		}),
	})
}

func TestNobodyThereAndNothingToSignWith(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := at(server.URL).Identity(t.Context())
	if awsapi.KindOf(err) != awsapi.Unreachable || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := at(server.URL).Identity(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for name, provider := range map[string]aws.CredentialsProvider{
		"none":    nil,
		"failing": aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("no profile") }),
	} {
		client := awsapi.New(aws.Config{Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: provider})
		if _, err := client.Identity(t.Context()); awsapi.KindOf(err) != awsapi.NoCredentials {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := client.Credentials(t.Context()); awsapi.KindOf(err) != awsapi.NoCredentials {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenReadsTheConfigurationAsTheAWSCLIDoes(t *testing.T) {
	home := t.TempDir()
	config := filepath.Join(home, "config")
	const text = `[default]
[profile team]
region = eu-west-1
aws_access_key_id = AKIATEAM
aws_secret_access_key = secret
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "none"), "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "",
		"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	if _, err := awsapi.Open(t.Context(), awsconfig.Options{}); !errors.Is(err, awsapi.ErrNoRegion) {
		t.Errorf("without a region: %v", err)
	}
	for _, endpoint := range []string{"127.0.0.1:9000", "ftp://x", "http://", "http://[::1"} {
		if _, err := awsapi.Open(t.Context(), awsconfig.Options{Region: "r", EndpointURL: endpoint}); err == nil {
			t.Errorf("endpoint %q is taken", endpoint)
		}
	}
	client, err := awsapi.Open(t.Context(), awsconfig.Options{Profile: "team"})
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := client.Credentials(t.Context())
	if err != nil || client.Region() != "eu-west-1" || credentials.AccessKeyID != "AKIATEAM" {
		t.Errorf("profile: region %s, key %s, %v", client.Region(), credentials.AccessKeyID, err)
	}
	client, err = awsapi.Open(t.Context(), awsconfig.Options{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	credentials, err = client.Credentials(t.Context())
	if err != nil || client.Region() != "us-east-1" || credentials.AccessKeyID != "AKIAENV" {
		t.Errorf("environment: region %s, key %s, %v", client.Region(), credentials.AccessKeyID, err)
	}
	if _, err := awsapi.Open(t.Context(), awsconfig.Options{Profile: "nobody", Region: "r"}); err == nil {
		t.Error("a profile that does not exist is taken")
	}
}

// A region that is not enabled does not know the key, and one that is not open has no host (epsagon/clear-lambda-storage#9,
// remotion-dev/github-unwrapped-2022#34).
func TestIsNotEnabled(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&smithy.GenericAPIError{Code: "UnrecognizedClientException"}, true},
		{&smithy.GenericAPIError{Code: "InvalidClientTokenId"}, true},
		{&smithy.GenericAPIError{Code: "OptInRequired"}, true},
		{&smithy.GenericAPIError{Code: "ExpiredTokenException"}, false},
		{&smithy.GenericAPIError{Code: "AccessDeniedException"}, false},
		{&net.DNSError{IsNotFound: true}, true},
		{&net.DNSError{IsTimeout: true}, false},
		{nil, false},
	} {
		wrapped := &awsapi.Error{Err: test.err}
		if got := awsapi.IsNotEnabled(wrapped); got != test.want {
			t.Errorf("%v: %t, want %t", test.err, got, test.want)
		}
	}
}
