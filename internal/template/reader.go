package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
	"github.com/furl-dev/furl/policy"
)

// reader reads the properties of a resource, or the members of one of them, and finds what is wrong with them.
type reader struct {
	l    *loader
	e    *evaluator
	r    *Resource
	node *tree.Node // worked out
	of   string     // what has the members, such as App or "Cors of App"
	pos  tree.Position
}

// shape is what a map may have: members that are run, and those that are not.
type shape struct{ run, unrun []string }

// names splits a list of names.
func names(text string) []string { return strings.Fields(text) }

// check finds members that the shape does not have.
func (p *reader) check(s shape) {
	for _, m := range p.node.Members {
		switch {
		case slices.Contains(s.run, m.Name):
		case slices.Contains(s.unrun, m.Name):
			p.l.unrunProperty(m.Pos, m.Name, p.of)
		default:
			all := slices.Sorted(slices.Values(slices.Concat(s.run, s.unrun)))
			p.e.fault(m.Pos, "%s has no property %s%s, expected %s", p.of, quote(m.Name), didYouMean(m.Name, all), list(all, "or"))
		}
	}
}

// get is a member, nil if it is not there.
func (p *reader) get(name string) *tree.Node { return p.node.Get(name) }

func (p *reader) wrong(n *tree.Node, name, expected string) {
	p.e.fault(n.Pos, "%s of %s is %s, expected %s", name, p.of, p.e.shown(n), expected)
}

// need finds a fault if one of the members is not there.
func (p *reader) need(names ...string) {
	for _, name := range names {
		if p.get(name) == nil {
			p.e.fault(p.pos, "%s has no %s, expected one", p.of, name)
		}
	}
}

// text is a string, which a number may stand for.
func (p *reader) text(name string) string {
	n := p.get(name)
	switch {
	case n == nil:
		return ""
	case n.Is(tree.String, tree.Number, tree.Bool):
		return n.Text
	}
	p.wrong(n, name, "a string")
	return ""
}

// isOpen reports whether a member is not known yet, or made up.
func (p *reader) isOpen(name string) bool { return p.e.isOpen(p.get(name)) }

// oneOf is a string of a few.
func (p *reader) oneOf(name string, allowed ...string) string {
	text := p.text(name)
	if n := p.get(name); n != nil && n.Is(tree.String, tree.Number, tree.Bool) && !p.isOpen(name) &&
		!slices.Contains(allowed, text) {
		p.wrong(n, name, list(allowed, "or"))
	}
	return text
}

// matching is a string of a form. The length counts characters, as AWS's does.
func (p *reader) matching(name, expected string, isRight func(text string) bool) string {
	text := p.text(name)
	if n := p.get(name); n.Is(tree.String, tree.Number, tree.Bool) && !p.isOpen(name) && !isRight(text) {
		p.wrong(n, name, expected)
	}
	return text
}

// upTo is a string of a length.
func (p *reader) upTo(name string, most int) string {
	return p.matching(name, fmt.Sprintf("at most %d characters", most),
		func(text string) bool { return len([]rune(text)) <= most })
}

// number is a whole number, which a string may stand for; nil if it is not there or not known yet.
func (p *reader) number(name string, least, most int) *int {
	n := p.get(name)
	if n == nil || p.isOpen(name) {
		return nil
	}
	value, err := strconv.Atoi(n.Text)
	if !n.Is(tree.String, tree.Number) || err != nil || value < least || value > most {
		expected := fmt.Sprintf("a whole number from %d to %d", least, most)
		if most == maxInt {
			expected = fmt.Sprintf("a whole number from %d", least)
		}
		p.wrong(n, name, expected)
		return nil
	}
	return &value
}

// maxInt is for numbers without a limit here.
const maxInt = 1<<31 - 1

// amount is a number with a default, which is 0.
func (p *reader) amount(name string, least, most int) int {
	if value := p.number(name, least, most); value != nil {
		return *value
	}
	return 0
}

// boolean is true or false, which a string may stand for; nil if it is not there or not known yet.
func (p *reader) boolean(name string) *bool {
	n := p.get(name)
	if n == nil || p.isOpen(name) {
		return nil
	}
	value := strings.EqualFold(n.Text, "true")
	if !n.Is(tree.String, tree.Bool) || !value && !strings.EqualFold(n.Text, "false") {
		p.wrong(n, name, "true or false")
		return nil
	}
	return &value
}

// list is the items of a list.
func (p *reader) list(name string) []*tree.Node {
	n := p.get(name)
	switch {
	case n == nil:
	case n.Is(tree.List):
		return n.Items
	case p.isOpen(name):
		return []*tree.Node{n}
	default:
		p.wrong(n, name, "a list")
	}
	return nil
}

// texts is a list of strings.
func (p *reader) texts(name string) []string {
	var out []string
	for _, item := range p.list(name) {
		if !item.Is(tree.String, tree.Number, tree.Bool) {
			p.wrong(item, "an item of "+name, "a string")
			continue
		}
		out = append(out, item.Text)
	}
	return out
}

