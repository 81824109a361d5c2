package state_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/policy"
)

const anything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

func TestGroupsPoliciesAndProvidersAreThereAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "furl.db")
	document, err := iam.ParsePolicy(anything, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	group := &iam.Group{Account: account, Name: "staff", Path: "/", ID: "AGPAA", Grants: iam.Grants{Inline: map[string]iam.Policy{"all": document}}}
	managed := &iam.ManagedPolicy{Account: account, Name: "all", Path: "/x/", ID: "ANPAA"}
	managed.AddVersion(document, true, moment)
	provider := &iam.Provider{Account: account, Issuer: "https://oidc.example.com/x", ClientIDs: []string{"c"}}
	gone := &iam.Group{Account: account, Name: "gone", Path: "/", ID: "AGPAB"}

	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	update(t, world, func(tx *state.Tx) error {
		for _, put := range []error{tx.Put(group), tx.Put(gone), tx.Put(managed), tx.Put(provider)} {
			if put != nil {
				return put
			}
		}
		tx.Delete(gone)
		return nil
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	now := open(t, path).Now()
	found, ok := now.Group(account, "staff")
	if !ok || len(found.InlinePolicies()) != 1 || found.ARN() != "arn:aws:iam::111111111111:group/staff" {
		t.Errorf("group is %+v", found)
	}
	if _, ok := now.Group(account, "gone"); ok {
		t.Error("a deleted group is back")
	}
	stored, ok := now.Policy("arn:aws:iam::111111111111:policy/x/all")
	if !ok || stored.InForce().Policy.Document() == nil || stored.Default != "v1" {
		t.Errorf("policy is %+v", stored)
	}
	known, ok := now.Providers.Get("arn:aws:iam::111111111111:oidc-provider/oidc.example.com/x")
	if diff := cmp.Diff(provider, known); !ok || diff != "" {
		t.Error(diff)
	}

	world = open(t, filepath.Join(t.TempDir(), "other.db"))
	update(t, world, func(tx *state.Tx) error {
		if err := tx.Put(managed); err != nil {
			return err
		}
		tx.Delete(managed)
		if err := tx.Put(provider); err != nil {
			return err
		}
		tx.Delete(provider)
		return nil
	})
	if world.Now().Policies.Len() != 0 || world.Now().Providers.Len() != 0 {
		t.Error("a deleted policy or provider is still there")
	}
}

func TestAWSPoliciesAreEverywhere(t *testing.T) {
	world := open(t, store.Memory)
	if _, ok := world.Now().Policy("arn:aws:iam::aws:policy/AdministratorAccess"); !ok {
		t.Error("AdministratorAccess is missing")
	}
	if _, ok := world.Now().Policy("arn:aws:iam::aws:policy/NoSuchPolicy"); ok {
		t.Error("a policy that does not exist was found")
	}
}

// A user keeps its keys, its sessions and what names it by unique id when it is renamed.
func TestRenamedUserIsTheSame(t *testing.T) {
	world := open(t, store.Memory)
	old := &iam.User{Account: account, Name: "old", Path: "/", ID: "AIDAA", Keys: []iam.AccessKey{{ID: "AKIAA", Secret: "s"}}}
	session := &iam.Session{AccessKeyID: "ASIAA", Secret: "s", Token: "t", Account: account, User: "old", UserID: "AIDAA", Expires: moment.Add(time.Hour)}
	update(t, world, func(tx *state.Tx) error {
		if err := tx.Put(old); err != nil {
			return err
		}
		return tx.Put(session)
	})
	renamed := old.Clone()
	renamed.Name = "new"
	update(t, world, func(tx *state.Tx) error { return tx.RenameUser(old, renamed) })
	now := world.Now()
	if _, ok := now.User(account, "old"); ok {
		t.Error("the old name is still there")
	}
	for _, key := range []string{"AKIAA", "ASIAA"} {
		if identity, ok := now.Identity(key); !ok || identity.User.Name != "new" {
			t.Errorf("%s stands for %+v, %v", key, identity.User, ok)
		}
	}
	if arn, _ := now.PrincipalARN("AIDAA"); arn != "arn:aws:iam::111111111111:user/new" {
		t.Errorf("the id stands for %s", arn)
	}
	if account, user, ok := now.KeyOwner("AKIAA"); !ok || account != "111111111111" || user != "new" {
		t.Errorf("the key belongs to %s, %s", account, user)
	}
}

// More sessions than the store commits at once are forgotten in several steps, not in none.
func TestVeryManySessionsExpire(t *testing.T) {
	world := open(t, store.Memory)
	const all = store.MaxChanges + 10
	update(t, world, func(tx *state.Tx) error {
		for i := range all {
			tx.PutTransientSession(&iam.Session{AccessKeyID: fmt.Sprint(i), Account: account, Expires: moment})
		}
		return nil
	})
	for range 3 {
		if err := world.DropExpired(t.Context(), moment.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if left := world.Now().Sessions.Len(); left != 0 {
		t.Errorf("%d sessions are left", left)
	}
}

// A policy that an earlier version has taken and that this one would refuse does not keep the server from starting, and
// means what it meant.
func TestPoliciesThatWouldBeRefusedNowAreReadAfterARestart(t *testing.T) {
	taken := func(text string, kind policy.Kind) iam.Policy {
		t.Helper()
		if _, err := policy.Parse([]byte(text), kind); err == nil {
			t.Fatalf("%s is not refused", text)
		}
		taken, err := iam.TakenPolicy(text, kind)
		if err != nil {
			t.Fatal(err)
		}
		return taken
	}
	path := filepath.Join(t.TempDir(), "furl.db")
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	role := &iam.Role{
		Account: account, Name: "old", Path: "/", ID: "AROAA", MaxSession: time.Hour,
		Trust: taken(`{"Statement":{"Effect":"Allow","Principal":{"Service":"lambda.example.com"},"Action":"sts:GetCallerIdentity"}}`, policy.Trust),
		Grants: iam.Grants{Inline: map[string]iam.Policy{
			"deny": taken(`{"Statement":{"Effect":"Deny","Action":"iam:*","Resource":"arn:aws:iam::1:role/x"}}`, policy.Identity),
		}},
	}
	update(t, world, func(tx *state.Tx) error { return tx.Put(role) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	found, ok := open(t, path).Now().Role(account, "old")
	if !ok || found.Trust.Document().Len() != 1 || len(found.InlinePolicies()) != 1 || found.InlinePolicies()[0].Document.Len() != 1 {
		t.Errorf("role is %+v", found)
	}
}
