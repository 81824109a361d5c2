package template

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

// These bound what a template makes of itself: the text of one value, and the values and the text of one evaluation. A
// function's configuration and a policy are far smaller.
const (
	maxText = 1 << 20
	maxWork = 64 << 20
)

// mark says of a value that it is not as it will be.
type mark uint8

const (
	late   mark = 1 << iota // known once a resource is made
	madeUp                  // of a resource that is not run, whose attributes nobody knows
)

// evaluator works out intrinsic functions.
type evaluator struct {
	stack   *Stack
	known   Attributes
	faults  *tree.Faults
	marks   map[*tree.Node]mark
	uses    map[string]bool       // resources that were referred to; nil if nobody asks
	names   map[string]*tree.Node // physical names
	naming  map[string]bool       // resources whose names are being worked out
	work    *int                  // what was made so far
	imports map[string]bool       // names of Fn::ImportValue; nil if nobody asks

	documents *[]Document // policies that were read; nil if nobody asks

	inCondition bool     // where resources cannot be referred to
	isPartial   bool     // resources were left out
	path        []string // of conditions that are made of others
}

func (s *Stack) evaluator(known Attributes, faults *tree.Faults) *evaluator {
	return &evaluator{
		stack: s, known: known, faults: faults, marks: map[*tree.Node]mark{}, naming: map[string]bool{},
		names: map[string]*tree.Node{}, work: new(int),
	}
}

func (l *loader) evaluator() *evaluator {
	e := l.stack.evaluator(nil, &l.faults)
	e.work, e.imports, e.isPartial = l.work, l.imports, len(l.inSAM) > 0
	return e
}

func (e *evaluator) fault(pos tree.Position, format string, arguments ...any) {
	if e.isFull() {
		return
	}
	e.faults.Add(pos, "%s", e.stack.Redact(fmt.Sprintf(format, arguments...)))
}

// isFull reports whether enough was found wrong.
func (e *evaluator) isFull() bool { return len(*e.faults) > maxFaults }

// spend counts work, and reports whether there is room for it.
func (e *evaluator) spend(pos tree.Position, size int) bool {
	before := *e.work
	*e.work += size + 1
	if *e.work <= maxWork && size <= maxText {
		return true
	}
	if before <= maxWork {
		e.fault(pos, "the template makes a text of more than %d bytes, or of more than %d in all", maxText, maxWork)
	}
	return false
}

// text makes a string of what other values have marked.
func (e *evaluator) text(pos tree.Position, text string, m mark) *tree.Node {
	if m&late != 0 {
		text = Unknown
	}
	if !e.spend(pos, len(text)) {
		text, m = Unknown, late
	}
	n := tree.Text(pos, text)
	if strings.Contains(text, dynamic) {
		m |= madeUp
	}
	if m != 0 {
		e.marks[n] = m
	}
	return n
}

// dynamic begins what CloudFormation reads from other services, which are not here (AWS CloudFormation User Guide,
// "Dynamic references").
const dynamic = "{{resolve:"

// failed is a value in the place of one with a fault, so that nothing else is found wrong with it.
func (e *evaluator) failed(pos tree.Position) *tree.Node {
	n := tree.Text(pos, Unknown)
	e.marks[n] = late
	return n
}

// isTooLong finds a fault with a text that has grown too long.
func (e *evaluator) isTooLong(pos tree.Position, size int) bool {
	return size > maxText && !e.spend(pos, size)
}

// isMadeUp reports whether a value is of what is not run, so that it may be of no form that anybody takes.
func (e *evaluator) isMadeUp(n *tree.Node) bool { return e.marks[n] == madeUp }

// asARN gives a value that is made up the form of an ARN, where nothing else is taken.
func (e *evaluator) asARN(n *tree.Node) *tree.Node {
	if !e.isMadeUp(n) || strings.HasPrefix(n.Text, "arn:") || n.Text == "*" {
		return n
	}
	o := e.stack.options
	return e.text(n.Pos, e.arn("cloudformation", o.Region, o.Account, n.Text), madeUp)
}

// isOpen reports whether a value is not as it will be: then it cannot be checked.
func (e *evaluator) isOpen(n *tree.Node) bool { return e.marks[n] != 0 }

