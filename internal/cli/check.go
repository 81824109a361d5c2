package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/report"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// checkFlags are the flags of check.
type checkFlags struct {
	place
	declaration   declaration
	question      check.Question
	context       []string
	callerProfile string
	all           bool
	offline       string
	callers       string
	noPolicy      []string
	session       []string

	regions, profiles *list
	quiet             bool
	fix               string
	whole             bool
	format            report.Format
}

// live is the value of --callers without a file.
const live = "ask"

func (p *program) check() *cobra.Command {
	var flags checkFlags
	command := &cobra.Command{
		Use:   "check FUNCTION|URL...",
		Short: "Would a call of a function's URL be allowed, and if not, what is missing",
		Long: `Would a call of a function's URL be allowed, and if not, what is missing? The command reads the URL, the
policies on both sides and the credentials, and checks each step that a function URL checks. A step is ok or a problem,
or the command could not look, and says which permission it lacks. The last lines are the commands that repair what is
wrong. The command calls the function only with --call.

The caller is the owner of the credentials, or of those of --caller-profile. --as names another caller, in the same way
as furl grant. A service, such as cloudfront.amazonaws.com, calls for what the function's policy names in aws:SourceArn
and aws:SourceAccount.

--all checks all functions of the region, or of several: --region and --profile may be repeated, and --region all is
every region that is enabled for the account. The last line counts them: 40 function URLs: 18 ok, 22 problems. Several
functions are checked and counted in the same way. --format writes what CI systems read (docs/ci.md).

--offline checks what aws lambda get-policy and get-function-url-config wrote into the .json files of a directory, or
who may call as a project declares it: a template of SAM or CloudFormation, .aws-sam/build, a cdk.out, a Serverless
project, or a directory with one. Each answer then has the place in the file, and principals of other accounts depend on
their own side.

--all and --offline find grants of one of the two actions alone: function URLs need lambda:InvokeFunctionUrl and
lambda:InvokeFunction (documented for new URLs; for those of before October 2025 AWS Health notices announced it for
2026-11-01, and whether it is enforced is not known). A function whose policy could not be read is never ok. That it has
none is told by the error that get-policy wrote, in a file with the function's name, or by --no-policy.

A function whose policy lets nobody call depends on the policies of users and roles. --callers reads them
(iam:GetAccountAuthorizationDetails); --callers=FILE, or a file in the directory of --offline, is a copy of what
aws iam get-account-authorization-details printed, which no longer has to be asked for.

--fix prints the grants that would mend all of them as one file, and nothing else but notes: what is missing, or with
--whole all of each grant. The exit status is still that of the check.

` + exitStatus(status{
			exitOK: "the call would be allowed; of several: all are ok",
			exitFailed: "the command could not find out, or there is nothing to call; of several: none has a problem, " +
				"but not all are ok",
			exitDenied: "the call would be refused; of several: there are problems, whatever could not be looked at",
		}, exitUsage, exitConnect, exitCredentials, exitInterrupted),
		Example: "  furl check my-function-with-url --as function:my-calling-function",
		Args:    cobra.ArbitraryArgs,
	}
	flags.aws(p, command)
	flags.profiles = flags.several(command, "profile", &flags.options.Profile,
		"profile of the AWS configuration (default $AWS_PROFILE); may be repeated")
	flags.regions = flags.several(command, "region", &flags.options.Region,
		"region, or all (default that of the ARN or URL, $AWS_REGION, or that of the profile); may be repeated")
	settleFormat := formatFlag(command, &flags.format, "print JSON: --format json")
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := settleFormat(); err != nil {
			return err
		}
		p.quiet = flags.quiet
		return looked(p.runCheck(command, flags, args))
	}
	flags.declaration.register(p, command)
	flags.options.AppID = furlproto.Probe
	f := command.Flags()
	f.StringVar(&flags.question.As, "as", "", "caller to check (default the owner of the credentials)")
	f.StringVar(&flags.question.Qualifier, "qualifier", "", "alias that the URL belongs to (default the function itself)")
	f.StringVarP(&flags.question.Method, "method", "X", "GET", "method of the call")
	f.StringVar(&flags.question.Path, "path", "/", "path of the call, with query")
	f.BoolVar(&flags.question.Call, "call", false, "call the URL too; with --as, by assuming that role")
	f.StringArrayVar(&flags.context, "context", nil,
		"KEY=VALUE of a condition key that only AWS knows, such as aws:SourceIp; may be repeated")
	f.StringVar(&flags.callerProfile, "caller-profile", "",
		"profile of the caller's account (default that of the function)")
	f.BoolVar(&flags.all, "all", false, "check all functions of the regions")
	f.StringVar(&flags.offline, "offline", "", "check what was saved in this directory, or what this project or template declares")
	f.StringVar(&flags.callers, "callers", "",
		"with --all and --offline: count the policies of users and roles, asked for or saved in the file")
	f.Lookup("callers").NoOptDefVal = live
	f.StringArrayVar(&flags.noPolicy, "no-policy", nil, "with --offline: function that has no policy; may be repeated")
	f.StringArrayVar(&flags.session, "session-policy", nil,
		"file with a policy that the caller's session was made with; may be repeated")
	f.StringVar(&flags.fix, "fix", "",
		"with --all and --offline: print only what would mend them, as `FORM`: cli, sam, cloudformation, terraform or cdk")
	f.BoolVar(&flags.whole, "whole", false, "with --fix: print all of each grant, also what is there already")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print what is wrong only: problems, and what could not be looked at")
	return command
}

