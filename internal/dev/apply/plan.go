//go:build unix

package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
)

// Action is what a Step does.
type Action string

// The actions. Replace makes another thing in the place of one, which is deleted after it.
const (
	Create  Action = "create"
	Alter   Action = "change"
	Replace Action = "replace"
	Delete  Action = "delete"
)

// Step is one thing that a plan creates, changes, replaces or deletes.
type Step struct {
	Action    Action
	What      string        // in words, such as "function demo-Api"
	LogicalID string        // "" if no resource of the template stands for it
	Type      string        // of the resource, such as AWS::Lambda::Function
	Pos       tree.Position // where it is declared; the zero Position for what is declared no more
	Changes   []Change
}

// String is the step in words.
func (s Step) String() string {
	text := string(s.Action) + " " + s.What
	if s.LogicalID != "" {
		text += " (" + s.LogicalID + ")"
	}
	return text
}

// changes reports whether the step changes a property.
func (s Step) changes(name string) bool {
	return slices.ContainsFunc(s.Changes, func(c Change) bool { return c.Name == name })
}

// Plan is what there is to do, found out before anything is done.
type Plan struct {
	Stack   string
	Steps   []Step // in order
	Notices []template.Notice

	a       *Applier
	b       *builder
	world   *world
	early   []task // before everything else
	items   []*item
	removal [][]task // after it, one list after the other
	notes   map[key]notes
}

// IsEmpty reports whether there is nothing to do.
func (p *Plan) IsEmpty() bool { return len(p.Steps) == 0 && len(p.notes) == 0 }

// task is a step with what it does.
type task struct {
	Step
	do func(context.Context, *run) error
}

// notes are furl's own tags of a thing: as they are, as they have to be while things are made, and at the end.
type notes struct{ now, during, after map[string]string }

// item is a resource on its way.
type item struct {
	resource *template.Resource
	value    template.Value
	want     declared
	have     thing
	step     Step     // its Action is "" if there is nothing to do
	needs    []string // logical ids
}

// builder makes a plan.
type builder struct {
	a     *Applier
	stack *template.Stack
	world *world

	items        []*item
	byID         map[string]*item
	byKey        map[key]*item
	declares     map[key]bool
	wanted       map[key]map[part]bool // parts by holder
	before       map[key]bool          // what the stack has and goes, by kind and logical id
	known        template.Attributes
	placeholders map[placeholder]bool // true for those that are there
	faults       tree.Faults
	notices      []template.Notice
}

func (b *builder) notice(pos tree.Position, format string, arguments ...any) {
	made := template.Notice{Pos: pos, Text: fmt.Sprintf(format, arguments...)}
	if b.a.config.Strict {
		b.faults.Add(pos, "%s; strict mode refuses it", made.Text)
		return
	}
	if !slices.ContainsFunc(b.notices, func(n template.Notice) bool { return n.Text == made.Text }) {
		b.notices = append(b.notices, made)
	}
}

// Plan compares what a stack declares with what is present. The error is of type tree.Faults for what is wrong with the
// declaration, and a *ForeignError for what is no furl server.
func (a *Applier) Plan(ctx context.Context, stack *template.Stack) (*Plan, error) {
	b := &builder{
		a: a, stack: stack, byID: map[string]*item{}, byKey: map[key]*item{}, declares: map[key]bool{},
		wanted: map[key]map[part]bool{}, before: map[key]bool{}, known: template.Attributes{}, placeholders: map[placeholder]bool{},
	}
	for name, value := range a.imports {
		b.known.Set(template.Import, name, value)
	}
	if err := a.checkServer(ctx); err != nil {
		return nil, err
	}
	b.declare()
	if err := b.faults.Err(); err != nil {
		return nil, err
	}
	var err error
	if b.world, err = a.read(ctx, stack.Name, b.interest()); err != nil {
		return nil, fmt.Errorf("read what the server has: %w", err)
	}
	b.adopt()
	for _, k := range b.world.holders() {
		if owner, _ := b.world.owner(k); owner.is(stack.Name) && !b.declares[k] {
			b.before[key{k.kind, owner.id()}] = true
		}
	}
	b.order()
	for _, it := range b.items {
		b.compare(it)
	}
	if err := b.faults.Err(); err != nil {
		return nil, err
	}
	a.export(stack, b.known)
	return b.finish(), nil
}

