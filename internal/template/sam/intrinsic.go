package sam

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/furl-dev/furl/internal/template/tree"
)

// isIntrinsic reports whether a value is an intrinsic function.
func isIntrinsic(node *tree.Node) bool {
	only, ok := node.Only()
	return ok && (only.Name == "Ref" || only.Name == "Condition" || strings.HasPrefix(only.Name, "Fn::"))
}

// isNoValue reports whether a value is {Ref: AWS::NoValue}.
func isNoValue(node *tree.Node) bool {
	only, ok := node.Only()
	return ok && only.Name == "Ref" && only.Value.Is(tree.String) && only.Value.Text == "AWS::NoValue"
}

// ifOf takes an {Fn::If: [condition, then, else]} apart.
func (t *transform) ifOf(node *tree.Node) (parts []*tree.Node, isIf bool) {
	only, ok := node.Only()
	if !ok || only.Name != "Fn::If" {
		return nil, false
	}
	if !only.Value.Is(tree.List) || len(only.Value.Items) != 3 {
		t.faults.Add(only.Value.Pos, "Fn::If must have a list of three: a condition and two values")
		return nil, true
	}
	return only.Value.Items, true
}

func list(pos tree.Position, items ...*tree.Node) *tree.Node {
	return &tree.Node{Pos: pos, Kind: tree.List, Items: items}
}

func texts(pos tree.Position, items ...string) *tree.Node {
	out := list(pos)
	for _, item := range items {
		out.Items = append(out.Items, tree.Text(pos, item))
	}
	return out
}

func ref(pos tree.Position, id string) *tree.Node { return tree.Object(pos, "Ref", tree.Text(pos, id)) }

func getAtt(pos tree.Position, id, attribute string) *tree.Node {
	return tree.Object(pos, "Fn::GetAtt", texts(pos, id, attribute))
}

func ifElse(pos tree.Position, condition, then, otherwise *tree.Node) *tree.Node {
	return tree.Object(pos, "Fn::If", list(pos, condition, then, otherwise))
}

// idOf is the logical id in a Ref or an Fn::GetAtt, "" for anything else.
func idOf(node *tree.Node) string {
	only, ok := node.Only()
	switch {
	case !ok:
	case only.Name == "Ref" && only.Value.Is(tree.String):
		return only.Value.Text
	case only.Name == "Fn::GetAtt":
		if parts := attributeOf(only.Value); len(parts) == 2 {
			return parts[0]
		}
	}
	return ""
}

// attributeOf are the parts of what Fn::GetAtt takes, nil if it is neither a string nor a list of strings.
func attributeOf(node *tree.Node) []string {
	if node.Is(tree.String) {
		return strings.Split(node.Text, ".")
	}
	var parts []string
	if node.Is(tree.List) {
		for _, item := range node.Items {
			if !item.Is(tree.String) {
				return nil
			}
			parts = append(parts, strings.Split(item.Text, ".")...)
		}
	}
	return parts
}

// resolve puts the values of parameters in place of references to them, as far as they are known.
func (t *transform) resolve(node *tree.Node) *tree.Node {
	if only, ok := node.Only(); ok {
		switch only.Name {
		case "Ref":
			if only.Value.Is(tree.String) && t.parameters[only.Value.Text] != nil {
				return t.parameters[only.Value.Text]
			}
		case "Fn::Sub":
			node = mapText(node, only, func(text string) string {
				return substitute(text, func(name string) (string, bool) {
					value := t.parameters[name]
					if !value.Is(tree.String, tree.Number, tree.Bool) {
						return "", false
					}
					return value.Text, true
				})
			})
		case "Fn::GetAtt":
			return node
		}
	}
	return t.each(node, t.resolve)
}

// each is a node of which every value is that of a function; the node itself if that leaves all as they are.
func (t *transform) each(node *tree.Node, of func(*tree.Node) *tree.Node) *tree.Node {
	out := node
	changed := func() *tree.Node {
		if out == node {
			clone := *node
			clone.Items, clone.Members = slices.Clone(node.Items), slices.Clone(node.Members)
			out = &clone
		}
		return out
	}
	if node == nil {
		return nil
	}
	for i, item := range node.Items {
		if value := of(item); value != item {
			changed().Items[i] = value
		}
	}
	for i, member := range node.Members {
		if value := of(member.Value); value != member.Value {
			changed().Members[i].Value = value
		}
	}
	return out
}

// mapText is an Fn::Sub with another text.
func mapText(node *tree.Node, sub tree.Member, of func(string) string) *tree.Node {
	value := sub.Value
	switch {
	case value.Is(tree.String):
		value = tree.Text(value.Pos, of(value.Text))
	case value.Is(tree.List) && len(value.Items) > 0 && value.Items[0].Is(tree.String):
		first := tree.Text(value.Items[0].Pos, of(value.Items[0].Text))
		value = list(value.Pos, append([]*tree.Node{first}, value.Items[1:]...)...)
	default:
		return node
	}
	return &tree.Node{Pos: node.Pos, Kind: tree.Map, Members: []tree.Member{{Name: sub.Name, Pos: sub.Pos, Value: value}}}
}