func (p *program) runCheck(command *cobra.Command, flags checkFlags, args []string) error {
	many := flags.all || flags.offline != ""
	if flags.callers == live && many && len(args) == 1 { // --callers FILE
		if args[0] == "" {
			return usage(command, empty("callers"))
		}
		flags.callers, args = args[0], nil
	}
	modes := 0
	for _, given := range []bool{len(args) > 0, flags.all, flags.offline != ""} {
		if given {
			modes++
		}
	}
	switch {
	case modes != 1:
		return usage(command, errors.New("name a function or URL, or say --all or --offline DIRECTORY, and only one of them"))
	case many && (flags.given("as") || flags.question.Call):
		return usage(command, errors.New("--as and --call are about one caller: name the functions; "+
			"--callers counts all users and roles"))
	case flags.callers != "" && !many:
		return usage(command, errors.New("--callers is for --all and --offline: --as names one caller"))
	case flags.offline == "" && (flags.declaration.given() != ""):
		return usage(command, errors.New("--param, --stack and --account are for --offline with a project or a template"))
	case flags.fix != "" && !many:
		return usage(command, errors.New("--fix is for --all and --offline: furl grant FUNCTION --to PRINCIPAL --print "+
			"FORM writes one grant"))
	case flags.fix != "" && !slices.Contains(snippet.Files(), snippet.Form(flags.fix)):
		return usage(command, fmt.Errorf("--fix %q is none of %v", flags.fix, snippet.Files()))
	case flags.fix != "" && flags.format != report.Text:
		return usage(command, errors.New("--fix and --format print different things: choose one"))
	case flags.whole && flags.fix == "":
		return usage(command, errors.New("--whole is for --fix"))
	case len(flags.noPolicy) > 0 && flags.offline == "":
		return usage(command, errors.New("--no-policy is for --offline"))
	case len(flags.session) > 0 && many:
		return usage(command, errors.New("--session-policy is for one caller: name a function or URL"))
	case flags.offline != "" && flags.isFleet():
		return usage(command, errors.New("several regions and profiles are for --all and functions: "+
			"--offline asks for nothing"))
	case flags.offline != "":
		return p.checkOffline(command, flags)
	case flags.all:
		return p.checkAll(command, flags)
	}
	var err error
	if flags.question, err = p.question(command, flags); err != nil {
		return err
	}
	if len(args) > 1 || flags.isFleet() {
		return p.checkMany(command, flags, args)
	}
	return p.checkOne(command, flags, args[0])
}

// question is what the flags ask about each function.
func (p *program) question(command *cobra.Command, flags checkFlags) (question check.Question, err error) {
	question = flags.question
	if question.Context, err = contextOf(flags.context); err != nil {
		return question, usage(command, err)
	}
	for _, path := range flags.session {
		text, err := p.readPolicy(path)
		if err != nil {
			return question, err
		}
		question.SessionPolicies = append(question.SessionPolicies, setup.PolicyText{Name: path, Text: string(text)})
	}
	return question, nil
}

func (p *program) checkOne(command *cobra.Command, flags checkFlags, target string) error {
	flags.question.Target = target
	client, err := flags.client(command.Context(), target)
	if err != nil {
		return err
	}
	trusted, err := furlproto.Trust(flags.trust)
	if err != nil {
		return err
	}
	checker := &check.Checker{
		Owner: check.NewSide(client), Network: check.Machine{Trusted: trusted}, Flags: flags.typed(), CallerProfile: flags.callerProfile,
	}
	if flags.callerProfile != "" {
		caller, err := flags.of(flags.callerProfile, client.Region()).client(command.Context(), "")
		if err != nil {
			return err
		}
		checker.Caller = check.NewSide(caller)
	}
	answer, err := checker.Run(command.Context(), flags.question)
	if err != nil {
		return err
	}
	err = p.printReport(check.Asked{Checker: checker, Target: target}, answer, flags)
	if function, parseErr := arn.ParseFunctionARN(answer.Function); parseErr == nil &&
		answer.Verdict == check.Unusable && answer.URL == "" && len(answer.Fix) == 0 {
		return p.missing(command.Context(), err, function.Unqualified().String(), target)
	}
	return err
}

