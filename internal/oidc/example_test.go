package oidc_test

import (
	"context"
	"fmt"
	"time"

	"github.com/furl-dev/furl/internal/oidc"
)

// Whether the issuer is trusted at all is decided between Parse and Verify.
func Example() {
	verifier := &oidc.Verifier{}
	token, err := oidc.Parse("not a token")
	if err != nil {
		fmt.Println(err)
		return
	}
	if token.Claims.Issuer != "https://issuer.example" {
		return
	}
	err = verifier.Verify(context.Background(), token, token.Claims.Issuer, []string{"my-audience"}, time.Now())
	fmt.Println(err)
	// Output: the token does not have the three parts of a JSON Web Token
}
