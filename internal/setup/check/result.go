package check

import (
	"cmp"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/report"
)

// Rule is the kind of a result that is not ok. Ids never change their meaning.
type Rule string

// The rules. That of a grant of one action alone has the name that policy lint gives it.
const (
	ruleMissing   Rule = "missing-action"
	ruleNobody    Rule = "nobody-may-call"
	ruleQualifier Rule = "url-qualifier"
	rulePublic    Rule = "url-not-public"
	ruleSCP       Rule = "service-control-policy"
	ruleRefused   Rule = "call-refused"
	ruleUnusable  Rule = "nothing-to-call"
	ruleDepends   Rule = "depends-on-callers"
	ruleUnknown   Rule = "could-not-look"
)

// rule is what a status says by itself.
func (s Status) rule() Rule {
	switch s {
	case Depends:
		return ruleDepends
	case Unknown:
		return ruleUnknown
	}
	return ""
}

// rules are all rules, in words.
func rules() []report.Rule {
	const both = "A caller of a function URL needs lambda:InvokeFunctionUrl and lambda:InvokeFunction. "
	return []report.Rule{
		{
			ID: string(ruleMissing), Summary: "One of the two actions is granted alone", Outcome: report.Failed,
			Help: both + "A grant of one of them alone is of use only to callers whose own policies give them the other. " +
				"furl grant FUNCTION --to PRINCIPAL grants what is missing.",
		}, {
			ID: string(ruleNobody), Summary: "Nobody may call the URL", Outcome: report.Failed,
			Help: both + "Neither the policy of the function nor that of a user or role of the account grants both. " +
				"furl grant FUNCTION --to PRINCIPAL grants them.",
		}, {
			ID: string(ruleQualifier), Summary: "The grant is on another qualifier than the URL", Outcome: report.Failed,
			Help: "A URL asks the policy of the function or the alias that it belongs to. Grant on the same one.",
		}, {
			ID: string(rulePublic), Summary: "The URL is public, and not everyone may call it", Outcome: report.Failed,
			Help: "A URL of auth type NONE still asks the policy of its function, which has to grant both actions to everyone. " +
				"Grant them, or give the URL the auth type AWS_IAM.",
		}, {
			ID: string(ruleSCP), Summary: "A service control policy denies the calls", Outcome: report.Failed,
			Help: "The organization of the account denies what the policies of the account grant. Its administrators can " +
				"change that.",
		}, {
			ID: string(ruleRefused), Summary: "The call would be refused", Outcome: report.Failed,
			Help: "A step that decides came out as a problem. furl check FUNCTION shows all steps, and the commands that " +
				"repair them.",
		}, {
			ID: string(ruleUnusable), Summary: "There is nothing to call", Outcome: report.Failed,
			Help: "The function, its alias or its URL is not there, or there is no way to it. furl url create FUNCTION " +
				"makes a URL.",
		}, {
			ID: string(ruleDepends), Summary: "Who may call depends on the callers' own policies", Outcome: report.Noted,
			Help: "The policy of the function lets nobody call by itself. furl check --all --callers reads the policies of users " +
				"and roles, which needs iam:GetAccountAuthorizationDetails.",
		}, {
			ID: string(ruleUnknown), Summary: "Something that decides could not be looked at", Outcome: report.Unknown,
			Help: "The result names the permission that was missing, or why the API did not answer. It is never taken to be ok.",
		},
	}
}

// Report is the audit in the form that CI systems read it from.
func (a Audit) Report(version string) report.Report {
	found := report.Report{
		Command: "furl check", Version: version, Rules: rules(), Summary: a.Counts.Sentence(), Complete: a.isComplete(),
	}
	for _, note := range a.Notes {
		name, why, _ := strings.Cut(note, ": left out: ")
		if !slices.Contains(a.unread, note) {
			found.Notes = append(found.Notes, note)
			continue
		}
		found.Results = append(found.Results, report.Result{
			Name: name, Rule: string(ruleUnknown), Outcome: report.Unknown, Message: why,
		})
	}
	outcomes := map[Status]report.Outcome{
		OK: report.Passed, Depends: report.Noted, Problem: report.Failed, Unknown: report.Unknown,
	}
	suite := func(by, region string) string {
		if by == "" || region == "" {
			return by + region
		}
		return by + "/" + region
	}
	for _, f := range a.Functions {
		found.Results = append(found.Results, report.Result{
			Suite: suite(cmp.Or(f.Profile, f.Account), f.Region), Name: f.name(), Rule: string(f.Rule),
			Outcome: outcomes[f.Status],
			Message: f.Summary, Details: slices.Clone(f.Details), Fix: f.Fix, File: f.File, Line: f.Line, Column: f.Column,
		})
	}
	for _, r := range a.Regions {
		if r.Status == Unknown {
			found.Results = append(found.Results, report.Result{
				Suite: suite(cmp.Or(r.Profile, r.Account), r.Region), Name: "region " + r.Region, Rule: string(ruleUnknown),
				Outcome: report.Unknown, Message: r.Summary,
			})
		}
	}
	return found
}
