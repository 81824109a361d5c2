package iamapi

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

type groupResult struct {
	Path       string
	GroupName  string
	GroupId    string
	Arn        string
	CreateDate time.Time
}

func newGroupResult(g *iam.Group) groupResult {
	return groupResult{g.Path, g.Name, g.ID, g.ARN(), g.Created}
}

type groupOutput struct{ Group groupResult }

func (s *service) createGroup(r *wire.Request, in *newInput) (any, error) {
	id, err := iam.NewID(s.random, iam.PrefixGroup)
	if err != nil {
		return nil, err
	}
	group := &iam.Group{Account: r.Caller.Account, Name: in.GroupName, Path: in.path(), ID: id, Created: r.Now}
	err = r.State.Update(r.Context(), func(tx *state.Tx) error {
		if err := nameFree(tx.View().Groups.All(), group.Account, group.Name, maxGroups, "Group"); err != nil {
			return err
		}
		return tx.Put(group)
	})
	if err != nil {
		return nil, err
	}
	return &groupOutput{newGroupResult(group)}, nil
}

type getGroupOutput struct {
	Group groupResult
	Users []userResult
	paged
}

func (s *service) getGroup(r *ownerRequest, in *listInput) (any, error) {
	world := r.State.Now()
	group, err := findGroup(world, r.Caller.Account, r.owner.Name)
	if err != nil {
		return nil, err
	}
	var list []userResult
	for _, user := range members(world, group) {
		list = append(list, listedUser(user))
	}
	page, more, err := cut(in.Page, list, userResult.key)
	return &getGroupOutput{newGroupResult(group), page, more}, err
}

// members are the users in a group.
func members(world *state.Snapshot, group *iam.Group) []*iam.User {
	var list []*iam.User
	for _, user := range world.Users.All() {
		if user.Account == group.Account && slices.Contains(user.Groups, group.Name) {
			list = append(list, user)
		}
	}
	return list
}

type listGroupsOutput struct {
	Groups []groupResult
	paged
}

func (s *service) listGroups(r *wire.Request, in *pathInput) (any, error) {
	var list []groupResult
	for _, group := range r.State.Now().Groups.All() {
		if group.Account == r.Caller.Account && strings.HasPrefix(group.Path, in.PathPrefix) {
			list = append(list, newGroupResult(group))
		}
	}
	return pageOfGroups(in.Page, list)
}

func (s *service) listGroupsForUser(r *ownerRequest, in *listInput) (any, error) {
	world := r.State.Now()
	user, err := findUser(world, r.Caller.Account, r.owner.Name)
	if err != nil {
		return nil, err
	}
	var list []groupResult
	for _, name := range user.Groups {
		if group, ok := world.Group(user.Account, name); ok {
			list = append(list, newGroupResult(group))
		}
	}
	return pageOfGroups(in.Page, list)
}

func pageOfGroups(p wire.Page, list []groupResult) (any, error) {
	page, more, err := cut(p, list, func(g groupResult) string { return g.GroupName })
	return &listGroupsOutput{page, more}, err
}

type updateGroupInput struct {
	ownerInput
	NewPath      string
	NewGroupName string
}

// updateGroup moves or renames a group. The caller needs the permission for the new ARN as well as for the old one
// (IAM API Reference, UpdateGroup).
func (s *service) updateGroup(r *ownerRequest, in *updateGroupInput) (any, error) {
	return nil, r.State.Update(r.Context(), func(tx *state.Tx) error {
		old, err := findGroup(tx.View(), r.Caller.Account, r.owner.Name)
		if err != nil {
			return err
		}
		group := old.Clone()
		group.Path, group.Name = cmp.Or(in.NewPath, old.Path), cmp.Or(in.NewGroupName, old.Name)
		if err := r.Authorize(controlplane.Permission{Action: r.Need.Action, Resource: group.ARN()}); err != nil {
			return err
		}
		if group.Name == old.Name {
			return tx.Put(group)
		}
		if !strings.EqualFold(group.Name, old.Name) {
			if err := nameFree(tx.View().Groups.All(), group.Account, group.Name, maxGroups+1, "Group"); err != nil {
				return err
			}
		}
		for _, user := range members(tx.View(), old) {
			user = user.Clone()
			user.Groups[slices.Index(user.Groups, old.Name)] = group.Name
			if err := tx.Put(user); err != nil {
				return err
			}
		}
		tx.Delete(old)
		return tx.Put(group)
	})
}

func (s *service) deleteGroup(r *ownerRequest, _ *ownerInput) (any, error) {
	return nil, r.State.Update(r.Context(), func(tx *state.Tx) error {
		group, err := findGroup(tx.View(), r.Caller.Account, r.owner.Name)
		if err != nil {
			return err
		}
		if len(members(tx.View(), group)) > 0 {
			return deleteConflict("Cannot delete entity, must remove users from group first.")
		}
		if err := unused(&group.Grants); err != nil {
			return err
		}
		tx.Delete(group)
		return nil
	})
}

// addUserToGroup changes nothing for a user who is in the group.
func (s *service) addUserToGroup(r *ownerRequest, in *ownerInput) (any, error) {
	return nil, r.changeMember(in.UserName, func(user *iam.User) error {
		if slices.Contains(user.Groups, in.GroupName) {
			return nil
		}
		if len(user.Groups) >= maxUserGroups {
			return overQuota("GroupsPerUser", maxUserGroups)
		}
		user.Groups = append(user.Groups, in.GroupName)
		return nil
	})
}

// removeUserFromGroup changes nothing for a user who is not in the group.
func (s *service) removeUserFromGroup(r *ownerRequest, in *ownerInput) (any, error) {
	return nil, r.changeMember(in.UserName, func(user *iam.User) error {
		user.Groups = slices.DeleteFunc(user.Groups, func(name string) bool { return name == in.GroupName })
		return nil
	})
}

// changeMember changes the user that a request about a group names besides it.
func (r *ownerRequest) changeMember(name string, edit func(*iam.User) error) error {
	return change(r.Call, findUser, name, func(world *state.Snapshot, user *iam.User) error {
		if _, err := findGroup(world, r.Caller.Account, r.owner.Name); err != nil {
			return err
		}
		return edit(user)
	})
}
