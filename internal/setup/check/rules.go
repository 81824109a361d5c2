package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

// lookAtNovember looks for grants of one of the two actions alone. URLs made since October 2025 need both (Lambda
// Developer Guide, "Control access to Lambda function URLs"). For accounts that had URLs before, notices of AWS Health
// announced the same for 2026-11-01 (serverless/serverless#13147); no report says whether it is enforced. The step also
// tells what else is odd about the function's policy.
func (r *run) lookAtNovember() {
	if r.resource.named == nil {
		return
	}
	step := Step{Name: stepNovember, Status: OK}
	step.Summary = "the function's policy grants both actions, or neither, to each principal that it names"
	statements := r.sets.statements[r.resource.named.Document]
	found := lint(r.name(), *r.resource.named, statements, nil, Entry{}.at)
	if len(found.alone) > 0 {
		step.Status, step.Fix = Problem, found.fix
		step.Summary = "the function's policy grants one of the two actions alone" + noUse
	}
	if step.Details = found.alone; len(found.alone) > 0 {
		step.Details = append(step.Details, "note: "+bothNeeded)
	}
	step.Details = append(step.Details, found.others...)
	r.add(step)
}

// noUse is what one of the two actions is worth that is granted alone.
const noUse = ": it is of use only to those whose own policies give them the other"

// bothNeeded is what is known of the rule.
const bothNeeded = "new URLs need both actions (documented); for URLs of before October 2025 AWS Health notices " +
	"announced it for 2026-11-01, and whether it is enforced is not known"

// linted is what is odd about a function's policy.
type linted struct {
	alone  []string // statements that grant one of the two actions alone
	fix    []string // commands that grant the other
	wrong  []string // statements about function URLs that cannot do what they are written for
	others []string // notes on all but alone
}

// lint finds what is odd about a function's policy. What it grants to the callers is left out: their own policies are
// known. at is what stands before a statement that has a place in a file.
func lint(
	function string, named policy.Named, statements []setup.Statement, callers *Callers, at func(policy.Ref) string,
) (found linted) {
	for _, finding := range urllint.Lint(named) {
		s := statements[finding.Statement]
		text := at(finding.Ref) + explain.Statement(finding.Ref) + ": " + finding.Message
		if finding.Severity == urllint.SeveritySuggestion {
			continue
		}
		if finding.Rule != urllint.RuleMissingAction {
			found.others = append(found.others, "note: "+text)
			if finding.Severity == urllint.SeverityError && aboutURLs(s) {
				found.wrong = append(found.wrong, "note: "+text+"; "+finding.Fix)
			}
			continue
		}
		others := slices.DeleteFunc(slices.Clone(s.Principals), func(p string) bool {
			return callers.has(strings.TrimPrefix(p, "AWS:"))
		})
		if len(s.Principals) > 0 && len(others) == 0 {
			continue
		}
		found.alone = append(found.alone, text)
		for _, principal := range others {
			found.fix = append(found.fix, grantsTo(function, s, principal)...)
		}
	}
	return found
}

// grantsTo are the commands that grant both actions to a principal of the statement, for what the statement is limited to.
func grantsTo(function string, s setup.Statement, principal string) (commands []string) {
	kind, name, named := strings.Cut(principal, ":")
	to := lambda.PermissionPrincipal{AWS: name}
	switch {
	case !named || name == "*":
		to = lambda.PermissionPrincipal{Anyone: true}
	case kind == "Service":
		to = lambda.PermissionPrincipal{Service: name}
	case kind != "AWS":
		return nil
	}
	sources := s.Sources()
	if len(sources) == 0 {
		sources = []string{""}
	}
	for _, source := range sources {
		commands = append(commands, explain.GrantCommand(function, to, source))
	}
	return commands
}

// aboutURLs reports whether a statement is about calls of function URLs.
func aboutURLs(s setup.Statement) bool {
	return !s.NotAction && s.CoversAction(lambda.ActionInvokeURL) ||
		slices.ContainsFunc(s.Document.ContextKeys(), func(key string) bool {
			return strings.EqualFold(key, "lambda:FunctionUrlAuthType") ||
				strings.EqualFold(key, "lambda:InvokedViaFunctionUrl")
		})
}

// grantTo is the command that grants both actions to a user or role.
func grantTo(function, arn string) string {
	return explain.GrantCommand(function, lambda.PermissionPrincipal{AWS: arn}, "")
}

// cloudFront is the service that signs with an origin access control.
const cloudFront = "cloudfront.amazonaws.com"

