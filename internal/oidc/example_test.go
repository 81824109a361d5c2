package oidc_test

import (
	"context"
	"log"
	"time"

	"github.com/furl-dev/furl/internal/oidc"
)

func Example() {
	verifier := &oidc.Verifier{}
	token, err := oidc.Parse("eyJhbGciOiJub25lIn0.e30.")
	if err != nil {
		log.Fatal(err)
	}
	const issuer = "https://issuer.example" // that is trusted
	if token.Claims.Issuer != issuer {
		log.Fatalf("%s is not trusted", token.Claims.Issuer)
	}
	if err := verifier.Verify(context.Background(), token, issuer, []string{"my-app"}, time.Now()); err != nil {
		log.Fatal(err)
	}
}
