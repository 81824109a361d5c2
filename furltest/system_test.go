package furltest_test

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A test program compiles on all systems: the names that the package exports where it has no server are those of the
// server's systems.
func TestEverySystemHasTheSameNames(t *testing.T) {
	unix, other := exported(t, true), exported(t, false)
	if len(unix) < 20 {
		t.Fatalf("only %d names: %q", len(unix), unix)
	}
	if diff := cmp.Diff(unix, other); diff != "" {
		t.Errorf("names on Unix (-) and elsewhere (+):\n%s", diff)
	}
}

// exported are the exported functions, methods, constants, types and fields of the files that a system has.
func exported(t *testing.T, unix bool) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	add := func(prefix, name string) {
		if ast.IsExported(name) && (prefix == "" || ast.IsExported(prefix)) {
			names[strings.TrimPrefix(prefix+"."+name, ".")] = true
		}
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if !isFor(t, file, unix) {
			continue
		}
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				receiver := ""
				if d.Recv != nil {
					of := d.Recv.List[0].Type
					if pointer, ok := of.(*ast.StarExpr); ok {
						of = pointer.X
					}
					receiver = of.(*ast.Ident).Name
				}
				add(receiver, d.Name.Name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						for _, name := range s.Names {
							add("", name.Name)
						}
					case *ast.TypeSpec:
						add("", s.Name.Name)
						if fields, ok := s.Type.(*ast.StructType); ok {
							for _, field := range fields.Fields.List {
								for _, name := range field.Names {
									add(s.Name.Name, name.Name)
								}
							}
						}
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// isFor reports whether a file's build constraint holds.
func isFor(t *testing.T, file *ast.File, unix bool) bool {
	t.Helper()
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if !constraint.IsGoBuild(comment.Text) {
				continue
			}
			expression, err := constraint.Parse(comment.Text)
			if err != nil {
				t.Fatal(err)
			}
			return expression.Eval(func(tag string) bool { return tag == "unix" && unix })
		}
	}
	return true
}