// declare works all resources out, as far as that can be done without knowing what is present.
func (b *builder) declare() {
	for _, resource := range b.stack.Resources {
		it := &item{resource: resource, needs: slices.Clone(resource.Needs)}
		if !b.evaluate(it, b.known) {
			continue
		}
		b.items = append(b.items, it)
		b.byID[resource.ID] = it
		if isUnknown(it.want.key().name) { // it may be any
			continue
		}
		if other := b.byKey[it.want.key()]; other != nil {
			b.faults.Add(resource.Pos, "%s is the %s of %s (%s) too: give one of them another name", resource.ID,
				it.want.key(), other.resource.ID, other.resource.Pos)
			continue
		}
		b.byKey[it.want.key()], b.declares[it.want.key()] = it, true
	}
}

// evaluate works a resource out with the attributes that are known.
func (b *builder) evaluate(it *item, known template.Attributes) bool {
	value, err := b.stack.Value(it.resource, known)
	if err == nil {
		it.value = value
		it.want, err = b.thing(it.resource, value)
	}
	var faults tree.Faults
	switch {
	case err == nil:
		return true
	case errors.As(err, &faults):
		b.faults = append(b.faults, faults...)
	default:
		b.faults.Add(it.resource.Pos, "%s: %v", it.resource.ID, err)
	}
	return false
}

// interest is what of the world counts for the things that are declared.
func (b *builder) interest() interest {
	in := interest{
		policies: map[string]map[string]bool{}, urls: map[string]bool{}, aliases: map[string]bool{},
		versions: map[string]bool{},
		events:   map[string]bool{}, keys: map[string]bool{}, details: map[string]bool{}, managed: map[string]bool{},
		layers: map[string]bool{},
	}
	policy := func(function, qualifier string) {
		if in.policies[function] == nil {
			in.policies[function] = map[string]bool{}
		}
		in.policies[function][qualifier] = true
	}
	managed := func(g grants, boundary string) {
		for _, arn := range append([]string{boundary}, g.attached...) {
			if isAWSManaged(arn) {
				in.managed[arn] = true
			}
		}
	}
	for _, it := range b.items {
		switch v := it.want.(type) {
		case *functionURL:
			in.urls[v.Function] = true
		case *alias:
			in.aliases[v.Function] = true
		case *version:
			in.versions[v.Function] = true
			in.aliases[v.Function] = in.aliases[v.Function] || v.Provisioned > 0 // both are read together
		case *eventInvoke:
			in.events[v.Function] = true
		case *permission:
			policy(v.Function, v.qualifier)
		case *resourcePolicy:
			policy(v.Function, v.qualifier)
		case *accessKey:
			in.keys[v.User] = true
		case *role:
			in.details[v.Name] = v.Description != "" || v.MaxSession != defaultMaxSession
			managed(v.grants, v.Boundary)
		case *user:
			managed(v.grants, v.Boundary)
		case *group:
			managed(v.grants, "")
		case *function:
			for _, arn := range v.Layers {
				if !isUnknown(arn) && !(lambda.LayerRef{ARN: arn}).IsWebAdapter() {
					in.layers[arn] = true
				}
			}
		}
	}
	return in
}

// adopt takes groups for the stack's own that have no note, and names that only the stack gives: an earlier run came to
// its end between the two.
func (b *builder) adopt() {
	for name, found := range b.world.groups {
		rest, ok := strings.CutPrefix(name, b.stack.Name+"-")
		id, _, both := strings.Cut(rest, "-")
		if ok && both && len(found.owner.tags) == 0 && name == template.GroupName(b.stack.Name, id) {
			found.owner = owner{map[string]string{tagStack: b.stack.Name, tagLogicalID: id}}
		}
	}
}

