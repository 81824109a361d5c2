//go:build unix

package awsapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/setuptest"
)

// All pages of the answer are read: IAM gives a hundred entries at a time.
func TestDetails(t *testing.T) {
	world := setuptest.New(t)
	const statement = `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::50 %+x/*"}`
	for i := range 150 {
		world.AddRole(account, "/team/", fmt.Sprint("role", i), statement)
	}
	world.AddUser(account, "alice", "")
	details, err := world.Client(world.Root(account)).Details(t.Context())
	if err != nil || len(details.Roles) != 150 || len(details.Users) != 1 || len(details.Groups) != 0 {
		t.Fatalf("%d roles and %d users, %v", len(details.Roles), len(details.Users), err)
	}
	role := details.Roles[149]
	if role.Name() != "role99" || role.ARN != "arn:aws:iam::"+account+":role/team/role99" || !strings.HasPrefix(role.RoleID, "AROA") {
		t.Errorf("%+v", role)
	}
	want := []awsapi.InlinePolicy{{Name: "own", Document: `{"Version":"2012-10-17","Statement":[` + statement + `]}`}}
	if diff := cmp.Diff(want, role.Inline()); diff != "" {
		t.Error(diff)
	}
	nobody := world.Client(world.AddUser(account, "nobody", ""))
	if _, err := nobody.Details(t.Context()); awsapi.KindOf(err) != awsapi.Denied {
		t.Errorf("without permission: %v", err)
	}
	if action, _ := awsapi.DeniedAction(func() error { _, err := nobody.Details(t.Context()); return err }()); action != "iam:GetAccountAuthorizationDetails" {
		t.Errorf("missing is %q", action)
	}
}

// answering is a client of an endpoint that notes what it is asked and answers always the same.
func answering(t *testing.T, answer string) (client *awsapi.Client, asked *url.Values) {
	t.Helper()
	asked = &url.Values{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		*asked = r.PostForm
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	return awsapi.New(aws.Config{
		Region: setuptest.Region, BaseEndpoint: aws.String(server.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: goodID, SecretAccessKey: goodSecret}, nil
		}),
	}), asked
}

// The simulator is given each key with its type (IAM API Reference, ContextEntry), and AWS's answer in an organization
// is read (recorded 2025: OrganizationsDecisionDetail, and missing keys with each resource).
func TestSimulationInAnOrganization(t *testing.T) {
	client, asked := answering(t, `<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>
<IsTruncated>false</IsTruncated><EvaluationResults><member><EvalActionName>lambda:InvokeFunction</EvalActionName><EvalDecision>implicitDeny</EvalDecision>
<EvalResourceName>r</EvalResourceName><MissingContextValues/><OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations></OrganizationsDecisionDetail>
<ResourceSpecificResults><member><EvalResourceName>r</EvalResourceName><EvalResourceDecision>implicitDeny</EvalResourceDecision>
<MissingContextValues><member>aws:SourceIp</member></MissingContextValues></member></ResourceSpecificResults>
</member></EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>`)
	got, err := client.Simulate(t.Context(), "arn:aws:iam::"+account+":role/r", "lambda:InvokeFunction", "r", map[string][]string{
		"aws:SecureTransport": {"false"}, "aws:CurrentTime": {"2026-11-30T00:00:00Z"}, "aws:PrincipalTag/a": {"true"}, "aws:SourceIp": {"192.0.2.1", "192.0.2.2"},
	})
	if diff := cmp.Diff(awsapi.Simulation{InOrg: true, LimitedBySCP: true, Missing: []string{"aws:SourceIp"}}, got); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	var types []string
	for i := range 4 {
		entry := fmt.Sprintf("ContextEntries.member.%d.ContextKey", i+1)
		types = append(types, asked.Get(entry+"Name")+" "+asked.Get(entry+"Type"))
	}
	want := []string{"aws:CurrentTime date", "aws:PrincipalTag/a string", "aws:SecureTransport boolean", "aws:SourceIp ipList"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Error(diff)
	}
}

// moto answers with a page of its web framework where it lacks an operation (run side by side, moto 5.2.1).
func TestEndpointsWithoutASimulator(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n")
	}))
	t.Cleanup(server.Close)
	world := setuptest.New(t)
	config := world.Config(world.Root(account))
	config.BaseEndpoint = aws.String(server.URL)
	if _, err := awsapi.New(config).Simulate(t.Context(), "arn:aws:iam::"+account+":role/r", "lambda:InvokeFunction", "*", nil); awsapi.KindOf(err) != awsapi.Unsupported {
		t.Errorf("got kind %d: %v", awsapi.KindOf(err), err)
	}
}

func TestTagsAndSomebody(t *testing.T) {
	world := setuptest.New(t)
	root := world.Client(world.Root(account))
	if name, err := root.AnyPrincipal(t.Context()); name != "" || err != nil {
		t.Errorf("somebody of an account without users and roles is %q, %v", name, err)
	}
	world.AddUser(account, "alice", "")
	if name, err := root.AnyPrincipal(t.Context()); name != "arn:aws:iam::"+account+":user/alice" || err != nil {
		t.Errorf("somebody of an account without roles is %q, %v", name, err)
	}
	role := world.AddRole(account, "/", "web-role", "")
	if name, err := root.AnyPrincipal(t.Context()); name != role.ARN() || err != nil {
		t.Errorf("somebody is %q, %v", name, err)
	}
	function := world.AddFunction(account, "web", role)
	if tags, err := root.Tags(t.Context(), function); len(tags) != 0 || err != nil {
		t.Errorf("tags are %v, %v", tags, err)
	}
	function.Qualifier = "prod" // has the function's
	if _, err := root.Tags(t.Context(), function); err != nil {
		t.Error(err)
	}
	function.Name = "nothing"
	if _, err := root.Tags(t.Context(), function); awsapi.KindOf(err) != awsapi.NotFound {
		t.Errorf("tags of no function: %v", err)
	}
}
