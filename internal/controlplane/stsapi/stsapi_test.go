package stsapi_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
)

// start starts a server whose ids are the same in every run.
func start(t *testing.T) *planetest.Server {
	random := rand.NewChaCha8([32]byte{1})
	return planetest.New(t, iamapi.New(iamapi.Config{Random: random, PrivateProviders: true}),
		stsapi.New(stsapi.Config{Random: random, PrivateProviders: true}))
}

func TestScripts(t *testing.T) { planetest.RunScripts(t, "testdata/script/*.txt", start) }

// The table agrees with AWS's model, and what the model has beyond it is refused by name.
func TestTable(t *testing.T) {
	faults, refused := stsapi.New(stsapi.Config{}).Check()
	for _, fault := range faults {
		t.Error(fault)
	}
	if !slices.Contains(refused, "AssumeRole.MinimumSessionTokenSize") {
		t.Error("AssumeRole.MinimumSessionTokenSize is not refused")
	}
	const role = "RoleArn=arn:aws:iam::123456789012:role/caller&RoleSessionName=session"
	start(t).CheckRefusals(t, "sts", "InvalidParameterValue", refused, map[string]string{
		"AssumeRole":                role,
		"AssumeRoleWithWebIdentity": role + "&WebIdentityToken=token",
		"GetFederationToken":        "Name=bob",
		"GetSessionToken":           "DurationSeconds=900",

		"MinimumSessionTokenSize": "MinimumSessionTokenSize=2048",
	})
}
