//go:build unix

package apply

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/template"
)

// finish adds to the plan what the stack has and no longer declares, and the tags that change.
func (b *builder) finish() *Plan {
	p := &Plan{
		Stack: b.stack.Name, Notices: b.notices, a: b.a, b: b, world: b.world, items: b.items, notes: b.notes(),
	}
	for made, there := range b.placeholders {
		if !there {
			p.early = append(p.early, task{
				Step{Action: Create, What: made.String()},
				func(ctx context.Context, r *run) error { return r.a.putPlaceholder(ctx, &made, b.stack.Name) },
			})
		}
	}
	sortTasks(p.early)
	p.removal = b.removal(p)
	for _, t := range p.early {
		p.Steps = append(p.Steps, t.Step)
	}
	for _, it := range b.items {
		if it.step.Action != "" {
			p.Steps = append(p.Steps, it.step)
		}
	}
	for _, list := range p.removal {
		for _, t := range list {
			p.Steps = append(p.Steps, t.Step)
		}
	}
	return p
}

func sortTasks(tasks []task) {
	slices.SortFunc(tasks, func(x, y task) int { return strings.Compare(x.What, y.What) })
}

// removal are the lists of what goes, each after the one before it: parts of things before the things, those that use
// others before these.
func (b *builder) removal(p *Plan) [][]task {
	var parts, aliases, numbered, functions, layers, principals, rest []task
	stack := b.stack.Name
	for _, k := range b.world.holders() {
		owner, _ := b.world.owner(k)
		if owner.is(stack) && !b.declares[k] {
			if b.world.isPlaceholder(k) {
				continue
			}
			gone := task{
				Step{Action: Delete, What: k.String(), LogicalID: owner.id()},
				func(ctx context.Context, r *run) error { return r.a.removeHolder(ctx, k, b.world) },
			}
			switch k.kind {
			case kindFunction:
				functions = append(functions, gone)
			case kindPolicy:
				rest = append(rest, gone)
			case kindGroup:
				rest = append(rest, gone)
			default:
				principals = append(principals, gone)
			}
			continue
		}
		for _, lost := range b.lost(k) {
			gone := task{
				Step{Action: Delete, What: lost.String()},
				func(ctx context.Context, r *run) error { return r.a.removePart(ctx, lost) },
			}
			switch {
			case lost.kind == partPolicy && b.wantsStatement(k, lost.id):
				p.early = append(p.early, gone) // it would take the statements with it that are declared now
			case lost.kind == partAlias:
				aliases = append(aliases, gone)
			default:
				parts = append(parts, gone)
			}
		}
		numbered = append(numbered, b.lostNumbers(k)...)
	}
	for name, versions := range b.world.layers {
		for i, old := range versions {
			it := b.byKey[old.key()]
			if it != nil && i == len(versions)-1 && it.step.Action == "" {
				continue
			}
			layers = append(layers, task{
				Step{Action: Delete, What: old.key().String() + ":" + strconv.FormatInt(old.number, 10), LogicalID: old.id},
				func(ctx context.Context, r *run) error {
					_, err := r.a.lambda.DeleteLayerVersion(ctx, &awslambda.DeleteLayerVersionInput{
						LayerName: &name, VersionNumber: &old.number,
					})
					return unlessAbsent(err)
				},
			})
		}
	}
	principals = append(principals, b.lostPlaceholders()...)
	lists := [][]task{parts, aliases, numbered, functions, layers, principals, rest}
	for _, list := range lists {
		sortTasks(list)
	}
	return slices.DeleteFunc(lists, func(list []task) bool { return len(list) == 0 })
}

// lost are the parts of a thing that the stack has made and that it no longer declares.
func (b *builder) lost(k key) (all []part) {
	owner, _ := b.world.owner(k)
	marks := owner.marks(b.stack.Name)
	if len(marks) == 0 {
		return nil
	}
	for _, p := range b.world.parts(k) {
		if marks[p.mark(b.stack.Name)] && !b.wanted[k][p] {
			all = append(all, p)
		}
	}
	// Provisioned concurrency goes with its alias, or with the change of it.
	return slices.DeleteFunc(all, func(p part) bool { return p.kind == partProvisioned })
}

