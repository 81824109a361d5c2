package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Functions of internal/cli that may go around what keeps control characters from a terminal, and why.
var pastTheScreen = map[string]string{
	"writeTo":    "bodies are the function's answer, byte for byte, as with curl",
	"repeatCall": "the line with the progress, which is furl's own",
	"logs":       "--raw asks for it",
}

// TestOutputGoesThroughScreens: what furl prints reaches a terminal by the streams that internal/cli makes, so nothing
// else in the program may know another way there.
func TestOutputGoesThroughScreens(t *testing.T) {
	var past []string
	program := programPackages(t)
	for _, p := range listPackages(t) {
		name := below(p.ImportPath)
		if !slices.Contains(program, p.ImportPath) {
			continue
		}
		for _, file := range p.GoFiles {
			files := token.NewFileSet()
			parsed, err := parser.ParseFile(files, filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			inside := ""
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					inside = n.Name.Name
				case *ast.ImportSpec:
					if path, _ := strconv.Unquote(n.Path.Value); path == "log" && (name != "internal/cli" || file != "cli.go") {
						t.Errorf("%s: log writes to the standard error: take a *slog.Logger", files.Position(n.Pos()))
					}
				case *ast.SelectorExpr:
					if way := written(n); waysOut[way] && (name != "internal/cli" || inside != "Main") {
						t.Errorf("%s: %s is not escaped on a terminal: write to a stream that was passed in", files.Position(n.Pos()), way)
					}
				case *ast.CallExpr:
					called, ok := n.Fun.(*ast.Ident)
					switch {
					case ok && (called.Name == "print" || called.Name == "println"):
						t.Errorf("%s: %s writes to the standard error", files.Position(n.Pos()), called.Name)
					case ok && called.Name == "raw" && name == "internal/cli":
						past = append(past, inside)
						if pastTheScreen[inside] == "" {
							t.Errorf("%s: %s writes to the terminal itself; print through p.streams", files.Position(n.Pos()), inside)
						}
					}
				}
				return true
			})
		}
	}
	for name := range pastTheScreen {
		if !slices.Contains(past, name) {
			t.Errorf("%s no longer writes to the terminal itself: take it from the list", name)
		}
	}
}

// waysOut are the ways to the standard streams that need no stream to be passed in.
var waysOut = map[string]bool{
	"os.Stdout": true, "os.Stderr": true, "syscall.Stdout": true, "syscall.Stderr": true,
	"fmt.Print": true, "fmt.Printf": true, "fmt.Println": true,
}

// written is a selector as it is written, such as os.Stdout.
func written(selector *ast.SelectorExpr) string {
	if x, ok := selector.X.(*ast.Ident); ok {
		return x.Name + "." + selector.Sel.Name
	}
	return ""
}

// programPackages are the packages that furl is built of.
func programPackages(t *testing.T) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/furl")
	list.Dir = root(t)
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
