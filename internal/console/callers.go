//go:build unix

package console

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/sigv4"
)

// borrowed are the sessions of roles that the console has made to send requests. They are few, and short.
type borrowed struct {
	mu       sync.Mutex
	sessions map[string]*iam.Session // by the ARN of the caller
}

const (
	borrowedLife = 15 * time.Minute
	mostBorrowed = 64

	// borrowedName is the session name where the console is asked for a role and not for a session of it.
	borrowedName = "furl-console"
)

// callerList is a CallerList of the page.
type callerList struct {
	Callers []string `json:"callers"`
	Total   int      `json:"total"`
}

// listCallers lists the root users, users and roles that the server can sign for.
func (c *Console) listCallers(r *http.Request) (any, error) {
	list, err := listingOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	world := c.State.Now()
	found := callerList{Callers: []string{}}
	add := func(name string) {
		if !strings.Contains(strings.ToLower(name), list.search) {
			return
		}
		if found.Total >= list.offset && len(found.Callers) < list.limit {
			found.Callers = append(found.Callers, name)
		}
		found.Total++
	}
	for _, account := range accountsOf(world) {
		add(arn.Root(account).String())
	}
	for _, one := range c.accounts.users.of(world.Users.Table, order(describeUser)) {
		if _, ok := activeKey(one.value); ok {
			add(one.value.ARN())
		}
	}
	for _, one := range c.accounts.roles.of(world.Roles.Table, order(describeRole)) {
		add(one.value.ARN())
	}
	return found, nil
}

// activeKey is a key of the user that is not switched off.
func activeKey(user *iam.User) (iam.AccessKey, bool) {
	for _, key := range user.Keys {
		if !key.Inactive {
			return key, true
		}
	}
	return iam.AccessKey{}, false
}

// credentials are those of the caller with the ARN: a root user, a user with an active access key, a session that is alive, or
// a role, for which they are a session of a quarter of an hour.
func (c *Console) credentials(ctx context.Context, caller string) (sigv4.Credentials, error) {
	world, now := c.State.Now(), c.Now()
	none := func(format string, arguments ...any) (sigv4.Credentials, error) {
		return sigv4.Credentials{}, &Fault{http.StatusBadRequest, fmt.Sprintf("caller %.256q: ", caller) + fmt.Sprintf(format, arguments...)}
	}
	if session, ok := c.sessionOf(world, caller, now); ok {
		return sessionCredentials(session), nil
	}
	if _, err := arn.Parse(caller); err != nil {
		return none("it is not an ARN of a user, a role or a root user; GET /_furl/v1/callers lists them")
	}
	who, name, err := signerOf(world, caller)
	if err != nil {
		return none("there is no such user, role or root user; GET /_furl/v1/callers lists them")
	}
	switch who.Kind {
	case "root":
		account, ok := world.Accounts.Get(who.Account)
		if !ok {
			return none("the server has no such account")
		}
		return sigv4.Credentials{AccessKeyID: account.RootKey.ID, Secret: sigv4.NewSecret(account.RootKey.Secret)}, nil
	case "user":
		user := who.caller.User
		key, ok := activeKey(user)
		if !ok {
			return none("the user has no active access key; aws iam create-access-key --user-name %s makes one", user.Name)
		}
		return sigv4.Credentials{AccessKeyID: key.ID, Secret: sigv4.NewSecret(key.Secret)}, nil
	case "role":
		return c.borrow(ctx, who.caller.Role, name, now)
	}
	return none("the server has no key of it")
}

// signerOf is the user, the role or the root user that signs for a caller, and the name that a session of the role has.
func signerOf(world *state.Snapshot, caller string) (who accessCaller, session string, err error) {
	if name, err := arn.Parse(caller); err == nil && name.Service == "sts" {
		path, isRole := strings.CutPrefix(name.Resource, "assumed-role/")
		roleName, session, _ := strings.Cut(path, "/")
		if role, ok := world.Role(name.Account, roleName); ok && isRole {
			return roleCaller(role), session, nil
		}
	}
	who, err = callerOf(world, caller)
	return who, borrowedName, err
}

// canSign reports whether there are credentials of the caller, without making a session.
func (c *Console) canSign(caller string) bool {
	world := c.State.Now()
	if _, ok := c.sessionOf(world, caller, c.Now()); ok {
		return true
	}
	who, _, err := signerOf(world, caller)
	if err != nil || who.Kind != "user" {
		return err == nil
	}
	_, active := activeKey(who.caller.User)
	return active
}

// sessionOf is the session with that ARN that lasts longest, with its own session policies. There may be several of one name.
func (c *Console) sessionOf(world *state.Snapshot, caller string, now time.Time) (found *iam.Session, ok bool) {
	if !strings.Contains(caller, ":sts:") {
		return nil, false
	}
	for _, session := range world.Sessions.All() {
		if sessionARN(session) == caller && isAlive(world, session, now) && (found == nil || session.Expires.After(found.Expires)) {
			found = session
		}
	}
	return found, found != nil
}

func sessionCredentials(session *iam.Session) sigv4.Credentials {
	return sigv4.Credentials{
		AccessKeyID: session.AccessKeyID, Secret: sigv4.NewSecret(session.Secret), SessionToken: session.Token,
	}
}

// borrow is a session of the role, which the server makes without asking its trust policy: who may edit the console is the
// owner of the server, who has the keys of all accounts.
func (c *Console) borrow(ctx context.Context, role *iam.Role, name string, now time.Time) (sigv4.Credentials, error) {
	c.borrowed.mu.Lock()
	defer c.borrowed.mu.Unlock()
	key := role.ID + "/" + name
	if kept, ok := c.borrowed.sessions[key]; ok && kept.Expires.Sub(now) > borrowedLife/2 && isAlive(c.State.Now(), kept, now) {
		return sessionCredentials(kept), nil
	}
	for key, kept := range c.borrowed.sessions {
		if !kept.Expires.After(now) {
			delete(c.borrowed.sessions, key)
		}
	}
	if _, renewed := c.borrowed.sessions[key]; !renewed && len(c.borrowed.sessions) >= mostBorrowed {
		return sigv4.Credentials{}, &Fault{http.StatusTooManyRequests, fmt.Sprintf(
			"the console has sessions of %d roles; each ends after %s", mostBorrowed, borrowedLife)}
	}
	session, err := iam.NewSession(rand.Reader, iam.Session{
		Account: role.Account, Role: role.Name, RoleID: role.ID, SessionName: name,
	}, now, borrowedLife)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	err = c.State.Update(ctx, func(tx *state.Tx) error {
		tx.PutTransientSession(session)
		return nil
	})
	if err != nil {
		return sigv4.Credentials{}, err
	}
	if c.borrowed.sessions == nil {
		c.borrowed.sessions = map[string]*iam.Session{}
	}
	c.borrowed.sessions[key] = session
	return sessionCredentials(session), nil
}
