package state

import (
	"encoding/json"
	"fmt"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/store"
)

// Kinds of records in the store.
const (
	kindUser     = "user"
	kindRole     = "role"
	kindGroup    = "group"
	kindPolicy   = "policy"
	kindProvider = "oidc-provider"
	kindSession  = "session"
	kindFunction = "function"
)

// Tx is a change of the world in the making. It belongs to one goroutine. Values put into it must not be changed
// afterwards.
type Tx struct {
	accounts  builder[*iam.Account]
	users     builder[*iam.User]
	roles     builder[*iam.Role]
	groups    builder[*iam.Group]
	policies  builder[*iam.ManagedPolicy]
	providers builder[*iam.Provider]
	sessions  builder[*iam.Session]
	functions builder[*lambda.Function]

	keys       builder[keyOwner]
	urls       builder[URL]
	principals builder[string]

	changes []store.Change
}

func newTx(from *Snapshot) *Tx {
	tx := &Tx{}
	tx.accounts.table, tx.users.table, tx.roles.table = from.Accounts, from.Users, from.Roles
	tx.groups.table, tx.policies.table, tx.providers.table = from.Groups, from.Policies, from.Providers
	tx.sessions.table, tx.functions.table = from.Sessions, from.Functions
	tx.keys.table, tx.urls.table, tx.principals.table = from.keys, from.urls, from.principals
	return tx
}

// View is the world with the writes made so far. It is good until the next write.
func (tx *Tx) View() *Snapshot {
	return &Snapshot{
		Accounts: tx.accounts.table, Users: tx.users.table, Roles: tx.roles.table,
		Groups: tx.groups.table, Policies: tx.policies.table, Providers: tx.providers.table,
		Sessions: tx.sessions.table, Functions: tx.functions.table,
		keys: tx.keys.table, urls: tx.urls.table, principals: tx.principals.table,
	}
}

// SetAccount adds or replaces an account. Accounts come from the server's configuration each time it starts, and are
// not kept in the store.
func (tx *Tx) SetAccount(account *iam.Account) {
	if old, ok := tx.accounts.table.Get(account.ID); ok {
		tx.keys.delete(old.RootKey.ID)
	}
	tx.accounts.set(account.ID, account)
	tx.keys.set(account.RootKey.ID, keyOwner{account: account.ID})
}

// PutUser adds or replaces a user.
func (tx *Tx) PutUser(user *iam.User) error {
	user.Prepare()
	tx.setUser(user)
	return tx.record(kindUser, user.Key(), user)
}

// DeleteUser removes a user and its access keys.
func (tx *Tx) DeleteUser(user *iam.User) {
	tx.unsetUser(user.Key())
	tx.users.delete(user.Key())
	tx.erase(kindUser, user.Key())
}

func (tx *Tx) setUser(user *iam.User) {
	tx.unsetUser(user.Key())
	tx.users.set(user.Key(), user)
	tx.principals.set(user.ID, user.ARN())
	for _, key := range user.Keys {
		tx.keys.set(key.ID, keyOwner{account: user.Account, user: user.Key()})
	}
}

func (tx *Tx) unsetUser(key string) {
	old, ok := tx.users.table.Get(key)
	if !ok {
		return
	}
	tx.principals.delete(old.ID)
	for _, key := range old.Keys {
		tx.keys.delete(key.ID)
	}
}

// PutRole adds or replaces a role.
func (tx *Tx) PutRole(role *iam.Role) error {
	role.Prepare()
	tx.setRole(role)
	return tx.record(kindRole, role.Key(), role)
}

// DeleteRole removes a role. Its sessions stand for nobody from then on.
func (tx *Tx) DeleteRole(role *iam.Role) {
	tx.roles.delete(role.Key())
	tx.principals.delete(role.ID)
	tx.erase(kindRole, role.Key())
}

func (tx *Tx) setRole(role *iam.Role) {
	if old, ok := tx.roles.table.Get(role.Key()); ok {
		tx.principals.delete(old.ID)
	}
	tx.roles.set(role.Key(), role)
	tx.principals.set(role.ID, role.ARN())
}

// PutSession adds a session.
func (tx *Tx) PutSession(session *iam.Session) error {
	tx.sessions.set(session.AccessKeyID, session)
	return tx.record(kindSession, session.AccessKeyID, session)
}

// PutTransientSession adds a session that ends with the server: the credentials of an execution environment, which
// does not outlive it either.
func (tx *Tx) PutTransientSession(session *iam.Session) {
	tx.sessions.set(session.AccessKeyID, session)
}

// DeleteSession removes a session.
func (tx *Tx) DeleteSession(session *iam.Session) {
	tx.sessions.delete(session.AccessKeyID)
	tx.erase(kindSession, session.AccessKeyID)
}

// PutFunction adds or replaces a function with its URLs and permissions.
func (tx *Tx) PutFunction(function *lambda.Function) error {
	function.Prepare()
	tx.setFunction(function)
	return tx.record(kindFunction, function.ARN.Key(), function)
}

// DeleteFunction removes a function with its URLs and permissions.
func (tx *Tx) DeleteFunction(function *lambda.Function) {
	tx.unsetURLs(function.ARN.Key())
	tx.functions.delete(function.ARN.Key())
	tx.erase(kindFunction, function.ARN.Key())
}

func (tx *Tx) setFunction(function *lambda.Function) {
	key := function.ARN.Key()
	tx.unsetURLs(key)
	tx.functions.set(key, function)
	for qualifier, config := range function.URLs {
		tx.urls.set(config.ID, URL{Function: function, Qualifier: qualifier, Config: config})
	}
}

func (tx *Tx) unsetURLs(functionKey string) {
	if old, ok := tx.functions.table.Get(functionKey); ok {
		for _, config := range old.URLs {
			tx.urls.delete(config.ID)
		}
	}
}

func (tx *Tx) record(kind, key string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", kind, key, err)
	}
	tx.changes = append(tx.changes, store.Change{Record: store.Record{Kind: kind, Key: key, Body: body}})
	return nil
}

func (tx *Tx) erase(kind, key string) {
	tx.changes = append(tx.changes, store.Change{Record: store.Record{Kind: kind, Key: key}, Delete: true})
}
