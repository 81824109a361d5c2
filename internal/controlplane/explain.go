package controlplane

import (
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// Explain keeps why a call is refused where AWS's answer does not say it and no policy was asked, and what would help.
func (c *Call) Explain(reason string, fix ...string) {
	c.explain(refusal{trace.Keep(reason, maxReason), trace.KeepAll(maxReason, fix...)})
}

// maxReason bounds what is kept of a reason and of a fix, which may repeat what the client sent.
const maxReason = 1024

// ExplainDecision keeps why the policies refuse a call.
func (c *Call) ExplainDecision(asked auth.Asked, decision policy.Decision) {
	c.Concern(asked.Request.ResourceAccount)
	c.explain(auth.NewAPIFinding(asked, decision))
}

// Concern notes that the call has to do with another account than the caller's, if the server has that account.
func (c *Call) Concern(account string) {
	if known, ok := c.State.Now().Accounts.Get(account); ok {
		c.Trace.Concern(known.ID)
	}
}

func (c *Call) explain(finding trace.Finding) {
	c.denied = true
	c.Trace.Add("authorize", c.Now, finding)
}

// refusal is a finding in words.
type refusal struct {
	reason trace.Text
	fix    trace.Texts
}

func (refusal) Verdict() trace.Verdict { return trace.Refused }
func (r refusal) Summary() string      { return r.reason.String() }
func (refusal) Details() []string      { return nil }
func (r refusal) Fix() []string        { return r.fix.Strings() }
