package iamapi_test

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
	return planetest.New(t, iamapi.New(iamapi.Config{Random: random, PrivateProviders: true}), stsapi.New(stsapi.Config{Random: random}))
}

func TestScripts(t *testing.T) { planetest.RunScripts(t, "testdata/script/*.txt", start) }

// The table agrees with AWS's model, and what the model has beyond it is refused by name.
func TestTable(t *testing.T) {
	faults, refused := iamapi.New(iamapi.Config{}).Check()
	for _, fault := range faults {
		t.Error(fault)
	}
	for _, want := range []string{"CreateRole.MaxSigninSessionDuration", "UpdateRole.ResetMaxSigninSessionDuration"} {
		if !slices.Contains(refused, want) {
			t.Errorf("%s is not refused", want)
		}
	}
	start(t).CheckRefusals(t, "iam", "InvalidInput", refused, map[string]string{
		"CreateRole":                  "RoleName=caller&AssumeRolePolicyDocument={}",
		"UpdateRole":                  "RoleName=caller",
		"CreateOpenIDConnectProvider": "Url=https://issuer.example.com",

		"MaxSigninSessionDuration":      "MaxSigninSessionDuration=7200",
		"ResetMaxSigninSessionDuration": "ResetMaxSigninSessionDuration=true",
		"ContextProvider":               "ContextProvider.SubjectSourceKey=email",
		"IdentityCenterInstanceArn":     "IdentityCenterInstanceArn=arn:aws:sso:::instance/ssoins-1234567890abcdef",
	})
}
