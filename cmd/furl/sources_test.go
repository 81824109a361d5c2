//go:build unix

package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/furl-dev/furl/internal/oidc/oidctest"
)

// startSources starts what hands out credentials besides the server itself: the endpoint that a container finds its
// role at, for the token "container-token"; the portal of IAM Identity Center, for the token "sso-token"; and an OpenID
// Connect provider. Their addresses go to CONTAINER, SSO and ISSUER, the provider's name to PROVIDER, and a token of it
// to the file "token". The others hand out sessions that alice gets from the server: AWS assumes their roles, too.
func startSources(t *testing.T) func(*testscript.TestScript, bool, []string) {
	issuer := sync.OnceValue(func() *oidctest.Issuer { return oidctest.Start(t) })
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		id, secret := ts.Getenv("ALICE_ACCESS_KEY_ID"), ts.Getenv("ALICE_SECRET_ACCESS_KEY")
		api := sts.New(sts.Options{
			BaseEndpoint: aws.String(ts.Getenv("ENDPOINT")), Region: ts.Getenv("AWS_REGION"),
			Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
		})
		assume := func(w http.ResponseWriter, r *http.Request, role string) (types.Credentials, bool) {
			session, err := api.AssumeRole(r.Context(), &sts.AssumeRoleInput{
				RoleArn: aws.String("arn:aws:iam::123456789012:role/" + role), RoleSessionName: aws.String("alice"),
			})
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return types.Credentials{}, false
			}
			return *session.Credentials, true
		}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /container", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "container-token" {
				http.Error(w, "whose container?", http.StatusUnauthorized)
				return
			}
			if c, ok := assume(w, r, "by-container"); ok {
				fmt.Fprintf(w, `{"AccessKeyId":%q,"SecretAccessKey":%q,"Token":%q,"Expiration":%q}`,
					*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken, c.Expiration.UTC().Format(time.RFC3339))
			}
		})
		mux.HandleFunc("GET /federation/credentials", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Amz-Sso_bearer_token") != "sso-token" || r.URL.Query().Get("account_id") != "123456789012" {
				http.Error(w, "who?", http.StatusUnauthorized)
				return
			}
			if c, ok := assume(w, r, r.URL.Query().Get("role_name")); ok {
				fmt.Fprintf(w, `{"roleCredentials":{"accessKeyId":%q,"secretAccessKey":%q,"sessionToken":%q,"expiration":%d}}`,
					*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken, c.Expiration.UnixMilli())
			}
		})
		server := httptest.NewServer(mux)
		ts.Defer(server.Close)
		ts.Setenv("CONTAINER", server.URL+"/container")
		ts.Setenv("SSO", server.URL)
		ts.Setenv("ISSUER", issuer().URL)
		ts.Setenv("PROVIDER", strings.TrimPrefix(issuer().URL, "http://"))
		token := issuer().Sign("RS256", oidctest.Claims{
			"iss": issuer().URL, "sub": "alice", "aud": "my-app", "exp": time.Now().Add(time.Hour).Unix(),
		})
		ts.Check(os.WriteFile(ts.MkAbs("token"), []byte(token), 0o600))
	}
}
