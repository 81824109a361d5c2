package template

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/template/sam"
	"github.com/furl-dev/furl/internal/template/tree"
)

// resourceMembers are what a resource may have (AWS CloudFormation User Guide, "Resource attribute reference").
// Connectors is SAM's.
var resourceMembers = []string{
	"Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy",
	"CreationPolicy", "Connectors",
}

// typeForm is what the names of types are made like.
var typeForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(Custom::[\w@-]+|Alexa::ASK::Skill|[A-Za-z0-9]{2,64}(::[A-Za-z0-9]{2,64}){2}(::MODULE)?)$`)
})

var logicalID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`) })

func (l *loader) readResources(section *tree.Node) {
	for _, member := range section.Members {
		node := member.Value
		r := &Resource{ID: member.Name, Origin: member.Name, Pos: member.Pos, node: node, active: true}
		if source := l.origins[r.Pos]; source != "" {
			r.Origin = source
		}
		switch {
		case elsewhere(r.ID) != "":
			l.faults.Add(r.Pos, "%s%s", r.ID, elsewhere(r.ID))
			continue
		case !logicalID().MatchString(r.ID):
			l.faults.Add(r.Pos, "%s is no logical id of a resource, expected letters and digits", quote(r.ID))
		}
		l.stack.resources[r.ID] = r
		l.index[r.ID] = len(l.stack.order)
		l.stack.order = append(l.stack.order, r)
		if !node.Is(tree.Map) {
			l.faults.Add(node.Pos, "the resource %s is %s, expected a map with a Type", r.ID, node.Kind)
			r.node = &tree.Node{Pos: node.Pos, Kind: tree.Map}
			continue
		}
		for _, m := range node.Members {
			if !slices.Contains(resourceMembers, m.Name) {
				l.faults.Add(m.Pos, "the resource %s has %s, which no resource has%s", r.ID, quote(m.Name),
					expected(m.Name, resourceMembers))
			}
		}
		l.readType(r)
		if properties := node.Get("Properties"); properties != nil && !properties.Is(tree.Map) {
			l.faults.Add(properties.Pos, "the Properties of %s are %s, expected a map", r.ID, properties.Kind)
			r.node = tree.Object(node.Pos, "Type", tree.Text(node.Pos, r.Type))
		}
		if name := node.Get("Condition"); name != nil {
			r.active = l.evaluator().condition(name)
		}
	}
}

// readType finds out whether the type is run.
func (l *loader) readType(r *Resource) {
	node := r.node.Get("Type")
	if !node.Is(tree.String) {
		l.faults.Add(r.Pos, "the resource %s has no Type, expected one such as AWS::Lambda::Function", r.ID)
		return
	}
	r.Type = node.Text
	r.kind = kinds()[r.Type]
	if r.kind != nil {
		return
	}
	r.isNotRun = true
	names := keys(kinds())
	switch {
	case r.Type == "AWS::Serverless::Function" || strings.HasPrefix(r.Type, "AWS::Serverless::") && !l.isSAM:
		l.faults.Add(node.Pos, "%s is of type %s, which needs Transform: %s at the top of the template", r.ID, r.Type,
			sam.Name)
	case !typeForm().MatchString(r.Type), isNearlyRun(r.Type, names):
		l.faults.Add(node.Pos, "%s is of type %s, which is not one of CloudFormation's%s", r.ID, quote(r.Type),
			expected(r.Type, append(names, "Custom::NAME")))
	}
}

// otherTypes are types of Lambda and IAM that are not run here (AWS CloudFormation User Guide, "Resource and property
// types reference").
var otherTypes = []string{
	"AWS::IAM::InstanceProfile", "AWS::IAM::OIDCProvider", "AWS::IAM::SAMLProvider", "AWS::IAM::ServerCertificate",
	"AWS::IAM::ServiceLinkedRole", "AWS::IAM::VirtualMFADevice", "AWS::Lambda::CapacityProvider",
	"AWS::Lambda::CodeSigningConfig", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::LayerVersionPermission",
	"AWS::Lambda::MicrovmImage", "AWS::Lambda::NetworkConnector", "AWS::Lambda::WebFunction",
	"AWS::Lambda::WebFunctionEndpoint", "AWS::Lambda::WebFunctionRevision",
}

// isNearlyRun reports whether a type that nobody has is one that is run, misspelled.
func isNearlyRun(name string, run []string) bool {
	if slices.Contains(otherTypes, name) {
		return false
	}
	if strings.HasPrefix(name, "AWS::Lambda::") || strings.HasPrefix(name, "AWS::IAM::") {
		return true
	}
	near := tree.Nearest(name, run)
	service, kind, _ := strings.Cut(strings.TrimPrefix(name, "AWS::"), "::")
	nearService, nearKind, _ := strings.Cut(strings.TrimPrefix(near, "AWS::"), "::")
	return near != "" && kind == nearKind && strings.EqualFold(service, nearService) ||
		near != "" && nearService == "Lambda" && tree.Nearest(service, []string{nearService}) != ""
}

