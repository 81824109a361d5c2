package furl_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// program matches a Go program in a Markdown file: a here-document, or a block with the language go.
var program = regexp.MustCompile("(?ms)(?:<<'EOF'$|^```go$)\n(\\s*package .*?)\n\\s*(?:EOF|```)$")

// The programs in the documents compile against the API as it is.
func TestDocumentedProgramsCompile(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := 0
	for _, document := range append(documents, "README.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range program.FindAllSubmatch(text, -1) {
			programs++
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, found[1], 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", document, err, out, found[1])
			}
		}
	}
	if programs == 0 {
		t.Error("README.md has no Go program any more")
	}
}
