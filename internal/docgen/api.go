//go:build unix

package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"strings"
)

// surface is a public package, whose names other programs are written against.
type surface struct {
	Path, Synopsis string
	Names          []string // one line for each exported name
}

// api is the text of docs/api.md. root is the module's directory.
func api(root string) (string, error) {
	var stable, young []surface
	for _, list := range []struct {
		packages []string
		to       *[]surface
	}{
		{[]string{"", "sigv4", "policy"}, &stable},
		{[]string{"sigv4/diagnose", "policy/urllint", "furltest"}, &young},
	} {
		for _, path := range list.packages {
			found, err := surfaceOf(root, path)
			if err != nil {
				return "", err
			}
			*list.to = append(*list.to, found)
		}
	}
	return execute("api.md.tmpl", nil, map[string][]surface{"Stable": stable, "Young": young})
}

// surfaceOf reads the package in a directory of the module.
func surfaceOf(root, path string) (surface, error) {
	system := build.Default
	system.GOOS, system.GOARCH = "linux", "amd64" // whatever this one is
	source, err := system.ImportDir(filepath.Join(root, path), 0)
	if err != nil {
		return surface{}, err
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range source.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(source.Dir, name), nil, parser.ParseComments)
		if err != nil {
			return surface{}, err
		}
		parsed = append(parsed, file)
	}
	path = strings.TrimSuffix("github.com/furl-dev/furl/"+path, "/")
	described, err := doc.NewFromFiles(files, parsed, path)
	if err != nil {
		return surface{}, err
	}
	s := surface{Path: path, Synopsis: described.Synopsis(described.Doc)}
	s.values("const", described.Consts)
	s.values("var", described.Vars)
	s.functions(described.Funcs)
	for _, t := range described.Types {
		s.values("const", t.Consts)
		s.values("var", t.Vars)
		s.functions(t.Funcs)
		for _, spec := range t.Decl.Specs {
			s.typed(spec.(*ast.TypeSpec))
		}
		s.functions(t.Methods)
	}
	return s, nil
}

func (s *surface) add(format string, args ...any) {
	s.Names = append(s.Names, fmt.Sprintf(format, args...))
}

// values adds constants and variables, with their types where they are declared: a value may change.
func (s *surface) values(kind string, groups []*doc.Value) {
	for _, group := range groups {
		for _, spec := range group.Decl.Specs {
			value := spec.(*ast.ValueSpec)
			for _, name := range value.Names {
				if name.IsExported() {
					s.add("%s", strings.TrimSpace(kind+" "+name.Name+" "+line(value.Type)))
				}
			}
		}
	}
}

func (s *surface) functions(functions []*doc.Func) {
	for _, f := range functions {
		declared := *f.Decl
		declared.Doc, declared.Body = nil, nil
		s.add("%s", line(&declared))
	}
}

// typed adds a type and its fields, or the methods of an interface.
func (s *surface) typed(t *ast.TypeSpec) {
	assigned := ""
	if t.Assign.IsValid() {
		assigned = "= "
	}
	switch underlying := t.Type.(type) {
	case *ast.StructType:
		s.add("type %s struct", t.Name)
		s.fields(t.Name.Name, underlying.Fields)
	case *ast.InterfaceType:
		s.add("type %s interface", t.Name)
		s.fields(t.Name.Name, underlying.Methods)
	default:
		s.add("type %s %s%s", t.Name, assigned, line(t.Type))
	}
}

func (s *surface) fields(owner string, fields *ast.FieldList) {
	for _, field := range fields.List {
		if len(field.Names) == 0 {
			s.add("\t%s: %s", owner, line(field.Type)) // embedded
		}
		for _, name := range field.Names {
			if name.IsExported() {
				s.add("\t%s.%s %s", owner, name.Name, line(field.Type))
			}
		}
	}
}

// line is a piece of Go in one line.
func line(node any) string {
	if expression, ok := node.(ast.Expr); node == nil || ok && expression == nil {
		return ""
	}
	var text bytes.Buffer
	if err := printer.Fprint(&text, token.NewFileSet(), node); err != nil {
		panic(err) // the parser has made the node
	}
	return strings.Join(strings.Fields(text.String()), " ")
}
