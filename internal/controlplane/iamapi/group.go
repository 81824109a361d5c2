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
	group := &iam.Group{Account: r.Caller.Account, Name: in.GroupName, Path: in.path(), Created: r.Now}
	err := s.create(r, group, &group.ID, iam.PrefixGroup, func(world *state.Snapshot) error {
		return nameFree(world.Groups.All(), group.Account, group.Name, maxGroups, "Group")
	})
	return &groupOutput{newGroupResult(group)}, err
}

type getGroupOutput struct {
	Group groupResult
	Users []userResult
	paged
}

func (s *service) getGroup(r *ownerRequest, in *listInput) (any, error) {
	world := r.State.Now()
	group, err := r.group(world)
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
	user, err := r.user(world)
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
		old, err := r.group(tx.View())
		if err != nil {
			return err
		}
		group := old.Clone()
		group.Path, group.Name = cmp.Or(in.NewPath, old.Path), cmp.Or(in.NewGroupName, old.Name)
		if err := mayRename(r, tx.View().Groups.All(), old.Name, group.Name, group.ARN(), maxGroups, "Group"); err != nil {
			return err
		}
		if group.Name == old.Name {
			return tx.Put(group)
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
	return nil, controlplane.Delete(r.Call, r.group, func(world *state.Snapshot, group *iam.Group) error {
		if len(members(world, group)) > 0 {
			return deleteConflict("Cannot delete entity, must remove users from group first.")
		}
		return unused(&group.Grants)
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
	find := func(world *state.Snapshot) (*iam.User, error) { return findUser(world, r.Caller.Account, name) }
	return controlplane.Change(r.Call, find, func(world *state.Snapshot, user *iam.User) error {
		if _, err := r.group(world); err != nil {
			return err
		}
		return edit(user)
	})
}
