// Package auth decides who a request is from and what that caller may do. It joins the signature (package sigv4)
// and the policies (package policy) to the identities of the world (package state), and knows neither of the two
// planes: it answers with a Caller or a *sigv4.Error, with a policy.Decision, never with a status code.
//
// It has no switch that turns a check off.
package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// Gate verifies signatures against the keys of the world.
type Gate struct {
	State *state.State
	Now   func() time.Time // nil is time.Now
	// ForwardedProto is what clients speak with what stands in front of the server, https or http; "" if nothing does.
	ForwardedProto string

	limiter   limiter
	links     limiter  // of those of which no key could be read, so that they do not crowd out the others
	verifiers sync.Map // Scope → *sigv4.Verifier, which caches signing keys
	kept      atomic.Int32
}

// IsSecure reports whether the client of a request speaks TLS. No header says so: a client could send it.
func (g *Gate) IsSecure(r *http.Request) bool {
	return g.ForwardedProto == "https" || g.ForwardedProto == "" && r.TLS != nil
}

// Scope is what a signature must be made for.
type Scope struct {
	Service string // lambda, iam, sts
	Region  string
	MaxBody int64 // bytes
}

// maxRegion bounds the name of a region, in bytes: the longest that AWS has are half as long.
const maxRegion = 32

// ClaimedScope is the service and the region for which a request says that it was signed. The region is never empty:
// what is unsigned or malformed is refused by the verifier, which says why and needs one for it.
func ClaimedScope(r *http.Request) (service, region string) {
	scope, _ := sigv4.ParseScope(r)
	if scope.Region == "" || len(scope.Region) > maxRegion {
		return scope.Service, "us-east-1"
	}
	return scope.Service, strings.Clone(scope.Region) // a trace keeps it, and not the header that it is a piece of
}

// Windows of time in which a signature is good: Lambda takes five minutes either way, IAM and STS fifteen
// (IAM User Guide, "Troubleshoot signed requests"; AWS re:Post, "lambda-sdk-signature" for Lambda's five).
const (
	lambdaSkew  = 5 * time.Minute
	defaultSkew = 15 * time.Minute
)

// maxVerifiers bounds the verifiers that are kept. The region of a control plane request is whatever its credential
// scope says: only a good signature has its verifier kept, and above the bound none has.
const maxVerifiers = 128

// Authenticate verifies the request's signature for the scope and returns its caller. It reads at most the scope's
// MaxBody+1 bytes of the body, which the result holds. The error is always a *sigv4.Error; the attempt's finding tells
// of success and failure alike.
func (g *Gate) Authenticate(r *http.Request, scope Scope) (*Caller, sigv4.Verified, *Attempt, error) {
	finding := &SignatureFinding{}
	attempt := &Attempt{Finding: finding}
	verifier := g.verifier(scope)
	verified, err := verifier.Verify(r)
	if err == nil {
		g.keep(scope, verifier)
		identity, ok := g.State.Now().Identity(verified.AccessKeyID)
		if ok {
			caller := NewCaller(identity)
			finding.accepted(caller, verified)
			finding.account = trace.Keep(identity.Account, maxLabel)
			return caller, verified, attempt, nil
		}
		// The key was deleted since the signature was looked at.
		err = &sigv4.Error{Kind: sigv4.UnknownKey, Message: unknownKeyMessage, AccessKeyID: verified.AccessKeyID}
	}
	refusal, ok := errors.AsType[*sigv4.Error](err)
	if !ok {
		refusal = &sigv4.Error{Kind: sigv4.Internal, Err: err}
	}
	finding.refused(refusal, scope)
	g.prepare(attempt, scope, r, refusal)
	return nil, sigv4.Verified{}, attempt, refusal
}

// prepare notes whose key was used, and gathers what a diagnosis of the refusal needs, if there may be one: keys that
// do not exist have none, and there are so many in a second. A damaged link may have one though no key was read from it.
func (g *Gate) prepare(attempt *Attempt, scope Scope, r *http.Request, refusal *sigv4.Error) {
	world := g.State.Now()
	identity, ok := world.Identity(refusal.AccessKeyID)
	limiter := &g.links
	if ok {
		attempt.Finding.account = trace.Keep(identity.Account, maxLabel)
		limiter = &g.limiter
	}
	if !(ok && diagnose.Diagnosable(refusal.Kind)) && (refusal.Kind == sigv4.UnknownKey || !diagnose.LinkLike(r)) {
		return
	}
	if !limiter.allow(time.Now()) {
		attempt.Finding.crowded = true
		return
	}
	attempt.Finding.diagnosed = make(chan struct{})
	attempt.evidence = &diagnose.Evidence{
		Request: r,
		Refusal: refusal,
		Key:     keyOf(identity),
		Region:  scope.Region,
		Service: scope.Service,
		Now:     g.now(),
		Lookup:  g.lookup,
	}
	attempt.others = func() []sigv4.Key {
		if !ok {
			return nil
		}
		return otherKeys(world, identity)
	}
}

