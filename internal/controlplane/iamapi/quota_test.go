package iamapi_test

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
)

// call calls IAM as root and returns the code and text of the refusal, "" if there is none.
func call(t *testing.T, server *planetest.Server, action string, parameters ...string) string {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	answer := server.Query(t, server.Root(planetest.Account), "iam", form)
	if answer.Status == 200 {
		return ""
	}
	_, code, _ := strings.Cut(answer.Body, "<Code>")
	code, _, _ = strings.Cut(code, "<")
	_, message, _ := strings.Cut(answer.Body, "<Message>")
	message, _, _ = strings.Cut(message, "<")
	return fmt.Sprintf("%d %s: %s", answer.Status, code, message)
}

// must calls IAM as root and ends the test if it is refused.
func must(t *testing.T, server *planetest.Server, action string, parameters ...string) {
	t.Helper()
	if refusal := call(t, server, action, parameters...); refusal != "" {
		t.Fatalf("%s %q: %s", action, parameters, refusal)
	}
}

// document is a policy of so many characters without its white space.
func document(length int) string {
	const frame = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/"}]}`
	return strings.Replace(frame, "user/", "user/"+strings.Repeat("x", length-len(frame)), 1)
}

// spaced is the same policy with white space, which does not count.
func spaced(text string) string { return strings.ReplaceAll(text, ",", " ,\n\t") }

