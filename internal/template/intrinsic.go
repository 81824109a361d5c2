package template

import (
	"encoding/base64"
	"math/big"
	"net/netip"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

// sub is Fn::Sub: ${NAME} is what {Ref: NAME} is, ${NAME.ATTRIBUTE} what Fn::GetAtt is, and ${!TEXT} the text ${TEXT}.
func (e *evaluator) sub(n *tree.Node, member tree.Member) *tree.Node {
	pattern, variables := member.Value, (*tree.Node)(nil)
	if pattern.Is(tree.List) {
		if !e.arguments(member, 2, 2) {
			return e.failed(n.Pos)
		}
		pattern, variables = pattern.Items[0], pattern.Items[1]
		if !variables.Is(tree.Map) {
			e.fault(variables.Pos, "the variables of Fn::Sub are %s, expected a map", variables.Kind)
			return e.failed(n.Pos)
		}
	}
	if !pattern.Is(tree.String, tree.Number, tree.Bool) {
		e.fault(pattern.Pos, "Fn::Sub has %s, expected a string, or a list of a string and a map", pattern.Kind)
		return e.failed(n.Pos)
	}
	values := map[string]*tree.Node{}
	if variables != nil {
		for _, v := range variables.Members {
			values[v.Name] = e.scalar(v.Value, "the variable "+v.Name+" of Fn::Sub")
		}
	}
	var out strings.Builder
	var m mark
	for part, name := range subParts(pattern.Text) {
		out.WriteString(part)
		if name == "" {
			continue
		}
		value := values[name]
		if value == nil {
			if value = e.variable(pattern.Pos, name); value == nil {
				continue
			}
			values[name] = value
		}
		m |= e.marks[value]
		if out.WriteString(value.Text); e.isTooLong(n.Pos, out.Len()) {
			return e.failed(n.Pos)
		}
	}
	return e.text(n.Pos, out.String(), m)
}

// subParts yields the texts of a pattern of Fn::Sub, each with the name of the variable behind it, "" for none.
func subParts(pattern string) func(yield func(text, name string) bool) {
	return func(yield func(text, name string) bool) {
		for {
			at := strings.Index(pattern, "${")
			length := -1
			if at >= 0 {
				length = strings.Index(pattern[at:], "}")
			}
			if length < 0 {
				yield(pattern, "")
				return
			}
			name := pattern[at+2 : at+length]
			text := pattern[:at]
			pattern = pattern[at+length+1:]
			if literal, ok := strings.CutPrefix(name, "!"); ok {
				if !yield(text+"${"+literal+"}", "") {
					return
				}
				continue
			}
			if name == "" {
				name = " " // it is no name of anything
			}
			if !yield(text, name) {
				return
			}
		}
	}
}

// isVariable reports whether a text in the braces of ${} may be a name.
func isVariable(name string) bool { return name != "" && !strings.ContainsAny(name, " \t\r\n${") }

// variable is what a name in a pattern of Fn::Sub stands for. It is nil for nothing.
func (e *evaluator) variable(pos tree.Position, name string) *tree.Node {
	if !isVariable(name) {
		const what = "Fn::Sub has ${%[1]s}, expected the name of a resource, a parameter or a variable; " +
			"${!%[1]s} is the text ${%[1]s}"
		e.fault(pos, what, strings.TrimSpace(name))
		return e.failed(pos)
	}
	var value *tree.Node
	if id, attribute, ok := strings.Cut(name, "."); ok {
		value = e.attribute(pos, id, attribute)
	} else {
		value = e.reference(pos, name)
	}
	if value != nil && !value.Is(tree.String, tree.Number, tree.Bool) {
		e.fault(pos, "${%s} is %s, expected a string", name, value.Kind)
		return e.failed(pos)
	}
	return value
}

func (l *loader) readMappings() {
	if l.stack.mappings == nil {
		return
	}
	for _, mapping := range l.stack.mappings.Members {
		if !mapping.Value.Is(tree.Map) {
			l.faults.Add(mapping.Value.Pos, "the mapping %s is %s, expected a map of maps", mapping.Name, mapping.Value.Kind)
			continue
		}
		for _, top := range mapping.Value.Members {
			if !top.Value.Is(tree.Map) {
				l.faults.Add(top.Value.Pos, "%s of the mapping %s is %s, expected a map", top.Name, mapping.Name, top.Value.Kind)
			}
		}
	}
}

func (e *evaluator) findInMap(n *tree.Node, member tree.Member) *tree.Node {
	const keyCount = 3
	if member.Value.Is(tree.List) && len(member.Value.Items) == keyCount+1 {
		e.fault(member.Value.Items[keyCount].Pos,
			"a DefaultValue of Fn::FindInMap needs the transform AWS::LanguageExtensions, which furl does not do")
		return e.failed(n.Pos)
	}
	if !e.arguments(member, keyCount, keyCount) {
		return e.failed(n.Pos)
	}
	found, what, mapping := e.stack.mappings, "the template has no mapping %s", ""
	for i, item := range member.Value.Items {
		key := e.scalar(item, "a key of Fn::FindInMap")
		if e.isOpen(key) {
			return e.failed(n.Pos)
		}
		if found != nil && !e.spend(item.Pos, len(found.Members)) {
			return e.failed(n.Pos)
		}
		next := found.Get(key.Text)
		if next == nil {
			var names []string
			if found != nil {
				for _, m := range found.Members {
					names = append(names, m.Name)
				}
			}
			e.fault(item.Pos, what+"%s", quote(key.Text), expected(key.Text, names))
			return e.failed(n.Pos)
		}
		if found = next; i == 0 {
			mapping = strings.ReplaceAll(key.Text, "%", "%%")
			what = "the mapping " + mapping + " has no key %s"
		} else {
			what = "the mapping " + mapping + " has no %s under " + strings.ReplaceAll(key.Text, "%", "%%")
		}
	}
	if found.Is(tree.Map) {
		e.fault(n.Pos, "Fn::FindInMap finds a map, expected a string or a list")
		return e.failed(n.Pos)
	}
	return e.placed(found, n.Pos)
}

// placed is a value where it is used.
func (e *evaluator) placed(n *tree.Node, pos tree.Position) *tree.Node {
	out := *n
	out.Pos = pos
	if m := e.marks[n]; m != 0 {
		e.marks[&out] = m
	}
	return &out
}

func (e *evaluator) base64(n *tree.Node, member tree.Member) *tree.Node {
	value := e.scalar(member.Value, "what Fn::Base64 encodes")
	encoded := base64.StdEncoding.EncodeToString([]byte(value.Text))
	if e.stack.Redact(value.Text) != value.Text {
		e.stack.hide(encoded)
	}
	return e.text(n.Pos, encoded, e.marks[value])
}

func (e *evaluator) importValue(n *tree.Node, member tree.Member) *tree.Node {
	name := e.scalar(member.Value, "the name of Fn::ImportValue")
	if e.isOpen(name) {
		return e.failed(n.Pos)
	}
	if e.imports != nil {
		e.imports[name.Text] = true
	}
	value, ok := e.stack.options.Parameters[name.Text]
	if !ok {
		value, ok = e.stack.options.Imports[name.Text]
	}
	if known, isKnown := e.known[Import][name.Text]; isKnown && (!ok || value == Unknown) {
		value, ok = known, true
	}
	if !ok {
		e.fault(n.Pos, "no stack here exports %s, expected --param %s=VALUE", quote(name.Text), name.Text)
		return e.failed(n.Pos)
	}
	if value == Unknown {
		return e.failed(n.Pos)
	}
	return e.text(n.Pos, value, 0)
}

// getAZs is three zones of the region, whatever region it is.
func (e *evaluator) getAZs(n *tree.Node, member tree.Member) *tree.Node {
	region := e.scalar(member.Value, "the region of Fn::GetAZs")
	name := region.Text
	if name == "" {
		name = e.stack.options.Region
	}
	out := &tree.Node{Pos: n.Pos, Kind: tree.List}
	for _, zone := range "abc" {
		out.Items = append(out.Items, e.text(n.Pos, name+string(zone), e.marks[region]))
	}
	return out
}

// cidr is Fn::Cidr: COUNT networks of a block, each with as many bits for its hosts.
func (e *evaluator) cidr(n *tree.Node, member tree.Member) *tree.Node {
	const most, count, standard = 3, 256, "8"
	if !e.arguments(member, 2, most) {
		return e.failed(n.Pos)
	}
	block := e.scalar(member.Value.Items[0], "the block of Fn::Cidr")
	number := e.scalar(member.Value.Items[1], "the count of Fn::Cidr")
	bits := tree.Text(n.Pos, standard)
	if len(member.Value.Items) == most {
		bits = e.scalar(member.Value.Items[2], "the bits of Fn::Cidr")
	}
	out := &tree.Node{Pos: n.Pos, Kind: tree.List}
	if m := e.marks[block] | e.marks[number] | e.marks[bits]; m != 0 {
		return e.text(n.Pos, block.Text, m)
	}
	prefix, err := netip.ParsePrefix(block.Text)
	wanted, err2 := strconv.Atoi(number.Text)
	hosts, err3 := strconv.Atoi(bits.Text)
	if err != nil || err2 != nil || err3 != nil || wanted < 1 || wanted > count {
		e.fault(n.Pos, "Fn::Cidr has %s, expected a block such as 10.0.0.0/16, a count from 1 to %d, and bits",
			quote(block.Text+", "+number.Text+", "+bits.Text), count)
		return e.failed(n.Pos)
	}
	length := prefix.Addr().BitLen() - hosts
	if hosts < 1 || length < prefix.Bits() || length-prefix.Bits() < 31 && wanted > 1<<(length-prefix.Bits()) {
		e.fault(n.Pos, "Fn::Cidr does not find %d networks of %d bits in %s", wanted, hosts, block.Text)
		return e.failed(n.Pos)
	}
	first := new(big.Int).SetBytes(prefix.Masked().Addr().AsSlice())
	for i := range wanted {
		at := new(big.Int).Add(first, new(big.Int).Lsh(big.NewInt(int64(i)), uint(hosts)))
		address, _ := netip.AddrFromSlice(at.FillBytes(make([]byte, prefix.Addr().BitLen()/8)))
		out.Items = append(out.Items, e.text(n.Pos, netip.PrefixFrom(address, length).String(), 0))
	}
	return out
}
