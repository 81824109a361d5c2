package trace_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/trace"
)

// structured is a finding with parts.
type structured struct{ finding }

func (structured) Mismatch() *trace.Mismatch { return &trace.Mismatch{Fault: "f"} }
func (structured) Decision() *trace.Decision { return &trace.Decision{Action: "a"} }

// The outcome of a request is the worst of its steps, and what a report says of all that are bad.
func TestOutcome(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		steps []trace.Verdict
		want  trace.Verdict
	}{
		{nil, trace.OK},
		{[]trace.Verdict{trace.OK, trace.Warning, trace.OK}, trace.Warning},
		{[]trace.Verdict{trace.Refused, trace.Warning}, trace.Refused},
		{[]trace.Verdict{trace.Failed, trace.Refused}, trace.Failed},
	} {
		traced := trace.New("id", now, "GET", "/", "h", "127.0.0.1")
		for _, verdict := range test.steps {
			traced.Add("step", now, finding{verdict: verdict, summary: "a\nb"})
		}
		if got, reason := traced.Outcome(); got != test.want || reason != traced.Report().Reason() {
			t.Errorf("%v: %s, %q", test.steps, got, reason)
		}
		if traced.Reached("step") != (len(test.steps) > 0) || traced.Reached("other") {
			t.Errorf("%v: reached the wrong step", test.steps)
		}
	}
}

// A report has the parts of the findings that have some.
func TestReportsAreStructured(t *testing.T) {
	now := time.Now()
	traced := trace.New("id", now, "GET", "/", "h", "127.0.0.1")
	traced.Function, traced.Caller, traced.Operation = trace.Keep("f", 9), trace.Keep("c", 9), trace.Keep("o", 9)
	traced.Add("plain", now, finding{verdict: trace.OK})
	traced.Add("structured", now, structured{finding{verdict: trace.Refused}})
	report := traced.Report()
	if diff := cmp.Diff([]string{"f", "c", "o"}, []string{report.Function, report.Caller, report.Operation}); diff != "" {
		t.Error(diff)
	}
	plain, parts := report.Steps[0], report.Steps[1]
	if plain.Mismatch != nil || plain.Decision != nil || parts.Mismatch.Fault != "f" || parts.Decision.Action != "a" {
		t.Errorf("%+v", report.Steps)
	}
}
