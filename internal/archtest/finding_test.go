package archtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const tracePackage = module + "/internal/trace"

// The server keeps the findings of the last thousand requests. They consist of what is small by its type: numbers,
// names from a closed set, and the texts of package trace, which have a bound and memory of their own. Anything else
// could lead to a body, an answer, or a world that has long changed.
func TestFindingsAreSmallByConstruction(t *testing.T) {
	w := newTypeChecker(t)
	found := 0
	for _, p := range w.ours {
		if !slices.Contains(p.Imports, tracePackage) {
			continue
		}
		checked := w.check(t, p.ImportPath, parseAll(t, w.files, p), nil)
		for _, name := range checked.Scope().Names() {
			declared, ok := checked.Scope().Lookup(name).(*types.TypeName)
			if !ok || types.IsInterface(declared.Type()) || !w.isFinding(declared.Type()) {
				continue
			}
			found++
			for _, fault := range w.holds(declared.Type(), below(p.ImportPath)+"."+name) {
				t.Error(fault)
			}
		}
	}
	if found < 8 {
		t.Errorf("found only %d types that implement trace.Finding", found)
	}
}

// The check above sees what it should.
func TestLargeFindingsAreSeen(t *testing.T) {
	w := newTypeChecker(t)
	const head = `package p
import ("net/http"; "time"; "` + tracePackage + `")
var _ http.Request
var _ time.Time
type base struct{}
func (base) Verdict() trace.Verdict { return trace.OK }
func (base) Summary() string { return "" }
func (base) Details() []string { return nil }
func (base) Fix() []string { return nil }
type nested struct { n int; deep struct { text string } }
type good struct { base; n *int; at time.Time; took time.Duration; v trace.Verdict }
`
	for fields, want := range map[string]string{
		"n *good":           "",
		"t [2]trace.Text":   "",
		"list trace.Texts":  "",
		"c chan struct{}":   "",
		"text string":       "text is a string",
		"body []byte":       "body is a []byte",
		"list []trace.Text": "list is a []" + tracePackage + ".Text",
		"r *http.Request":   "r.Method is a string",
		"f func()":          "f is a func()",
		"err error":         "err is a error",
		"any any":           "any is a any",
		"m map[int]int":     "m is a map[int]int",
		"c chan []byte":     "c is a chan []byte",
		"n *nested":         "n.deep.text is a string",
	} {
		file, err := parser.ParseFile(w.files, "p.go", head+"type finding struct { base; "+fields+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		finding := w.check(t, "p", []*ast.File{file}, nil).Scope().Lookup("finding").Type()
		if !w.isFinding(finding) {
			t.Fatalf("%s: not a finding", fields)
		}
		faults := w.holds(finding, "finding")
		isWanted := func(fault string) bool { return strings.HasPrefix(fault, "finding."+want+":") }
		if want == "" && faults != nil || want != "" && !slices.ContainsFunc(faults, isWanted) {
			t.Errorf("%s: %q", fields, faults)
		}
	}
}

// typeChecker checks packages of the module against the compiled form of what they import.
type typeChecker struct {
	files   *token.FileSet
	imports types.Importer
	finding *types.Interface
	ours    []goPackage // those of the module
}

func newTypeChecker(t *testing.T) *typeChecker {
	t.Helper()
	const fields = "-json=ImportPath,Dir,GoFiles,Imports,Export"
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", fields, "./internal/...")
	list.Dir, list.Stderr = root(t), os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	w := &typeChecker{files: token.NewFileSet()}
	compiled := map[string]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			goPackage
			Export string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		compiled[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, module+"/") {
			w.ours = append(w.ours, p.goPackage)
		}
	}
	w.imports = importer.ForCompiler(w.files, "gc", func(path string) (io.ReadCloser, error) {
		if compiled[path] == "" {
			return nil, fmt.Errorf("package %s is not compiled", path)
		}
		return os.Open(compiled[path])
	})
	trace, err := w.imports.Import(tracePackage)
	if err != nil {
		t.Fatal(err)
	}
	w.finding = trace.Scope().Lookup("Finding").Type().Underlying().(*types.Interface)
	return w
}

func parseAll(t *testing.T, files *token.FileSet, p goPackage) []*ast.File {
	t.Helper()
	var parsed []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	return parsed
}

// check checks a package, and fills in what the checker finds out unless info is nil.
func (w *typeChecker) check(t *testing.T, path string, files []*ast.File, info *types.Info) *types.Package {
	t.Helper()
	config := types.Config{Importer: w.imports, FakeImportC: true}
	checked, err := config.Check(path, w.files, files, info)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

func (w *typeChecker) isFinding(t types.Type) bool {
	return types.Implements(t, w.finding) || types.Implements(types.NewPointer(t), w.finding)
}

// holds is what a value of the type leads to that is not small by its type.
func (w *typeChecker) holds(of types.Type, place string) []string {
	seen := map[types.Type]bool{}
	var walk func(t types.Type, place string) []string
	walk = func(t types.Type, place string) []string {
		t = types.Unalias(t)
		if seen[t] {
			return nil
		}
		if named, ok := t.(*types.Named); ok {
			switch basic, isBasic := named.Underlying().(*types.Basic); {
			case slices.Contains([]string{tracePackage + ".Text", tracePackage + ".Texts", "time.Time"}, named.String()):
				return nil
			case isBasic && basic.Info()&types.IsString != 0 && strings.HasPrefix(named.String(), module+"/"):
				return nil // one of a set of constants, such as trace.Verdict
			}
			seen[t] = true
		}
		switch u := t.Underlying().(type) {
		case *types.Basic:
			if u.Info()&(types.IsNumeric|types.IsBoolean) != 0 {
				return nil
			}
		case *types.Pointer:
			return walk(u.Elem(), place)
		case *types.Array:
			return walk(u.Elem(), place)
		case *types.Chan:
			if empty, ok := u.Elem().Underlying().(*types.Struct); ok && empty.NumFields() == 0 {
				return nil
			}
		case *types.Struct:
			var faults []string
			for field := range u.Fields() {
				faults = append(faults, walk(field.Type(), place+"."+field.Name())...)
			}
			return faults
		}
		const allowed = "a trace may keep numbers, trace.Text, trace.Texts and names from a closed set"
		return []string{fmt.Sprintf("%s is a %s: %s", place, t, allowed)}
	}
	return walk(of, place)
}
