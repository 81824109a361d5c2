package iamapi

import (
	"cmp"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// userInput names an existing user.
type userInput struct {
	UserName string `query:"required,min=1,max=128,pattern=name"`
}

// ownInput names an existing user, or leaves it to be the caller.
type ownInput struct {
	UserName string `query:"min=1,max=128,pattern=name"`
}

type createUserInput struct {
	Path                string `query:"min=1,max=512,pattern=path"`
	UserName            string `query:"required,min=1,max=64,pattern=name"`
	PermissionsBoundary string `query:"min=20,max=2048"`
	Tags                []tag  `query:"max=50"`
}

type userOutput struct{ User userResult }

func (s *service) createUser(c *controlplane.Call, in *createUserInput) (*userOutput, error) {
	tags, err := principalTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	id, err := iam.NewID(s.random, iam.PrefixUser)
	if err != nil {
		return nil, err
	}
	user := &iam.User{Account: c.Caller.Account, Name: in.UserName, Path: cmp.Or(in.Path, "/"), ID: id, Created: c.Now, Tags: tags, Boundary: in.PermissionsBoundary}
	err = c.State.Update(c.Context(), func(tx *state.Tx) error {
		if err := nameFree(tx.View().Users.All(), user.Account, user.Name, maxUsers, "User", "UsersPerAccount"); err != nil {
			return err
		}
		if err := checkBoundary(tx.View(), user.Account, user.Boundary); err != nil {
			return err
		}
		return tx.PutUser(user)
	})
	if err != nil {
		return nil, err
	}
	return &userOutput{wholeUser(user)}, nil
}

func (s *service) getUser(c *controlplane.Call, in *ownInput) (*userOutput, error) {
	name, err := userName(c, in.UserName)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return &userOutput{rootUser(c)}, nil
	}
	user, err := findUser(c.State.Now(), c.Caller.Account, name)
	if err != nil {
		return nil, err
	}
	return &userOutput{wholeUser(user)}, nil
}

// rootUser is the account's root user as GetUser shows it to itself.
func rootUser(c *controlplane.Call) userResult {
	account := c.Caller.Account
	result := userResult{UserId: account, Arn: iam.RootARN(account)}
	if known, ok := c.State.Now().Accounts.Get(account); ok {
		result.CreateDate = known.RootKey.Created
	}
	return result
}

type listUsersInput struct {
	PathPrefix string `query:"min=1,max=512,pattern=pathPrefix"`
	paging
}

type listUsersOutput struct {
	Users []userResult
	paged
}

func (s *service) listUsers(c *controlplane.Call, in *listUsersInput) (*listUsersOutput, error) {
	var users []*iam.User
	for _, user := range c.State.Now().Users.All() {
		if user.Account == c.Caller.Account && strings.HasPrefix(user.Path, in.PathPrefix) {
			users = append(users, user)
		}
	}
	page, more, err := cut(in.paging, users, func(u *iam.User) string { return u.Name })
	if err != nil {
		return nil, err
	}
	out := &listUsersOutput{Users: make([]userResult, len(page)), paged: more}
	for i, user := range page {
		out.Users[i] = listedUser(user)
	}
	return out, nil
}

func (s *service) deleteUser(c *controlplane.Call, in *userInput) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		user, err := findUser(tx.View(), c.Caller.Account, in.UserName)
		switch {
		case err != nil:
			return err
		case len(user.Groups) > 0:
			return deleteConflict("Cannot delete entity, must remove user from all groups first.")
		case len(user.Attached) > 0:
			return deleteConflict("Cannot delete entity, must detach all policies first.")
		case len(user.Inline) > 0:
			return deleteConflict("Cannot delete entity, must delete policies first.")
		case len(user.Keys) > 0:
			return deleteConflict("Cannot delete entity, must delete access keys first.")
		}
		tx.DeleteUser(user)
		return nil
	})
}

type updateUserInput struct {
	userInput
	NewPath     string `query:"min=1,max=512,pattern=path"`
	NewUserName string `query:"min=1,max=64,pattern=name"`
}

// updateUser moves or renames a user, who stays the same: keys, sessions and grants go along. The caller needs the
// permission for the new ARN as well as for the old one (IAM API Reference, UpdateUser).
func (s *service) updateUser(c *controlplane.Call, in *updateUserInput) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		old, err := findUser(tx.View(), c.Caller.Account, in.UserName)
		if err != nil {
			return err
		}
		user := old.Clone()
		user.Path, user.Name = cmp.Or(in.NewPath, old.Path), cmp.Or(in.NewUserName, old.Name)
		if err := c.Authorize(controlplane.Permission{Action: "iam:UpdateUser", Resource: user.ARN()}); err != nil {
			return err
		}
		if user.Name == old.Name {
			return tx.PutUser(user)
		}
		if !strings.EqualFold(user.Name, old.Name) {
			if err := nameFree(tx.View().Users.All(), user.Account, user.Name, maxUsers+1, "User", "UsersPerAccount"); err != nil {
				return err
			}
		}
		return tx.RenameUser(old, user)
	})
}

type tagUserInput struct {
	userInput
	Tags []tag `query:"required,max=50"`
}

func (s *service) tagUser(c *controlplane.Call, in *tagUserInput) error {
	return s.changeUser(c, in.UserName, func(_ *state.Snapshot, user *iam.User) (err error) {
		user.Tags, err = principalTags(user.Tags, in.Tags)
		return err
	})
}

type untagUserInput struct {
	userInput
	TagKeys []string `query:"required,max=50" member:"min=1,max=128,pattern=tagKey"`
}

func (s *service) untagUser(c *controlplane.Call, in *untagUserInput) error {
	return s.changeUser(c, in.UserName, func(_ *state.Snapshot, user *iam.User) error {
		user.Tags = withoutTags(user.Tags, in.TagKeys)
		return nil
	})
}

func (s *service) listUserTags(c *controlplane.Call, in *listOfUserInput) (*tagsOutput, error) {
	user, err := findUser(c.State.Now(), c.Caller.Account, in.UserName)
	if err != nil {
		return nil, err
	}
	return pageOfTags(in.paging, user.Tags)
}

func findUser(world *state.Snapshot, account, name string) (*iam.User, error) {
	user, ok := world.User(account, name)
	if !ok {
		return nil, noSuchEntity("The user with name %s cannot be found.", name)
	}
	return user, nil
}
