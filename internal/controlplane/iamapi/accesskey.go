package iamapi

import (
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

const (
	statusActive   = "Active"
	statusInactive = "Inactive"
)

type createAccessKeyOutput struct{ AccessKey newAccessKey }

// newAccessKey is the one answer that holds a user's secret.
type newAccessKey struct {
	UserName        string
	AccessKeyId     string
	Status          string
	SecretAccessKey string
	CreateDate      time.Time
}

func (s *service) createAccessKey(r *ownerRequest, _ *ownerInput) (any, error) {
	if err := keysOfUser(r); err != nil {
		return nil, err
	}
	key, err := iam.NewAccessKey(s.random, r.Now)
	if err != nil {
		return nil, err
	}
	err = r.changeUser(func(_ *state.Snapshot, user *iam.User) error {
		if len(user.Keys) >= maxUserKeys {
			return overQuota("AccessKeysPerUser", maxUserKeys)
		}
		user.Keys = append(user.Keys, key)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &createAccessKeyOutput{newAccessKey{r.owner.Name, key.ID, statusActive, key.Secret, key.Created}}, nil
}

type accessKeyMetadata struct {
	UserName    string `xml:",omitempty"`
	AccessKeyId string
	Status      string
	CreateDate  time.Time
}

type listAccessKeysOutput struct {
	AccessKeyMetadata []accessKeyMetadata
	paged
}

func (s *service) listAccessKeys(r *ownerRequest, in *listInput) (any, error) {
	keys, err := keysOf(r.Call, r.owner.Name)
	if err != nil {
		return nil, err
	}
	list := make([]accessKeyMetadata, len(keys))
	for i, key := range keys {
		status := statusActive
		if key.Inactive {
			status = statusInactive
		}
		list[i] = accessKeyMetadata{r.owner.Name, key.ID, status, key.Created}
	}
	page, more, err := cut(in.Page, list, func(k accessKeyMetadata) string { return k.AccessKeyId })
	return &listAccessKeysOutput{page, more}, err
}

// keysOf are the access keys of a user, or of the account's root user where the name is empty.
func keysOf(c *controlplane.Call, name string) ([]iam.AccessKey, error) {
	if name == "" {
		account, ok := c.State.Now().Accounts.Get(c.Caller.Account)
		if !ok {
			return nil, nil
		}
		return []iam.AccessKey{account.RootKey}, nil
	}
	user, err := findUser(c.State.Now(), c.Caller.Account, name)
	if err != nil {
		return nil, err
	}
	return user.Keys, nil
}

type accessKeyInput struct {
	ownerInput
	AccessKeyId string
}

type updateAccessKeyInput struct {
	accessKeyInput
	Status string
}

func (s *service) updateAccessKey(r *ownerRequest, in *updateAccessKeyInput) (any, error) {
	return nil, r.changeKey(in.AccessKeyId, func(user *iam.User, i int) {
		user.Keys[i].Inactive = in.Status == statusInactive
	})
}

func (s *service) deleteAccessKey(r *ownerRequest, in *accessKeyInput) (any, error) {
	return nil, r.changeKey(in.AccessKeyId, func(user *iam.User, i int) {
		user.Keys = slices.Delete(user.Keys, i, i+1)
	})
}

// changeKey changes a user in whose keys the index is that of the key in question.
func (r *ownerRequest) changeKey(id string, change func(user *iam.User, i int)) error {
	if err := keysOfUser(r); err != nil {
		return err
	}
	return r.changeUser(func(_ *state.Snapshot, user *iam.User) error {
		i := slices.IndexFunc(user.Keys, func(key iam.AccessKey) bool { return key.ID == id })
		if i < 0 {
			return noSuchEntity("The Access Key with id %s cannot be found.", id)
		}
		change(user, i)
		return nil
	})
}

// keysOfUser refuses to change root keys, which are part of the server's configuration.
func keysOfUser(r *ownerRequest) error {
	if r.owner.Name == "" {
		return validationError("Must specify userName: the access key of a root user is set where furl serve is started.")
	}
	return nil
}

type keyInput struct{ AccessKeyId string }

type accessKeyLastUsedOutput struct {
	UserName          string `xml:",omitempty"`
	AccessKeyLastUsed accessKeyLastUsed
}

type accessKeyLastUsed struct {
	LastUsedDate time.Time
	ServiceName  string
	Region       string
}

// getAccessKeyLastUsed knows the owner of a key. furl does not record uses.
func (s *service) getAccessKeyLastUsed(r *wire.Request, in *keyInput) (any, error) {
	account, user, ok := r.State.Now().KeyOwner(in.AccessKeyId)
	if !ok || account != r.Caller.Account {
		return nil, wire.Errorf("AccessDenied",
			"User: %s is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key %s",
			r.Caller.ARN(), in.AccessKeyId)
	}
	return &accessKeyLastUsedOutput{user, accessKeyLastUsed{ServiceName: "N/A", Region: "N/A"}}, nil
}
