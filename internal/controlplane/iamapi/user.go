package iamapi

import (
	"cmp"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

type userOutput struct{ User userResult }

func (s *service) createUser(r *wire.Request, in *newPrincipalInput) (any, error) {
	tags, err := newTags(r, tagUser, in.Tags, strings.EqualFold)
	if err != nil {
		return nil, err
	}
	user := &iam.User{
		Account: r.Caller.Account, Name: in.UserName, Path: in.path(), Created: r.Now, Tags: tags,
		Boundary: in.PermissionsBoundary,
	}
	err = s.create(r, user, &user.ID, iam.PrefixUser, func(world *state.Snapshot) error {
		if err := nameFree(world.Users.All(), user.Account, user.Name, maxUsers, "User"); err != nil {
			return err
		}
		return checkBoundary(world, user.Account, user.Boundary)
	})
	return &userOutput{wholeUser(user)}, err
}

func (s *service) getUser(r *ownerRequest, _ *ownerInput) (any, error) {
	if r.owner.Name == "" {
		return &userOutput{rootUser(r.Call)}, nil
	}
	user, err := r.user(r.State.Now())
	if err != nil {
		return nil, err
	}
	return &userOutput{wholeUser(user)}, nil
}

// rootUser is the account's root user as GetUser shows it to itself.
func rootUser(c *controlplane.Call) userResult {
	account := c.Caller.Account
	result := userResult{userHead: userHead{UserId: account, Arn: arn.Root(account).String()}}
	if known, ok := c.State.Now().Accounts.Get(account); ok {
		result.CreateDate = known.RootKey.Created
	}
	return result
}

type listUsersOutput struct {
	Users []userResult
	paged
}

func (s *service) listUsers(r *wire.Request, in *pathInput) (any, error) {
	var list []userResult
	for _, user := range r.State.Now().Users.All() {
		if user.Account == r.Caller.Account && strings.HasPrefix(user.Path, in.PathPrefix) {
			list = append(list, listedUser(user))
		}
	}
	page, more, err := cut(in.Page, list, userResult.key)
	return &listUsersOutput{page, more}, err
}

func (s *service) deleteUser(r *ownerRequest, _ *ownerInput) (any, error) {
	return nil, controlplane.Delete(r.Call, r.user, func(_ *state.Snapshot, user *iam.User) error {
		if len(user.Groups) > 0 {
			return deleteConflict("Cannot delete entity, must remove user from all groups first.")
		}
		if err := unused(&user.Grants); err != nil {
			return err
		}
		if len(user.Keys) > 0 {
			return deleteConflict("Cannot delete entity, must delete access keys first.")
		}
		return nil
	})
}

type updateUserInput struct {
	ownerInput
	NewPath     string
	NewUserName string
}

// updateUser moves or renames a user, who stays the same: keys, sessions and grants go along. The caller needs the
// permission for the new ARN as well as for the old one (IAM API Reference, UpdateUser).
func (s *service) updateUser(r *ownerRequest, in *updateUserInput) (any, error) {
	return nil, r.State.Update(r.Context(), func(tx *state.Tx) error {
		old, err := r.user(tx.View())
		if err != nil {
			return err
		}
		user := old.Clone()
		user.Path, user.Name = cmp.Or(in.NewPath, old.Path), cmp.Or(in.NewUserName, old.Name)
		if err := mayRename(r, tx.View().Users.All(), old.Name, user.Name, user.ARN(), maxUsers, "User"); err != nil {
			return err
		}
		if user.Name == old.Name {
			return tx.Put(user)
		}
		return tx.RenameUser(old, user)
	})
}