// wantsStatement reports whether there are to be statements in the policy of a qualifier.
func (b *builder) wantsStatement(k key, qualifier string) bool {
	for p := range b.wanted[k] {
		if p.kind == partStatement && len(p.id) > len(qualifier) && p.id[:len(qualifier)+1] == qualifier+"/" {
			return true
		}
	}
	return false
}

// lostNumbers are the versions and access keys that the stack has made and no longer declares, or makes anew.
func (b *builder) lostNumbers(k key) (all []task) {
	owner, _ := b.world.owner(k)
	isKept := func(want key) bool {
		it := b.byKey[want]
		return it != nil && it.step.Action != Replace
	}
	for id, number := range owner.numbered(tagVersion, b.stack.Name) {
		if k.kind != kindFunction || isKept((&version{Version: template.Version{Function: k.name}, id: id}).key()) {
			continue
		}
		old := part{k, partVersion, number}
		step := Step{Action: Delete, What: old.String(), LogicalID: id}
		all = append(all, task{step, func(ctx context.Context, r *run) error {
			if r.isCurrent(k, tagVersion+id, number) {
				return nil // nothing has changed, so that Lambda has published the same version again
			}
			return r.a.removePart(ctx, old)
		}})
	}
	for id, name := range owner.numbered(tagAccessKey, b.stack.Name) {
		if k.kind != kindUser || isKept((&accessKey{AccessKey: template.AccessKey{User: k.name}, logical: id}).key()) {
			continue
		}
		old := part{k, partKey, name}
		if _, there := b.world.users[k.name].keys[name]; !there {
			continue
		}
		step := Step{Action: Delete, What: old.String(), LogicalID: id}
		all = append(all, task{step, func(ctx context.Context, r *run) error {
			if err := r.a.removePart(ctx, old); err != nil {
				return err
			}
			return r.a.keys.remove(name)
		}})
	}
	return all
}

// lostPlaceholders are the placeholders that no policy names any more.
func (b *builder) lostPlaceholders() (all []task) {
	var made []placeholder
	for _, other := range b.world.others {
		for _, p := range other.made {
			made = append(made, *p)
		}
	}
	for _, k := range b.world.holders() {
		if b.world.isPlaceholder(k) && !b.declares[k] {
			made = append(made, placeholder{kind: k.kind, account: b.a.config.Account, path: b.world.path(k), name: k.name})
		}
	}
	for _, p := range made {
		wanted := false
		for other := range b.placeholders {
			wanted = wanted || other.isFor(&p)
		}
		if !wanted {
			all = append(all, task{Step{Action: Delete, What: p.String()}, func(ctx context.Context, r *run) error {
				return r.a.removePlaceholder(ctx, &p)
			}})
		}
	}
	return all
}

// path is that of a role or user.
func (w *world) path(k key) string {
	if k.kind == kindRole {
		return w.roles[k.name].Path
	}
	return w.users[k.name].Path
}

// removeHolder deletes a thing that has tags, with all that belongs to it.
func (a *Applier) removeHolder(ctx context.Context, k key, w *world) (err error) {
	switch k.kind {
	case kindFunction:
		_, err = a.lambda.DeleteFunction(ctx, &awslambda.DeleteFunctionInput{FunctionName: &k.name})
	case kindPolicy:
		for _, p := range w.policies {
			if p.Name == k.name {
				return a.deletePolicy(ctx, p)
			}
		}
	case kindRole:
		if err = a.removeGrantee(ctx, k, w.roles[k.name].grants); err == nil {
			_, err = a.iam.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: &k.name})
		}
	case kindUser:
		u := w.users[k.name]
		for id := range u.keys {
			if err = a.removePart(ctx, part{k, partKey, id}); err != nil {
				return err
			}
			if err = a.keys.remove(id); err != nil {
				return err
			}
		}
		for _, group := range u.Groups {
			if err = a.removePart(ctx, part{k, partMember, group}); err != nil {
				return err
			}
		}
		if err = a.removeGrantee(ctx, k, u.grants); err == nil {
			_, err = a.iam.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: &k.name})
		}
	case kindGroup:
		for _, u := range w.users {
			if slices.Contains(u.Groups, k.name) {
				if err = a.removePart(ctx, part{u.key(), partMember, k.name}); err != nil {
					return err
				}
			}
		}
		err = a.deleteGroup(ctx, w.groups[k.name])
	}
	return unlessAbsent(err)
}

