package iamapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// The AWS SDK for Go is the client here: what it reads is what AWS's own software makes of the answers.

func client(server *planetest.Server, who sigv4.Credentials) *iam.Client {
	return iam.New(iam.Options{
		BaseEndpoint: aws.String(server.URL), Region: planetest.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: who.AccessKeyID, SecretAccessKey: who.Secret.Reveal(), SessionToken: who.SessionToken}, nil
		}),
	})
}

const lambdaTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func startTrue(t *testing.T) *planetest.Server {
	server := start(t)
	server.SetTrueTime()
	return server
}

func TestSDKRole(t *testing.T) {
	server := startTrue(t)
	api := client(server, server.Root(planetest.Account))
	created, err := api.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("caller"), AssumeRolePolicyDocument: aws.String(lambdaTrust), Path: aws.String("/service-role/"),
		Description: aws.String("<&>"), MaxSessionDuration: aws.Int32(7200),
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := api.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("caller")})
	if err != nil {
		t.Fatal(err)
	}
	role := got.Role
	if *role.Arn != "arn:aws:iam::123456789012:role/service-role/caller" || *role.RoleId != *created.Role.RoleId ||
		*role.Description != "<&>" || *role.MaxSessionDuration != 7200 || !role.CreateDate.Equal(*created.Role.CreateDate) {
		t.Errorf("role is %+v", role)
	}
	if len(role.Tags) != 1 || *role.Tags[0].Key != "k" || *role.Tags[0].Value != "" {
		t.Errorf("tags are %+v", role.Tags)
	}
	if document, err := url.PathUnescape(*role.AssumeRolePolicyDocument); err != nil || document != lambdaTrust {
		t.Errorf("trust policy is %q, %v", document, err)
	}
}

func TestSDKErrors(t *testing.T) {
	server := startTrue(t)
	api := client(server, server.Root(planetest.Account))
	_, err := api.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("nobody")})
	var missing *types.NoSuchEntityException
	if !errors.As(err, &missing) || missing.ErrorMessage() != "The role with name nobody cannot be found." {
		t.Errorf("got %v", err)
	}
	_, err = api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("x"), AssumeRolePolicyDocument: aws.String("{")})
	var malformed *types.MalformedPolicyDocumentException
	if !errors.As(err, &malformed) {
		t.Errorf("got %v", err)
	}
	_, err = api.ListVirtualMFADevices(t.Context(), &iam.ListVirtualMFADevicesInput{})
	var absent smithy.APIError
	if !errors.As(err, &absent) || absent.ErrorCode() != "UnsupportedOperation" || absent.ErrorFault() != smithy.FaultClient && absent.ErrorFault() != smithy.FaultUnknown {
		t.Errorf("got %v", err)
	}
}

