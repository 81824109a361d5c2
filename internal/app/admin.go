//go:build unix

package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
)

// addAdmins gives each account its administrator, once: an account that has users, or had its administrator before, is
// left as it is.
func (s *Server) addAdmins(ctx context.Context) error {
	err := s.state.Update(ctx, func(tx *state.Tx) error {
		peopled := map[string]bool{}
		for _, user := range tx.View().Users.All() {
			peopled[user.Account] = true
		}
		for account := range s.rootKeys {
			if _, had := tx.View().Admins.Get(account); had || peopled[account] {
				continue
			}
			user, err := newAdmin(account, s.config.Now())
			if err != nil {
				return err
			}
			if err := errors.Join(tx.Put(user), tx.Put(&iam.Admin{Account: account, Made: user.Created})); err != nil {
				return err
			}
		}
		return nil
	})
	if store.IsFull(err) {
		s.config.Log.Warn("an account has no user "+roster.Admin+" yet", "error", err)
		return nil
	}
	return err
}

func newAdmin(account string, now time.Time) (*iam.User, error) {
	id, err := iam.NewID(rand.Reader, iam.PrefixUser)
	if err != nil {
		return nil, err
	}
	key, err := iam.NewAccessKey(rand.Reader, now)
	return &iam.User{
		Account: account, Name: roster.Admin, Path: "/", ID: id, Created: now, Keys: []iam.AccessKey{key},
		Grants: iam.Grants{Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}},
	}, err
}

// UserKey is the first usable access key of a user.
func (s *Server) UserKey(account, user string) (roster.Key, error) {
	found, ok := s.state.Now().User(account, user)
	if !ok {
		return roster.Key{}, fmt.Errorf("account %s has no user %s", account, user)
	}
	for _, key := range found.Keys {
		if !key.Inactive {
			return roster.Key{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, nil
		}
	}
	return roster.Key{}, fmt.Errorf("user %s of account %s has no active access key", user, account)
}

// GiveKey makes an access key for a user who has none that is active. Where there is no such user it does nothing.
func (s *Server) GiveKey(ctx context.Context, account, user string) error {
	return s.state.Update(ctx, func(tx *state.Tx) error {
		found, ok := tx.View().User(account, user)
		if !ok || slices.ContainsFunc(found.Keys, func(key iam.AccessKey) bool { return !key.Inactive }) {
			return nil
		}
		key, err := iam.NewAccessKey(rand.Reader, s.config.Now())
		if err != nil {
			return err
		}
		changed := *found
		changed.Keys = append(slices.Clone(found.Keys), key)
		return tx.Put(&changed)
	})
}
