package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

// lint is the text of docs/lint.md.
func lint() (string, error) {
	return execute("lint.md.tmpl", template.FuncMap{"example": example}, urllint.Rules())
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
