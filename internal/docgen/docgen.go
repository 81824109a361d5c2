// Command docgen writes docs/compatibility.md: the operations, from the tables that also route and authorize them, and
// the rest from compatibility.md.tmpl in this directory. `go generate ./...` runs it.
package main

import (
	"crypto/rand"
	_ "embed"
	"fmt"
	"os"
	"strings"
	"text/template"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
)

//go:generate go run . ../../docs/compatibility.md

//go:embed compatibility.md.tmpl
var text string

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want the path of the file to write, got %q", args)
	}
	document, err := compatibility()
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], []byte(document), 0o644)
}

// compatibility is the text of docs/compatibility.md.
func compatibility() (string, error) {
	tables := template.FuncMap{
		"lambda": func() string { return table(lambdaapi.Operations()) },
		"iam":    func() string { return table(iamapi.New(iamapi.Config{Random: rand.Reader}).Operations()) },
		"sts":    func() string { return table(stsapi.New(stsapi.Config{Random: rand.Reader}).Operations()) },
	}
	parsed, err := template.New("compatibility").Funcs(tables).Parse(text)
	if err != nil {
		return "", err
	}
	var document strings.Builder
	if err := parsed.Execute(&document, nil); err != nil {
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
