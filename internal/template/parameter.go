package template

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

// parameter is one of the template, with its value.
type parameter struct {
	name   string
	pos    tree.Position
	value  *tree.Node // nil if it has none
	noEcho bool
	given  string // the text of the value
}

// parameterMembers are what a parameter may have (AWS CloudFormation User Guide, "Parameters").
var parameterMembers = []string{
	"Type", "Default", "Description", "AllowedValues", "AllowedPattern", "ConstraintDescription", "MinLength", "MaxLength",
	"MinValue", "MaxValue", "NoEcho",
}

const (
	typeSSM  = "AWS::SSM::Parameter::Value<" // its Default is the name of what has the value
	typeList = "List<"
)

func (l *loader) readParameters(root *tree.Node) {
	section := l.section(root, "Parameters")
	if section == nil {
		return
	}
	for _, member := range section.Members {
		l.stack.parameters[member.Name] = l.readParameter(member)
	}
	for _, p := range l.stack.parameters {
		if p.noEcho && p.value.Is(tree.List) {
			for _, item := range p.value.Items {
				l.stack.hide(item.Text)
			}
		}
	}
}

// checkGiven finds values for what the template does not have.
func (l *loader) checkGiven(root *tree.Node) {
	pos := root.Pos
	if section := root.Get("Parameters"); section != nil {
		pos = section.Pos
	}
	for _, name := range keys(l.stack.options.Parameters) {
		if l.stack.parameters[name] == nil && !l.imports[name] {
			l.faults.Add(pos, "the template has no parameter %s, which is given a value%s", quote(name),
				expected(name, keys(l.stack.parameters)))
		}
	}
}

func (l *loader) readParameter(member tree.Member) *parameter {
	node := member.Value
	p := &parameter{name: member.Name, pos: member.Pos}
	if !node.Is(tree.Map) {
		l.faults.Add(node.Pos, "the parameter %s is %s, expected a map with a Type", p.name, node.Kind)
		p.value = tree.Text(p.pos, "")
		return p
	}
	for _, m := range node.Members {
		if !slices.Contains(parameterMembers, m.Name) {
			l.faults.Add(m.Pos, "a parameter has no %s%s", quote(m.Name), expected(m.Name, parameterMembers))
		}
	}
	p.noEcho = node.Get("NoEcho").TextOr("") == "true"
	kind := node.Get("Type")
	if !kind.Is(tree.String) {
		l.faults.Add(p.pos, "the parameter %s has no Type, expected one such as String", p.name)
		p.value = tree.Text(p.pos, "")
		return p
	}
	given, isGiven := l.stack.options.Parameters[p.name]
	standard := node.Get("Default")
	pos := p.pos
	switch {
	case isGiven:
	case strings.HasPrefix(kind.Text, typeSSM):
		return p // it is missed only if something needs it: CDK writes one that nothing does
	case standard.Is(tree.String, tree.Number, tree.Bool):
		given, pos = standard.Text, standard.Pos
	case standard != nil:
		l.faults.Add(standard.Pos, "the Default of %s is %s, expected a string", p.name, standard.Kind)
		p.value = tree.Text(p.pos, "")
		return p
	default:
		l.faults.Add(p.pos, "the parameter %s has no value and no Default, expected %s", p.name, p.howToGive())
		p.value = tree.Text(p.pos, "")
		return p
	}
	p.given = given
	if p.noEcho {
		l.stack.hide(given)
	}
	p.value = l.valueOf(p, kind, pos)
	if p.value == nil {
		p.value = tree.Text(p.pos, given)
	} else if what := p.disallowed(node, p.value); what != "" {
		if reason := node.Get("ConstraintDescription").TextOr(""); reason != "" {
			what += " (" + reason + ")"
		}
		l.faults.Add(pos, "%s of the parameter %s is not allowed, expected %s", p.shown(), p.name, what)
	}
	if pattern := node.Get("AllowedPattern"); pattern != nil {
		if _, err := compile(pattern.Text); err != nil {
			l.notices = append(l.notices, Notice{pattern.Pos, "not checked here: the AllowedPattern of " + p.name})
		}
	}
	return p
}

