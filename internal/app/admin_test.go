//go:build unix

package app_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
)

// change changes the database of a server that does not run, as one of an earlier furl that knows no administrators would
// have it.
func change(t *testing.T, dir string, change func(*state.Tx) error) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "furl.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if err := world.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

// admins are the accounts of a server on the data directory that have an administrator with a key.
func admins(t *testing.T, dir string, accounts ...string) []string {
	t.Helper()
	config := app.Default()
	config.Data, config.Listen, config.Accounts = dir, "127.0.0.1:0", accounts
	server, err := app.New(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var found []string
	for _, account := range accounts {
		if key, err := server.UserKey(account, roster.Admin); err == nil && key.SecretAccessKey != "" {
			found = append(found, account)
		}
	}
	return found
}

const first, second, third = "111111111111", "222222222222", "333333333333"

// The administrator is made with the account. In an older database it is made at the first start that finds no user in
// the account, and never again.
func TestAdminIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	change(t, dir, func(tx *state.Tx) error {
		return tx.Put(&iam.User{Account: second, Name: "alice", Path: "/", ID: "AIDAALICE", Created: time.Now()})
	})
	if found := admins(t, dir, first, second); len(found) != 1 || found[0] != first {
		t.Errorf("an account without users and one with: %v", found)
	}
	change(t, dir, func(tx *state.Tx) error {
		for _, user := range tx.View().Users.All() {
			tx.Delete(user)
		}
		return nil
	})
	if found := admins(t, dir, first, second, third); len(found) != 2 || found[0] != second || found[1] != third {
		t.Errorf("deleted, without users for the first time, and new: %v", found)
	}
	if found := admins(t, dir, first, second, third); len(found) != 2 {
		t.Errorf("at the next start: %v", found)
	}
}