// eval works out what stands in a node. It is nil for AWS::NoValue: then there is nothing.
func (e *evaluator) eval(n *tree.Node) *tree.Node {
	if e.isFull() || !e.spend(n.Pos, 0) {
		return e.failed(n.Pos)
	}
	switch n.Kind {
	case tree.Null:
		e.fault(n.Pos, noValue)
		return e.failed(n.Pos)
	case tree.List:
		out := &tree.Node{Pos: n.Pos, Kind: tree.List, Items: make([]*tree.Node, 0, len(n.Items))}
		for _, item := range n.Items {
			if value := e.eval(item); value != nil {
				out.Items = append(out.Items, value)
			}
		}
		return out
	case tree.Map:
		if member, ok := n.Only(); ok && isIntrinsic(member.Name) {
			return e.call(n, member)
		}
		out := &tree.Node{Pos: n.Pos, Kind: tree.Map, Members: make([]tree.Member, 0, len(n.Members))}
		for _, member := range n.Members {
			if value := e.eval(member.Value); value != nil {
				out.Members = append(out.Members, tree.Member{Name: member.Name, Pos: member.Pos, Value: value})
			}
		}
		return out
	case tree.String:
		if strings.Contains(n.Text, dynamic) {
			return e.text(n.Pos, n.Text, madeUp)
		}
	}
	return n
}

// noValue is wrong with what is left out. CloudFormation takes no null.
const noValue = "there is no value, expected one; AWS::NoValue stands for none"

func isIntrinsic(name string) bool { return name == "Ref" || strings.HasPrefix(name, "Fn::") }

// intrinsics are the functions that furl works out.
func intrinsics(name string) func(e *evaluator, n *tree.Node, member tree.Member) *tree.Node {
	switch name {
	case "Ref":
		return (*evaluator).ref
	case "Fn::GetAtt":
		return (*evaluator).getAtt
	case "Fn::Sub":
		return (*evaluator).sub
	case "Fn::Join":
		return (*evaluator).join
	case "Fn::Select":
		return (*evaluator).selectItem
	case "Fn::Split":
		return (*evaluator).split
	case "Fn::If":
		return (*evaluator).choose
	case "Fn::FindInMap":
		return (*evaluator).findInMap
	case "Fn::Base64":
		return (*evaluator).base64
	case "Fn::ImportValue":
		return (*evaluator).importValue
	case "Fn::GetAZs":
		return (*evaluator).getAZs
	case "Fn::Cidr":
		return (*evaluator).cidr
	}
	return nil
}

var valueFunctions = []string{
	"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::If", "Fn::FindInMap", "Fn::Base64",
	"Fn::ImportValue", "Fn::GetAZs", "Fn::Cidr",
}

// elsewhere are functions that CloudFormation has, and why they are not worked out.
func elsewhere(name string) string {
	const extensions = " needs the transform AWS::LanguageExtensions, which furl does not do"
	switch {
	case name == "Fn::Length", name == "Fn::ToJsonString", strings.HasPrefix(name, "Fn::ForEach"):
		return extensions
	case name == "Fn::Transform":
		return " runs a macro, which furl does not do"
	case name == "Fn::GetStackOutput":
		return " reads another stack, which furl does not do"
	}
	return ""
}

func (e *evaluator) call(n *tree.Node, member tree.Member) *tree.Node {
	if work := intrinsics(member.Name); work != nil {
		return work(e, n, member)
	}
	switch why := elsewhere(member.Name); {
	case why != "":
		e.fault(n.Pos, "%s%s", member.Name, why)
	case slices.Contains(conditionFunctions, member.Name):
		e.fault(n.Pos, "%s stands in a value, expected it in Conditions; a value takes Fn::If", member.Name)
	default:
		e.fault(n.Pos, "there is no intrinsic function %s%s", member.Name, expected(member.Name, valueFunctions))
	}
	return e.failed(n.Pos)
}

// arguments checks that a function has a list of the right length.
func (e *evaluator) arguments(member tree.Member, least, most int) bool {
	n := member.Value
	if n.Is(tree.List) && len(n.Items) >= least && len(n.Items) <= most {
		return true
	}
	wanted := strconv.Itoa(least)
	if most > least {
		wanted += " to " + strconv.Itoa(most)
	}
	what := n.Kind.String()
	if n.Is(tree.List) {
		what += " of " + strconv.Itoa(len(n.Items))
	}
	e.fault(n.Pos, "%s has %s, expected a list of %s", member.Name, what, wanted)
	return false
}

