package cli

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/declared"
	"github.com/furl-dev/furl/internal/policyio"
	"github.com/furl-dev/furl/internal/report"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/tint"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

func (p *program) policy() *cobra.Command {
	command := &cobra.Command{
		Use:   "policy",
		Short: "Evaluate, lint and learn IAM policies, and say who may call",
		Long: `Evaluate and lint IAM policies, say who may call a function URL, and learn policies from calls, by the same rules as
the server.

Exit status: see the commands.`,
		Example: "  furl policy lint resource-policy.json",
		Args:    noCommand,
		RunE:    func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(p.policyEvaluate(), p.policyLint(), p.policyWho(), p.policyLearn())
	return command
}

func (p *program) policyEvaluate() *cobra.Command {
	var input string
	command := &cobra.Command{
		Use:   "evaluate",
		Short: "Decide requests, one JSON object a line",
		Long: `Decide requests, one JSON object a line:
{"id","principal","action","resource","resourceAccount","context":{},
"identityPolicies":[],"resourcePolicy":null,"permissionBoundary":null,"sessionPolicy":null,"SCPs":[[…]…]}. The
principal is an ARN, a service's name or Anonymous; a role's session is given by its ARN. Every condition key must be
in the context; several values are a list. The first level of SCPs is the root's.

One line comes out for each: {"id","decision","matched":[…],"reason"}, with the decision Allowed, ImplicitlyDenied or
ExplicitlyDenied. An implicit deny comes with the nearest misses and the statements that would allow the request, for
function URLs also as CLI command, CloudFormation (SAM takes it too) and Terraform.

` + exitStatus(status{exitOK: "every line was decided", exitFailed: "some line could not be understood"},
			exitUsage, exitInterrupted),
		Example: `  echo '{"id":"1","principal":"arn:aws:iam::111122223333:user/alice","action":"lambda:InvokeFunctionUrl",` +
			`"resource":"arn:aws:lambda:eu-west-1:111122223333:function:web","identityPolicies":[{"Version":"2012-10-17",` +
			`"Statement":{"Effect":"Allow","Action":"lambda:*","Resource":"*"}}]}' | furl policy evaluate`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			in, err := p.open(input)
			if err != nil {
				return err
			}
			defer in.Close()
			out := bufio.NewWriter(p.streams.Out)
			summary, err := policyio.Run(command.Context(), in, out)
			if err := errors.Join(err, out.Flush()); err != nil {
				return err
			}
			if summary.Invalid > 0 {
				return fail(linesInvalid, fmt.Errorf("%d lines could not be understood", summary.Invalid))
			}
			return nil
		},
	}
	command.Flags().StringVar(&input, "input", "-", "file to read, - for standard input")
	command.Flags().Bool("json", true, "print JSON, which is the only form")
	return command
}

// open opens a file for reading, or standard input for "-".
func (p *program) open(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(p.streams.In), nil
	}
	return os.Open(path)
}

