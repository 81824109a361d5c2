package stsapi_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/oidc/oidctest"
)

// Where STS does not say why, furl does: not in the answer, but in the trace.
func TestRefusalsAreExplained(t *testing.T) {
	server, issuer := webServer(t)
	iamCall(t, server, "CreateUser", url.Values{"UserName": {"alice"}})
	alice := iamCall(t, server, "CreateAccessKey", url.Values{"UserName": {"alice"}})
	iamCall(t, server, "CreateRole", url.Values{"RoleName": {"deep"}, "Path": {"/x/"}, "AssumeRolePolicyDocument": {
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/alice"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"word"}}}]}`,
	}})
	session := server.Query(t, alice, "sts", url.Values{"Action": {"GetSessionToken"}, "Version": {"2011-06-15"}}).Credentials()
	assume := func(arn string) func() {
		return func() {
			server.Query(t, alice, "sts", url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {arn}, "RoleSessionName": {"ss"}})
		}
	}
	web := func(token string, role string) func() {
		return func() { exchange(t, server, url.Values{"RoleArn": roleARN(role), "WebIdentityToken": {token}}) }
	}
	claims := oidctest.Claims{"iss": issuer.URL, "sub": "admin", "aud": "my-app", "exp": planetest.Start.Add(time.Hour).Unix()}
	for _, test := range []struct {
		name string
		do   func()
		want []string
	}{
		{"no such role", assume("arn:aws:iam::123456789012:role/nobody"), []string{"there is no role arn:aws:iam::123456789012:role/nobody"}},
		{"path forgotten", assume("arn:aws:iam::123456789012:role/deep"), []string{"has another path", "arn:aws:iam::123456789012:role/x/deep"}},
		{"not a role", assume("arn:aws:iam::123456789012:user/alice"), []string{"is not the ARN of a role"}},
		{"trust policy", assume("arn:aws:iam::123456789012:role/x/deep"), []string{"sts:AssumeRole denied"}},
		{"session calls IAM", func() {
			server.Query(t, session, "iam", url.Values{"Action": {"ListUsers"}, "Version": {"2010-05-08"}})
		}, []string{"cannot call IAM"}},
		{"session of a session", func() {
			server.Query(t, session, "sts", url.Values{"Action": {"GetSessionToken"}, "Version": {"2011-06-15"}})
		}, []string{"cannot use this operation"}},
		{"no token", web("x.y.z", "web"), []string{"the token's header is not JSON"}},
		{"issuer", web(issuer.Sign("RS256", claims.With(oidctest.Claims{"iss": "https://$(id)"})), "web"), []string{`no identity provider for the issuer "https://$(id)"`}},
		{"audience", web(issuer.Sign("RS256", claims.With(oidctest.Claims{"aud": "x"})), "web"), []string{`the token is for ["x"]`}},
		{"subject", web(issuer.Sign("RS256", claims), "web"), []string{"sts:AssumeRoleWithWebIdentity denied"}},
		{"web role", web(issuer.Sign("RS256", claims), "nobody"), []string{"there is no role"}},
	} {
		test.do()
		for _, want := range test.want {
			if got := server.Reason(); !strings.Contains(got, want) {
				t.Errorf("%s: explained as %q, want %q", test.name, got, want)
			}
		}
	}
	// What the client wrote is not turned into a command.
	if strings.Contains(server.Log.String(), "--url https://$(id)") {
		t.Error("a command repeats what a client sent")
	}
}
