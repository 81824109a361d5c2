package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/declared"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/tint"
)

// grantFlags are the flags of grant and revoke.
type grantFlags struct {
	place
	declaration   declaration
	template      string
	principal     string
	flag          string // the principal's
	qualifier     string
	via           string
	sourceARN     string
	callerProfile string
	dryRun        bool
	print         string
	wholePolicy   bool
	whole         bool
	asJSON        bool
	functions     []string
}

// principalHelp is the part of both help texts that says how to name a principal.
const principalHelp = `PRINCIPAL is
  an ARN of a role, user or account, or of a role's session, which stands for its role
  an account id             everyone in that account, as far as the account allows it
  NAME, user/NAME           a role or user of the function's account, or of the account of --caller-profile
  function:NAME             the role that a function runs as
  cloudfront.amazonaws.com  with --source-arn, for a distribution with origin access control
  *                         everyone, for a URL of auth type NONE`

func (g *grantFlags) register(p *program, command *cobra.Command, flag, use string) {
	g.aws(p, command)
	g.flag = flag
	f := command.Flags()
	f.StringVar(&g.principal, flag, "", use)
	f.StringVar(&g.qualifier, "qualifier", "", "alias that the URL belongs to (default the function itself)")
	f.StringVar(&g.sourceARN, "source-arn", "", "ARN of the CloudFront distribution that calls")
	f.StringVar(&g.callerProfile, "caller-profile", "",
		"profile of the caller's account, to change its side of a call across accounts too")
	f.StringArrayVar(&g.functions, "function", nil, "function, in place of the argument; may be repeated")
	f.BoolVar(&g.dryRun, "dry-run", false, "show what would change, as a diff, and change nothing")
	f.BoolVar(&g.asJSON, "json", false, "print JSON")
}

func (p *program) grant() *cobra.Command {
	var flags grantFlags
	command := &cobra.Command{
		Use:   "grant FUNCTION --to PRINCIPAL",
		Short: "Let a principal call a function's URL",
		Long: `Let a principal call a function's URL: both lambda:InvokeFunctionUrl and lambda:InvokeFunction, which a
call of a new URL needs since October 2025. The command adds only what is missing. It may be repeated, and it completes
a grant that has only the older action.

` + principalHelp + `

Across accounts both sides must allow the call. The command prints what to do on the caller's side, or does it with
--caller-profile.

--print writes what is missing as code: a fragment to append to a file, in which it can stand with those of other
functions. --whole writes the whole grant, as a file that stands by itself.

FUNCTION - reads names from standard input, one on each line, without blank lines and what follows a #. For these, and
for --function, the last line counts the functions; the command goes on after one that failed, and ends with the status
of the first failure.

With --template, --print sam, cloudformation or cdk writes what a project lacks to let the principal call, with
references to the resources that it declares. The file is a template of SAM or CloudFormation, or a directory as for
furl check --offline. FUNCTION and PRINCIPAL may then be logical ids, too. If only an alias of the function has a URL,
the grant is on the alias. No account is asked and nothing is changed.

` + awsStatus(status{
			exitOK: "granted, or shown with --dry-run or --print", exitFailed: "failed, after saying what was done",
		}),
		Example: "  furl grant my-function-with-url --to function:my-calling-function\n" +
			"  furl grant --function orders --function books --to my-role",
		Args: oneFunction,
		RunE: func(command *cobra.Command, args []string) error {
			if flags.template != "" {
				return p.printDeclared(command, flags, args)
			}
			if flags.declaration.given() != "" {
				return usage(command, errors.New("--param, --stack and --account are for --template"))
			}
			return p.runGrant(command, flags, args, (*setup.Granter).Grant)
		},
	}
	flags.register(p, command, "to", "principal to let in")
	command.Flags().StringVar(&flags.via, "via", "",
		"within one account: resource to change the function's policy (default), identity to change the caller's")
	command.Flags().StringVar(&flags.print, "print", "",
		"print code and change nothing: cli, sam, cloudformation, terraform or cdk")
	command.Flags().StringVar(&flags.template, "template", "",
		"with --print sam, cloudformation or cdk: write what this template, or the project of this directory, lacks")
	flags.declaration.register(p, command)
	command.Flags().BoolVar(&flags.whole, "whole", false,
		"with --print, write all of the grant, also what is there already, as a file that stands by itself")
	command.Flags().BoolVar(&flags.wholePolicy, "whole-policy", false,
		"with --print, write the function's policy as one resource; the default where it has more than permissions")
	return command
}

