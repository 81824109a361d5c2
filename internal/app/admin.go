package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
)

// Admin is the name of the user that each account begins with. It may do anything, as the root user may, and assume
// roles, as the root user may not.
const Admin = "admin"

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
		s.config.Log.Warn("an account has no user "+Admin+" yet", "error", err)
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
		Account: account, Name: Admin, Path: "/", ID: id, Created: now, Keys: []iam.AccessKey{key},
		Grants: iam.Grants{Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}},
	}, err
}

// UserKey is the first usable access key of a user.
func (s *Server) UserKey(account, user string) (Key, error) {
	found, ok := s.state.Now().User(account, user)
	if !ok {
		return Key{}, fmt.Errorf("account %s has no user %s", account, user)
	}
	for _, key := range found.Keys {
		if !key.Inactive {
			return Key{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, nil
		}
	}
	return Key{}, fmt.Errorf("user %s of account %s has no active access key", user, account)
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

// ErrNoUserKey says that there is no such user, or none with a usable access key.
var ErrNoUserKey = errors.New("no usable access key")

// UserKey asks the server, which has proved that it is the one of the data directory, for an access key of a user.
func (r Running) UserKey(ctx context.Context, account, user string) (Key, error) {
	if r.Secret == "" {
		return Key{}, fmt.Errorf("%w: the server at %s has no keys to give", ErrNoUserKey, r.Endpoint)
	}
	address := plain(r.Endpoint) + furlproto.Keys + "?" + url.Values{"account": {account}, "user": {user}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Key{}, err
	}
	request.Header.Set(furlproto.Secret, r.Secret)
	transport := http.Transport{DisableKeepAlives: true} // without a proxy: the server is on this machine
	response, err := transport.RoundTrip(request)
	if err != nil {
		return Key{}, err
	}
	defer response.Body.Close()
	var answer struct {
		Key
		Message string `json:"message"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return Key{}, fmt.Errorf("%s answered %s", address, response.Status)
	}
	if response.StatusCode != http.StatusOK {
		return Key{}, fmt.Errorf("%w: %s", ErrNoUserKey, answer.Message)
	}
	return answer.Key, nil
}
