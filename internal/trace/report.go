package trace

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/tint"
)

// Report is a trace in words. Its JSON form is a contract: fields are only added.
type Report struct {
	RequestID string       `json:"requestId"`
	Time      time.Time    `json:"time"`
	Method    string       `json:"method"`
	Target    string       `json:"target"`
	Host      string       `json:"host"`
	SourceIP  string       `json:"sourceIp"`
	Status    int          `json:"status"`
	ErrorType string       `json:"errorType,omitempty"`
	Micros    int64        `json:"micros"`
	API       bool         `json:"api,omitempty"`       // a call of an API
	Probe     bool         `json:"probe,omitempty"`     // sent by furl itself
	Function  string       `json:"function,omitempty"`  // ARN with the URL's qualifier
	Caller    string       `json:"caller,omitempty"`    // ARN
	Operation string       `json:"operation,omitempty"` // of an API call
	Steps     []StepReport `json:"steps"`
	Fix       []string     `json:"fix,omitempty"`
}

// StepReport is one step of a request in words.
type StepReport struct {
	Step    string   `json:"step"`
	Verdict Verdict  `json:"verdict"`
	Summary string   `json:"summary"`
	Details []string `json:"details,omitempty"`
	Micros  int64    `json:"micros"`

	Mismatch *Mismatch `json:"mismatch,omitempty"` // of a signature
	Decision *Decision `json:"decision,omitempty"` // about one action
}

// Report puts the trace into words.
func (t *Trace) Report() Report {
	report := Report{
		RequestID: t.RequestID,
		Time:      t.Started.UTC(),
		Method:    t.Method,
		Target:    t.Target,
		Host:      t.Host,
		SourceIP:  t.SourceIP,
		Status:    t.Status,
		ErrorType: t.ErrorType,
		Micros:    t.Took.Microseconds(),
		API:       t.API,
		Probe:     t.Probe,
		Function:  t.Function.String(),
		Caller:    t.Caller.String(),
		Operation: t.Operation.String(),
		Steps:     make([]StepReport, len(t.steps)),
	}
	for i, step := range t.steps {
		report.Steps[i] = StepReport{
			Step:    step.name,
			Verdict: step.finding.Verdict(),
			Summary: oneLine(step.finding.Summary()),
			Details: step.finding.Details(),
			Micros:  step.took.Microseconds(),
		}
		report.Steps[i].structured(step.finding)
		report.Fix = appendNew(report.Fix, step.finding.Fix())
	}
	return report
}

// oneLine keeps the text that a summary quotes on its line: a line of its own could pass for a step or a fix.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", `\n`) }

// FixAs is all fixes of the trace in a form of package snippet, and sentences for what the form cannot say. Whatever a
// finding gives that is a command has the form cli.
func (t *Trace) FixAs(form string) (texts, sentences []string) {
	for _, step := range t.steps {
		if codifier, ok := step.finding.(Codifier); ok {
			written, rest := codifier.FixAs(form)
			texts, sentences = appendNew(texts, written), appendNew(sentences, rest)
			continue
		}
		for _, fix := range step.finding.Fix() {
			if form == "cli" && (strings.HasPrefix(fix, "furl ") || strings.HasPrefix(fix, "aws ")) {
				texts = appendNew(texts, []string{fix})
			} else {
				sentences = appendNew(sentences, []string{fix})
			}
		}
	}
	return texts, sentences
}

// appendNew appends the texts that are not in the list.
func appendNew(list, texts []string) []string {
	for _, text := range texts {
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// isBad reports whether the step did not pass.
func (s StepReport) isBad() bool { return s.Verdict.isBad() }

// Deciding is the step that decided the outcome: the last one that did not pass. It is false if all passed.
func (r Report) Deciding() (StepReport, bool) {
	for _, step := range slices.Backward(r.Steps) {
		if step.isBad() {
			return step, true
		}
	}
	return StepReport{}, false
}

// IsRefusal reports whether somebody did not get what they asked for: the request was refused, or its function failed. A
// request of furl's own is none.
func (r Report) IsRefusal() bool {
	_, bad := r.Deciding()
	return bad && !r.Probe
}

// Reason is everything that was refused or failed, in one line.
func (r Report) Reason() string {
	var reasons []string
	for _, step := range r.Steps {
		if step.isBad() {
			reasons = append(reasons, step.Summary)
		}
	}
	return strings.Join(reasons, "; ")
}

// WriteTo writes the report for people.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s  %s\n", r.Time.Format("2006-01-02T15:04:05.000Z"), r.RequestID)
	fmt.Fprintf(&text, "%s %s  (host %s, from %s)\n", r.Method, r.Target, r.Host, r.SourceIP)
	answer := strings.TrimSpace(fmt.Sprintf("%d %s", r.Status, r.ErrorType))
	fmt.Fprintf(&text, "answered %s in %s\n", answer, micros(r.Micros))
	for _, step := range r.Steps {
		fmt.Fprintf(&text, "  %-12s %-8s %s  (%s)\n", step.Step, step.Verdict, step.Summary, micros(step.Micros))
		indent(&text, 26, step.Details)
	}
	if len(r.Fix) > 0 {
		text.WriteString("fix:\n")
		indent(&text, 2, r.Fix)
	}
	return Mark(text.String(), "").WriteTo(w)
}

// style is the style of a verdict.
func (v Verdict) style() tint.Style {
	switch v {
	case OK:
		return tint.Good
	case Warning:
		return tint.Doubt
	case Refused, Failed:
		return tint.Bad
	}
	return tint.Plain
}

// Mark marks the verdicts and headings in what WriteTo wrote, and sets it behind an indentation. A program that reads a
// report from a server needs it: JSON would not have the bytes of the request that are not UTF-8.
func Mark(report, indentation string) *tint.Text {
	text := &tint.Text{}
	number, fix := 0, false
	for line := range strings.Lines(report) {
		line, end := strings.CutSuffix(line, "\n")
		text.Add(tint.Plain, indentation)
		number++
		switch verdict, ok := verdictIn(line); {
		case number == 3 || line == "fix:":
			fix = fix || number > 3
			text.Add(tint.Strong, line)
		case ok && number > 3 && !fix:
			text.Add(tint.Plain, line[:verdictColumn])
			text.Add(verdict.style(), string(verdict))
			text.Add(tint.Plain, line[verdictColumn+len(verdict):])
		default:
			text.Add(tint.Plain, line)
		}
		if end {
			text.Add(tint.Plain, "\n")
		}
	}
	return text
}

// verdictColumn is where WriteTo writes the verdict of a step. No detail begins before it.
const verdictColumn = 2 + 12 + 1

// verdictIn is the verdict in the line of a step.
func verdictIn(line string) (Verdict, bool) {
	if len(line) <= verdictColumn || !strings.HasPrefix(line, "  ") || line[2] == ' ' || line[verdictColumn-1] != ' ' {
		return "", false
	}
	word, _, _ := strings.Cut(line[verdictColumn:], " ")
	return Verdict(word), Verdict(word).style() != tint.Plain
}

// indent writes the lines of the texts, each behind so many spaces.
func indent(w *strings.Builder, spaces int, texts []string) {
	for _, text := range texts {
		for line := range strings.Lines(text) {
			fmt.Fprintf(w, "%*s%s\n", spaces, "", strings.TrimRight(line, "\n"))
		}
	}
}

func micros(n int64) string { return (time.Duration(n) * time.Microsecond).String() }