func (p *program) policyLint() *cobra.Command {
	var format report.Format
	var d declaration
	command := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Find what is likely wrong with policies for function URLs",
		Long: `Find what is likely wrong with policies for function URLs, before it denies anything, or before it lets in
more callers than meant: a missing second action, conditions that no call fulfills or every call does, ARNs that match
nothing, misspelled names, a grant to everyone, a Deny of every call. docs/lint.md has all rules, with examples.

The command reads the files together, so that two of them may complete each other. - is standard input. A file may also
be what aws lambda get-policy, aws iam get-role-policy or aws iam get-account-authorization-details printed; lines and
columns are then those of the policy inside. Configurations of function URLs are skipped.

A template of SAM or CloudFormation, .aws-sam/build, a cdk.out, a Serverless project, or a directory with one, is
linted as it declares functions, URLs, permissions and policies: with the line of each statement, with further rules
about what declares them, and with the fix as resources of the template. What is in the file says what it is.
--format writes what CI systems read (docs/ci.md).

` + exitStatus(status{
			exitOK: "nothing is wrong; there may be suggestions", exitFailed: "something is wrong, or a template has faults",
			exitUsage: "wrong usage, or a file is neither a policy nor a template",
		}),
		Example: "  aws lambda get-policy --function-name web --query Policy --output text | furl policy lint -",
		Args:    cobra.MinimumNArgs(1),
	}
	settleFormat := formatFlag(command, &format, "print one JSON object for each finding: --format json")
	command.RunE = func(command *cobra.Command, paths []string) error {
		err := settleFormat()
		if err != nil {
			return err
		}
		sets, worlds, unread, faults := p.readPolicies(paths, &d)
		findings := shownFindings(lintSets(sets))
		for _, world := range worlds {
			findings = append(findings, lintWorld(world)...)
			unread = append(unread, world.Faults()...)
		}
		if format == report.Text || format == report.JSON {
			err = p.printFindings(findings, format == report.JSON)
		} else {
			err = lintReport(paths, findings, append(unread, faults)).Write(p.streams.Out, format)
		}
		if err != nil {
			return err
		}
		wrong := slices.DeleteFunc(findings, func(f shownFinding) bool {
			return f.Severity == urllint.SeveritySuggestion.String()
		})
		switch {
		case faults != nil:
			return usage(command, faults)
		case len(unread) > 0: // which is never all right
			return errors.Join(unread...)
		case len(wrong) == 0:
			return nil
		}
		count := fmt.Errorf("%d findings", len(wrong))
		if len(wrong) == 1 {
			count = errors.New("1 finding")
		}
		return fail(lintFindings, count, strings.Join(paths, " "))
	}
	d.register(p, command)
	command.Flags().StringVar(&d.region, "region", "", "region that the template is read for (default $AWS_REGION)")
	return command
}

// readPolicies reads the files, and what projects declare. unread is what is wrong with the projects, err what is wrong
// with all the others.
func (p *program) readPolicies(
	paths []string, d *declaration,
) (sets []setup.SavedSet, worlds []*declared.World, unread []error, err error) {
	var faults []error
	var skipped []string
	for _, path := range paths {
		text, isProject, err := p.readDeclared(path)
		switch {
		case err != nil:
			faults = append(faults, err)
			continue
		case isProject || text == nil: // a directory without a declaration is told so
			world, err := d.open(path, d.region, text)
			if err != nil {
				unread = append(unread, err)
				continue
			}
			worlds = append(worlds, world)
			continue
		}
		read, err := setup.ReadSaved(path, text)
		if errors.Is(err, setup.ErrURLConfig) {
			skipped = append(skipped, path)
			continue
		}
		if err != nil {
			faults = append(faults, err)
		}
		sets = append(sets, read...)
	}
	if len(skipped) > 0 {
		p.note("note: skipped the configurations of function URLs, which are no policies: %s", strings.Join(skipped, ", "))
	}
	return sets, worlds, unread, errors.Join(faults...)
}

// maxSaved is the largest file that policy lint reads: room for the answer about an account with thousands of policies.
const maxSaved = 64 << 20

func (p *program) readPolicy(path string) ([]byte, error) {
	in, err := p.open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxSaved+1))
	if len(text) > maxSaved {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSaved)
	}
	return setup.Unicode(text), err
}

// savedFinding is a finding with the policy that it is about.
type savedFinding struct {
	setup.SavedPolicy
	urllint.Finding
}

// lintSets lints the policies of each set together, and with those that belong to no set of several: one file's policy
// may complete another's, but one user's policy does not complete another user's. A policy of several sets has a
// finding if it has it in one of them.
func lintSets(sets []setup.SavedSet) (findings []savedFinding) {
	var common []policy.Named
	for _, set := range sets {
		if set.Common {
			common = append(common, set.Policies[0].Named())
		}
	}
	// Each set is linted once, and all that add nothing to the common policies together.
	together := sync.OnceValue(func() []urllint.Finding { return urllint.Lint(common...) })
	runs := make([]func() []urllint.Finding, len(sets))
	for i, set := range sets {
		if runs[i] = together; !set.Common && len(set.Policies)+len(set.AWS) > 0 {
			runs[i] = sync.OnceValue(func() []urllint.Finding { return urllint.Lint(with(common, set)...) })
		}
	}
	seen := map[spot]bool{}
	for i, set := range sets {
		if len(set.Policies) == 0 {
			continue
		}
		found := runs[i]()
		for _, saved := range set.Policies {
			for _, f := range found {
				if at := spotOf(f); f.Document == saved.Document && !seen[at] && !isCompleted(f, sets, runs) {
					seen[at] = true
					findings = append(findings, savedFinding{saved, f})
				}
			}
		}
	}
	return findings
}

