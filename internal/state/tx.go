package state

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state/record"
	"github.com/furl-dev/furl/internal/store"
)

// Tx is a change of the world in the making. It belongs to one goroutine. Values put into it must not be changed
// afterwards.
type Tx struct {
	world   Snapshot
	edit    edit
	changes []store.Change
}

func newTx(from *Snapshot) *Tx { return &Tx{world: *from, edit: edit{}} }

// View is the world with the writes made so far. It is good until the next write.
func (tx *Tx) View() *Snapshot {
	view := tx.world
	return &view
}

// SetAccount adds or replaces an account. Accounts come from the server's configuration each time it starts, and are
// not kept in the store.
func (tx *Tx) SetAccount(account *iam.Account) {
	if old, ok := tx.world.Accounts.Get(account.ID); ok {
		remove(tx.edit, &tx.world.keys, old.RootKey.ID)
	}
	set(tx.edit, &tx.world.Accounts, account.ID, account)
	set(tx.edit, &tx.world.keys, account.RootKey.ID, keyOwner{root: account})
}

// Put adds or replaces a value that a collection of Snapshot keeps.
func (tx *Tx) Put(value record.Value) error {
	change, err := tx.collection(value).put(value)
	if err != nil {
		return err
	}
	tx.changes = append(tx.changes, change)
	prepare(value)
	tx.place(value)
	return nil
}

// PutTransientSession adds a session that ends with the server: the credentials of an execution environment, which
// does not outlive it either.
func (tx *Tx) PutTransientSession(session *iam.Session) { tx.place(session) }

// Delete removes a value: a user with its access keys, a function with its URLs, permissions, versions and aliases.
// Sessions of a role that is gone stand for nobody.
func (tx *Tx) Delete(value record.Value) {
	if function, ok := value.(*lambda.Function); ok {
		for _, version := range tx.world.VersionsOf(function.ARN) {
			tx.Delete(version)
		}
		for _, alias := range tx.world.AliasesOf(function.ARN) {
			tx.Delete(alias)
		}
	}
	collection := tx.collection(value)
	if old, ok := collection.get(value.Key()); ok {
		tx.index(old, false)
		collection.remove(tx.edit, value.Key())
	}
	tx.changes = append(tx.changes, store.Change{
		Record: store.Record{Kind: collection.kind(), Key: value.Key()}, Delete: true,
	})
}

// RenameUser puts a user in place of the same user under its old name. Its keys, sessions and the grants that name it
// by unique id stay its own.
func (tx *Tx) RenameUser(old, user *iam.User) error {
	tx.Delete(old)
	for _, session := range tx.View().Sessions.All() {
		if session.Account == old.Account && session.UserID == old.ID {
			renamed := *session
			renamed.User = user.Name
			if err := tx.Put(&renamed); err != nil {
				return err
			}
		}
	}
	return tx.Put(user)
}

// collection is the one that keeps values of that type. Its absence is a mistake in the program.
func (tx *Tx) collection(value record.Value) collection {
	field := collections().byType[reflect.TypeOf(value)]
	return reflect.ValueOf(&tx.world).Elem().Field(field).Addr().Interface().(collection)
}

// prepare makes what a value derives from itself, before it is published.
func prepare(value record.Value) {
	if derived, ok := value.(interface{ Prepare() }); ok {
		derived.Prepare()
	}
}

// place makes a value visible, in place of what has its key.
func (tx *Tx) place(value record.Value) {
	collection, key := tx.collection(value), value.Key()
	if old, ok := collection.get(key); ok {
		tx.index(old, false)
	}
	collection.set(tx.edit, key, value)
	tx.index(value, true)
}

// index keeps the derived tables in step with a value that comes or goes.
func (tx *Tx) index(value record.Value, comes bool) {
	switch value := value.(type) {
	case *iam.User:
		toggle(tx.edit, &tx.world.principals, value.ID, principal(value), comes)
		for _, key := range value.Keys {
			toggle(tx.edit, &tx.world.keys, key.ID, keyOwner{user: value}, comes)
		}
	case *iam.Role:
		toggle(tx.edit, &tx.world.principals, value.ID, principal(value), comes)
	case *lambda.Function:
		if claim := value.Claim(); claim > 0 {
			tx.claim(value.ARN, claim, comes)
		}
		for qualifier, config := range value.URLs {
			url := URL{Function: value, Qualifier: qualifier, Config: config}
			toggle(tx.edit, &tx.world.urls, config.ID, url, comes)
		}
	case *lambda.Version:
		toggleIn(tx.edit, &tx.world.published, value.ARN.Key(), value, byNumber, comes)
	case *lambda.Alias:
		toggleIn(tx.edit, &tx.world.aliases, value.ARN.Key(), value, byName, comes)
	}
}

// claim keeps count of what functions claim of their account's concurrency.
func (tx *Tx) claim(function lambda.ARN, claim int, comes bool) {
	key := function.Account + "/" + function.Region
	total, _ := tx.world.claimed.Get(key)
	if !comes {
		claim = -claim
	}
	toggle(tx.edit, &tx.world.claimed, key, total+claim, total+claim > 0)
}

func byNumber(a, b *lambda.Version) int {
	return cmp.Or(cmp.Compare(len(a.ARN.Qualifier), len(b.ARN.Qualifier)), cmp.Compare(a.ARN.Qualifier, b.ARN.Qualifier))
}

func byName(a, b *lambda.Alias) int { return cmp.Compare(a.ARN.Qualifier, b.ARN.Qualifier) }

// toggleIn is toggle for a value in a sorted list. The lists of earlier snapshots stay as they are.
func toggleIn[V any](e edit, table *Table[[]V], key string, value V, order func(a, b V) int, present bool) {
	list, _ := table.Get(key)
	list = slices.Clone(list)
	at, found := slices.BinarySearchFunc(list, value, order)
	switch {
	case present:
		list = slices.Insert(list, at, value)
	case found:
		list = slices.Delete(list, at, at+1)
	}
	toggle(e, table, key, list, len(list) > 0)
}

func toggle[V any](e edit, table *Table[V], key string, value V, present bool) {
	if present {
		set(e, table, key, value)
	} else {
		remove(e, table, key)
	}
}