func (p *program) revoke() *cobra.Command {
	var flags grantFlags
	command := &cobra.Command{
		Use:   "revoke FUNCTION --from PRINCIPAL",
		Short: "Take back what furl grant gave a principal",
		Long: `Take back what furl grant gave a principal: the statements of the function's policy, the caller's own
policy, and statements from elsewhere that give the same principal the same and nothing more. A statement that gives
more than that stays, and the command names it.

FUNCTION - reads names from standard input, one on each line; --function names one more. The last line then counts the
functions.

` + principalHelp + `

` + awsStatus(status{
			exitOK: "revoked, or shown with --dry-run or --print", exitFailed: "failed, after saying what was done",
		}),
		Example: "  furl revoke my-function-with-url --from function:my-calling-function",
		Args:    oneFunction,
		RunE: func(command *cobra.Command, args []string) error {
			if flags.print != "" && flags.print != "cli" {
				return usage(command, errors.New(
					"code cannot express a removal: remove the resources that furl grant --print wrote; only cli can be printed"))
			}
			return p.runGrant(command, flags, args, (*setup.Granter).Revoke)
		},
	}
	flags.register(p, command, "from", "principal to take the permissions from")
	command.Flags().StringVar(&flags.via, "via", "",
		"look only at the function's policy (resource) or the caller's own (identity)")
	command.Flags().StringVar(&flags.print, "print", "", "print commands and change nothing: cli")
	return command
}

// planner is a method of setup.Granter.
type planner = func(*setup.Granter, context.Context, setup.Request) (*setup.Plan, error)

// runGrant makes plans and carries them out, or shows them.
func (p *program) runGrant(command *cobra.Command, flags grantFlags, args []string, make planner) error {
	if err := flags.validate(command); err != nil {
		return err
	}
	functions, many, err := p.functions(command, flags.functions, args)
	switch {
	case err != nil:
		return err
	case many:
		return p.grantMany(command, flags, functions, make)
	}
	granter, err := flags.granter(command, functions[0])
	if err != nil {
		return err
	}
	plan, err := make(granter, command.Context(), flags.request(functions[0]))
	if err != nil {
		return err
	}
	switch {
	case flags.print != "":
		return p.printCode(flags, plan)
	case flags.dryRun && flags.asJSON:
		return p.printPlanJSON(plan, 0, plan.Diff())
	case flags.dryRun:
		return p.printDryRun(plan)
	default:
		return p.applyPlan(command, flags, plan)
	}
}

func (g *grantFlags) request(function string) setup.Request {
	return setup.Request{
		Function: function, Qualifier: g.qualifier, Principal: g.principal, Via: setup.Via(g.via), SourceARN: g.sourceARN,
		Whole: g.wholePolicy,
	}
}

// printDeclared prints what a project lacks.
func (p *program) printDeclared(command *cobra.Command, flags grantFlags, args []string) error {
	if err := flags.validate(command); err != nil {
		return err
	}
	functions, _, err := p.functions(command, flags.functions, args)
	if err != nil {
		return err
	}
	form := snippet.Form(flags.print)
	switch {
	case !slices.Contains([]snippet.Form{snippet.SAM, snippet.CloudFormation, snippet.CDK}, form):
		return usage(command, errors.New("--template is for --print sam, cloudformation or cdk"))
	case flags.wholePolicy || flags.whole || flags.callerProfile != "":
		return usage(command, errors.New("--template prints single resources of the function's account: "+
			"leave --whole, --whole-policy and --caller-profile out"))
	}
	text, _, err := p.readDeclared(flags.template)
	if err != nil {
		return err
	}
	world, err := flags.declaration.open(flags.template, flags.options.Region, text)
	if err != nil {
		return err
	}
	var grants declared.Grants
	for _, function := range functions {
		grant, err := world.Grant(command.Context(), flags.request(function))
		if err != nil {
			return err
		}
		if slices.ContainsFunc(grants, func(other *declared.Grant) bool { return other.Plan.Function == grant.Plan.Function }) {
			continue
		}
		p.noteAll(grant.Plan.Notes)
		for _, change := range grant.Plan.Elsewhere {
			p.note("to do in account %s: %s", change.Account, change.Command())
		}
		if !grant.IsNothing() {
			grants = append(grants, grant)
			continue
		}
		p.note("nothing to add")
		for _, kept := range grant.Plan.Kept {
			p.note("unchanged: %s", kept)
		}
	}
	return p.printGrants(grants, form)
}