// lookAtCloudFront looks at what a distribution in front of the URL would meet.
func (r *run) lookAtCloudFront() {
	granted := r.cloudFrontGrants()
	if len(granted) == 0 {
		return
	}
	step := Step{Name: stepCloudFront, Status: OK, Summary: fmt.Sprintf("the function's policy lets CloudFront in, for %s", count(len(granted), "distribution"))}
	for _, source := range slices.Sorted(maps.Keys(granted)) {
		shown := source
		if source == "" {
			shown = "every distribution of every account"
			step.Details = append(step.Details, "note: without AWS:SourceArn "+shown+" may call")
		}
		for _, action := range setup.Actions {
			if slices.Contains(granted[source], action) {
				continue
			}
			step.Status, step.Summary = Problem, "CloudFront is granted one of the two actions alone"
			step.Details = append(step.Details, shown+" lacks "+action)
			if source != "" {
				step.Fix = append(step.Fix, explain.GrantCommand(r.name(), lambda.PermissionPrincipal{Service: cloudFront}, source))
			}
		}
	}
	if r.authType == lambda.AuthNone {
		step.Status, step.Summary = Problem, "the URL has auth type NONE, which everyone can go to past CloudFront"
		step.Fix = append(step.Fix, "furl url update "+r.name()+" --auth "+string(lambda.AuthIAM))
	}
	// CloudFront Developer Guide, "Restrict access to an AWS Lambda function URL origin".
	step.Details = append(step.Details, "note: through CloudFront, requests with a body (PUT, POST) have to bring its SHA-256 in x-amz-content-sha256: Lambda takes no unsigned payload")
	r.add(step)
}

// cloudFrontGrants are the actions that the policy grants CloudFront, by the distribution that it limits them to.
func (r *run) cloudFrontGrants() map[string][]string {
	if r.resource.named == nil {
		return nil
	}
	granted := map[string][]string{}
	for _, s := range r.sets.statements[r.resource.named.Document] {
		if s.Denies() || s.NotPrincipal || !slices.Contains(s.Principals, "Service:"+cloudFront) {
			continue
		}
		sources := s.Sources()
		if len(sources) == 0 {
			sources = []string{""}
		}
		for _, action := range setup.Actions {
			if !s.CoversAction(action) {
				continue
			}
			for _, source := range sources {
				granted[source] = append(granted[source], action)
			}
		}
	}
	return granted
}

// signed are the headers that a browser needs to be allowed to send so that its script can sign.
var signed = []string{"authorization", "x-amz-date", "x-amz-security-token"}

// lookAtCORS looks for what pages in a browser would stumble over.
func (r *run) lookAtCORS() {
	if r.url == nil {
		return
	}
	step := Step{Name: stepCORS, Status: OK}
	problem := func(format string, arguments ...any) {
		step.Status = Problem
		step.Details = append(step.Details, fmt.Sprintf(format, arguments...))
	}
	cors := r.url.CORS
	if cors == nil {
		step.Summary = "no CORS configuration: pages of other origins cannot call"
		if r.authType == lambda.AuthIAM {
			step.Details = append(step.Details, "note: a preflight request is refused like every unsigned one; only a CORS configuration of the URL answers it")
		}
		r.add(step)
		return
	}
	step.Summary = "pages of " + strings.Join(cors.AllowOrigins, ", ") + " may call"
	if len(cors.AllowOrigins) == 0 {
		problem("no origin is allowed: the configuration lets no page call")
	}
	if !lists(cors.AllowMethods, r.Method) {
		problem("%s is not among the allowed methods: %s", r.Method, strings.Join(cors.AllowMethods, ", "))
	}
	for _, header := range signed {
		if r.authType == lambda.AuthIAM && !lists(cors.AllowHeaders, header) {
			problem("header %s is not allowed, which a page needs to send a signature", header)
		}
	}
	credentials := cors.AllowCredentials != nil && *cors.AllowCredentials
	if credentials && slices.Contains(cors.AllowOrigins, "*") {
		problem("credentials together with origin * let every page on the internet call with its visitor's cookies")
	}
	if step.Status == Problem {
		step.Summary = "pages in a browser would not get through"
	}
	step.Details = append(step.Details, "note: if the function sends CORS headers too, browsers see them twice and refuse the answer; --call looks")
	r.add(step)
}

// lists reports whether a list of a CORS configuration has the name, or * for all.
func lists(names []string, name string) bool {
	return slices.ContainsFunc(names, func(listed string) bool { return listed == "*" || strings.EqualFold(listed, name) })
}
