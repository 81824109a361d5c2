package trace

import "slices"

// Mismatch is why a signature does not match, for programs that show it.
type Mismatch struct {
	Fault       string `json:"fault,omitempty"`
	Explanation string `json:"explanation,omitempty"`
	Certainty   string `json:"certainty,omitempty"`
	Server      string `json:"server,omitempty"` // the server's canonical request, without session tokens
	Client      string `json:"client,omitempty"` // the one that the client signed, "" if it is not known
	// Differ are the bytes of Server and Client that differ, in their order. What only one of the two has is empty in the
	// other.
	Differ []Differ `json:"differ"`
}

// Differ is a run of bytes that differ: [from, to) of each text.
type Differ struct {
	Server [2]int `json:"server"`
	Client [2]int `json:"client"`
}

// Decision is what the policies said to one action, for programs that show it.
type Decision struct {
	Action   string   `json:"action"`
	Allowed  bool     `json:"allowed"`
	Summary  string   `json:"summary"`
	Asked    []string `json:"asked"`    // all policies, by name
	Allowing []string `json:"allowing"` // statements that matched, but for the one that Summary names
	Denying  []string `json:"denying"`
	Grounds  []string `json:"grounds"` // why each of Denying did
	Misses   []Miss   `json:"misses"`
	Notes    []string `json:"notes"` // of the other action and of other qualifiers
}

// Miss is a statement that nearly allowed an action.
type Miss struct {
	Statement string    `json:"statement"`
	Text      string    `json:"text"` // all of it in a sentence for each failure
	Failures  []Failure `json:"failures"`
}

// Failure is an element of a statement that the request did not match.
type Failure struct {
	What   string `json:"what"` // a condition key, or an element such as Principal
	Wanted string `json:"wanted"`
	Got    string `json:"got"`
}

// Mismatcher is a Finding that may be a Mismatch, or nil.
type Mismatcher interface{ Mismatch() *Mismatch }

// Decider is a Finding that is a Decision.
type Decider interface{ Decision() *Decision }

// structured adds what a program may show of a finding.
func (s *StepReport) structured(finding Finding) {
	if mismatcher, ok := finding.(Mismatcher); ok {
		s.Mismatch = mismatcher.Mismatch()
	}
	if decider, ok := finding.(Decider); ok {
		s.Decision = decider.Decision()
	}
}

// Outcome is the worst verdict of all steps and, if it is bad, what was refused or failed, in one line. It is what
// Report says, for less.
func (t *Trace) Outcome() (worst Verdict, reason string) {
	worst = OK
	for _, step := range t.steps {
		verdict := step.finding.Verdict()
		if verdict.rank() > worst.rank() {
			worst = verdict
		}
		if verdict.isBad() {
			if reason != "" {
				reason += "; "
			}
			reason += oneLine(step.finding.Summary())
		}
	}
	return worst, reason
}

// Reached reports whether the request reached the step.
func (t *Trace) Reached(name string) bool {
	return slices.ContainsFunc(t.steps, func(s step) bool { return s.name == name })
}

// rank is how bad a verdict is.
func (v Verdict) rank() int {
	switch v {
	case Failed:
		return 3
	case Refused:
		return 2
	case Warning:
		return 1
	}
	return 0
}

func (v Verdict) isBad() bool { return v == Refused || v == Failed }