func (p *parameter) howToGive() string { return "--param " + p.name + "=VALUE" }

// shown is the value for an error.
func (p *parameter) shown() string {
	if p.noEcho {
		return "the value"
	}
	return "the value " + quote(p.given)
}

// valueOf is the value of a parameter of a type: a string, or a list of them.
func (l *loader) valueOf(p *parameter, kind *tree.Node, pos tree.Position) *tree.Node {
	name := kind.Text
	if inner, ok := strings.CutPrefix(name, typeSSM); ok {
		name = strings.TrimSuffix(inner, ">")
	}
	isList := name == "CommaDelimitedList"
	if inner, ok := strings.CutPrefix(name, typeList); ok {
		isList, name = true, strings.TrimSuffix(inner, ">")
	}
	switch {
	case kind.Text == typeList+"String>":
		l.faults.Add(kind.Pos, "no parameter is of the type %s; did you mean CommaDelimitedList?", quote(kind.Text))
		return nil
	case name == "String", name == "Number", name == "CommaDelimitedList":
	case strings.HasPrefix(name, "AWS::") && strings.Count(name, "::") >= 2:
	default:
		known := []string{"String", "Number", "CommaDelimitedList", "List<Number>", "a type such as AWS::EC2::VPC::Id"}
		l.faults.Add(kind.Pos, "no parameter is of the type %s%s", quote(kind.Text), expected(kind.Text, known))
		return nil
	}
	texts := []string{p.given}
	if isList {
		texts = nil
		for text := range strings.SplitSeq(p.given, ",") {
			texts = append(texts, strings.TrimSpace(text))
		}
	}
	out := &tree.Node{Pos: p.pos, Kind: tree.List}
	for _, text := range texts {
		if _, err := strconv.ParseFloat(text, 64); name == "Number" && err != nil {
			l.faults.Add(pos, "%s of the parameter %s is not a number, expected one for its type %s", p.shown(), p.name,
				kind.Text)
			return nil
		}
		out.Items = append(out.Items, tree.Text(p.pos, text))
	}
	if isList {
		return out
	}
	return out.Items[0]
}

// disallowed says what was expected of the value; "" if it is allowed.
func (p *parameter) disallowed(node, value *tree.Node) string {
	if value.Is(tree.List) {
		for _, item := range value.Items {
			if what := p.disallowed(node, item); what != "" {
				return what
			}
		}
		return ""
	}
	text := value.Text
	if allowed := node.Get("AllowedValues"); allowed.Is(tree.List) {
		var values []string
		for _, item := range allowed.Items {
			values = append(values, item.Text)
		}
		if !slices.Contains(values, text) {
			return list(values, "or")
		}
	}
	if pattern := node.Get("AllowedPattern"); pattern != nil {
		if form, err := compile(pattern.Text); err == nil && !form.MatchString(text) {
			return "a text that matches " + pattern.Text
		}
	}
	number, err := strconv.ParseFloat(text, 64)
	for _, bound := range []struct {
		name, what string
		value      float64
		applies    bool
		isLeast    bool
	}{
		{"MinLength", "at least %s characters", float64(len([]rune(text))), true, true},
		{"MaxLength", "at most %s characters", float64(len([]rune(text))), true, false},
		{"MinValue", "at least %s", number, err == nil, true},
		{"MaxValue", "at most %s", number, err == nil, false},
	} {
		limit, err := strconv.ParseFloat(node.Get(bound.name).TextOr(""), 64)
		if err == nil && bound.applies && (bound.isLeast && bound.value < limit || !bound.isLeast && bound.value > limit) {
			return fmt.Sprintf(bound.what, node.Get(bound.name).Text)
		}
	}
	return ""
}

// compile reads an AllowedPattern, which is about the whole value. Java's have more than Go's.
func compile(pattern string) (*regexp.Regexp, error) { return regexp.Compile(`^(?:` + pattern + `)$`) }
