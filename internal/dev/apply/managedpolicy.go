//go:build unix

package apply

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/template"
)

// managedPolicy is one as it is declared or present, with those that it is attached to.
type managedPolicy struct {
	template.ManagedPolicy
	owner    owner
	arn, id  string
	attached []key           // of one that is present
	versions map[string]bool // of one that is present; the default one is true
}

func (p *managedPolicy) key() key { return key{kindPolicy, p.Name} }

func (p *managedPolicy) holders() []key { return holdersOf(p.Roles, p.Users, p.Groups) }

func (p *managedPolicy) parts() (all []part) {
	for _, holder := range p.holders() {
		all = append(all, part{holder, partAttached, p.arn})
	}
	return all
}

func (p *managedPolicy) properties() (all properties) {
	all.add("Path", p.Path)
	all.add("Description", p.Description)
	all.add("PolicyDocument", canonical(p.Policy))
	for _, holder := range p.holders() {
		all.add("Attached."+holder.String(), holder.name)
	}
	return all
}

func (p *managedPolicy) complete(account string) {
	p.Path = cmp.Or(p.Path, "/")
	p.arn = arn.IAM(account, "policy", pathOf(p.Path), p.Name).String()
}

func (p *managedPolicy) present(w *world) thing {
	for _, found := range w.policies {
		if found.Name != p.Name {
			continue
		}
		have := *found
		for _, holder := range p.holders() {
			if !slices.Contains(found.attached, holder) {
				continue
			}
			switch holder.kind {
			case kindRole:
				have.Roles = append(have.Roles, holder.name)
			case kindUser:
				have.Users = append(have.Users, holder.name)
			default:
				have.Groups = append(have.Groups, holder.name)
			}
		}
		return &have
	}
	return nil
}

func (p *managedPolicy) attributes() map[string]string {
	return map[string]string{"Ref": p.arn, "PolicyArn": p.arn}
}

func presentPolicy(p iamtypes.ManagedPolicyDetail) *managedPolicy {
	found := &managedPolicy{
		ManagedPolicy: template.ManagedPolicy{
			Name: aws.ToString(p.PolicyName), Path: aws.ToString(p.Path), Description: aws.ToString(p.Description),
		},
		arn: aws.ToString(p.Arn), id: aws.ToString(p.PolicyId), versions: map[string]bool{},
	}
	for _, version := range p.PolicyVersionList {
		found.versions[aws.ToString(version.VersionId)] = version.IsDefaultVersion
		if version.IsDefaultVersion {
			found.Policy = unescape(version.Document)
		}
	}
	return found
}

// readPolicyTags reads what the details of the account do not show.
func (a *Applier) readPolicyTags(ctx context.Context, p *managedPolicy) error {
	got, err := a.iam.ListPolicyTags(ctx, &awsiam.ListPolicyTagsInput{PolicyArn: &p.arn})
	if err != nil {
		return unlessAbsent(err)
	}
	p.owner = owner{tagMap(got.Tags)}
	return nil
}

func (p *managedPolicy) put(ctx context.Context, r *run, was thing) (thing, error) {
	have, _ := was.(*managedPolicy)
	var attached []key
	if have != nil && (have.Path != p.Path || have.Description != p.Description) { // nothing changes them
		attached = have.attached
		if err := r.a.deletePolicy(ctx, have); err != nil {
			return nil, err
		}
		have = nil
	}
	if have == nil {
		got, err := r.a.iam.CreatePolicy(ctx, &awsiam.CreatePolicyInput{
			PolicyName: &p.Name, Path: &p.Path, Description: optional(p.Description), PolicyDocument: &p.Policy,
			Tags: tagList(r.tagsFor(p.key(), nil)),
		})
		if err != nil {
			return nil, err
		}
		have = &managedPolicy{id: aws.ToString(got.Policy.PolicyId)}
	} else if canonical(have.Policy) != canonical(p.Policy) {
		if err := r.a.newPolicyVersion(ctx, have, p.Policy); err != nil {
			return nil, err
		}
	}
	for _, holder := range append(attached, p.holders()...) {
		if slices.Contains(have.attached, holder) {
			continue
		}
		if err := r.a.attach(ctx, holder, p.arn); err != nil {
			return nil, err
		}
	}
	made := *p
	made.id = have.id
	return &made, nil
}

// newPolicyVersion gives a policy another document. A policy has five versions at most (IAM User Guide, "IAM and STS
// quotas"), so all but the one that is replaced go before.
func (a *Applier) newPolicyVersion(ctx context.Context, p *managedPolicy, document string) error {
	for _, version := range sortedKeys(p.versions) {
		if p.versions[version] {
			continue
		}
		_, err := a.iam.DeletePolicyVersion(ctx, &awsiam.DeletePolicyVersionInput{
			PolicyArn: &p.arn, VersionId: &version,
		})
		if unlessAbsent(err) != nil {
			return err
		}
	}
	_, err := a.iam.CreatePolicyVersion(ctx, &awsiam.CreatePolicyVersionInput{
		PolicyArn: &p.arn, PolicyDocument: &document, SetAsDefault: true,
	})
	return err
}

// deletePolicy deletes a policy, taken off all that it is attached to.
func (a *Applier) deletePolicy(ctx context.Context, p *managedPolicy) error {
	for _, holder := range p.attached {
		if err := a.removeGrant(ctx, part{holder, partAttached, p.arn}); err != nil {
			return err
		}
	}
	for version, isDefault := range p.versions {
		if isDefault {
			continue
		}
		_, err := a.iam.DeletePolicyVersion(ctx, &awsiam.DeletePolicyVersionInput{
			PolicyArn: &p.arn, VersionId: &version,
		})
		if unlessAbsent(err) != nil {
			return err
		}
	}
	_, err := a.iam.DeletePolicy(ctx, &awsiam.DeletePolicyInput{PolicyArn: &p.arn})
	return unlessAbsent(err)
}

// attachments notes at each managed policy what it is attached to.
func (w *world) attachments() {
	note := func(holder key, arns []string) {
		for _, arn := range arns {
			if p := w.policies[arn]; p != nil {
				p.attached = append(p.attached, holder)
			}
		}
	}
	for _, r := range w.roles {
		note(r.key(), r.attached)
	}
	for _, u := range w.users {
		note(u.key(), u.attached)
	}
	for _, g := range w.groups {
		note(g.key(), g.attached)
	}
}

// grants are those of a role, a user or a group that is present.
func (w *world) grants(holder key) grants {
	switch holder.kind {
	case kindRole:
		if r := w.roles[holder.name]; r != nil {
			return r.grants
		}
	case kindUser:
		if u := w.users[holder.name]; u != nil {
			return u.grants
		}
	case kindGroup:
		if g := w.groups[holder.name]; g != nil {
			return g.grants
		}
	}
	return grants{}
}
