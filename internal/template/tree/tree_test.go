package tree_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/template/tree"
)

// drawn writes a tree in one line: each value with its line and column, a scalar with its kind and text.
func drawn(n *tree.Node) string {
	at := fmt.Sprintf("%d:%d", n.Pos.Line, n.Pos.Column)
	var parts []string
	switch n.Kind {
	case tree.List:
		for _, item := range n.Items {
			parts = append(parts, drawn(item))
		}
		return at + "[" + strings.Join(parts, " ") + "]"
	case tree.Map:
		for _, m := range n.Members {
			parts = append(parts, fmt.Sprintf("%s@%d:%d=%s", m.Name, m.Pos.Line, m.Pos.Column, drawn(m.Value)))
		}
		return at + "{" + strings.Join(parts, " ") + "}"
	case tree.Null:
		return at + " null"
	case tree.String:
		return fmt.Sprintf("%s %q", at, n.Text)
	}
	return at + " " + n.Text
}

// TestParse: values stand where a person sees them, and are what CloudFormation makes of them.
func TestParse(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"block", "a:\n  b: x\n  c: [1, yes]\n", `1:1{a@1:1=2:3{b@2:3=2:6 "x" c@3:3=3:6[3:7 1 3:10 true]}}`},
		{"flow in braces", "{a: 1, b: {c: x}}", `1:1{a@1:2=1:5 1 b@1:8=1:11{c@1:12=1:15 "x"}}`},
		{"JSON", `{"a": [1.5e3, null, false], "b": {}}`, `1:1{a@1:2=1:7[1:8 1.5e3 1:15 null 1:21 false] b@1:29=1:34{}}`},
		{"JSON on one line with tabs", "{\"a\":\t1,\n\t\"b\":\t\"x\"}", `1:1{a@1:2=1:7 1 b@2:2=2:7 "x"}`},
		{"escapes", `{"\u0052ef": "\u00e9", "x": 1}`, `1:1{Ref@1:2=1:14 "é" x@1:24=1:29 1}`},
		{"columns count characters", `{"é": "日本", "b": 1}`, `1:1{é@1:2=1:7 "日本" b@1:13=1:18 1}`},
		{"byte order mark before JSON", "\ufeff{\"a\": 1}", `1:1{a@1:2=1:7 1}`},
		{"byte order mark before YAML", "\ufeffa: 1\nb: 2\n", `1:1{a@1:1=1:4 1 b@2:1=2:4 2}`},
		{"Windows lines", "a: 1\r\nb: x\r\n", `1:1{a@1:1=1:4 1 b@2:1=2:4 "x"}`},
		{"a date is a string", "a: 2012-10-17\nb: 2010-09-09T00:00:00Z",
			`1:1{a@1:1=1:4 "2012-10-17" b@2:1=2:4 "2010-09-09T00:00:00Z"}`},
		{"true and false", "[yes, No, ON, off, True, FALSE]",
			`1:1[1:2 true 1:7 false 1:11 true 1:15 false 1:20 true 1:26 false]`},
		{"letters are strings", "[y, n, ~, 'yes', !!str no]", `1:1[1:2 "y" 1:5 "n" 1:8 null 1:11 "yes" 1:18 "no"]`},
		{"octal", "[0777, 012345670123, 08, 0o17, '0777']", `1:1[1:2 511 1:8 1402433619 1:22 08 1:26 "0o17" 1:32 "0777"]`},
		{"other numbers", "[0x1F, 0b101, 1_000, -12, +3, .5, 1e3]",
			`1:1[1:2 31 1:8 5 1:15 1000 1:22 -12 1:27 3 1:31 .5 1:35 1e3]`},
		{"minutes and seconds", "[1:30, 22:22:22, 1:75]", `1:1[1:2 90 1:8 80542 1:18 "1:75"]`},
		{"large numbers", "[123456789012, 123456789012345678901234567890]",
			`1:1[1:2 123456789012 1:16 123456789012345678901234567890]`},
		{"names that are no strings", "123: a\n2012-10-17: b\non: c\n~: d\n",
			`1:1{123@1:1=1:6 "a" 2012-10-17@2:1=2:13 "b" true@3:1=3:5 "c" ~@4:1=4:4 "d"}`},
		{"nothing", "# only a comment\n", `1:1 null`},
		{"values left out", "a:\nb: ''\n", `1:1{a@1:1=1:3 null b@2:1=2:4 ""}`},
		{"marks of a document", "---\na: 1\n...\n---\n", `2:1{a@2:1=2:4 1}`},
		{"Ref", "a: !Ref X", `1:1{a@1:1=1:4{Ref@1:4=1:4 "X"}}`},
		{"GetAtt", "a: !GetAtt A.B\nb: !GetAtt [A, B]",
			`1:1{a@1:1=1:4{Fn::GetAtt@1:4=1:4 "A.B"} b@2:1=2:4{Fn::GetAtt@2:4=2:4[2:13 "A" 2:16 "B"]}}`},
		{"Sub with a list", "!Sub\n- ${x}\n- {x: 1}", `1:1{Fn::Sub@1:1=1:1[2:3 "${x}" 3:3{x@3:4=3:7 1}]}`},
		{"nested If", "!If [A, !If [B, 1, 2], !Ref 'AWS::NoValue']",
			`1:1{Fn::If@1:1=1:1[1:6 "A" 1:9{Fn::If@1:9=1:9[1:14 "B" 1:17 1 1:20 2]} 1:24{Ref@1:24=1:24 "AWS::NoValue"}]}`},
		{"Condition", "!And [!Condition A, !Not [!Condition B]]",
			`1:1{Fn::And@1:1=1:1[1:7{Condition@1:7=1:7 "A"} 1:21{Fn::Not@1:21=1:21[1:27{Condition@1:27=1:27 "B"}]}]}`},
		{"a tag of a number", "!Sub 012", `1:1{Fn::Sub@1:1=1:1 "012"}`},
		{"alias", "a: &x {b: 1}\nc: *x", `1:1{a@1:1=1:4{b@1:8=1:11 1} c@2:1=1:4{b@1:8=1:11 1}}`},
		{"merge", "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}",
			`1:1{a@1:1=1:4{b@1:8=1:11 1 c@1:14=1:17 2} d@2:1=2:4{c@2:13=2:16 3 b@1:8=1:11 1}}`},
		{"merge of several", "{<<: [{b: 1}, {b: 2, c: 3}]}", `1:1{b@1:8=1:11 1 c@1:22=1:25 3}`},
		{"text of several lines", "a: |\n  x\n  y\nb: >-\n  x\n  y\n", `1:1{a@1:1=1:4 "x\ny\n" b@4:1=4:4 "x y"}`},
		{"almost JSON is YAML", `{"a": 1,}`, `1:1{a@1:2=1:7 1}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			root, err := tree.Parse("t.yaml", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, drawn(root)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestFaults: each fault of a file is a line with its place.
func TestFaults(t *testing.T) {
	for _, test := range []struct{ name, file, text, want string }{
		{"twice in YAML", "t.yaml", "a: 1\nb: 2\na: 3\nb: 4\n",
			"t.yaml:3:1: \"a\" is there twice, first in line 1\nt.yaml:4:1: \"b\" is there twice, first in line 2"},
		{"twice in JSON", "t.json", "{\"a\": 1,\n \"\\u0061\": 2}", `t.json:2:2: "a" is there twice, first in line 1`},
		{"twice by what it means", "t.yaml", "{010: 1, 8: 2}", `t.yaml:1:10: "8" is there twice, first in line 1`},
		{"JSON", "t.json", "{\"a\": 1,\n \"b\" 2}", "t.json:2:6: this is not JSON: invalid character '2' after object key"},
		{"a comma too many in JSON", "t.json", "{\"a\": 1,}",
			"t.json:1:9: this is not JSON: invalid character '}' looking for beginning of object key string"},
		{"JSON without an end", "t.json", "{\"a\": [1,\n", "t.json:2:1: this is not JSON: unexpected EOF"},
		{"more behind JSON", "t.json", "{\"a\": 1}\n {}", "t.json:2:3: this is not JSON: there is more behind the value"},
		{"neither", "t.yaml", "{\"a\": 1} x",
			"t.yaml:1:10: this is not JSON: invalid character 'x' looking for beginning of value"},
		{"YAML", "t.yaml", "a: 1\nb: c: d\n", "t.yaml:2:1: this is not YAML: mapping values are not allowed in this context"},
		{"a tab in YAML", "t.yaml", "a:\n\tb: 1\n",
			"t.yaml:2:2: this is not YAML: found character that cannot start any token"},
		{"a line that begins too early", "t.yaml", "a:\n- b: 1\n  c: 2\n d: 3\ne: 4\n",
			"t.yaml:4:2: this is not YAML: did not find expected key"},
		{"a line that begins too late", "t.yaml", "a:\n  b: 1\n\n   c: 2\nd: 3\n",
			"t.yaml:4:4: this is not YAML: mapping values are not allowed in this context"},
		{"an open quote", "t.yaml", "a: \"b\n c\"\nd: \"x\ne: 1\n",
			"t.yaml:3:1: this is not YAML: found unexpected end of stream"},
		{"an open bracket", "t.yaml", "a: 1\nb: [1,\n 2\nc: 3\n",
			"t.yaml:3:2: this is not YAML: did not find expected ',' or ']'"},
		{"a name with line ends", "t\r.yaml", "\"a\\nfurl: x\\u2028\\e[2J\": 1\nb: !<x%0Ay> 1\n",
			`t\u000d.yaml:2:4: x\u000ay is not a tag of CloudFormation, such as !Ref, !GetAtt and !Sub`},
		{"a character of control", "t.yaml", "a: 1\nb: \x01\n",
			"t.yaml:2:1: this is not YAML: control characters are not allowed"},
		{"another document that is none", "t.yaml", "a: 1\n---\nb: @\n",
			"t.yaml:3:1: this is not YAML: found character that cannot start any token"},
		{"an unknown anchor", "t.yaml", "c: 1\na: *b\n", "t.yaml:2:1: this is not YAML: unknown anchor 'b' referenced"},
		{"an alias of itself", "t.yaml", "a: &x\n  - *x\n", "t.yaml:2:5: the alias *x stands in what it is an alias of"},
		{"another document", "t.yaml", "a: 1\n---\nb: 2\n",
			"t.yaml:3:1: another document begins here, expected one in a file"},
		{"tags", "t.yaml", "a: !Reff X\nb: !!binary aGk=\nc: !!set {x}\nd: !!timestamp 2012-10-17\n",
			"t.yaml:1:4: !Reff is not a tag of CloudFormation, such as !Ref, !GetAtt and !Sub\n" +
				"t.yaml:2:4: !!binary is not a tag of CloudFormation, such as !Ref, !GetAtt and !Sub\n" +
				"t.yaml:3:4: !!set is not a tag of CloudFormation, such as !Ref, !GetAtt and !Sub\n" +
				"t.yaml:4:4: !!timestamp is not a tag of CloudFormation, such as !Ref, !GetAtt and !Sub"},
		{"a tag without its mark", "t.yaml", "a: !<Ref> x",
			"t.yaml:1:4: Ref is not a tag of CloudFormation, such as !Ref, !GetAtt and !Sub"},
		{"a name that is a list", "t.yaml", "? [a]\n: 1\n", "t.yaml:1:3: a name of a map must be a string"},
		{"a name with a tag", "t.yaml", "!Ref a: 1\n", "t.yaml:1:1: a name of a map has the tag !Ref, expected a string"},
		{"a merge of no map", "t.yaml", "a: {<<: 1}\nb: {<<: [{}, x]}",
			"t.yaml:1:9: << merges maps, and this is a number\nt.yaml:2:14: << merges maps, and this is a string"},
		{"deep JSON", "t.json", strings.Repeat(`{"a":`, 200),
			"t.json:1:506: this is not JSON: it has more than 500000 values, or values more than 100 deep"},
		{"deep YAML", "t.yaml", strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200),
			"t.yaml:1:102: the file has more than 500000 values, or values more than 100 deep, with its aliases"},
		{"a large file", "t.yaml", strings.Repeat("#", 9<<20),
			"t.yaml:1:1: the file has 9437184 bytes, expected at most 8388608"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := tree.Parse(test.file, []byte(test.text))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAliasBomb: aliases of aliases are bounded as what they stand for.
func TestAliasBomb(t *testing.T) {
	var text strings.Builder
	text.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 20 {
		fmt.Fprintf(&text, "a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 10))
	}
	_, err := tree.Parse("t.yaml", []byte(text.String()))
	if err == nil || !strings.Contains(err.Error(), "with its aliases") {
		t.Errorf("%v, expected a fault about the number of values", err)
	}
}

// TestLongLine: places in a file of one line cost no more than those in many lines.
func TestLongLine(t *testing.T) {
	const count = 200_000
	text := `{"a": [` + strings.Repeat("1,", count-1) + "1]}"
	root, err := tree.Parse("t.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	last := root.Get("a").Items[count-1]
	if want := len(text) - 2; last.Pos.Column != want {
		t.Errorf("the last value is at column %d, expected %d", last.Pos.Column, want)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"Handler", "Runtime", "Role", "Timeout", "MemorySize", "FunctionName"}
	for word, want := range map[string]string{
		"Hander": "Handler", "runtime": "Runtime", "TimeOut": "Timeout", "Memory": "MemorySize", "Rloe": "Role",
		"FunctonName": "FunctionName", "Banana": "", "": "", "R": "", strings.Repeat("x", 1000): "",
	} {
		if got := tree.Nearest(word, names); got != want {
			t.Errorf("%q is nearest to %q, expected %q", word, got, want)
		}
	}
}

func TestNode(t *testing.T) {
	var none *tree.Node
	if none.Get("a") != nil || none.Path("a", "b") != nil || none.Is(tree.Null) || none.TextOr("x") != "x" {
		t.Error("a node that is missing has something")
	}
	if _, ok := none.Only(); ok {
		t.Error("a node that is missing has a member")
	}
	pos := tree.Position{File: "t", Line: 1, Column: 2}
	n := tree.Object(pos, "a", tree.Text(pos, "1"))
	n.Set("b", tree.Text(pos, "2"))
	n.Set("a", tree.Text(pos, "3"))
	if want := `1:2{a@1:2=1:2 "3" b@1:2=1:2 "2"}`; drawn(n) != want {
		t.Errorf("%s, expected %s", drawn(n), want)
	}
}

// FuzzParse: whatever a file has in it, it is read within bounds, names are there once, and each value has its place.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a: !Sub\n- ${x}\n- {x: !GetAtt A.B}\n", `{"a": [1, {"b": null}]}`, "{a: &x {b: 1}, <<: *x}", "a: &x [*x]",
		"---\n---\n",
		"\ufeff{\"a\": \"\\ud800\"}", "? [x]\n: y", "%YAML 1.1\n---\na: 1:30\n", "a: |\n\tx", "!Ref", "!If [", "{\"a\":1,}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		root, err := tree.Parse("t", []byte(text))
		if err != nil {
			for _, fault := range err.(tree.Faults) {
				if fault.Pos.Line < 1 || fault.Pos.Column < 1 {
					t.Errorf("a fault at %s", fault.Pos)
				}
			}
			return
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") +
			strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + 2 // a value left out may stand behind the last line
		var look func(n *tree.Node)
		look = func(n *tree.Node) {
			if n.Pos.Line < 1 || n.Pos.Line > lines || n.Pos.Column < 1 {
				t.Errorf("a value at %s in a file of %d lines", n.Pos, lines)
			}
			seen := map[string]bool{}
			for _, m := range n.Members {
				if seen[m.Name] {
					t.Errorf("%q is there twice", m.Name)
				}
				seen[m.Name] = true
				look(m.Value)
			}
			for _, item := range n.Items {
				look(item)
			}
		}
		look(root)
	})
}