// substitute puts other texts in place of each ${NAME}.
func substitute(text string, of func(name string) (string, bool)) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, rest, closed := strings.Cut(after, "}")
		value, ok := "", false
		if closed && name != "" && strings.Trim(name, letters+digits+".:") == "" {
			value, ok = of(name)
		}
		if !ok {
			out.WriteString("${")
			text = after
			continue
		}
		out.WriteString(value)
		text = rest
	}
}

// rewrite makes references to what SAM renamed, and to F.Alias and the like, those to what was made.
func (t *transform) rewrite(root *tree.Node) *tree.Node {
	seen := map[*tree.Node]*tree.Node{} // nodes of Globals stand in many places
	var of func(node *tree.Node) *tree.Node
	of = func(node *tree.Node) *tree.Node {
		if node == nil || (node.Items == nil && node.Members == nil) {
			return node
		}
		if done, ok := seen[node]; ok {
			return done
		}
		out := t.each(t.rewriteOne(node), of)
		seen[node] = out
		return out
	}
	return of(root)
}

func (t *transform) rewriteOne(node *tree.Node) *tree.Node {
	if depends := node.Get("DependsOn"); depends != nil && len(t.renamed) > 0 {
		renamed := func(id *tree.Node) *tree.Node {
			if other := t.renamed[id.Text]; id.Kind == tree.String && other != "" {
				return tree.Text(id.Pos, other)
			}
			return id
		}
		if value := t.each(renamed(depends), renamed); value != depends {
			clone := *node
			clone.Members = slices.Clone(node.Members)
			clone.Set("DependsOn", value)
			node = &clone
		}
	}
	only, ok := node.Only()
	if !ok {
		return node
	}
	switch only.Name {
	case "Ref":
		if !only.Value.Is(tree.String) {
			return node
		}
		id, part, _ := strings.Cut(only.Value.Text, ".")
		other := t.renamed[only.Value.Text]
		if part != "" {
			other = t.parts[id][part]
		}
		if other != "" {
			return tree.Object(node.Pos, "Ref", tree.Text(only.Value.Pos, other))
		}
	case "Fn::GetAtt":
		if parts := t.other(attributeOf(only.Value)); parts != nil {
			return tree.Object(node.Pos, "Fn::GetAtt", texts(only.Value.Pos, parts[0], strings.Join(parts[1:], ".")))
		}
	case "Fn::Sub":
		return mapText(node, only, func(text string) string {
			return substitute(text, func(name string) (string, bool) {
				parts := t.other(strings.Split(name, "."))
				return "${" + strings.Join(parts, ".") + "}", parts != nil
			})
		})
	}
	return node
}

// other is what the parts of a reference are after the transform, nil for the same.
func (t *transform) other(parts []string) []string {
	if len(parts) == 0 {
		return nil
	}
	if len(parts) > 1 {
		if id := t.parts[parts[0]][parts[1]]; id != "" {
			return append([]string{id}, parts[2:]...)
		}
	}
	if id := t.renamed[parts[0]]; id != "" {
		return append([]string{id}, parts[1:]...)
	}
	return nil
}

// hash is the end of a logical id that changes with a value: the first ten hex digits of the SHA-1 of its JSON, as
// Python writes it with sorted names and no spaces.
func hash(node *tree.Node) string {
	var text strings.Builder
	if node.Kind == tree.String {
		text.WriteString(node.Text)
	} else {
		writeJSON(&text, node)
	}
	sum := sha1.Sum([]byte(text.String()))
	return hex.EncodeToString(sum[:])[:10]
}

func writeJSON(out *strings.Builder, node *tree.Node) {
	switch node.Kind {
	case tree.Null:
		out.WriteString("null")
	case tree.String:
		quote(out, node.Text)
	case tree.Number:
		out.WriteString(number(node.Text))
	case tree.Bool:
		out.WriteString(strings.ToLower(node.Text))
	case tree.List:
		out.WriteByte('[')
		for i, item := range node.Items {
			if i > 0 {
				out.WriteByte(',')
			}
			writeJSON(out, item)
		}
		out.WriteByte(']')
	case tree.Map:
		members := slices.Clone(node.Members)
		slices.SortFunc(members, func(a, b tree.Member) int { return strings.Compare(a.Name, b.Name) })
		out.WriteByte('{')
		for i, member := range members {
			if i > 0 {
				out.WriteByte(',')
			}
			quote(out, member.Name)
			out.WriteByte(':')
			writeJSON(out, member.Value)
		}
		out.WriteByte('}')
	}
}

// number is a number as Python writes it.
func number(text string) string {
	if len(text) < 1000 {
		if whole, ok := new(big.Int).SetString(text, 0); ok {
			return whole.String()
		}
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	if size := math.Abs(value); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.FormatFloat(value, 'e', -1, 64)
	}
	if out := strconv.FormatFloat(value, 'f', -1, 64); strings.Contains(out, ".") {
		return out
	}
	return strconv.FormatFloat(value, 'f', 1, 64)
}

// quote writes a string with everything but ASCII escaped.
func quote(out *strings.Builder, text string) {
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\b':
			out.WriteString(`\b`)
		case r == '\f':
			out.WriteString(`\f`)
		case r >= ' ' && r <= '~':
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(out, `\u%04x`, r)
		}
	}
	out.WriteByte('"')
}