// contextOf reads KEY=VALUE pairs. A key given more than once has several values.
func contextOf(pairs []string) (policy.Values, error) {
	values := policy.Values{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || !strings.Contains(key, ":") {
			return nil, fmt.Errorf("--context %q is not KEY=VALUE with a key such as aws:SourceIp", pair)
		}
		values[key] = append(values[key], value)
	}
	return values, nil
}

// callers asks for the callers, or reads them from a file; nil if they are not to be counted.
func (p *program) callers(command *cobra.Command, flags checkFlags) (*check.Callers, error) {
	switch flags.callers {
	case "":
		return nil, nil
	case live:
		client, err := flags.client(command.Context(), "")
		if err != nil {
			return nil, err
		}
		return (&check.Checker{Owner: check.NewSide(client)}).Callers(command.Context())
	}
	in, err := p.open(flags.callers)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	callers := &check.Callers{}
	if err == nil {
		err = callers.Read(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not what aws iam get-account-authorization-details prints: %w",
			flags.callers, err)
	}
	return callers, nil
}

func (p *program) checkOffline(command *cobra.Command, flags checkFlags) error {
	switch text, is, err := p.readDeclared(flags.offline); {
	case err != nil:
		return err
	case is:
		return p.checkDeclared(command, flags, text)
	}
	for _, name := range []string{"param", "stack", "account"} {
		if command.Flags().Changed(name) {
			return usage(command, fmt.Errorf("--%s is for a project or a template, and %s is neither", name, flags.offline))
		}
	}
	root, err := os.OpenRoot(flags.offline)
	if err != nil {
		return err
	}
	defer root.Close()
	callers := &check.Callers{}
	if flags.callers != live { // else a copy in the directory will do
		if callers, err = p.callers(command, flags); err != nil {
			return err
		}
	}
	audit, err := check.Offline(command.Context(), root.FS(), flags.noPolicy, callers)
	if err == nil && flags.callers == live && callers.None() {
		if callers, err = p.callers(command, flags); err != nil {
			return err
		}
		audit, err = check.Offline(command.Context(), root.FS(), flags.noPolicy, callers)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", flags.offline, err)
	}
	return p.printAudit(audit, flags)
}

// checkDeclared checks what a project declares.
func (p *program) checkDeclared(command *cobra.Command, flags checkFlags, text []byte) error {
	if flags.callers != "" || len(flags.noPolicy) > 0 {
		return usage(command, errors.New("--callers and --no-policy are for saved answers: a project declares both sides"))
	}
	world, err := flags.declaration.open(flags.offline, flags.options.Region, text)
	if err != nil {
		return err
	}
	again := flags.declaration.given() + " --template " + snippet.Quote(flags.offline) + " --print cloudformation"
	if flags.options.Region != "" {
		again = " --region " + flags.options.Region + again
	}
	audit, err := world.Audit(command.Context(), strings.TrimSpace(again))
	if err != nil {
		return err
	}
	if len(audit.Functions) == 0 {
		p.note("%s declares no function URL", flags.offline)
	}
	if flags.fix != "" {
		return p.fixDeclared(command, flags, world, audit)
	}
	return p.printAudit(audit, flags)
}

// errTold is the error of a command whose answer says everything.
var errTold = errors.New("")

// printReport prints the report about one function, and turns its verdict into an error.
func (p *program) printReport(asked check.Asked, found check.Report, flags checkFlags) (err error) {
	switch {
	case flags.format == report.JSON:
		err = p.printJSON(found)
	case flags.format != report.Text:
		audit := asked.Audit(found)
		if flags.quiet {
			audit = audit.Quiet()
		}
		err = audit.Report(Built().Version).Write(p.streams.Out, flags.format)
	case !flags.quiet || found.Verdict != check.Allowed:
		_, err = found.WriteTo(p.streams.Out)
	}
	if err != nil {
		return err
	}
	return verdictError(found.Verdict)
}

// verdictError is a verdict as an error.
func verdictError(verdict check.Verdict) error {
	switch verdict {
	case check.Allowed:
		return nil
	case check.Refused:
		return fail(verdictRefused, errTold)
	default:
		return errTold
	}
}

// lookError is why a check could not look. It ends with the status for that even if AWS denied the look: that of a
// denial says that the call would be refused.
type lookError struct{ error }

func (e *lookError) Unwrap() error { return e.error }

// looked makes an error of a check that is no verdict a lookError.
func looked(err error) error {
	if told, ok := errors.AsType[*failure](err); err == nil || ok && told.kind == verdictRefused {
		return err
	}
	return &lookError{err}
}
