// Package tree reads YAML and JSON into a tree of values that know where they stand. What the values mean is up to its
// callers; it only writes the short tags of CloudFormation out in full: !Ref X is {Ref: X}, and !Sub X is {Fn::Sub: X}.
//
//	root, err := tree.Parse("template.yaml", text)
//	for _, member := range root.Get("Resources").Members { … }
//
// A text comes from outside: its size, its depth and the number of its values are bounded, aliases of YAML included.
package tree

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Position is a place in a file. Lines and columns count from 1.
type Position struct {
	File         string
	Line, Column int
}

// String is the position as compilers write it, file:line:column.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Kind is what a Node is.
type Kind int

// The kinds of nodes.
const (
	Null Kind = iota
	String
	Number // written without quotes, as is a Bool
	Bool
	List
	Map
)

// String is the kind in words, for errors.
func (k Kind) String() string {
	return []string{"nothing", "a string", "a number", "true or false", "a list", "a map"}[k]
}

// Node is a value with its place. A nil Node is one that is missing: its methods answer what is empty.
type Node struct {
	Pos     Position
	Kind    Kind
	Text    string   // of a String, a Number or a Bool: true, false, and numbers in decimal digits; 2012-10-17 is no date
	Items   []*Node  // of a List
	Members []Member // of a Map, in the order of the file; no name twice
}

// Member is one entry of a Map.
type Member struct {
	Name  string
	Pos   Position // of the name
	Value *Node
}

// Get is the value of a Map's member, nil if it has none of the name.
func (n *Node) Get(name string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Members {
		if n.Members[i].Name == name {
			return n.Members[i].Value
		}
	}
	return nil
}

// Path is Get for members of members.
func (n *Node) Path(names ...string) *Node {
	for _, name := range names {
		n = n.Get(name)
	}
	return n
}

// Is reports whether the node is there and of one of the kinds.
func (n *Node) Is(kinds ...Kind) bool { return n != nil && slices.Contains(kinds, n.Kind) }

// TextOr is the text of a String, a Number or a Bool, and another one for what is none of these.
func (n *Node) TextOr(other string) string {
	if n.Is(String, Number, Bool) {
		return n.Text
	}
	return other
}

// Only is the one member of a Map that has no other, such as {"Ref": "X"}.
func (n *Node) Only() (Member, bool) {
	if n.Is(Map) && len(n.Members) == 1 {
		return n.Members[0], true
	}
	return Member{}, false
}

// Set puts a member into a Map, in place of one of the same name.
func (n *Node) Set(name string, value *Node) {
	for i := range n.Members {
		if n.Members[i].Name == name {
			n.Members[i].Value = value
			return
		}
	}
	n.Members = append(n.Members, Member{Name: name, Pos: value.Pos, Value: value})
}

// maxWord is the longest word that Nearest compares.
const maxWord = 80

// Nearest is the name that a misspelled one is most like, "" if it is like none: one that differs in a quarter of its
// letters at most, in one at least and not in all, the case of letters not counted, or that begins with the word.
func Nearest(word string, names []string) string {
	const part, fewest = 4, 3
	if len(word) > maxWord {
		return ""
	}
	best, least := "", maxWord
	lower := strings.ToLower(word)
	for _, name := range names {
		most := max(1, len(name)/part)
		if max(len(word)-len(name), len(name)-len(word)) > most && len(name) < len(word) || len(name) > maxWord {
			continue
		}
		switch other := strings.ToLower(name); {
		case len(word) >= fewest && strings.HasPrefix(other, lower):
			if least > most {
				best, least = name, most
			}
		case len(name)-len(word) <= most:
			limit := min(most+1, least, len(word), len(name))
			if d := distance(lower, other, limit); d < limit {
				best, least = name, d
			}
		}
	}
	return best
}

// distance is the number of letters to add, drop, change or swap with the next that makes one word of the other, or the
// limit if there are as many or more.
func distance(a, b string, limit int) int {
	if len(a) > maxWord || len(b) > maxWord { // in lower case
		return limit
	}
	var before, last, row [maxWord + 1]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
			least = min(least, row[j+1])
		}
		if least > limit { // a swap may still save one
			return limit
		}
		before, last = last, row
	}
	return min(last[len(b)], limit)
}

// Text makes a String that stands at a position.
func Text(pos Position, text string) *Node { return &Node{Pos: pos, Kind: String, Text: text} }

// Object makes a Map that stands at a position, from names and values in turn.
func Object(pos Position, members ...any) *Node {
	n := &Node{Pos: pos, Kind: Map}
	for i := 0; i+1 < len(members); i += 2 {
		n.Members = append(n.Members, Member{Name: members[i].(string), Pos: pos, Value: members[i+1].(*Node)})
	}
	return n
}

// Fault is one thing that is wrong with a file: what, and what was expected.
type Fault struct {
	Pos  Position
	What string
}

func (f *Fault) Error() string { return OneLine(f.Pos.String() + ": " + f.What) }

// OneLine writes the characters of a text that end a line or steer a terminal as escapes. Names that stand in a file
// are part of what is said about it, and could pass for a line of furl's own.
func OneLine(text string) string {
	isPlain := func(r rune) bool { return !unicode.IsControl(r) && r != 0x2028 && r != 0x2029 }
	if !strings.ContainsFunc(text, func(r rune) bool { return !isPlain(r) }) {
		return text
	}
	var line strings.Builder
	for _, r := range text {
		if isPlain(r) {
			line.WriteRune(r)
		} else {
			fmt.Fprintf(&line, `\u%04x`, r)
		}
	}
	return line.String()
}

// Faults are all that is wrong with a file. As an error they are a line each.
type Faults []*Fault

// Add adds a fault.
func (f *Faults) Add(pos Position, format string, arguments ...any) {
	*f = append(*f, &Fault{pos, OneLine(fmt.Sprintf(format, arguments...))})
}

// Err is the error, nil for no fault: sorted by position, and nothing twice.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	sorted := slices.Clone(f)
	slices.SortStableFunc(sorted, func(a, b *Fault) int {
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
	})
	seen := map[Fault]bool{}
	return slices.DeleteFunc(sorted, func(f *Fault) bool {
		twice := seen[*f]
		seen[*f] = true
		return twice
	})
}

func (f Faults) Error() string {
	errs := make([]error, len(f))
	for i, fault := range f {
		errs[i] = fault
	}
	return errors.Join(errs...).Error()
}

// These bound a file. CloudFormation takes templates of 1 MB (AWS CloudFormation User Guide, "CloudFormation quotas");
// a few times as much is taken here, since those that tools write may be rendered more generously.
const (
	maxSize  = 8 << 20
	maxNodes = 500_000
	maxDepth = 100
)

// Parse reads a file: JSON if it is an object in braces, else YAML, which has braces, too. The error is of type Faults.
func Parse(file string, text []byte) (*Node, error) {
	start := Position{File: file, Line: 1, Column: 1}
	if len(text) > maxSize {
		return nil, Faults{{start, fmt.Sprintf("the file has %d bytes, expected at most %d", len(text), maxSize)}}
	}
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n\ufeff"), []byte("{")) {
		return parseYAML(file, text)
	}
	root, err := parseJSON(file, text)
	if err == nil || !strings.HasPrefix(err.(Faults)[0].What, notJSON) || strings.HasSuffix(file, ".json") {
		return root, err
	}
	if root, inYAML := parseYAML(file, text); inYAML == nil || !strings.HasPrefix(inYAML.(Faults)[0].What, notYAML) {
		return root, inYAML
	}
	return nil, err
}