// order adds what the things need besides what the template says, and sorts them by it. What would make a circle is
// left out: the server may take it all the same.
func (b *builder) order() {
	for _, it := range b.items {
		for _, link := range b.links(it.want) {
			other := b.byKey[link]
			if other == nil || other == it || slices.Contains(it.needs, other.resource.ID) ||
				b.reaches(other, it.resource.ID, map[string]bool{}) {
				continue
			}
			it.needs = append(it.needs, other.resource.ID)
		}
	}
	var sorted []*item
	seen := map[*item]bool{}
	var visit func(it *item)
	visit = func(it *item) {
		if it == nil || seen[it] {
			return
		}
		seen[it] = true
		for _, id := range it.needs {
			visit(b.byID[id])
		}
		sorted = append(sorted, it)
	}
	for _, it := range b.items {
		visit(it)
	}
	b.items = sorted
}

// reaches reports whether a thing needs the resource, itself or through others.
func (b *builder) reaches(from *item, id string, seen map[string]bool) bool {
	for _, next := range from.needs {
		if next == id {
			return true
		}
		if other := b.byID[next]; other != nil && !seen[next] {
			seen[next] = true
			if b.reaches(other, id, seen) {
				return true
			}
		}
	}
	return false
}

// exists reports whether the server has a thing that has tags.
func (b *builder) exists(k key) bool {
	_, ok := b.world.owner(k)
	return ok
}

// hasUnknown reports whether something of the thing is known only later.
func hasUnknown(t thing) bool {
	if isUnknown(t.key().name) {
		return true
	}
	return slices.ContainsFunc(t.properties(), func(p property) bool { return isUnknown(p.text) || isUnknown(p.name) })
}

// compare decides what is to be done for one resource, after those that it needs.
func (b *builder) compare(it *item) {
	if hasUnknown(it.want) && !b.evaluate(it, b.known) {
		return
	}
	b.settled(it.want, it.resource.Pos)
	if v, ok := it.want.(*version); ok {
		v.code, v.set = b.codeOf(v.Function), b.settingOf(v.Function)
	}
	for _, p := range it.want.parts() {
		if b.wanted[p.holder] == nil {
			b.wanted[p.holder] = map[part]bool{}
		}
		b.wanted[p.holder][p] = true
	}
	if !b.mayHave(it) {
		return
	}
	it.have = it.want.present(b.world)
	if have, ok := it.have.(*function); ok && b.isMadeAnew(it.want.(*function).Role) {
		orphan := *have
		orphan.Role = "" // it still has the role of that name that is no more
		it.have = &orphan
	}
	it.step = Step{
		What: it.want.key().String(), LogicalID: it.resource.ID, Type: it.resource.Type, Pos: it.resource.Pos,
	}
	var have properties
	if it.have != nil {
		have = it.have.properties()
	}
	it.step.Changes = b.changes(have, it.want.properties())
	switch {
	case it.have == nil:
		it.step.Action = Create
		if b.replaces(it) {
			it.step.Action = Replace
		}
	case len(it.step.Changes) == 0:
	default:
		it.step.Action = Alter
		if b.isReplaced(it) {
			it.step.Action = Replace
		}
	}
	if it.have != nil && it.step.Action != Replace {
		b.learn(it.resource.ID, it.have)
	}
}

// isMadeAnew reports whether the plan makes a role, be it in the place of one of the same ARN.
func (b *builder) isMadeAnew(role string) bool {
	if it := b.byKey[key{kindRole, arnName(role)}]; it != nil {
		return it.step.Action == Create || it.step.Action == Replace
	}
	p, ok := placeholderOf(role)
	if !ok {
		return false
	}
	for wanted, there := range b.placeholders {
		if wanted.isFor(p) {
			return !there
		}
	}
	return false
}

// learn notes the attributes of a thing that is present.
func (b *builder) learn(id string, t thing) {
	for name, value := range t.attributes() {
		if value != "" {
			b.known.Set(id, name, value)
		}
	}
}

// codeOf is the code that a function has once the plan is carried out.
func (b *builder) codeOf(name string) string {
	if it := b.byKey[key{kindFunction, name}]; it != nil && it.step.changes("Code") {
		return template.Unknown
	}
	if f := b.world.functions[name]; f != nil {
		return f.code.sha
	}
	return template.Unknown
}

