package tree

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlReader makes a tree from the nodes of the YAML library.
type yamlReader struct {
	file   string
	nodes  int
	faults Faults
	open   map[*yaml.Node]bool // anchors that are being read
}

// yamlLine finds the line in the errors of the library, which does not give it otherwise.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func parseYAML(file string, text []byte) (*Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		pos := Position{File: file, Line: 1, Column: 1}
		what := err.Error()
		if found := yamlLine.FindStringSubmatch(what); found != nil {
			if line, err := strconv.Atoi(found[1]); err == nil {
				pos.Line = line
			}
			what = found[2]
		}
		return nil, Faults{{pos, "this is not YAML: " + what}}
	}
	r := &yamlReader{file: file, open: map[*yaml.Node]bool{}}
	if document.Kind != yaml.DocumentNode || len(document.Content) == 0 {
		return &Node{Pos: Position{File: file, Line: 1, Column: 1}}, nil
	}
	root := r.read(document.Content[0], 0)
	return root, r.faults.Err()
}

func (r *yamlReader) position(n *yaml.Node) Position { return Position{r.file, n.Line, n.Column} }

func (r *yamlReader) read(n *yaml.Node, depth int) *Node {
	pos := r.position(n)
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		if r.nodes <= maxNodes+1 || depth == maxDepth+1 {
			r.faults.Add(pos, "the file has more than %d values, or values %d deep, with its aliases", maxNodes, maxDepth)
		}
		return &Node{Pos: pos}
	}
	out := &Node{Pos: pos}
	switch n.Kind {
	case yaml.AliasNode:
		if r.open[n.Alias] {
			r.faults.Add(pos, "the alias *%s stands in what it is an alias of", n.Value)
			return out
		}
		r.open[n.Alias] = true
		out = r.read(n.Alias, depth+1)
		delete(r.open, n.Alias)
		return out
	case yaml.ScalarNode:
		out.Kind, out.Text = scalarKind(n), n.Value
	case yaml.SequenceNode:
		out.Kind = List
		for _, item := range n.Content {
			out.Items = append(out.Items, r.read(item, depth+1))
		}
	case yaml.MappingNode:
		out.Kind = Map
		r.members(out, n, depth)
	}
	return r.untag(out, n)
}

// scalarKind is what a scalar without a tag is. A date is a string here, as it is to CloudFormation.
func scalarKind(n *yaml.Node) Kind {
	switch n.ShortTag() {
	case "!!null":
		return Null
	case "!!bool":
		return Bool
	case "!!int", "!!float":
		return Number
	}
	return String
}

// members reads the entries of a mapping. A merge key gives those that the mapping does not have itself.
func (r *yamlReader) members(out *Node, n *yaml.Node, depth int) {
	at := map[string]Position{}
	var merged []*Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		pos := r.position(key)
		if key.Kind != yaml.ScalarNode {
			r.faults.Add(pos, "a name of a map must be a string")
			continue
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, r.read(value, depth+1))
			continue
		}
		if first, twice := at[key.Value]; twice {
			r.faults.Add(pos, "%q is there twice, first in line %d", key.Value, first.Line)
			continue
		}
		at[key.Value] = pos
		out.Members = append(out.Members, Member{key.Value, pos, r.read(value, depth+1)})
	}
	for _, source := range merged {
		sources := []*Node{source}
		if source.Kind == List {
			sources = source.Items
		}
		for _, source := range sources {
			if source.Kind != Map {
				r.faults.Add(source.Pos, "<< merges maps, and this is %s", source.Kind)
			}
			for _, member := range source.Members {
				if _, own := at[member.Name]; !own {
					at[member.Name] = member.Pos
					out.Members = append(out.Members, member)
				}
			}
		}
	}
}

// shortTags are CloudFormation's tags of which the long form is not Fn:: and the tag (CloudFormation User Guide,
// "Intrinsic function reference").
var shortTags = map[string]string{"!Ref": "Ref", "!Condition": "Condition"}

// functions are the intrinsic functions that have a short tag.
var functions = []string{
	"And", "Base64", "Cidr", "Equals", "FindInMap", "ForEach", "GetAtt", "GetAZs", "GetStackOutput", "If", "ImportValue",
	"Join", "Length", "Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform",
}

// untag writes a short tag out in full.
func (r *yamlReader) untag(out *Node, n *yaml.Node) *Node {
	tag := n.Tag
	if !strings.HasPrefix(tag, "!") || strings.HasPrefix(tag, "!!") || tag == "!" {
		return out
	}
	name, ok := shortTags[tag]
	for _, function := range functions {
		if tag == "!"+function {
			name, ok = "Fn::"+function, true
		}
	}
	if !ok {
		r.faults.Add(out.Pos, "%s is no tag of CloudFormation, such as !Ref, !GetAtt and !Sub", tag)
		return out
	}
	if out.Kind == Null || n.Kind == yaml.ScalarNode {
		out.Kind, out.Text = String, n.Value
	}
	return &Node{Pos: out.Pos, Kind: Map, Members: []Member{{name, out.Pos, out}}}
}

// isFlowYAML reports whether a text in braces is YAML all the same.
func isFlowYAML(text []byte) bool {
	var node yaml.Node
	return yaml.Unmarshal(text, &node) == nil
}