// with is the policies that belong to no set of several, and those of a set.
func with(common []policy.Named, set setup.SavedSet) []policy.Named {
	together := slices.Clone(common)
	if len(set.Policies) > 0 && set.Policies[0].Kind() == policy.Trust { // which is about other actions
		together = nil
	}
	for _, saved := range slices.Concat(set.Policies, set.AWS) {
		together = append(together, saved.Named())
	}
	return together
}

// spot is what tells one finding from another.
type spot struct {
	document  *policy.Document
	statement int
	rule      urllint.Rule
	message   string
}

func spotOf(f urllint.Finding) spot { return spot{f.Document, f.Statement, f.Rule, f.Message} }

// isCompleted reports whether a function's policy grants one action alone to users and roles whose own policies give
// each of them the other.
func isCompleted(f urllint.Finding, sets []setup.SavedSet, runs []func() []urllint.Finding) bool {
	principals := f.Document.Statements()[f.Statement].Principals
	if f.Rule != urllint.RuleMissingAction || len(principals) == 0 {
		return false
	}
	return !slices.ContainsFunc(principals, func(principal string) bool {
		i := slices.IndexFunc(sets, func(set setup.SavedSet) bool { return "AWS:"+set.Owner == principal })
		return i < 0 || slices.ContainsFunc(runs[i](), func(other urllint.Finding) bool {
			return spotOf(other) == spotOf(f)
		})
	})
}

// shownFinding is a finding as it is printed. Its JSON form is a contract: fields are only added.
type shownFinding struct {
	File     string            `json:"file"`
	Owner    string            `json:"policy,omitempty"`
	Line     int               `json:"line"`
	Column   int               `json:"column"`
	Path     string            `json:"path"`
	Sid      string            `json:"sid,omitempty"`
	Rule     string            `json:"rule"`
	Severity string            `json:"severity"`
	Message  string            `json:"message"`
	Fix      string            `json:"fix"`
	Version  string            `json:"version,omitempty"`
	Instead  []json.RawMessage `json:"instead"`
	// Of a template: the resource that the finding is about, and those to write into Resources; null is one to remove.
	Resource  string                     `json:"resource,omitempty"`
	Resources map[string]json.RawMessage `json:"resources,omitempty"`

	place, code string
}

// shownFindings are findings about saved policies.
func shownFindings(findings []savedFinding) []shownFinding {
	shown := make([]shownFinding, len(findings))
	for i, f := range findings {
		start, _ := f.Position()
		shown[i] = shownFinding{
			File: f.File, Owner: f.Label, Line: start.Line, Column: start.Column, Path: f.Path(), Sid: f.Sid(),
			Rule: string(f.Rule), Severity: f.Severity.String(), Message: f.Message, Fix: f.Fix, Version: f.Version,
			Instead: f.Instead, place: fmt.Sprintf("%s:%d:%d", f.Named().Name, start.Line, start.Column),
		}
		for _, statement := range f.Instead {
			shown[i].code += "    " + string(statement) + "\n"
		}
	}
	return shown
}

// lintWorld lints what a project declares.
func lintWorld(world *declared.World) []shownFinding {
	var linted []declared.Linted
	for _, f := range lintSets(world.Sets()) {
		linted = append(linted, declared.Linted{Policy: f.Label, Finding: f.Finding})
	}
	found := world.Findings(linted)
	shown := make([]shownFinding, len(found))
	for i, f := range found {
		shown[i] = shownFinding{
			File: f.Pos.File, Owner: f.Policy, Line: f.Pos.Line, Column: f.Pos.Column, Path: f.Statement, Sid: f.Sid,
			Rule: string(f.Rule), Severity: f.Severity.String(), Message: f.Message, Fix: f.Fix, Version: f.Version,
			Instead: f.Instead, Resource: f.Resource.ID, Resources: f.Resources, place: f.Pos.String(), code: f.Code(),
		}
	}
	return shown
}

