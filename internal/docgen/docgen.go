//go:build unix

// Command docgen writes documents that have to agree with the code: docs/compatibility.md has the operations, from the
// tables that also route and authorize them, docs/curl.md the options of curl, from the table of furl call's flags,
// docs/lint.md the rules of policy lint, from the table that also checks, and docs/api.md the exported names of the public
// packages, from their source. The rest is in the templates in this directory. `go generate ./...` runs it.
package main

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
	"github.com/furl-dev/furl/internal/declared"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

//go:generate go run . ../../docs/api.md ../../docs/compatibility.md ../../docs/curl.md ../../docs/lint.md

//go:embed *.tmpl
var templates embed.FS

// documents are the texts to write, by the name of the file.
var documents = map[string]func() (string, error){
	"api.md":           func() (string, error) { return api("../..") },
	"compatibility.md": compatibility,
	"curl.md":          curl,
	"lint.md":          lint,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

func run(paths []string) error {
	for _, path := range paths {
		write, ok := documents[filepath.Base(path)]
		if !ok {
			return fmt.Errorf("want one of %s, got %q", slices.Sorted(maps.Keys(documents)), path)
		}
		text, err := write()
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compatibility is the text of docs/compatibility.md.
func compatibility() (string, error) {
	tables := template.FuncMap{
		"lambda": func() string { return table(lambdaapi.Operations()) },
		"iam":    func() string { return table(iamapi.New(iamapi.Config{Random: rand.Reader}).Operations()) },
		"sts":    func() string { return table(stsapi.New(stsapi.Config{Random: rand.Reader}).Operations()) },
	}
	return execute("compatibility.md.tmpl", tables, nil)
}

func execute(name string, functions template.FuncMap, data any) (string, error) {
	parsed, err := template.New(name).Funcs(functions).ParseFS(templates, name)
	if err != nil {
		return "", err
	}
	var document strings.Builder
	if err := parsed.Execute(&document, data); err != nil {
		return "", err
	}
	return document.String(), nil
}

// table is a Markdown table of operations.
func table(operations []controlplane.Operation) string {
	var rows strings.Builder
	rows.WriteString("| operation | IAM action | differs from AWS |\n|---|---|---|\n")
	for _, operation := range operations {
		name := operation.Name
		if operation.Path != "" {
			name += " `" + operation.Method + " " + operation.Path + "`"
		}
		fmt.Fprintf(&rows, "| %s | %s | %s |\n", cell(name), cell(actions(operation)), cell(operation.Note))
	}
	return rows.String()
}

// actions are what an operation needs: its own action, and those that members of the request add.
func actions(operation controlplane.Operation) string {
	text := operation.Action
	for _, also := range operation.Also {
		text += "; with `" + also.Member + "` also " + also.Action
	}
	return text
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// lint is the text of docs/lint.md.
func lint() (string, error) {
	return execute("lint.md.tmpl", template.FuncMap{"example": example, "declared": declaredExample}, struct {
		Rules    []urllint.Row
		Declared []declared.Row
	}{urllint.Rules(), declared.Rules()})
}

// declaredExample shows a fault of a template, and what the fix of its rule adds to it.
func declaredExample(row declared.Row, text string) (string, error) {
	findings, err := declared.Examine("template.yaml", text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", row.Rule, err)
	}
	shown := "```yaml\n" + text + "```\n"
	for _, f := range findings {
		if f.Rule != row.Rule {
			return "", fmt.Errorf("the example of %s has %s, too", row.Rule, f.Rule)
		}
		shown += "\n> " + f.Pos.String() + ": " + f.Severity.String() + ": " + f.Message + "  \n> fix: " + f.Fix + "\n"
		if code := f.Code(); code != "" {
			shown += "\n```yaml\n" + strings.TrimPrefix(strings.ReplaceAll("\n"+code, "\n    ", "\n"), "\n") + "```\n"
		}
	}
	return shown, nil
}

// example shows a fault, and what the fix of its rule makes of it.
func example(row urllint.Row, e urllint.Example) (string, error) {
	document, err := policy.Parse([]byte(e.Document()), e.Kind)
	if err != nil {
		return "", fmt.Errorf("%s: %w", row.Rule, err)
	}
	linter := urllint.Linter{Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }}
	for _, finding := range linter.Lint(policy.Named{Name: "policy.json", Document: document}) {
		if finding.Rule == row.Rule {
			return block(e.Statement()) + "\n> " + finding.Severity.String() + ": " + finding.Message + "  \n> fix: " +
				finding.Fix + "\n\n" +
				cure(finding), nil
		}
	}
	return "", fmt.Errorf("%s does not find its example %s", row.Rule, e.Document())
}

// cure shows what to write.
func cure(finding urllint.Finding) string {
	if finding.Version != "" {
		return ""
	}
	var blocks strings.Builder
	for _, statement := range finding.Instead {
		blocks.WriteString(block(string(statement)))
	}
	return blocks.String()
}

// block is a statement as a block of code.
func block(statement string) string {
	var indented bytes.Buffer
	if json.Indent(&indented, []byte(statement), "", "  ") != nil {
		return statement
	}
	return "```json\n" + indented.String() + "\n```\n"
}
