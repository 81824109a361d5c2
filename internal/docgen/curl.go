//go:build unix

package main

import (
	"strings"
	"text/template"

	"github.com/furl-dev/furl/internal/call"
)

// curl is the text of docs/curl.md.
func curl() (string, error) {
	functions := template.FuncMap{
		"version": func() string { return call.CurlVersion },
		"same":    func() string { return curlTable(call.Same) },
		"differs": func() string { return curlTable(call.Differs) },
		"absent":  func() string { return curlTable(call.Absent) },
		"count":   func(likeness string) int { return len(curlRows(call.Likeness(likeness))) },
	}
	return execute("curl.md.tmpl", functions, nil)
}

func curlRows(likeness call.Likeness) (rows []call.CurlOption) {
	for _, o := range call.CurlOptions() {
		if o.Likeness == likeness {
			rows = append(rows, o)
		}
	}
	return rows
}

// curlTable is the table of the options of one likeness.
func curlTable(likeness call.Likeness) string {
	var out strings.Builder
	switch likeness {
	case call.Same:
		out.WriteString("| option | |\n|---|---|\n")
	case call.Differs:
		out.WriteString("| option | | what differs |\n|---|---|---|\n")
	case call.Absent:
		out.WriteString("| option | why it is not there | what to type |\n|---|---|---|\n")
	}
	cell := func(text string) { out.WriteString(" " + strings.ReplaceAll(text, "|", `\|`) + " |") }
	code := func(text string) string { return "`" + text + "`" }
	for _, o := range curlRows(likeness) {
		name, usage := "--"+o.Long, o.Usage
		if o.Short != "" {
			name = "-" + o.Short + ", " + name
		}
		if before, rest, ok := strings.Cut(usage, "`"); ok { // the name of the value, as pflag has it
			value, after, _ := strings.Cut(rest, "`")
			name, usage = name+" "+value, before+value+after
		}
		out.WriteString("|")
		cell(code(name))
		switch likeness {
		case call.Same:
			cell(usage)
		case call.Differs:
			cell(usage)
			cell(o.Note)
		case call.Absent:
			note := o.Note
			if o.Later {
				note += " (curl has it since a later version)"
			}
			cell(note)
			if o.Instead == "" {
				o.Instead = "furl sign URL --as curl, and the option behind what it prints"
			}
			cell(o.Instead)
		}
		out.WriteString("\n")
	}
	return strings.TrimSuffix(out.String(), "\n")
}
