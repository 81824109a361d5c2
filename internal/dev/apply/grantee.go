//go:build unix

package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/furl-dev/furl/internal/template"
)

// grants are what a role, a user or a group may do, as far as it is declared or as it is present.
type grants struct {
	inline   map[string]string // documents by name
	attached []string          // ARNs
}

func grantsOf(inline []template.Inline, managed []string) grants {
	g := grants{inline: map[string]string{}, attached: managed}
	for _, policy := range inline {
		g.inline[policy.Name] = policy.Policy
	}
	return g
}

func presentGrants(inline []iamtypes.PolicyDetail, attached []iamtypes.AttachedPolicy) grants {
	g := grants{inline: map[string]string{}}
	for _, policy := range inline {
		g.inline[aws.ToString(policy.PolicyName)] = unescape(policy.PolicyDocument)
	}
	for _, policy := range attached {
		g.attached = append(g.attached, aws.ToString(policy.PolicyArn))
	}
	return g
}

// within are the grants that another declaration has too, by their names: of what is present, what it is about.
func (g grants) within(declared grants) grants {
	some := grants{inline: map[string]string{}}
	for name, document := range g.inline {
		if _, ok := declared.inline[name]; ok {
			some.inline[name] = document
		}
	}
	for _, arn := range g.attached {
		if slices.Contains(declared.attached, arn) {
			some.attached = append(some.attached, arn)
		}
	}
	return some
}

const (
	inlinePrefix   = "Policies."
	attachedPrefix = "ManagedPolicyArns."
)

func (g grants) properties(all *properties) {
	for _, name := range sortedKeys(g.inline) {
		all.add(inlinePrefix+name, canonical(g.inline[name]))
	}
	for _, arn := range slices.Sorted(slices.Values(g.attached)) {
		all.add(attachedPrefix+arnName(arn), arn)
	}
}

func (g grants) parts(holder key) (all []part) {
	for _, name := range sortedKeys(g.inline) {
		all = append(all, part{holder, partInline, name})
	}
	for _, arn := range g.attached {
		all = append(all, part{holder, partAttached, arn})
	}
	return all
}

// put makes the grants that differ.
func (g grants) put(ctx context.Context, a *Applier, holder key, have grants) error {
	for _, name := range sortedKeys(g.inline) {
		was, ok := have.inline[name]
		if ok && canonical(was) == canonical(g.inline[name]) {
			continue
		}
		if err := a.putInline(ctx, holder, name, g.inline[name]); err != nil {
			return fmt.Errorf("inline policy %s: %w", name, err)
		}
	}
	for _, arn := range g.attached {
		if slices.Contains(have.attached, arn) {
			continue
		}
		if err := a.attach(ctx, holder, arn); err != nil {
			return fmt.Errorf("policy %s: %w", arn, err)
		}
	}
	return nil
}

func (a *Applier) putInline(ctx context.Context, holder key, name, document string) (err error) {
	switch holder.kind {
	case kindRole:
		_, err = a.iam.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{
			RoleName: &holder.name, PolicyName: &name, PolicyDocument: &document,
		})
	case kindUser:
		_, err = a.iam.PutUserPolicy(ctx, &awsiam.PutUserPolicyInput{
			UserName: &holder.name, PolicyName: &name, PolicyDocument: &document,
		})
	default:
		_, err = a.iam.PutGroupPolicy(ctx, &awsiam.PutGroupPolicyInput{
			GroupName: &holder.name, PolicyName: &name, PolicyDocument: &document,
		})
	}
	return err
}

func (a *Applier) attach(ctx context.Context, holder key, arn string) (err error) {
	switch holder.kind {
	case kindRole:
		_, err = a.iam.AttachRolePolicy(ctx, &awsiam.AttachRolePolicyInput{RoleName: &holder.name, PolicyArn: &arn})
	case kindUser:
		_, err = a.iam.AttachUserPolicy(ctx, &awsiam.AttachUserPolicyInput{UserName: &holder.name, PolicyArn: &arn})
	default:
		_, err = a.iam.AttachGroupPolicy(ctx, &awsiam.AttachGroupPolicyInput{GroupName: &holder.name, PolicyArn: &arn})
	}
	return err
}

