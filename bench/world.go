//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// measureWorld is what a large world costs.
func measureWorld(ctx context.Context, b *bench, e effort) ([]row, error) {
	large, small, published := filepath.Join(b.dir, "large"), filepath.Join(b.dir, "small"), filepath.Join(b.dir, "published")
	for data, p := range map[string]population{large: e.large, small: smallPopulation, published: publishedPopulation} {
		if err := errors.Join(os.MkdirAll(data, 0o700), populate(ctx, data, p)); err != nil {
			return nil, err
		}
	}
	decide, err := measureDecisions(ctx, b, e, large, small, published)
	if err != nil {
		return nil, err
	}
	loaded, err := measureLoading(ctx, b, e, large)
	return append(decide, loaded...), err
}

// measureDecisions compares who a key stands for and what it may do in the worlds.
func measureDecisions(ctx context.Context, b *bench, e effort, large, small, published string) ([]row, error) {
	end := b.nested()
	defer end()
	inLarge, err1 := b.newCallIn(ctx, large, urlID(0))
	inSmall, err2 := b.newCallIn(ctx, small, urlID(0))
	ofMany, err3 := b.newCallIn(ctx, published, aliasURLID(0, 0))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	ofOne := *inSmall
	ofOne.url = aliasURLID(0, 0)
	inLargest := e.alternateWork(inLarge.authorize, inSmall.authorize)
	ofVersions := e.alternateWork(ofMany.authorize, ofOne.authorize)
	return []row{
		{
			"authorize a call in a large world", inLargest.more(), "≤ +10 %", inLargest.ratio <= 1.10,
			fmt.Sprintf("the same call in a world of one function: %s", took(inLargest.theirs)),
		},
		{
			"authorize a call of an alias", ofVersions.more(), "≤ +5 %", ofVersions.ratio <= 1.05,
			fmt.Sprintf("of one of 1,000 versions with 10 aliases each; of the only alias of the only version: %s; of a function itself: %s",
				took(ofVersions.theirs), took(inLargest.theirs)),
		},
	}, nil
}

// callIn is a call of a URL of the first function of a world by a session of the first role.
type callIn struct {
	world  *state.State
	url    string
	key    string // of the session
	caller *auth.Caller
	now    time.Time
}

func (b *bench) newCallIn(ctx context.Context, data, url string) (*callIn, error) {
	db, err := store.Open(ctx, filepath.Join(data, "furl.db"))
	if err != nil {
		return nil, err
	}
	b.atEnd(func() { db.Close() })
	world, err := state.Load(ctx, db)
	if err != nil {
		return nil, err
	}
	role, ok := world.Now().Role(account, roleName(0))
	if !ok {
		return nil, errors.New("the world has no role")
	}
	session := iam.Session{Account: account, Role: role.Name, RoleID: role.ID, SessionName: "bench"}
	made, err := iam.NewSession(rand.Reader, session, time.Now(), time.Hour)
	if err != nil {
		return nil, err
	}
	err = world.Update(ctx, func(tx *state.Tx) error { tx.PutTransientSession(made); return nil })
	if err != nil {
		return nil, err
	}
	c := &callIn{world: world, url: url, key: made.AccessKeyID, now: time.Now()}
	c.caller, err = c.authenticate(ctx, made)
	return c, err
}

// authenticate is the caller of a signed request.
func (c *callIn) authenticate(ctx context.Context, made *iam.Session) (*auth.Caller, error) {
	credentials := sigv4.Credentials{AccessKeyID: made.AccessKeyID, Secret: sigv4.NewSecret(made.Secret), SessionToken: made.Token}
	r, err := signed(ctx, credentials, "lambda", http.MethodGet, "http://127.0.0.1:9000/"+book, "", nil)
	if err != nil {
		return nil, err
	}
	gate := auth.Gate{State: c.world}
	caller, _, _, err := gate.Authenticate(r, auth.Scope{Service: "lambda", Region: region, MaxBody: 1 << 20})
	return caller, err
}

