package sam

import (
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

const lambdaType = "AWS::Lambda::Function"

// embedded are the connectors that stand in the attribute Connectors of a resource.
func (t *transform) embedded(source tree.Member) []tree.Member {
	connectors := source.Value.Get("Connectors")
	if connectors == nil {
		return nil
	}
	if !connectors.Is(tree.Map) {
		t.faults.Add(connectors.Pos, "Connectors must be a map, and this is %s", connectors.Kind)
		return nil
	}
	var out []tree.Member
	for _, member := range connectors.Members {
		properties := member.Value.Get("Properties")
		if !properties.Is(tree.Map) {
			t.faults.Add(member.Pos, "the connector %s must be a map with Properties", member.Name)
			continue
		}
		from := tree.Object(properties.Pos, "Id", tree.Text(source.Pos, source.Name))
		if reference := properties.Get("SourceReference"); reference != nil {
			if !reference.Is(tree.Map) || reference.Get("Id") != nil {
				t.faults.Add(reference.Pos, "SourceReference must be a map without Id")
				continue
			}
			from.Members = append(from.Members, reference.Members...)
		}
		properties = without(properties, "SourceReference")
		properties = &tree.Node{Pos: properties.Pos, Kind: tree.Map, Members: slices.Clone(properties.Members)}
		properties.Set("Source", from)
		connector := &tree.Node{Pos: member.Value.Pos, Kind: tree.Map, Members: slices.Clone(member.Value.Members)}
		connector.Set("Properties", properties)
		connector.Set("Type", tree.Text(member.Pos, connectorType))
		out = append(out, tree.Member{Name: source.Name + member.Name, Pos: member.Pos, Value: connector})
	}
	return out
}

// end is one end of a connector.
type end struct {
	id   string // "" if it is not in the template
	kind string
	arn  *tree.Node
	role *tree.Node // a Ref of the role
}

// connector makes the policies that a connector between functions stands for. Others stay as they are.
func (t *transform) connector(member tree.Member) {
	r := &resource{transform: t, name: member, kind: connectorType, properties: member.Value.Get("Properties")}
	if !r.valid() {
		return
	}
	good := r.check(func(name string) ([]tree.Kind, bool) {
		switch name {
		case "Source":
			return []tree.Kind{tree.Map}, true
		case "Destination":
			return []tree.Kind{tree.Map, tree.List}, true
		case "Permissions":
			return []tree.Kind{tree.List}, true
		}
		return nil, false
	})
	for _, name := range []string{"Source", "Destination", "Permissions"} {
		if r.get(name) == nil {
			r.faults.Add(member.Pos, "%s has no %s, which a connector needs", member.Name, name)
			good = false
		}
	}
	if !good {
		return
	}
	destinations, many := []*tree.Node{r.get("Destination")}, false
	if r.get("Destination").Is(tree.List) {
		if destinations, many = r.get("Destination").Items, true; len(destinations) == 0 {
			r.faults.Add(r.get("Destination").Pos, "Destination must not be empty")
			return
		}
	}
	source, ok := r.end(r.get("Source"))
	if !ok {
		return
	}
	var made []tree.Member
	for i, node := range destinations {
		destination, ok := r.end(node)
		if !ok {
			return
		}
		if source.kind != lambdaType || destination.kind != lambdaType {
			t.add(member, member.Name, member.Value) // it is among what is not run here
			return
		}
		suffix := ""
		if many {
			suffix = fmt.Sprintf("Destination%d", i)
		}
		policy := r.invokePolicy(source, destination)
		if policy == nil {
			return
		}
		made = append(made, tree.Member{Name: member.Name + "Policy" + suffix, Value: policy})
	}
	names := make([]string, len(made))
	for i, policy := range made {
		t.add(member, policy.Name, policy.Value)
		names[i] = policy.Name
	}
	t.replaceDependency(member.Name, names)
}

// end looks an end of the connector up.
func (r *resource) end(node *tree.Node) (found end, ok bool) {
	refuse := func(format string, arguments ...any) (end, bool) {
		r.faults.Add(node.Pos, format, arguments...)
		return end{}, false
	}
	if !node.Is(tree.Map) {
		return refuse("an end of a connector must be a map, and this is %s", node.Kind)
	}
	id := node.Get("Id")
	others := slices.ContainsFunc(node.Members, func(m tree.Member) bool {
		return m.Name != "Id" && m.Name != "Qualifier"
	})
	if (id != nil) == others {
		return refuse("an end of a connector must have either an Id, with or without a Qualifier, or Type and what goes " +
			"with it")
	}
	if id == nil {
		kind := node.Get("Type")
		if !kind.Is(tree.String) || kind.Text == "" {
			return refuse("an end of a connector without an Id must have a Type")
		}
		found = end{kind: kind.Text, arn: node.Get("Arn")}
		if found.kind == functionType {
			found.kind = lambdaType
		}
		found.role = node.Get("RoleName")
		return found, true
	}
	if !id.Is(tree.String) || id.Text == "" {
		return refuse("Id must be the logical id of a resource")
	}
	value := r.made[id.Text]
	if value == nil {
		if value = r.source[id.Text]; value == nil {
			return refuse("there is no resource %s in the template", id.Text)
		}
	}
	kind := value.Get("Type")
	if !kind.Is(tree.String) {
		return refuse("the resource %s has no Type", id.Text)
	}
	found = end{id: id.Text, kind: kind.Text, arn: getAtt(node.Pos, id.Text, "Arn")}
	if role := idOf(value.Path("Properties", "Role")); role != "" {
		found.role = ref(node.Pos, role)
	}
	return found, true
}

// invokePolicy lets a function invoke another one. Invoking a function URL is not in it, as it is not in SAM's.
func (r *resource) invokePolicy(source, destination end) *tree.Node {
	pos := r.properties.Pos
	permissions := r.get("Permissions")
	good := len(permissions.Items) > 0
	for _, item := range permissions.Items {
		good = good && item.Is(tree.String) && item.Text == "Write"
	}
	switch {
	case !good:
		r.faults.Add(permissions.Pos, "Permissions of a connector between functions must be [Write]")
		return nil
	case given(source.role) == nil:
		r.faults.Add(r.get("Source").Pos, "the role of the function at the Source must be one of this template, or given as "+
			"RoleName")
		return nil
	case destination.arn == nil:
		r.faults.Add(r.get("Destination").Pos, "the Destination must have an Id or an Arn")
		return nil
	}
	out, properties := r.make("AWS::IAM::ManagedPolicy", ownAttributes)
	r.dependsOn(out)
	kindOf := func(e end) *tree.Node {
		kind := e.kind
		if original := r.source[e.id].Get("Type"); original.Is(tree.String) {
			kind = strings.TrimSpace(original.Text)
		}
		return tree.Object(pos, "Type", tree.Text(pos, kind))
	}
	metadata := &tree.Node{Pos: pos, Kind: tree.Map}
	if given := out.Get("Metadata"); given.Is(tree.Map) {
		metadata.Members = slices.Clone(given.Members)
	}
	metadata.Set("aws:sam:connectors", tree.Object(pos, r.name.Name,
		tree.Object(pos, "Source", kindOf(source), "Destination", kindOf(destination))))
	out.Set("Metadata", metadata)
	properties.Set("PolicyDocument", tree.Object(pos, "Version", tree.Text(pos, "2012-10-17"), "Statement",
		list(pos, tree.Object(pos, "Effect", tree.Text(pos, "Allow"),
			"Action", texts(pos, "lambda:InvokeAsync", "lambda:InvokeFunction"), "Resource", list(pos, destination.arn)))))
	properties.Set("Roles", list(pos, source.role))
	return out
}

// replaceDependency makes resources that depend on a connector depend on what was made of it.
func (t *transform) replaceDependency(id string, made []string) {
	for i, member := range t.resources {
		depends := member.Value.Get("DependsOn")
		if depends == nil {
			continue
		}
		items := []*tree.Node{depends}
		if depends.Is(tree.List) {
			items = depends.Items
		}
		at := slices.IndexFunc(items, func(item *tree.Node) bool { return item.Is(tree.String) && item.Text == id })
		if at < 0 {
			continue
		}
		items = slices.Concat(items[:at], items[at+1:], texts(items[at].Pos, made...).Items)
		value := &tree.Node{Pos: member.Value.Pos, Kind: tree.Map, Members: slices.Clone(member.Value.Members)}
		value.Set("DependsOn", list(depends.Pos, items...))
		t.resources[i].Value, t.made[member.Name] = value, value
	}
}
