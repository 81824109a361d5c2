package archtest_test

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/types"
	"os"
	"strings"
	"testing"
)

// TestLogKeysAreListed: the attributes of log lines have keys from one list, so that one thing has one name in the
// whole log, and a person who searches it finds all lines about that thing.
func TestLogKeysAreListed(t *testing.T) {
	listed := readLogKeys(t)
	used := map[string]bool{}
	w := newTypeChecker(t)
	for _, p := range w.ours {
		for _, fault := range w.logKeys(t, p.ImportPath, parseAll(t, w.files, p), listed, used) {
			t.Error(fault)
		}
	}
	for key := range listed {
		if !used[key] {
			t.Errorf("logkeys.txt lists %s, which no log line has: take it out", key)
		}
	}
}

// The check above sees what it should.
func TestUnlistedLogKeysAreSeen(t *testing.T) {
	w := newTypeChecker(t)
	listed := map[string]bool{"known": true, "other": true}
	for statement, want := range map[string]string{
		`l.Info("m", "known", 1, "other", 2)`:                    "",
		`l.Info("m", slog.Int("known", 1), "other", 2)`:          "",
		`l.LogAttrs(c, slog.LevelInfo, "m", attributes...)`:      "",
		`l.With("known", 1).Info("m")`:                           "",
		`l.Info("m", "unknown", 1)`:                              `"unknown"`,
		`l.InfoContext(c, "m", "known", 1, "unknown", 2)`:        `"unknown"`,
		`l.Log(c, slog.LevelInfo, "m", "unknown", 1)`:            `"unknown"`,
		`l.Info("m", slog.Int("known", 1), "unknown", 2)`:        `"unknown"`,
		`l.With("unknown", 1).Info("m")`:                         `"unknown"`,
		`slog.Warn("m", "unknown", 1)`:                           `"unknown"`,
		`l.Info("m", slog.Group("unknown"))`:                     `"unknown"`,
		`l.Info("m", slog.Group("known", "unknown", 1))`:         `"unknown"`,
		`l.Info("m", slog.Attr{Key: "unknown"})`:                 `"unknown"`,
		`l.LogAttrs(c, 0, "m", slog.String("unknown", ""))`:      `"unknown"`,
		`_ = append(attributes, slog.String(variable, ""))`:      "not a constant",
		`l.Info("m", variable, 1)`:                               "not a constant",
		`l.Info("m", anything...)`:                               "LogAttrs",
		`_ = slog.Attr{variable, slog.Value{}}`:                  "not a constant",
		`l.Info("m", "known", 1, attributes[0], "unknown", "x")`: `"unknown"`,
	} {
		file, err := parser.ParseFile(w.files, "p.go", `package p
import ("context"; "log/slog")
func f(c context.Context, l *slog.Logger, variable string, anything []any, attributes []slog.Attr) { `+statement+` }
`, 0)
		if err != nil {
			t.Fatal(err)
		}
		faults := w.logKeys(t, "p", []*ast.File{file}, listed, map[string]bool{})
		if want == "" && faults != nil || want != "" && (len(faults) != 1 || !strings.Contains(faults[0], want)) {
			t.Errorf("%s: %q, want %s", statement, faults, want)
		}
	}
}

// logKeys are the faults of the keys that the files give to package slog. It notes which keys they use.
func (w *typeChecker) logKeys(
	t *testing.T, path string, files []*ast.File, listed, used map[string]bool,
) (faults []string) {
	t.Helper()
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	w.check(t, path, files, info)
	fault := func(at ast.Node, format string, arguments ...any) {
		faults = append(faults, fmt.Sprintf("%s: %s", w.files.Position(at.Pos()), fmt.Sprintf(format, arguments...)))
	}
	key := func(e ast.Expr) {
		value := info.Types[e].Value
		if value == nil {
			fault(e, "the key of a log attribute is not a constant")
			return
		}
		used[constant.StringVal(value)] = true
		if !listed[constant.StringVal(value)] {
			fault(e, "logkeys.txt does not list the log key %s: use one that it lists, or add this one", value)
		}
	}
	isAttr := func(e ast.Expr) bool {
		of := info.Types[e].Type
		return of != nil && of.String() == "log/slog.Attr"
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if !isAttr(n) || len(n.Elts) == 0 {
					return true
				}
				if pair, ok := n.Elts[0].(*ast.KeyValueExpr); !ok {
					key(n.Elts[0])
				} else if name, ok := pair.Key.(*ast.Ident); ok && name.Name == "Key" {
					key(pair.Value)
				}
			case *ast.CallExpr:
				function := calledOfSlog(info, n)
				if function == nil {
					return true
				}
				parameters := function.Signature().Params()
				for i := range parameters.Len() {
					if parameters.At(i).Name() == "key" && i < len(n.Args) {
						key(n.Args[i])
					}
				}
				last := parameters.Len() - 1
				if !function.Signature().Variadic() || parameters.At(last).Type().String() != "[]any" {
					return true
				}
				if n.Ellipsis.IsValid() {
					fault(n, "the keys of these log attributes cannot be seen: use LogAttrs with []slog.Attr")
					return true
				}
				for i := last; i < len(n.Args); i++ {
					if !isAttr(n.Args[i]) {
						key(n.Args[i])
						i++ // the value
					}
				}
			}
			return true
		})
	}
	return faults
}

// calledOfSlog is the function or method of package slog that is called, nil for any other.
func calledOfSlog(info *types.Info, call *ast.CallExpr) *types.Func {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	function, ok := info.Uses[selector.Sel].(*types.Func)
	if !ok || function.Pkg() == nil || function.Pkg().Path() != "log/slog" {
		return nil
	}
	return function
}

// readLogKeys are the keys of logkeys.txt. Each has its meaning behind it.
func readLogKeys(t *testing.T) map[string]bool {
	t.Helper()
	file, err := os.Open("logkeys.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	listed := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, meaning, _ := strings.Cut(line, ": ")
		if meaning == "" {
			t.Errorf("logkeys.txt does not say what %s means", key)
		}
		if listed[key] {
			t.Errorf("logkeys.txt lists %s twice", key)
		}
		listed[key] = true
	}
	return listed
}
