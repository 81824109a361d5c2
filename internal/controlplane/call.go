package controlplane

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// Call is one authenticated request to an API.
type Call struct {
	Request   *http.Request
	Body      []byte
	Caller    *auth.Caller // nil for an operation that needs no signature
	Region    string       // of the credential scope
	RequestID string
	Now       time.Time
	State     *state.State
	Trace     *trace.Trace
	Log       *slog.Logger
	Messages  *Messages // nil if there are none

	clock     func() time.Time
	point     func(w http.ResponseWriter, r *http.Request, requestID string)
	secure    bool          // the client speaks TLS
	answers   []auth.Answer // of the policies
	denied    bool          // the signature is not good, or a permission that it asked for was not given
	status    int           // of a refusal
	errorType string        // of a refusal
}

// Refused notes for the trace what a client was told that is refused: the status and AWS's name for the error. Every
// API calls it when it refuses a call.
func (c *Call) Refused(status int, errorType string) { c.status, c.errorType = status, errorType }

// PointOut tells the client of a refusal that leaves a trace where it is explained. APIs call it before they answer.
func (c *Call) PointOut(w http.ResponseWriter) {
	if c.denied && c.point != nil {
		c.point(w, c.Request, c.RequestID)
	}
}

// Context is the request's context.
func (c *Call) Context() context.Context { return c.Request.Context() }

// Named tells the trace which operation the call is of, such as lambda:CreateFunction.
func (c *Call) Named(operation string) {
	const maxOperation = 128
	c.Trace.Operation = trace.Keep(operation, maxOperation)
}

// Permission is what an operation needs of its caller.
type Permission struct {
	Action          string
	Resource        string           // ARN or "*"
	Shown           string           // what a refusal calls the resource; "" is Resource itself
	ResourceAccount string           // "" is the caller's account
	Policy          *policy.Document // the resource's own policy, nil if it has none
	PolicyName      string
	Facts           []auth.Fact // condition keys of the service
}

// Authorize asks whether the caller has the permission; the error is *Denied if not.
func (c *Call) Authorize(need Permission) error {
	account := need.ResourceAccount
	if account == "" {
		account = c.Caller.Account
	}
	decision, asked := auth.Authorize(c.State.Now(), c.Caller, auth.Check{
		Action: need.Action, Resource: need.Resource, ResourceAccount: account,
		Policy: need.Policy, PolicyName: need.PolicyName, Context: c.Conditions(account, need.Facts),
	})
	c.answers = append(c.answers, auth.Answer{Asked: asked, Decision: decision})
	if decision.Effect == policy.Allowed {
		return nil
	}
	c.ExplainDecision(asked, decision)
	return &Denied{Caller: c.Caller.ARN(), CallerID: c.Caller.UserID, Permission: need, Decision: decision}
}

// Conditions are the condition keys of the call: those that it has anyway and those of the operation.
func (c *Call) Conditions(resourceAccount string, facts []auth.Fact) *auth.Conditions {
	return &auth.Conditions{
		Caller: c.Caller, Now: c.Now, SourceIP: sourceIP(c.Request), Secure: c.secure,
		Header: c.Request.Header, Region: c.Region, Resource: resourceAccount, Extra: facts,
	}
}

// Denied is the refusal of a caller whose policies do not allow an operation.
type Denied struct {
	Caller     string // ARN
	CallerID   string // aws:userid
	Permission Permission
	Decision   policy.Decision
}

// Error is the text that AWS gives the caller (IAM User Guide, "Troubleshoot access denied error messages").
func (d *Denied) Error() string {
	resource := d.Permission.Shown
	if resource == "" {
		resource = d.Permission.Resource
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s",
		d.Caller, d.Permission.Action, resource, d.Decision.Because(d.Permission.Action))
}

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
	c.Trace.Add("authorize", c.clock(), finding)
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

// Put keeps something new in a transaction, if the check finds nothing against it.
func (c *Call) Put(made record, check func(*state.Snapshot) error) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		if err := check(tx.View()); err != nil {
			return err
		}
		return tx.Put(made)
	})
}

// Change changes what find finds, in a transaction: edit gets a copy of it, which then takes its place.
func Change[V interface {
	record
	Clone() V
}](c *Call, find func(*state.Snapshot) (V, error), edit func(*state.Snapshot, V) error) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		old, err := find(tx.View())
		if err != nil {
			return err
		}
		changed := old.Clone()
		if err := edit(tx.View(), changed); err != nil {
			return err
		}
		return tx.Put(changed)
	})
}

// Delete deletes what find finds, in a transaction, if the check, unless it is nil, finds nothing against it.
func Delete[V record](c *Call, find func(*state.Snapshot) (V, error), check func(*state.Snapshot, V) error) error {
	return c.State.Update(c.Context(), func(tx *state.Tx) error {
		old, err := find(tx.View())
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(tx.View(), old); err != nil {
				return err
			}
		}
		tx.Delete(old)
		return nil
	})
}

// record is what the state keeps.
type record interface{ Key() string }