// lintReport is what policy lint found, in the form that CI systems read it from. A file without findings passed.
func lintReport(paths []string, findings []shownFinding, faults []error) report.Report {
	found := report.Report{Command: "furl policy lint", Version: Built().Version, Complete: true}
	outcomes := map[string]report.Outcome{}
	for severity, outcome := range map[urllint.Severity]report.Outcome{
		urllint.SeverityError: report.Failed, urllint.SeverityWarning: report.Warned, urllint.SeveritySuggestion: report.Noted,
	} {
		outcomes[severity.String()] = outcome
	}
	for _, row := range urllint.Rules() {
		found.Rules = append(found.Rules, report.Rule{
			ID: string(row.Rule), Summary: row.Finds, Help: row.Fix, Outcome: outcomes[row.Severity.String()],
		})
	}
	for _, row := range declared.Rules() {
		found.Rules = append(found.Rules, report.Rule{
			ID: string(row.Rule), Summary: row.Finds, Help: row.Fix, Outcome: outcomes[row.Severity.String()],
		})
	}
	found.Rules = append(found.Rules, report.Rule{
		ID: unreadRule, Summary: "The input could not be read", Help: "The result says why.", Outcome: report.Unknown,
	})
	for _, path := range paths {
		if !slices.ContainsFunc(findings, func(f shownFinding) bool { return f.File == path }) && len(faults) == 0 {
			found.Results = append(found.Results, report.Result{Suite: path, Name: path, Message: "no finding"})
		}
	}
	for _, f := range findings {
		name := cmp.Or(f.Resource, f.Owner, f.File)
		if f.Path != "" {
			name += " " + f.Path
		}
		result := report.Result{
			Suite: f.File, Name: name, Rule: f.Rule, Outcome: outcomes[f.Severity], Message: f.Message, Fix: []string{f.Fix},
			File: f.File, Line: f.Line, Column: f.Column,
		}
		if code := strings.TrimSpace(f.code); code != "" {
			result.Fix = append(result.Fix, code)
		}
		if f.File == "-" { // standard input, which no reader of the report has
			result.File, result.Line, result.Column = "", 0, 0
		}
		found.Results = append(found.Results, result)
	}
	for _, fault := range faults {
		if fault != nil {
			found.Complete = false
			found.Results = append(found.Results, report.Result{
				Name: strings.Join(paths, " "), Rule: unreadRule, Outcome: report.Unknown, Message: fault.Error(),
			})
		}
	}
	found.Summary = fmt.Sprintf("%d findings", len(findings))
	if len(findings) == 1 {
		found.Summary = "1 finding"
	}
	return found
}

// unreadRule is the rule of what could not be read.
const unreadRule = "could-not-look"

// printFindings prints findings, with what to write instead.
func (p *program) printFindings(findings []shownFinding, asJSON bool) error {
	encoder := json.NewEncoder(p.streams.Out)
	encoder.SetEscapeHTML(false)
	for _, finding := range findings {
		if asJSON {
			if err := encoder.Encode(finding); err != nil {
				return err
			}
			continue
		}
		var text tint.Text
		text.Addf("%s: ", finding.place)
		text.Add(severityStyle(finding.Severity), finding.Severity)
		text.Addf(": %s [%s]\n  fix: %s\n%s", finding.Message, finding.Rule, finding.Fix, finding.code)
		if _, err := text.WriteTo(p.streams.Out); err != nil {
			return err
		}
	}
	return nil
}

func severityStyle(severity string) tint.Style {
	switch severity {
	case urllint.SeverityError.String():
		return tint.Bad
	case urllint.SeverityWarning.String():
		return tint.Doubt
	}
	return tint.Note
}
