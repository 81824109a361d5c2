// Package sam turns a template of SAM into one of CloudFormation, as AWS's own transform does: the same resources with
// the same logical ids. It works on the tree of the template before any intrinsic function is worked out, and what it
// makes stands where its source does, so that errors point there.
//
//	out, notices, err := sam.Transform(root, parameters)
//
// It makes what belongs to functions, layers and connectors between functions. Other resources of SAM, such as APIs and
// tables, stay as they are. It does what aws-sam-translator 1.115 does, which the tests of interop hold it to.
package sam

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

// Name is what a template has under Transform.
const Name = "AWS::Serverless-2016-10-31"

// The types of resources that the transform makes others of.
const (
	functionType  = "AWS::Serverless::Function"
	layerType     = "AWS::Serverless::LayerVersion"
	connectorType = "AWS::Serverless::Connector"
)

// maxMerged bounds the values that Globals adds to resources, since each resource may get all of them.
const maxMerged = 2_000_000

// Notice is a remark about a place: what the transform read and furl does not do.
type Notice struct {
	Pos    tree.Position
	Text   string
	NotRun bool // it is about something that AWS runs
}

// Transform is the template without SAM. The parameters are values for the template's parameters; AWS::Region and
// AWS::Partition may be among them. A template that does not name SAM's transform is answered as it is. The error is of
// type tree.Faults; with it comes what could be made, nil for nothing, in which more may be wrong. The name of each
// resource that the transform makes stands where the name of its source does.
func Transform(root *tree.Node, parameters map[string]string) (*tree.Node, []Notice, error) {
	rest, named := withoutSAM(root.Get("Transform"))
	if !named {
		return root, nil, nil
	}
	t := &transform{
		parameters: map[string]*tree.Node{},
		source:     map[string]*tree.Node{},
		made:       map[string]*tree.Node{},
		parts:      map[string]map[string]string{},
		renamed:    map[string]string{},
		partition:  parameters["AWS::Partition"],
	}
	if t.partition == "" {
		t.partition = "aws"
	}
	for name, value := range parameters {
		t.parameters[name] = tree.Text(tree.Position{}, value)
	}
	if declared := root.Get("Parameters"); declared.Is(tree.Map) {
		for _, parameter := range declared.Members {
			if value := parameter.Value.Get("Default"); value != nil && t.parameters[parameter.Name] == nil {
				t.parameters[parameter.Name] = value
			}
		}
	}
	resources := root.Get("Resources")
	if !resources.Is(tree.Map) || len(resources.Members) == 0 {
		pos := root.Pos
		if resources != nil {
			pos = resources.Pos
		}
		t.faults.Add(pos, "Resources must be a map of at least one resource")
		return nil, nil, t.faults.Err()
	}
	merged := t.globals(root.Get("Globals"), resources)
	if err := t.faults.Err(); err != nil {
		return nil, nil, err // without what Globals sets, functions would seem to lack it
	}
	t.run(merged)

	out := &tree.Node{Pos: root.Pos, Kind: tree.Map}
	conditions := tree.Member{Name: "Conditions", Pos: root.Pos, Value: &tree.Node{Pos: root.Pos, Kind: tree.Map}}
	for _, section := range root.Members {
		switch section.Name {
		case "Globals":
			continue
		case "Transform":
			if rest == nil {
				continue
			}
			section.Value = rest
		case "Resources":
			section.Value = &tree.Node{Pos: section.Value.Pos, Kind: tree.Map, Members: t.resources}
		case "Conditions":
			conditions = section
			continue
		}
		out.Members = append(out.Members, section)
	}
	if conditions.Value.Is(tree.Map) && len(t.conditions) > 0 {
		all := slices.Concat(conditions.Value.Members, t.conditions)
		conditions.Value = &tree.Node{Pos: conditions.Value.Pos, Kind: tree.Map, Members: all}
	}
	if !conditions.Value.Is(tree.Map) || len(conditions.Value.Members) > 0 {
		out.Members = append(out.Members, conditions)
	}
	return t.rewrite(out), t.notices, t.faults.Err()
}