// removeGrant deletes a part of a role, a user or a group.
func (a *Applier) removeGrant(ctx context.Context, p part) (err error) {
	name, id := &p.holder.name, &p.id
	switch string(p.kind) + p.holder.kind {
	case string(partInline) + kindRole:
		_, err = a.iam.DeleteRolePolicy(ctx, &awsiam.DeleteRolePolicyInput{RoleName: name, PolicyName: id})
	case string(partInline) + kindUser:
		_, err = a.iam.DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: name, PolicyName: id})
	case string(partInline) + kindGroup:
		_, err = a.iam.DeleteGroupPolicy(ctx, &awsiam.DeleteGroupPolicyInput{GroupName: name, PolicyName: id})
	case string(partAttached) + kindRole:
		_, err = a.iam.DetachRolePolicy(ctx, &awsiam.DetachRolePolicyInput{RoleName: name, PolicyArn: id})
	case string(partAttached) + kindUser:
		_, err = a.iam.DetachUserPolicy(ctx, &awsiam.DetachUserPolicyInput{UserName: name, PolicyArn: id})
	case string(partAttached) + kindGroup:
		_, err = a.iam.DetachGroupPolicy(ctx, &awsiam.DetachGroupPolicyInput{GroupName: name, PolicyArn: id})
	case string(partMember) + kindUser:
		_, err = a.iam.RemoveUserFromGroup(ctx, &awsiam.RemoveUserFromGroupInput{UserName: name, GroupName: id})
	case string(partKey) + kindUser:
		_, err = a.iam.DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{UserName: name, AccessKeyId: id})
	}
	return unlessAbsent(err)
}

// inline is an inline policy of several roles, users and groups.
type inline struct {
	template.Policy
	of map[key]string // documents of those that are present
}

func (p *inline) holders() (all []key) { return holdersOf(p.Roles, p.Users, p.Groups) }

func holdersOf(roles, users, groups []string) (all []key) {
	for kind, names := range map[string][]string{kindRole: roles, kindUser: users, kindGroup: groups} {
		for _, name := range names {
			all = append(all, key{kind, arnName(name)})
		}
	}
	slices.SortFunc(all, func(x, y key) int { return strings.Compare(x.String(), y.String()) })
	return slices.Compact(all)
}

func (p *inline) key() key { return key{"inline policy", p.Name + " of " + names(p.holders())} }

func names(holders []key) string {
	var all []string
	for _, holder := range holders {
		all = append(all, holder.String())
	}
	return strings.Join(all, ", ")
}

func (p *inline) parts() (all []part) {
	for _, holder := range p.holders() {
		all = append(all, part{holder, partInline, p.Name})
	}
	return all
}

func (p *inline) properties() (all properties) {
	for _, holder := range p.holders() {
		document := p.Inline.Policy
		if p.of != nil {
			document = p.of[holder]
		}
		all.add(inlinePrefix+holder.String(), canonical(document))
	}
	return all
}

func (p *inline) present(w *world) thing {
	have := *p
	have.of = map[key]string{}
	for _, holder := range p.holders() {
		if document, ok := w.grants(holder).inline[p.Name]; ok {
			have.of[holder] = document
		}
	}
	if len(have.of) == 0 {
		return nil
	}
	return &have
}

func (p *inline) attributes() map[string]string { return nil }

func (p *inline) put(ctx context.Context, r *run, was thing) (thing, error) {
	have, _ := was.(*inline)
	for _, holder := range p.holders() {
		now := grants{}
		if have != nil {
			if document, ok := have.of[holder]; ok {
				now.inline = map[string]string{p.Name: document}
			}
		}
		if err := (grants{inline: map[string]string{p.Name: p.Inline.Policy}}).put(ctx, r.a, holder, now); err != nil {
			return nil, fmt.Errorf("%s: %w", holder, err)
		}
	}
	return p, nil
}

// membership is a group with some of its users.
type membership struct{ template.Membership }

func (m *membership) key() key { return key{"members of group", m.Group} }

func (m *membership) parts() (all []part) {
	for _, name := range m.Users {
		all = append(all, part{key{kindUser, name}, partMember, m.Group})
	}
	return all
}

func (m *membership) properties() (all properties) {
	for _, name := range slices.Sorted(slices.Values(m.Users)) {
		all.add("Users."+name, name)
	}
	return all
}

func (m *membership) present(w *world) thing {
	have := &membership{template.Membership{Group: m.Group}}
	for _, name := range m.Users {
		if u := w.users[name]; u != nil && slices.Contains(u.Groups, m.Group) {
			have.Users = append(have.Users, name)
		}
	}
	if have.Users == nil {
		return nil
	}
	return have
}

func (m *membership) attributes() map[string]string { return nil }

func (m *membership) put(ctx context.Context, r *run, was thing) (thing, error) {
	have, _ := was.(*membership)
	for _, name := range m.Users {
		if have != nil && slices.Contains(have.Users, name) {
			continue
		}
		if _, err := r.a.iam.AddUserToGroup(ctx, &awsiam.AddUserToGroupInput{
			UserName: &name, GroupName: &m.Group,
		}); err != nil {
			return nil, err
		}
	}
	return m, nil
}
