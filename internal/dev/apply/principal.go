//go:build unix

package apply

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/furl-dev/furl/internal/template"
)

// role is one as it is declared or present.
type role struct {
	template.Role
	grants
	owner   owner
	id, arn string // of one that is present
}

const defaultMaxSession = 3600 // seconds (API reference of CreateRole)

func (p *role) key() key { return key{kindRole, p.Name} }

func (p *role) parts() []part {
	parts := p.grants.parts(p.key())
	if p.Description != "" || p.MaxSession != defaultMaxSession {
		parts = append(parts, part{p.key(), partDetail, ""})
	}
	return parts
}

func (p *role) properties() (all properties) {
	all.add("Path", p.Path)
	all.add("Description", p.Description)
	all.add("AssumeRolePolicyDocument", canonical(p.Trust))
	all.add("PermissionsBoundary", p.Boundary)
	all.number("MaxSessionDuration", p.MaxSession)
	tagProperties(&all, p.Tags)
	p.grants.properties(&all)
	return all
}

// complete gives a declared role the defaults of IAM.
func (p *role) complete() {
	p.Path, p.MaxSession = cmp.Or(p.Path, "/"), cmp.Or(p.MaxSession, defaultMaxSession)
	p.grants = grantsOf(p.Inline, p.Managed)
}

func (p *role) present(w *world) thing {
	found := w.roles[p.Name]
	if found == nil {
		return nil
	}
	have := *found
	have.grants = found.within(p.grants)
	return &have
}

func (p *role) attributes() map[string]string { return map[string]string{"RoleId": p.id, "Arn": p.arn} }

func presentRole(r iamtypes.RoleDetail) *role {
	tags := tagMap(r.Tags)
	return &role{
		Role: template.Role{
			Name: aws.ToString(r.RoleName), Path: aws.ToString(r.Path), Trust: unescape(r.AssumeRolePolicyDocument),
			Boundary: boundaryOf(r.PermissionsBoundary), Tags: userTags(tags), MaxSession: defaultMaxSession,
		},
		grants: presentGrants(r.RolePolicyList, r.AttachedManagedPolicies), owner: owner{tags},
		id: aws.ToString(r.RoleId), arn: aws.ToString(r.Arn),
	}
}

// readRole reads what the details of the account do not show.
func (a *Applier) readRole(ctx context.Context, p *role) error {
	got, err := a.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: &p.Name})
	if err != nil {
		return unlessAbsent(err)
	}
	p.Description = aws.ToString(got.Role.Description)
	p.MaxSession = int(cmp.Or(aws.ToInt32(got.Role.MaxSessionDuration), defaultMaxSession))
	return nil
}

func (p *role) put(ctx context.Context, r *run, was thing) (thing, error) {
	have, _ := was.(*role)
	api, made := r.a.iam, *p
	if have != nil && have.Path != p.Path { // nothing changes the path of a role
		if err := r.a.removeGrantee(ctx, p.key(), r.plan.world.roles[p.Name].grants); err != nil {
			return nil, err
		}
		if _, err := api.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: &p.Name}); err != nil {
			return nil, err
		}
		have = nil
	}
	if have == nil {
		got, err := api.CreateRole(ctx, &awsiam.CreateRoleInput{
			RoleName: &p.Name, Path: &p.Path, AssumeRolePolicyDocument: &p.Trust, Description: optional(p.Description),
			MaxSessionDuration: aws.Int32(int32(p.MaxSession)), PermissionsBoundary: optional(p.Boundary),
			Tags: tagList(r.tagsFor(p.key(), p.Tags)),
		})
		if err != nil {
			return nil, err
		}
		made.id, made.arn = aws.ToString(got.Role.RoleId), aws.ToString(got.Role.Arn)
		return &made, p.grants.put(ctx, r.a, p.key(), grants{})
	}
	made.id, made.arn = have.id, have.arn
	if canonical(have.Trust) != canonical(p.Trust) {
		_, err := api.UpdateAssumeRolePolicy(ctx, &awsiam.UpdateAssumeRolePolicyInput{
			RoleName: &p.Name, PolicyDocument: &p.Trust,
		})
		if err != nil {
			return nil, err
		}
	}
	if have.Description != p.Description || have.MaxSession != p.MaxSession {
		_, err := api.UpdateRole(ctx, &awsiam.UpdateRoleInput{
			RoleName: &p.Name, Description: &p.Description, MaxSessionDuration: aws.Int32(int32(p.MaxSession)),
		})
		if err != nil {
			return nil, err
		}
	}
	if have.Boundary != p.Boundary {
		if err := r.a.bound(ctx, p.key(), p.Boundary); err != nil {
			return nil, err
		}
	}
	if err := r.retag(ctx, p.key(), have.Tags, p.Tags); err != nil {
		return nil, err
	}
	return &made, p.grants.put(ctx, r.a, p.key(), have.grants)
}