func TestSDKPaginators(t *testing.T) {
	server := startTrue(t)
	api := client(server, server.Root(planetest.Account))
	const all = 7
	for i := range all {
		name := fmt.Sprintf("caller-%d", i)
		if _, err := api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(lambdaTrust)}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
			RoleName: aws.String("caller-0"), PolicyName: &name,
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`),
		}); err != nil {
			t.Fatal(err)
		}
	}
	var roles, users, policies []string
	for pages := iam.NewListRolesPaginator(api, &iam.ListRolesInput{MaxItems: aws.Int32(3)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range page.Roles {
			roles = append(roles, *role.RoleName)
		}
	}
	for pages := iam.NewListUsersPaginator(api, &iam.ListUsersInput{MaxItems: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, user := range page.Users {
			users = append(users, *user.UserName)
		}
	}
	for pages := iam.NewListRolePoliciesPaginator(api, &iam.ListRolePoliciesInput{RoleName: aws.String("caller-0"), MaxItems: aws.Int32(7)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		policies = append(policies, page.PolicyNames...)
	}
	for name, list := range map[string][]string{"roles": roles, "users": users, "policies": policies} {
		if len(list) != all {
			t.Errorf("%s: %q", name, list)
			continue
		}
		for i := range all {
			if list[i] != fmt.Sprintf("caller-%d", i) {
				t.Errorf("%s: %q", name, list)
			}
		}
	}
}

func TestSDKAccessKeyWorks(t *testing.T) {
	server := startTrue(t)
	api := client(server, server.Root(planetest.Account))
	if _, err := api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("alice")}); err != nil {
		t.Fatal(err)
	}
	created, err := api.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("alice")})
	if err != nil {
		t.Fatal(err)
	}
	alice := client(server, sigv4.Credentials{AccessKeyID: *created.AccessKey.AccessKeyId, Secret: sigv4.NewSecret(*created.AccessKey.SecretAccessKey)})
	_, err = alice.GetUser(t.Context(), &iam.GetUserInput{})
	var denied smithy.APIError
	if !errors.As(err, &denied) || denied.ErrorCode() != "AccessDenied" {
		t.Errorf("got %v", err)
	}
}

// Every operation that AWS's client can call is known by name: either furl has it, or it says that it does not.
func TestSDKOperationsAreKnown(t *testing.T) {
	server := start(t)
	root := server.Root(planetest.Account)
	known := map[string]bool{}
	for _, operation := range iamapi.New(iamapi.Config{}).Operations() {
		known[operation.Name] = true
	}
	for method := range reflect.TypeFor[*iam.Client]().Methods() {
		name := method.Name
		if name == "Options" {
			continue
		}
		answer := server.Query(t, root, "iam", url.Values{"Action": {name}, "Version": {"2010-05-08"}})
		absent := strings.Contains(answer.Body, "<Code>UnsupportedOperation</Code>")
		if absent == known[name] || strings.Contains(answer.Body, "<Code>InvalidAction</Code>") {
			t.Errorf("%s: in the table: %v, answered %d %s", name, known[name], answer.Status, answer.Body)
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("the table has %s, which no client calls", name)
	}
}

func TestSDKManagedPolicies(t *testing.T) {
	server := startTrue(t)
	api := client(server, server.Root(planetest.Account))
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`
	var last string
	for i := range 5 {
		made, err := api.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String(fmt.Sprintf("p%d", i)), PolicyDocument: aws.String(document), Description: aws.String("d")})
		if err != nil {
			t.Fatal(err)
		}
		last = *made.Policy.Arn
	}
	count := 0
	for pages := iam.NewListPoliciesPaginator(api, &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal, MaxItems: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		count += len(page.Policies)
	}
	if count != 5 {
		t.Errorf("%d policies were listed", count)
	}
	for range 4 {
		if _, err := api.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: &last, PolicyDocument: aws.String(document), SetAsDefault: true}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := api.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: &last, PolicyDocument: aws.String(document)})
	var full *types.LimitExceededException
	if !errors.As(err, &full) {
		t.Errorf("a sixth version: %v", err)
	}
	got, err := api.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: &last})
	if err != nil || *got.Policy.DefaultVersionId != "v5" || *got.Policy.Description != "d" || !got.Policy.IsAttachable {
		t.Errorf("policy is %+v, %v", got, err)
	}
	version, err := api.GetPolicyVersion(t.Context(), &iam.GetPolicyVersionInput{PolicyArn: &last, VersionId: aws.String("v5")})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := url.PathUnescape(*version.PolicyVersion.Document); err != nil || text != document {
		t.Errorf("document is %q, %v", text, err)
	}
}