// deleteGroup deletes a group, its note at last: without one it would be somebody else's.
func (a *Applier) deleteGroup(ctx context.Context, g *group) error {
	if err := a.removeGrantee(ctx, g.key(), g.grants); err != nil {
		return err
	}
	if err := a.removeGrant(ctx, part{g.key(), partInline, notePolicy}); err != nil {
		return err
	}
	_, err := a.iam.DeleteGroup(ctx, &awsiam.DeleteGroupInput{GroupName: &g.Name})
	if err = unlessAbsent(err); err != nil {
		return errors.Join(err, a.putInline(context.WithoutCancel(ctx), g.key(), notePolicy, noteDocument(g.owner.tags)))
	}
	return nil
}

// notes are the tags of things that are there and whose tags have to change.
func (b *builder) notes() map[key]notes {
	changing, stack := map[key]notes{}, b.stack.Name
	for _, k := range b.world.holders() {
		owner, _ := b.world.owner(k)
		mine := owner.is(stack)
		if mine && !b.declares[k] {
			continue
		}
		n := notes{now: map[string]string{}}
		for tag, value := range owner.tags {
			if b.isNote(tag, value, mine) {
				n.now[tag] = value
			}
		}
		final := b.noteOf(k)
		n.after = final.tags(stack, mine)
		union := owner.marks(stack)
		for mark := range final {
			union[mark] = true
		}
		n.during = union.tags(stack, mine)
		kept := map[string]string{}
		if it := b.byKey[k]; it != nil && mine {
			kept = own(stack, it.resource.ID)
		}
		for tag, value := range n.now {
			if b.keepsNumber(k, tag) {
				kept[tag] = value
			}
		}
		maps.Copy(n.after, kept)
		maps.Copy(n.during, n.now)
		for tag, value := range union.tags(stack, mine) {
			n.during[tag] = value
		}
		maps.Copy(n.during, kept)
		if !maps.Equal(n.now, n.after) {
			changing[k] = n
		}
	}
	return changing
}

// keepsNumber reports whether a tag is that of a version or an access key that is declared.
func (b *builder) keepsNumber(k key, tag string) bool {
	if id, ok := strings.CutPrefix(tag, tagVersion); ok {
		return b.declares[(&version{Version: template.Version{Function: k.name}, id: id}).key()]
	}
	id, ok := strings.CutPrefix(tag, tagAccessKey)
	return ok && b.declares[(&accessKey{AccessKey: template.AccessKey{User: k.name}, logical: id}).key()]
}

// isNote reports whether a tag is one that the stack keeps on a thing.
func (b *builder) isNote(tag, value string, mine bool) bool {
	name := partsTag(b.stack.Name, mine)
	if tag == name || strings.HasPrefix(tag, name+":") {
		return true
	}
	if strings.HasPrefix(tag, tagVersion) || strings.HasPrefix(tag, tagAccessKey) {
		return strings.HasPrefix(value, b.stack.Name+"/")
	}
	return mine && (tag == tagStack || tag == tagLogicalID || tag == tagPlaceholder)
}

// noteOf are the marks that a thing has to have.
func (b *builder) noteOf(k key) marks {
	m := marks{}
	for p := range b.wanted[k] {
		m[p.mark(b.stack.Name)] = true
	}
	return m
}
