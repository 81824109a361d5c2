package report

import (
	"cmp"
	"io"
	"path/filepath"
	"strconv"
	"strings"
)

// writeGitHub writes a workflow command for each result that a person should see (GitHub Docs, "Workflow commands for
// GitHub Actions"), and the summary as a line of the log.
func (r Report) writeGitHub(w io.Writer) error {
	var text strings.Builder
	for _, result := range r.Results {
		var level string
		switch result.Outcome {
		case Passed:
			continue
		case Noted:
			level = "notice"
		case Warned, Unknown:
			level = "warning"
		case Failed:
			level = "error"
		}
		var properties []string
		add := func(name, value string) {
			if value != "" {
				properties = append(properties, name+"="+escapeProperty(value))
			}
		}
		add("file", filepath.ToSlash(result.File))
		if result.File != "" && result.Line > 0 {
			add("line", strconv.Itoa(result.Line))
			if result.Column > 0 {
				add("col", strconv.Itoa(result.Column))
			}
		}
		add("title", cmp.Or(r.Command, "furl")+" "+result.Rule)
		message := result.Name + ": " + result.text(true)
		if result.Suite != "" {
			message = result.Suite + ": " + message
		}
		text.WriteString("::" + level + " " + strings.Join(properties, ",") + "::" + escapeData(message) + "\n")
	}
	for _, note := range r.Notes {
		// The runner also takes ##[command] for a command, wherever it is in a line that is no other (actions/runner,
		// ActionCommand.TryParse).
		text.WriteString("note: " + strings.ReplaceAll(line(note), "##[", `\u0023#[`) + "\n")
	}
	if r.Summary != "" {
		text.WriteString(line(r.Summary) + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// escapeData is a text after the second :: of a command (actions/toolkit, packages/core/src/command.ts, escapeData).
func escapeData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(plain(text))
}

// escapeProperty is the value of a property of a command (the same file, escapeProperty).
func escapeProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escapeData(text))
}