// authorize is what the data plane does with a request whose signature it has verified: it finds the URL and the
// identity, and asks for both actions.
func (c *callIn) authorize() {
	world := c.world.Now()
	url, found := world.URL(c.url)
	_, known := world.Identity(c.key)
	if !found || !known {
		panic("the world has no such URL or key")
	}
	target, err := resolve.Of(world, url.Function, url.Qualifier)
	if err != nil {
		panic(err)
	}
	arn := target.ARN().String()
	for _, ask := range [...]struct {
		action string
		fact   auth.Fact
	}{
		{lambda.ActionInvokeURL, auth.Fact{Key: "lambda:FunctionUrlAuthType", Value: "AWS_IAM"}},
		{lambda.ActionInvoke, auth.Fact{Key: "lambda:InvokedViaFunctionUrl", Value: "true"}},
	} {
		decision, _ := auth.Authorize(world, c.caller, auth.Check{
			Action: ask.action, Resource: arn, ResourceAccount: account, Policy: target.Policy(), PolicyName: "resource-based policy",
			Context: &auth.Conditions{
				Caller: c.caller, Now: c.now, SourceIP: "127.0.0.1", Secure: true, Region: region, Resource: account, Extra: []auth.Fact{ask.fact},
			},
		})
		if decision.Effect != policy.Allowed {
			panic(fmt.Sprintf("%s denied: %v", ask.action, decision.Reason))
		}
	}
}

// measureLoading is how long a server with a large world takes to start, its memory, and how soon it sees a change.
func measureLoading(ctx context.Context, b *bench, e effort, data string) ([]row, error) {
	var ready, memory, change []float64
	var accounts []string
	for i := range e.large.accounts {
		accounts = append(accounts, "--account", e.large.accountID(i))
	}
	for range e.loads {
		s, err := b.serve(ctx, data, accounts...)
		if err != nil {
			return nil, err
		}
		seen, changeErr := s.timeChanges(ctx, e.starts)
		_, peak, memoryErr := s.memory()
		s.stop()
		if err := errors.Join(changeErr, memoryErr); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, s.log.String())
		}
		ready, memory, change = append(ready, float64(s.ready)), append(memory, float64(peak)), append(change, seen)
	}
	start, peak, seen := median(ready), median(memory), median(change)
	size := e.large.String()
	return []row{
		{"start with a large world", took(start), "≤ 0.7 s", start <= float64(700*time.Millisecond), size},
		{"memory with a large world", megabytes(int64(peak)), "≤ 180 MB", peak <= 180<<20, "resident, at its peak"},
		{"a policy change is visible", took(seen), "≤ 5 ms", seen <= float64(5*time.Millisecond),
			"PutUserPolicy sent until the answer of a call that it allows or denies, durable"},
	}, nil
}

// timeChanges changes a policy back and forth, makes sure each time that the next call sees it, and returns the median
// time.
func (s *server) timeChanges(ctx context.Context, changes int) (float64, error) {
	user, err := s.createUser(ctx, "changing")
	if err != nil {
		return 0, err
	}
	var times []float64
	for i := range 2*changes + 2 {
		effect, want := "Allow", http.StatusOK
		if i%2 == 1 {
			effect, want = "Deny", http.StatusForbidden
		}
		text := `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"lambda:GetAccountSettings","Resource":"*"}]}`
		begin := time.Now()
		err := s.iam(ctx, []string{"PutUserPolicy", "UserName", "changing", "PolicyName", "p", "PolicyDocument", text})
		if err != nil {
			return 0, err
		}
		ask, err := signed(ctx, user, "lambda", http.MethodGet, "http://"+s.address+"/2016-08-19/account-settings/", "", nil)
		if err != nil {
			return 0, err
		}
		if _, err := do(ask, func(status int) bool { return status == want }); err != nil {
			return 0, fmt.Errorf("after a policy that says %s: %w", effect, err)
		}
		if i >= 2 { // the first ones make connections
			times = append(times, float64(time.Since(begin)))
		}
	}
	// The next server on the data directory can make the user again.
	return median(times), s.iam(ctx,
		[]string{"DeleteUserPolicy", "UserName", "changing", "PolicyName", "p"},
		[]string{"DeleteAccessKey", "UserName", "changing", "AccessKeyId", user.AccessKeyID},
		[]string{"DeleteUser", "UserName", "changing"},
	)
}