// check finds what is wrong wherever it stands, be it worked out or not: names of functions, and what they refer to.
func (l *loader) check() {
	for _, r := range l.stack.order {
		l.walk(r.node.Get("Properties"), r.kind == nil)
		l.eachDependency(r, func(n *tree.Node) {
			if l.stack.resources[n.Text] == nil && len(l.inSAM) == 0 {
				l.faults.Add(n.Pos, "%s depends on %s, which the template does not have%s", r.ID, quote(n.Text),
					expected(n.Text, keys(l.stack.resources)))
			}
		})
	}
	for _, section := range []*tree.Node{l.stack.mappings, l.stack.outputs} {
		l.walk(section, false)
	}
}

func (l *loader) eachDependency(r *Resource, yield func(n *tree.Node)) {
	depends := r.node.Get("DependsOn")
	items := []*tree.Node{depends}
	switch {
	case depends == nil:
		return
	case depends.Is(tree.List):
		items = depends.Items
	}
	for _, n := range items {
		if n.Is(tree.String, tree.Number, tree.Bool) {
			yield(n)
			continue
		}
		l.faults.Add(n.Pos, "DependsOn of %s has %s, expected the name of a resource or a list of them", r.ID, n.Kind)
	}
}

// walk looks at a value whose conditions may choose another. In a resource that is not run, functions are taken that
// furl does not work out.
func (l *loader) walk(n *tree.Node, isNotRun bool) {
	if n == nil || l.isFull() {
		return
	}
	if n.Is(tree.Null) {
		l.faults.Add(n.Pos, noValue)
	}
	for _, item := range n.Items {
		l.walk(item, isNotRun)
	}
	for _, member := range n.Members {
		l.walk(member.Value, isNotRun)
		if !isIntrinsic(member.Name) {
			continue
		}
		e := l.evaluator()
		switch known := intrinsics(member.Name) != nil || slices.Contains(conditionFunctions, member.Name); {
		case !known && (!isNotRun || elsewhere(member.Name) == ""):
			e.call(n, member)
		case known && len(n.Members) > 1 && member.Name != refName:
			l.faults.Add(member.Pos, "%s stands beside other names, expected it alone in its map", member.Name)
		case known:
			l.target(member)
		}
	}
}

// target checks that what a function refers to is in the template.
func (l *loader) target(member tree.Member) {
	e := l.evaluator()
	exists := func(pos tree.Position, name string) {
		if strings.HasPrefix(name, "AWS::") {
			e.pseudo(pos, name)
		} else if l.stack.parameters[name] == nil && l.stack.resources[name] == nil {
			e.resource(pos, name)
		}
	}
	attribute := func(pos tree.Position, id, name string) {
		if r := l.stack.resources[id]; r == nil {
			e.resource(pos, id)
		} else if r.kind != nil && !slices.Contains(r.kind.attributeNames(), name) {
			e.attributeOf(pos, r, name)
		}
	}
	value := member.Value
	switch member.Name {
	case "Ref":
		if value.Is(tree.String) {
			exists(value.Pos, value.Text)
		}
	case "Fn::GetAtt":
		id, name, ok := strings.Cut(value.Text, ".")
		if value.Is(tree.List) && len(value.Items) == 2 && value.Items[0].Is(tree.String) && value.Items[1].Is(tree.String) {
			id, name, ok = value.Items[0].Text, value.Items[1].Text, true
		}
		if ok {
			attribute(value.Pos, id, name)
		}
	case "Fn::ImportValue":
		l.imports[value.TextOr("")] = true
	case "Fn::If":
		if value.Is(tree.List) && len(value.Items) > 0 {
			e.condition(value.Items[0])
		}
	case "Fn::Sub":
		pattern, variables := value, (*tree.Node)(nil)
		if value.Is(tree.List) && len(value.Items) == 2 {
			pattern, variables = value.Items[0], value.Items[1]
		}
		own := map[string]bool{"": true}
		if variables != nil {
			for _, m := range variables.Members {
				own[m.Name] = true
			}
		}
		for _, name := range subParts(pattern.Text) {
			if own[name] {
				continue
			}
			own[name] = true // once is enough
			if !isVariable(name) {
				e.variable(pattern.Pos, name)
				continue
			}
			if id, part, ok := strings.Cut(name, "."); ok {
				attribute(pattern.Pos, id, part)
			} else {
				exists(pattern.Pos, name)
			}
		}
	}
}

