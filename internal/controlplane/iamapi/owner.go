package iamapi

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
)

// ownerInput names a role, a user or a group: an operation has one of the members. Much of what is done to the three is
// the same but for their names, and is written once.
type ownerInput struct{ RoleName, UserName, GroupName string }

// owner is who is named. A user that is not is the caller, without a name if that is the account's root user.
func (in ownerInput) owner(c *controlplane.Call) (iam.Owner, error) {
	switch session := c.Caller.Session; {
	case in.RoleName != "":
		return iam.Owner{Kind: iam.OfRole, Name: in.RoleName}, nil
	case in.GroupName != "":
		return iam.Owner{Kind: iam.OfGroup, Name: in.GroupName}, nil
	case in.UserName != "":
		return iam.Owner{Kind: iam.OfUser, Name: in.UserName}, nil
	case session != nil && (session.Role != "" || session.Federated != ""):
		return iam.Owner{}, validationError("Must specify userName when calling with non-User credentials")
	case c.Caller.User != nil:
		return iam.Owner{Kind: iam.OfUser, Name: c.Caller.User.Name}, nil
	default:
		return iam.Owner{Kind: iam.OfUser}, nil
	}
}

// ownerRequest is a request about a role, a user or a group.
type ownerRequest struct {
	wire.Request
	owner iam.Owner
}

// ownerName is the part of an answer that names the owner.
type ownerName struct {
	RoleName  string `xml:",omitempty"`
	UserName  string `xml:",omitempty"`
	GroupName string `xml:",omitempty"`
}

// entity is a role, user or group as far as the three are alike. The pointers are into it.
type entity struct {
	iam.Owner
	id, path, arn string
	grants        *iam.Grants
	boundary      *string
	tags          *map[string]string
}

func roleEntity(r *iam.Role) entity {
	return entity{iam.Owner{Kind: iam.OfRole, Name: r.Name}, r.ID, r.Path, r.ARN(), &r.Grants, &r.Boundary, &r.Tags}
}

func userEntity(u *iam.User) entity {
	return entity{iam.Owner{Kind: iam.OfUser, Name: u.Name}, u.ID, u.Path, u.ARN(), &u.Grants, &u.Boundary, &u.Tags}
}

// groupEntity has no boundary and no tags: the model has none for groups.
func groupEntity(g *iam.Group) entity {
	var boundary string
	var tags map[string]string
	return entity{iam.Owner{Kind: iam.OfGroup, Name: g.Name}, g.ID, g.Path, g.ARN(), &g.Grants, &boundary, &tags}
}

// entities yields the users, roles and groups of an account, in no order.
func entities(world *state.Snapshot, account string) iter.Seq[entity] {
	return func(yield func(entity) bool) {
		for _, g := range world.Groups.All() {
			if g.Account == account && !yield(groupEntity(g)) {
				return
			}
		}
		for _, r := range world.Roles.All() {
			if r.Account == account && !yield(roleEntity(r)) {
				return
			}
		}
		for _, u := range world.Users.All() {
			if u.Account == account && !yield(userEntity(u)) {
				return
			}
		}
	}
}

func findUser(world *state.Snapshot, account, name string) (*iam.User, error) {
	user, ok := world.User(account, name)
	return user, found(ok, iam.OfUser, name)
}

func found(ok bool, kind iam.OwnerKind, name string) error {
	if ok {
		return nil
	}
	return noSuchEntity("The %s with name %s cannot be found.", kind, name)
}

// findEntity finds the owner of an account.
func findEntity(world *state.Snapshot, account string, o iam.Owner) (entity, error) {
	switch o.Kind {
	case iam.OfRole:
		if role, ok := world.Role(account, o.Name); ok {
			return roleEntity(role), nil
		}
	case iam.OfUser:
		if user, ok := world.User(account, o.Name); ok {
			return userEntity(user), nil
		}
	default:
		if group, ok := world.Group(account, o.Name); ok {
			return groupEntity(group), nil
		}
	}
	return entity{}, found(false, o.Kind, o.Name)
}

// find finds what the request is about.
func (r *ownerRequest) find() (entity, error) {
	return findEntity(r.State.Now(), r.Caller.Account, r.owner)
}

// role is the role that the request is about.
func (r *ownerRequest) role(world *state.Snapshot) (*iam.Role, error) {
	role, ok := world.Role(r.Caller.Account, r.owner.Name)
	return role, found(ok, iam.OfRole, r.owner.Name)
}

// user is the user that the request is about.
func (r *ownerRequest) user(world *state.Snapshot) (*iam.User, error) {
	return findUser(world, r.Caller.Account, r.owner.Name)
}

// group is the group that the request is about.
func (r *ownerRequest) group(world *state.Snapshot) (*iam.Group, error) {
	group, ok := world.Group(r.Caller.Account, r.owner.Name)
	return group, found(ok, iam.OfGroup, r.owner.Name)
}

// change changes what the request is about in a transaction.
func (r *ownerRequest) change(edit func(*state.Snapshot, entity) error) error {
	switch r.owner.Kind {
	case iam.OfRole:
		return r.changeRole(func(world *state.Snapshot, role *iam.Role) error { return edit(world, roleEntity(role)) })
	case iam.OfUser:
		return r.changeUser(func(world *state.Snapshot, user *iam.User) error { return edit(world, userEntity(user)) })
	default:
		return controlplane.Change(r.Call, r.group, func(world *state.Snapshot, group *iam.Group) error {
			return edit(world, groupEntity(group))
		})
	}
}

