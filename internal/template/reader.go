package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

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
		case p.e.isFull():
			return
		case slices.Contains(s.run, m.Name):
		case slices.Contains(s.unrun, m.Name):
			if !m.Value.Is(tree.Map, tree.List) || len(m.Value.Members)+len(m.Value.Items) > 0 {
				p.l.unrunProperty(m.Pos, m.Name, p.of)
			}
		default:
			all := slices.Sorted(slices.Values(slices.Concat(s.run, s.unrun)))
			p.e.fault(m.Pos, "%s has no property %s%s", p.of, quote(m.Name), expected(m.Name, all))
		}
	}
}

// get is a member, nil if it is not there.
func (p *reader) get(name string) *tree.Node { return p.node.Get(name) }

func (p *reader) wrong(n *tree.Node, name, expected string) {
	p.e.fault(n.Pos, "%s of %s is %s, expected %s", name, p.of, shown(n), expected)
}

// atMost finds a fault with a list that is too long.
func (p *reader) atMost(name string, most int) {
	if n := p.get(name); n.Is(tree.List) && len(n.Items) > most {
		p.e.fault(n.Pos, "%s of %s has %d items, expected at most %d", name, p.of, len(n.Items), most)
	}
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

// Document is a policy document of a resource, with the places that its parts come from.
type Document struct {
	Text string // JSON, in one line if the template has it as a map
	Open bool   // something in it is not known yet, or made up

	pos    tree.Position
	writer *jsonWriter // nil for one that is a string
}

// Place is where the text at a line and a column comes from: the nearest value of the template.
func (d Document) Place(line, column int) tree.Position {
	if d.writer == nil || line > 1 {
		return d.pos
	}
	return d.writer.place(column)
}

// policy is a policy document, as a map or as the text of one.
func (p *reader) policy(name string, kind policy.Kind) (text string) {
	n := p.get(name)
	var writer *jsonWriter
	if p.e.documents != nil {
		defer func() {
			d := Document{Text: text, pos: p.pos, writer: writer}
			if n != nil {
				d.Open, d.pos = p.e.hasOpen(n), n.Pos
			}
			*p.e.documents = append(*p.e.documents, d)
		}()
	}
	switch {
	case n == nil || p.isOpen(name):
		return p.text(name)
	case n.Is(tree.String):
		if !json.Valid([]byte(n.Text)) {
			p.wrong(n, name, "a map, or a string of JSON")
			return ""
		}
		p.checkPolicy(name, n.Text, kind, func(policy.Fault) tree.Position { return n.Pos })
		return n.Text
	case !n.Is(tree.Map):
		p.wrong(n, name, "a map")
		return ""
	}
	p.nameResources(n)
	var w jsonWriter
	w.value(n)
	text, writer = w.out.String(), &w
	if !p.e.spend(n.Pos, len(text)) {
		return ""
	}
	if !p.e.hasOpen(n) {
		p.checkPolicy(name, text, kind, func(f policy.Fault) tree.Position { return w.place(f.Column) })
	}
	return text
}

// nameResources has the resources of a policy be ARNs, as IAM wants them, where they are of what is not run.
func (p *reader) nameResources(document *tree.Node) {
	statements := document.Get("Statement")
	if statements == nil {
		return
	}
	for _, statement := range append([]*tree.Node{statements}, statements.Items...) {
		for i, m := range statement.Members {
			if m.Name != "Resource" && m.Name != "NotResource" {
				continue
			}
			value := p.e.asARN(m.Value)
			if slices.ContainsFunc(value.Items, p.e.isMadeUp) {
				value = &tree.Node{Pos: value.Pos, Kind: tree.List, Items: slices.Clone(value.Items)}
				for j, item := range value.Items {
					value.Items[j] = p.e.asARN(item)
				}
			}
			statement.Members[i].Value = value
		}
	}
}

// arn is a string that must be an ARN.
func (p *reader) arn(name, expected string) string {
	text := p.matching(name, expected, func(text string) bool { return strings.HasPrefix(text, "arn:") })
	if p.e.isMadeUp(p.get(name)) {
		return p.e.asARN(p.get(name)).Text
	}
	return text
}

// made are the items of a list without those of what is not run, since the thing itself has to be there.
func (p *reader) made(name string) []string {
	var out []string
	texts := p.texts(name)
	for i, item := range p.list(name) {
		switch {
		case p.e.isMadeUp(item):
			p.l.unrunProperty(item.Pos, "an item of "+name, p.of)
		case len(texts) > i:
			out = append(out, texts[i])
		}
	}
	return out
}

func (p *reader) checkPolicy(name, text string, kind policy.Kind, place func(policy.Fault) tree.Position) {
	_, err := policy.Parse([]byte(text), kind)
	faults, ok := errors.AsType[policy.Faults](err)
	if !ok {
		return
	}
	for _, f := range faults {
		p.e.fault(place(f), "%s of %s is not what IAM takes: %s", name, p.of, strings.TrimPrefix(f.Path+": "+f.Message, ": "))
	}
}

// hasOpen reports whether something in a value is not known yet, or made up.
func (e *evaluator) hasOpen(n *tree.Node) bool {
	return e.isOpen(n) || slices.ContainsFunc(n.Items, e.hasOpen) ||
		slices.ContainsFunc(n.Members, func(m tree.Member) bool { return e.hasOpen(m.Value) })
}

// jsonWriter writes a value as JSON, in one line, and remembers where its parts come from.
type jsonWriter struct {
	out    strings.Builder
	column int // characters so far
	places []place
}

type place struct {
	column int // from 1
	pos    tree.Position
}

// place is where the text at a column comes from.
func (w *jsonWriter) place(column int) tree.Position {
	i, found := slices.BinarySearchFunc(w.places, column, func(p place, column int) int { return p.column - column })
	if !found {
		i--
	}
	return w.places[max(i, 0)].pos
}

func (w *jsonWriter) write(text string) {
	w.out.WriteString(text)
	w.column += utf8.RuneCountInString(text)
}

func (w *jsonWriter) text(text string) {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err == nil {
		w.write(strings.TrimSuffix(out.String(), "\n"))
	}
}

func (w *jsonWriter) value(n *tree.Node) {
	w.places = append(w.places, place{w.column + 1, n.Pos})
	switch {
	case n.Is(tree.List):
		w.write("[")
		for i, item := range n.Items {
			if i > 0 {
				w.write(",")
			}
			w.value(item)
		}
		w.write("]")
	case n.Is(tree.Map):
		w.write("{")
		for i, m := range n.Members {
			if i > 0 {
				w.write(",")
			}
			w.places = append(w.places, place{w.column + 1, m.Pos})
			w.text(m.Name)
			w.write(":")
			w.value(m.Value)
		}
		w.write("}")
	case n.Is(tree.Bool), n.Is(tree.Number) && json.Valid([]byte(n.Text)):
		w.write(n.Text)
	default:
		w.text(n.Text)
	}
}

// shown is a value for an error.
func shown(n *tree.Node) string {
	switch {
	case n.Is(tree.String):
		return quote(n.Text)
	case n.Is(tree.Number, tree.Bool):
		return n.Text
	}
	return n.Kind.String()
}

const ellipsis = "…" // of a text that is cut

// quote is a text for an error, cut if it is long.
func quote(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + ellipsis
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

// expected ends a fault about a name that nothing has: with the one that it is most like, or with all that there are.
func expected(name string, names []string) string {
	const most, far = 40, 600
	near := ""
	if len(names) <= far { // since to compare takes its time
		near = tree.Nearest(name, names)
	}
	switch {
	case near != "":
		return "; did you mean " + near + "?"
	case len(names) == 0:
		return "; there is none"
	case len(names) > most:
		return ", expected one that is there"
	}
	return ", expected " + list(names, "or")
}