// bound sets the permissions boundary of a role or a user; "" removes it.
func (a *Applier) bound(ctx context.Context, holder key, boundary string) (err error) {
	switch {
	case holder.kind == kindRole && boundary == "":
		_, err = a.iam.DeleteRolePermissionsBoundary(ctx, &awsiam.DeleteRolePermissionsBoundaryInput{
			RoleName: &holder.name,
		})
	case holder.kind == kindRole:
		_, err = a.iam.PutRolePermissionsBoundary(ctx, &awsiam.PutRolePermissionsBoundaryInput{
			RoleName: &holder.name, PermissionsBoundary: &boundary,
		})
	case boundary == "":
		_, err = a.iam.DeleteUserPermissionsBoundary(ctx, &awsiam.DeleteUserPermissionsBoundaryInput{
			UserName: &holder.name,
		})
	default:
		_, err = a.iam.PutUserPermissionsBoundary(ctx, &awsiam.PutUserPermissionsBoundaryInput{
			UserName: &holder.name, PermissionsBoundary: &boundary,
		})
	}
	return err
}

// user is one as it is declared or present.
type user struct {
	template.User
	grants
	owner   owner
	id, arn string
	keys    map[string]string // status by id of the access keys of one that is present
}

func (u *user) key() key { return key{kindUser, u.Name} }

func (u *user) parts() []part {
	parts := u.grants.parts(u.key())
	for _, group := range u.Groups {
		parts = append(parts, part{u.key(), partMember, group})
	}
	return parts
}

func (u *user) properties() (all properties) {
	all.add("Path", u.Path)
	all.add("PermissionsBoundary", u.Boundary)
	tagProperties(&all, u.Tags)
	for _, group := range slices.Sorted(slices.Values(u.Groups)) {
		all.add("Groups."+group, group)
	}
	u.grants.properties(&all)
	return all
}

func (u *user) complete() {
	u.Path = cmp.Or(u.Path, "/")
	u.grants = grantsOf(u.Inline, u.Managed)
}

func (u *user) present(w *world) thing {
	found := w.users[u.Name]
	if found == nil {
		return nil
	}
	have := *found
	have.grants = found.within(u.grants)
	have.Groups = nil
	for _, group := range found.Groups {
		if slices.Contains(u.Groups, group) {
			have.Groups = append(have.Groups, group)
		}
	}
	return &have
}

func (u *user) attributes() map[string]string { return map[string]string{"Arn": u.arn} }

func presentUser(u iamtypes.UserDetail) *user {
	tags := tagMap(u.Tags)
	return &user{
		User: template.User{
			Name: aws.ToString(u.UserName), Path: aws.ToString(u.Path), Groups: u.GroupList,
			Boundary: boundaryOf(u.PermissionsBoundary), Tags: userTags(tags),
		},
		grants: presentGrants(u.UserPolicyList, u.AttachedManagedPolicies), owner: owner{tags},
		id: aws.ToString(u.UserId), arn: aws.ToString(u.Arn), keys: map[string]string{},
	}
}

// readKeys reads the ids of a user's access keys.
func (a *Applier) readKeys(ctx context.Context, u *user) error {
	got, err := a.iam.ListAccessKeys(ctx, &awsiam.ListAccessKeysInput{UserName: &u.Name})
	if err != nil {
		return unlessAbsent(err)
	}
	for _, found := range got.AccessKeyMetadata {
		u.keys[aws.ToString(found.AccessKeyId)] = string(found.Status)
	}
	return nil
}