// textsOf is a list of strings of a few.
func (p *reader) textsOf(name string, allowed ...string) []string {
	texts := p.texts(name)
	for _, item := range p.list(name) {
		if item.Is(tree.String) && !p.e.isOpen(item) && !slices.Contains(allowed, item.Text) {
			p.wrong(item, "an item of "+name, list(allowed, "or"))
		}
	}
	return texts
}

// object is a map with members of its own, nil if it is not there.
func (p *reader) object(name string, s shape) *reader {
	n := p.get(name)
	if n == nil || p.isOpen(name) {
		return nil
	}
	return p.inner(n, name, s)
}

// objects is a list of maps.
func (p *reader) objects(name string, s shape) []*reader {
	var out []*reader
	for _, item := range p.list(name) {
		if inner := p.inner(item, "an item of "+name, s); inner != nil && !p.e.isOpen(item) {
			out = append(out, inner)
		}
	}
	return out
}

func (p *reader) inner(n *tree.Node, name string, s shape) *reader {
	if !n.Is(tree.Map) {
		if !p.e.isOpen(n) {
			p.wrong(n, name, "a map")
		}
		return nil
	}
	inner := &reader{p.l, p.e, p.r, n, name + " of " + p.of, n.Pos}
	inner.check(s)
	return inner
}

// tags are a list of Key and Value, or nil.
func (p *reader) tags() map[string]string {
	var out map[string]string
	for _, tag := range p.objects("Tags", shape{run: names("Key Value")}) {
		tag.need("Key")
		key := tag.text("Key")
		if out == nil {
			out = map[string]string{}
		}
		if _, twice := out[key]; twice && !tag.isOpen("Key") {
			p.e.fault(tag.pos, "%s has the tag %s twice, expected each key once", p.of, quote(key))
		}
		out[key] = tag.text("Value")
	}
	return out
}

// policy is a policy document, as a map or as the text of one.
func (p *reader) policy(name string, kind policy.Kind) string {
	n := p.get(name)
	switch {
	case n == nil || p.isOpen(name):
		return p.text(name)
	case n.Is(tree.String):
		if !json.Valid([]byte(n.Text)) {
			p.wrong(n, name, "a map, or a string of JSON")
			return ""
		}
		return n.Text
	case !n.Is(tree.Map):
		p.wrong(n, name, "a map")
		return ""
	}
	var text bytes.Buffer
	writeJSON(&text, n)
	if !p.e.spend(n.Pos, text.Len()) {
		return ""
	}
	if p.e.hasOpen(n) {
		return text.String()
	}
	if _, err := policy.Parse(text.Bytes(), kind); err != nil {
		p.e.fault(n.Pos, "%s of %s is not what IAM takes: %s", name, p.of, oneLine(err))
	}
	return text.String()
}

// oneLine is an error of one or more lines.
func oneLine(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		parts = append(parts, strings.TrimSpace(line))
	}
	return strings.Join(parts, "; ")
}

// hasOpen reports whether something in a value is not known yet, or made up.
func (e *evaluator) hasOpen(n *tree.Node) bool {
	return e.isOpen(n) || slices.ContainsFunc(n.Items, e.hasOpen) ||
		slices.ContainsFunc(n.Members, func(m tree.Member) bool { return e.hasOpen(m.Value) })
}

// writeJSON writes a value as JSON.
func writeJSON(out *bytes.Buffer, n *tree.Node) {
	write := func(text string) {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(text); err == nil {
			out.Truncate(out.Len() - 1) // the end of the line
		}
	}
	switch n.Kind {
	case tree.Null:
		out.WriteString("null")
	case tree.Bool:
		out.WriteString(n.Text)
	case tree.Number:
		if json.Valid([]byte(n.Text)) {
			out.WriteString(n.Text)
		} else {
			write(n.Text)
		}
	case tree.String:
		write(n.Text)
	case tree.List:
		out.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				out.WriteByte(',')
			}
			writeJSON(out, item)
		}
		out.WriteByte(']')
	case tree.Map:
		out.WriteByte('{')
		for i, m := range n.Members {
			if i > 0 {
				out.WriteByte(',')
			}
			write(m.Name)
			out.WriteByte(':')
			writeJSON(out, m.Value)
		}
		out.WriteByte('}')
	}
}

// shown is a value for an error.
func (e *evaluator) shown(n *tree.Node) string { return shown(n) }

func shown(n *tree.Node) string {
	if n.Is(tree.String, tree.Number, tree.Bool) {
		return quote(n.Text)
	}
	return n.Kind.String()
}

// quote is a text for an error, cut if it is long.
func quote(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}

// list is names for an error: A, B or C.
func list(names []string, word string) string {
	if len(names) < 2 || word == "" {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + word + " " + names[len(names)-1]
}

// didYouMean is a proposal for a misspelled name, "" for none.
func didYouMean(name string, names []string) string {
	if near := tree.Nearest(name, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}
