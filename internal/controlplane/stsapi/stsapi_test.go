package stsapi_test

import (
	"math/rand/v2"
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
