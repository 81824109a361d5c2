package tree

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// yamlReader makes a tree from the nodes of the YAML library.
type yamlReader struct {
	file   string
	nodes  int
	faults Faults
	open   map[*yaml.Node]bool // anchors that are being read
}

func parseYAML(file string, text []byte) (*Node, error) {
	var document, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return &Node{Pos: Position{File: file, Line: 1, Column: 1}}, nil
	}
	if err != nil {
		return nil, Faults{yamlFault(file, text, err)}
	}
	r := &yamlReader{file: file, open: map[*yaml.Node]bool{}}
	root := r.read(document.Content[0], 0)
	switch err := decoder.Decode(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.faults = append(r.faults, yamlFault(file, text, err))
	case more.Content[0].ShortTag() != "!!null" || more.Content[0].Value != "":
		r.faults.Add(r.position(more.Content[0]), "another document begins here, expected one in a file")
	}
	return root, r.faults.Err()
}

// notYAML begins the faults of texts that the library does not read.
const notYAML = "this is not YAML: "

// yamlFault is an error of the library. The line that the library names is often that of what the error stands in, and
// often the one before it. So the fault is at the line from which on the text has the error: without that line there is
// none, or another one, and with what follows it stays. To look for it takes a number of readings.
func yamlFault(file string, text []byte, err error) *Fault {
	const longest = 256 << 10
	line, what := yamlProblem(err)
	if len(text) > longest {
		return &Fault{Position{file, line, 1}, notYAML + what}
	}
	lines := bytes.SplitAfter(bytes.TrimRight(text, "\r\n"), []byte("\n"))
	has := func(count int) bool {
		decoder := yaml.NewDecoder(bytes.NewReader(bytes.Join(lines[:count], nil)))
		var err error
		for err == nil {
			err = decoder.Decode(new(yaml.Node))
		}
		_, other := yamlProblem(err)
		return other == what
	}
	low, high := 0, len(lines)
	for low+1 < high {
		if middle := (low + high) / 2; has(middle) {
			high = middle
		} else {
			low = middle
		}
		// A quote or a bracket that is open at the end of one line may be closed in one of the next.
		const some = 20
		for next := high + 1; low+1 == high && next <= min(high+some, len(lines)); next++ {
			if !has(next) {
				low, high = next, len(lines)
			}
		}
	}
	last := string(lines[high-1])
	return &Fault{Position{file, high, len(last) - len(strings.TrimLeft(last, " \t")) + 1}, notYAML + what}
}

// yamlProblem takes an error of the library apart: the line, 1 if it names none, and what is wrong.
func yamlProblem(err error) (line int, what string) {
	what = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(what, "line "); ok {
		number, problem, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			return max(line, 1), problem
		}
	}
	return 1, what
}

func (r *yamlReader) position(n *yaml.Node) Position { return Position{r.file, n.Line, n.Column} }

func (r *yamlReader) read(n *yaml.Node, depth int) *Node {
	pos := r.position(n)
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		if r.nodes <= maxNodes+1 || depth == maxDepth+1 {
			r.faults.Add(pos, "the file has more than %d values, or values more than %d deep, with its aliases", maxNodes,
				maxDepth)
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
		out.Kind, out.Text = scalar(n)
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

// scalar is what a scalar is to CloudFormation, which reads YAML 1.1 (CloudFormation User Guide, "Template format").
// A number may be octal, hexadecimal, binary or of minutes and seconds, and becomes a decimal one; yes, no, on and off
// are true and false (ASFHyP3/hyp3#2061, aws-cloudformation/cloudformation-coverage-roadmap#745 and
// aws-cloudformation/cfn-language-discussion#31 have what it makes of them). A date is a string.
func scalar(n *yaml.Node) (Kind, string) {
	const otherwise = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle |
		yaml.TaggedStyle
	if n.Style&otherwise == 0 {
		switch n.Value {
		case "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE":
			return Bool, "true"
		case "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE":
			return Bool, "false"
		}
		if decimal, ok := decimalOf(n.Value); ok {
			return Number, decimal
		}
	}
	switch n.ShortTag() {
	case "!!null":
		return Null, ""
	case "!!bool":
		return Bool, strings.ToLower(n.Value)
	case "!!float":
		return Number, n.Value
	}
	return String, n.Value
}

// integerForm is that of whole numbers of YAML 1.1 (yaml.org/type/int.html).
var integerForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*(:[0-5]?[0-9])*)$`)
})

// decimalOf is a whole number of YAML 1.1 in decimal digits.
func decimalOf(text string) (string, bool) {
	const longest, sixty = 100, 60
	if text == "" || len(text) > longest || !strings.ContainsAny(text[:1], "+-0123456789") ||
		!integerForm().MatchString(text) {
		return "", false
	}
	digits, isNegative := strings.CutPrefix(strings.ReplaceAll(strings.TrimPrefix(text, "+"), "_", ""), "-")
	value := new(big.Int)
	if strings.Contains(digits, ":") {
		for part := range strings.SplitSeq(digits, ":") {
			number, _ := new(big.Int).SetString(part, 10)
			value.Mul(value, big.NewInt(sixty)).Add(value, number)
		}
	} else if _, ok := value.SetString(digits, 0); !ok {
		return "", false
	}
	if isNegative {
		value.Neg(value)
	}
	return value.String(), true
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
		if strings.HasPrefix(key.Tag, "!") && !strings.HasPrefix(key.Tag, "!!") {
			r.faults.Add(pos, "a name of a map has the tag %s, expected a string", key.Tag)
			continue
		}
		name := key.Value
		if kind, text := scalar(key); kind != Null {
			name = text // so that a key and what looks for it are the same
		}
		if first, twice := at[name]; twice {
			r.faults.Add(pos, "%q is there twice, first in line %d", name, first.Line)
			continue
		}
		at[name] = pos
		out.Members = append(out.Members, Member{name, pos, r.read(value, depth+1)})
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

// functions are the intrinsic functions that have a short tag.
var functions = []string{
	"And", "Base64", "Cidr", "Equals", "FindInMap", "ForEach", "GetAtt", "GetAZs", "GetStackOutput", "If", "ImportValue",
	"Join", "Length", "Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform",
}

// untag writes a short tag out in full.
func (r *yamlReader) untag(out *Node, n *yaml.Node) *Node {
	if n.Style&yaml.TaggedStyle == 0 || n.Tag == "!" {
		return out
	}
	tag := n.Tag
	name := strings.TrimPrefix(tag, "!")
	switch {
	case slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq"}, n.ShortTag()):
		return out
	case tag == "!Ref", tag == "!Condition":
	case slices.Contains(functions, name) && name != tag:
		name = "Fn::" + name
	default:
		r.faults.Add(out.Pos, "%s is not a tag of CloudFormation, such as !Ref, !GetAtt and !Sub", n.ShortTag())
		return out
	}
	if n.Kind == yaml.ScalarNode {
		out.Kind, out.Text = String, n.Value
	}
	return &Node{Pos: out.Pos, Kind: Map, Members: []Member{{name, out.Pos, out}}}
}