func (p *program) printGrants(grants declared.Grants, form snippet.Form) error {
	_, err := fmt.Fprint(p.streams.Out, grants.As(form))
	return err
}

func (g *grantFlags) validate(command *cobra.Command) error {
	if g.principal == "" {
		const text = "--%s is missing: name a principal, for example --%[1]s function:my-calling-function"
		return usage(command, fmt.Errorf(text, g.flag))
	}
	forms := append([]snippet.Form{snippet.CLI}, snippet.Wholes()...)
	if g.print != "" && !slices.Contains(forms, snippet.Form(g.print)) {
		return usage(command, fmt.Errorf("--print %q is none of %v", g.print, forms))
	}
	if g.whole && g.print == "" {
		return usage(command, errors.New("--whole is for --print: it prints all of the grant, also what is there already"))
	}
	if g.wholePolicy && (g.print == "" || g.print == string(snippet.CLI) || g.via == string(setup.ViaIdentity)) {
		return usage(command, errors.New("--whole-policy is about code for the function's policy: give --print sam, "+
			"cloudformation, terraform or cdk, and no --via identity"))
	}
	if g.print != "" && (g.dryRun || g.asJSON) {
		return usage(command, errors.New("--print, --dry-run and --json print different things: choose one"))
	}
	return nil
}

// granter opens the accounts of the function and of the caller.
func (g *grantFlags) granter(command *cobra.Command, function string) (*setup.Granter, error) {
	owner, _, err := g.owner(command.Context(), function)
	if err != nil {
		return nil, err
	}
	granter := &setup.Granter{Owner: owner}
	if g.callerProfile != "" {
		caller, _, err := g.of(g.callerProfile, owner.Region).owner(command.Context(), "")
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", g.callerProfile, err)
		}
		granter.Caller = &caller
	}
	return granter, nil
}

// printCode prints plans as code.
func (p *program) printCode(flags grantFlags, plans ...*setup.Plan) error {
	file := snippet.File{Form: snippet.Form(flags.print), Head: flags.whole}
	return p.printFile(file, flags.whole, plans...)
}

// printFile prints plans as code, which file is to have: whole with what is there already.
func (p *program) printFile(file snippet.File, whole bool, plans ...*setup.Plan) error {
	for _, plan := range plans {
		p.noteAll(plan.Notes)
		if file.Form == snippet.CLI && !whole { // which can also remove things
			if len(plans) > 1 {
				fmt.Fprintf(p.streams.Out, "# %s\n", plan.Function)
			}
			if _, err := fmt.Fprint(p.streams.Out, plan.Script(file.Profiles)); err != nil {
				return err
			}
			continue
		}
		grant := plan.Missing()
		if whole {
			grant = plan.Wanted
		}
		for _, change := range plan.Changes {
			if change.Kind == setup.RemoveStatement {
				p.note("note: code cannot express a removal: %s", change.Command())
			}
		}
		file.Add(grant.Title(), grant.Parts()...)
	}
	if file.Form == snippet.CLI && !whole {
		return nil
	}
	if file.IsEmpty() {
		p.note("nothing to add; --whole prints what is there, too")
		return nil
	}
	text, err := file.Text()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.streams.Out, text)
	return err
}

func (p *program) printDryRun(plan *setup.Plan) error {
	p.noteAll(plan.Notes)
	if len(plan.Changes) == 0 {
		p.note("nothing to change")
	}
	if _, err := tint.Diff(plan.Diff(), "").WriteTo(p.streams.Out); err != nil {
		return err
	}
	for _, change := range plan.Elsewhere {
		p.note("to do in account %s: %s", change.Account, change.Command())
	}
	return nil
}

// applyPlan makes the changes and prints them. After one that fails it says what was done and what is left.
func (p *program) applyPlan(command *cobra.Command, flags grantFlags, plan *setup.Plan) error {
	done := 0
	err := plan.Apply(command.Context(), func(setup.Change) { done++ })
	if flags.asJSON {
		if err := p.printPlanJSON(plan, done, ""); err != nil {
			return err
		}
	} else {
		p.tellPlan(plan, done, err)
	}
	p.notePartial(err)
	return err
}

