// Package report writes what a command found in the forms that CI systems read: SARIF 2.1.0, the workflow commands of
// GitHub, and JUnit XML.
//
//	report.Report{Command: "furl check", Results: results}.Write(os.Stdout, report.SARIF)
//
// It decides nothing: a result comes with its outcome. Its texts may come from anyone, and are escaped so that they can
// neither end a form's text nor steer what shows it.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format is a form of a report.
type Format string

// The forms. Text and JSON are those of each command by itself.
const (
	Text   Format = "text"
	JSON   Format = "json"
	SARIF  Format = "sarif"
	GitHub Format = "github"
	JUnit  Format = "junit"
)

// Formats are all forms.
func Formats() []Format { return []Format{Text, JSON, SARIF, GitHub, JUnit} }

// ParseFormat is the form of that name.
func ParseFormat(name string) (Format, error) {
	if format := Format(name); slices.Contains(Formats(), format) {
		return format, nil
	}
	return "", fmt.Errorf("%q is none of text, json, sarif, github and junit", name)
}

// Outcome is what came of looking at something.
type Outcome int

// The outcomes.
const (
	Passed  Outcome = iota
	Noted           // nothing is wrong, but a person should know
	Warned          // something is likely wrong
	Failed          // something is wrong
	Unknown         // it could not be looked at
)

// Rule is a kind of result.
type Rule struct {
	ID      string // such as missing-action
	Summary string // what is wrong, in a few words
	Help    string // why it is wrong and what to do
	Outcome Outcome
}

// Result is what came of looking at one thing.
type Result struct {
	Suite   string // such as the region; "" for none
	Name    string // of what was looked at, such as the ARN of a function
	Rule    string
	Outcome Outcome
	Message string
	Details []string
	Fix     []string // commands, or sentences

	File         string // "" for what is in none
	Line, Column int    // counted from 1, 0 if not known
}

// Report is what a command found.
type Report struct {
	Command string // such as furl check
	Version string // of furl, "" if it is not known
	Rules   []Rule
	Results []Result
	Notes   []string // what a person should know besides, and what of it is not complete
	Summary string   // one line, of the command's own words
	// Complete is false if something could not be looked at.
	Complete bool
}

// Write writes the report in one of the forms for CI systems.
func (r Report) Write(w io.Writer, format Format) error {
	switch format {
	case SARIF:
		return r.writeSARIF(w)
	case GitHub:
		return r.writeGitHub(w)
	case JUnit:
		return r.writeJUnit(w)
	}
	return fmt.Errorf("a report has no form %q", format)
}

// text is all that the result says, a line each. The message stays out where a form has a place of its own for it.
func (r Result) text(message bool) string {
	var lines []string
	if message {
		lines = append(lines, r.Message)
	}
	lines = append(lines, r.Details...)
	for _, fix := range r.Fix {
		lines = append(lines, "fix: "+fix)
	}
	return strings.Join(lines, "\n")
}

// plain is text with the characters that a log or an XML file cannot hold shown as escapes: controls but tab and line
// feed, what reorders a line, what is no character, and bytes that are not UTF-8. CRLF becomes LF.
func plain(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var shown strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&shown, `\x%02x`, text[i])
		case r < ' ' && r != '\t' && r != '\n', 0x7f <= r && r <= 0x9f, 0x2028 <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069,
			r&0xfffe == 0xfffe:
			fmt.Fprintf(&shown, `\u%04x`, r)
		default:
			shown.WriteString(text[i : i+size])
		}
		i += size
	}
	return shown.String()
}

// line is plain text in one line.
func line(text string) string { return strings.ReplaceAll(plain(text), "\n", " ") }