// scalar works out a string.
func (e *evaluator) scalar(n *tree.Node, what string) *tree.Node {
	value := e.eval(n)
	if value == nil {
		return tree.Text(n.Pos, "")
	}
	if !value.Is(tree.String, tree.Number, tree.Bool) {
		e.fault(n.Pos, "%s is %s, expected a string", what, value.Kind)
		return e.failed(n.Pos)
	}
	return value
}

// items works out a list. A value that is not known, or made up, may be one.
func (e *evaluator) items(n *tree.Node, what string) (items []*tree.Node, m mark, ok bool) {
	value := e.eval(n)
	if value.Is(tree.List) {
		return value.Items, e.marks[value], true
	}
	if m := e.marks[value]; m != 0 {
		return []*tree.Node{value}, m, true
	}
	kind := tree.Null
	if value != nil {
		kind = value.Kind
	}
	e.fault(n.Pos, "%s is %s, expected a list", what, kind)
	return nil, 0, false
}

func (e *evaluator) join(n *tree.Node, member tree.Member) *tree.Node {
	if !e.arguments(member, 2, 2) {
		return e.failed(n.Pos)
	}
	between := e.scalar(member.Value.Items[0], "the delimiter of Fn::Join")
	items, m, ok := e.items(member.Value.Items[1], "what Fn::Join joins")
	if !ok {
		return e.failed(n.Pos)
	}
	m |= e.marks[between]
	texts := make([]string, 0, len(items))
	for _, item := range items {
		if !item.Is(tree.String, tree.Number, tree.Bool) {
			e.fault(item.Pos, "Fn::Join joins %s, expected strings", item.Kind)
			return e.failed(n.Pos)
		}
		if !e.spend(n.Pos, len(item.Text)+len(between.Text)) {
			return e.failed(n.Pos)
		}
		m |= e.marks[item]
		texts = append(texts, item.Text)
	}
	return e.text(n.Pos, strings.Join(texts, between.Text), m)
}

func (e *evaluator) selectItem(n *tree.Node, member tree.Member) *tree.Node {
	if !e.arguments(member, 2, 2) {
		return e.failed(n.Pos)
	}
	number := e.scalar(member.Value.Items[0], "the index of Fn::Select")
	items, m, ok := e.items(member.Value.Items[1], "what Fn::Select selects from")
	if !ok {
		return e.failed(n.Pos)
	}
	m |= e.marks[number]
	if m&late != 0 {
		return e.failed(n.Pos)
	}
	i, err := strconv.Atoi(number.Text)
	switch {
	case m != 0 && len(items) > 0 && (err != nil || i < 0 || i >= len(items)):
		i = len(items) - 1
	case err != nil || i < 0:
		e.fault(number.Pos, "the index of Fn::Select is %s, expected a number from 0", quote(number.Text))
		return e.failed(n.Pos)
	case i >= len(items):
		e.fault(n.Pos, "Fn::Select selects %d of a list of %d, which counts from 0", i, len(items))
		return e.failed(n.Pos)
	}
	item := items[i]
	if item.Is(tree.String) && m != 0 {
		return e.text(n.Pos, item.Text, m|e.marks[item])
	}
	return item
}

func (e *evaluator) split(n *tree.Node, member tree.Member) *tree.Node {
	if !e.arguments(member, 2, 2) {
		return e.failed(n.Pos)
	}
	between := e.scalar(member.Value.Items[0], "the delimiter of Fn::Split")
	text := e.scalar(member.Value.Items[1], "what Fn::Split splits")
	m := e.marks[between] | e.marks[text]
	if m&late != 0 {
		return e.failed(n.Pos)
	}
	if between.Text == "" {
		e.fault(n.Pos, "the delimiter of Fn::Split is empty, expected a text")
		return e.failed(n.Pos)
	}
	e.stack.hideParts(text.Text, between.Text)
	out := &tree.Node{Pos: n.Pos, Kind: tree.List}
	for part := range strings.SplitSeq(text.Text, between.Text) {
		out.Items = append(out.Items, e.text(n.Pos, part, m))
	}
	if m != 0 {
		e.marks[out] = m
	}
	return out
}

// choose is Fn::If. Only what is chosen is worked out.
func (e *evaluator) choose(n *tree.Node, member tree.Member) *tree.Node {
	const three = 3
	if !e.arguments(member, three, three) {
		return e.failed(n.Pos)
	}
	items := member.Value.Items
	if e.condition(items[0]) {
		return e.eval(items[1])
	}
	return e.eval(items[2])
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
