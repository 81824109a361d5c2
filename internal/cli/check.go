package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/setup/check"
	"github.com/furl-dev/furl/policy"
)

// checkFlags are the flags of check.
type checkFlags struct {
	place
	question      check.Question
	context       []string
	callerProfile string
	all           bool
	offline       string
	asJSON        bool
}

func (p *program) check() *cobra.Command {
	var flags checkFlags
	command := &cobra.Command{
		Use:   "check FUNCTION|URL",
		Short: "Would a call of a function's URL be allowed, and if not, what is missing",
		Long: `Would a call of a function's URL be allowed, and if not, what is missing? The command reads the URL, the
policies on both sides and the credentials, and checks each step that a function URL checks. A step is ok or a problem,
or the command could not look, and says which permission it lacks. The last lines are the commands that repair what is
wrong. The command calls the function only with --call.

The caller is the owner of the credentials, or of those of --caller-profile. --as names another caller, in the same way
as furl grant.

--all checks all functions of the region. --offline checks what aws lambda get-policy and get-function-url-config wrote
into the .json files of a directory. Both find the grants that are void since November 2026, when AWS began to require
lambda:InvokeFunction too. They read the policies of functions, not those of roles and users.

` + exitStatus(status{
			exitOK:     "the call would be allowed",
			exitFailed: "the command could not find out, or there is nothing to call",
			exitDenied: "the call would be refused",
		}, exitUsage, exitConnect, exitCredentials, exitInterrupted),
		Example: "  furl check my-function-with-url --as function:my-calling-function",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return p.runCheck(command, flags, args)
		},
	}
	flags.aws(p, command)
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
	f.BoolVar(&flags.all, "all", false, "check all functions of the region")
	f.StringVar(&flags.offline, "offline", "", "check what was saved in this directory")
	f.BoolVar(&flags.asJSON, "json", false, "print JSON")
	return command
}

func (p *program) runCheck(command *cobra.Command, flags checkFlags, args []string) error {
	modes := 0
	for _, given := range []bool{len(args) == 1, flags.all, flags.offline != ""} {
		if given {
			modes++
		}
	}
	switch {
	case modes != 1:
		return usage(command, errors.New("name a function or URL, or say --all or --offline DIRECTORY, and only one of them"))
	case flags.offline != "":
		return p.checkOffline(flags)
	case flags.all:
		return p.checkAll(command, flags)
	default:
		return p.checkOne(command, flags, args[0])
	}
}

func (p *program) checkOne(command *cobra.Command, flags checkFlags, target string) error {
	var err error
	if flags.question.Context, err = contextOf(flags.context); err != nil {
		return usage(command, err)
	}
	flags.question.Target = target
	client, err := flags.client(command.Context(), target)
	if err != nil {
		return err
	}
	checker := &check.Checker{Owner: check.NewSide(client)}
	if flags.callerProfile != "" {
		caller, err := flags.of(flags.callerProfile, client.Region()).client(command.Context(), "")
		if err != nil {
			return err
		}
		checker.Caller = check.NewSide(caller)
	}
	report, err := checker.Run(command.Context(), flags.question)
	if err != nil {
		return err
	}
	return p.report(report, report.Verdict, flags.asJSON)
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

func (p *program) checkAll(command *cobra.Command, flags checkFlags) error {
	client, err := flags.client(command.Context(), "")
	if err != nil {
		return err
	}
	audit, err := (&check.Checker{Owner: check.NewSide(client)}).All(command.Context())
	if err != nil {
		return err
	}
	if len(audit.Functions) == 0 {
		p.note("no function in %s has a URL", client.Region())
	}
	return p.report(audit, audit.Verdict, flags.asJSON)
}

func (p *program) checkOffline(flags checkFlags) error {
	root, err := os.OpenRoot(flags.offline)
	if err != nil {
		return err
	}
	defer root.Close()
	audit, err := check.Offline(root.FS())
	if err != nil {
		return fmt.Errorf("%s: %w", flags.offline, err)
	}
	return p.report(audit, audit.Verdict, flags.asJSON)
}

// errTold is the error of a command whose answer says everything.
var errTold = errors.New("")

// report prints a report, and turns its verdict into an error.
func (p *program) report(found io.WriterTo, verdict check.Verdict, asJSON bool) error {
	if asJSON {
		if err := p.printJSON(found); err != nil {
			return err
		}
	} else if _, err := found.WriteTo(p.streams.Out); err != nil {
		return err
	}
	switch verdict {
	case check.Allowed:
		return nil
	case check.Refused:
		return fail(verdictRefused, errTold)
	default:
		return errTold
	}
}
