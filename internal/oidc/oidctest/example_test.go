package oidctest_test

import (
	"testing"

	"github.com/furl-dev/furl/internal/oidc/oidctest"
)

func Example() {
	_ = func(t *testing.T) {
		issuer := oidctest.Start(t)
		token := issuer.Sign("RS256", oidctest.Claims{"iss": issuer.URL, "sub": "alice"})
		t.Log(token)
	}
}
