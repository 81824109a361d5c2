package archtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// awkward are words that plain American English does without, and what it says.
var awkward = []struct {
	words   *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\bcan not\b`), "cannot"},
	{regexp.MustCompile(`(?i)\bwho(so)?ever\b|\bwhom\b`), "who, anyone who, everyone who"},
	{regexp.MustCompile(`(?i)\b(un)?authoris|\bbehaviour|\binitialis|\brecognis|\bnormalis|\bserialis|\bcolour|\bfavour`), "the American spelling"},
}

// quoted are parts of lines that quote AWS, whose texts have such words.
var quoted = []string{
	"can not be converted to", "can not contain region information", "can not be found.",
}

// TestProse looks for such words in code, comments, messages and documents.
func TestProse(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), "git", "ls-files", "*.go", "*.md", "*.tmpl", "*.txtar", "*.sh", "Makefile")
	list.Dir = root
	files, err := list.Output()
	if err != nil {
		t.Skipf("git ls-files: %v", err)
	}
	for name := range strings.Lines(string(files)) {
		name = strings.TrimSpace(name)
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || strings.HasSuffix(name, "archtest/prose_test.go") {
			continue
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			for _, quote := range quoted {
				line = strings.ReplaceAll(line, quote, "")
			}
			for _, a := range awkward {
				if found := a.words.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: say %s", name, number, found, a.instead)
				}
			}
		}
	}
}
