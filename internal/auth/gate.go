// Package auth decides who a request is from and what that caller may do. It joins the signature (package sigv4)
// and the policies (package policy) to the identities of the world (package state), and knows neither of the two
// planes: it answers with a Caller or a *sigv4.Error, with a policy.Decision, never with a status code.
//
// It has no switch that turns a check off.
package auth

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/sigv4"
)

// Gate verifies signatures against the keys of the world.
type Gate struct {
	State *state.State
	Now   func() time.Time // nil is time.Now

	verifiers sync.Map // verifierKey → *sigv4.Verifier
	count     int
	adding    sync.Mutex
}

// Scope is what a signature must be made for.
type Scope struct {
	Service string // lambda, iam, sts
	Region  string
}

// Windows of time in which a signature is good: Lambda takes five minutes either way, IAM and STS fifteen
// (IAM User Guide, "Troubleshoot signed requests"; AWS re:Post, "lambda-sdk-signature" for Lambda's five).
const (
	lambdaSkew  = 5 * time.Minute
	defaultSkew = 15 * time.Minute
)

// Authenticate verifies the request's signature for the scope and returns its caller. It reads at most maxBody+1
// bytes of the body, which the result holds. The error is always a *sigv4.Error.
func (g *Gate) Authenticate(r *http.Request, scope Scope, maxBody int64) (*Caller, sigv4.Verified, error) {
	verified, err := g.verifier(scope, maxBody).Verify(r)
	if err != nil {
		return nil, verified, err
	}
	identity, ok := g.State.Now().Identity(verified.AccessKeyID)
	if !ok { // deleted since the signature was looked at
		return nil, verified, sigv4.UnknownKeyError(verified.AccessKeyID)
	}
	return newCaller(identity), verified, nil
}

// lookup finds the key to verify a signature with.
func (g *Gate) lookup(_ context.Context, accessKeyID string) (sigv4.Key, error) {
	identity, ok := g.State.Now().Identity(accessKeyID)
	if !ok {
		return sigv4.Key{}, sigv4.ErrUnknownKey
	}
	return sigv4.Key{
		Credentials: sigv4.Credentials{
			AccessKeyID:  accessKeyID,
			Secret:       sigv4.NewSecret(identity.Secret),
			SessionToken: identity.Token,
		},
		Expires: identity.Expires,
	}, nil
}