// evaluate works out all resources once, to find what is wrong and what needs what.
func (l *loader) evaluate() {
	naming := l.evaluator()
	for _, r := range l.stack.order {
		if r.active && r.kind != nil {
			if name := naming.nameOf(r); !naming.isOpen(name) {
				r.name = name
			}
		}
	}
	made := map[string]*Resource{}
	for _, r := range l.stack.order {
		if !r.active || l.isFull() {
			continue
		}
		e := l.evaluator()
		e.uses = map[string]bool{}
		var faults tree.Faults
		e.faults = &faults
		r.uses = e.uses
		if r.kind == nil {
			if properties := r.node.Get("Properties"); properties != nil {
				e.eval(properties) // what it cannot do here nobody misses
			}
		} else {
			value := l.build(e, r)
			l.faults = append(l.faults, faults...)
			l.notice(r, r.node.Get("Properties"))
			if what := identity(value); what != "" && len(faults) == 0 {
				if other := made[what]; other != nil {
					l.faults.Add(r.Pos, "%s is %s, as is %s in line %d, expected another one", r.ID, what, other.ID, other.Pos.Line)
				}
				made[what] = r
			}
		}
		l.eachDependency(r, func(n *tree.Node) {
			if other := l.stack.resources[n.Text]; other != nil && other.active {
				r.uses[n.Text] = true
			}
		})
	}
	for changed := true; changed; {
		changed = false
		for _, r := range l.stack.order {
			if r.active && !r.isNotRun && r.kind != nil && l.isOfNone(r) {
				r.isNotRun, changed = true, true
			}
		}
	}
	if _, err := l.stack.Outputs(nil); err != nil {
		l.faults = append(l.faults, err.(tree.Faults)...)
	}
	if *l.work > maxWork && len(l.faults) == 0 { // in a resource that is not run, where nothing is found wrong
		l.faults.Add(l.stack.order[0].Pos, "the template makes texts of more than %d bytes in all", maxWork)
	}
}

// identity is what there can be once only, "" for what there can be any number of or whose name is not known yet.
func identity(value Value) string {
	what := ""
	switch v := value.(type) {
	case *Function:
		what = "the function " + v.Name
	case *Role:
		what = "the role " + v.Name
	case *User:
		what = "the user " + v.Name
	case *Group:
		what = "the group " + v.Name
	case *ManagedPolicy:
		what = "the policy " + v.Name
	case *Alias:
		what = "the alias " + v.Name + " of " + v.Function
	case *URL:
		if what = "the URL of " + v.Function; v.Qualifier != "" {
			what += ":" + v.Qualifier
		}
	}
	if strings.Contains(what, Unknown) {
		return ""
	}
	return what
}

// notice looks for dynamic references, which stay as they are.
func (l *loader) notice(r *Resource, n *tree.Node) {
	if n == nil {
		return
	}
	if _, rest, ok := strings.Cut(n.Text, dynamic); ok {
		for _, service := range []string{"ssm", "ssm-secure", "secretsmanager"} {
			if strings.HasPrefix(rest, service+":") {
				l.unrunProperty(n.Pos, "the reference "+dynamic+service+":…}}", r.ID)
			}
		}
	}
	for _, item := range n.Items {
		l.notice(r, item)
	}
	for _, m := range n.Members {
		l.notice(r, m.Value)
	}
}

// isOfNone reports whether a resource belongs to a function that is not run.
func (l *loader) isOfNone(r *Resource) bool {
	if r.kind.owner == "" {
		return false
	}
	e := l.evaluator()
	e.faults = &tree.Faults{}
	e.uses = map[string]bool{}
	n := r.node.Get("Properties")
	if owner := n.Get(r.kind.owner); owner != nil {
		n = owner
	}
	if n != nil {
		e.eval(n)
	}
	for id := range e.uses {
		if other := l.stack.resources[id]; other.isNotRun && other.kind != nil {
			return true
		}
	}
	return false
}

// sort puts the resources into an order in which each stands behind what it needs, and finds circles.
func (l *loader) sort() {
	const begun, done = 1, 2
	life := map[string]int{}
	inCircle := map[string]bool{}
	var path []string
	var visit func(r *Resource)
	visit = func(r *Resource) {
		life[r.ID] = begun
		path = append(path, r.ID)
		for _, id := range l.inOrder(r.uses) {
			switch other := l.stack.resources[id]; life[id] {
			case 0:
				visit(other)
			case begun:
				l.circle(path[slices.Index(path, id):], inCircle)
			}
		}
		path = path[:len(path)-1]
		life[r.ID] = done
		l.setBefore(r)
		if !r.isNotRun {
			r.Needs = l.inOrder(r.before)
			l.stack.Resources = append(l.stack.Resources, r)
		}
	}
	for _, r := range l.stack.order {
		if r.active && life[r.ID] == 0 {
			visit(r)
		}
	}
}

