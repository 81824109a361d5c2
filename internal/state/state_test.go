package state_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/policy"
)

const account = "111111111111"

var moment = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *state.State {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return world
}

func update(t *testing.T, world *state.State, change func(*state.Tx) error) {
	t.Helper()
	if err := world.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

func role(name, id string) *iam.Role {
	return &iam.Role{Account: account, Name: name, Path: "/", ID: id, Created: moment}
}

func session(role *iam.Role, key string) *iam.Session {
	return &iam.Session{AccessKeyID: key, Secret: "s", Token: "t", Account: account, Role: role.Name, RoleID: role.ID, Expires: moment.Add(time.Hour)}
}

func TestChangesAreThereAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "furl.db")
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	inline, err := iam.ParsePolicy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	viaURL := true
	caller := role("caller", "AROAAAAAAAAAAAAAAAAA2")
	caller.Inline = map[string]iam.Policy{"all": inline}
	function := &lambda.Function{
		ARN:  lambda.ARN{Region: "eu-central-1", Account: account, Name: "web"},
		URLs: map[string]*lambda.URLConfig{"": {ID: "abc", AuthType: lambda.AuthIAM}},
	}
	function.SetPolicy("", lambda.PolicyText([]lambda.Permission{
		{StatementID: "a", Action: lambda.ActionInvoke, Principal: lambda.PermissionPrincipal{AWS: "AROAAAAAAAAAAAAAAAAA2"}, InvokedViaURL: &viaURL},
	}, function.ARN, lambda.Stored), "")
	user := &iam.User{Account: account, Name: "alice", Path: "/", ID: "AIDA1", Keys: []iam.AccessKey{{ID: "AKIA1", Secret: "secret"}}}
	update(t, world, func(tx *state.Tx) error {
		return errors.Join(tx.Put(caller), tx.Put(user), tx.Put(function), tx.Put(session(caller, "ASIA1")))
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	now := open(t, path).Now()
	if found, ok := now.Role(account, "caller"); !ok || len(found.InlinePolicies()) != 1 || found.InlinePolicies()[0].Document.Len() != 1 {
		t.Errorf("the role is %+v, %v", found, ok)
	}
	if identity, ok := now.Identity("AKIA1"); !ok || identity.Secret != "secret" || identity.User.Name != "alice" {
		t.Errorf("the user's key stands for %+v, %v", identity, ok)
	}
	if identity, ok := now.Identity("ASIA1"); !ok || identity.Role.ID != "AROAAAAAAAAAAAAAAAAA2" || identity.Token != "t" {
		t.Errorf("the session stands for %+v, %v", identity, ok)
	}
	url, ok := now.URL("abc")
	if !ok || url.Function.ARN.Name != "web" || url.Function.Policy("").Len() != 1 {
		t.Errorf("the URL leads to %+v, %v", url, ok)
	}
}

func TestAFailedUpdateChangesNothing(t *testing.T) {
	world := open(t, store.Memory)
	before := world.Now()
	boom := errors.New("boom")
	err := world.Update(t.Context(), func(tx *state.Tx) error {
		if err := tx.Put(role("r", "AROAAAAAAAAAAAAAAAAA2")); err != nil {
			return err
		}
		if _, ok := tx.View().Role(account, "r"); !ok {
			t.Error("a transaction does not see its own write")
		}
		return boom
	})
	if !errors.Is(err, boom) || world.Now() != before {
		t.Errorf("error is %v, and the snapshot changed: %v", err, world.Now() != before)
	}
}

type brokenStore struct{ error }

func (brokenStore) Load(context.Context, func(store.Record) error) (store.Revision, error) {
	return 0, nil
}

func (b brokenStore) Commit(context.Context, store.Revision, []store.Change) (store.Revision, error) {
	return 0, b.error
}

func TestAChangeThatIsNotDurableIsNotVisible(t *testing.T) {
	full := errors.New("disk is full")
	world, err := state.Load(t.Context(), brokenStore{full})
	if err != nil {
		t.Fatal(err)
	}
	err = world.Update(t.Context(), func(tx *state.Tx) error { return tx.Put(role("r", "AROAAAAAAAAAAAAAAAAA2")) })
	if !errors.Is(err, full) {
		t.Errorf("error is %v", err)
	}
	if _, ok := world.Now().Role(account, "r"); ok {
		t.Error("the role is visible though it was not kept")
	}
}

// Two worlds on one database: the one that is late changes nothing, and can change nothing any more.
func TestAChangeOfAnOldRevisionIsRefused(t *testing.T) {
	db := openStore(t, store.Memory)
	var worlds [2]*state.State
	for i := range worlds {
		world, err := state.Load(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		worlds[i] = world
	}
	put := func(world *state.State, name, id string) error {
		return world.Update(t.Context(), func(tx *state.Tx) error { return tx.Put(role(name, id)) })
	}
	for _, id := range []string{"AROAAAAAAAAAAAAAAAAA2", "AROAAAAAAAAAAAAAAAAA3"} {
		if err := put(worlds[0], "r", id); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"r", "other"} {
		err := put(worlds[1], name, "AROAAAAAAAAAAAAAAAAA4")
		if conflict := new(store.Conflict); !errors.As(err, &conflict) || conflict.Base != 0 || conflict.Now != 2 {
			t.Errorf("the error is %v", err)
		}
		if _, ok := worlds[1].Now().Role(account, name); ok {
			t.Errorf("the role %s is visible though it was not kept", name)
		}
	}
	again, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if found, ok := again.Now().Role(account, "r"); !ok || found.ID != "AROAAAAAAAAAAAAAAAAA3" {
		t.Errorf("the role is %+v", found)
	}
	if n := again.Now().Roles.Len(); n != 1 {
		t.Errorf("the database has %d roles", n)
	}
}

func TestWhoAKeyStandsFor(t *testing.T) {
	world := open(t, store.Memory)
	caller := role("caller", "AROAAAAAAAAAAAAAAAAA2")
	user := &iam.User{Account: account, Name: "alice", Path: "/", ID: "AIDA1", Keys: []iam.AccessKey{
		{ID: "AKIA1", Secret: "one"}, {ID: "AKIA2", Secret: "two", Inactive: true},
	}}
	update(t, world, func(tx *state.Tx) error {
		tx.SetAccount(&iam.Account{ID: account, RootKey: iam.AccessKey{ID: "AKIAROOT", Secret: "root"}})
		tx.PutTransientSession(session(caller, "ASIAROLE"))
		tx.PutTransientSession(&iam.Session{AccessKeyID: "ASIAUSER", Account: account, User: "alice", UserID: "AIDA1"})
		tx.PutTransientSession(&iam.Session{AccessKeyID: "ASIAROOT", Account: account})
		return errors.Join(tx.Put(caller), tx.Put(user))
	})
	known := func(keys ...string) {
		t.Helper()
		for _, key := range []string{"AKIA1", "AKIA2", "AKIAROOT", "ASIAROLE", "ASIAUSER", "ASIAROOT", "AKIANONE"} {
			_, got := world.Now().Identity(key)
			want := false
			for _, expected := range keys {
				want = want || expected == key
			}
			if got != want {
				t.Errorf("%s is known: %v, want %v", key, got, want)
			}
		}
	}
	known("AKIA1", "AKIAROOT", "ASIAROLE", "ASIAUSER", "ASIAROOT")

	update(t, world, func(tx *state.Tx) error { tx.Delete(caller); return nil })
	known("AKIA1", "AKIAROOT", "ASIAUSER", "ASIAROOT")
	update(t, world, func(tx *state.Tx) error { return tx.Put(role("caller", "AROAAAAAAAAAAAAAAAAA3")) })
	known("AKIA1", "AKIAROOT", "ASIAUSER", "ASIAROOT")

	swapped := user.Clone()
	swapped.Keys = swapped.Keys[1:]
	swapped.Keys[0].Inactive = false
	update(t, world, func(tx *state.Tx) error { return tx.Put(swapped) })
	known("AKIA2", "AKIAROOT", "ASIAUSER", "ASIAROOT")
	update(t, world, func(tx *state.Tx) error { tx.Delete(swapped); return nil })
	known("AKIAROOT", "ASIAROOT")
}

func TestPrincipalsAreKnownByIDWhileTheyExist(t *testing.T) {
	world := open(t, store.Memory)
	first := role("caller", "AROAAAAAAAAAAAAAAAAA2")
	first.Path = "/team/"
	update(t, world, func(tx *state.Tx) error { return tx.Put(first) })
	arn := "arn:aws:iam::" + account + ":role/team/caller"
	if id, ok := world.Now().PrincipalID(arn); !ok || id != "AROAAAAAAAAAAAAAAAAA2" {
		t.Errorf("id is %q, %v", id, ok)
	}
	if _, ok := world.Now().PrincipalID("arn:aws:iam::" + account + ":role/caller"); ok {
		t.Error("a role is found under an ARN without its path")
	}
	if got := world.Now().ShowPrincipal("AROAAAAAAAAAAAAAAAAA2"); got != arn {
		t.Errorf("shown as %q", got)
	}
	update(t, world, func(tx *state.Tx) error {
		tx.Delete(first)
		return tx.Put(role("caller", "AROAAAAAAAAAAAAAAAAA3"))
	})
	if got := world.Now().ShowPrincipal("AROAAAAAAAAAAAAAAAAA2"); got != "AROAAAAAAAAAAAAAAAAA2" {
		t.Errorf("a deleted role is shown as %q", got)
	}
}

func TestURLsFollowTheirFunction(t *testing.T) {
	world := open(t, store.Memory)
	function := &lambda.Function{
		ARN:  lambda.ARN{Region: "eu-central-1", Account: account, Name: "web"},
		URLs: map[string]*lambda.URLConfig{"": {ID: "first"}},
	}
	update(t, world, func(tx *state.Tx) error { return tx.Put(function) })
	changed := function.Clone()
	changed.URLs[""] = &lambda.URLConfig{ID: "second"}
	update(t, world, func(tx *state.Tx) error { return tx.Put(changed) })
	if _, ok := world.Now().URL("first"); ok {
		t.Error("a URL that was replaced still leads somewhere")
	}
	if url, ok := world.Now().URL("second"); !ok || url.Function != changed {
		t.Errorf("the new URL leads to %+v, %v", url, ok)
	}
	update(t, world, func(tx *state.Tx) error { tx.Delete(changed); return nil })
	if _, ok := world.Now().URL("second"); ok {
		t.Error("the URL of a deleted function still leads somewhere")
	}
}

func TestExpiredSessionsAreForgotten(t *testing.T) {
	world := open(t, store.Memory)
	caller := role("caller", "AROAAAAAAAAAAAAAAAAA2")
	update(t, world, func(tx *state.Tx) error {
		late := session(caller, "ASIALATE")
		late.Expires = moment.Add(3 * time.Hour)
		return errors.Join(tx.Put(session(caller, "ASIASOON")), tx.Put(late))
	})
	if err := world.DropExpired(t.Context(), moment.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, ok := world.Now().Sessions.Get("ASIASOON"); ok || world.Now().Sessions.Len() != 1 {
		t.Errorf("%d sessions are left", world.Now().Sessions.Len())
	}
}

func TestUpdatesDoNotLoseEachOther(t *testing.T) {
	world := open(t, store.Memory)
	update(t, world, func(tx *state.Tx) error {
		return tx.Put(&iam.User{Account: account, Name: "u", Path: "/", ID: "AIDA"})
	})
	var all sync.WaitGroup
	const writers, writes = 4, 25
	for i := range writers {
		all.Go(func() {
			for j := range writes {
				err := world.Update(context.Background(), func(tx *state.Tx) error {
					user, _ := tx.View().User(account, "u")
					changed := user.Clone()
					changed.Groups = append(changed.Groups, fmt.Sprint(i, j))
					return tx.Put(changed)
				})
				if err != nil {
					t.Error(err)
				}
				world.Now().User(account, "u")
			}
		})
	}
	all.Wait()
	if user, _ := world.Now().User(account, "u"); len(user.Groups) != writers*writes {
		t.Errorf("%d of %d changes are there", len(user.Groups), writers*writes)
	}
}

func TestUnknownRecordsAreRefused(t *testing.T) {
	db, err := store.Open(t.Context(), store.Memory)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var base store.Revision
	for _, record := range []store.Record{{Kind: "unheard-of", Key: "k", Body: []byte("{}")}, {Kind: "role", Key: "k", Body: []byte("[]")}} {
		if base, err = db.Commit(t.Context(), base, []store.Change{{Record: record}}); err != nil {
			t.Fatal(err)
		}
		if _, err := state.Load(t.Context(), db); err == nil {
			t.Errorf("a record %s %s is loaded", record.Kind, record.Body)
		}
		if base, err = db.Commit(t.Context(), base, []store.Change{{Record: record, Delete: true}}); err != nil {
			t.Fatal(err)
		}
	}
}
