package check

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// Entry is a function or alias with its URL and the policy that the URL asks.
type Entry struct {
	Function lambda.ARN // with the alias
	AuthType lambda.AuthType
	Address  string // of the URL; "" if it is not known whether there is one
	Policy   string // "" if there is none
	Fault    error  // why the policy is not known
}

// Audit is what the rule of November 2026 means for many functions. Its JSON form is a contract: fields are only added.
type Audit struct {
	Verdict   Verdict         `json:"verdict"` // Refused if some principal lost its access, Undecided if some policy was not seen
	Functions []AuditFunction `json:"functions"`
	Notes     []string        `json:"notes,omitempty"`
	Fix       []string        `json:"fix,omitempty"`
}

// AuditFunction is what it means for one function or alias.
type AuditFunction struct {
	Function string          `json:"function"`
	URL      string          `json:"url,omitempty"`
	AuthType lambda.AuthType `json:"authType,omitempty"`
	Status   Status          `json:"status"`
	Summary  string          `json:"summary"`
	Details  []string        `json:"details,omitempty"`
	Missing  string          `json:"missingPermission,omitempty"`
	fix      []string
}

// atOnce is how many policies are read at one time: the Lambda API lets an account make 15 calls a second (Lambda
// Developer Guide, "Lambda quotas").
const atOnce = 4

// All audits every function URL of the owner's account and region.
func (c *Checker) All(ctx context.Context) (Audit, error) {
	urls, err := setup.AllURLs(ctx, c.Owner.Functions)
	if err != nil {
		return Audit{}, err
	}
	entries := make([]Entry, len(urls))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, url := range urls {
		group.Go(func() error {
			text, err := c.Owner.Functions.Policy(ctx, url.Function)
			entries[i] = Entry{Function: url.Function, AuthType: url.AuthType, Address: url.Address, Policy: text}
			if awsapi.KindOf(err) != awsapi.NotFound {
				entries[i].Fault = err
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return Audit{}, err
	}
	return AuditOf(entries), nil
}

// AuditOf judges the entries.
func AuditOf(entries []Entry) Audit {
	audit := Audit{Verdict: Allowed, Functions: []AuditFunction{}}
	for _, entry := range entries {
		judged := entry.judge()
		audit.Functions = append(audit.Functions, judged)
		switch {
		case judged.Status == Problem:
			audit.Verdict = Refused
		case judged.Status == Unknown && audit.Verdict == Allowed:
			audit.Verdict = Undecided
		}
		audit.Fix = union(audit.Fix, judged.fix)
	}
	return audit
}

func (e Entry) judge() AuditFunction {
	judged := AuditFunction{Function: e.Function.String(), URL: e.Address, AuthType: e.AuthType, Status: OK}
	if e.Fault != nil {
		judged.Status, judged.Summary = Unknown, e.Fault.Error()
		judged.Missing, _ = awsapi.DeniedAction(e.Fault)
		return judged
	}
	var document *policy.Document
	name := "resource-based policy of " + judged.Function
	var statements []setup.Statement
	if e.Policy != "" {
		var err error
		if document, statements, err = setup.Parse(name, e.Policy, policy.Resource); err != nil {
			judged.Status, judged.Summary = Unknown, err.Error()
			return judged
		}
	}
	if e.AuthType == lambda.AuthNone {
		e.judgePublic(&judged, document)
		return judged
	}
	if document == nil {
		judged.Summary = "no resource-based policy: callers need both actions in their own"
		return judged
	}
	judged.Summary = "each principal that the policy names has both actions, or neither"
	judged.Details, judged.fix, _ = lint(judged.Function, policy.Named{Name: name, Document: document}, statements)
	if len(judged.Details) > 0 {
		judged.Status, judged.Summary = Problem, "one of the two actions is granted alone"+noUse
	}
	return judged
}

// judgePublic judges a URL that asks nobody who they are: both actions have to be granted to everyone.
func (e Entry) judgePublic(judged *AuditFunction, document *policy.Document) {
	sets := &policy.Sets{}
	if document != nil {
		sets.Resource = &policy.Named{Document: document}
	}
	var lacking []string
	for _, action := range setup.Actions {
		request := policy.Request{
			Action: action, Resource: judged.Function, ResourceAccount: e.Function.Account,
			Context: setup.ActionKeys(action, lambda.AuthNone),
		}
		if policy.Evaluate(request, sets).Effect != policy.Allowed {
			lacking = append(lacking, action)
		}
	}
	if len(lacking) == 0 {
		judged.Summary = "everyone may call"
		return
	}
	slices.Sort(lacking)
	judged.Status = Problem
	judged.Summary = "everyone is to call, but is not granted " + strings.Join(lacking, " and ")
	judged.fix = []string{explain.GrantCommand(judged.Function, lambda.PermissionPrincipal{Anyone: true}, "")}
}

// WriteTo writes the audit for a person to read.
func (a Audit) WriteTo(w io.Writer) (int64, error) {
	var text strings.Builder
	for _, function := range a.Functions {
		fmt.Fprintf(&text, "%-14s  %s  %s\n", function.Status, function.Function, function.Summary)
		for _, detail := range function.Details {
			fmt.Fprintf(&text, "%-14s    %s\n", "", detail)
		}
	}
	for _, note := range a.Notes {
		fmt.Fprintf(&text, "note: %s\n", note)
	}
	writeList(&text, "fix:", a.Fix)
	n, err := io.WriteString(w, text.String())
	return int64(n), err
}
