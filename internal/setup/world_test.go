//go:build unix

package setup_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/setuptest"
	"github.com/furl-dev/furl/sigv4"
)

const (
	here  = planetest.Account
	there = planetest.Other
)

// account is the account as its root user sees it.
func account(t *testing.T, world *setuptest.World, id string) setup.Account {
	t.Helper()
	client := world.Client(world.Root(id))
	identity, err := client.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return setup.NewAccount(identity, client)
}

// granter is a Granter for the functions of one account.
func granter(t *testing.T, world *setuptest.World) *setup.Granter {
	t.Helper()
	return &setup.Granter{Owner: account(t, world, here)}
}

func grant(t *testing.T, g *setup.Granter, request setup.Request) *setup.Plan {
	t.Helper()
	plan, err := g.Grant(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func revoke(t *testing.T, g *setup.Granter, request setup.Request) *setup.Plan {
	t.Helper()
	plan, err := g.Revoke(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func apply(t *testing.T, plan *setup.Plan) {
	t.Helper()
	var done int
	if err := plan.Apply(t.Context(), func(setup.Change) { done++ }); err != nil {
		t.Fatal(err)
	}
	if done != len(plan.Changes) {
		t.Errorf("told of %d changes of %d", done, len(plan.Changes))
	}
}

// web adds a function with a URL.
func web(t *testing.T, world *setuptest.World) (lambda.ARN, awsapi.URL) {
	t.Helper()
	arn := world.AddFunction(here, "web", world.AddRole(here, "/", "web-role", ""))
	url, err := world.Client(world.Root(here)).CreateURL(t.Context(), arn, awsapi.URLSettings{AuthType: lambda.AuthIAM})
	if err != nil {
		t.Fatal(err)
	}
	return arn, url
}

// session is a session of the role.
func session(t *testing.T, world *setuptest.World, account, role string) sigv4.Credentials {
	t.Helper()
	admin := world.AddUser(account, "assumes-"+role, `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`)
	found, err := world.Client(world.Root(account)).Principal(t.Context(), iam.Owner{Kind: iam.OfRole, Name: role})
	if err != nil {
		t.Fatal(err)
	}
	assumed, err := world.Client(admin).AssumeRole(t.Context(), found.ARN, "test")
	if err != nil {
		t.Fatal(err)
	}
	return sigv4.Credentials{AccessKeyID: assumed.AccessKeyID, Secret: sigv4.NewSecret(assumed.SecretAccessKey), SessionToken: assumed.SessionToken}
}

// status calls the URL and returns what it answers. Without a key the request is not signed.
func status(t *testing.T, url awsapi.URL, key sigv4.Credentials) int {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url.Address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key.AccessKeyID != "" {
		signer := sigv4.Signer{Region: setuptest.Region, Service: "lambda"}
		if _, err := signer.Sign(request, key, sigv4.EmptyPayload()); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// expect fails the test unless the URL answers the owner of the key with the status.
func expect(t *testing.T, url awsapi.URL, key sigv4.Credentials, want int, when string) {
	t.Helper()
	if got := status(t, url, key); got != want {
		t.Errorf("%s: the URL answers %d, want %d", when, got, want)
	}
}

func policyText(t *testing.T, world *setuptest.World, arn lambda.ARN) string {
	t.Helper()
	text, err := world.Client(world.Root(here)).Policy(t.Context(), arn)
	if awsapi.KindOf(err) == awsapi.NotFound {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}