// tellPlan says what was done of a plan and what is as it was.
func (p *program) tellPlan(plan *setup.Plan, done int, err error) {
	row := func(what, text string) {
		var line tint.Text
		line.Pad(rowStyle(what), what, len("principal"))
		line.Addf("  %s\n", text)
		line.WriteTo(p.streams.Out) //nolint:errcheck // as any other line
	}
	row("function", plan.Function.String())
	row("principal", plan.Principal.String())
	for _, change := range plan.Changes[:done] {
		row(past[change.Kind], change.String())
	}
	for _, kept := range plan.Kept {
		row("unchanged", kept)
	}
	for _, change := range plan.Elsewhere {
		row("to do", "in account "+change.Account+": "+change.Command())
	}
	if err == nil && len(plan.Changes) == 0 && len(plan.Elsewhere) == 0 {
		p.note("nothing to change")
	}
	p.noteAll(plan.Notes)
}

// rowStyle is the style of the word that begins a row.
func rowStyle(what string) tint.Style {
	switch what {
	case past[setup.AddStatement]:
		return tint.Good
	case past[setup.RemoveStatement]:
		return tint.Bad
	case past[setup.ReplacePolicy], "to do":
		return tint.Doubt
	}
	return tint.Plain
}

// past is the word for a change that was made.
var past = map[setup.ChangeKind]string{
	setup.AddStatement: "added", setup.PutPolicy: "added", setup.ReplacePolicy: "changed", setup.RemoveStatement: "removed", setup.DeletePolicy: "removed",
}

// notePartial says how far it got, how to go on and how to go back.
func (p *program) notePartial(err error) {
	partial, ok := errors.AsType[*setup.PartialError](err)
	if !ok {
		return
	}
	if len(partial.Done) == 0 {
		p.note("nothing was changed")
		return
	}
	for _, change := range partial.Done {
		p.note("done: %s %s", past[change.Kind], change)
	}
	p.note("to finish, the same command again, or:\n  %s", strings.Join(partial.Finish(), "\n  "))
	p.note("to undo:\n  %s", strings.Join(partial.Undo(), "\n  "))
}

func (p *program) noteAll(notes []string) {
	for _, note := range notes {
		p.note("note: %s", note)
	}
}

// shownPlan is a plan in JSON, with what was done.
type shownPlan struct {
	Function  string        `json:"function"`
	Principal string        `json:"principal"`
	Given     string        `json:"given,omitempty"`
	AuthType  string        `json:"authType"`
	Changes   []shownChange `json:"changes"`
	Elsewhere []shownChange `json:"elsewhere,omitempty"`
	Kept      []string      `json:"kept,omitempty"`
	Notes     []string      `json:"notes,omitempty"`
	Diff      string        `json:"diff,omitempty"`
	Error     string        `json:"error,omitempty"` // why it was not carried out, of one of many
}

type shownChange struct {
	Kind    setup.ChangeKind `json:"kind"`
	Account string           `json:"account"`
	Place   string           `json:"place"`
	What    string           `json:"what"`
	Command string           `json:"command"`
	Undo    string           `json:"undo"`
	Done    bool             `json:"done"`
}

func (p *program) printPlanJSON(plan *setup.Plan, done int, diff string) error {
	return p.printJSON(showPlan(plan, done, diff))
}

func showPlan(plan *setup.Plan, done int, diff string) shownPlan {
	return shownPlan{
		Function: plan.Function.String(), Principal: plan.Principal.ARN, Given: plan.Principal.Given,
		AuthType: string(plan.AuthType), Changes: showChanges(plan.Changes, done),
		Elsewhere: showChanges(plan.Elsewhere, 0), Kept: plan.Kept, Notes: plan.Notes, Diff: diff,
	}
}

func showChanges(changes []setup.Change, done int) []shownChange {
	shown := []shownChange{}
	for i, change := range changes {
		shown = append(shown, shownChange{
			Kind: change.Kind, Account: change.Account, Place: change.Place(), What: change.String(),
			Command: change.Command(), Undo: change.Undo(), Done: i < done,
		})
	}
	return shown
}
