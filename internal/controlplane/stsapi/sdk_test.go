package stsapi_test

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
	"github.com/furl-dev/furl/internal/oidc/oidctest"
	"github.com/furl-dev/furl/sigv4"
)

// The AWS SDK for Go is the client here: what it reads is what AWS's own software makes of the answers.

func client(server *planetest.Server, who sigv4.Credentials) *sts.Client {
	return sts.New(sts.Options{
		BaseEndpoint: aws.String(server.URL), Region: planetest.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: who.AccessKeyID, SecretAccessKey: who.Secret.Reveal(), SessionToken: who.SessionToken}, nil
		}),
	})
}

// iamCall calls IAM as root and returns the credentials in the answer, if any.
func iamCall(t *testing.T, server *planetest.Server, action string, parameters url.Values) sigv4.Credentials {
	t.Helper()
	parameters.Set("Action", action)
	parameters.Set("Version", "2010-05-08")
	answer := server.Query(t, server.Root(planetest.Account), "iam", parameters)
	if answer.Status != 200 {
		t.Fatalf("%s: %d %s", action, answer.Status, answer.Body)
	}
	return answer.Credentials()
}

func TestSDKAssumeRole(t *testing.T) {
	server := start(t)
	server.SetTrueTime()
	iamCall(t, server, "CreateUser", url.Values{"UserName": {"alice"}})
	alice := iamCall(t, server, "CreateAccessKey", url.Values{"UserName": {"alice"}})
	iamCall(t, server, "CreateRole", url.Values{"RoleName": {"helper"}, "AssumeRolePolicyDocument": {
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/alice"},"Action":"sts:AssumeRole"}]}`,
	}})
	assumed, err := client(server, alice).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/helper"), RoleSessionName: aws.String("book"), DurationSeconds: aws.Int32(900),
	})
	if err != nil {
		t.Fatal(err)
	}
	if lasts := assumed.Credentials.Expiration.Sub(server.Now().Truncate(time.Second)); lasts != 15*time.Minute {
		t.Errorf("the session lasts %s", lasts)
	}
	session := client(server, sigv4.Credentials{
		AccessKeyID: *assumed.Credentials.AccessKeyId, Secret: sigv4.NewSecret(*assumed.Credentials.SecretAccessKey), SessionToken: *assumed.Credentials.SessionToken,
	})
	who, err := session.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *who.Arn != *assumed.AssumedRoleUser.Arn || *who.UserId != *assumed.AssumedRoleUser.AssumedRoleId || *who.Account != planetest.Account {
		t.Errorf("the session is %s, %s", *who.Arn, *who.UserId)
	}
	_, err = session.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
	var denied smithy.APIError
	if !errors.As(err, &denied) || denied.ErrorCode() != "AccessDenied" {
		t.Errorf("got %v", err)
	}
}

// Every operation that AWS's client can call is known by name: either furl has it, or it says that it does not.
func TestSDKOperationsAreKnown(t *testing.T) {
	server := start(t)
	known := map[string]bool{}
	for _, operation := range stsapi.New(stsapi.Config{}).Operations() {
		known[operation.Name] = true
	}
	for method := range reflect.TypeFor[*sts.Client]().Methods() {
		name := method.Name
		if name == "Options" {
			continue
		}
		answer := server.Query(t, server.Root(planetest.Account), "sts", url.Values{"Action": {name}, "Version": {"2011-06-15"}})
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

// The client sends this operation without a signature, since it has nothing to sign with.
func TestSDKWebIdentity(t *testing.T) {
	server, issuer := webServer(t)
	server.SetTrueTime()
	api := sts.New(sts.Options{BaseEndpoint: aws.String(server.URL), Region: planetest.Region})
	assumed, err := api.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/web"), RoleSessionName: aws.String("web"),
		WebIdentityToken: aws.String(issuer.Sign("RS256", oidctest.Claims{"iss": issuer.URL, "sub": "user-7", "aud": "my-app", "exp": server.Now().Add(time.Hour).Unix()})),
	})
	if err != nil {
		t.Fatal(err)
	}
	session := client(server, sigv4.Credentials{
		AccessKeyID: *assumed.Credentials.AccessKeyId, Secret: sigv4.NewSecret(*assumed.Credentials.SecretAccessKey), SessionToken: *assumed.Credentials.SessionToken,
	})
	who, err := session.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || *who.Arn != "arn:aws:sts::123456789012:assumed-role/web/web" {
		t.Errorf("the session is %v, %v", who, err)
	}
	_, err = api.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/web"), RoleSessionName: aws.String("web"), WebIdentityToken: aws.String("token"),
	})
	var invalid *types.InvalidIdentityTokenException
	if !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
}
