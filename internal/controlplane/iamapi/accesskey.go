package iamapi

import (
	"net/http"
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/query"
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

func (s *service) createAccessKey(c *controlplane.Call, in *ownInput) (*createAccessKeyOutput, error) {
	name, err := keyOwner(c, in.UserName)
	if err != nil {
		return nil, err
	}
	key, err := iam.NewAccessKey(s.random, c.Now)
	if err != nil {
		return nil, err
	}
	err = s.changeUser(c, name, func(_ *state.Snapshot, user *iam.User) error {
		if len(user.Keys) >= maxUserKeys {
			return overQuota("AccessKeysPerUser", maxUserKeys)
		}
		user.Keys = append(user.Keys, key)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &createAccessKeyOutput{newAccessKey{name, key.ID, statusActive, key.Secret, key.Created}}, nil
}

type accessKeyMetadata struct {
	UserName    string `query:"omitempty"`
	AccessKeyId string
	Status      string
	CreateDate  time.Time
}

type listAccessKeysInput struct {
	ownInput
	paging
}

type listAccessKeysOutput struct {
	AccessKeyMetadata []accessKeyMetadata
	paged
}

func (s *service) listAccessKeys(c *controlplane.Call, in *listAccessKeysInput) (*listAccessKeysOutput, error) {
	name, err := userName(c, in.UserName)
	if err != nil {
		return nil, err
	}
	keys, err := keysOf(c, name)
	if err != nil {
		return nil, err
	}
	list := make([]accessKeyMetadata, len(keys))
	for i, key := range keys {
		status := statusActive
		if key.Inactive {
			status = statusInactive
		}
		list[i] = accessKeyMetadata{name, key.ID, status, key.Created}
	}
	page, more, err := cut(in.paging, list, func(k accessKeyMetadata) string { return k.AccessKeyId })
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
	ownInput
	AccessKeyId string `query:"required,min=16,max=128,pattern=keyID"`
}

type updateAccessKeyInput struct {
	accessKeyInput
	Status string `query:"required,enum=Active|Inactive"`
}

func (s *service) updateAccessKey(c *controlplane.Call, in *updateAccessKeyInput) error {
	return s.changeKey(c, in.accessKeyInput, func(user *iam.User, i int) {
		user.Keys[i].Inactive = in.Status == statusInactive
	})
}

func (s *service) deleteAccessKey(c *controlplane.Call, in *accessKeyInput) error {
	return s.changeKey(c, *in, func(user *iam.User, i int) {
		user.Keys = slices.Delete(user.Keys, i, i+1)
	})
}

// changeKey changes a user in whose keys the index is that of the key in question.
func (s *service) changeKey(c *controlplane.Call, in accessKeyInput, change func(user *iam.User, i int)) error {
	name, err := keyOwner(c, in.UserName)
	if err != nil {
		return err
	}
	return s.changeUser(c, name, func(_ *state.Snapshot, user *iam.User) error {
		i := slices.IndexFunc(user.Keys, func(key iam.AccessKey) bool { return key.ID == in.AccessKeyId })
		if i < 0 {
			return noSuchEntity("The Access Key with id %s cannot be found.", in.AccessKeyId)
		}
		change(user, i)
		return nil
	})
}

// keyOwner is the user whose keys are to be changed. Root keys are part of the server's configuration.
func keyOwner(c *controlplane.Call, given string) (string, error) {
	name, err := userName(c, given)
	if err == nil && name == "" {
		return "", query.ValidationErrorf("Must specify userName: the access key of a root user is set where furl serve is started.")
	}
	return name, err
}

type accessKeyLastUsedInput struct {
	AccessKeyId string `query:"required,min=16,max=128,pattern=keyID"`
}

type accessKeyLastUsedOutput struct {
	UserName          string `query:"omitempty"`
	AccessKeyLastUsed accessKeyLastUsed
}

type accessKeyLastUsed struct {
	LastUsedDate time.Time
	ServiceName  string
	Region       string
}

// getAccessKeyLastUsed knows the owner of a key. furl does not record uses.
func (s *service) getAccessKeyLastUsed(c *controlplane.Call, in *accessKeyLastUsedInput) (*accessKeyLastUsedOutput, error) {
	account, user, ok := c.State.Now().KeyOwner(in.AccessKeyId)
	if !ok || account != c.Caller.Account {
		return nil, query.Errorf(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key %s",
			c.Caller.ARN(), in.AccessKeyId)
	}
	return &accessKeyLastUsedOutput{user, accessKeyLastUsed{ServiceName: "N/A", Region: "N/A"}}, nil
}