// MaxDiagnoses is how many refusals are diagnosed in a second.
const MaxDiagnoses = 20

// limiter lets MaxDiagnoses pass in a second.
type limiter struct {
	mu    sync.Mutex
	since time.Time
	n     int
}

// allow reports whether one more may pass now.
func (l *limiter) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := now.Sub(l.since); age < 0 || age >= time.Second { // a clock set back does not close it
		l.since, l.n = now, 0
	}
	l.n++
	return l.n <= MaxDiagnoses
}

// otherKeys are the keys of the same account which a client may have mixed up with its own, the likeliest first: those
// of the same user, the root user's, sessions of the same user or role, the keys of other users.
func otherKeys(world *state.Snapshot, identity state.Identity) []sigv4.Key {
	var others []sigv4.Key
	add := func(id, secret, token string) bool {
		if id != identity.AccessKeyID {
			others = append(others, sigv4.Key{Credentials: sigv4.Credentials{
				AccessKeyID: id, Secret: sigv4.NewSecret(secret), SessionToken: token,
			}})
		}
		return len(others) < diagnose.MaxOtherKeys
	}
	addUser := func(user *iam.User) bool {
		for _, key := range user.Keys {
			if !add(key.ID, key.Secret, "") {
				return false
			}
		}
		return true
	}
	if identity.User != nil && !addUser(identity.User) {
		return others
	}
	if account, ok := world.Accounts.Get(identity.Account); ok && !add(account.RootKey.ID, account.RootKey.Secret, "") {
		return others
	}
	for _, session := range world.Sessions.All() {
		if isOf(session, identity) && !add(session.AccessKeyID, session.Secret, session.Token) {
			return others
		}
	}
	for _, user := range world.Users.All() {
		if user.Account == identity.Account && user != identity.User && !addUser(user) {
			return others
		}
	}
	return others
}

// isOf reports whether the session is one of the user or role that the identity stands for.
func isOf(session *iam.Session, identity state.Identity) bool {
	switch {
	case session.Account != identity.Account:
		return false
	case identity.User != nil:
		return session.UserID == identity.User.ID
	case identity.Role != nil:
		return session.RoleID == identity.Role.ID
	default:
		return session.UserID == "" && session.RoleID == ""
	}
}

func (g *Gate) now() time.Time {
	if g.Now == nil {
		return time.Now()
	}
	return g.Now()
}

// unknownKeyMessage is what AWS tells a client whose access key it does not know.
const unknownKeyMessage = "The security token included in the request is invalid."

func (g *Gate) verifier(scope Scope) *sigv4.Verifier {
	if kept, ok := g.verifiers.Load(scope); ok {
		return kept.(*sigv4.Verifier)
	}
	verifier := &sigv4.Verifier{
		Region: scope.Region, Service: scope.Service,
		Lookup:      g.lookup,
		MaxSkew:     defaultSkew,
		PresignLife: defaultSkew, // of STS; assumed of IAM
		MaxBody:     scope.MaxBody,
		Now:         g.Now,
	}
	switch scope.Service {
	case "lambda":
		verifier.MaxSkew, verifier.PresignLife = lambdaSkew, 0
	case "sts":
		verifier.IgnoreExpires = true // aws eks get-token presigns for a minute, and its tokens are used for 15
	}
	return verifier
}

// keep keeps a verifier that has accepted a request for the next one of its scope.
func (g *Gate) keep(scope Scope, verifier *sigv4.Verifier) {
	if _, kept := g.verifiers.Load(scope); kept || g.kept.Load() >= maxVerifiers {
		return
	}
	scope.Region = strings.Clone(scope.Region) // a piece of a request that would be kept alive
	if _, kept := g.verifiers.LoadOrStore(scope, verifier); !kept {
		g.kept.Add(1)
	}
}

// lookup finds the key to verify a signature with.
func (g *Gate) lookup(_ context.Context, accessKeyID string) (sigv4.Key, error) {
	identity, ok := g.State.Now().Identity(accessKeyID)
	if !ok {
		return sigv4.Key{}, sigv4.ErrUnknownKey
	}
	return keyOf(identity), nil
}

func keyOf(identity state.Identity) sigv4.Key {
	return sigv4.Key{
		Credentials: sigv4.Credentials{
			AccessKeyID:  identity.AccessKeyID,
			Secret:       sigv4.NewSecret(identity.Secret),
			SessionToken: identity.Token,
		},
		Expires: identity.Expires,
	}
}