// withoutSAM is what is left of Transform, nil for nothing, and whether SAM was in it.
func withoutSAM(node *tree.Node) (rest *tree.Node, named bool) {
	switch {
	case node.Is(tree.String):
		return nil, node.Text == Name
	case node.Is(tree.List):
		others := slices.DeleteFunc(slices.Clone(node.Items), func(item *tree.Node) bool {
			return item.Is(tree.String) && item.Text == Name
		})
		if named = len(others) < len(node.Items); len(others) > 0 {
			rest = &tree.Node{Pos: node.Pos, Kind: tree.List, Items: others}
		}
	}
	return rest, named
}

// transform is one run of Transform.
type transform struct {
	parameters map[string]*tree.Node
	partition  string
	merged     int // values that Globals added

	source     map[string]*tree.Node        // resources of the template, with Globals, by logical id
	made       map[string]*tree.Node        // resources of the result so far
	resources  []tree.Member                // the same, in the order of the template
	conditions []tree.Member                // that are made
	parts      map[string]map[string]string // logical ids that F.Alias and the like stand for
	renamed    map[string]string            // logical ids of layers

	faults  tree.Faults
	notices []Notice
}

func (t *transform) notice(pos tree.Position, text string) {
	t.notices = append(t.notices, Notice{pos, text, false})
}

func (t *transform) notRun(pos tree.Position, text string) {
	t.notices = append(t.notices, Notice{pos, text, true})
}

// run makes the resources. Connectors come last, since they look at the roles of the functions.
func (t *transform) run(resources []tree.Member) {
	for _, member := range resources {
		t.source[member.Name] = member.Value
	}
	var connectors []tree.Member
	for _, member := range resources {
		connectors = append(connectors, t.embedded(member)...)
		member.Value = without(member.Value, "Connectors")
		r := &resource{transform: t, name: member, properties: member.Value.Get("Properties")}
		if kind := member.Value.Get("Type"); kind.Is(tree.String) {
			r.kind = strings.TrimSpace(kind.Text)
		}
		switch r.kind {
		case functionType, layerType, connectorType:
			if !r.valid() {
				continue
			}
		}
		switch r.kind {
		case functionType:
			r.function()
		case layerType:
			r.layer()
		case connectorType:
			connectors = append(connectors, member)
		default:
			if strings.HasPrefix(r.kind, prefix) {
				member.Value = without(member.Value, "IgnoreGlobals")
			}
			t.add(member, member.Name, member.Value)
			t.stage(member, r.kind)
		}
	}
	for _, member := range connectors {
		t.connector(member)
	}
}

// add puts a resource into the result.
func (t *transform) add(source tree.Member, id string, value *tree.Node) {
	if _, taken := t.made[id]; taken || (id != source.Name && t.source[id] != nil) {
		t.faults.Add(source.Pos, "SAM makes the resource %s of %s, and the template has another of that name", id,
			source.Name)
		return
	}
	t.made[id] = value
	t.resources = append(t.resources, tree.Member{Name: id, Pos: source.Pos, Value: value})
}

// resource is a resource of SAM that others are made of.
type resource struct {
	*transform
	name       tree.Member
	kind       string
	properties *tree.Node
}

// valid checks what all resources have in common.
func (r *resource) valid() bool {
	if strings.Trim(r.name.Name, letters+digits) != "" || r.name.Name == "" {
		r.faults.Add(r.name.Pos, "the logical id %q must be of letters and digits only", r.name.Name)
		return false
	}
	if r.properties != nil && !r.properties.Is(tree.Map) {
		r.faults.Add(r.properties.Pos, "Properties must be a map, and this is %s", r.properties.Kind)
		return false
	}
	return true
}

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

