package archtest_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "github.com/furl-dev/furl"

// goPackage is what `go list -json` says of one package.
type goPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func TestImportsFollowRules(t *testing.T) {
	rules := readRules(t)
	packages := listPackages(t)
	for _, p := range packages {
		name := below(p.ImportPath)
		allowed, ok := rules[name]
		if !ok {
			t.Errorf("%s has no line in rules.txt: say what it may import", name)
			continue
		}
		for _, imported := range p.Imports {
			if !isAllowed(imported, allowed) {
				t.Errorf("%s may not import %s", name, below(imported))
			}
		}
		delete(rules, name)
	}
	for name := range rules {
		if _, err := os.Stat(filepath.Join(root(t), name)); errors.Is(err, os.ErrNotExist) && os.Getenv("FURL_STRICT") != "" {
			t.Errorf("rules.txt has a line for %s, which is not a package", name)
		}
	}
}

func TestEveryPackageHasOneComment(t *testing.T) {
	for _, p := range listPackages(t) {
		var documented []string
		for _, file := range p.GoFiles {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if parsed.Doc != nil {
				documented = append(documented, file)
			}
		}
		if len(documented) != 1 {
			t.Errorf("%s: want one package comment, have it in %q", below(p.ImportPath), documented)
		}
	}
}

// TestLinesOfAttacksAreShort: a reader sees what an attack sends and what must come back without scrolling.
func TestLinesOfAttacksAreShort(t *testing.T) {
	const most = 120
	files, err := filepath.Glob(filepath.Join(root(t), "internal", "app", "attack", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > most {
				t.Errorf("%s:%d: %d columns, want %d at most", file, number, n, most)
			}
		}
	}
}

func isAllowed(imported string, allowed []string) bool {
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return true // standard library
	}
	if imported == module || strings.HasPrefix(imported, module+"/") {
		return slices.Contains(allowed, below(imported))
	}
	return slices.ContainsFunc(allowed, func(prefix string) bool {
		return imported == prefix || strings.HasPrefix(imported, prefix+"/")
	})
}

// below is a package's path below the module, "." for the root package.
func below(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func readRules(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string][]string{}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, allowed, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("rules.txt: no colon in %q", line)
		}
		if _, twice := rules[name]; twice {
			t.Fatalf("rules.txt: %s stands twice", name)
		}
		rules[name] = strings.Fields(allowed)
	}
	return rules
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	list.Dir = root(t)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 {
			packages = append(packages, p)
		}
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
