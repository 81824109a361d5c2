package stsapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/oidc/oidctest"
	"github.com/furl-dev/furl/sigv4"
)

// exchange asks for a role with a token, unsigned as everybody who has no credentials yet.
func exchange(t *testing.T, server *planetest.Server, parameters url.Values) planetest.Answer {
	t.Helper()
	form := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleSessionName": {"web"}}
	for name, values := range parameters {
		form[name] = values
	}
	return server.Query(t, sigv4.Credentials{}, "sts", form)
}

// webServer is a server with an identity provider and roles that trust it.
func webServer(t *testing.T) (*planetest.Server, *oidctest.Issuer) {
	server, issuer := start(t), oidctest.Start(t)
	iamCall(t, server, "CreateOpenIDConnectProvider", url.Values{"Url": {issuer.URL}, "ClientIDList.member.1": {"my-app"}})
	host := strings.TrimPrefix(issuer.URL, "http://")
	trust := func(actions, conditions string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/` + host +
			`"},"Action":` + actions + `,"Condition":{` + strings.ReplaceAll(conditions, "ISSUER", host) + `}}]}`
	}
	for name, document := range map[string]string{
		"web":     trust(`"sts:AssumeRoleWithWebIdentity"`, `"StringEquals":{"ISSUER:aud":"my-app"},"StringLike":{"ISSUER:sub":"user-*"}`),
		"tagged":  trust(`["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`, `"StringEquals":{"aws:RequestTag/team":"books","ISSUER:aud":"my-app"}`),
		"sourced": trust(`["sts:AssumeRoleWithWebIdentity"]`, `"StringEquals":{"ISSUER:aud":"my-app"}`),
		"mail":    trust(`"sts:AssumeRoleWithWebIdentity"`, `"StringEquals":{"ISSUER:email":"bob@example.com","ISSUER:oaud":"original"},"ForAnyValue:StringEquals":{"ISSUER:amr":"pwd"}`),
		"lambda":  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
	} {
		iamCall(t, server, "CreateRole", url.Values{"RoleName": {name}, "AssumeRolePolicyDocument": {document}})
	}
	iamCall(t, server, "PutRolePolicy", url.Values{"RoleName": {"web"}, "PolicyName": {"own"}, "PolicyDocument": {
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"` + host + `:sub":"user-7","aws:FederatedProvider":"arn:aws:iam::123456789012:oidc-provider/` + host + `"}}}]}`,
	}})
	return server, issuer
}

func roleARN(name string) []string { return []string{"arn:aws:iam::123456789012:role/" + name} }

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	server, issuer := webServer(t)
	stranger := oidctest.Start(t)
	valid := oidctest.Claims{"iss": issuer.URL, "sub": "user-7", "aud": "my-app", "exp": planetest.Start.Add(time.Hour).Unix()}
	token := func(changes oidctest.Claims) []string { return []string{issuer.Sign("RS256", valid.With(changes))} }
	for _, test := range []struct {
		name    string
		form    url.Values
		status  int
		code    string
		message string
	}{
		{name: "allowed", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": token(nil)}, status: 200},
		{name: "subject not trusted", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": token(oidctest.Claims{"sub": "admin"})},
			status: 403, code: "AccessDenied", message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{name: "role does not trust the provider", form: url.Values{"RoleArn": roleARN("lambda"), "WebIdentityToken": token(nil)},
			status: 403, code: "AccessDenied", message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{name: "no such role", form: url.Values{"RoleArn": roleARN("nobody"), "WebIdentityToken": token(nil)},
			status: 403, code: "AccessDenied", message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{name: "other account has no provider", form: url.Values{"RoleArn": {"arn:aws:iam::210987654321:role/web"}, "WebIdentityToken": token(nil)},
			status: 400, code: "InvalidIdentityToken", message: "No OpenIDConnect provider found in your account for " + issuer.URL},
		{name: "unknown issuer", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": {stranger.Sign("RS256", valid.With(oidctest.Claims{"iss": stranger.URL}))}},
			status: 400, code: "InvalidIdentityToken", message: "No OpenIDConnect provider found in your account for " + stranger.URL},
		{name: "signed by a stranger", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": {stranger.Sign("RS256", valid)}},
			status: 400, code: "InvalidIdentityToken", message: "The web identity token cannot be verified"},
		{name: "audience", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": token(oidctest.Claims{"aud": "their-app"})},
			status: 400, code: "InvalidIdentityToken", message: "Incorrect token audience"},
		{name: "expired", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": token(oidctest.Claims{"exp": planetest.Start.Add(-time.Hour).Unix()})},
			status: 400, code: "ExpiredTokenException", message: "Token expired: current date/time 1795447610 must be before the expiration date/time 1795444010"},
		{name: "no token", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": {"access-token"}},
			status: 400, code: "InvalidIdentityToken", message: "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"},
		{name: "not an ARN", form: url.Values{"RoleArn": {"nothing-valid-in-here"}, "WebIdentityToken": token(nil)},
			status: 400, code: "ValidationError", message: "nothing-valid-in-here is invalid"},
		{name: "OAuth provider", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": token(nil), "ProviderId": {"www.amazon.com"}},
			status: 400, code: "ValidationError", message: "leave ProviderId out"},
		{name: "too long", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": token(nil), "DurationSeconds": {"3601"}},
			status: 400, code: "ValidationError", message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{name: "bad session policy", form: url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": token(nil), "Policy": {"{}"}},
			status: 400, code: "MalformedPolicyDocument", message: "Syntax errors in policy."},
		{name: "missing parameters", form: url.Values{}, status: 400, code: "ValidationError", message: "2 validation errors detected"},
		{name: "tags", form: url.Values{"RoleArn": roleARN("tagged"), "WebIdentityToken": token(oidctest.Claims{
			"https://aws.amazon.com/tags":            map[string]any{"principal_tags": map[string][]string{"team": {"books"}}, "transitive_tag_keys": []string{"team"}},
			"https://aws.amazon.com/source_identity": "bob",
		})}, status: 200},
		{name: "without the tags", form: url.Values{"RoleArn": roleARN("tagged"), "WebIdentityToken": token(nil)},
			status: 403, code: "AccessDenied", message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{name: "tags that may not be passed", form: url.Values{"RoleArn": roleARN("sourced"), "WebIdentityToken": token(oidctest.Claims{
			"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"team": {"books"}}},
		})}, status: 403, code: "AccessDenied", message: "Not authorized to perform sts:TagSession"},
		{name: "source identity that may not be set", form: url.Values{"RoleArn": roleARN("sourced"), "WebIdentityToken": token(oidctest.Claims{
			"https://aws.amazon.com/source_identity": "bob",
		})}, status: 403, code: "AccessDenied", message: "Not authorized to perform sts:SetSourceIdentity"},
		{name: "malformed tags", form: url.Values{"RoleArn": roleARN("sourced"), "WebIdentityToken": token(oidctest.Claims{"https://aws.amazon.com/tags": "x"})},
			status: 400, code: "InvalidIdentityToken", message: "malformed"},
		{name: "tag with two values", form: url.Values{"RoleArn": roleARN("sourced"), "WebIdentityToken": token(oidctest.Claims{
			"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"team": {"a", "b"}}},
		})}, status: 400, code: "InvalidIdentityToken", message: "a tag that a session cannot have"},
		{name: "reserved tag", form: url.Values{"RoleArn": roleARN("sourced"), "WebIdentityToken": token(oidctest.Claims{
			"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"aws:team": {"a"}}},
		})}, status: 400, code: "InvalidParameterValue", message: "reserved"},
		{name: "malformed source identity", form: url.Values{"RoleArn": roleARN("sourced"), "WebIdentityToken": token(oidctest.Claims{"https://aws.amazon.com/source_identity": 7})},
			status: 400, code: "InvalidIdentityToken", message: "malformed"},
		{name: "claims in conditions", form: url.Values{"RoleArn": roleARN("mail"), "WebIdentityToken": token(oidctest.Claims{
			"email": "bob@example.com", "amr": []string{"mfa", "pwd"}, "azp": "my-app", "aud": "original",
		})}, status: 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := exchange(t, server, test.form)
			if answer.Status != test.status || !strings.Contains(answer.Body, test.message) ||
				test.code != "" && !strings.Contains(answer.Body, "<Code>"+test.code+"</Code>") {
				t.Errorf("got %d %s", answer.Status, answer.Body)
			}
		})
	}
}

func TestWebIdentitySession(t *testing.T) {
	server, issuer := webServer(t)
	claims := oidctest.Claims{"iss": issuer.URL, "sub": "user-7", "aud": "my-app", "exp": planetest.Start.Add(time.Hour).Unix()}
	answer := exchange(t, server, url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": {issuer.Sign("ES256", claims)}})
	for _, want := range []string{
		"<SubjectFromWebIdentityToken>user-7</SubjectFromWebIdentityToken>", "<Audience>my-app</Audience>",
		"<Arn>arn:aws:sts::123456789012:assumed-role/web/web</Arn>",
		"<Provider>arn:aws:iam::123456789012:oidc-provider/" + strings.TrimPrefix(issuer.URL, "http://") + "</Provider>",
		"<Expiration>2026-11-23T16:26:50Z</Expiration>",
	} {
		if !strings.Contains(answer.Body, want) {
			t.Errorf("no %s in %s", want, answer.Body)
		}
	}
	list := url.Values{"Action": {"ListUsers"}, "Version": {"2010-05-08"}}
	// The claims stay condition keys of the session.
	if got := server.Query(t, answer.Credentials(), "iam", list); got.Status != 200 {
		t.Errorf("the session may not list users: %s", got.Body)
	}
	other := exchange(t, server, url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": {issuer.Sign("ES256", claims.With(oidctest.Claims{"sub": "user-8"}))}})
	if got := server.Query(t, other.Credentials(), "iam", list); got.Status != 403 {
		t.Errorf("the session of somebody else may list users: %s", got.Body)
	}
}

// What is not signed is answered by the API that it is for, and only the one operation without credentials.
func TestUnsignedRequests(t *testing.T) {
	server, issuer := webServer(t)
	token := issuer.Sign("RS256", oidctest.Claims{"iss": issuer.URL, "sub": "user-7", "aud": "my-app", "exp": planetest.Start.Add(time.Hour).Unix()})
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleSessionName": {"web"},
		"RoleArn": roleARN("web"), "WebIdentityToken": {token},
	}
	get := server.Send(t, server.Request(t, http.MethodGet, "/?"+form.Encode(), ""), "", sigv4.Credentials{}, "sts")
	if get.Status != 200 {
		t.Errorf("GET: %d %s", get.Status, get.Body)
	}
	signed := server.Query(t, server.Root(planetest.Account), "sts", form)
	if signed.Status != 200 {
		t.Errorf("signed: %d %s", signed.Status, signed.Body)
	}
	for _, test := range []struct{ name, version, action, namespace string }{
		{"STS", "2011-06-15", "GetCallerIdentity", "https://sts.amazonaws.com/doc/2011-06-15/"},
		{"unknown operation", "2011-06-15", "Frobnicate", "https://sts.amazonaws.com/doc/2011-06-15/"},
		{"IAM", "2010-05-08", "ListUsers", "https://iam.amazonaws.com/doc/2010-05-08/"},
		{"IAM has no such operation", "2010-05-08", "AssumeRoleWithWebIdentity", "https://iam.amazonaws.com/doc/2010-05-08/"},
	} {
		answer := server.Query(t, sigv4.Credentials{}, "sts", url.Values{"Action": {test.action}, "Version": {test.version}})
		if answer.Status != 403 || !strings.Contains(answer.Body, test.namespace) || !strings.Contains(answer.Body, "<Code>MissingAuthenticationToken</Code>") {
			t.Errorf("%s: %d %s", test.name, answer.Status, answer.Body)
		}
	}
	// A wrong signature is not the same as none.
	wrong := server.Root(planetest.Account)
	wrong.Secret = sigv4.NewSecret("wrong")
	if answer := server.Query(t, wrong, "sts", form); answer.Status != 403 || !strings.Contains(answer.Body, "SignatureDoesNotMatch") {
		t.Errorf("wrongly signed: %d %s", answer.Status, answer.Body)
	}
	large := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "Padding": {strings.Repeat("x", 70<<10)}}
	if answer := server.Query(t, sigv4.Credentials{}, "sts", large); answer.Status != 403 {
		t.Errorf("large and unsigned: %d %s", answer.Status, answer.Body)
	}
}

// Many unsigned tokens with made-up key ids at once make the server ask the provider once.
func TestMadeUpKeys(t *testing.T) {
	server, issuer := webServer(t)
	claims := oidctest.Claims{"iss": issuer.URL, "sub": "user-7", "aud": "my-app", "exp": planetest.Start.Add(time.Hour).Unix()}
	for _, asked := range []int32{1, 1, 2} {
		var group sync.WaitGroup
		for i := range 30 {
			token := issuer.SignAs("RS256", fmt.Sprint("made-up-", i), claims)
			group.Go(func() {
				answer := exchange(t, server, url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": {token}})
				if answer.Status != 400 || !strings.Contains(answer.Body, "<Code>InvalidIdentityToken</Code>") {
					t.Errorf("got %d %s", answer.Status, answer.Body)
				}
			})
		}
		group.Wait()
		if got := issuer.Fetched.Load(); got != asked {
			t.Errorf("the keys were fetched %d times, want %d", got, asked)
		}
		if answer := exchange(t, server, url.Values{"RoleArn": roleARN("web"), "WebIdentityToken": {issuer.Sign("RS256", claims)}}); answer.Status != 200 {
			t.Errorf("a good token: %d %s", answer.Status, answer.Body)
		}
		server.Advance(6 * time.Second)
	}
}