// settingOf is the configuration that versions of a function have once the plan is carried out.
func (b *builder) settingOf(name string) string {
	if it := b.byKey[key{kindFunction, name}]; it != nil {
		return it.want.(*function).setting()
	}
	if f := b.world.functions[name]; f != nil {
		return f.setting()
	}
	return template.Unknown
}

// isReplaced reports whether a thing that differs cannot be changed.
func (b *builder) isReplaced(it *item) bool {
	switch it.want.(type) {
	case *version, *layer:
		return true
	case *role:
		return it.step.changes("Path")
	case *managedPolicy:
		return it.step.changes("Path") || it.step.changes("Description")
	}
	return false
}

// replaces reports whether a thing that is not there takes the place of one that the stack has under another name.
func (b *builder) replaces(it *item) bool {
	switch v := it.want.(type) {
	case *function, *role, *user, *group, *managedPolicy:
		return b.before[key{it.want.key().kind, it.resource.ID}]
	case *accessKey:
		u := b.world.users[v.User]
		return u != nil && u.owner.numbered(tagAccessKey, b.stack.Name)[v.logical] != ""
	case *layer:
		for name, versions := range b.world.layers {
			if name != v.Name && !b.declares[key{kindLayer, name}] && versions[len(versions)-1].id == v.id {
				return true
			}
		}
	}
	return false
}

// mayHave makes sure that a thing of the name is the stack's, if it is there, and that what it belongs to is there.
func (b *builder) mayHave(it *item) bool {
	k, stack := it.want.key(), b.stack.Name
	if isUnknown(k.name) {
		return true // which thing it belongs to is known later
	}
	fault := func(format string, arguments ...any) bool {
		b.faults.Add(it.resource.Pos, it.resource.ID+": "+format, arguments...)
		return false
	}
	if owner, ok := b.world.owner(k); ok && !owner.is(stack) {
		return fault("there is a %s already, made by %s: give this one another name, or delete the other first (%s)", k,
			owner.who(), deletion(k, b.world))
	}
	for _, holder := range b.holders(it.want) {
		owner, ok := b.world.owner(holder)
		switch {
		case b.declares[holder]:
		case !ok:
			return fault("the %s is neither declared nor on the server: declare it, or make it first", holder)
		case owner.is(stack):
			return fault("the %s is declared no more: remove this resource as well", holder)
		}
		if b.declares[holder] || owner.is(stack) {
			continue
		}
		marks := owner.marks(stack)
		for _, p := range it.want.parts() {
			if p.holder == holder && p.isWhole() && !marks[p.mark(stack)] && slices.Contains(b.world.parts(holder), p) {
				return fault("there is a %s already, made by %s: remove it first, or leave it out here", p, owner.who())
			}
		}
	}
	return true
}

// holders are the things with tags that a declared thing belongs to.
func (b *builder) holders(want declared) (all []key) {
	for _, p := range want.parts() {
		all = append(all, p.holder)
	}
	switch v := want.(type) {
	case *version:
		all = append(all, key{kindFunction, v.Function})
	case *accessKey:
		all = append(all, key{kindUser, v.User})
	}
	return slices.DeleteFunc(all, func(k key) bool { return k == want.key() })
}

// deletion is how a person deletes a thing.
func deletion(k key, w *world) string {
	switch k.kind {
	case kindFunction:
		return "aws lambda delete-function --function-name " + k.name
	case kindPolicy:
		for _, p := range w.policies {
			if p.Name == k.name {
				return "aws iam delete-policy --policy-arn " + p.arn
			}
		}
	}
	return fmt.Sprintf("aws iam delete-%s --%[1]s-name %s", k.kind, k.name)
}

// wantPlaceholder has a placeholder be there. One that a function runs as has to be assumed by Lambda, whatever else
// names it.
func (b *builder) wantPlaceholder(p *placeholder, there bool) {
	running := *p
	running.runs = true
	if _, ok := b.placeholders[running]; ok {
		return
	}
	if p.runs {
		plain := *p
		plain.runs = false
		delete(b.placeholders, plain)
	}
	b.placeholders[*p] = there
}