// get is a property; one without a value is one that is missing.
func (r *resource) get(name string) *tree.Node {
	if value := r.properties.Get(name); value != nil && value.Kind != tree.Null {
		return value
	}
	return nil
}

// has is a property that says something.
func (r *resource) has(name string) *tree.Node { return given(r.get(name)) }

// given is a value that says something, nil for others: to the transform, what is empty, zero or false is as good as
// missing.
func given(value *tree.Node) *tree.Node {
	switch {
	case value == nil, value.Kind == tree.Null:
	case value.Is(tree.List, tree.Map) && len(value.Items)+len(value.Members) == 0:
	case value.Is(tree.String) && value.Text == "":
	case value.Is(tree.Number) && number(value.Text) == "0":
	case value.Is(tree.Bool) && !strings.EqualFold(value.Text, "true"):
	default:
		return value
	}
	return nil
}

// The attributes that resources pass on: to what is made in their place, and to what is made besides.
var (
	ownAttributes    = []string{"DeletionPolicy", "UpdatePolicy", "Condition", "UpdateReplacePolicy", "Metadata"}
	passedAttributes = []string{"Condition", "DeletionPolicy", "UpdateReplacePolicy"}
)

// make makes a resource of a type with the attributes named, and answers it for its properties to be set.
func (r *resource) make(kind string, attributes []string) (out, properties *tree.Node) {
	pos := r.name.Value.Pos
	out = tree.Object(pos, "Type", tree.Text(pos, kind))
	for _, name := range attributes {
		if value := r.name.Value.Get(name); value != nil {
			out.Set(name, value)
		}
	}
	properties = &tree.Node{Pos: pos, Kind: tree.Map}
	if r.properties != nil {
		properties.Pos = r.properties.Pos
	}
	out.Set("Properties", properties)
	return out, properties
}

// dependsOn hands DependsOn on.
func (r *resource) dependsOn(out *tree.Node) {
	if value := r.name.Value.Get("DependsOn"); value != nil {
		out.Set("DependsOn", value)
	}
}

// copy hands properties on as they are.
func (r *resource) copy(properties *tree.Node, names ...string) {
	for _, name := range names {
		if value := r.get(name); value != nil {
			properties.Set(name, value)
		}
	}
}

// check refuses properties that the type does not have, and those of another kind than it takes. allowed answers the
// kinds, none for any; an intrinsic function may be of all of them. The items of a list are strings or maps.
func (r *resource) check(allowed func(name string) (kinds []tree.Kind, ok bool)) bool {
	good := true
	if r.properties == nil {
		return good
	}
	for _, member := range r.properties.Members {
		kinds, ok := allowed(member.Name)
		switch {
		case !ok:
			r.faults.Add(member.Pos, "%s has no property %s", r.kind, member.Name)
			good = false
		case member.Value.Kind == tree.Null || len(kinds) == 0:
		case member.Value.Is(kinds...):
			for _, item := range member.Value.Items {
				if !item.Is(tree.String, tree.Map) {
					r.faults.Add(item.Pos, "an item of %s must be a string or a map, and this is %s", member.Name, item.Kind)
					good = false
				}
			}
		case isIntrinsic(member.Value) && member.Name != "AutoPublishAliasAllProperties":
		default:
			words := make([]string, len(kinds))
			for i, kind := range kinds {
				words[i] = kind.String()
			}
			r.faults.Add(member.Value.Pos, "%s must be %s, and this is %s", member.Name, strings.Join(words, " or "),
				member.Value.Kind)
			good = false
		}
	}
	return good
}

// without is a map without one of its members.
func without(node *tree.Node, name string) *tree.Node {
	if node.Get(name) == nil {
		return node
	}
	out := *node
	out.Members = slices.DeleteFunc(slices.Clone(node.Members), func(m tree.Member) bool { return m.Name == name })
	return &out
}
