package iamapi

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// groupInput names an existing group.
type groupInput struct {
	GroupName string `query:"required,min=1,max=128,pattern=name"`
}

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

type createGroupInput struct {
	Path string `query:"min=1,max=512,pattern=path"`
	groupInput
}

type groupOutput struct{ Group groupResult }

func (s *service) createGroup(c *controlplane.Call, in *createGroupInput) (*groupOutput, error) {
	id, err := iam.NewID(s.random, iam.PrefixGroup)
	if err != nil {
		return nil, err
	}
	group := &iam.Group{Account: c.Caller.Account, Name: in.GroupName, Path: cmp.Or(in.Path, "/"), ID: id, Created: c.Now}
	err = c.State.Update(c.Context(), func(tx *state.Tx) error {
		if err := nameFree(tx.View().Groups.All(), group.Account, group.Name, maxGroups, "Group", "GroupsPerAccount"); err != nil {
			return err
		}
		return tx.PutGroup(group)
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

func (s *service) getGroup(c *controlplane.Call, in *listOfGroupInput) (*getGroupOutput, error) {
	world := c.State.Now()
	group, err := findGroup(world, c.Caller.Account, in.GroupName)
	if err != nil {
		return nil, err
	}
	page, more, err := cut(in.paging, members(world, group), func(u *iam.User) string { return u.Name })
	out := &getGroupOutput{Group: newGroupResult(group), paged: more}
	for _, user := range page {
		out.Users = append(out.Users, listedUser(user))
	}
	return out, err
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

type listGroupsInput struct {
	PathPrefix string `query:"min=1,max=512,pattern=pathPrefix"`
	paging
}

type listGroupsOutput struct {
	Groups []groupResult
	paged
}

func (s *service) listGroups(c *controlplane.Call, in *listGroupsInput) (*listGroupsOutput, error) {
	var list []groupResult
	for _, group := range c.State.Now().Groups.All() {
		if group.Account == c.Caller.Account && strings.HasPrefix(group.Path, in.PathPrefix) {
			list = append(list, newGroupResult(group))
		}
	}
	return pageOfGroups(in.paging, list)
}

func (s *service) listGroupsForUser(c *controlplane.Call, in *listOfUserInput) (*listGroupsOutput, error) {
	world := c.State.Now()
	user, err := findUser(world, c.Caller.Account, in.UserName)
	if err != nil {
		return nil, err
	}
	var list []groupResult
	for _, name := range user.Groups {
		if group, ok := world.Group(user.Account, name); ok {
			list = append(list, newGroupResult(group))
		}
	}
	return pageOfGroups(in.paging, list)
}

func pageOfGroups(p paging, list []groupResult) (*listGroupsOutput, error) {
	page, more, err := cut(p, list, func(g groupResult) string { return g.GroupName })
	return &listGroupsOutput{page, more}, err
}

type updateGroupInput struct {
	groupInput
	NewPath      string `query:"min=1,max=512,pattern=path"`
	NewGroupName string `query:"min=1,max=128,pattern=name"`
}

// updateGroup moves or renames a group. The caller needs the permission for the new ARN as well as for the old one
// (IAM API Reference, UpdateGroup).
func (s *service) updateGroup(c *controlplane.Call, in *updateGroupInput) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		old, err := findGroup(tx.View(), c.Caller.Account, in.GroupName)
		if err != nil {
			return err
		}
		group := old.Clone()
		group.Path, group.Name = cmp.Or(in.NewPath, old.Path), cmp.Or(in.NewGroupName, old.Name)
		if err := c.Authorize(controlplane.Permission{Action: "iam:UpdateGroup", Resource: group.ARN()}); err != nil {
			return err
		}
		if group.Name == old.Name {
			return tx.PutGroup(group)
		}
		if !strings.EqualFold(group.Name, old.Name) {
			if err := nameFree(tx.View().Groups.All(), group.Account, group.Name, maxGroups+1, "Group", "GroupsPerAccount"); err != nil {
				return err
			}
		}
		for _, user := range members(tx.View(), old) {
			user = user.Clone()
			user.Groups[slices.Index(user.Groups, old.Name)] = group.Name
			if err := tx.PutUser(user); err != nil {
				return err
			}
		}
		tx.DeleteGroup(old)
		return tx.PutGroup(group)
	})
}

func (s *service) deleteGroup(c *controlplane.Call, in *groupInput) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		group, err := findGroup(tx.View(), c.Caller.Account, in.GroupName)
		switch {
		case err != nil:
			return err
		case len(members(tx.View(), group)) > 0:
			return deleteConflict("Cannot delete entity, must remove users from group first.")
		case len(group.Attached) > 0:
			return deleteConflict("Cannot delete entity, must detach all policies first.")
		case len(group.Inline) > 0:
			return deleteConflict("Cannot delete entity, must delete policies first.")
		}
		tx.DeleteGroup(group)
		return nil
	})
}

type membershipInput struct {
	groupInput
	userInput
}

// addUserToGroup changes nothing for a user who is in the group.
func (s *service) addUserToGroup(c *controlplane.Call, in *membershipInput) error {
	return s.changeUser(c, in.UserName, func(world *state.Snapshot, user *iam.User) error {
		if _, err := findGroup(world, c.Caller.Account, in.GroupName); err != nil {
			return err
		}
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
func (s *service) removeUserFromGroup(c *controlplane.Call, in *membershipInput) error {
	return s.changeUser(c, in.UserName, func(world *state.Snapshot, user *iam.User) error {
		if _, err := findGroup(world, c.Caller.Account, in.GroupName); err != nil {
			return err
		}
		user.Groups = slices.DeleteFunc(user.Groups, func(name string) bool { return name == in.GroupName })
		return nil
	})
}

func findGroup(world *state.Snapshot, account, name string) (*iam.Group, error) {
	group, ok := world.Group(account, name)
	if !ok {
		return nil, noSuchEntity("The group with name %s cannot be found.", name)
	}
	return group, nil
}