func TestSDKAccount(t *testing.T) {
	server := startTrue(t)
	api := client(server, server.Root(planetest.Account))
	for i := range 6 {
		name := fmt.Sprintf("n%d", i)
		if _, err := api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.CreateGroup(t.Context(), &iam.CreateGroupInput{GroupName: &name}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.AddUserToGroup(t.Context(), &iam.AddUserToGroupInput{GroupName: aws.String("n0"), UserName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	users, groups := 0, 0
	for pages := iam.NewGetAccountAuthorizationDetailsPaginator(api, &iam.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(5)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		users, groups = users+len(page.UserDetailList), groups+len(page.GroupDetailList)
	}
	if users != 6 || groups != 6 {
		t.Errorf("%d users and %d groups", users, groups)
	}
	members := 0
	for pages := iam.NewGetGroupPaginator(api, &iam.GetGroupInput{GroupName: aws.String("n0"), MaxItems: aws.Int32(4)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		members += len(page.Users)
	}
	if members != 6 {
		t.Errorf("%d members", members)
	}
	summary, err := api.GetAccountSummary(t.Context(), &iam.GetAccountSummaryInput{})
	if err != nil || summary.SummaryMap["Users"] != 6 || summary.SummaryMap["Groups"] != 6 || summary.SummaryMap["UsersQuota"] != 5000 {
		t.Errorf("summary is %v, %v", summary, err)
	}
}

func TestSDKSimulator(t *testing.T) {
	server := startTrue(t)
	api := client(server, server.Root(planetest.Account))
	in := &iam.SimulateCustomPolicyInput{
		PolicyInputList: []string{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}]}`},
		ActionNames:     []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction", "lambda:GetFunction"},
		ContextEntries: []types.ContextEntry{{
			ContextKeyName: aws.String("lambda:InvokedViaFunctionUrl"), ContextKeyType: types.ContextKeyTypeEnumBoolean, ContextKeyValues: []string{"true"},
		}},
		MaxItems: aws.Int32(2),
	}
	decisions := map[string]types.PolicyEvaluationDecisionType{}
	for pages := iam.NewSimulateCustomPolicyPaginator(api, in); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range page.EvaluationResults {
			decisions[*result.EvalActionName] = result.EvalDecision
		}
	}
	if len(decisions) != 3 || decisions["lambda:InvokeFunction"] != types.PolicyEvaluationDecisionTypeAllowed || decisions["lambda:InvokeFunctionUrl"] != types.PolicyEvaluationDecisionTypeImplicitDeny {
		t.Errorf("decisions are %v", decisions)
	}
}

// TestSDKSimulatorInOrganization: an account with service control policies is simulated with them (model of IAM,
// OrganizationsDecisionDetail; LocalStack's and radkawar/stackd's recordings have it in every answer of such an account).
func TestSDKSimulatorInOrganization(t *testing.T) {
	server := startTrue(t)
	api := client(server, server.Root(planetest.Account))
	if _, err := api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("caller"), AssumeRolePolicyDocument: aws.String(lambdaTrust)}); err != nil {
		t.Fatal(err)
	}
	own := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`
	if _, err := api.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("caller"), PolicyName: aws.String("all"), PolicyDocument: &own}); err != nil {
		t.Fatal(err)
	}
	simulate := func(exclude ...types.PolicyIdentifier) types.EvaluationResult {
		t.Helper()
		out, err := api.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: aws.String("arn:aws:iam::123456789012:role/caller"), ActionNames: []string{"lambda:InvokeFunctionUrl"},
			ResourceArns: []string{"arn:aws:lambda:us-east-1:123456789012:function:books"}, PolicyExclusionList: exclude,
		})
		if err != nil || len(out.EvaluationResults) != 1 || len(out.EvaluationResults[0].ResourceSpecificResults) != 1 {
			t.Fatalf("answer %+v, %v", out, err)
		}
		return out.EvaluationResults[0]
	}
	limit := func(documents ...string) {
		t.Helper()
		var levels [][]policy.Named
		for _, text := range documents {
			document, err := policy.Parse([]byte(text), policy.Identity)
			if err != nil {
				t.Fatal(err)
			}
			levels = append(levels, []policy.Named{{Name: "scp", Document: document}})
		}
		account, _ := server.State.Now().Accounts.Get(planetest.Account)
		changed := *account
		changed.SCPs = levels
		err := server.State.Update(t.Context(), func(tx *state.Tx) error {
			tx.SetAccount(&changed)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := simulate(); got.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed || got.OrganizationsDecisionDetail != nil {
		t.Errorf("outside of an organization: %+v", got)
	}
	everything := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	limit(everything)
	got := simulate()
	if got.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed || got.OrganizationsDecisionDetail == nil || !got.OrganizationsDecisionDetail.AllowedByOrganizations {
		t.Errorf("with a policy that allows: %+v", got)
	}
	tests := map[string]types.PolicyEvaluationDecisionType{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"lambda:InvokeFunctionUrl","Resource":"*"}]}`: types.PolicyEvaluationDecisionTypeExplicitDeny,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`:                                                                  types.PolicyEvaluationDecisionTypeImplicitDeny,
	}
	for scp, want := range tests {
		limit(everything, scp)
		got := simulate()
		if got.EvalDecision != want || got.OrganizationsDecisionDetail == nil || got.OrganizationsDecisionDetail.AllowedByOrganizations ||
			got.ResourceSpecificResults[0].EvalResourceDecision != want {
			t.Errorf("%s: %+v", scp, got)
		}
		got = simulate(&types.PolicyIdentifierMemberPolicyType{Value: types.PolicyIdentifierPolicyTypeScp})
		if got.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed || got.OrganizationsDecisionDetail != nil {
			t.Errorf("%s, excluded: %+v", scp, got)
		}
	}
}