// inOrder is a set of logical ids in the order of the template.
func (l *loader) inOrder(set map[string]bool) []string {
	ids := slices.Collect(maps.Keys(set))
	slices.SortFunc(ids, func(a, b string) int { return l.index[a] - l.index[b] })
	return ids
}

// circle finds a fault with resources that need each other.
func (l *loader) circle(ids []string, inCircle map[string]bool) {
	if slices.ContainsFunc(ids, func(id string) bool { return inCircle[id] }) {
		return
	}
	first := 0
	for i, id := range ids {
		inCircle[id] = true
		if l.index[id] < l.index[ids[first]] {
			first = i
		}
	}
	ids = slices.Concat(ids[first:], ids[:first])
	text := ids[0]
	for _, id := range append(ids[1:], ids[0]) {
		text += " needs " + id + ", which"
	}
	l.faults.Add(l.stack.resources[ids[0]].Pos, "resources need each other in a circle: %s; expected one of them not to",
		strings.TrimSuffix(text, ", which"))
}

// setBefore finds the resources that are run and have to be there before, those behind resources that are not run
// included. What the resource needs was looked at before.
func (l *loader) setBefore(r *Resource) {
	r.before = map[string]bool{}
	for id := range r.uses {
		if other := l.stack.resources[id]; other.isNotRun {
			maps.Copy(r.before, other.before)
		} else {
			r.before[id] = true
		}
	}
	delete(r.before, r.ID)
}

// Value works out what a resource of the stack is made of, with what is known of those made before it. The error is of
// type tree.Faults.
func (s *Stack) Value(r *Resource, known Attributes) (Value, error) {
	var faults tree.Faults
	l := &loader{stack: s}
	value := l.build(s.evaluator(known, &faults), r)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return value, nil
}

// Documents are the policy documents of the resource's Value, in the order in which the fields of its type have them.
func (s *Stack) Documents(r *Resource, known Attributes) ([]Document, error) {
	var faults tree.Faults
	var out []Document
	e := s.evaluator(known, &faults)
	e.documents = &out
	(&loader{stack: s}).build(e, r)
	return out, faults.Err()
}

// Place is where a property of the resource stands; for one that it does not have, where the resource does.
func (r *Resource) Place(property string) tree.Position {
	if n := r.node.Path("Properties", property); n != nil {
		return n.Pos
	}
	return r.Pos
}

// Metadata is what the template says about the resource besides, nil for nothing.
func (r *Resource) Metadata() *tree.Node { return r.node.Get("Metadata") }

// Has reports whether the template has a resource, a parameter or a condition of the name.
func (s *Stack) Has(name string) bool {
	return s.resources[name] != nil || s.parameters[name] != nil || s.conditions[name] != nil
}

// Says reports whether a text stands in the resources as they are written, not worked out.
func (s *Stack) Says(text string) bool {
	return slices.ContainsFunc(s.order, func(r *Resource) bool { return says(r.node, text) })
}

func says(n *tree.Node, text string) bool {
	return strings.Contains(n.Text, text) || slices.ContainsFunc(n.Items, func(item *tree.Node) bool {
		return says(item, text)
	}) || slices.ContainsFunc(n.Members, func(m tree.Member) bool { return says(m.Value, text) })
}

// outputMembers are what an output may have.
var outputMembers = []string{"Description", "Value", "Export", "Condition"}

// Outputs are what the stack gives away, as far as it is known.
func (s *Stack) Outputs(known Attributes) ([]Output, error) {
	var faults tree.Faults
	var out []Output
	if s.outputs == nil {
		return nil, nil
	}
	e := s.evaluator(known, &faults)
	for _, member := range s.outputs.Members {
		node := member.Value
		if !node.Is(tree.Map) {
			e.fault(node.Pos, "the output %s is %s, expected a map with a Value", member.Name, node.Kind)
			continue
		}
		for _, m := range node.Members {
			if !slices.Contains(outputMembers, m.Name) {
				e.fault(m.Pos, "the output %s has %s, which no output has%s", member.Name, quote(m.Name),
					expected(m.Name, outputMembers))
			}
		}
		if name := node.Get("Condition"); name != nil && !e.condition(name) {
			continue
		}
		value := node.Get("Value")
		if value == nil {
			e.fault(member.Pos, "the output %s has no Value, expected one", member.Name)
			continue
		}
		o := Output{Name: member.Name, Pos: member.Pos, Description: node.Get("Description").TextOr("")}
		o.Value = e.scalar(value, "the Value of the output "+member.Name).Text
		if export := node.Get("Export"); export != nil {
			if name := export.Get("Name"); name != nil {
				o.Export = e.scalar(name, "the name of the export of "+member.Name).Text
			} else {
				e.fault(export.Pos, "the export of the output %s has no Name, expected one", member.Name)
			}
		}
		out = append(out, o)
	}
	return out, faults.Err()
}
