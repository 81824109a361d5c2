// Package check finds out whether a call of a function URL would be allowed, without being the server: it looks at
// everything that can be looked at from outside, and walks the same steps as a function URL does, with the same
// policy evaluation (package policy).
//
// A report names what it could not look at, with the permission that was missing, and counts it as not allowed: it says
// Allowed only if nothing that decides was left out. It changes nothing and, unless asked to, does not call the
// function.
package check

import (
	"io"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/tint"
	"github.com/furl-dev/furl/policy"
)

// Status is how a step came out.
type Status string

// The outcomes of a step.
const (
	OK      Status = "ok"
	Problem Status = "problem"
	Unknown Status = "could not look"
)

// Step is what one step found.
type Step struct {
	Name    string   `json:"step"`
	Status  Status   `json:"status"`
	Summary string   `json:"summary"`
	Details []string `json:"details,omitempty"`
	// Missing is the permission that the step would need to look, such as iam:GetRolePolicy.
	Missing string `json:"missingPermission,omitempty"`
	// Decides says that the verdict depends on the step: with a Problem here the call fails.
	Decides bool `json:"decides"`
	// Fix is commands or sentences that would change the outcome.
	Fix []string `json:"-"`

	action string
	by     []policy.Ref // the statements that allow the action, if it is allowed
}

// Verdict is what all steps come to.
type Verdict string

// The verdicts.
const (
	Allowed   Verdict = "allowed"
	Refused   Verdict = "refused"   // by authentication or authorization
	Unusable  Verdict = "unusable"  // there is nothing to call, or no way to it
	Undecided Verdict = "undecided" // something that decides could not be looked at
)

// Report is what a check found. Its JSON form is a contract: fields are only added.
type Report struct {
	Version   int      `json:"version"` // of the JSON form
	Function  string   `json:"function,omitempty"`
	URL       string   `json:"url,omitempty"`
	Principal string   `json:"principal,omitempty"`
	Method    string   `json:"method"`
	Path      string   `json:"path"`
	Verdict   Verdict  `json:"verdict"`
	Reason    string   `json:"reason,omitempty"` // of a verdict that is not Allowed: the step that decided
	Steps     []Step   `json:"steps"`
	Fix       []string `json:"fix,omitempty"`
}

// steps whose problems mean that the URL refuses the call, as against there being nothing to call.
var refusing = []string{stepClock, stepCredentials, stepSignature, stepInvokeURL, stepInvoke, stepSCP, stepCall}

// The names of the steps.
const (
	stepURL         = "url"
	stepRegion      = "region"
	stepDNS         = "dns"
	stepTLS         = "tls"
	stepClock       = "clock"
	stepCredentials = "credentials"
	stepSignature   = "signature"
	stepPolicies    = "policies"
	stepInvokeURL   = "InvokeFunctionUrl"
	stepInvoke      = "InvokeFunction"
	stepSCP         = "scp"
	stepQualifier   = "alias"
	stepNovember    = "november-2026"
	stepCORS        = "cors"
	stepCloudFront  = "cloudfront"
	stepCall        = "call"
)

// hidden stands in the place of a secret.
const hidden = "[hidden]"

// hide takes secrets out of the report. The texts of services may have them: AWS's on a signature that does not match
// quotes the request, session token and all.
func (r *Report) hide(secrets []string) {
	var pairs []string
	for _, secret := range secrets {
		pairs = append(pairs, secret, hidden)
	}
	replacer := strings.NewReplacer(pairs...)
	for i := range r.Steps {
		step := &r.Steps[i]
		step.Summary = replacer.Replace(step.Summary)
		for j := range step.Details {
			step.Details[j] = replacer.Replace(step.Details[j])
		}
	}
}

// conclude draws the verdict from the steps.
func (r *Report) conclude() {
	r.Verdict = Allowed
	worse := []Verdict{Allowed, Undecided, Refused, Unusable}
	for _, step := range r.Steps {
		r.Fix = union(r.Fix, step.Fix)
		verdict := step.verdict()
		if slices.Index(worse, verdict) > slices.Index(worse, r.Verdict) {
			summary, _, _ := strings.Cut(step.Summary, "\n")
			r.Verdict, r.Reason = verdict, step.Name+": "+summary
		}
	}
	// A call that was made says more than all that was read.
	if last := len(r.Steps) - 1; last >= 0 && r.Steps[last].Name == stepCall && r.Steps[last].Status == OK {
		r.Verdict, r.Reason = Allowed, ""
	}
}

// verdict is what the step comes to if all others are well.
func (s Step) verdict() Verdict {
	switch {
	case !s.Decides || s.Status == OK:
		return Allowed
	case s.Status == Unknown:
		return Undecided
	case slices.Contains(refusing, s.Name):
		return Refused
	default:
		return Unusable
	}
}

// words are the verdicts in a sentence.
var words = map[Verdict]string{
	Allowed: "the call would be allowed", Refused: "the call would be refused", Unusable: "there is nothing to call",
	Undecided: "whether the call would be allowed could not be found out",
}

// WriteTo writes the report for a person to read.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var text tint.Text
	for _, step := range r.Steps {
		summary, more, _ := strings.Cut(step.Summary, "\n")
		text.Addf("%-17s  ", step.Name)
		text.Pad(step.Status.style(), string(step.Status), statusWidth)
		text.Addf("  %s\n", summary)
		for _, detail := range append([]string{more}, step.Details...) {
			for line := range strings.Lines(detail) {
				text.Addf("%-17s  %-*s    %s\n", "", statusWidth, "", strings.TrimRight(line, "\n"))
			}
		}
	}
	text.Addf("\n")
	text.Add(r.Verdict.style(), words[r.Verdict])
	text.Addf("%s\n", strings.TrimPrefix(r.Conclusion(), words[r.Verdict]))
	heading := "fix:"
	if r.Verdict == Allowed {
		heading = "to put the rest right:"
	}
	writeList(&text, heading, r.Fix)
	return text.WriteTo(w)
}

// statusWidth is that of the longest status.
const statusWidth = len(Unknown)

// style is the style of a status.
func (s Status) style() tint.Style {
	switch s {
	case OK:
		return tint.Good
	case Problem:
		return tint.Bad
	}
	return tint.Doubt
}

// style is the style of a verdict.
func (v Verdict) style() tint.Style {
	switch v {
	case Allowed:
		return tint.Good
	case Undecided:
		return tint.Doubt
	}
	return tint.Bad
}

// writeList writes lines under a heading; nothing if there are none.
func writeList(text *tint.Text, heading string, lines []string) {
	if len(lines) > 0 {
		text.Add(tint.Strong, heading)
		text.Addf("\n  %s\n", strings.Join(lines, "\n  "))
	}
}

// union is the list with those of the others that are not in it yet.
func union(list, others []string) []string {
	for _, other := range others {
		if !slices.Contains(list, other) {
			list = append(list, other)
		}
	}
	return list
}

// Conclusion is the verdict in a sentence.
func (r Report) Conclusion() string {
	if r.Reason == "" {
		return words[r.Verdict]
	}
	return words[r.Verdict] + ": " + r.Reason
}