func TestQuotas(t *testing.T) {
	server := start(t)
	must(t, server, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", lambdaTrust)
	must(t, server, "CreateUser", "UserName", "u")
	must(t, server, "CreateGroup", "GroupName", "g")
	for i := range 11 {
		must(t, server, "CreatePolicy", "PolicyName", fmt.Sprintf("p%d", i), "PolicyDocument", document(200))
		must(t, server, "CreateGroup", "GroupName", fmt.Sprintf("g%d", i))
	}
	for i := range 10 {
		arn := fmt.Sprintf("arn:aws:iam::123456789012:policy/p%d", i)
		must(t, server, "AttachRolePolicy", "RoleName", "r", "PolicyArn", arn)
		must(t, server, "AttachUserPolicy", "UserName", "u", "PolicyArn", arn)
		must(t, server, "AttachGroupPolicy", "GroupName", "g", "PolicyArn", arn)
		must(t, server, "AddUserToGroup", "UserName", "u", "GroupName", fmt.Sprintf("g%d", i))
	}
	must(t, server, "PutRolePolicy", "RoleName", "r", "PolicyName", "a", "PolicyDocument", spaced(document(10000)))
	must(t, server, "PutUserPolicy", "UserName", "u", "PolicyName", "a", "PolicyDocument", spaced(document(1800)))
	must(t, server, "PutGroupPolicy", "GroupName", "g", "PolicyName", "a", "PolicyDocument", spaced(document(5000)))
	must(t, server, "PutRolePolicy", "RoleName", "r", "PolicyName", "b", "PolicyDocument", document(240))
	must(t, server, "CreatePolicy", "PolicyName", "longest", "PolicyDocument", spaced(document(6144)))
	longTrust := func(length int) string {
		frame := strings.Replace(lambdaTrust, `"Effect"`, `"Sid":"","Effect"`, 1)
		return strings.Replace(frame, `"Sid":"`, `"Sid":"`+strings.Repeat("x", length-len(frame)), 1)
	}
	must(t, server, "UpdateAssumeRolePolicy", "RoleName", "r", "PolicyDocument", longTrust(2048))
	for i := range 5 {
		var tags []string
		for j := range 10 {
			prefix := fmt.Sprintf("Tags.member.%d.", j+1)
			tags = append(tags, prefix+"Key", fmt.Sprintf("k%d", i*10+j), prefix+"Value", "v")
		}
		must(t, server, "TagRole", append([]string{"RoleName", "r"}, tags...)...)
		must(t, server, "TagPolicy", append([]string{"PolicyArn", "arn:aws:iam::123456789012:policy/p0"}, tags...)...)
	}
	for _, test := range []struct {
		action     string
		parameters []string
		want       string
	}{
		{"AttachRolePolicy", []string{"RoleName", "r", "PolicyArn", "arn:aws:iam::123456789012:policy/p10"}, "409 LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10"},
		{"AttachUserPolicy", []string{"UserName", "u", "PolicyArn", "arn:aws:iam::123456789012:policy/p10"}, "409 LimitExceeded: Cannot exceed quota for PoliciesPerUser: 10"},
		{"AttachGroupPolicy", []string{"GroupName", "g", "PolicyArn", "arn:aws:iam::123456789012:policy/p10"}, "409 LimitExceeded: Cannot exceed quota for PoliciesPerGroup: 10"},
		{"AddUserToGroup", []string{"UserName", "u", "GroupName", "g10"}, "409 LimitExceeded: Cannot exceed quota for GroupsPerUser: 10"},
		{"PutRolePolicy", []string{"RoleName", "r", "PolicyName", "b", "PolicyDocument", document(241)}, "409 LimitExceeded: Maximum policy size of 10240 bytes exceeded for role r"},
		{"PutUserPolicy", []string{"UserName", "u", "PolicyName", "b", "PolicyDocument", document(249)}, "409 LimitExceeded: Maximum policy size of 2048 bytes exceeded for user u"},
		{"PutGroupPolicy", []string{"GroupName", "g", "PolicyName", "b", "PolicyDocument", document(121)}, "409 LimitExceeded: Maximum policy size of 5120 bytes exceeded for group g"},
		{"CreatePolicy", []string{"PolicyName", "long", "PolicyDocument", document(6145)}, "409 LimitExceeded: Cannot exceed quota for PolicySize: 6144"},
		{"CreatePolicyVersion", []string{"PolicyArn", "arn:aws:iam::123456789012:policy/p0", "PolicyDocument", document(6145)}, "409 LimitExceeded: Cannot exceed quota for PolicySize: 6144"},
		{"UpdateAssumeRolePolicy", []string{"RoleName", "r", "PolicyDocument", longTrust(2049)}, "409 LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048"},
		{"TagRole", []string{"RoleName", "r", "Tags.member.1.Key", "one more", "Tags.member.1.Value", ""}, "409 LimitExceeded: The number of tags has reached the maximum limit."},
		{"TagPolicy", []string{"PolicyArn", "arn:aws:iam::123456789012:policy/p0", "Tags.member.1.Key", "one more", "Tags.member.1.Value", ""}, "409 LimitExceeded: The number of tags has reached the maximum limit."},
	} {
		if got := call(t, server, test.action, test.parameters...); got != test.want {
			t.Errorf("%s: got  %s\nwant %s", test.action, got, test.want)
		}
	}
	// A tag that is there already can be given another value.
	must(t, server, "TagRole", "RoleName", "r", "Tags.member.1.Key", "K7", "Tags.member.1.Value", "other")
}

func TestQuotaOfGroupsPerAccount(t *testing.T) {
	server := start(t)
	for i := range 300 {
		must(t, server, "CreateGroup", "GroupName", fmt.Sprintf("g%d", i))
	}
	if got := call(t, server, "CreateGroup", "GroupName", "another"); got != "409 LimitExceeded: Cannot exceed quota for GroupsPerAccount: 300" {
		t.Error(got)
	}
	must(t, server, "UpdateGroup", "GroupName", "g0", "NewGroupName", "another") // which is not one more
}

func TestQuotaOfProviders(t *testing.T) {
	server := start(t)
	for i := range 100 {
		must(t, server, "CreateOpenIDConnectProvider", "Url", fmt.Sprintf("https://%d.example.com", i))
	}
	if got := call(t, server, "CreateOpenIDConnectProvider", "Url", "https://more.example.com"); got != "409 LimitExceeded: Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100" {
		t.Error(got)
	}
	const arn = "arn:aws:iam::123456789012:oidc-provider/0.example.com"
	for i := range 100 {
		must(t, server, "AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "ClientID", fmt.Sprint(i))
	}
	if got := call(t, server, "AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "ClientID", "more"); got != "409 LimitExceeded: Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100" {
		t.Error(got)
	}
}

// Requests at one time cannot together do what one after the other they could not.
func TestConcurrentChanges(t *testing.T) {
	server := planetest.New(t, iamapi.New(iamapi.Config{Random: rand.Reader}))
	must(t, server, "CreateUser", "UserName", "alice")
	results := make([]string, 16)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() {
			if i%2 == 0 {
				results[i] = call(t, server, "CreateAccessKey", "UserName", "alice")
			} else {
				results[i] = call(t, server, "CreateRole", "RoleName", "helper", "AssumeRolePolicyDocument", lambdaTrust)
			}
		})
	}
	all.Wait()
	keys, roles := 0, 0
	for i, refusal := range results {
		switch {
		case refusal == "" && i%2 == 0:
			keys++
		case refusal == "":
			roles++
		case !strings.HasPrefix(refusal, "409 "):
			t.Error(refusal)
		}
	}
	if keys != 2 || roles != 1 {
		t.Errorf("%d keys and %d roles were made", keys, roles)
	}
}
