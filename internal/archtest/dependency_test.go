package archtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDependenciesHaveTheirSentence: docs/dependencies.md says of every module that go.mod and tools/go.mod ask for
// where it is used and why, and names no other.
func TestDependenciesHaveTheirSentence(t *testing.T) {
	asked := append(directModules(t, "go.mod"), directModules(t, "tools/go.mod")...)
	reasons := readDependencies(t)
	for _, path := range asked {
		reason, ok := reasons[path]
		if len(strings.Fields(reason)) < 3 {
			t.Errorf("docs/dependencies.md has no sentence about %s: say where it is used and why", path)
		}
		if ok {
			delete(reasons, path)
		}
	}
	for path := range reasons {
		t.Errorf("docs/dependencies.md names %s, which is in neither go.mod nor tools/go.mod: take it out", path)
	}
}

// directModules are the modules that the file asks for by itself: those without "// indirect", and those of its tools.
func directModules(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), file))
	if err != nil {
		t.Fatal(err)
	}
	var modules, tools []string
	block := ""
	for line := range strings.Lines(string(text)) {
		code, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		switch {
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case len(words) == 1 && words[0] == ")":
			block = ""
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		switch {
		case len(words) == 2 && words[0] == "tool":
			tools = append(tools, words[1])
		case len(words) == 3 && words[0] == "require" && strings.TrimSpace(comment) != "indirect":
			modules = append(modules, words[1])
		case len(words) == 3 && words[0] == "require":
			for _, tool := range tools { // which stand first
				if strings.HasPrefix(tool, words[1]+"/") {
					modules = append(modules, words[1])
				}
			}
		}
	}
	if len(modules) == 0 {
		t.Fatalf("found no module in %s", file)
	}
	return modules
}

// readDependencies are the reasons that the table of docs/dependencies.md gives, by module.
func readDependencies(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || !strings.Contains(cells[0], ".") {
			continue // not a row, or the heading
		}
		for path := range strings.SplitSeq(cells[0], ",") {
			path = strings.TrimSpace(path)
			if _, twice := reasons[path]; twice {
				t.Errorf("docs/dependencies.md names %s twice", path)
			}
			if where := strings.TrimSpace(cells[1]); where == "" {
				t.Errorf("docs/dependencies.md does not say where %s is used", path)
			}
			reasons[path] = cells[2]
		}
	}
	return reasons
}