func (r *ownerRequest) changeRole(edit func(*state.Snapshot, *iam.Role) error) error {
	return controlplane.Change(r.Call, r.role, edit)
}

func (r *ownerRequest) changeUser(edit func(*state.Snapshot, *iam.User) error) error {
	return controlplane.Change(r.Call, r.user, edit)
}

// nameFree refuses a name that an account's users, roles or groups have already, in whatever case, and one more of
// them than the quota allows. Entities are kept by iam.Key.
func nameFree[V any](entities iter.Seq2[string, V], account, name string, quota int, kind string) error {
	count := 0
	for key := range entities {
		existing, ok := strings.CutPrefix(key, iam.Key(account, ""))
		if !ok {
			continue
		}
		if strings.EqualFold(existing, name) {
			return alreadyExists("%s with name %s already exists.", kind, name)
		}
		count++
	}
	if count >= quota {
		return overQuota(kind+"sPerAccount", quota)
	}
	return nil
}

// mayRename refuses a new name or path to a caller without the permission for the new ARN, and a name that is taken.
func mayRename[V any](
	r *ownerRequest, entities iter.Seq2[string, V], old, name, arn string, quota int, kind string,
) error {
	if err := r.Authorize(controlplane.Permission{Action: r.Need.Action, Resource: arn}); err != nil {
		return err
	}
	if strings.EqualFold(name, old) {
		return nil
	}
	return nameFree(entities, r.Caller.Account, name, quota+1, kind)
}

// tagging is the part of an input that sets tags, or the keys of those that it removes.
type tagging struct {
	Tags    []wire.Tag
	TagKeys []string
}

func (in tagging) facts() []auth.Fact { return tagFacts(in.Tags, in.TagKeys) }

// apply is the tags as the request changes them.
func (in tagging) apply(tags map[string]string, same wire.Same) (map[string]string, error) {
	return addTags(wire.RemoveTags(tags, in.TagKeys, same), in.Tags, same)
}

type tagInput struct {
	ownerInput
	tagging
}

// tagOwner sets tags, or removes them.
func (s *service) tagOwner(r *ownerRequest, in *tagInput) (any, error) {
	return nil, r.change(func(_ *state.Snapshot, e entity) (err error) {
		*e.tags, err = in.apply(*e.tags, strings.EqualFold)
		return err
	})
}

func (s *service) listOwnerTags(r *ownerRequest, in *listInput) (any, error) {
	e, err := r.find()
	if err != nil {
		return nil, err
	}
	return pageOfTags(in.Page, *e.tags)
}

// listInput asks for a list of what a role, user or group has.
type listInput struct {
	ownerInput
	wire.Page
}

type boundaryInput struct {
	ownerInput
	PermissionsBoundary string
}

func (in boundaryInput) facts() []auth.Fact { return fact(boundaryKey, in.PermissionsBoundary) }

func (s *service) putBoundary(r *ownerRequest, in *boundaryInput) (any, error) {
	return nil, r.change(func(world *state.Snapshot, e entity) error {
		*e.boundary = in.PermissionsBoundary
		return checkBoundary(world, r.Caller.Account, in.PermissionsBoundary)
	})
}

func (s *service) deleteBoundary(r *ownerRequest, _ *ownerInput) (any, error) {
	return nil, r.change(func(_ *state.Snapshot, e entity) error {
		*e.boundary = ""
		return nil
	})
}

// checkBoundary refuses a permissions boundary that the account cannot use; "" is none.
func checkBoundary(world *state.Snapshot, account, arn string) error {
	if arn == "" {
		return nil
	}
	if !isPolicyARN(arn) {
		return invalidInput("ARN %s is not valid.", arn)
	}
	if _, ok := visiblePolicy(world, account, arn); !ok {
		return noSuchEntity("Scope ARN: %s does not exist or is not attachable.", arn)
	}
	return nil
}

// newInput is the part of an input that a role, user or group is made from.
type newInput struct {
	ownerInput
	Path string
}

func (in newInput) path() string { return cmp.Or(in.Path, "/") }

// newPrincipalInput is the part of an input that a role or user is made from.
type newPrincipalInput struct {
	newInput
	PermissionsBoundary string
	Tags                []wire.Tag
}

func (in newPrincipalInput) facts() []auth.Fact {
	return slices.Concat(tagFacts(in.Tags, nil), fact(boundaryKey, in.PermissionsBoundary))
}

// Clients ask for some things that furl has none of before they delete or describe what it has: Terraform looks for
// the instance profiles of a role that it is to delete, and for the MFA devices and the password of a user. Since none
// can be made, that there are none is the true answer.

type instanceProfilesOutput struct {
	InstanceProfiles []string
	paged
}

func (s *service) listInstanceProfilesForRole(r *ownerRequest, _ *listInput) (any, error) {
	_, err := r.find()
	return &instanceProfilesOutput{}, err
}

type mfaDevicesOutput struct {
	MFADevices []string
	paged
}

func (s *service) listMFADevices(r *ownerRequest, _ *listInput) (any, error) {
	if r.owner.Name == "" {
		return &mfaDevicesOutput{}, nil
	}
	_, err := r.find()
	return &mfaDevicesOutput{}, err
}

func (s *service) getLoginProfile(r *ownerRequest, _ *ownerInput) (any, error) {
	if r.owner.Name != "" {
		if _, err := r.find(); err != nil {
			return nil, err
		}
	}
	return nil, noSuchEntity("Login Profile for User %s cannot be found.", r.owner.Name)
}
