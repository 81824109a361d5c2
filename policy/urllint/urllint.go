// Package urllint finds what is likely wrong with IAM policies for Lambda function URLs before it denies anything, or
// before it lets in more callers than meant: one of the two actions that a call needs, conditions that no call fulfills
// or that every call does, ARNs that match nothing, misspelled names, a grant to everyone.
//
// Package policy has the language itself; this package has the advice that knows function URLs. Each rule is a row of
// one table, which [Rules] shows, with examples; docs/lint.md is written from it. Where IAM Access Analyzer has a check
// for the same fault, the rule has its name. A document without findings may still deny: whether a request is allowed
// is for [policy.Evaluate] to say.
package urllint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/furl-dev/furl/policy"
)

// The two actions of a function URL and the condition key that comes with each (AWS Lambda Developer Guide, "Control
// access to Lambda function URLs").
const (
	actionInvokeURL = "lambda:InvokeFunctionUrl"
	actionInvoke    = "lambda:InvokeFunction"
	keyAuthType     = "lambda:FunctionUrlAuthType"
	keyViaURL       = "lambda:InvokedViaFunctionUrl"
)

// Severity says how sure a rule is that something is wrong.
type Severity int

const (
	// SeverityWarning: the document works, perhaps for more callers than meant.
	SeverityWarning Severity = iota
	// SeverityError: the document, or part of it, cannot do what it is written for.
	SeverityError
	// SeveritySuggestion: the document means the same without what the finding is about.
	SeveritySuggestion
)

// String returns "warning", "error" or "suggestion".
func (s Severity) String() string {
	switch s {
	case SeverityError:
		return "error"
	case SeveritySuggestion:
		return "suggestion"
	default:
		return "warning"
	}
}

// Finding is something a rule has to say about a statement. Its fix is either a Version for the document, or the
// statements to write in the place of this one.
type Finding struct {
	policy.Ref
	Rule     Rule
	Severity Severity
	Message  string            // what is wrong, and why AWS behaves so
	Fix      string            // what to do about it
	Version  string            // the fix: the Version element that the document has to have; "" if that is not it
	Instead  []json.RawMessage // the fix otherwise: these statements instead of this one; none to remove it
}

// Apply returns the document with the fix made. Other statements keep their text.
func (f Finding) Apply() []byte {
	document := struct {
		Version   string
		ID        string `json:"Id,omitempty"`
		Statement []json.RawMessage
	}{Version: cmp.Or(f.Version, f.Document.Version()), ID: f.Document.ID(), Statement: []json.RawMessage{}}
	for i, s := range f.Document.Statements() {
		if i == f.Statement && f.Version == "" {
			document.Statement = append(document.Statement, f.Instead...)
			continue
		}
		document.Statement = append(document.Statement, s.JSON)
	}
	return marshal(document)
}

// marshal writes what always marshals, without escapes for HTML.
func marshal(value any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Linter checks documents. The zero value is ready.
type Linter struct {
	Now func() time.Time // time.Now if nil
}

// Lint checks documents with the clock of the machine.
func Lint(docs ...policy.Named) []Finding { return (&Linter{}).Lint(docs...) }

// Lint checks documents for what goes wrong with function URLs. Documents given together are taken to apply together:
// another one of them may grant the second action. Findings are in the order of the documents, statements and rules.
func (c *Linter) Lint(docs ...policy.Named) []Finding {
	l := linter{now: time.Now()}
	if c.Now != nil {
		l.now = c.Now()
	}
	for _, named := range docs {
		l.read(named)
	}
	for _, s := range l.all {
		for i := range table {
			if table[i].applies(s) {
				table[i].check(&pass{&l, s, &table[i]})
			}
		}
	}
	return l.findings
}

type linter struct {
	now      time.Time
	all      []*statement
	findings []Finding
}

func (l *linter) read(named policy.Named) {
	if named.Document == nil {
		return
	}
	t := policy.IdentityBased
	if named.Document.Kind() != policy.Identity {
		t = policy.ResourceBased
	}
	said := map[string]string{}
	for i, s := range named.Document.Statements() {
		ref := policy.Ref{Type: t, Policy: named.Name, Document: named.Document, Statement: i, Effect: s.Effect}
		read := newStatement(s, ref)
		s.Sid = ""
		text := string(render(&s))
		if read.twin = said[text]; read.twin == "" {
			said[text] = ref.Path()
		}
		l.all = append(l.all, read)
	}
}

// pass is one rule at one statement.
type pass struct {
	*linter
	*statement
	row *Row
}

// report adds a finding, with the statements that cure it.
func (p *pass) report(message, fix string, instead ...policy.Statement) {
	f := Finding{
		Ref: p.ref, Rule: p.row.Rule, Severity: p.row.Severity, Message: message, Fix: fix, Instead: []json.RawMessage{},
	}
	for _, s := range instead {
		f.Instead = append(f.Instead, render(&s))
	}
	p.findings = append(p.findings, f)
}

// doubt makes a warning of the last finding.
func (p *pass) doubt() { p.findings[len(p.findings)-1].Severity = SeverityWarning }

func quote(s string) string { return strconv.Quote(s) }

// without returns the list without the elements.
func without(list []string, elements ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(elements, s) })
}