func (u *user) put(ctx context.Context, r *run, was thing) (thing, error) {
	have, _ := was.(*user)
	api, made, now := r.a.iam, *u, user{}
	if have == nil {
		got, err := api.CreateUser(ctx, &awsiam.CreateUserInput{
			UserName: &u.Name, Path: &u.Path, PermissionsBoundary: optional(u.Boundary), Tags: tagList(r.tagsFor(u.key(), u.Tags)),
		})
		if err != nil {
			return nil, err
		}
		made.id, made.arn = aws.ToString(got.User.UserId), aws.ToString(got.User.Arn)
	} else {
		now, made.id, made.arn = *have, have.id, have.arn
		if have.Path != u.Path {
			if _, err := api.UpdateUser(ctx, &awsiam.UpdateUserInput{UserName: &u.Name, NewPath: &u.Path}); err != nil {
				return nil, err
			}
		}
		if have.Boundary != u.Boundary {
			if err := r.a.bound(ctx, u.key(), u.Boundary); err != nil {
				return nil, err
			}
		}
		if err := r.retag(ctx, u.key(), have.Tags, u.Tags); err != nil {
			return nil, err
		}
	}
	for _, group := range u.Groups {
		if slices.Contains(now.Groups, group) {
			continue
		}
		if _, err := api.AddUserToGroup(ctx, &awsiam.AddUserToGroupInput{
			UserName: &u.Name, GroupName: &group,
		}); err != nil {
			return nil, err
		}
	}
	return &made, u.grants.put(ctx, r.a, u.key(), now.grants)
}

// group is one as it is declared or present.
type group struct {
	template.Group
	grants
	owner   owner // by the note among its inline policies
	id, arn string
}

func (g *group) key() key { return key{kindGroup, g.Name} }

func (g *group) parts() []part { return g.grants.parts(g.key()) }

func (g *group) properties() (all properties) {
	all.add("Path", g.Path)
	g.grants.properties(&all)
	return all
}

func (g *group) complete() {
	g.Path = cmp.Or(g.Path, "/")
	g.grants = grantsOf(g.Inline, g.Managed)
}

func (g *group) present(w *world) thing {
	found := w.groups[g.Name]
	if found == nil {
		return nil
	}
	have := *found
	have.grants = found.within(g.grants)
	return &have
}

func (g *group) attributes() map[string]string { return map[string]string{"Arn": g.arn} }

func presentGroup(g iamtypes.GroupDetail) *group {
	found := &group{
		Group:  template.Group{Name: aws.ToString(g.GroupName), Path: aws.ToString(g.Path)},
		grants: presentGrants(g.GroupPolicyList, g.AttachedManagedPolicies),
		id:     aws.ToString(g.GroupId), arn: aws.ToString(g.Arn),
	}
	found.owner = owner{noteTags(found.inline[notePolicy])}
	delete(found.inline, notePolicy)
	return found
}

func (g *group) put(ctx context.Context, r *run, was thing) (thing, error) {
	have, _ := was.(*group)
	api, made, now := r.a.iam, *g, grants{}
	if have == nil {
		got, err := api.CreateGroup(ctx, &awsiam.CreateGroupInput{GroupName: &g.Name, Path: &g.Path})
		if err != nil {
			return nil, err
		}
		made.id, made.arn = aws.ToString(got.Group.GroupId), aws.ToString(got.Group.Arn)
		if err := r.a.putInline(ctx, g.key(), notePolicy, noteDocument(r.tagsFor(g.key(), nil))); err != nil {
			// A group without a note would be somebody else's.
			_, undone := api.DeleteGroup(context.WithoutCancel(ctx), &awsiam.DeleteGroupInput{GroupName: &g.Name})
			return nil, errors.Join(err, undone)
		}
	} else {
		now, made.id, made.arn = have.grants, have.id, have.arn
		if have.Path != g.Path {
			if _, err := api.UpdateGroup(ctx, &awsiam.UpdateGroupInput{
				GroupName: &g.Name, NewPath: &g.Path,
			}); err != nil {
				return nil, err
			}
		}
	}
	return &made, g.grants.put(ctx, r.a, g.key(), now)
}

// removeGrantee takes everything off a role, a user or a group, so that it can be deleted.
func (a *Applier) removeGrantee(ctx context.Context, holder key, has grants) error {
	for _, p := range has.parts(holder) {
		if err := a.removeGrant(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func boundaryOf(b *iamtypes.AttachedPermissionsBoundary) string {
	if b == nil {
		return ""
	}
	return aws.ToString(b.PermissionsBoundaryArn)
}

func tagMap(list []iamtypes.Tag) map[string]string {
	tags := map[string]string{}
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

func tagList(tags map[string]string) (list []iamtypes.Tag) {
	for _, name := range sortedKeys(tags) {
		list = append(list, iamtypes.Tag{Key: &name, Value: aws.String(tags[name])})
	}
	return list
}

// pathOf is a path with both slashes.
func pathOf(path string) string {
	if path == "" || path == "/" {
		return "/"
	}
	return "/" + strings.Trim(path, "/") + "/"
}
